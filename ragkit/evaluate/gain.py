"""Normalised discounted gain, where the gain of a chunk is the gold it adds to the chunks before it."""

from __future__ import annotations

import numpy as np

from ragkit.evaluate.line import Cover, Flat, Floats, Ints, ratio
from ragkit.evaluate.oracle import relevant_chunks


def ndcg_all(gold: Flat, ranked: Flat, starts: Ints, ends: Ints, k: int) -> Floats:
    """NDCG@k of each question, from 0 to 1; `starts`, `ends` are all chunks of the index, in its order.

    The ideal order is a greedy cover of the gold; as greedy may miss the best one when chunks overlap, the quotient is
    cut to 1.
    """
    found, best = dcg(gold, ranked.first(k)), _ideal(gold, starts, ends, k)
    return np.minimum(ratio(found, best), 1.0)


def dcg(gold: Flat, ranked: Flat) -> Floats:
    """The discounted gain of each question: gold units added at each rank / |E|, times 1 / log2(rank + 1)."""
    total = np.zeros(gold.questions)
    before = np.zeros(gold.questions, np.int64)
    for rank in range(int(ranked.rank.max()) + 1 if len(ranked.rank) else 0):
        now = ranked.first(rank + 1).shared(gold)
        total += ratio(now - before, gold.covered) / np.log2(rank + 2)
        before = now
    return total


def _ideal(gold: Flat, starts: Ints, ends: Ints, k: int) -> Floats:
    question, chunk = relevant_chunks(gold, starts, ends)
    ideal = Flat(gold.questions, question, starts[chunk], ends[chunk], gold.stride)
    gains = gold.cover.inside(*ideal.places)
    order = np.lexsort((chunk, -gains, question))
    simple = Flat(gold.questions, question[order], ideal.start[order], ideal.end[order], gold.stride)
    best = dcg(gold, simple.first(k))
    for owner in np.flatnonzero(ideal.covered < ideal.total(ideal.size)):  # chunks overlap: gains depend on the order
        own = question == owner
        best[owner] = _greedy(gold, int(owner), ideal.start[own], ideal.end[own], k)
    return best


def _greedy(gold: Flat, owner: int, starts: Ints, ends: Ints, k: int) -> float:
    """The discounted gain when each step takes the chunk that adds most gold, the first in the index among equals."""
    pieces = Cover.of(gold.start[gold.owner == owner], gold.end[gold.owner == owner])
    size = int(pieces.sizes.sum())
    taken = np.zeros(0, np.int64)
    covered, total = 0, 0.0
    for rank in range(min(k, len(starts))):
        values = [_covered(pieces, starts, ends, np.append(taken, at)) for at in range(len(starts))]
        best = int(np.argmax(values))
        if values[best] == covered:
            break
        total += (values[best] - covered) / size / np.log2(rank + 2)
        covered, taken = values[best], np.append(taken, best)
    return float(total)


def _covered(pieces: Cover, starts: Ints, ends: Ints, chosen: Ints) -> int:
    cover = Cover.of(starts[chosen], ends[chosen])
    return int(pieces.inside(cover.starts, cover.ends).sum())
