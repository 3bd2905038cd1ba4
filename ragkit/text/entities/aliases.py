"""Other names of what a document is about, and the keys under which it is at home."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from ragkit.text.entities.keys import entity_key, name_words, plain_title
from ragkit.text.entities.sources import SOURCES, check_sources
from ragkit.text.entities.spans import Mention, Word, gap, is_capital, word_at, words
from ragkit.text.entities.wordlists import ABBREVIATIONS, COPULAS, JOINING, MONTHS, OPENERS, STOPWORDS, WEAK

WINDOW = 300  # characters at the beginning of a document in which its subject's names are looked for
LONGEST_SUBJECT = 10  # words
LONGEST_ALIAS = 7  # words
_HEAD = 1000  # characters of a document's beginning that are cut into words: the window, and the name after it

_KNOWN_AS = re.compile(
    r"\b(?:(?:also|better|best|commonly|formerly|popularly|professionally|usually|sometimes|previously|otherwise)[ ]"
    r"(?:known|credited|called|billed|referred[ ]to)[ ](?:simply[ ])?(?:as|by)"
    r"|born|n[ée]e|nicknamed|alias|a\.k\.a\.|aka|known[ ]as|abbreviated|originally)[ ](?:the[ ])?[\"“'‘]?[ ]?"
)
_INSIDE_ALIAS = frozenset({" ", "-", ". ", "'", "’"})


def aliases(text: str, tokens: Sequence[Word], title: str) -> Iterator[Mention]:
    """Other names of the subject of the document with that title, from its first 300 characters.

    The name the text begins with counts when it shares words with the title; "born X" and "also known as X" always do.
    """
    wanted = set(name_words(plain_title(title)))
    if wanted and (span := _leading_name(text, tokens)):
        surface = text[span[0] : span[1]]
        found = name_words(surface)
        if set(found) & wanted - STOPWORDS and len(found) >= min(2, len(wanted)):
            yield Mention(surface, "ALIAS", *span)
    for match in _KNOWN_AS.finditer(text[:WINDOW]):
        first = word_at(tokens, match.end())
        if first is None or not is_capital(tokens[first].text) or tokens[first].text in MONTHS:
            continue
        last = _last_of_alias(text, tokens, first)
        if last > first or len(tokens[first].text) > 2:
            start, end = tokens[first].start, tokens[last].end
            yield Mention(text[start:end], "ALIAS", start, end)


def _last_of_alias(text: str, tokens: Sequence[Word], first: int) -> int:
    last = first
    while last + 1 < len(tokens) and last + 1 - first < LONGEST_ALIAS:
        if gap(text, tokens[last].end, tokens[last + 1].start) not in _INSIDE_ALIAS:
            break
        if not is_capital(tokens[last + 1].text) and not _joins(tokens, last + 1):
            break
        last += 1
    return last


def _joins(tokens: Sequence[Word], place: int) -> bool:
    """Whether a small word stands before a capitalised one."""
    word = tokens[place].text
    strong = word in JOINING and word not in WEAK
    return strong and place + 1 < len(tokens) and is_capital(tokens[place + 1].text)


def subject(text: str) -> str:
    """The name a text begins with, "" if it begins with none: stands in for a missing title.

    >>> subject("Ada Lovelace (1815-1852) was a mathematician.")
    'Ada Lovelace'
    """
    span = _leading_name(text, words(text[:WINDOW]))
    return text[span[0] : span[1]] if span else ""


def _leading_name(text: str, tokens: Sequence[Word]) -> tuple[int, int] | None:
    """The span of the name that a text begins with, if "(", ",", a dash or a verb like "is" follows it."""
    after = _end_of_subject(text, tokens)
    if after is None:
        return None
    name = tokens[1:after] if after > 1 and tokens[0].text in ("The", "A", "An") else tokens[:after]
    first = name[0].text
    if not is_capital(first) or first in MONTHS or first in OPENERS:
        return None
    if len(name) == 1 and first.casefold() in STOPWORDS:
        return None
    if not all(is_capital(t.text) or t.text[0].isdigit() or t.text.casefold() in JOINING for t in name):
        return None
    return name[0].start, name[-1].end


def _end_of_subject(text: str, tokens: Sequence[Word]) -> int | None:
    """How many words come before the first verb, bracket, comma or dash; None when the sentence ends before it."""
    for place in range(1, min(len(tokens), LONGEST_SUBJECT + 1)):
        before = tokens[place - 1]
        space = text[before.end : tokens[place].start]
        if tokens[place].text in COPULAS or any(mark in space for mark in "(,–—"):
            return place
        abbreviated = len(before.text) == 1 or before.text.casefold() in ABBREVIATIONS
        if not abbreviated and any(mark in space.rstrip() for mark in ".;:!?\n"):
            return None
    return None


def heads(title: str, text: str = "", *, sources: Collection[str] = SOURCES) -> list[str]:
    """The keys under which a document is at home: its title's, with and without a final "(...)", and its aliases'.

    `text` is the beginning of the document. Raises `InvalidValueError` for unknown sources.
    """
    check_sources(sources)
    if not title.strip():
        return []
    surfaces = [title, plain_title(title)] if "title" in sources else []
    if "aliases" in sources:
        surfaces += [mention.surface for mention in aliases(text, words(text[:_HEAD]), title)]
    return [key for key in dict.fromkeys(map(entity_key, surfaces)) if key]
