"""The retrieval of a knowledge base as a LangChain retriever."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field, field_validator

from ragkit.adapters.langchain.documents import document_of
from ragkit.knowledge_base import KnowledgeBase


class RagkitRetriever(BaseRetriever):
    """Finds passages with a knowledge base's pipeline, without its answerer.

    `k` passages at most, only those whose metadata match `filter` (see `ragkit.filters`); both may also be given to
    `invoke`. Each document's metadata tell where it stands: `document_id`, `source`, `start`, `end`, `score`.
    Raises what `KnowledgeBase.search` raises.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    knowledge_base: KnowledgeBase
    k: int = Field(default=4, ge=0)
    filter: dict[str, Any] | None = None

    @field_validator("knowledge_base", mode="before")
    @classmethod
    def _opened(cls, value: Any) -> Any:
        return KnowledgeBase(value, create=False) if isinstance(value, (str, Path)) else value

    @classmethod
    def from_path(cls, path: str | Path, pipeline: str | None = None, **settings: Any) -> Self:
        """A retriever over an existing store, with its own pipeline or another."""
        return cls(knowledge_base=KnowledgeBase(path, pipeline, create=False), **settings)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: dict[str, Any] | None = None,
    ) -> list[Document]:
        hits = self.knowledge_base.search(
            query, k=self.k if k is None else k, filter=self.filter if filter is None else filter
        )
        return [document_of(hit) for hit in hits]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return await asyncio.to_thread(
            self._get_relevant_documents, query, run_manager=run_manager.get_sync(), **kwargs
        )
