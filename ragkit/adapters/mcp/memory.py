"""The memory's tools and resource on the MCP server. The scope is fixed when the server starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StrictBool

from ragkit.adapters.mcp.sdk import add_tool
from ragkit.adapters.memory_toolbox import LONGEST_MESSAGE, MOST_HITS, MOST_MESSAGES, MOST_TOKENS, MemoryToolbox
from ragkit.adapters.toolbox import LONGEST_QUESTION, Reply

if TYPE_CHECKING:
    from ragkit.memory import Memory

Question = Annotated[str, Field(min_length=1, max_length=LONGEST_QUESTION, description="What to recall, in words.")]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_MESSAGE, description="What was said.")]
Speaker = Annotated[str, Field(min_length=1, max_length=500, description="Who said it.")]
Id = Annotated[str, Field(min_length=1, max_length=2000, description="The id of a memory.")]
Ids = Annotated[list[str], Field(min_length=1, max_length=MOST_MESSAGES, description="Ids of memories, as found.")]
Time = Annotated[str | None, Field(max_length=100, description="When it was said, ISO 8601; left out, now.")]
Session = Annotated[str | None, Field(max_length=500, description="The conversation it belongs to.")]
Messages = Annotated[
    list[dict[str, Any]],
    Field(min_length=1, max_length=MOST_MESSAGES, description="Objects with text, speaker, role, time, session."),
]
Where = Annotated[
    dict[str, Any],
    Field(
        description="Lists persons, entities, speakers, sessions, kinds; times after, before. {} is the whole scope."
    ),
]


def offer_memory(server: Any, memory: Memory, *, write: bool) -> None:
    """Add the tools that read, and with `write` those that write."""
    box = MemoryToolbox(memory)
    _offer_reading(server, box)
    if write:
        _offer_writing(server, box)

    def stats() -> str:
        """How much the memory holds."""
        import json

        return json.dumps(box.stats().data, ensure_ascii=False)

    resource = server.resource("memory://stats", name="memory stats", mime_type="application/json")
    resource(stats)


def _offer_reading(server: Any, box: MemoryToolbox) -> None:
    def memory_search(question: Question, k: Annotated[int, Field(ge=1, le=MOST_HITS)] = 10) -> Reply:
        return box.search(question, k)

    def memory_context(question: Question, budget_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)] = 600) -> Reply:
        return box.context(question, budget_tokens)

    def memory_get(id: Id) -> Reply:
        return box.get(id)

    def memory_list(limit: Annotated[int, Field(ge=1, le=200)] = 20, cursor: str | None = None) -> Reply:
        return box.list(limit, cursor)

    def memory_stats() -> Reply:
        return box.stats()

    for function, description in (
        (memory_search, "Find what was said before that tells most about a question, with dates and sources."),
        (memory_context, "The same as a few dated lines within a token budget, ready to be quoted."),
        (memory_get, "One memory by its id, with the messages it rests on."),
        (memory_list, "Memories in the order they were made, a page at a time."),
        (memory_stats, "How much is remembered."),
    ):
        add_tool(server, function.__name__, description, function)


def _offer_writing(server: Any, box: MemoryToolbox) -> None:
    def memory_add(
        message: Text,
        speaker: Speaker,
        role: Annotated[str, Field(min_length=1, max_length=100)] = "user",
        time: Time = None,
        session: Session = None,
    ) -> Reply:
        return box.add(message, speaker, role, time, session)

    def memory_add_batch(messages: Messages) -> Reply:
        return box.add_batch(messages)

    def memory_update(id: Id, message: Text) -> Reply:
        return box.update(id, message)

    def memory_forget(ids: Ids) -> Reply:
        return box.forget(ids)

    def memory_forget_where(
        where: Where,
        dry_run: Annotated[StrictBool, Field(description="Only say how much it would be.")] = True,
        confirm: Annotated[str | None, Field(description="For the whole scope: the scope's name.")] = None,
    ) -> Reply:
        return box.forget_where(where, dry_run, confirm)

    for function, description in (
        (memory_add, "Remember what somebody said."),
        (memory_add_batch, "Remember several messages, all or none."),
        (memory_update, "Correct a memory; the old version is kept but superseded."),
        (memory_forget, "Erase memories for good, by their ids."),
        (memory_forget_where, "Erase all memories that meet conditions. Look first: dry_run is on by default."),
    ):
        add_tool(server, function.__name__, description, function, writes=True)
