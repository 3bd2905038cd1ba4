"""Searching with the help of a chat model: one call that plans, and rounds that ask what is missing.

Off by default. The model only adds questions; what is found, ranked and shown is decided as without it. When it fails,
or replies with something else, the search goes on without: the log says so, and so does `planned` in the hits' `views`
when explained.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any, Protocol, TypeVar

from ragkit.memory.config import MemoryConfig
from ragkit.memory.types import MemoryHit, from_us

log = logging.getLogger(__name__)

MOST_QUERIES, MOST_MISSING, MOST_WORDS = 4, 3, 20
LONGEST_QUERY = 300  # characters
_TEXTS = {"type": "array", "items": {"type": "string"}}
PLAN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "queries": _TEXTS,
        "keywords": _TEXTS,
        "persons": _TEXTS,
        "from": {"type": "string"},
        "to": {"type": "string"},
        "depth": {"type": "integer"},
    },
    "required": ["queries"],
}
REFLECT_SCHEMA: dict[str, Any] = {"type": "object", "properties": {"queries": _TEXTS}, "required": ["queries"]}

_Result = TypeVar("_Result")
# Finds hits for the question and those given; None takes the number of hits that the question itself calls for.
Find = Callable[[Sequence[str], int | None], list[MemoryHit]]


class Completer(Protocol):
    """A chat model that answers with a JSON object; raises when it cannot."""

    def complete(self, messages: Sequence[dict[str, str]], schema: dict[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a model makes of a question: further questions to search with, and how many hits are needed, if it says."""

    queries: tuple[str, ...] = ()
    depth: int | None = None


def search(
    completer: Completer,
    find: Find,
    question: str,
    *,
    config: MemoryConfig,
    at_us: int,
    offset_minutes: int = 0,
    k: int | None = None,
    explain: bool = False,
) -> list[MemoryHit]:
    """The hits of `find` for the question and what the model asks besides; see the module.

    `k` is the caller's and holds; without it the plan's depth counts, within the bounds of the configuration.
    """
    planned, queries = True, []
    if config.planner:
        plan = _tried(lambda: plan_of(completer, question, at_us, offset_minutes))
        planned = plan is not None
        if plan is not None:
            queries = list(plan.queries)
            if k is None and plan.depth is not None:
                k = max(config.k_min, min(config.k_max, plan.depth))
    hits = find(queries, k)
    for _ in range(config.reflections):
        missing = _tried(functools.partial(missing_of, completer, question, tuple(hits)))
        planned = planned and missing is not None
        new = [query for query in missing or () if query not in queries]
        if not new:
            break
        queries += new
        before, hits = hits, find(queries, k)
        if {hit.id for hit in hits} <= {hit.id for hit in before}:
            break
    if explain:
        hits = [dataclasses.replace(hit, views={**hit.views, "planned": float(planned)}) for hit in hits]
    return hits


def _tried(call: Callable[[], _Result]) -> _Result | None:
    try:
        return call()
    except Exception as error:  # whatever a model or its service raises; the search goes on without it
        log.warning("the chat model did not help with a question: %s", type(error).__name__)
        return None


def plan_of(completer: Completer, question: str, at_us: int, offset_minutes: int = 0) -> Plan:
    """The plan of a model for a question asked at a time. Raises what the model raises."""
    now = from_us(at_us, offset_minutes)
    value = completer.complete(_messages("plan", f"Today is {now:%Y-%m-%d}.\nQuestion: {question}"), PLAN_SCHEMA)
    queries = _texts(value, "queries")[:MOST_QUERIES]
    hints = [*_texts(value, "persons")[:MOST_WORDS], *_texts(value, "keywords")[:MOST_WORDS], *_between(value)]
    if hints:
        queries.append(" ".join(hints))
    depth = value.get("depth")
    whole = isinstance(depth, int) and not isinstance(depth, bool) and depth > 0
    return Plan(tuple(dict.fromkeys(queries)), depth if whole else None)


def missing_of(completer: Completer, question: str, hits: Sequence[MemoryHit]) -> list[str]:
    """What a model finds missing in hits to answer a question, as questions. Raises what the model raises."""
    notes = "\n".join(f"- {hit.said:%Y-%m-%d} {hit.text}" for hit in hits)
    text = f"Question: {question}\n\nNotes:\n{notes or '(none)'}"
    return _texts(completer.complete(_messages("reflect", text), REFLECT_SCHEMA), "queries")[:MOST_MISSING]


def _messages(prompt: str, text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": _prompt(prompt)}, {"role": "user", "content": text}]


@functools.cache
def _prompt(name: str) -> str:
    return (resources.files("ragkit.memory") / "prompts" / f"{name}.txt").read_text(encoding="utf-8")


def _texts(value: Mapping[str, Any], key: str) -> list[str]:
    """The texts of a list in a reply, without empty ones; anything else in it is passed over."""
    given = value.get(key)
    if not isinstance(given, list):
        return []
    texts = [" ".join(text.split())[:LONGEST_QUERY] for text in given if isinstance(text, str)]
    return [text for text in texts if text]


def _between(value: Mapping[str, Any]) -> list[str]:
    """The days of a plan as the time grammar reads them; one that is no day is passed over."""
    days = []
    for key in ("from", "to"):
        try:
            days.append(date.fromisoformat(str(value.get(key, ""))).isoformat())
        except ValueError:
            continue
    return days
