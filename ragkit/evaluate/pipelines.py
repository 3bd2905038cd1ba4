"""Whole pipelines compared on the same questions.

Pipelines that cut documents the same way share a store, in which each index is built once. What pipelines of a store
have in common at the beginning of their ask lanes is run once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from ragkit.errors import InvalidValueError, MissingExtraError, PipelineError, StoreError
from ragkit.evaluate.dataset import Dataset, DatasetError
from ragkit.evaluate.report import Report
from ragkit.evaluate.runs import Item, Run, score_run
from ragkit.evaluate.settings import ChunkIndex, Placed, Settings
from ragkit.pipeline.bind import Bound, bind
from ragkit.pipeline.build import Failure, Pending, content_digest
from ragkit.pipeline.check import Plan, plan
from ragkit.pipeline.expression import Expression, Then
from ragkit.pipeline.parse import parse
from ragkit.pipeline.run import CANDIDATES, TO_ANSWER, Runner, Value
from ragkit.store.sqlite import IndexEntry, SQLiteStore
from ragkit.types import Hits, Query

Told = Callable[[str], None]


def evaluate_pipelines(
    dataset: Dataset,
    pipelines: Sequence[Expression | str] | Mapping[str, Expression | str],
    *,
    stores: str | Path | None = None,
    progress: Told | None = None,
    **settings: Any,
) -> Report:
    """Index the data set's documents by each pipeline, ask all questions, and score what is retrieved.

    `pipelines` are expressions or their texts, by name if you like; an `answer` at the end is not run. `stores` is a
    folder in which the indexes are kept for the next time. `settings` are those of `Settings`. A question that fails is
    tried once more, alone, and then left out of all means of that pipeline and counted in its `errors`.
    Raises `PipelineError` for a pipeline that cannot be used, `DatasetError` when a document cannot be indexed.
    """
    named = _named(pipelines)
    placed = Placed(dataset, Settings(**settings))
    runs: dict[str, Run] = {}
    with TemporaryDirectory() as scratch:
        folder = Path(stores or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for group in grouped(named):
            path = folder / f"{group.name(dataset)}.db"
            shared = Shared(placed, path, progress or _nobody)
            with shared:
                for name in group.members:
                    runs[name] = shared.run(name, named[name])
    return Report(dataset, placed.settings, tuple(runs[name] for name in named))


def _nobody(_: str) -> None:
    """Tell nobody."""


def _named(pipelines: Sequence[Expression | str] | Mapping[str, Expression | str]) -> dict[str, Expression]:
    if isinstance(pipelines, str | Expression):
        raise InvalidValueError("give a list of pipelines, or a mapping of names to pipelines")
    pairs = pipelines.items() if isinstance(pipelines, Mapping) else [(str(one).strip(), one) for one in pipelines]
    named: dict[str, Expression] = {}
    for name, one in pairs:
        if name in named:
            raise InvalidValueError(f"the pipeline {name!r} is given twice")
        named[name] = parse(one) if isinstance(one, str) else one
    if not named:
        raise InvalidValueError("there is no pipeline to evaluate")
    return named


@dataclass
class Group:
    """Pipelines that can share a store: they cut alike, and no index name stands for two settings."""

    build: str
    members: list[str] = field(default_factory=list)
    indexes: dict[str, set[str]] = field(default_factory=dict)

    def name(self, dataset: Dataset) -> str:
        """The file name of the group's store: another one for other documents, chunks or indexes."""
        indexes = sorted(text for own in self.indexes.values() for text in own)
        texts = sorted((id, doc.text) for id, doc in dataset.docs.items())
        whole = repr((self.build, indexes, texts)).encode("utf-8", "surrogatepass")
        return blake2b(whole, digest_size=12).hexdigest()

    def fits(self, build: str, indexes: Mapping[str, set[str]]) -> bool:
        """Whether a pipeline with these indexes can join."""
        return build == self.build and all(
            name not in self.indexes or self.indexes[name] & own for name, own in indexes.items()
        )


def grouped(pipelines: Mapping[str, Expression]) -> list[Group]:
    """The pipelines by the store they share, in order."""
    groups: list[Group] = []
    for name, expression in pipelines.items():
        planned: Plan = plan(expression)
        if not planned.indexes:
            raise PipelineError(
                f"the pipeline {name!r} has no index, so there is nothing to evaluate",
                text=str(expression),
                hint="put an index in it: bm25, dense, trigraph",
            )
        build = " >> ".join(map(str, planned.build))
        indexes: dict[str, set[str]] = {}
        for stage in planned.indexes:
            indexes.setdefault(stage.name, set()).add(str(stage))
        group = next((one for one in groups if one.fits(build, indexes)), None)
        if group is None:
            group = Group(build)
            groups.append(group)
        group.members.append(name)
        for index, own in indexes.items():
            group.indexes.setdefault(index, set()).update(own)
    return groups


