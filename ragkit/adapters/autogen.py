"""The agent memory as AutoGen's `Memory`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ragkit.adapters.fence import fenced
from ragkit.adapters.memory_toolbox import hit_data
from ragkit.errors import InvalidValueError, require
from ragkit.memory import Memory

require("autogen_core.memory", extra="autogen", purpose="the AutoGen memory")

from autogen_core import CancellationToken  # noqa: E402
from autogen_core.memory import Memory as AutoGenMemory  # noqa: E402
from autogen_core.memory import (  # noqa: E402
    MemoryContent,
    MemoryMimeType,
    MemoryQueryResult,
    UpdateContextResult,
)
from autogen_core.model_context import ChatCompletionContext  # noqa: E402
from autogen_core.models import SystemMessage  # noqa: E402

_TEXTS = (MemoryMimeType.TEXT, MemoryMimeType.MARKDOWN, MemoryMimeType.JSON)


class RagkitMemory(AutoGenMemory):
    """Remembers contents, and puts what they say about the latest message before the model, dated and fenced as data.

    `k` memories at most, by default as many as the question needs. A content's metadata may name `speaker`, `role`,
    `session` and `id`. Text, Markdown and JSON are taken; other kinds raise `InvalidValueError`. `clear` erases the
    whole scope.
    """

    component_type = "memory"

    def __init__(self, memory: Memory, *, k: int | None = None, speaker: str = "user") -> None:
        self.memory, self.k, self.speaker = memory, k, speaker

    async def update_context(self, model_context: ChatCompletionContext) -> UpdateContextResult:
        """Add to the context what is remembered about its last message."""
        messages = await model_context.get_messages()
        said = [message.content for message in messages if isinstance(getattr(message, "content", None), str)]
        found = await self.query(str(said[-1])) if said else MemoryQueryResult(results=[])
        if found.results:
            passages = [{"text": one.content, "id": (one.metadata or {}).get("id")} for one in found.results]
            await model_context.add_message(SystemMessage(content=f"What is remembered:\n{fenced(passages)}"))
        return UpdateContextResult(memories=found)

    async def query(
        self, query: str | MemoryContent, cancellation_token: CancellationToken | None = None, **kwargs: Any
    ) -> MemoryQueryResult:
        """What is remembered about a question, best first; the metadata have scores, dates and verbatim sources."""
        question = query if isinstance(query, str) else _text(query)
        hits = await asyncio.to_thread(self.memory.search, question, k=kwargs.get("k", self.k))
        found = [hit_data(hit) for hit in hits]
        return MemoryQueryResult(
            results=[
                MemoryContent(content=one.pop("text"), mime_type=MemoryMimeType.TEXT, metadata=one) for one in found
            ]
        )

    async def add(self, content: MemoryContent, cancellation_token: CancellationToken | None = None) -> None:
        """Remember a content."""
        about = dict(content.metadata or {})
        await asyncio.to_thread(
            self.memory.add,
            _text(content),
            speaker=str(about.pop("speaker", self.speaker)),
            role=str(about.pop("role", "user")),
            session=about.pop("session", None),
            id=about.pop("id", None),
            metadata=about,
        )

    async def clear(self) -> None:
        """Erase the whole scope for good."""
        await asyncio.to_thread(self.memory.forget, everything=True)

    async def close(self) -> None:
        """Close the memory."""
        await asyncio.to_thread(self.memory.close)


def _text(content: MemoryContent) -> str:
    kind = content.mime_type if isinstance(content.mime_type, MemoryMimeType) else None
    if content.mime_type not in (*_TEXTS, *(one.value for one in _TEXTS)):
        raise InvalidValueError(f"a memory is text, Markdown or JSON, not {kind.value if kind else content.mime_type}")
    if isinstance(content.content, str):
        return content.content
    if isinstance(content.content, dict):
        return json.dumps(content.content, ensure_ascii=False)
    raise InvalidValueError(f"a memory is a text or JSON, not {type(content.content).__name__}")
