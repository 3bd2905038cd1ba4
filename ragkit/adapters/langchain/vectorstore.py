"""A LangChain vector store in one SQLite file: the `dense` index of a knowledge base, each document whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from ragkit.components import Embedder
from ragkit.errors import InvalidValueError
from ragkit.knowledge_base import KnowledgeBase
from ragkit.models.embedders import DEFAULT_MODEL, load_embedder
from ragkit.pipeline.expression import Expression, Stage
from ragkit.types import Document as Source

KEPT = "langchain"  # where a document's own metadata stand, apart from what ragkit adds


class RagkitVectorStore(VectorStore):
    """Documents and their vectors in a SQLite file; exact search, deletion without a trace, several readers.

    `embedding` is a LangChain `Embeddings`, or a name `load_embedder` takes. `index` replaces `dense` by another
    index of ragkit, for example `bm25 + dense` from `ragkit.stages`. Metadata must be JSON values.
    """

    def __init__(
        self,
        embedding: Embeddings | Embedder | str = DEFAULT_MODEL,
        *,
        path: str | Path = ":memory:",
        index: Expression | None = None,
    ) -> None:
        self.embedding = embedding
        whole = Stage("chunk", (("by", "whole"),))
        self.knowledge_base = KnowledgeBase(path, whole >> (index or Stage("dense", (("model", embedding),))))

    @property
    def embeddings(self) -> Embeddings | None:
        """The LangChain embeddings it was made with, if they are."""
        return self.embedding if isinstance(self.embedding, Embeddings) else None

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """A new store of these texts; `path` and `index` as for the constructor."""
        store = cls(embedding, **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add texts; one whose id is there already replaces it. Returns their ids.

        Raises `InvalidValueError` when the lists differ in length, a text is empty, an id stands twice or metadata are
        no JSON; then nothing was added.
        """
        listed = list(texts)
        metadata = metadatas if metadatas is not None else [{} for _ in listed]
        given = list(ids) if ids is not None else [None] * len(listed)
        if not len(listed) == len(metadata) == len(given):
            raise InvalidValueError(f"{len(listed)} texts, {len(metadata)} metadata and {len(given)} ids do not fit")
        named = [id or str(uuid4()) for id in given]
        _checked(named, listed)
        report = self.knowledge_base.add([_source(*one) for one in zip(named, listed, metadata, strict=True)])
        if report.failed or report.skipped:
            first = (*report.failed, *report.skipped)[0]
            raise InvalidValueError(f"document {first.source!r} could not be added: {first.reason}")
        return named

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Delete the documents of these ids; without ids, all. Ids that are not there are passed over."""
        present = {source.id for source in self.knowledge_base.sources()}
        gone = sorted(present if ids is None else present & set(ids))
        if gone:
            self.knowledge_base.remove(*gone)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents of these ids, in their order; ids that are not there are passed over."""
        found = (self.knowledge_base.store.document(id) for id in ids)
        return [_document(one.id, one.text, one.metadata) for one in found if one is not None]

    def similarity_search(
        self, query: str, k: int = 4, filter: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[Document]:
        """The `k` nearest documents whose metadata match the filter, best first."""
        return [document for document, _ in self.similarity_search_with_score(query, k, filter)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, filter: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The same with scores: cosines, or those of the given index."""
        own = {f"{KEPT}.{key}": condition for key, condition in (filter or {}).items()}
        hits = self.knowledge_base.search(query, k=k, filter=own)
        return [(_document(hit.chunk.document_id, hit.chunk.text, hit.chunk.metadata), hit.score) for hit in hits]

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """Of the `fetch_k` nearest documents `k` that are near the question and unlike each other."""
        import numpy as np
        from langchain_core.vectorstores.utils import maximal_marginal_relevance

        found = self.similarity_search(query, fetch_k, **kwargs)
        if not found:
            return []
        embedder = load_embedder(self.embedding)
        vectors = embedder.embed([document.page_content for document in found])
        wanted = np.asarray(embedder.embed([query], query=True)[0])
        return [found[place] for place in maximal_marginal_relevance(wanted, list(vectors), lambda_mult, k)]

    def _select_relevance_score_fn(self) -> Any:
        return _from_cosine


def _from_cosine(score: float) -> float:
    """A cosine, from -1 to 1, as a relevance from 0 to 1."""
    return min(1.0, max(0.0, (score + 1.0) / 2.0))


def _checked(ids: Sequence[str], texts: Sequence[str]) -> None:
    """Raise `InvalidValueError` for what cannot be stored, before anything is."""
    seen = set()
    for id, text in zip(ids, texts, strict=True):
        if not isinstance(id, str):
            raise InvalidValueError(f"the id of a document is a text, not {id!r:.60}")
        if id in seen:
            raise InvalidValueError(f"the id {id!r} stands twice in one list; ids must differ")
        if not isinstance(text, str) or not text.strip():
            raise InvalidValueError(f"document {id!r} has no text: {text!r:.60}")
        seen.add(id)


def _source(id: str, text: str, metadata: dict[str, Any]) -> Source:
    try:
        json.dumps(metadata, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(f"the metadata of document {id!r} are no JSON: {error}") from error
    return Source(id, text, source=id, metadata={KEPT: dict(metadata)})


def _document(id: str, text: str, metadata: Any) -> Document:
    return Document(id=id, page_content=text, metadata=dict(metadata.get(KEPT) or {}))