@dataclass
class SharedRunner(Runner):
    """A runner that remembers what expressions gave for `asked`, the questions as they come in.

    `saved` sums the seconds that remembered results took when they were computed, so that costs can be told in full.
    """

    asked: Sequence[Value] = ()
    memo: dict[Any, tuple[list[Any], float]] = field(default_factory=dict)
    saved: float = 0.0

    def run(self, expression: Expression, values: Sequence[Value], k: int | None = None) -> list[Any]:
        """As `Runner.run`; the beginnings of chains are remembered too."""
        if values is not self.asked:
            return super().run(expression, values, k)
        if not isinstance(expression, Then):
            return self._once((expression, k), lambda: super(SharedRunner, self).run(expression, values, k))
        values = self.run(expression.steps[0], self.asked)
        for end in range(2, len(expression.steps) + 1):
            most = k if end == len(expression.steps) else None
            values = self._once(
                (expression.steps[:end], most), partial(super().run, expression.steps[end - 1], values, most)
            )
        return list(values)

    def _once(self, key: Any, compute: Callable[[], list[Any]]) -> list[Any]:
        if key in self.memo:
            results, seconds = self.memo[key]
            self.saved += seconds
            return results
        started, before = perf_counter(), self.saved
        results = compute()
        self.memo[key] = results, perf_counter() - started + self.saved - before
        return results


@dataclass
class Shared:
    """A store that several pipelines use, and what was already found in it."""

    placed: Placed
    path: Path
    tell: Told
    memo: dict[Any, tuple[list[Any], float]] = field(default_factory=dict)
    queries: list[Query] = field(default_factory=list)

    def __enter__(self) -> Shared:
        self.store = SQLiteStore(self.path, create=True)
        self.queries = [Query(question.text) for question in self.placed.dataset.questions]
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def run(self, name: str, expression: Expression) -> Run:
        """Index, ask and score one pipeline."""
        self.tell(f"indexing {len(self.placed.dataset.docs)} documents for {name}")
        started = perf_counter()
        bound = bind(self.store, expression)
        self._add(bound)
        bound.check()
        bound.open()
        index_seconds = perf_counter() - started
        index = self._chunks()
        self.tell(f"asking {len(self.queries)} questions of {name}")
        rankings, errors, seconds = self._ask(bound)
        cost = {"index_seconds": index_seconds, "milliseconds": seconds * 1000 / max(1, len(self.queries))}
        return score_run(self.placed, name, rankings, index, errors=errors, cost=cost)

    def _add(self, bound: Bound) -> None:
        """Index what the store does not hold yet."""
        self.store.remember("build_text", bound.build_text)
        self.store.remember("pipeline", str(bound.expression))
        pending = []
        for doc in self.placed.dataset.docs.values():
            digest = content_digest(doc.document)
            known = self.store.document_state(doc.id)
            if known is None or known[:2] != (digest, bound.build):
                pending.append(Pending(doc.document, digest, None, known is not None))
        bound.builder().add(pending, _no_failure)
        for doc in self.placed.dataset.docs.values() if bound.plan.extractors else ():
            held = self.store.document(doc.id)
            if held is None or held.text != doc.text:
                raise DatasetError(
                    f"the pipeline `{bound.expression}` changes the text of {doc.id!r}, so gold offsets do not apply"
                )

    def _chunks(self) -> ChunkIndex:
        shelf = self.store.shelf(IndexEntry(0, "", "", None))
        return ChunkIndex.of_chunks(shelf.chunks(shelf.live()))

    def _ask(self, bound: Bound) -> tuple[dict[str, list[Item]], dict[str, str], float]:
        """Rankings, errors, and the seconds it takes, whether or not results could be shared."""
        with suppress(Exception):  # loads models before the time is taken; what fails here fails again below
            Runner(bound.instances).run(bound.retrieval, self.queries[:1])
        started = perf_counter()
        questions = self.placed.dataset.questions
        depth = self.placed.settings.depth
        runner = SharedRunner(bound.instances, TO_ANSWER, max(CANDIDATES, depth), asked=self.queries, memo=self.memo)
        errors: dict[str, str] = {}
        with self.store.snapshot():
            try:
                found = dict(zip([one.id for one in questions], runner.run(bound.retrieval, self.queries), strict=True))
            except (MissingExtraError, StoreError):
                raise
            except Exception:
                # One question may have spoilt the batch, so each is asked alone.
                found = self._one_by_one(bound, errors)
        return (
            {id: [hit.chunk.id for hit in hits.best(depth)] for id, hits in found.items()},
            errors,
            (perf_counter() - started + runner.saved),
        )

    def _one_by_one(self, bound: Bound, errors: dict[str, str]) -> dict[str, Hits]:
        runner = Runner(bound.instances, TO_ANSWER, max(CANDIDATES, self.placed.settings.depth))
        found: dict[str, Hits] = {}
        for question, query in zip(self.placed.dataset.questions, self.queries, strict=True):
            try:
                found[question.id] = runner.run(bound.retrieval, [query])[0]
            except Exception as error:
                errors[question.id] = f"{type(error).__name__}: {error}"
        return found


def _no_failure(item: Pending, outcome: Any) -> None:
    if isinstance(outcome, Failure):
        raise DatasetError(f"document {item.document.id!r} cannot be indexed: {outcome.reason}")
