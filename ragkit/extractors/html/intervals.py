"""Sets of segment numbers, kept as closed intervals: `3-7,12`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ragkit.errors import InvalidValueError

EMPTY = "NA"  # how an empty set is written, so that "no answer" and a lost answer are told apart


@dataclass(frozen=True, slots=True)
class IntervalSet:
    """Numbers from 1 on, as closed intervals that are sorted, disjoint and not adjacent.

    `IntervalSet.of(...)` and `IntervalSet.spanning(...)` bring any numbers or intervals into that form; the constructor
    raises `InvalidValueError` for intervals that are not in it.

    >>> chosen = IntervalSet.of([3, 4, 5, 12])
    >>> chosen.to_string(), len(chosen), 4 in chosen, (chosen - IntervalSet.of([4])).to_list()
    ('3-5,12', 4, True, [[3, 3], [5, 5], [12, 12]])
    """

    intervals: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        reached = -1
        for first, last in self.intervals:
            if first < 1 or last < first or first <= reached + 1:
                raise InvalidValueError(
                    f"intervals ascend from 1 with gaps between; ({first}, {last}) does not; use IntervalSet.spanning"
                )
            reached = last

    # ------------------------------------------------------------ making

    @classmethod
    def of(cls, indices: Iterable[int]) -> IntervalSet:
        """The set of these numbers, in any order, repeated or not."""
        return cls.spanning((index, index) for index in indices)

    @classmethod
    def spanning(cls, intervals: Iterable[Iterable[int]]) -> IntervalSet:
        """The union of closed intervals (first, last), in any order, overlapping or not."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted(tuple(interval) for interval in intervals):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    @classmethod
    def full(cls, n: int) -> IntervalSet:
        """All of 1..n; empty for n = 0."""
        return cls(((1, n),)) if n > 0 else cls()

    # ------------------------------------------------------------ asking

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.intervals)

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.intervals:
            yield from range(first, last + 1)

    def __contains__(self, index: object) -> bool:
        if not isinstance(index, int):
            return False
        place = bisect_right(self.intervals, (index, float("inf"))) - 1
        return place >= 0 and index <= self.intervals[place][1]

    def __le__(self, other: IntervalSet) -> bool:
        return self & other == self

    def isdisjoint(self, other: IntervalSet) -> bool:
        """Whether no number is in both."""
        return not self & other

    # ------------------------------------------------------------ algebra

    def __or__(self, other: IntervalSet) -> IntervalSet:
        return IntervalSet.spanning((*self.intervals, *other.intervals))

    def __and__(self, other: IntervalSet) -> IntervalSet:
        common: list[tuple[int, int]] = []
        mine, theirs = list(self.intervals), list(other.intervals)
        i = j = 0
        while i < len(mine) and j < len(theirs):
            first, last = max(mine[i][0], theirs[j][0]), min(mine[i][1], theirs[j][1])
            if first <= last:
                common.append((first, last))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return IntervalSet(tuple(common))

    def __sub__(self, other: IntervalSet) -> IntervalSet:
        return self & other.complement(self.intervals[-1][1]) if self.intervals else self

    def __xor__(self, other: IntervalSet) -> IntervalSet:
        return (self | other) - (self & other)

    def complement(self, n: int) -> IntervalSet:
        """The numbers of 1..n that are not in the set."""
        gaps: list[tuple[int, int]] = []
        begin = 1
        for first, last in self.intervals:
            if begin <= min(first - 1, n):
                gaps.append((begin, min(first - 1, n)))
            begin = last + 1
        if begin <= n:
            gaps.append((begin, n))
        return IntervalSet(tuple(gaps))

    # ------------------------------------------------------------ writing

    def to_string(self) -> str:
        """`"3-7,12"`; `"NA"` for the empty set. What `grammar.parse_indices` reads."""
        return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in self.intervals) or EMPTY

    def to_list(self) -> list[list[int]]:
        """`[[3, 7], [12, 12]]`, for JSON."""
        return [list(interval) for interval in self.intervals]

    def __str__(self) -> str:
        return self.to_string()
