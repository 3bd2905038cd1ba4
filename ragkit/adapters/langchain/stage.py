"""The stage `langchain`: a retriever or vector store of LangChain in a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError
from ragkit.types import Hit, Hits, Query

if TYPE_CHECKING:
    from langchain_core.documents import Document


class LangChainSource:
    """Finds passages with a retriever or vector store of LangChain, given as an object from Python.

    Scores are those of a vector store's `similarity_search_with_relevance_scores`, or the `score` in a document's
    metadata, when every document has one; else 1, 1/2, 1/3, … by rank. The question's filter is passed to a vector
    store as `filter`; with a retriever it is applied to what it returns.
    """

    def __init__(self, retriever: Any = None) -> None:
        from langchain_core.retrievers import BaseRetriever
        from langchain_core.vectorstores import VectorStore

        if not isinstance(retriever, (BaseRetriever, VectorStore)):
            raise InvalidValueError(
                "give a LangChain BaseRetriever or VectorStore from Python, langchain(retriever=…), "
                f"not {type(retriever).__name__}"
            )
        self.retriever = retriever

    def search(self, query: Query, k: int) -> Hits:
        """At most `k` passages, best first, equal ones once."""
        if k <= 0:
            return Hits(query)
        found = self._found(query, k)
        scored = [score for _, score in found if score is not None]
        by_score = len(scored) == len(found)
        hits: dict[str, Hit] = {}
        for rank, (document, score) in enumerate(found, 1):
            hit = _hit(document, rank, score if by_score and score is not None else 1 / rank)
            if hit is not None:
                hits.setdefault(hit.chunk.id, hit)
        ordered = sorted(hits.values(), key=lambda hit: (-hit.score, hit.why["langchain"]["rank"]))
        return Hits(query, tuple(ordered[:k]))

    def _found(self, query: Query, k: int) -> list[tuple[Document, float | None]]:
        from langchain_core.vectorstores import VectorStore

        from ragkit.filters import matches

        if isinstance(self.retriever, VectorStore):
            extra = {"filter": dict(query.filter)} if query.filter else {}
            try:
                return list(self.retriever.similarity_search_with_relevance_scores(query.text, k=k, **extra))
            except NotImplementedError:  # many stores have no relevance scores
                return [(document, None) for document in self.retriever.similarity_search(query.text, k=k, **extra)]
        documents = self.retriever.invoke(query.text)
        passing = [document for document in documents if matches(document.metadata, query.filter)]
        return [(document, _number(document.metadata.get("score"))) for document in passing]


def _hit(document: Document, rank: int, score: float) -> Hit | None:
    from ragkit.adapters.langchain.documents import chunk_of

    if not document.page_content:
        return None
    return Hit(chunk_of(document, rank), float(score), {"langchain": {"rank": rank, "score": float(score)}})


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return None
    return float(value)
