"""An agent of the OpenAI Agents SDK whose session is kept in ragkit's memory, and recalled in another session.

The model here is a script, so that the example runs offline; leave `model` out to use OpenAI's.
"""

import asyncio
from typing import Any

from agents import Agent, Model, ModelResponse, Runner, Usage, set_tracing_disabled
from openai.types.responses import ResponseOutputMessage, ResponseOutputText

from ragkit.adapters.openai_agents import RagkitSession
from ragkit.memory import Memory


class Script(Model):
    """Says how much of the conversation it was shown."""

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> ModelResponse:
        said = f"I was shown {len(input)} items, the last: {input[-1]['content']}"
        text = ResponseOutputText(text=said, type="output_text", annotations=[])
        message = ResponseOutputMessage(id="1", content=[text], role="assistant", status="completed", type="message")
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> Any: ...


async def run() -> None:
    set_tracing_disabled(True)
    with Memory(":memory:", scope="ann") as memory:
        agent = Agent(name="assistant", model=Script())
        session = RagkitSession(memory, "monday", speaker="Ann")
        for said in ("I moved to Saltmere in May.", "Is it by the sea?"):
            print((await Runner.run(agent, said, session=session)).final_output)
        print(memory.context("Where did Ann move?"))


if __name__ == "__main__":
    asyncio.run(run())
