"""Asking a chat model for JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragkit.errors import ModelError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

LONGEST = 1_000_000  # characters of a reply; more is no answer
_FENCE = re.compile(r"^\s*```[\w-]*\s*\n?(.*?)\n?\s*```\s*$", re.S)


class ChatCompleter:
    """A LangChain chat model that answers messages with a JSON object."""

    def __init__(self, model: BaseChatModel, temperature: float = 0.1) -> None:
        self.model, self.temperature = model, temperature

    def complete(self, messages: Sequence[dict[str, str]], schema: dict[str, Any]) -> dict[str, Any]:
        """The object the model replies with, which must have the keys `schema` requires.

        Raises `ModelError` when it replies with anything else; whatever the model raises is raised.
        """
        from langchain_core.messages import HumanMessage, SystemMessage

        kinds = {"system": SystemMessage, "user": HumanMessage}
        asked = [kinds[message["role"]](message["content"]) for message in messages]
        reply = _text(self.model.invoke(asked, temperature=self.temperature).content)
        if len(reply) > LONGEST:
            raise ModelError(f"the chat model replied with {len(reply)} characters; at most {LONGEST} are read")
        value = parsed(reply)
        lacking = [key for key in schema.get("required", ()) if key not in value]
        if lacking:
            raise ModelError(f"the chat model replied with JSON that lacks {', '.join(lacking)}")
        return value


def parsed(reply: str) -> dict[str, Any]:
    """The JSON object of a reply, which may be fenced. Raises `ModelError` when it is none."""
    fenced = _FENCE.match(reply)
    try:
        value = json.loads(fenced[1] if fenced else reply)
    except (ValueError, RecursionError) as error:
        raise ModelError("the chat model replied with no JSON") from error
    if not isinstance(value, dict):
        raise ModelError("the chat model replied with JSON that is no object")
    return value


def _text(content: str | list[Any]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)
