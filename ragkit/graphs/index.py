"""What the graph stages share: their embedder, opening, and searches of one or many questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from ragkit.components import Embedder, Shelf
from ragkit.errors import InvalidValueError, StoreError
from ragkit.types import Hits, Query

if TYPE_CHECKING:
    from ragkit.components import Vectors
    from ragkit.graphs.state import GraphState

S = TypeVar("S", bound="GraphState[Any]")


class GraphIndex(Generic[S]):
    """A `StoredIndex` that keeps its graph in memory and follows the store."""

    stage: ClassVar[str]
    model: str | Any
    _state: S | None

    @property
    def embedder(self) -> Embedder:
        """Embeds chunks, sentences, entities and questions."""
        from ragkit.models.embedders import load_embedder

        return load_embedder(self.model)

    def open(self, shelf: Shelf) -> None:
        """Read what changed in the store."""
        if self._state is None or self._state.shelf is not shelf:
            self._state = self._new_state(shelf)
        self._state.refresh()

    def search(self, query: Query, k: int) -> Hits:
        """The k best chunks for a question."""
        return self.search_batch([query], k)[0]

    def search_batch(self, queries: Sequence[Query], k: int) -> list[Hits]:
        """The k best chunks for each question."""
        if k < 0:
            raise InvalidValueError(f"k must be 0 or more, it was {k}")
        state = self._opened()
        if k == 0 or not len(state.arrays.slots):
            return [Hits(query) for query in queries]
        vectors = self.embedder.embed([query.text for query in queries], query=True)
        return self._found(state, queries, vectors, k)

    def _new_state(self, shelf: Shelf) -> S:
        """An empty graph for a shelf."""
        raise NotImplementedError

    def _found(self, state: S, queries: Sequence[Query], vectors: Vectors, k: int) -> list[Hits]:
        """The hits of questions with their vectors; there is a chunk, and k is above 0."""
        raise NotImplementedError

    def _opened(self) -> S:
        if self._state is None:
            raise StoreError(f"{self.stage} was not opened; use it through a KnowledgeBase, or call open(shelf) first")
        return self._state
