"""A chat model as predictor: it reads numbered lines and answers with numbers, never with text of the page.

Nothing it writes is believed but numbers in the grammar. When it fails, another predictor's choice is returned, and the
prediction says so (`degraded`).
"""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ragkit.errors import InvalidValueError, ModelError
from ragkit.extractors.html.decode import decode, intervals
from ragkit.extractors.html.grammar import GBNF, GUIDED_REGEX, MAX_ITEMS, IndexParseError, parse_indices
from ragkit.extractors.html.intervals import IntervalSet
from ragkit.extractors.html.prompting import Line, page_lines, prompt, windows
from ragkit.extractors.html.types import Page, Prediction, Predictor

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

MAX_TOKENS = 8 + 6 * MAX_ITEMS
TOO_MUCH, TOO_MUCH_FROM = 0.98, 50  # share of the words, on pages of so many segments, that no real choice takes
Constraint = Literal["none", "guided_regex", "gbnf"]


class Complete(Protocol):
    """Completes a prompt with text. `grammar` is a regular expression the reply should match, None when it is free."""

    def __call__(self, prompt: str, *, grammar: str | None = None, max_tokens: int) -> str: ...


class _Failed(Exception):  # noqa: N818 (never leaves this module)
    """The model cannot be used for this page; the message says why."""


@dataclass(slots=True)
class _Spent:
    calls: int = 0
    windows: int = 0
    warnings: list[tuple[str, str]] = field(default_factory=list)


