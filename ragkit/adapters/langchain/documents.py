"""ragkit's chunks and LangChain's documents, each as the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document

from ragkit.types import Chunk

if TYPE_CHECKING:
    from ragkit.types import Hit


def document_of(hit: Hit) -> Document:
    """A hit as a LangChain document: its place in the metadata, so that it can be cited."""
    chunk = hit.chunk
    metadata = {name: value for name, value in chunk.metadata.items() if _plain(value)}
    return Document(
        id=chunk.id,
        page_content=chunk.text,
        metadata={
            **metadata,
            "source": chunk.source,
            "document_id": chunk.document_id,
            "start": chunk.start,
            "end": chunk.end,
            "score": float(hit.score),
        },
    )


def chunk_of(document: Document, number: int) -> Chunk:
    """A LangChain document as a chunk: whole, under its own id, else one made of its source and place in the list.

    A document that knows where it was cut (`start` and `end`, or a splitter's `start_index`) keeps these offsets.
    """
    text, metadata = document.page_content, dict(document.metadata)
    source = str(metadata.get("source") or "")
    start = metadata.get("start", metadata.get("start_index", 0))
    start = start if isinstance(start, int) and not isinstance(start, bool) and start >= 0 else 0
    owner = str(metadata.get("document_id") or document.id or source or f"document {number}")
    id = str(document.id) if document.id else f"{owner}#{start}-{start + len(text)}"
    return Chunk(id, owner, start, start + len(text), text, {**metadata, **({"source": source} if source else {})})


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))
