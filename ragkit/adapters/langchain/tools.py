"""A knowledge base as LangChain tools, citations as artifacts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, ConfigDict, Field

from ragkit.adapters.toolbox import LONGEST_QUESTION, MOST_READ, MOST_RESULTS, Reply, Toolbox
from ragkit.errors import RagkitError

if TYPE_CHECKING:
    from ragkit.knowledge_base import KnowledgeBase

Question = Annotated[str, Field(min_length=1, max_length=LONGEST_QUESTION, description="A question, in plain words.")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AskArguments(_Strict):
    """What `ask` takes."""

    question: Question


class SearchArguments(_Strict):
    """What `search` takes."""

    question: Question
    k: int = Field(default=5, ge=1, le=MOST_RESULTS, description="How many passages at most.")


class ReadArguments(_Strict):
    """What `read` takes."""

    document_id: str = Field(min_length=1, max_length=2000, description="The document_id of a passage or citation.")
    start: int = Field(default=0, ge=0, description="First character.")
    end: int | None = Field(default=None, ge=0, description="The character after the last; left out, read on.")
    context: int = Field(default=0, ge=0, le=MOST_READ, description="Characters to show on each side.")


def knowledge_tools(knowledge_base: KnowledgeBase, *, prefix: str = "documents") -> list[BaseTool]:
    """Tools named `documents_ask`, `documents_search`, `documents_read` (or with another prefix).

    A model sees fenced text with sources; the `ToolMessage.artifact` holds the same as data, for citations. What is
    wrong with a call goes back to the model as the tool's message.
    """
    box = Toolbox(knowledge_base)
    return [
        as_tool(
            f"{prefix}_ask",
            "Answer a question from the user's documents. Says so when they hold no answer. Gives exact quotes.",
            AskArguments,
            box.ask,
        ),
        as_tool(
            f"{prefix}_search",
            "Find the passages of the user's documents that best match a question.",
            SearchArguments,
            box.search,
        ),
        as_tool(
            f"{prefix}_read",
            "Read a part of one of the user's documents, for example around a passage that was found.",
            ReadArguments,
            box.read,
        ),
    ]


def _wrong_arguments(error: Any) -> str:
    """What is wrong with the arguments of a call, for the model that made it."""
    found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return "wrong arguments: " + "; ".join(found)


def as_tool(name: str, description: str, arguments: type[BaseModel], method: Callable[..., Reply]) -> BaseTool:
    """A method that gives a `Reply` as a structured tool."""

    def call(**given: Any) -> tuple[str, dict[str, Any]]:
        try:
            reply = method(**given)
        except RagkitError as error:
            raise ToolException(str(error)) from error
        return reply.text, dict(reply.data)

    return StructuredTool.from_function(
        func=call,
        name=name,
        description=description,
        args_schema=arguments,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=_wrong_arguments,
    )
