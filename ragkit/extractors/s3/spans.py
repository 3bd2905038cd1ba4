"""From scores of tokens to spans of evidence within a budget of tokens.

Scores are smoothed, peaks are taken greedily with the tokens around them, and what is kept is cut into spans that never
overlap and never cross from one document to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ragkit.errors import InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Scores = NDArray[np.float64]
    Documents = Sequence[tuple[int, int]]

Origin = Literal["feature", "bm25", "bias"]


@dataclass(frozen=True, slots=True)
class Pick:
    """Tokens `start` to `end` that one side asked for, around `peak`, with that side's score."""

    start: int
    end: int
    peak: int
    score: float
    source: Origin


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Kept tokens `start` to `end`; score, peak and origin are those of the first pick that chose some of them."""

    start: int
    end: int
    peak: int
    score: float
    source: Origin


@dataclass(slots=True)
class Selection:
    """What is kept of `total` tokens. Raises `InvalidValueError` for a budget of 0 or less."""

    total: int
    budget: int
    documents: Documents
    left: int = field(init=False)
    kept: NDArray[np.int32] = field(init=False)  # -1, or the number of the pick that chose the token
    picks: list[Pick] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        import numpy as np

        if self.budget <= 0:
            raise InvalidValueError(f"the budget is a number of tokens above 0, not {self.budget}")
        self.left = self.budget
        self.kept = np.full(self.total, -1, dtype=np.int32)

    def add(self, pick: Pick) -> int:
        """Keep the pick's tokens that are not kept yet, those nearest to its peak when the budget ends; how many."""
        import numpy as np

        new = np.arange(pick.start, pick.end)[self.kept[pick.start : pick.end] < 0]
        if len(new) > self.left:
            near = np.argsort(np.abs(new - pick.peak), kind="stable")[: self.left]
            new = np.sort(new[near])
        if len(new):
            self.kept[new] = len(self.picks)
            self.picks.append(pick)
            self.left -= len(new)
        return len(new)

    def close_gaps(self, longest: int) -> None:
        """Keep gaps of at most so many tokens between kept ones, from the first on, while the budget lasts."""
        for start, end in self._gaps():
            length = end - start
            if 0 < length <= min(longest, self.left):
                self.kept[start:end] = self.kept[start - 1]
                self.left -= length

    def spans(self) -> list[TokenSpan]:
        """The kept tokens as spans in the order of the text."""
        found = []
        for start, end in self._runs():
            pick = self.picks[int(self.kept[start:end].min())]
            peak = min(max(pick.peak, start), end - 1)
            found.append(TokenSpan(start, end, peak, pick.score, pick.source))
        return found

    def _runs(self) -> Iterator[tuple[int, int]]:
        import numpy as np

        for first, last in self.documents:
            edges = np.flatnonzero(np.diff(np.concatenate([[0], self.kept[first:last] >= 0, [0]]).astype(np.int8)))
            for start, end in edges.reshape(-1, 2).tolist():
                yield first + start, first + end

    def _gaps(self) -> list[tuple[int, int]]:
        gaps, runs = [], list(self._runs())
        ends = {end for _, end in self.documents}
        for (_, before), (after, _) in zip(runs, runs[1:], strict=False):
            if not any(before <= end <= after for end in ends):
                gaps.append((before, after))
        return gaps


def smoothed(values: Scores, documents: Documents, width: int = 17) -> Scores:
    """Each document's scores under a triangular kernel of odd width that sums to 1; tokens outside count as 0.

    Raises `InvalidValueError` for an even width.
    """
    import numpy as np

    if width < 1 or width % 2 == 0:
        raise InvalidValueError(f"the width of the kernel is an odd number above 0, not {width}")
    half = width // 2
    kernel = 1.0 + half - np.abs(np.arange(-half, half + 1))
    kernel /= kernel.sum()
    out = np.full(len(values), -np.inf)
    for start, end in documents:
        if end > start:
            out[start:end] = np.convolve(values[start:end], kernel, "full")[half : half + end - start]
    return out


def peaks(values: Scores, documents: Documents, radius: int = 24, floor: float | None = None) -> Iterator[Pick]:
    """The highest tokens one after the other (ties: the earliest), each with `radius` tokens on both sides.

    Tokens inside a span already given are not given as peaks again. It ends below `floor`, or when none is left.
    """
    import numpy as np

    rest = values.copy()
    while len(rest):
        peak = int(np.argmax(rest))
        score = float(rest[peak])
        if score == -np.inf or (floor is not None and score < floor):
            return
        first, last = next((start, end) for start, end in documents if start <= peak < end)
        start, end = max(first, peak - radius), min(last, peak + radius + 1)
        rest[start:end] = -np.inf
        yield Pick(start, end, peak, score, "feature")


def at_the_ends(selection: Selection, lead: int, tail: int) -> None:
    """Keep the first and last tokens of every document, before anything else."""
    for start, end in selection.documents:
        if lead:
            selection.add(Pick(start, min(end, start + lead), start, 0.0, "bias"))
        if tail:
            selection.add(Pick(max(start, end - tail), end, end - 1, 0.0, "bias"))


def snapped(pick: Pick, borders: NDArray[np.int64], reach: int = 16) -> Pick:
    """The pick widened on each side to the next sentence border, when that is at most `reach` tokens away.

    `borders` are the first tokens of sentences and the end of the text, ascending.
    """
    import numpy as np

    before = int(np.searchsorted(borders, pick.start, side="right")) - 1
    after = int(np.searchsorted(borders, pick.end, side="left"))
    start, end = pick.start, pick.end
    if before >= 0 and start - int(borders[before]) <= reach:
        start = int(borders[before])
    if after < len(borders) and int(borders[after]) - end <= reach:
        end = int(borders[after])
    return Pick(start, end, pick.peak, pick.score, pick.source)
