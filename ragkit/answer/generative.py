"""Answers written by a chat model, with every citation checked against the sources."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from ragkit.answer.extractive import NOT_FOUND
from ragkit.answer.reply import Pieces, Reply, check, read_reply
from ragkit.errors import ModelError, RagkitError
from ragkit.text.sentences import sentence_spans
from ragkit.text.tokens import count_tokens
from ragkit.types import Answer, Chunk, Hits, Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

# A reply longer than this is cut: no answer needs it, and a model that loops never ends by itself.
MOST_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Packed:
    """The sources that fit the budget, best first, with the text of each that is shown; `left_out` did not fit."""

    chunks: tuple[Chunk, ...]
    shown: tuple[str, ...]
    left_out: int


def prompt(name: str) -> str:
    """The text of a prompt file of this package."""
    return resources.files("ragkit.answer").joinpath("prompts", f"{name}.txt").read_text(encoding="utf-8")


def pack(chunks: Sequence[Chunk], tokens: int) -> Packed:
    """The first chunks that fit into so many tokens; one that does not fit is cut after its last sentence that does."""
    kept: list[Chunk] = []
    shown: list[str] = []
    left = tokens
    for chunk in chunks:
        text = chunk.text
        size = count_tokens(text) + count_tokens(chunk.head)
        if size > left:
            text = _cut(text, left - count_tokens(chunk.head))
            size = left
        if text:
            kept.append(chunk)
            shown.append(text)
            left -= size
        if left <= 0 or not text:
            break
    return Packed(tuple(kept), tuple(shown), len(chunks) - len(kept))


def _cut(text: str, tokens: int) -> str:
    end, left = 0, tokens
    for start, stop in sentence_spans(text):
        left -= count_tokens(text[start:stop])
        if left < 0:
            break
        end = stop
    return text[:end]


def fenced(packed: Packed, question: str) -> str:
    """The sources between numbered lines with a key that no document can know, so that none can close its fence."""
    key = hashlib.blake2b(
        "\0".join((question, *packed.shown)).encode("utf-8", "surrogatepass"), digest_size=6
    ).hexdigest()
    blocks = []
    for number, (chunk, text) in enumerate(zip(packed.chunks, packed.shown, strict=True), 1):
        head = " ".join(chunk.head.split())
        title = f"Title: {head}\n" if head else ""
        blocks.append(f"[[source {number} begin {key}]]\n{title}{text}\n[[source {number} end {key}]]")
    return "\n\n".join(blocks)


def filled(template: str, **values: str) -> str:
    """The template with `{name}` replaced, once and in one pass, so that values cannot smuggle in further fields."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match.group(1), match.group()), template)


class Generative:
    """Has a chat model answer from the hits, and keeps of its citations those that stand in the sources."""

    def __init__(self, model: BaseChatModel, *, context_tokens: int = 3000) -> None:
        """`context_tokens` bounds the sources sent, counted in words and punctuation marks."""
        self._model, self._budget = model, context_tokens

    def answer(self, hits: Hits) -> Answer:
        """The checked answer. Raises `ModelError` when the model fails or returns nothing."""
        *_, answer = self.stream(hits)
        if not isinstance(answer, Answer):
            raise ModelError("the stream of the chat model ended without an answer; this is a fault of ragkit")
        return answer

    def stream(self, hits: Hits) -> Iterator[str | Answer]:
        """Pieces of the answer as the model writes it, then the checked answer.

        The answer's text differs from the pieces only where a citation had to be dropped.
        """
        packed = pack(hits.chunks, self._budget)
        if not packed.chunks:
            note = {"stage": "answer", "model": self.name, "reason": "there are no hits; the model was not asked"}
            yield NOT_FOUND
            yield Answer(NOT_FOUND, (), hits, found=False, trace=(note,))
            return
        messages = self._messages(hits, packed)
        pieces = Pieces(len(packed.chunks))
        usage: Usage | None = None
        for text, used in self._ask(messages):
            usage = used if usage is None else (usage + used if used else usage)
            visible = pieces.add(text)
            if visible:
                yield visible
            if pieces.length > MOST_CHARACTERS:
                break
        rest = pieces.close()
        if rest:
            yield rest
        if usage is not None:
            usage = Usage(usage.prompt_tokens, usage.completion_tokens, 1)
        yield self._checked(pieces.text[:MOST_CHARACTERS], messages, packed, hits, usage)

    @property
    def name(self) -> str:
        """The model's name, for the trace."""
        for field in ("model_name", "model", "name"):
            value = getattr(self._model, field, None)
            if isinstance(value, str) and value:
                return value
        return type(self._model).__name__

    def _messages(self, hits: Hits, packed: Packed) -> list[BaseMessage]:
        from langchain_core.messages import HumanMessage, SystemMessage

        asked = filled(prompt("answer_user"), sources=fenced(packed, hits.query.text), question=hits.query.text)
        return [SystemMessage(prompt("answer_system")), HumanMessage(asked)]

    def _ask(self, messages: list[BaseMessage]) -> Iterator[tuple[str, Usage | None]]:
        """Text and usage of each piece. What a model raises comes from many libraries, so all of it is translated."""
        try:
            for piece in self._model.stream(messages):
                yield _text(piece.content), _usage(piece)
        except RagkitError:
            raise
        except Exception as error:
            if "No generation chunks" in str(error):
                return  # LangChain's way of saying that the model wrote nothing; reported as an empty text
            raise ModelError(
                f"the chat model {self.name} failed: {type(error).__name__}: {error}; "
                "check that it runs, its name and its key, or answer without one: answer(model='')"
            ) from error

    def _checked(
        self, text: str, messages: list[BaseMessage], packed: Packed, hits: Hits, usage: Usage | None
    ) -> Answer:
        reply = read_reply(text, len(packed.chunks))
        if not text.strip():
            raise ModelError(f"the chat model {self.name} returned an empty text; ask again or use another model")
        prompted = sum(count_tokens(str(message.content)) for message in messages)
        counted = Usage(prompted, count_tokens(text), 1)
        note: dict[str, Any] = {
            "stage": "answer",
            "model": self.name,
            "messages": [
                {"role": message.type, "text": str(message.content), "tokens": count_tokens(str(message.content))}
                for message in messages
            ],
            "sources": len(packed.chunks),
            "left_out": packed.left_out,
            "reply": text,
            "usage": "reported by the model" if usage else "counted by ragkit",
        }
        return self._answer(reply, packed, hits, usage or counted, note)

    def _answer(self, reply: Reply, packed: Packed, hits: Hits, usage: Usage, note: dict[str, Any]) -> Answer:
        if reply.not_found:
            return Answer(NOT_FOUND, (), hits, found=False, usage=usage, trace=(note,))
        checked = check(reply, packed.chunks)
        note |= {"rejected": checked.rejected, "inferred": checked.inferred, "moved": checked.moved}
        if not checked.citations:
            note["reason"] = "nothing in the sources supports what the model wrote"
            return Answer(NOT_FOUND, (), hits, found=False, usage=usage, trace=(note,))
        return Answer(checked.text, checked.citations, hits, short=reply.short, usage=usage, trace=(note,))


def _text(content: str | list[Any]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)


def _usage(message: BaseMessage) -> Usage | None:
    used = getattr(message, "usage_metadata", None)
    if not used:
        return None
    return Usage(int(used.get("input_tokens", 0)), int(used.get("output_tokens", 0)), 0)
