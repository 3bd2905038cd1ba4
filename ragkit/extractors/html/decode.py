"""From a score for each segment to the intervals to keep: exact, under a word budget and a number of intervals.

    decode(scores, words, threshold=0.5).chosen                       # plain thresholding
    decode(scores, words, 0.5, interval_cost=0.4, max_intervals=3)    # few, tidy intervals
    decode(scores, words, 0.5, budget_words=200)                      # the best 200 words

What is maximised is the sum over the chosen segments of `sqrt(words) * (score - threshold)`, minus `interval_cost` for
each maximal run of chosen neighbours. The square root keeps one long segment from outweighing the page. Dynamic
programming over the segments, with the number of intervals and the words spent as states where they are limited: O(n·K)
with at most K intervals, O(n·K·B) with a budget of B words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.errors import InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

STATES = 60_000_000  # cells of the table beyond which a word budget is met by a price on words instead of exactly
_PRICES = 60  # halvings of the price on words


@dataclass(frozen=True)
class Decoding:
    """`chosen`: a bool for each segment; `value`: what was maximised; `exact`: False when the page was too large."""

    chosen: NDArray[np.bool_]
    value: float
    exact: bool = True


def decode(
    scores: ArrayLike,
    words: ArrayLike,
    threshold: float,
    *,
    interval_cost: float = 0.0,
    budget_words: int | None = None,
    max_intervals: int | None = None,
    allowed: ArrayLike | None = None,
) -> Decoding:
    """The segments to keep.

    `scores` and `words` (at least 0) have one entry a segment; `allowed`, when given, is False where a segment must not
    be chosen, and such a segment parts an interval. Of two sets of equal value the one that starts and goes on later is
    taken, so a segment of no value is left out. Raises `InvalidValueError` for lengths that differ, values that are not
    finite, and negative limits.
    """
    import numpy as np

    score, count = np.asarray(scores, dtype=np.float64), np.asarray(words, dtype=np.int64)
    may = np.ones(len(score), dtype=bool) if allowed is None else np.asarray(allowed, dtype=bool)
    _check(score, count, may, threshold, interval_cost, budget_words, max_intervals)
    gain = np.where(may, np.sqrt(count) * (score - threshold), -np.inf)
    if budget_words is not None and int(count[gain > 0].sum()) <= budget_words and interval_cost == 0:
        budget_words = None
    if budget_words is None and max_intervals is None:
        chosen = gain > 0 if interval_cost == 0 else _free(gain, interval_cost)
        return Decoding(chosen, _value(chosen, gain, interval_cost))
    most = len(score) if max_intervals is None else min(max_intervals, len(score))
    cells = len(score) * (1 if max_intervals is None else most + 1) * (1 if budget_words is None else budget_words + 1)
    if budget_words is not None and cells > STATES:
        chosen = _priced(gain, count, interval_cost, budget_words, max_intervals)
        return Decoding(chosen, _value(chosen, gain, interval_cost), exact=False)
    chosen = _limited(gain, count, interval_cost, budget_words, None if max_intervals is None else most)
    return Decoding(chosen, _value(chosen, gain, interval_cost))


def intervals(chosen: ArrayLike) -> list[tuple[int, int]]:
    """The maximal runs of True as closed intervals of 1-based numbers, in order."""
    import numpy as np

    edges = np.diff(np.concatenate(([0], np.asarray(chosen, dtype=np.int8), [0])))
    first, last = np.flatnonzero(edges == 1) + 1, np.flatnonzero(edges == -1)
    return [(int(start), int(end)) for start, end in zip(first, last, strict=True)]


def _free(gain: NDArray[np.float64], cost: float) -> NDArray[np.bool_]:
    """No limit but a cost for each interval: two states, inside and outside, in plain floats."""
    import numpy as np

    outside, inside = 0.0, -np.inf
    entered: list[bool] = []  # at segment i, the best way to be inside enters there
    left: list[bool] = []  # at segment i, the best way to be outside comes from inside
    for value in gain.tolist():
        enters = outside - cost >= inside
        leaves = inside > outside
        outside, inside = (inside if leaves else outside), value + (outside - cost if enters else inside)
        entered.append(enters)
        left.append(leaves)
    chosen = np.zeros(len(gain), dtype=bool)
    now = inside > outside
    for i in range(len(gain) - 1, -1, -1):
        chosen[i] = now
        now = (not entered[i]) if now else left[i]
    return chosen


def _limited(
    gain: NDArray[np.float64], count: NDArray[np.int64], cost: float, budget: int | None, most: int | None
) -> NDArray[np.bool_]:
    """The same with tables over the intervals used and the words spent; a limit that is absent has one column."""
    import numpy as np

    rows, columns = 1 if most is None else most + 1, 1 if budget is None else budget + 1
    outside, inside = np.zeros((rows, columns)), np.full((rows, columns), -np.inf)
    entered = np.zeros((len(gain), rows, columns), dtype=bool)
    left = np.zeros_like(entered)
    for i, value in enumerate(gain):
        opened = np.full_like(outside, -np.inf)
        if most is None:
            opened[:] = outside - cost
        else:
            opened[1:] = outside[:-1] - cost
        entered[i] = opened >= inside
        best = np.where(entered[i], opened, inside)
        left[i] = inside > outside
        outside = np.where(left[i], inside, outside)
        spent = 0 if budget is None else int(count[i])
        inside = np.full_like(outside, -np.inf)
        if spent < columns:
            inside[:, spent:] = value + best[:, : columns - spent]
    chosen = np.zeros(len(gain), dtype=bool)
    row, column = rows - 1, columns - 1
    now = bool(inside[row, column] > outside[row, column])
    for i in range(len(gain) - 1, -1, -1):
        chosen[i] = now
        if not now:
            now = bool(left[i, row, column])
            continue
        column -= 0 if budget is None else int(count[i])
        enters = bool(entered[i, row, column])
        row -= 1 if enters and most is not None else 0
        now = not enters
    return chosen


def _priced(
    gain: NDArray[np.float64], count: NDArray[np.int64], cost: float, budget: int, most: int | None
) -> NDArray[np.bool_]:
    """The best set for the lowest price on a word at which it fits: never over the budget, perhaps under the best."""
    import numpy as np

    def at(price: float) -> NDArray[np.bool_]:
        net = gain - price * count
        return _free(net, cost) if most is None else _limited(net, count, cost, None, most)

    low, high = 0.0, 1.0 + max(0.0, float(np.max(gain, initial=0.0)))
    if int(count[chosen := at(low)].sum()) <= budget:
        return chosen
    chosen = np.zeros(len(gain), dtype=bool)
    for _ in range(_PRICES):
        middle = (low + high) / 2
        tried = at(middle)
        if int(count[tried].sum()) <= budget:
            high, chosen = middle, tried
        else:
            low = middle
    return chosen


def _value(chosen: NDArray[np.bool_], gain: NDArray[np.float64], cost: float) -> float:
    return float(gain[chosen].sum()) - cost * len(intervals(chosen))


def _check(
    score: NDArray[np.float64],
    count: NDArray[np.int64],
    may: NDArray[np.bool_],
    threshold: float,
    cost: float,
    budget: int | None,
    most: int | None,
) -> None:
    import numpy as np

    if not len(score) == len(count) == len(may):
        raise InvalidValueError(
            f"{len(score)} scores, {len(count)} word counts and {len(may)} permissions do not match"
        )
    if not (np.isfinite(score).all() and np.isfinite(threshold) and np.isfinite(cost)):
        raise InvalidValueError("scores, threshold and interval cost must be finite numbers")
    if len(count) and int(count.min()) < 0:
        raise InvalidValueError("a segment cannot have fewer than 0 words")
    for name, value in (("interval cost", cost), ("word budget", budget), ("number of intervals", most)):
        if value is not None and value < 0:
            raise InvalidValueError(f"the {name} must be at least 0, not {value}")
