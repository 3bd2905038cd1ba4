"""The dense index: exact cosine similarity of the question with every chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ragkit.components import Derived
from ragkit.models.embedders import DEFAULT_MODEL, TextEmbedder, load_embedder
from ragkit.retrieve.ranking import allowed, as_hits, best
from ragkit.text.heads import indexed_text
from ragkit.types import Chunk, Hits, Query

if TYPE_CHECKING:
    import numpy as np
    from langchain_core.embeddings import Embeddings
    from numpy.typing import NDArray

    from ragkit.components import Embedder, Ints, Shelf, Vectors

# Single and batched products differ by about this much; candidates so near the last one are compared again, exactly.
ROUNDING = 4e-6
BATCH = 64  # questions in one product: 64 x 100,000 similarities are 26 MB


@dataclass(frozen=True, slots=True)
class _Opened:
    """One state of the store: the vector of the chunk in `slots[row]` is `matrix[row]`."""

    shelf: Shelf
    generation: int
    slots: Ints
    matrix: Vectors


class Dense:
    """Finds chunks whose meaning is near the question's: cosine of embeddings, exact, over all chunks.

    `model` is "minilm" (packaged), "static" (packaged, faster, less exact), a sentence-transformers folder or name, an
    `Embedder`, or LangChain `Embeddings`.
    """

    def __init__(self, model: str | Embedder | Embeddings = DEFAULT_MODEL) -> None:
        self.model = model
        self._opened: _Opened | None = None

    @cached_property
    def embedder(self) -> TextEmbedder:
        """The embedder of chunks and questions."""
        return load_embedder(self.model)

    @property
    def fingerprint(self) -> str:
        """Names the model."""
        return f"dense chunks 1 by {self.embedder.fingerprint}"

    def derive(self, chunks: Sequence[Chunk]) -> list[Derived]:
        """The text of each chunk under its title or heading."""
        return [Derived(texts=(indexed_text(chunk),)) for chunk in chunks]

    def open(self, shelf: Shelf) -> None:
        """Read the vectors that are new and drop those that are gone; nothing when nothing changed."""
        import numpy as np

        before, generation = self._opened, shelf.generation
        if before is None or before.shelf is not shelf:
            rows = shelf.rows()
            self._opened = _Opened(shelf, generation, rows.slots, shelf.vectors(rows.texts))
            return
        if before.generation == generation:
            return
        live = shelf.live()
        new = shelf.rows(np.setdiff1d(live, before.slots, assume_unique=True))
        stay = np.isin(before.slots, live, assume_unique=True)
        slots, matrix = before.slots, before.matrix
        if not stay.all():
            slots, matrix = slots[stay], matrix[stay]
        if len(new.slots):
            slots = np.concatenate([slots, new.slots])
            matrix = np.concatenate([matrix, shelf.vectors(new.texts)])
        self._opened = _Opened(shelf, generation, slots, matrix)

    def search(self, query: Query, k: int) -> Hits:
        """The `k` nearest chunks that pass the question's filter; scores are cosines, rounded to 6 digits."""
        return self.search_batch([query], k)[0]

    def search_batch(self, queries: Sequence[Query], k: int) -> list[Hits]:
        """The same for many questions, which are embedded and compared together."""
        opened = self._opened
        if opened is None:
            raise RuntimeError("dense was not opened; call open(shelf) before search")
        if not len(opened.slots) or k <= 0:
            return [Hits(query) for query in queries]
        found: list[Hits] = []
        for start in range(0, len(queries), BATCH):
            part = queries[start : start + BATCH]
            vectors = self.embedder.embed([query.text for query in part], query=True)
            similar = opened.matrix @ vectors[0][:, None] if len(part) == 1 else opened.matrix @ vectors.T
            found += [_nearest(opened, query, vectors[i], similar[:, i], k) for i, query in enumerate(part)]
        return found


def _nearest(opened: _Opened, query: Query, vector: NDArray[np.float32], similar: NDArray[np.float32], k: int) -> Hits:
    import numpy as np

    passing = allowed(query, opened.shelf, opened.slots)
    rows = np.arange(len(similar)) if passing is None else np.flatnonzero(passing)
    if len(rows) > k:
        near = similar[rows]
        rows = rows[near >= np.partition(near, len(near) - k)[len(near) - k] - ROUNDING]
    exact = opened.matrix[rows].astype(np.float64) * vector.astype(np.float64)
    scores = exact.sum(axis=1).round(6)
    places = best(scores, k, lambda places: opened.shelf.chunk_ids(opened.slots[rows[places]]))
    return as_hits(query, opened.shelf, opened.slots[rows[places]], scores[places].tolist(), "dense")
