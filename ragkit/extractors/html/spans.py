"""Stretches of a page that could answer a query: sections, containers, pieces of what stands between two headings.

Answers that stand under a heading of their own are sections; where no heading says so, the element around them, or the
segments from one to the end of a run, are what an author would have put a heading over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.extractors.html.outline import NO_LEVEL, Outline

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.types import Page

    Ints = NDArray[np.int64]

SECTION, LEAD, NODE, RUN, PREFIX, SUFFIX, WINDOW, SIMILAR = (1 << place for place in range(8))
NAMES = ("section", "lead", "node", "run", "prefix", "suffix", "window", "similar")
WINDOW_LENGTH = 6  # segments of the longest window
LONGEST = 60  # segments of a prefix or suffix of a run
MOST_WORDS = 1500
ANCHORS = 24  # segments around which windows, prefixes and suffixes are tried


@dataclass(frozen=True)
class Spans:
    """m stretches: positions `first` (m,) to `last` (m,), half open, and how each came about, as bits (`NAMES`)."""

    first: Ints
    last: Ints
    origin: Ints

    def __len__(self) -> int:
        return len(self.first)


def candidates(page: Page, outline: Outline, anchors: Ints, words: NDArray[np.float64]) -> Spans:
    """The stretches worth a look, each once, ordered by position.

    `anchors` are the segments that look like answers by themselves; `words` (n,) counts the words that may be chosen.
    Stretches begin with no heading, and have 1 to 1,500 such words.
    """
    import numpy as np

    found: dict[tuple[int, int], int] = {}
    total = np.concatenate(([0.0], np.cumsum(words)))

    def add(first: int, last: int, origin: int) -> None:
        while first < last and (outline.level[first] < NO_LEVEL or words[first] == 0):
            first += 1
        while last > first and (outline.level[last - 1] < NO_LEVEL or words[last - 1] == 0):
            last -= 1
        if 0 < total[last] - total[first] <= MOST_WORDS:
            found[first, last] = found.get((first, last), 0) | origin

    for head in outline.headings.tolist():
        end = int(outline.end[head])
        following = outline.headings[np.searchsorted(outline.headings, head, side="right") :]
        add(head + 1, end, SECTION)
        add(head + 1, min(end, int(following[0])) if len(following) else end, LEAD)
    for first, last in dict.fromkeys(zip(page.layout.first, page.layout.last, strict=True)):
        add(first, last, NODE)
    for first, last in _alike(page, outline):
        add(first, last, SIMILAR)
    _around(outline, anchors, add)
    keys = sorted(found)
    made = np.array(keys, dtype=np.int64).reshape(len(keys), 2)
    return Spans(made[:, 0], made[:, 1], np.array([found[key] for key in keys], dtype=np.int64))


def _around(outline: Outline, anchors: Ints, put: Callable[[int, int, int], None]) -> None:
    """Runs that hold an anchor, what of them begins or ends at one, and windows over one."""
    for anchor in anchors.tolist():
        begin, end = int(outline.run_start[anchor]), int(outline.run_end[anchor])
        put(begin, end, RUN)
        for start in range(max(begin, anchor - 2), anchor + 1):
            if end - start <= LONGEST:
                put(start, end, SUFFIX)
        for stop in range(anchor + 1, min(end, anchor + 3) + 1):
            if stop - begin <= LONGEST:
                put(begin, stop, PREFIX)
        for start in range(max(begin, anchor - WINDOW_LENGTH + 1), anchor + 1):
            for stop in range(anchor + 1, min(end, start + WINDOW_LENGTH) + 1):
                put(start, stop, WINDOW)


def _alike(page: Page, outline: Outline) -> list[tuple[int, int]]:
    """Runs of neighbours of one kind, such as the items of a list, alone and with the segment that leads to them."""
    kinds = [segment.kind for segment in page.segments]
    found = []
    begin = 0
    for i in range(1, len(kinds) + 1):
        if i < len(kinds) and kinds[i] == kinds[begin] and outline.level[i] == NO_LEVEL:
            continue
        if i - begin > 1 and outline.level[begin] == NO_LEVEL:
            found.append((begin, i))
            if begin and outline.level[begin - 1] == NO_LEVEL:
                found.append((begin - 1, i))
        begin = i
    return found
