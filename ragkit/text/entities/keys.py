"""The identity of an entity: what its mentions have in common, however they are written."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache

from ragkit.text.entities.spans import SUFFIX, combining_marks
from ragkit.text.normalise import fold

# Unified by NFKC into an accent or letters of the word before, which they are not. (U+1FFD is U+00B4 once more.)
_SIGNS = str.maketrans({"\u00b4": "'", "\u1ffd": "'", "™": " ", "℠": " "})
_HTML = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});")
_POSSESSIVE = re.compile(r"['’‘`]\s*s[\W_]*\Z")
_ASCII_WORD = re.compile(rf"[a-z0-9]+{SUFFIX}")


def entity_key(surface: str) -> str:
    """The key of an entity: its folded words joined by single spaces; "" when there is no letter and no digit.

    Compatibility characters are unified (NFKC), case folded, HTML references such as "&amp;" resolved, a possessive
    ending and leading articles removed. All but letters, digits and combining marks of any script counts as space,
    except "+" and "#" directly after a word and not before a letter. "a" is no article before a single letter
    ("A. A. Milne"), and no article is removed when nothing else is left. The key of a key is that key.

    >>> [entity_key(name) for name in ("The Beatles'", "St. Maurice's Abbey", "AT&amp;T", "C++", "U.S.")]
    ['beatles', 'st maurice s abbey', 'at t', 'c++', 'u s']
    """
    return " ".join(name_words(surface))


def name_words(text: str) -> tuple[str, ...]:
    """The words of `entity_key`."""
    folded = _unified(text)
    if "&" in folded:
        folded = _unified(_HTML.sub(lambda reference: html.unescape(reference[0]), folded))
    return tuple(_without_articles(_words(_POSSESSIVE.sub("", folded))))


def folded_words(text: str) -> list[str]:
    """The folded words of a part of a name, articles and all."""
    return _words(_unified(text))


def plain_title(title: str) -> str:
    """A title without its final "(...)".

    >>> plain_title("Lilu (mythology)")
    'Lilu'
    """
    title = title.strip()
    if title.endswith(")"):
        cut = title.rfind("(")
        if cut > 0 and (rest := title[:cut].strip()):
            return rest
    return title


def _unified(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Once more NFKC: an accent may have met its letter only when something invisible between them was gone.
    return unicodedata.normalize("NFKC", fold(text.translate(_SIGNS)))


def _words(folded: str) -> list[str]:
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    return _wide_word().findall(folded)


@cache
def _wide_word() -> re.Pattern[str]:
    return re.compile(rf"[^\W_]+(?:[{combining_marks()}][^\W_]*)*{SUFFIX}")


def _without_articles(parts: list[str]) -> list[str]:
    """Again and again, else "The A-Team" and its key "a team" would have different keys."""
    first = 0
    while first + 1 < len(parts) and _is_article(parts[first], parts[first + 1]):
        first += 1
    return parts[first:]


def _is_article(word: str, following: str) -> bool:
    return word in ("the", "an") or (word == "a" and len(following) > 1)
