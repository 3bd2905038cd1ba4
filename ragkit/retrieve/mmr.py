"""Maximal marginal relevance: hits that say something new (Carbonell and Goldstein, SIGIR 1998)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from ragkit.components import Between
from ragkit.models.embedders import DEFAULT_MODEL, load_embedder
from ragkit.retrieve.vectors import RememberedVectors
from ragkit.text.heads import indexed_text
from ragkit.types import Hit, Hits

if TYPE_CHECKING:
    import numpy as np
    from langchain_core.embeddings import Embeddings
    from numpy.typing import NDArray

    from ragkit.components import Embedder

    Floats = NDArray[np.float64]


class MMR:
    """Orders hits so that each is relevant and unlike those before it; `mmr % 8` keeps eight.

    A hit's value is `balance` x its relevance (its score, scaled to 0..1 over the hits) minus (1 - `balance`) x its
    greatest cosine with a hit chosen before; 1 keeps the order, 0 looks at novelty only.
    """

    def __init__(
        self, balance: Annotated[float, Between(0, 1)] = 0.7, model: str | Embedder | Embeddings = DEFAULT_MODEL
    ) -> None:
        self.balance, self.model = balance, model
        self._vectors: RememberedVectors | None = None

    def rerank(self, hits: Hits) -> Hits:
        """All the hits, in the new order."""
        if not len(hits):
            return hits
        if self._vectors is None:
            self._vectors = RememberedVectors(load_embedder(self.model))
        vectors = self._vectors.of([indexed_text(hit.chunk) for hit in hits])
        similar = (vectors.astype("float64") @ vectors.astype("float64").T).round(6)
        return Hits(hits.query, self._chosen(hits, _scaled(hits), similar), hits.trace)

    def _chosen(self, hits: Hits, relevance: Floats, similar: Floats) -> tuple[Hit, ...]:
        import numpy as np

        ids = [hit.chunk.id for hit in hits]
        left = sorted(range(len(hits)), key=lambda place: ids[place])
        nearest = np.zeros(len(hits))
        chosen: list[Hit] = []
        while left:
            values = self.balance * relevance - (1 - self.balance) * nearest
            place = max(left, key=lambda place: values[place])  # the first of equals, so the smallest id
            left.remove(place)
            entry = {
                "rank": len(chosen) + 1,
                "score": float(values[place]),
                "relevance": float(relevance[place]),
                "similar": float(nearest[place]),
            }
            chosen.append(Hit(hits[place].chunk, float(values[place]), {**hits[place].why, "mmr": entry}))
            nearest = np.maximum(nearest, similar[place])
        return tuple(chosen)


def _scaled(hits: Hits) -> Floats:
    import numpy as np

    scores = np.clip(np.array([hit.score for hit in hits], dtype=np.float64), -1e300, 1e300)
    low, high = scores.min() / 2, scores.max() / 2  # halves, as the difference of two huge numbers overflows
    if high <= low:
        return np.ones(len(scores))
    return np.asarray((scores / 2 - low) / (high - low))
