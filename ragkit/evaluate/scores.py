"""The scores of retrieved spans against gold spans (Smith and Troynikov, "Evaluating Chunking Strategies", 2024).

With E the merged gold of a question, R the union of what was retrieved, h = |E & R|, n the summed length of what was
retrieved (a unit retrieved twice counts twice) and u = |R|:

    recall  h / |E|        precision         h / n    iou      h / (n + |E| - h)    f1  2h / (n + |E|)
                           precision_unique  h / u    jaccard  h / (u + |E| - h)    redundancy  1 - u / n

A question for which nothing was retrieved scores 0 everywhere; no score is ever NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ragkit.evaluate.line import Cover, Flat, Floats, Ints, overlapping, ratio
from ragkit.evaluate.units import Line, Unit, lengths_of
from ragkit.types import Span

Occurrences = Literal["first", "all"]


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one question; `h`, `n`, `u`, `gold` are the counts of units they are made of."""

    recall: float
    precision: float
    iou: float
    precision_unique: float
    jaccard: float
    f1: float
    redundancy: float
    span_recall: float
    hit: float
    rr: float
    h: int
    n: int
    u: int
    gold: int


@dataclass(frozen=True)
class Gold:
    """The gold spans of all questions; `repeats` has, for each, its other verbatim places in the document.

    `repeats` holds (number of the merged gold span, start, end), see `ragkit.evaluate.repeats`.
    """

    spans: Flat
    repeats: tuple[Ints, Ints, Ints] | None = None


def score(
    gold: Sequence[Span],
    retrieved: Sequence[Span],
    *,
    texts: Mapping[str, str] | None = None,
    unit: Unit = "char",
    occurrences: Occurrences = "first",
) -> Scores:
    """The scores of one question; `retrieved` is best first.

    `texts` are the documents by id, needed for any unit but "char", for `occurrences="all"`, and to check that spans
    lie in their documents. Raises `SpanError` for spans that do not, `ValueError` without gold.

    >>> found = score([Span("d", 10, 30)], [Span("d", 0, 20), Span("d", 40, 60)])
    >>> found.recall, found.precision, found.iou
    (0.5, 0.25, 0.2)
    """
    if not gold:
        raise ValueError("a question without gold spans cannot be scored")
    if texts is None and (unit != "char" or occurrences == "all"):
        raise ValueError("give texts=, the documents by id: this unit, or occurrences='all', needs them")
    line = Line.of(texts, unit) if texts is not None else Line.of_lengths(lengths_of([*gold, *retrieved]))
    placed = Gold(line.flat([gold], gold=True))
    if occurrences == "all":
        from ragkit.evaluate.repeats import with_repeats

        assert texts is not None
        placed = with_repeats(placed, [gold], texts, line)
    columns = score_all(placed, line.flat([list(dict.fromkeys(retrieved))]))
    values: dict[str, Any] = {name: float(columns[name][0]) for name in Scores.__dataclass_fields__}
    return Scores(**values | {name: int(values[name]) for name in ("h", "n", "u", "gold")})


def score_all(gold: Gold, ranked: Flat, *, min_overlap: int = 1, share: float = 0.5) -> dict[str, Floats]:
    """All scores of all questions: for each score an array with a value for each question.

    `ranked` holds what was retrieved, best first. `min_overlap` is how many gold units make a chunk relevant, for `hit`
    and `rr`; `share` the part of a gold span that must be retrieved for it to count in `span_recall`.
    """
    size = gold.spans.covered
    n, u = ranked.total(ranked.size), ranked.covered
    h, h_of_retrieved = _shared(gold, ranked)
    columns = {
        "recall": ratio(h, size),
        "precision": ratio(h_of_retrieved, n),
        "iou": ratio(h, n - h_of_retrieved + size),
        "precision_unique": ratio(h_of_retrieved, u),
        "jaccard": ratio(h, u - h_of_retrieved + size),
        "f1": ratio(2 * h, n + size),
        "redundancy": np.where(n > 0, 1 - ratio(u, n), 0.0),
        "span_recall": _span_recall(gold.spans, ranked, share),
        "h": h,
        "n": n,
        "u": u,
        "gold": size,
    }
    columns["hit"], columns["rr"] = _first_relevant(gold.spans, ranked, min_overlap)
    return {name: np.asarray(values, np.float64) for name, values in columns.items()}


def _shared(gold: Gold, ranked: Flat) -> tuple[Ints, Ints]:
    """Gold units found, and retrieved units that are gold: these differ only when gold passages are repeated."""
    if gold.repeats is None:
        shared = ranked.shared(gold.spans)
        return shared, shared
    return _repeated(gold, ranked)


def _repeated(gold: Gold, ranked: Flat) -> tuple[Ints, Ints]:
    assert gold.repeats is not None
    number, starts, ends = gold.repeats
    stride, questions = ranked.stride, ranked.questions
    pieces = ranked.cover
    merged = gold.spans.cover
    piece, place = overlapping(pieces.starts, pieces.ends, starts, ends)
    low = np.maximum(pieces.starts[piece], starts[place]) - starts[place]
    high = np.minimum(pieces.ends[piece], ends[place]) - starts[place]
    span = number[place]
    high = np.minimum(high, merged.sizes[span])
    found = Cover.of(merged.starts[span] + low, merged.starts[span] + high)
    h = np.zeros(questions, np.int64)
    np.add.at(h, found.starts // stride, found.sizes)
    area = Cover.of(starts, ends)
    inside = np.zeros(questions, np.int64)
    np.add.at(inside, pieces.starts // stride, area.inside(pieces.starts, pieces.ends))
    return h, inside


def _span_recall(gold: Flat, ranked: Flat, share: float) -> Floats:
    starts, ends = gold.places
    found = ranked.cover.inside(starts, ends) >= share * gold.size
    return ratio(gold.total(found.astype(np.int64)), gold.total(np.ones(len(gold.owner), np.int64)))


def _first_relevant(gold: Flat, ranked: Flat, min_overlap: int) -> tuple[Floats, Floats]:
    relevant = np.flatnonzero(gold.cover.inside(*ranked.places) >= min_overlap)
    questions, first = np.unique(ranked.owner[relevant], return_index=True)
    hit, rr = np.zeros(ranked.questions), np.zeros(ranked.questions)
    hit[questions] = 1.0
    rr[questions] = 1.0 / (ranked.rank[relevant[first]] + 1)
    return hit, rr
