"""One relation English questions ask about: the words that ask for it, and the patterns that state it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Value = Literal["name", "date", "place", "country", "phrase", "number"]

_F = re.IGNORECASE


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation. `asks` finds it in a question, `after` and `before` in a sentence.

    `gender`: the filler is a woman (True), a man (False) or either. `inverse` names the relation that leads back.
    """

    name: str
    value: Value
    asks: re.Pattern[str]
    after: tuple[re.Pattern[str], ...] = ()
    before: tuple[re.Pattern[str], ...] = ()
    gender: bool | None = None
    inverse: str = ""

    @property
    def final(self) -> bool:
        """Whether it ends a path: what it leads to has no relations questions go on to ask."""
        return self.value != "name" or self.name in ("education", "employer")


def relation(
    name: str,
    value: Value,
    asks: str,
    *after: str,
    before: tuple[str, ...] = (),
    gender: bool | None = None,
    inverse: str = "",
) -> Relation:
    """A relation from the sources of its patterns, which begin (`after`) or end (`before`) at the edge of a word."""
    return Relation(
        name,
        value,
        re.compile(rf"\b(?:{asks})\b", _F),
        tuple(re.compile(rf"\b(?:{pattern})", _F) for pattern in after),
        tuple(re.compile(rf"(?:{pattern})\b", _F) for pattern in before),
        gender,
        inverse,
    )
