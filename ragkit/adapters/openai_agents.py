"""The agent memory as a session of the OpenAI Agents SDK: what is said in it can be recalled in other sessions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from ragkit.errors import require
from ragkit.memory import Filters, Memory, Message
from ragkit.memory.transcript import transcript

require("agents", extra="openai-agents", purpose="the session for the OpenAI Agents SDK")

from agents.memory import SessionABC  # noqa: E402

if TYPE_CHECKING:
    from agents import TResponseInputItem
    from agents.memory import SessionSettings

KEPT = "openai_agents"


class RagkitSession(SessionABC):
    """A session of a memory. Items keep their form; `clear_session` erases them for good.

    `speaker` is who the user is. Raises what the memory raises.
    """

    def __init__(self, memory: Memory, session_id: str, *, speaker: str = "user") -> None:
        self.memory, self.session_id, self.speaker = memory, session_id, speaker
        self.session_settings: SessionSettings | None = None

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The latest `limit` items, all without one, in their order."""
        kept = await asyncio.to_thread(self._items, limit)
        return [cast("TResponseInputItem", message.metadata[KEPT]) for message in kept]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Add items in one transaction."""
        if items:
            await asyncio.to_thread(self.memory.add_many, [self._message(dict(item)) for item in items])

    async def pop_item(self) -> TResponseInputItem | None:
        """Take the latest item out and erase it; None when there is none."""
        return await asyncio.to_thread(self._pop)

    async def clear_session(self) -> None:
        """Erase all items of the session."""
        await asyncio.to_thread(self._clear)

    def _items(self, limit: int | None) -> list[Message]:
        found = transcript(self.memory.store, self.memory.scope, self.session_id, limit)
        return [message for message in found if KEPT in message.metadata]

    def _pop(self) -> TResponseInputItem | None:
        found = self._items(1)
        if not found:
            return None
        self.memory.forget([str(found[-1].id)])
        return cast("TResponseInputItem", found[-1].metadata[KEPT])

    def _clear(self) -> None:
        if self._items(1):
            self.memory.forget(filters=Filters(sessions=(self.session_id,)))

    def _message(self, item: dict[str, Any]) -> Message:
        role = str(item.get("role") or item.get("type") or "item")
        return Message(
            _text(item) or f"({role} without text)",
            self.speaker if role == "user" else role,
            role,
            session=self.session_id,
            id=uuid4().hex,
            metadata={KEPT: item},
        )


def _text(item: dict[str, Any]) -> str:
    """What an item says in words: its content, the output of a tool, else nothing."""
    content = item.get("content", item.get("output"))
    if isinstance(content, str):
        return content.strip()
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part["text"]) for part in parts if isinstance(part, dict) and part.get("text")).strip()
