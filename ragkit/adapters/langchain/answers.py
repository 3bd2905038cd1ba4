"""The answers of a knowledge base as a LangChain runnable that streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import Runnable, RunnableConfig

from ragkit.adapters.toolbox import answer_data, question_of
from ragkit.errors import InvalidValueError
from ragkit.types import Answer

if TYPE_CHECKING:
    from ragkit.knowledge_base import KnowledgeBase


class RagkitAnswers(Runnable[Any, AIMessage]):
    """Takes a question (a text, a message, or a mapping with "question") and gives an `AIMessage`.

    Its text is the answer; `response_metadata` has `found`, `short` and `citations`, each with the document, the
    offsets and the exact quote. `stream` gives the text in pieces as it comes, then an empty piece with these data.
    """

    def __init__(self, knowledge_base: KnowledgeBase, *, k: int | None = None) -> None:
        self.knowledge_base, self.k = knowledge_base, k

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AIMessage:
        """Answer one question."""
        return self._call_with_config(self._answer, input, config, run_type="chain")

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[AIMessage]:
        """The answer in pieces; added up they are the message `invoke` gives."""
        yield from self._transform_stream_with_config(iter([input]), self._pieces, config, run_type="chain")

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[AIMessage]:
        """The same, the pieces made in a worker thread."""
        made = self._atransform_stream_with_config(_once(input), self._apieces, config, run_type="chain")
        async for piece in made:
            yield piece

    def _answer(self, input: Any) -> AIMessage:
        answer = self.knowledge_base.ask(_question(input), k=self.k)
        return AIMessage(content=answer.text, response_metadata=_about(answer), usage_metadata=_usage(answer))

    def _pieces(self, inputs: Iterator[Any]) -> Iterator[AIMessage]:
        for input in inputs:
            for piece in self.knowledge_base.stream(_question(input), k=self.k):
                if isinstance(piece, Answer):
                    yield AIMessageChunk(content="", response_metadata=_about(piece), usage_metadata=_usage(piece))
                else:
                    yield AIMessageChunk(content=piece)

    async def _apieces(self, inputs: AsyncIterator[Any]) -> AsyncIterator[AIMessage]:
        async for input in inputs:
            pieces = self._pieces(iter([input]))
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece


async def _once(input: Any) -> AsyncIterator[Any]:
    yield input


def _question(input: Any) -> str:
    if isinstance(input, dict):
        input = input.get("question", input.get("input"))
    if isinstance(input, BaseMessage):
        input = input.text
    if not isinstance(input, str):
        raise InvalidValueError("give a question: a text, a message, or a mapping with the key 'question'")
    return question_of(input)


def _about(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in answer_data(answer).items() if name != "text"}


def _usage(answer: Answer) -> UsageMetadata | None:
    used = answer.usage
    if not used.calls:
        return None
    total = used.prompt_tokens + used.completion_tokens
    return UsageMetadata(input_tokens=used.prompt_tokens, output_tokens=used.completion_tokens, total_tokens=total)
