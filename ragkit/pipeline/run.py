"""The ask lane: a batch of queries through an expression.

Everything works on lists of queries, so that models see batches; one question is a batch of one. A stage may offer
`search_batch`, `rerank_batch` or `answer_batch`; otherwise its single form is called for each.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from ragkit.components import ROLES, role_of
from ragkit.errors import RagkitError, StageFailedError
from ragkit.pipeline.expression import Best, Expression, Fused, Stage, Then, Weighted
from ragkit.retrieve.fuse import fuse
from ragkit.types import Answer, Hits, Query

CANDIDATES = 50  # hits an index gives when nothing says how many
TO_ANSWER = 10  # hits an answerer sees when nothing says how many

ANSWERER = next(role for role in ROLES if role.gives == "Answer")

Value = Query | Hits | Answer


@dataclass(slots=True)
class Record:
    """What one stage did for one batch: its text, seconds, items given, and the best of the first query's."""

    stage: str
    seconds: float
    items: int
    top: tuple[str, ...] = ()

    def as_trace(self) -> dict[str, Any]:
        """As an entry of `Answer.trace`."""
        return {"stage": self.stage, "seconds": round(self.seconds, 6), "items": self.items}


@dataclass(slots=True)
class Runner:
    """Runs expressions with these stage instances, and records what each stage did."""

    instances: Mapping[Stage, Any]
    to_answer: int = TO_ANSWER
    candidates: int = CANDIDATES
    records: list[Record] = field(default_factory=list)

    def run(self, expression: Expression, values: Sequence[Value], k: int | None = None) -> list[Any]:
        """Put each value through the expression; `k` bounds the hits its indexes give."""
        match expression:
            case Stage():
                return self._stage(expression, values, k)
            case Best():
                return [_cut(value, expression.k) for value in self.run(expression.expression, values, expression.k)]
            case Weighted():
                return self.run(expression.expression, values, k)
            case Fused():
                return self._fused(expression, values, k)
            case Then():
                for step, following in pairwise(expression.steps):
                    values = self.run(step, values, self.to_answer if self._answers(following) else None)
                return self.run(expression.steps[-1], values, k)
        raise TypeError(f"not an expression: {expression!r}")

    def _answers(self, step: Expression) -> bool:
        return isinstance(step, Stage) and role_of(type(self.instances[step])) == ANSWERER

    def _fused(self, expression: Fused, values: Sequence[Value], k: int | None) -> list[Hits]:
        sides = [self.run(side, values, max(k, self.candidates) if k else None) for side in expression.sides]
        started = time.perf_counter()
        fused = [fuse(lists, expression.weights, expression.method) for lists in zip(*sides, strict=True)]
        self._note(f"fuse({expression.method})", started, fused)
        return [hits.best(k) if k else hits for hits in fused]

    def _stage(self, stage: Stage, values: Sequence[Value], k: int | None) -> list[Any]:
        instance = self.instances[stage]
        role = role_of(type(instance))
        assert role is not None  # the check of the expression saw to it
        started = time.perf_counter()
        method = role.methods[-1]
        more = [self.candidates if k is None else k] if method == "search" else []
        if method == "answer":
            values = [_cut(value, self.to_answer) for value in values]
        try:
            results = _each(instance, method, values, *more)
        except RagkitError:
            raise
        except Exception as error:
            raise StageFailedError(f"stage `{stage}` failed with {type(error).__name__}: {error}") from error
        for result in results:
            if type(result).__name__ != role.gives:
                raise StageFailedError(f"stage `{stage}` must give {role.gives}, it gave {type(result).__name__}")
        if len(results) != len(values):
            raise StageFailedError(f"stage `{stage}` gave {len(results)} results for {len(values)} questions")
        self._note(str(stage), started, results)
        return results

    def _note(self, name: str, started: float, results: Sequence[Any]) -> None:
        seconds = time.perf_counter() - started
        items = sum(len(result) for result in results if isinstance(result, Hits))
        self.records.append(Record(name, seconds, items, _top(results[0]) if results else ()))


def _each(instance: Any, method: str, values: Sequence[Value], *more: Any) -> list[Any]:
    batch = getattr(instance, f"{method}_batch", None)
    if batch is not None and len(values) > 1:
        return list(batch(values, *more))
    return [getattr(instance, method)(value, *more) for value in values]


def _cut(value: Any, k: int) -> Any:
    return value.best(k) if isinstance(value, Hits) else value


def _top(result: Any) -> tuple[str, ...]:
    match result:
        case Hits():
            return tuple(f"{hit.score:.4g}  {hit.chunk.id}" for hit in result.items[:3])
        case Answer():
            return (result.short or result.text[:120],)
        case Query():
            return (result.text[:120],)
    return ()


def with_trace(answer: Answer, records: Sequence[Record]) -> Answer:
    """The answer, its trace preceded by what the stages before it did."""
    return replace(answer, trace=(*(record.as_trace() for record in records), *answer.trace))
