"""LangChain's own suites."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("langchain_tests", reason="langchain-tests is not installed")

from langchain_core.documents import Document
from langchain_core.tools import BaseTool
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import (
    EmbeddingsIntegrationTests,
    RetrieversIntegrationTests,
    ToolsIntegrationTests,
    VectorStoreIntegrationTests,
)
from langchain_tests.unit_tests import EmbeddingsUnitTests

from ragkit import KnowledgeBase
from ragkit.adapters.langchain import RagkitEmbeddings, RagkitRetriever, RagkitVectorStore, knowledge_tools
from ragkit.errors import InvalidValueError
from ragkit.types import Document as Source


def small_base() -> KnowledgeBase:
    kb = KnowledgeBase(":memory:", "chunk >> bm25 >> answer(embedder='')")
    kb.add(
        [Source(f"note {n}", f"The lens of lighthouse number {n} was cast by hand.", f"note-{n}.txt") for n in range(6)]
    )
    return kb


class TestRetriever(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[RagkitRetriever]:
        return RagkitRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"knowledge_base": small_base()}

    @property
    def retriever_query_example(self) -> str:
        return "Who cast the lens of the lighthouse?"


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> VectorStore:  # type: ignore[override]
        return RagkitVectorStore(self.get_embeddings())


class TestVectorStoreWithTheHybridIndex(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Any) -> VectorStore:  # type: ignore[override]
        from ragkit.stages import bm25, dense

        return RagkitVectorStore(path=tmp_path / "vectors.db", index=bm25 + dense(model="hash"))


@pytest.mark.parametrize(
    ("texts", "metadata", "ids", "message"),
    [
        (["cats", " "], None, ["a", "b"], "'b' has no text"),
        (["cats", "dogs"], None, ["a", "a"], "stands twice"),
        (["cats", "dogs"], None, ["a", 5], "a text, not 5"),
        (["cats", "dogs"], [{}, {"x": float("nan")}], ["a", "b"], "no JSON"),
    ],
)
def test_texts_that_cannot_be_stored_are_named_and_none_is_added(texts, metadata, ids, message):
    store = RagkitVectorStore("static")
    with pytest.raises(InvalidValueError, match=message):
        store.add_texts(texts, metadata, ids=ids)
    assert store.get_by_ids(["a", "b"]) == []


class TestEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[RagkitEmbeddings]:
        return RagkitEmbeddings


class TestEmbeddingsUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[RagkitEmbeddings]:
        return RagkitEmbeddings


class _Tool(ToolsIntegrationTests):
    place: int
    arguments: dict[str, Any]

    @property
    def tool_constructor(self) -> BaseTool:
        return knowledge_tools(small_base())[self.place]

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return self.arguments


class TestAsk(_Tool):
    place = 0
    arguments = {"question": "Who cast the lens?"}


class TestSearch(_Tool):
    place = 1
    arguments = {"question": "Who cast the lens?", "k": 2}


class TestRead(_Tool):
    place = 2
    arguments = {"document_id": "note 1", "start": 4, "end": 8, "context": 10}


del Document, _Tool
