"""Span arithmetic for all questions at once, with numpy.

All documents are laid on one line of integers with a gap between them, and each question gets a copy of that line of
its own, so that spans of other documents and other questions never meet. Then every score is a sum over sorted arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Flat:
    """Spans of many questions in one row of arrays: `owner` (ascending) is the question, order within it is kept.

    `start`, `end` are places on the line, which is `stride` long.
    """

    questions: int
    owner: Ints
    start: Ints
    end: Ints
    stride: int

    @cached_property
    def rank(self) -> Ints:
        """The place of each span among those of its question, from 0."""
        first = np.searchsorted(self.owner, np.arange(self.questions))
        return np.arange(len(self.owner)) - first[self.owner]

    @cached_property
    def size(self) -> Ints:
        """The length of each span."""
        return self.end - self.start

    def where(self, kept: NDArray[np.bool_]) -> Flat:
        """Only these spans."""
        return Flat(self.questions, self.owner[kept], self.start[kept], self.end[kept], self.stride)

    def first(self, k: int) -> Flat:
        """The first `k` spans of each question."""
        return self.where(self.rank < k)

    def within(self, budget: int) -> Flat:
        """The first spans of each question that fill `budget` units; the last one is cut to fit."""
        before = np.cumsum(self.size) - self.size
        first = np.searchsorted(self.owner, np.arange(self.questions))
        used = before - np.append(before, 0)[first][self.owner]
        kept = np.clip(budget - used, 0, self.size)
        cut = Flat(self.questions, self.owner, self.start, self.start + kept, self.stride)
        return cut.where(kept > 0)

    def total(self, values: Ints) -> Ints:
        """The sum of a value of each span, by question."""
        summed = np.zeros(self.questions, np.int64)
        np.add.at(summed, self.owner, values)
        return summed

    @cached_property
    def places(self) -> tuple[Ints, Ints]:
        """Start and end on the question's own copy of the line."""
        shift = self.owner * self.stride
        return self.start + shift, self.end + shift

    @cached_property
    def cover(self) -> Cover:
        """The union of the spans of each question."""
        return Cover.of(*self.places)

    @cached_property
    def covered(self) -> Ints:
        """How many units of the line each question covers."""
        covered = np.zeros(self.questions, np.int64)
        np.add.at(covered, self.cover.starts // self.stride, self.cover.sizes)
        return covered

    def shared(self, other: Flat) -> Ints:
        """How many units of the line two sets share, by question."""
        starts, ends = self.cover.starts, self.cover.ends
        shared = np.zeros(self.questions, np.int64)
        np.add.at(shared, starts // self.stride, other.cover.inside(starts, ends))
        return shared

    def together(self, other: Flat) -> Flat:
        """The spans of both, by question."""
        owner = np.concatenate([self.owner, other.owner])
        order = np.argsort(owner, kind="stable")
        start, end = np.concatenate([self.start, other.start]), np.concatenate([self.end, other.end])
        return Flat(self.questions, owner[order], start[order], end[order], self.stride)


@dataclass(frozen=True)
class Cover:
    """Sorted pieces of a line that do not touch."""

    starts: Ints
    ends: Ints

    @classmethod
    def of(cls, starts: Ints, ends: Ints) -> Cover:
        """The union of these pieces; those that overlap or touch are joined, empty ones dropped."""
        if not (starts < ends).all():
            full = starts < ends
            starts, ends = starts[full], ends[full]
        if len(starts) == 0:
            return cls(starts, ends)
        order = np.argsort(starts, kind="stable")
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        opens = np.append(True, starts[1:] > reach[:-1])
        closes = np.append(opens[1:], True)
        return cls(starts[opens], reach[closes])

    @cached_property
    def sizes(self) -> Ints:
        """The length of each piece."""
        return self.ends - self.starts

    @cached_property
    def _before(self) -> Ints:
        return np.append(0, np.cumsum(self.sizes))

    def upto(self, places: Ints) -> Ints:
        """How many covered units lie before each place."""
        if len(self.starts) == 0:
            return np.zeros_like(places)
        at = np.searchsorted(self.starts, places, "right") - 1
        held = np.maximum(at, 0)
        inside = np.clip(places - self.starts[held], 0, self.sizes[held])
        return np.where(at < 0, 0, self._before[held] + inside)

    def inside(self, starts: Ints, ends: Ints) -> Ints:
        """How many units of each piece are covered."""
        return self.upto(ends) - self.upto(starts)


def overlapping(starts: Ints, ends: Ints, from_: Ints, to: Ints, *, touching: bool = False) -> tuple[Ints, Ints]:
    """The pairs (number of a piece, number of a window) that share at least one unit.

    With `touching`, pieces that end where a window starts, or start where it ends, count too. `starts`, `ends` are the
    pieces, `from_`, `to` the windows, in any order. Time is that of sorting, plus the pairs, unless pieces nest deeply.
    """
    order = np.argsort(starts, kind="stable")
    sorted_starts, sorted_ends = starts[order], ends[order]
    reach = np.maximum.accumulate(sorted_ends) if len(order) else sorted_ends
    low = np.searchsorted(reach, from_, "left" if touching else "right")
    high = np.searchsorted(sorted_starts, to, "right" if touching else "left")
    counts = np.maximum(high - low, 0)
    windows = np.repeat(np.arange(len(from_)), counts)
    offsets = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    pieces = low[windows] + offsets
    over = sorted_ends[pieces] >= from_[windows] if touching else sorted_ends[pieces] > from_[windows]
    return order[pieces[over]], windows[over]


def ratio(above: NDArray[np.number], below: NDArray[np.number]) -> Floats:
    """The quotient of each pair, 0 where the divisor is 0."""
    quotient = np.zeros(len(above), np.float64)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient
