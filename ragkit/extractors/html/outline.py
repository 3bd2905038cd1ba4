"""A page's headings as arrays: what stands under which, so that sections and their sums are slices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.types import Page

    Ints = NDArray[np.int64]

NO_LEVEL = 9  # of what is no heading
ASIDE = 7  # of terms and summaries, which head what follows them in their list or `details`
_BOXES = {"term": "dl", "summary": "details"}


@dataclass(frozen=True)
class Outline:
    """Positions (0-based) of a page's n segments and their sections.

    `level` is 1..6 for headings, 7 for terms and summaries, else 9. `end[i]` is where the section of heading i ends
    (before the next heading of its level or a higher one), for others i + 1. `heading[i]` is the nearest heading that
    governs i, -1 for none; headings are governed by those above them. `run_start[i]`, `run_end[i]` bound the segments
    between two headings.
    """

    level: Ints
    end: Ints
    heading: Ints
    run_start: Ints
    run_end: Ints

    @staticmethod
    def of(page: Page) -> Outline:
        """The outline of a page, in one pass."""
        import numpy as np

        n = len(page.segments)
        level = np.array([_level(s.kind, s.level) for s in page.segments], dtype=np.int64)
        end, heading = np.arange(1, n + 1), np.full(n, -1)
        run_start, run_end = np.arange(n), np.arange(1, n + 1)
        stack: list[tuple[int, int]] = []  # headings still open, and where they end at the latest
        for i in range(n):
            while stack and (stack[-1][1] <= i or level[stack[-1][0]] >= level[i]):
                end[stack.pop()[0]] = i
            heading[i] = stack[-1][0] if stack else -1
            if level[i] < NO_LEVEL:
                stack.append((i, _limit(page, i, n) if level[i] == ASIDE else n))
            elif i and level[i - 1] == NO_LEVEL and heading[i] == heading[i - 1]:
                run_start[i] = run_start[i - 1]
        for opened, _ in stack:
            end[opened] = n
        for i in range(n - 2, -1, -1):
            if run_start[i + 1] == run_start[i] and level[i] == NO_LEVEL:
                run_end[i] = run_end[i + 1]
        return Outline(level, end, heading, run_start, run_end)

    @cached_property
    def headings(self) -> Ints:
        """The positions of the headings."""
        import numpy as np

        return np.flatnonzero(self.level < NO_LEVEL)

    def path(self, position: int) -> list[int]:
        """The headings that govern a position, innermost first."""
        found: list[int] = []
        above = int(self.heading[position])
        while above >= 0:
            found.append(above)
            above = int(self.heading[above])
        return found


def _level(kind: str, level: int) -> int:
    return level if kind == "heading" else ASIDE if kind in _BOXES else NO_LEVEL


def _limit(page: Page, position: int, n: int) -> int:
    """Where the list or the `details` ends that a term or a summary belongs to."""
    layout, wanted = page.layout, _BOXES[page.segments[position].kind]
    node = layout.node[position]
    while node >= 0:
        if layout.tag[node] == wanted:
            return layout.last[node]
        node = layout.parent[node]
    return n
