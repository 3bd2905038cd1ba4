"""What a chunking allows at best: scores from the chunks and the gold alone, without a retriever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragkit.evaluate.line import Flat, Floats, Ints, overlapping, ratio
from ragkit.evaluate.units import Line, lengths_of
from ragkit.types import Span


@dataclass(frozen=True, slots=True)
class OracleScores:
    """See `oracle_all`."""

    precision_omega: float
    ceiling_recall: float
    oracle_precision: float
    oracle_k: int


def oracle(gold: Sequence[Span], chunks: Sequence[Span], *, touching: bool = False) -> OracleScores:
    """The oracle scores of one question, in characters.

    >>> oracle([Span("d", 20, 40)], [Span("d", 0, 20), Span("d", 20, 40), Span("d", 40, 60)])
    OracleScores(precision_omega=1.0, ceiling_recall=1.0, oracle_precision=1.0, oracle_k=1)
    """
    if not gold:
        raise ValueError("a question without gold spans cannot be scored")
    line = Line.of_lengths(lengths_of([*gold, *chunks]))
    columns = oracle_all(line.flat([gold], gold=True), *line.place(chunks), touching=touching)
    omega, ceiling, precision, k = (float(values[0]) for values in columns.values())
    return OracleScores(omega, ceiling, precision, int(k))


def relevant_chunks(gold: Flat, starts: Ints, ends: Ints, *, touching: bool = False) -> tuple[Ints, Ints]:
    """The chunks that share a unit with a question's gold, as pairs (question, chunk), sorted, each once.

    With `touching`, also those that end where a gold span starts or start where it ends, as the reference has it.
    """
    chunk, span = overlapping(starts, ends, gold.start, gold.end, touching=touching)
    pairs = np.unique(gold.owner[span] * len(starts) + chunk)
    return np.divmod(pairs, max(1, len(starts)))


def oracle_all(gold: Flat, starts: Ints, ends: Ints, *, touching: bool = False) -> dict[str, Floats]:
    """The oracle scores of each question, with T the chunks that share a unit with its gold E.

    - `precision_omega`: |E & union of T| / |E or union of T|, the efficiency if just T were retrieved;
    - `ceiling_recall`: |E & union of T| / |E|, below 1 when the chunks leave text out;
    - `oracle_precision`: |E & union of T| / summed length of T;
    - `oracle_k`: how many chunks T has.
    """
    question, chunk = relevant_chunks(gold, starts, ends, touching=touching)
    best = Flat(gold.questions, question, starts[chunk], ends[chunk], gold.stride)
    shared, union = best.shared(gold), best.together(gold).covered
    return {
        "precision_omega": ratio(shared, union),
        "ceiling_recall": ratio(shared, gold.covered),
        "oracle_precision": ratio(shared, best.total(best.size)),
        "oracle_k": best.total(np.ones(len(question), np.int64)).astype(np.float64),
    }
