"""Asking a chat model for an object, and making sure that it is one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock, local
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, Field, ValidationError

from ragkit.errors import ModelError
from ragkit.evaluate.synth.candidates import Candidate
from ragkit.evaluate.synth.prompts import prompt
from ragkit.types import Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Wanted = TypeVar("Wanted", bound=BaseModel)


class Range(BaseModel):
    """Sentences `first` to `last` of what was shown."""

    first: int
    last: int


class IdsReply(BaseModel):
    """A question whose references are ranges of sentence numbers."""

    question: str = Field(min_length=1)
    answer: str = ""
    references: list[Range] = Field(min_length=1, max_length=5)
    single_topic: bool
    self_contained: bool


class QuotesReply(BaseModel):
    """A question whose references are quotes."""

    question: str = Field(min_length=1)
    answer: str = ""
    references: list[str] = Field(min_length=1, max_length=5)
    single_topic: bool
    self_contained: bool


class Verdict(BaseModel):
    """What the critic says."""

    answerable: bool
    needs_each: bool


class ReplyError(ModelError):
    """A model's reply is not the object asked for. `raw` is the reply."""

    def __init__(self, reason: str, raw: str) -> None:
        super().__init__(reason)
        self.raw = raw


class SpentError(ModelError):
    """The run may make no more calls."""


@dataclass
class Asker:
    """A chat model with a bound on calls, pauses after failures, and a meter.

    `pause` seconds, then twice as many and so on, are waited after a call that failed; `sleep` does it.
    """

    model: BaseChatModel
    max_calls: int
    retries: int = 3
    pause: float = 1.0
    sleep: Callable[[float], None] = time.sleep
    usage: Usage = field(default_factory=Usage)
    _structured: bool = True
    _lock: Any = field(default_factory=Lock)
    _own: Any = field(default_factory=local)

    def ask(self, system: str, user: str, wanted: type[Wanted]) -> tuple[Wanted, str]:
        """The object, and the raw reply. Raises `ReplyError`, `SpentError`, or `ModelError` when the model fails."""
        self._own.usage = Usage()
        messages: list[BaseMessage] = [SystemMessage(system), HumanMessage(user)]
        if self._structured:
            try:
                return self._by_schema(messages, wanted)
            except (NotImplementedError, AttributeError):
                self._structured = False  # this model has no such mode: its replies are read as text from now on
        raw = self._text(messages)
        try:
            return read_object(raw, wanted), raw
        except ReplyError as error:
            repair = HumanMessage(prompt("repair", reason=str(error)))
            raw = self._text([*messages, AIMessage(raw), repair])
            return read_object(raw, wanted), raw

    def _by_schema(self, messages: list[BaseMessage], wanted: type[Wanted]) -> tuple[Wanted, str]:
        bound = self.model.with_structured_output(wanted, include_raw=True)
        reply = self._called(lambda: bound.invoke(messages))
        message = reply["raw"]
        self._count(message)
        raw = _text_of(message) or json.dumps(getattr(message, "tool_calls", []), default=str)
        if isinstance(reply.get("parsed"), wanted):
            return reply["parsed"], raw
        raise ReplyError(f"not the object asked for: {reply.get('parsing_error')}", raw)

    def _text(self, messages: list[BaseMessage]) -> str:
        message = self._called(lambda: self.model.invoke(messages))
        self._count(message)
        return _text_of(message)

    def _called(self, call: Callable[[], Any]) -> Any:
        for attempt in range(self.retries + 1):
            with self._lock:
                if self.usage.calls >= self.max_calls:
                    raise SpentError(f"the run's {self.max_calls} calls are used up; allow more with max_calls")
                self.usage += Usage(calls=1)
            try:
                return call()
            except (NotImplementedError, AttributeError):
                raise
            except Exception as error:  # each provider has errors of its own
                if attempt == self.retries:
                    raise ModelError(f"the chat model failed: {type(error).__name__}: {error}") from error
                self.sleep(self.pause * 2**attempt)
        raise AssertionError("unreachable")

    def _count(self, message: Any) -> None:
        used = getattr(message, "usage_metadata", None) or {}
        told = Usage(int(used.get("input_tokens") or 0), int(used.get("output_tokens") or 0))
        self._own.usage += told
        with self._lock:
            self.usage += told

    @property
    def last(self) -> Usage:
        """The tokens of this thread's last `ask`, repair included."""
        usage: Usage = self._own.usage
        return usage

    def critic(self, candidates: Sequence[Candidate]) -> list[str]:
        """A filter: whether a question can be answered from its references alone, and needs each."""
        return [self._judged(candidate) for candidate in candidates]

    def _judged(self, candidate: Candidate) -> str:
        passages = "\n\n".join(f"[{number}] {text}" for number, text in enumerate(candidate.texts, 1))
        user = prompt("critic_user", passages=passages, question=candidate.question)
        try:
            verdict, _ = self.ask(prompt("critic_system"), user, Verdict)
        except ReplyError:
            return "critic gave no verdict"
        except SpentError:
            return "calls used up before the critic"
        if not verdict.answerable:
            return "not answerable"
        return "" if verdict.needs_each else "a reference is not needed"


def _text_of(message: Any) -> str:
    content = getattr(message, "content", message)
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)


def read_object(raw: str, wanted: type[Wanted]) -> Wanted:
    """The first JSON object in a reply, thinking and fences aside. Raises `ReplyError` when none fits."""
    text = raw
    while (start := text.find("<think>")) >= 0:
        end = text.find("</think>", start)
        text = text[:start] + (text[end + len("</think>") :] if end >= 0 else "")
    decoder = json.JSONDecoder()
    broken = False
    start = text.find("{")
    while start >= 0:
        try:
            value, _ = decoder.raw_decode(text, start)
        except ValueError:
            broken = True
            start = text.find("{", start + 1)
            continue
        try:
            return wanted.model_validate(value)
        except ValidationError as error:
            if broken:  # a part of an object that was cut off
                start = text.find("{", start + 1)
                continue
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "object"
            raise ReplyError(f"{where}: {first['msg']}", raw) from error
    raise ReplyError("there is no complete JSON object", raw)
