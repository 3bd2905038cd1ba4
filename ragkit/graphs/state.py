"""An opened graph: its rows, arrays and vectors in memory, following the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from ragkit.graphs.arrays import GraphArrays, TriGraphArrays, VectorTable
from ragkit.graphs.frozen import freeze, thaw
from ragkit.store.table import RowTable

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from ragkit.components import Ints, Rows, Shelf

A = TypeVar("A", bound=GraphArrays)

WORTH_KEEPING = 5_000  # passages; fewer are read in no time
VECTORS = "passage vectors"


class GraphState(Generic[A]):
    """What queries of one graph work on; `refresh` before each search brings it up to date."""

    def __init__(self, shelf: Shelf, dim: int) -> None:
        self.shelf, self.dim = shelf, dim
        self.table = RowTable()
        self.arrays = self.build(self.table.rows)
        none = np.zeros(0, dtype=np.int64)
        self.passages, self.sentences, self.entities = (VectorTable(none, dim) for _ in range(3))

    def build(self, rows: Rows) -> A:
        """The graph's arrays, made of its rows."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Follow the store; cheap when nothing changed."""
        if self.table.generation < 0 and self._resumed():
            return
        first = self.table.generation < 0
        if not self.table.refresh(self.shelf):
            return
        self.arrays = self.build(self.table.rows)
        self.passages = self.passages.moved(self.arrays.passage_texts)
        self.sentences = self.sentences.moved(self.arrays.sentences)
        self.entities = self.entities.moved(self.arrays.entities)
        vectors = self.passages.all(self.shelf)
        if first and len(vectors) >= WORTH_KEEPING:
            self.shelf.keep({**freeze(self.arrays), VECTORS: vectors.astype("<f2")})

    def _resumed(self) -> bool:
        """Take up what an earlier opening kept, if the store has not changed since."""
        generation, kept = self.shelf.generation, self.shelf.kept()
        if kept.keys() != {*freeze(self.arrays), VECTORS}:
            return False  # nothing was kept, or an earlier version kept other arrays
        thaw(self.arrays, kept)
        self.passages = VectorTable(self.arrays.passage_texts, self.dim)
        self.passages.vectors[:] = kept[VECTORS]  # stored as float16 to begin with, so nothing is lost
        self.passages.there[:] = True
        self.sentences = VectorTable(self.arrays.sentences, self.dim)
        self.entities = VectorTable(self.arrays.entities, self.dim)
        self.table.generation = generation  # the rows themselves are read when something changes
        return True


class State(GraphState[TriGraphArrays]):
    """That of the Tri-Graph; `linked` joins chunks that follow each other in one document."""

    def __init__(self, shelf: Shelf, dim: int, linked: bool) -> None:
        self.linked = linked
        super().__init__(shelf, dim)

    def build(self, rows: Rows) -> TriGraphArrays:
        """The arrays, with the links between neighbours where they are wanted."""
        return TriGraphArrays(rows, self._links(rows.slots) if self.linked else None)

    def _links(self, slots: Ints) -> csr_matrix:
        """1 between consecutive chunks of the same document, by position; never across documents."""
        from scipy.sparse import csr_matrix

        chunks = self.shelf.chunks(slots)
        order = sorted(
            range(len(chunks)), key=lambda place: (chunks[place].document_id, chunks[place].start, chunks[place].id)
        )
        pairs = [
            (one, two)
            for one, two in zip(order, order[1:], strict=False)
            if chunks[one].document_id == chunks[two].document_id
        ]
        rows = [one for one, _ in pairs] + [two for _, two in pairs]
        columns = [two for _, two in pairs] + [one for one, _ in pairs]
        return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(chunks), len(chunks)))