class LLMPredictor:
    """Has a chat model choose segments, for a query or as main content.

    `complete` is any function from prompt to reply; `chat_complete` makes one of a LangChain chat model. A page of more
    than `max_prompt_words` words is asked for in windows whose choices are united. An answer that is not in the grammar
    is asked for again `retries` times. If that fails too, on any exception, after `timeout` seconds without a reply, or
    when nearly the whole of a long page is chosen, `fallback` decides and the prediction is `degraded` with the warning
    `llm_fallback`. `key` gives the fence around page text; it must be unguessable to whoever wrote the page.
    """

    name = "llm"

    def __init__(
        self,
        complete: Complete,
        *,
        fallback: Predictor | None = None,
        max_prompt_words: int = 4000,
        retries: int = 1,
        timeout: float | None = 120.0,
        guided: bool = True,
        key: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        if max_prompt_words < 1 or retries < 0 or (timeout is not None and timeout <= 0):
            raise InvalidValueError(
                "LLMPredictor: max_prompt_words is at least 1, retries at least 0 and timeout above 0 (or None), not "
                f"{max_prompt_words}, {retries} and {timeout}"
            )
        self.complete, self.fallback, self.key = complete, fallback, key
        self.max_prompt_words, self.retries, self.timeout, self.guided = max_prompt_words, retries, timeout, guided

    def predict(self, page: Page, query: str | None = None, *, budget_words: int | None = None) -> Prediction:
        """The choice of the model, cut to the budget in page order, or that of the fallback."""
        query = query if query and query.strip() else None
        lines = page_lines(page)
        if not lines:
            return Prediction(IntervalSet(), detail={"calls": 0})
        spent = _Spent()
        try:
            chosen = self._chosen(page, query, lines, spent)
        except _Failed as failure:
            return self._fallen_back(page, query, budget_words, str(failure), spent)
        if budget_words is not None:
            chosen = _within(page, chosen, budget_words)
        return Prediction(chosen, detail=_detail(spent))

    # ------------------------------------------------------------ asking

    def _chosen(self, page: Page, query: str | None, lines: list[Line], spent: _Spent) -> IntervalSet:
        pieces = windows(lines, self.max_prompt_words)
        spent.windows = len(pieces)
        chosen = IntervalSet()
        for piece in pieces:
            chosen |= self._asked(page, query, piece, spent) & _covered(piece)
        chosen &= _choosable(page)
        taken, total = _words(page, chosen), sum(page.layout.words)
        if len(page.segments) >= TOO_MUCH_FROM and taken > TOO_MUCH * total:
            raise _Failed(f"it chose {taken} of the page's {total} words, which is no choice")
        return chosen

    def _asked(self, page: Page, query: str | None, lines: list[Line], spent: _Spent) -> IntervalSet:
        text = prompt(lines, query, self._fence(page))
        problem = ""
        for _ in range(self.retries + 1):
            spent.calls += 1
            reply = self._reply(text)
            try:
                chosen, warnings = parse_indices(reply, len(page.segments))
            except IndexParseError as error:
                problem = str(error)
                continue
            spent.warnings += warnings
            return chosen
        raise _Failed(f"its answer is not in the grammar: {problem}")

    def _fence(self, page: Page) -> str:
        for _ in range(8):
            key = self.key()
            if key and key not in page.text:
                return f"=== {key} ==="
        raise _Failed("no key was found that does not stand in the page")

    def _reply(self, text: str) -> str:
        grammar = GUIDED_REGEX if self.guided else None
        try:
            reply = _in_time(lambda: self.complete(text, grammar=grammar, max_tokens=MAX_TOKENS), self.timeout)
        except Exception as error:  # whatever a model, its service or its adapter raises
            raise _Failed(f"{type(error).__name__}: {error}") from error
        if not isinstance(reply, str):
            raise _Failed(f"it gave {type(reply).__name__}, not text")
        return reply

    # ------------------------------------------------------------ failing

    def _fallen_back(
        self, page: Page, query: str | None, budget_words: int | None, reason: str, spent: _Spent
    ) -> Prediction:
        fallback = self.fallback or _usual(query)
        made = fallback.predict(page, query, budget_words=budget_words)
        warning = ("llm_fallback", f"{reason[:200]}; {fallback.name} decided")
        detail = {**made.detail, **_detail(spent), "fallback": fallback.name}
        detail["warnings"] = (*detail["warnings"], *made.detail.get("warnings", ()), warning)
        return replace(made, degraded=True, detail=detail)


def chat_complete(model: str | BaseChatModel, *, constraint: Constraint = "none", timeout: float = 120.0) -> Complete:
    """The function `LLMPredictor` needs, around a chat model (see `ragkit.models.chat.load_chat_model`).

    `constraint` says how the server behind it is told the grammar: "guided_regex" as vLLM reads it, "gbnf" in the
    field `grammar` as llama.cpp does, "none" not at all (replies are checked in any case).
    """
    if constraint not in ("none", "guided_regex", "gbnf"):
        raise InvalidValueError(f"constraint is 'none', 'guided_regex' or 'gbnf', not {constraint!r}")

    def complete(prompt: str, *, grammar: str | None = None, max_tokens: int) -> str:
        from langchain_core.messages import HumanMessage

        from ragkit.models.chat import load_chat_model

        further: dict[str, Any] = {}
        if grammar is not None and constraint != "none":
            further = {"guided_regex": grammar} if constraint == "guided_regex" else {"grammar": GBNF}
        chat = load_chat_model(model, timeout=timeout)
        message = chat.invoke([HumanMessage(prompt)], max_tokens=max_tokens, temperature=0, **further)
        text = message.text
        if not text.strip():
            raise ModelError("the chat model answered with no text")
        return str(text)

    return complete


def _in_time(call: Callable[[], Any], seconds: float | None) -> Any:
    """The call's result. Raises its exception, or `TimeoutError`; a call that is late goes on in its own thread."""
    if seconds is None:
        return call()
    results: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put((True, call()))
        except BaseException as error:  # noqa: BLE001 (raised again by the caller)
            results.put((False, error))

    threading.Thread(target=run, name="ragkit-llm", daemon=True).start()
    try:
        succeeded, result = results.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no reply within {seconds:g} s") from None
    if not succeeded:
        raise result
    return result


def _usual(query: str | None) -> Predictor:
    if query is not None:
        from ragkit.extractors.html.hybrid import HybridQE

        return HybridQE()
    from ragkit.extractors.html.heuristic import HeuristicME

    return HeuristicME()


def _covered(lines: list[Line]) -> IntervalSet:
    """The segments a piece shows: numbers the model cannot have seen are not believed."""
    return IntervalSet.spanning((line.first, line.last) for line in lines)


def _choosable(page: Page) -> IntervalSet:
    return IntervalSet.of(
        segment.index
        for segment, usable in zip(page.segments, page.layout.usable, strict=True)
        if usable and "duplicate" not in segment.flags
    )


def _words(page: Page, chosen: IntervalSet) -> int:
    return sum(page.layout.words[index - 1] for index in chosen)


def _within(page: Page, chosen: IntervalSet, budget_words: int) -> IntervalSet:
    """As much of a choice as fits the budget; all that was chosen counts alike."""
    picked = [float(segment.index in chosen) for segment in page.segments]
    return IntervalSet.spanning(intervals(decode(picked, page.layout.words, 0.5, budget_words=budget_words).chosen))


def _detail(spent: _Spent) -> Mapping[str, Any]:
    return {"calls": spent.calls, "windows": spent.windows, "warnings": tuple(spent.warnings)}
