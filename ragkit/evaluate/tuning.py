"""Trying chunk sizes, retrievers and fusions on a data set, and naming the best with its interval and cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.errors import InvalidValueError
from ragkit.evaluate.dataset import Dataset
from ragkit.evaluate.pipelines import evaluate_pipelines
from ragkit.evaluate.report import Report
from ragkit.evaluate.runs import Run, compare
from ragkit.evaluate.statistics import Comparison, holm

TOKENS = (60, 120, 200, 400)
RETRIEVERS = ("bm25", "dense", "bm25 + dense", "bm25 + dense + trigraph")
FUSIONS = ("rrf", "minmax", "zscore")
BUDGET = 4000  # characters, about 1000 tokens: what goes into a prompt


@dataclass(frozen=True)
class Tuned:
    """What was tried, the best by `metric`, and the quickest that is not clearly worse.

    `comparisons` has the paired difference of every other configuration to the best.
    """

    report: Report
    metric: str
    best: Run
    quickest: Run
    comparisons: tuple[Comparison, ...]

    def __str__(self) -> str:
        lines = [f"best {self.metric}: {_told(self.best, self.metric)}"]
        if self.quickest is not self.best:
            lines.append(f"not clearly worse, and quicker: {_told(self.quickest, self.metric)}")
        return "\n".join(lines)


def grid(
    tokens: Sequence[int] = TOKENS, retrievers: Sequence[str] = RETRIEVERS, fusions: Sequence[str] = FUSIONS
) -> list[str]:
    """The pipelines to try: every chunk size with every retriever; retrievers of several indexes with every fusion."""
    found = []
    for size in tokens:
        for retriever in retrievers:
            for fusion in fusions if "+" in retriever else ("rrf",):
                body = retriever if fusion == "rrf" else f"({retriever}).fuse('{fusion}')"
                found.append(f"chunk(tokens={size}) >> {body}")
    return list(dict.fromkeys(found))


def tune(
    dataset: Dataset,
    pipelines: Sequence[str] | None = None,
    *,
    metric: str | None = None,
    stores: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
    **settings: Any,
) -> Tuned:
    """Try pipelines (default: `grid()`) and choose by `metric`, the mean of which is to be high.

    The default metric is recall within the largest budget (4000 units when none is given), so that bigger chunks get
    no more text than smaller ones; for questions made by rules it is IoU. Raises `InvalidValueError` for an unknown
    metric, and when questions made by rules are to choose a chunk size by recall, for which they are unfit.
    """
    tried = list(pipelines) if pipelines is not None else grid()
    budgets = tuple(settings.pop("budgets", ())) or (BUDGET,)
    ruled = dataset.generator.get("mode") == "rules"
    chosen = metric or ("iou" if ruled else f"recall@{max(budgets)}u")
    if ruled and chosen.startswith("recall") and len({_cutting(one) for one in tried}) > 1:
        raise InvalidValueError(
            "questions made by rules must not choose a chunk size by recall (see docs/evaluation.md); choose by iou, "
            "try one chunk size, or use questions written by people or a chat model"
        )
    report = evaluate_pipelines(dataset, tried, stores=stores, progress=progress, budgets=budgets, **settings)
    for run in report.runs:
        if chosen not in run.columns:
            raise InvalidValueError(f"there is no score {chosen!r}; there are {', '.join(run.columns)}")
    best = max(report.runs, key=lambda run: (run.summary[chosen].mean, -_cost(run)))
    others = [run for run in report.runs if run is not best]
    comparisons = holm([compare(run, best, chosen) for run in others])
    equal = [run for run, one in zip(others, comparisons, strict=True) if one.high >= 0]
    quickest = min([best, *equal], key=lambda run: (_cost(run), run.name))
    return Tuned(report, chosen, best, quickest, tuple(comparisons))


def _cutting(pipeline: str) -> str:
    from ragkit.pipeline.check import plan

    return " >> ".join(map(str, plan(pipeline).build))


def _cost(run: Run) -> float:
    return run.cost.get("milliseconds", 0.0)


def _told(run: Run, metric: str) -> str:
    one = run.summary[metric]
    return (
        f"{run.name}  {100 * one.mean:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}], "
        f"{_cost(run):.1f} ms a question, {run.index.chunks if run.index else 0} chunks"
    )
