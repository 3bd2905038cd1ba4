"""How much each piece of evidence counts when units are ranked for a question, as measured, for each kind of embedder.

A unit's score is the weighted sum of what `Weights` names, each between 0 and 1, times the weight of its tier. The
numbers below were fitted on three conversations of LoCoMo (conv-26, conv-30, conv-41) by a softmax over the units of
each question, scaled so that `lexical` is 1, and rounded to 0.05. Two were set: `phrase`, as those questions quote
nothing, and `long`, which costs no recall and makes ten hits some thirty tokens shorter. `calibrate` fits them to
questions of one's own.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

from ragkit.errors import InvalidValueError

WeightsFor = Literal["none", "static", "neural"]


@dataclass(frozen=True, slots=True)
class Weights:
    """The weight of each piece of evidence; negative ones speak against a unit.

    lexical: BM25 of its words, the speaker, the messages before and the date; covered: the share of the question's
    words, by rarity, that it and the messages before hold; person: it is by, or about, the one person named; time:
    it overlaps the time asked for; phrase: it holds a quoted phrase; dated: it tells a time; when: it tells a time
    and the question asks for one; asks: it holds a question; asked: the message before does; long: how long it is,
    by its logarithm; follows: lexical evidence in the message after it; around: in the best messages of its stretch
    of conversation; semantic: its cosine to the question; before, after: that of its neighbours; theme: that of the
    best of its stretch.
    """

    lexical: float = 1.0
    covered: float = 0.0
    person: float = 0.0
    time: float = 0.0
    phrase: float = 0.0
    dated: float = 0.0
    when: float = 0.0
    asks: float = 0.0
    asked: float = 0.0
    long: float = 0.0
    follows: float = 0.0
    around: float = 0.0
    semantic: float = 0.0
    before: float = 0.0
    after: float = 0.0
    theme: float = 0.0

    def __post_init__(self) -> None:
        for name, value in self.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise InvalidValueError(f"the weight {name} must be a number, not {value!r}")

    def items(self) -> list[tuple[str, float]]:
        """The names and numbers, in order."""
        return [(field.name, getattr(self, field.name)) for field in dataclasses.fields(self)]


NAMES = tuple(field.name for field in dataclasses.fields(Weights))
SEMANTIC = ("semantic", "before", "after", "theme")  # those that need vectors

MEASURED: dict[WeightsFor, Weights] = {
    "none": Weights(
        covered=0.9, person=0.9, time=1.0, phrase=0.5, dated=0.2, when=0.5, asks=-0.15, asked=0.2, long=-0.8,
        follows=0.4, around=0.65,
    ),
    "static": Weights(
        covered=1.05, person=1.0, time=1.15, phrase=0.5, dated=0.2, when=0.6, asks=-0.2, asked=0.2, long=-0.8,
        around=0.45, semantic=0.45, before=0.2, after=0.4, theme=0.75,
    ),
    "neural": Weights(
        covered=1.15, person=1.15, time=1.45, phrase=0.5, dated=0.25, when=0.7, asks=-0.25, asked=0.2, long=-0.8,
        around=0.55, semantic=0.95, before=0.25, after=0.45, theme=0.7,
    ),
}  # fmt: skip
