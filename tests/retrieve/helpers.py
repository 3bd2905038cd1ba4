from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ragkit.types import Chunk, Document, Hit, Hits, Query


def chunk(id: str, text: str = "x", **metadata: Any) -> Chunk:
    """A chunk of a document of its own, known by that document's id."""
    made = Document(id, text, source=id, metadata=metadata).chunk(0, len(text))
    return Chunk(id, made.document_id, made.start, made.end, made.text, made.metadata)


def hits(*found: tuple[str, float], stage: str = "side", question: str = "question") -> Hits:
    """Hits of these ids and scores."""
    items = [
        Hit(chunk(id), score, {stage: {"rank": rank, "score": score}}) for rank, (id, score) in enumerate(found, 1)
    ]
    return Hits(Query(question), tuple(items))


def ids(found: Hits | Sequence[Hit]) -> list[str]:
    return [hit.chunk.id for hit in found]
