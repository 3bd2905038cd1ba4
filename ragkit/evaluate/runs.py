"""Scoring configurations: from rankings of chunks to rows of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ragkit.errors import InvalidValueError
from ragkit.evaluate.dataset import Dataset
from ragkit.evaluate.gain import ndcg_all
from ragkit.evaluate.line import Flat, Floats
from ragkit.evaluate.oracle import oracle_all
from ragkit.evaluate.scores import score_all
from ragkit.evaluate.settings import MIN_CAP, ChunkIndex, Placed, Settings
from ragkit.evaluate.spans import SpanError, check_span
from ragkit.evaluate.statistics import Comparison, Summary, paired, summarise
from ragkit.types import Span

Item = str | int | Span  # the id of a chunk, its number in the index, or its span
FULL = 0.99  # from here on recall counts as full


@dataclass(frozen=True, slots=True)
class IndexStats:
    """The chunks of a configuration: how many, their mean and 95th percentile in units, and the share overlapping."""

    chunks: int
    mean: float
    p95: float
    overlap: float


@dataclass(frozen=True)
class Run:
    """One configuration scored: for each score an array with a value for each of the questions `ids`.

    `retrieved` has what was found, best first. Questions in `errors` could not be scored and are in no mean.
    `cost` has `index_seconds`, `milliseconds` per question and the like, where they were measured.
    """

    name: str
    ids: tuple[str, ...]
    columns: Mapping[str, Floats]
    groups: Mapping[str, str]
    retrieved: Mapping[str, tuple[Span, ...]]
    settings: Settings
    index: IndexStats | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    cost: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def summary(self) -> dict[str, Summary]:
        """The summary of each score."""
        groups = [self.groups[id] for id in self.ids]
        return summarise(self.columns, self.ids, groups, seed=self.settings.seed, draws=self.settings.draws)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One object a question, with all its scores; failed questions come last, with `error`."""
        rows: list[dict[str, Any]] = []
        for number, id in enumerate(self.ids):
            scores = {name: float(values[number]) for name, values in self.columns.items()}
            rows.append({"config": self.name, "question": id, "group": self.groups[id], **scores, "error": ""})
        failed = {name: None for name in self.columns}
        for id, reason in sorted(self.errors.items()):
            rows.append({"config": self.name, "question": id, "group": self.groups[id], **failed, "error": reason})
        return rows

    @property
    def zero_recall(self) -> float:
        """The share of questions for which no gold at all was found."""
        return float((self.columns["recall"] == 0).mean())

    @property
    def full_recall(self) -> float:
        """The share of questions for which (nearly) all gold was found."""
        return float((self.columns["recall"] >= FULL).mean())


def compare(a: Run, b: Run, metric: str = "recall") -> Comparison:
    """The paired difference `a - b` of a score. Raises `InvalidValueError` for an unknown score or none in common."""
    for run in (a, b):
        if metric not in run.columns:
            raise InvalidValueError(f"{run.name!r} has no score {metric!r}; it has {', '.join(run.columns)}")
    return paired(
        (a.name, a.ids, a.columns[metric]),
        (b.name, b.ids, b.columns[metric]),
        {**b.groups, **a.groups},
        metric,
        seed=a.settings.seed,
        draws=a.settings.draws,
    )


def score_run(
    placed: Placed,
    name: str,
    rankings: Mapping[str, Sequence[Item]],
    index: ChunkIndex | None = None,
    *,
    errors: Mapping[str, str] | None = None,
    cost: Mapping[str, float] | None = None,
) -> Run:
    """Score what a configuration retrieved: for each question id the chunks, best first.

    Foreign chunks make an error of their question. Raises `InvalidValueError` when rankings are missing for questions
    that are not among `errors`, when they name unknown questions, or when no question is left.
    """
    questions = placed.dataset.questions
    failed = dict(errors or {})
    _check_ids(placed.dataset, name, rankings, failed)
    resolved: dict[str, tuple[Span, ...]] = {}
    warnings: list[str] = []
    lengths = {id: len(doc.text) for id, doc in placed.dataset.docs.items()}
    for question in questions:
        if question.id in failed:
            continue
        try:
            resolved[question.id] = _resolved(question.id, rankings[question.id], index, lengths, warnings)
        except InvalidValueError as error:
            failed[question.id] = str(error)
    numbers = [number for number, question in enumerate(questions) if question.id in resolved]
    if not numbers:
        first = next(iter(failed.values()), "there are no questions")
        raise InvalidValueError(f"{name!r}: no question could be scored; the first failed with: {first}")
    columns, stats = _columns(placed, numbers, [resolved[questions[number].id] for number in numbers], index)
    return Run(
        name,
        tuple(questions[number].id for number in numbers),
        columns,
        placed.group_of(),
        resolved,
        placed.settings,
        stats,
        failed,
        tuple(warnings),
        dict(cost or {}),
    )


