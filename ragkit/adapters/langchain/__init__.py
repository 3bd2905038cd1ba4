"""ragkit for LangChain, and LangChain for ragkit.

| name | is a | of |
|---|---|---|
| `RagkitRetriever` | `BaseRetriever` | the retrieval of a knowledge base |
| `RagkitAnswers` | `Runnable[str, AIMessage]`, streaming | its answers, with citations |
| `knowledge_tools` | list of `BaseTool` | ask, search and read, citations as artifacts |
| `RagkitVectorStore` | `VectorStore` | documents and vectors in one SQLite file |
| `RagkitEmbeddings` | `Embeddings` | the packaged, hash-checked embedders |
| `HtmlLoader`, `HtmlCompressor` | `BaseLoader`, `BaseDocumentCompressor` | the HTML extractor |
| `MemoryRetriever`, `RagkitChatMessageHistory`, `memory_tools` | | the agent memory |

The other way round the stage `langchain(retriever=…)` takes any `BaseRetriever` or `VectorStore`, `dense(model=…)` any
`Embeddings`, and `answer(model=…)` any `BaseChatModel`.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "RagkitRetriever": "retriever",
    "RagkitAnswers": "answers",
    "knowledge_tools": "tools",
    "RagkitVectorStore": "vectorstore",
    "RagkitEmbeddings": "embeddings",
    "HtmlLoader": "html",
    "HtmlCompressor": "html",
    "MemoryRetriever": "memory",
    "RagkitChatMessageHistory": "memory",
    "memory_tools": "memory",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
