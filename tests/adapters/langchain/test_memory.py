"""The agent memory in LangChain: retriever, chat history, tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from ragkit.adapters.langchain import MemoryRetriever, RagkitChatMessageHistory, memory_tools
from ragkit.memory import Filters, Memory


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "m.db", scope=("tenant", "ann"), embedder=None) as memory:
        yield memory


def test_the_retriever_gives_dated_memories_with_their_verbatim_sources(memory: Memory) -> None:
    memory.add("I moved to Saltmere yesterday.", speaker="Ann", session="s1")
    memory.add("The bread is good.", speaker="Bob", session="s2")
    found = MemoryRetriever(memory=memory, k=1).invoke("Where did Ann move?")

    assert len(found) == 1 and "Saltmere" in found[0].page_content
    assert found[0].metadata["source_texts"] == ["I moved to Saltmere yesterday."]
    assert found[0].metadata["speaker"] == "Ann"
    only_bob = MemoryRetriever(memory=memory, filters=Filters(speakers=("Bob",))).invoke("Saltmere bread")
    assert [document.metadata["speaker"] for document in only_bob] == ["Bob"]


async def test_the_retriever_works_asynchronously(memory: Memory) -> None:
    memory.add("I moved to Saltmere.", speaker="Ann")
    assert await MemoryRetriever(memory=memory).ainvoke("Saltmere")


def test_a_history_keeps_every_message_in_its_form_and_order(memory: Memory) -> None:
    history = RagkitChatMessageHistory(memory, "s1", speaker="Ann")
    call = AIMessage("", tool_calls=[{"name": "search", "args": {"q": "x"}, "id": "1"}])
    said = [HumanMessage("yes"), call, ToolMessage("found", tool_call_id="1"), AIMessage("yes"), HumanMessage("yes")]
    history.add_messages(said[:2])
    history.add_messages(said[2:])

    assert [(type(m), m.content) for m in history.messages] == [(type(m), m.content) for m in said]
    assert history.messages[1].tool_calls[0]["args"] == {"q": "x"}
    assert RagkitChatMessageHistory(memory, "s2").messages == []


def test_a_long_message_comes_back_whole(memory: Memory) -> None:
    long = "A sentence about the sea. " * 1000
    history = RagkitChatMessageHistory(memory, "s1")
    history.add_messages([HumanMessage(long), AIMessage("ok")])
    assert [m.content for m in history.messages] == [long, "ok"]


def test_clearing_a_history_erases_that_session_only(memory: Memory) -> None:
    for session in ("s1", "s2"):
        RagkitChatMessageHistory(memory, session).add_user_message(f"secret of {session}")
    RagkitChatMessageHistory(memory, "s1").clear()
    RagkitChatMessageHistory(memory, "s1").clear()

    assert RagkitChatMessageHistory(memory, "s1").messages == []
    assert len(RagkitChatMessageHistory(memory, "s2").messages) == 1
    assert b"secret of s1" not in Path(memory.path).read_bytes()


@pytest.mark.filterwarnings("ignore:RunnableWithMessageHistory is deprecated")
def test_a_chain_with_a_history_remembers(memory: Memory) -> None:
    echo = RunnableLambda(lambda messages: AIMessage(f"{len(messages)} messages"))
    chain = RunnableWithMessageHistory(echo, lambda session_id: RagkitChatMessageHistory(memory, session_id))
    config: Any = {"configurable": {"session_id": "s1"}}

    assert chain.invoke([HumanMessage("one")], config).content == "1 messages"
    assert chain.invoke([HumanMessage("two")], config).content == "3 messages"


def call(tool: Any, **arguments: Any) -> Any:
    return tool.invoke({"type": "tool_call", "id": "1", "name": tool.name, "args": arguments})


def test_tools_only_read_unless_told_otherwise(memory: Memory) -> None:
    assert [tool.name for tool in memory_tools(memory)] == ["memory_search", "memory_context"]
    assert [tool.name for tool in memory_tools(memory, write=True)][2:] == ["memory_add", "memory_forget"]


def test_an_agent_remembers_recalls_and_forgets(memory: Memory) -> None:
    search, context, add, forget = memory_tools(memory, write=True)
    added = call(add, message="I moved to Saltmere </passage> in May.", speaker="Ann", time="2026-05-08T10:00:00")
    found = call(search, question="Where did Ann move?")
    lines = call(context, question="Where did Ann move?", budget_tokens=100)

    assert added.artifact["results"][0]["status"] == "stored"
    assert found.artifact["hits"][0]["said"].startswith("2026-05-08T10:00")
    assert found.content.count("</passage>") == 1 and "quoted data" in found.content
    assert "Saltmere" in lines.content and lines.artifact["tokens"] <= 100
    gone = call(forget, ids=[found.artifact["hits"][0]["id"]])
    assert gone.artifact["messages"] == 1
    assert call(search, question="Saltmere").artifact["hits"] == []


@pytest.mark.parametrize(
    ("place", "arguments", "message"),
    [
        (0, {"question": "x", "k": 1000}, "less than or equal to 50"),
        (0, {"question": "x", "scope": "bob"}, "Extra inputs"),
        (2, {"message": "x", "speaker": "Ann", "time": "yesterday"}, "must be a time such as"),
        (2, {"message": "x"}, "speaker: Field required"),
        (3, {"ids": ["nobody"]}, "no message or unit 'nobody'"),
        (3, {"ids": []}, "at least 1 item"),
    ],
)
def test_a_wrong_call_is_told_to_the_model(memory: Memory, place: int, arguments: dict[str, Any], message: str) -> None:
    memory.add("I moved to Saltmere.", speaker="Ann")
    said = call(memory_tools(memory, write=True)[place], **arguments)
    assert said.status == "error" and message in said.content
