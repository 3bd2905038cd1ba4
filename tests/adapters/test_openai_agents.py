"""The agent memory as a session of the OpenAI Agents SDK."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("agents", reason="openai-agents is not installed")

from agents.memory import Session

from ragkit.adapters.openai_agents import RagkitSession
from ragkit.memory import Memory

ITEMS: list[Any] = [
    {"role": "user", "content": "I moved to Saltmere."},
    {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "1", "output": "rain"},
    {"role": "assistant", "content": [{"type": "output_text", "text": "It rains there.", "annotations": []}]},
    {"role": "user", "content": "I moved to Saltmere."},
]


@pytest.fixture
def memory() -> Memory:
    return Memory(":memory:", embedder=None, worker=False)


async def test_items_come_back_in_form_and_order_the_latest_when_limited(memory: Memory) -> None:
    session = RagkitSession(memory, "s", speaker="Ann")
    await session.add_items(ITEMS[:2])
    await session.add_items(ITEMS[2:])
    await session.add_items([])

    assert isinstance(session, Session)
    assert await session.get_items() == ITEMS
    assert await session.get_items(limit=2) == ITEMS[-2:]
    assert await RagkitSession(memory, "other").get_items() == []


async def test_the_latest_item_is_taken_out(memory: Memory) -> None:
    session = RagkitSession(memory, "s")
    await session.add_items(ITEMS)
    assert await session.pop_item() == ITEMS[-1]
    assert await session.get_items() == ITEMS[:-1]
    await session.clear_session()
    await session.clear_session()
    assert await session.pop_item() is None


async def test_what_was_said_in_a_session_is_recalled_outside_it(memory: Memory) -> None:
    await RagkitSession(memory, "monday", speaker="Ann").add_items(ITEMS)
    hits = memory.search("Where did Ann move?")
    assert hits[0].speaker == "Ann" and hits[0].source_texts[0] == "I moved to Saltmere."


async def test_the_sdk_s_runner_uses_it(memory: Memory) -> None:
    from agents import Agent, Model, ModelResponse, Runner, Usage, set_tracing_disabled
    from openai.types.responses import ResponseOutputMessage, ResponseOutputText

    class Script(Model):
        async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> ModelResponse:
            text = ResponseOutputText(text=f"{len(input)} items", type="output_text", annotations=[])
            said = ResponseOutputMessage(id="1", content=[text], role="assistant", status="completed", type="message")
            return ModelResponse(output=[said], usage=Usage(), response_id=None)

        def stream_response(self, *args: Any, **kwargs: Any) -> Any: ...

    set_tracing_disabled(True)
    session = RagkitSession(memory, "s")
    agent = Agent(name="a", model=Script())
    assert (await Runner.run(agent, "one", session=session)).final_output == "1 items"
    assert (await Runner.run(agent, "two", session=session)).final_output == "3 items"
