"""A chat model that replies from a script, and two documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from ragkit.types import Document

FERRY = (
    "The ferry Grey Heron was built in Saltmere in 1912. It carried forty passengers. The harbour lies to the east. "
    "A storm sank two boats in 1933. The keeper of the light was Ada Marlowe. She kept it for thirty years. "
    "The Grey Heron was sold to a museum in Corrin. Nobody knows who painted her hull green."
)
CLUB = (
    "Corrin United is the football club of the glassworkers of Corrin. The club was founded in 1899. "
    "Its ground lies behind the works of Brandt. Tobias Lind was the first captain of Corrin United."
)
DOCUMENTS = [Document("ferry", FERRY), Document("club", CLUB)]


class Scripted(BaseChatModel):
    """Gives the replies in order, the last one for ever; a reply may be an exception or made from the messages."""

    replies: list[Any]
    _sent: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def sent(self) -> list[list[BaseMessage]]:
        return self._sent

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        reply = self.replies[min(len(self._sent), len(self.replies) - 1)]
        self._sent.append(messages)
        if isinstance(reply, Exception):
            raise reply
        text = reply(messages) if isinstance(reply, Callable) else reply
        usage = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text, usage_metadata=usage))])


def reply(question: str, references: Sequence[Any], answer: str = "", **changed: Any) -> str:
    """A reply as a model should give it; a tuple is a range of sentences."""
    listed = [{"first": one[0], "last": one[1]} if isinstance(one, tuple) else one for one in references]
    table = {"question": question, "answer": answer, "references": listed, "single_topic": True, "self_contained": True}
    return json.dumps({**table, **changed})
