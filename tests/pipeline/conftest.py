"""A small world of stages, one of every role, that load nothing."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest

from ragkit.components import Between
from ragkit.errors import InvalidValueError
from ragkit.pipeline import Stage
from ragkit.registry import stage, stage_names, temporary_stages
from ragkit.types import Hits

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings


@pytest.fixture(scope="module")
def world() -> Iterator[SimpleNamespace]:
    """These stages and no others, as expressions by name, and a few of the classes behind them."""
    with temporary_stages(installed=False):
        yield SimpleNamespace(**register(), **{name: Stage(name) for name in stage_names()})


def register() -> dict[str, Any]:
    @stage("load")
    class Load:
        """Reads."""

        def load(self, source: Any) -> Any: ...

    @stage("html")
    class Html:
        """Finds the main text."""

        def extract(self, document: Any) -> Any: ...

    @stage("chunk")
    class Chunk:
        """Cuts documents."""

        def __init__(
            self,
            tokens: Annotated[int, Between(1, 1000)] = 200,
            overlap: Annotated[int, Between(0)] = 0,
            by: Literal["sentence", "word"] = "sentence",
        ) -> None:
            if overlap >= tokens:
                raise InvalidValueError(f"overlap={overlap} leaves nothing of tokens={tokens}")

        def chunk(self, document: Any) -> Any: ...

    @stage("tag")
    class Tag:
        """Adds metadata."""

        def enrich(self, chunks: Any) -> Any: ...

    @stage("rewrite")
    class Rewrite:
        """Makes a better question."""

        def rewrite(self, query: Any) -> Any: ...

    @stage("bm25")
    class BM25:
        """Finds words."""

        def __init__(self, k1: Annotated[float, Between(0, 10)] = 1.5) -> None: ...

        def add(self, chunks: Any) -> Any: ...

        def remove(self, chunk_ids: Any) -> Any: ...

        def search(self, query: Any, k: int) -> Any: ...

    @stage("dense")
    class Dense(BM25):
        """Finds meaning."""

        def __init__(self, model: str | Embeddings = "minilm") -> None: ...

    @stage("trigraph")
    class TriGraph:
        """Finds along entities."""

        def derive(self, chunks: Any) -> Any: ...

        def open(self, shelf: Any) -> Any: ...

        def search(self, query: Any, k: int) -> Any: ...

    @stage("memory")
    class Memory:
        """Remembers."""

        def __init__(self, *, scope: str) -> None: ...

        def search(self, query: Any, k: int) -> Any: ...

    @stage("rerank")
    class Rerank:
        """Orders better."""

        def rerank(self, hits: Any) -> Any: ...

    @stage("free")
    class Free:
        """Takes any parameters."""

        def __init__(self, /, **anything: Any) -> None: ...

        def rerank(self, hits: Any) -> Any: ...

    @stage("shortest")
    def shortest(hits: Hits, *, limit: int = 3) -> Hits:
        """The shortest first."""
        return hits.rescored(lambda hit: -len(hit.chunk.text)).best(limit)

    @stage("answer")
    class Answer:
        """Answers."""

        def __init__(self, model: str | None = None) -> None: ...

        def answer(self, hits: Any) -> Any: ...

    return {"Rerank": Rerank, "BM25": BM25, "shortest_function": shortest}
