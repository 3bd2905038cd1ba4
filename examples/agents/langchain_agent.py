"""A LangChain agent that looks things up in your documents and says where they stand.

The model here is a script, so that the example runs offline; put a real one in its place:
`load_chat_model("ollama:qwen3")` from `ragkit.models.chat`, or any chat model of LangChain.
"""

from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage

from ragkit import KnowledgeBase
from ragkit.adapters.langchain import knowledge_tools

DOCUMENTS = Path(__file__).parent.parent / "documents"
QUESTION = "Who cast the lens of the lighthouse?"


class Script(GenericFakeChatModel):
    """Asks the documents, then answers with what they said."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> AIMessage:
        last = input[-1]
        if isinstance(last, ToolMessage):
            cited = last.artifact["citations"][0]
            return AIMessage(f"{cited['quote']} ({Path(cited['source']).name}, {cited['start']}-{cited['end']})")
        return AIMessage("", tool_calls=[{"name": "documents_ask", "args": {"question": last.content}, "id": "1"}])


def main() -> None:
    with KnowledgeBase(":memory:", "bm25 >> rerank >> answer") as kb:
        kb.add(DOCUMENTS)
        agent = create_agent(Script(messages=iter([])), tools=knowledge_tools(kb))
        state = agent.invoke({"messages": [("user", QUESTION)]})
        for message in state["messages"]:
            message.pretty_print()


if __name__ == "__main__":
    main()
