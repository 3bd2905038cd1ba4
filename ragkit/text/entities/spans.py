"""Words and mentions with their places in a text."""

from __future__ import annotations

import operator
import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from ragkit.text.tokens import _UNSPACED, _marks

# Kana, Han, Thai, Lao, Myanmar, Khmer, as the inside of a character class.
UNSPACED = _UNSPACED
# Stripped from the edges of what others found: no name begins or ends with these.
EDGE = " \t\r\n.,;:!?\"'“”‘’«»()[]{}<>`´*_-–—"
# What may stand between two words of one name; wider gaps are not looked at.
WIDEST_GAP = 4
_LOOK_BACK = 8  # characters between a sentence's end and its first word


class Mention(NamedTuple):
    """A span that names something: `text[start:end] == surface`. The labels are listed in `ragkit.text.entities`."""

    surface: str
    label: str
    start: int
    end: int


class Word(NamedTuple):
    """A word of a text with its place: `text[start:end]` of the whole text."""

    text: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """The words of a text: runs of letters and digits, with their combining marks and "+" or "#" directly after.

    Characters of scripts that put no spaces between words are words of their own, as in `ragkit.text.tokens`; unlike
    there, words are as written, and "_" is no part of them.

    >>> [word.text for word in words("C++ and Zoë's snake_case, 東京")]
    ['C++', 'and', 'Zoë', 's', 'snake', 'case', '東', '京']
    """
    suffixed = "+" in text or "#" in text
    pattern = _ascii_word(suffixed) if text.isascii() else _wide_word(suffixed)
    return [Word(match[0], match.start(), match.end()) for match in pattern.finditer(text)]


def word_at(tokens: Sequence[Word], start: int) -> int | None:
    """The number of the word that begins at `start`, if one does."""
    number = bisect_left(tokens, start, key=_start)
    return number if number < len(tokens) and tokens[number].start == start else None


_start = operator.attrgetter("start")


# "C++" and "C#", also before a digit ("C++11"), but not "rock+roll".
SUFFIX = r"(?:[+#]++(?![^\W\d_]))?"


@cache
def _ascii_word(suffixed: bool) -> re.Pattern[str]:
    return re.compile("[A-Za-z0-9]+" + SUFFIX * suffixed)


@cache
def _wide_word(suffixed: bool) -> re.Pattern[str]:
    letter, marks = rf"[^\W_{UNSPACED}]", combining_marks()
    # Invisible joiners and soft hyphens lie inside words; the half-width voice marks of kana are letters to Unicode.
    inside = rf"(?:[{marks}]|[\u00ad\u200b-\u200d\u2060\ufeff]{{1,4}}(?=[^\W_{UNSPACED}]))"
    return re.compile(rf"(?:{letter}+(?:{inside}{letter}*)*|[{UNSPACED}][{marks}\uff9e\uff9f]*)" + SUFFIX * suffixed)


@cache
def combining_marks() -> str:
    """All combining marks, as the inside of a character class."""
    return _marks()


def is_capital(word: str) -> bool:
    """Whether a word begins with an upper-case or title-case letter."""
    return word[0].istitle()  # of a single character, `isupper` says less


def gap(text: str, left: int, right: int) -> str:
    """What stands between two words; a line end when that is longer than any gap inside a name."""
    return text[left:right] if right - left <= WIDEST_GAP else "\n"


def begins_sentence(text: str, start: int) -> bool:
    """Whether no word comes before `start`, or only a sentence's end and opening punctuation in between."""
    place = start - 1
    lowest = max(-1, place - _LOOK_BACK)
    while place > lowest and not text[place].isalnum():
        if text[place] in ".!?:\n;•":
            return True
        place -= 1
    return place < 0
