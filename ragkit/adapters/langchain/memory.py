"""The agent memory for LangChain: a retriever, a chat history, and tools."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field

from ragkit.adapters.langchain.tools import Question, as_tool
from ragkit.adapters.memory_toolbox import (
    LONGEST_MESSAGE,
    MOST_HITS,
    MOST_MESSAGES,
    MOST_TOKENS,
    MemoryToolbox,
    hit_data,
)
from ragkit.memory import Filters, Memory, Message
from ragkit.memory.transcript import transcript

KEPT = "langchain"  # where a message's own form stands in its metadata
_SPEAKERS = {"human": "user", "ai": "assistant"}


class MemoryRetriever(BaseRetriever):
    """Finds what is remembered about a question: `k` documents at most, by default as many as the question needs.

    A document's text is the memory with its dates; its metadata have `id`, `said`, `event`, `speaker`, `session`,
    `score`, and `source_ids` and `source_texts`, the messages it rests on, verbatim.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memory: Memory
    k: int | None = Field(default=None, ge=0)
    filters: Filters | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        hits = self.memory.search(query, k=self.k if k is None else k, filters=self.filters)
        found = [hit_data(hit) for hit in hits]
        return [Document(id=one["id"], page_content=one.pop("text"), metadata=one) for one in found]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return await asyncio.to_thread(
            self._get_relevant_documents, query, run_manager=run_manager.get_sync(), **kwargs
        )


class RagkitChatMessageHistory(BaseChatMessageHistory):
    """A session of the memory as a chat history: what is said in it can also be recalled in other sessions.

    `speaker` is who the human is. Messages keep their form (tool calls included); `clear` erases the session for good.
    """

    def __init__(self, memory: Memory, session: str, *, speaker: str = "user") -> None:
        self.memory, self.session, self.speaker = memory, session, speaker

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """The messages of the session in their order."""
        kept = [
            message.metadata.get(KEPT) for message in transcript(self.memory.store, self.memory.scope, self.session)
        ]
        return messages_from_dict([one for one in kept if isinstance(one, dict)])

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages in one transaction."""
        self.memory.add_many([self._message(message) for message in messages])

    def _message(self, message: BaseMessage) -> Message:
        kind = _SPEAKERS.get(message.type, message.type)
        return Message(
            # A call of a tool has no text; its form is kept all the same.
            message.text.strip() or f"({message.type} message without text)",
            self.speaker if message.type == "human" else kind,
            kind,
            session=self.session,
            metadata={KEPT: message_to_dict(message)},
            id=_new_id(),
        )

    def clear(self) -> None:
        """Erase the session."""
        if transcript(self.memory.store, self.memory.scope, self.session, 1):
            self.memory.forget(filters=Filters(sessions=(self.session,)))


def _new_id() -> str:
    from uuid import uuid4

    return uuid4().hex


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MemorySearchArguments(_Strict):
    """What `search` takes."""

    question: Question
    k: int = Field(default=10, ge=1, le=MOST_HITS, description="How many memories at most.")


class ContextArguments(_Strict):
    """What `context` takes."""

    question: Question
    budget_tokens: int = Field(default=600, ge=1, le=MOST_TOKENS, description="How long it may be, in tokens.")


class AddArguments(_Strict):
    """What `add` takes."""

    message: str = Field(min_length=1, max_length=LONGEST_MESSAGE, description="What to remember, in plain words.")
    speaker: str = Field(min_length=1, max_length=500, description="Who said it.")
    role: str = Field(default="user", min_length=1, max_length=100)
    time: str | None = Field(default=None, description="When it was said, ISO 8601; left out, now.")
    session: str | None = Field(default=None, description="The conversation it belongs to.")


class ForgetArguments(_Strict):
    """What `forget` takes."""

    ids: list[str] = Field(min_length=1, max_length=MOST_MESSAGES, description="Ids of memories, as found.")


def memory_tools(memory: Memory, *, write: bool = False, prefix: str = "memory") -> list[BaseTool]:
    """Tools named `memory_search`, `memory_context`, and with `write` also `memory_add` and `memory_forget`.

    The scope is the memory's; no argument can leave it.
    """
    box = MemoryToolbox(memory)
    tools = [
        as_tool(
            f"{prefix}_search",
            "Find what was said before that tells most about a question, with dates.",
            MemorySearchArguments,
            box.search,
        ),
        as_tool(
            f"{prefix}_context",
            "The same as a few dated lines within a token budget.",
            ContextArguments,
            box.context,
        ),
    ]
    if write:
        tools += [
            as_tool(f"{prefix}_add", "Remember something that was said.", AddArguments, box.add),
            as_tool(f"{prefix}_forget", "Erase memories for good, by their ids.", ForgetArguments, box.forget),
        ]
    return tools