def _check_ids(dataset: Dataset, name: str, rankings: Mapping[str, Any], failed: Mapping[str, str]) -> None:
    ids = {question.id for question in dataset.questions}
    if len(ids) < len(dataset.questions) or not all(question.references for question in dataset.questions):
        dataset.check()  # says which id is there twice, or which question has no gold
    missing = [id for id in sorted(ids) if id not in rankings and id not in failed]
    if missing:
        raise InvalidValueError(f"{name!r} has no ranking for {len(missing)} questions, the first is {missing[0]!r}")
    foreign = sorted((rankings.keys() | failed.keys()) - ids)
    if foreign:
        raise InvalidValueError(f"{name!r} ranks for {foreign[0]!r}, which is no question of {dataset.name!r}")


def _resolved(
    question: str, items: Sequence[Item], index: ChunkIndex | None, lengths: Mapping[str, int], warnings: list[str]
) -> tuple[Span, ...]:
    seen: set[Item] = set()
    spans = []
    for item in items:
        if item in seen:
            warnings.append(f"question {question!r}: chunk {item!r} was retrieved twice; the first counts")
            continue
        seen.add(item)
        spans.append(_span(question, item, index, lengths))
    return tuple(spans)


def _span(question: str, item: Item, index: ChunkIndex | None, lengths: Mapping[str, int]) -> Span:
    if isinstance(item, Span):
        if item.document_id not in lengths:
            raise SpanError(f"question {question!r}: retrieved from {item.document_id!r}, no document of the data set")
        check_span(item.document_id, item.start, item.end, lengths[item.document_id], question)
        return item
    if index is None:
        raise InvalidValueError(f"question {question!r}: chunk ids were retrieved, so give the index they are of")
    number = index.numbers.get(item, -1) if isinstance(item, str) else int(item)
    if not 0 <= number < len(index):
        raise InvalidValueError(f"question {question!r}: {item!r} was retrieved, which is no chunk of the index")
    return index.spans[number]


def _columns(
    placed: Placed, numbers: Sequence[int], retrieved: Sequence[Sequence[Span]], index: ChunkIndex | None
) -> tuple[dict[str, Floats], IndexStats | None]:
    settings = placed.settings
    gold = placed.gold(numbers)
    ranked = placed.line.flat(retrieved)
    columns = score_all(gold, ranked.first(settings.k), min_overlap=settings.min_overlap)
    for budget in settings.budgets:
        kept = score_all(gold, ranked.within(budget))
        columns |= {f"{name}@{budget}u": kept[name] for name in ("recall", "iou")}
    if index is None:
        return columns, None
    starts, ends = placed.line.place(index.spans)
    columns |= oracle_all(gold.spans, starts, ends, touching=settings.touching)
    columns["ndcg"] = ndcg_all(gold.spans, ranked, starts, ends, settings.k)
    few = np.minimum(columns["oracle_k"], MIN_CAP)
    least = score_all(gold, ranked.where(ranked.rank < few[ranked.owner]))
    columns |= {f"{name}_min": least[name] for name in ("recall", "precision", "iou")}
    return columns, _stats(starts, ends, gold.spans.stride)


def _stats(starts: Any, ends: Any, stride: int) -> IndexStats:
    if len(starts) == 0:
        return IndexStats(0, 0.0, 0.0, 0.0)
    whole = Flat(1, np.zeros(len(starts), np.int64), starts, ends, stride)
    total = int(whole.size.sum())
    overlap = 1 - int(whole.covered[0]) / total if total else 0.0
    return IndexStats(len(starts), float(whole.size.mean()), float(np.percentile(whole.size, 95)), overlap)
