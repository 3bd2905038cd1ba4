"""Segments for a query by words alone: the section that fits best, or what stands around the best segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkit.errors import InvalidValueError
from ragkit.extractors.html.fitting import asked, fitted
from ragkit.extractors.html.intervals import IntervalSet
from ragkit.extractors.html.outline import NO_LEVEL
from ragkit.extractors.html.types import Page, Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.queryfeatures import View

    Floats = NDArray[np.float64]

HEADINGS = 0.5  # weight of the words of the governing headings in a segment's score
LIKENESS = 1.5  # what a heading of just the query's words adds to its section, in shares of a full match
ALIKE = 0.5  # share of common words from which a heading decides whatever the size of its section
LONGEST = 400  # words of a stretch that may be an answer as a whole


class LexicalQE:
    """Finds what shares most with the query, by BM25 on the page; needs no model.

    The best section counts as one document, and the more its heading is the query the more it is worth. When it is
    longer than an answer, the segments between two headings around the best one are chosen, else that one with its
    neighbours; segments count with their own words and, at half weight, those of the headings above them. Nothing is
    chosen that holds less than `least_cover` of the query's words, rare ones counting most.
    """

    name = "lexical"

    def __init__(self, *, least_cover: float = 0.3) -> None:
        if not 0 <= least_cover <= 1:
            raise InvalidValueError(f"LexicalQE: least_cover is a share from 0 to 1, not {least_cover}")
        self.least_cover = least_cover

    def predict(self, page: Page, query: str | None = None, *, budget_words: int | None = None) -> Prediction:
        """The segments of the best stretch; empty when it holds too small a share of the words (`detail["cover"]`)."""
        import numpy as np

        from ragkit.extractors.html.queryfeatures import view_of

        view = view_of(page, asked(query), np.ones(len(page.segments)))
        scores = lexical_scores(view)
        best = float(scores.max(initial=0.0))
        scaled = tuple((scores / best).round(6).tolist()) if best > 0 else (0.0,) * len(scores)
        if best <= 0:
            return Prediction(IntervalSet(), scaled, detail={"cover": 0.0, "reason": "no word of the query is there"})
        first, last = _stretch(view, scores)
        cover = _cover(view, first, last)
        if cover < self.least_cover:
            return Prediction(IntervalSet(), scaled, detail={"cover": cover, "reason": "too few words of the query"})
        chosen = IntervalSet.of(i + 1 for i in range(first, last) if view.words[i] > 0)
        return Prediction(fitted(page, chosen, scaled, budget_words), scaled, detail={"cover": cover})


def lexical_scores(view: View) -> Floats:
    """(n,) BM25 scores of the segments with their headings at half weight; 0 where a segment must not be chosen."""
    import numpy as np

    matches = view.matches
    return np.where(view.usable, matches.bm25(matches.counts + HEADINGS * view.path_counts, matches.lengths), 0.0)


def _stretch(view: View, scores: Floats) -> tuple[int, int]:
    """Positions, half open, of the best section without its heading, or of what stands around the best segment."""
    import numpy as np

    outline = view.outline
    text = scores * (outline.level == NO_LEVEL)
    one = int(np.argmax(text)) if text.any() else int(np.argmax(scores))
    total = np.concatenate(([0.0], np.cumsum(view.words)))
    if (section := _section(view, total)) is not None:
        head, first, last = section
        if total[last] - total[first] <= LONGEST or view.alike[head] >= ALIKE:
            return first, last
    first, last = int(outline.run_start[one]), int(outline.run_end[one])
    if total[last] - total[first] <= LONGEST:
        return first, last
    return max(first, one - 1), min(last, one + 2)


def _section(view: View, total: Floats) -> tuple[int, int, int] | None:
    """Position of the heading of the best section, and of its segments; None when no section holds a segment."""
    import numpy as np

    outline, matches = view.outline, view.matches
    ends = outline.end[outline.headings]
    filled = total[ends] > total[outline.headings + 1]
    heads, ends = outline.headings[filled], ends[filled]
    if not len(heads):
        return None
    counts = np.concatenate((np.zeros((1, len(matches.terms))), np.cumsum(matches.counts, axis=0)))
    lengths = np.concatenate(([0.0], np.cumsum(matches.lengths)))
    fit = matches.bm25(counts[ends] - counts[heads], lengths[ends] - lengths[heads])
    best = int(np.argmax(fit / max(float(matches.weights.sum()), 1e-9) + LIKENESS * view.alike[heads]))
    return int(heads[best]), int(heads[best]) + 1, int(ends[best])


def _cover(view: View, first: int, last: int) -> float:
    """How much of the query a stretch and the headings above it hold."""
    counts = view.matches.counts[first:last].sum(axis=0) + view.path_counts[first]
    return round(float(view.matches.coverage(counts[None, :])[0]), 6)
