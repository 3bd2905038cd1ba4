"""How much a turn has to say, measured against what its scope has heard before.

Small talk is demoted, never dropped: it keeps its place in the full-text index with a lower weight.
"""

from __future__ import annotations

import bisect
import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from ragkit.errors import InvalidValueError

_LETTERS = str.isalnum


def idf(messages: int, df: int) -> float:
    """ln((N + 1) / (df + 0.5)): how rare a word is that `df` of `messages` hold. Never below zero."""
    return max(0.0, math.log((messages + 1) / (df + 0.5)))


def raw_salience(
    words: Iterable[str],
    df: Callable[[str], int],
    messages: int,
    *,
    entities: int = 0,
    captioned: bool = False,
    question: bool = False,
    answers: bool = False,
) -> float:
    """ln(1 + sum of idf) + 0.5 ln(1 + entities) + 0.7 with a caption - 0.7 for a question + 0.4 for an answer.

    `words` are the content words, each counted once; `df(word)` and `messages` are those of the scope so far.
    `question`: it ends with a question mark; `answers`: the message before it, of somebody else, did. The last term is
    ours (measured on three tuning conversations of LoCoMo: a quantile of 0.12 demotes 8.6 % of the turns and 0.9 % of
    those that answer a question; 1.5 % without it).
    """
    weight = sum(idf(messages, df(word)) for word in sorted(set(words)))
    return math.log1p(weight) + 0.5 * math.log1p(entities) + 0.7 * captioned - 0.7 * question + 0.4 * answers


def is_question(text: str) -> bool:
    """Whether a text ends with a question mark, of whatever script."""
    return text.rstrip(" \t\n\"'”’)]").endswith(("?", "？", "؟"))


@dataclass(slots=True)
class Reservoir:
    """A fair sample of at most `size` of the `seen` values offered, kept in order.

    Which value makes room is drawn from a hash of the count, so that the same values in the same order give the same
    sample on every machine.
    """

    size: int = 2_000
    seen: int = 0
    values: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InvalidValueError(f"a reservoir holds at least one value, not {self.size}")
        self.values = sorted(self.values)

    def share_below(self, value: float) -> float:
        """The share of the sample that is smaller, 0.5 when it is empty."""
        return share_below(value, self.values)

    def offer(self, value: float) -> None:
        """Take a value in, or not, so that each offered so far is as likely to be held (Vitter's algorithm R)."""
        if math.isnan(value):
            raise InvalidValueError("a salience cannot be NaN")
        self.seen += 1
        if len(self.values) < self.size:
            bisect.insort(self.values, value)
            return
        place = slot(self.seen, self.size)
        if place is not None:
            del self.values[place]
            bisect.insort(self.values, value)


def slot(seen: int, size: int) -> int | None:
    """Which of `size` places the `seen`-th value takes (counted from 1), None when it is not kept."""
    if seen <= size:
        return seen - 1
    draw = int.from_bytes(hashlib.blake2b(seen.to_bytes(8, "big"), digest_size=8).digest(), "big") % seen
    return draw if draw < size else None


def share_below(value: float, ascending: Sequence[float]) -> float:
    """The share of ascending values that are smaller, 0.5 when there are none."""
    return bisect.bisect_left(ascending, value) / len(ascending) if ascending else 0.5


def is_phatic(
    text: str, salience: float, *, quantile: float, dated: bool = False, numbered: bool = False, new_name: bool = False
) -> bool:
    """Whether a turn is small talk: among the least salient `quantile`, and no date, number or new name in it.

    A text without a letter or digit (an emoji) always is.
    """
    if not any(map(_LETTERS, text)):
        return True
    return salience < quantile and not (dated or numbered or new_name)


# The gate of the reference, which decides only which windows are sent to a chat model.


def window_entropy(new_entities: int, size: int, cosine: float, alpha: float = 0.5) -> float:
    """Alpha * min(1, new entities / messages) + (1 - alpha) * (1 - max(0, cosine to what was heard before)).

    Raises `InvalidValueError` for an empty window or a cosine that is NaN.
    """
    if size < 1:
        raise InvalidValueError("a window holds at least one message")
    if math.isnan(cosine):
        raise InvalidValueError("the cosine of a window is NaN")
    return alpha * min(1.0, new_entities / size) + (1 - alpha) * (1 - max(0.0, min(1.0, cosine)))


def gate_opens(entropy: float, earlier: Collection[float], quantile: float) -> bool:
    """Whether a window is worth a call: not among the lowest `quantile` of the scope's own earlier windows.

    The quantile is the scope's own, as a fixed threshold means something else under every embedder.
    """
    return not earlier or sum(value <= entropy for value in earlier) / len(earlier) > quantile
