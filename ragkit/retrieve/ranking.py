"""Cutting scores to the best, exactly: by score, ties by chunk id, without asking for the ids of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ragkit.types import Chunk, Hit, Hits, Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.components import Ints, Shelf


def best(scores: NDArray[np.float64], k: int, ids_of: Callable[[Ints], Sequence[str]]) -> Ints:
    """The places of at least the `k` best scores, unordered; among those equal to the last, the smallest ids are taken.

    `ids_of` gives the ids at some places; it is called only when a tie has to be cut.
    """
    import numpy as np

    if k <= 0:
        return np.zeros(0, dtype=np.int64)
    if k >= len(scores):
        return np.arange(len(scores))
    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    places = np.flatnonzero(scores >= last)
    if len(places) == k:
        return places
    above, tied = places[scores[places] > last], places[scores[places] == last]
    by_id = sorted(zip(ids_of(tied), tied.tolist(), strict=True))
    return np.concatenate([above, np.array([place for _, place in by_id[: k - len(above)]], dtype=np.int64)])


def as_hits(query: Query, shelf: Shelf, slots: Ints, scores: Sequence[float], stage: str) -> Hits:
    """Hits of the chunks in these slots, ordered, each with its rank and score noted under the stage's name."""
    chunks = shelf.chunks(slots)
    order = sorted(zip(scores, chunks, strict=True), key=lambda pair: (-pair[0], pair[1].id))
    return Hits(query, tuple(_hit(chunk, float(score), stage, rank) for rank, (score, chunk) in enumerate(order, 1)))


def allowed(query: Query, shelf: Shelf, slots: Ints) -> NDArray[np.bool_] | None:
    """Which of these slots (ascending) pass the query's filter, or None when it has none."""
    import numpy as np

    if not query.filter:
        return None
    return np.isin(slots, shelf.matching(query.filter), assume_unique=True)


def _hit(chunk: Chunk, score: float, stage: str, rank: int) -> Hit:
    why: dict[str, Any] = {stage: {"rank": rank, "score": score}}
    return Hit(chunk, score, why)
