"""A LangGraph agent whose memory outlives its threads, kept by langmem's tools in ragkit's store.

The model here is a script, so that the example runs offline; put a real one in its place.
"""

from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langmem import create_manage_memory_tool, create_search_memory_tool

from ragkit.adapters.langgraph import RagkitStore


class Script(GenericFakeChatModel):
    """Remembers what it is told, and recalls when it is asked."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> AIMessage:
        last = input[-1]
        if isinstance(last, ToolMessage):
            return AIMessage(f"The tool said: {last.content}")
        if last.content.endswith("?"):
            call = {"name": "search_memory", "args": {"query": last.content}, "id": "1"}
        else:
            call = {"name": "manage_memory", "args": {"content": last.content, "action": "create"}, "id": "1"}
        return AIMessage("", tool_calls=[call])


def main() -> None:
    store = RagkitStore(":memory:")
    namespace = ("memories", "{user}")
    tools = [create_manage_memory_tool(namespace, store=store), create_search_memory_tool(namespace, store=store)]
    agent = create_agent(Script(messages=iter([])), tools=tools, store=store, checkpointer=InMemorySaver())
    for thread, said in (("monday", "I moved to Saltmere in May."), ("friday", "Where do I live now?")):
        config = {"configurable": {"thread_id": thread, "user": "ann"}}
        state = agent.invoke({"messages": [("user", said)]}, config)
        print(f"{thread}: {said}\n  {state['messages'][-1].content}")


if __name__ == "__main__":
    main()
