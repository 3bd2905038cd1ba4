"""What a statement claims in ways that words nearly alike may not: its numbers, and whether it denies."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ragkit.memory.timewords import NUMBERS
from ragkit.memory.words import fold

_NUMBER = re.compile(r"(?<![\w.])\d{1,15}(?:[.,]\d{1,15}){0,5}")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_COUNTS = {word: str(value) for word, value in NUMBERS.items() if value > 1}
_COUNTS |= {"twice": "2", "dozen": "12", "hundred": "100"}
_DENIALS = frozenset("not no never none nothing nobody nowhere neither nor without cannot hardly stopped quit".split())
_CJK_DENIALS = re.compile(r"不|没|無|无|未|非|ない|ません|안\s|없")


@dataclass(frozen=True, slots=True)
class Claim:
    """The numbers of a statement, as digits, and whether it denies something."""

    numbers: frozenset[str]
    denies: bool


def claim_of(text: str) -> Claim:
    """The claim of a text: "I don't have two dogs" is ({"2"}, denies)."""
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    numbers = {_plain(match[0]) for match in _NUMBER.finditer(fold(text))}
    numbers |= {_COUNTS[word] for word in words if word in _COUNTS}
    denials = sum(word in _DENIALS or word.endswith("n't") for word in words)
    denies = denials % 2 == 1 or (not text.isascii() and _CJK_DENIALS.search(text) is not None)
    return Claim(frozenset(numbers), denies)


def _plain(number: str) -> str:
    """A number without what groups its thousands, and without zeros behind its point."""
    whole = re.sub(r",(?=\d{3}(?!\d))", "", number)
    return re.sub(r"\.0+$", "", whole.replace(",", "."))


def differ(one: Claim, other: Claim) -> bool:
    """Whether two statements about the same person cannot be one: other numbers, or one denies and one does not."""
    return one.denies != other.denies or bool(one.numbers and other.numbers and one.numbers != other.numbers)
