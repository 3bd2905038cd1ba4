"""An AutoGen assistant that remembers: what was said before comes before the model, dated and fenced as data.

The model here is a script that shows what it was given, so that the example runs offline; put a real one in its place.
"""

import asyncio
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core.memory import MemoryContent, MemoryMimeType
from autogen_core.models import ChatCompletionClient, CreateResult, ModelFamily, RequestUsage

from ragkit.adapters.autogen import RagkitMemory
from ragkit.memory import Memory


class Script(ChatCompletionClient):
    """Says what it remembers."""

    model_info = {
        "vision": False, "function_calling": False, "json_output": False, "structured_output": False,
        "family": ModelFamily.UNKNOWN,
    }  # fmt: skip
    capabilities = model_info

    async def create(self, messages: Any, **kwargs: Any) -> CreateResult:
        told = "\n".join(str(m.content) for m in messages if "What is remembered" in str(m.content))
        usage = RequestUsage(0, 0)
        return CreateResult(content=told or "nothing", finish_reason="stop", usage=usage, cached=False)

    def create_stream(self, *args: Any, **kwargs: Any) -> Any: ...
    async def close(self) -> None: ...
    def actual_usage(self) -> RequestUsage:
        return RequestUsage(0, 0)  # noqa: E704

    def total_usage(self) -> RequestUsage:
        return RequestUsage(0, 0)  # noqa: E704

    def count_tokens(self, *args: Any, **kwargs: Any) -> int:
        return 0  # noqa: E704

    def remaining_tokens(self, *args: Any, **kwargs: Any) -> int:
        return 0  # noqa: E704


async def run() -> None:
    memory = RagkitMemory(Memory(":memory:", scope="ann"), speaker="Ann")
    await memory.add(MemoryContent(content="I moved to Saltmere in May.", mime_type=MemoryMimeType.TEXT))
    agent = AssistantAgent("assistant", model_client=Script(), memory=[memory])
    result = await agent.run(task="Where do I live now?")
    print(result.messages[-1].content)
    await memory.close()


if __name__ == "__main__":
    asyncio.run(run())
