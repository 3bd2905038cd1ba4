"""Plots of a report, as PNG and SVG. Needs matplotlib: `pip install 'ragkit[plots]'`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.errors import require
from ragkit.evaluate.writing import group_means

if TYPE_CHECKING:
    from ragkit.evaluate.report import Report

_NAME = 48  # characters of a configuration's name that a legend shows


def draw(report: Report, folder: Path) -> list[Path]:
    """Draw what the report has figures for and return the files. Raises `MissingExtraError` without matplotlib."""
    matplotlib = require("matplotlib", extra="plots", purpose="drawing plots")
    from matplotlib.figure import Figure

    written = []
    # The same report gives the same bytes.
    style = {"svg.hashsalt": "ragkit", "svg.fonttype": "path", "font.size": 10, "text.parse_math": False}
    with matplotlib.rc_context(style):
        for name, plot in _plots(report):
            figure = Figure(figsize=(8, 5), layout="constrained")
            plot(figure, report)
            for ending, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
                path = folder / f"{name}.{ending}"
                figure.savefig(path, dpi=150, metadata=metadata)
                written.append(path)
    return written


def _plots(report: Report) -> Iterator[tuple[str, Callable[[Any, Report], None]]]:
    yield "recall", _histogram
    yield "recall_iou", _scatter
    if len(report.settings.budgets) > 1:
        yield "budget", _budget
    if len({report.runs[0].groups[id] for id in report.runs[0].ids}) > 1:
        yield "groups", _heat
    if report.comparisons:
        yield "differences", _forest


def _short(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"


def _histogram(figure: Any, report: Report) -> None:
    axes = figure.subplots()
    edges = np.linspace(0, 1, 11)
    width = 0.08 / len(report.runs)
    for at, run in enumerate(report.runs):
        counts, _ = np.histogram(run.columns["recall"], edges)
        places = (edges[:-1] + 0.01) + width * (at + 0.5)
        axes.bar(places, 100 * counts / len(run.ids), width=width, label=_short(run.name))
    axes.set(xlabel=f"recall of a question at k = {report.settings.k}", ylabel="questions (%)", xlim=(0, 1))
    axes.set_xticks(edges)
    _legend(figure)


def _scatter(figure: Any, report: Report) -> None:
    axes = figure.subplots()
    points = [(run.summary["iou"], run.summary["recall"]) for run in report.runs]
    for run, (iou, recall) in zip(report.runs, points, strict=True):
        axes.errorbar(
            100 * iou.mean,
            100 * recall.mean,
            xerr=[[100 * (iou.mean - iou.low)], [100 * (iou.high - iou.mean)]],
            yerr=[[100 * (recall.mean - recall.low)], [100 * (recall.high - recall.mean)]],
            fmt="o",
            capsize=3,
            label=_short(run.name),
        )
    front = pareto([(iou.mean, recall.mean) for iou, recall in points])
    if len(front) > 1:
        axes.plot(*zip(*[(100 * x, 100 * y) for x, y in front], strict=True), color="0.6", lw=1, ls="--", zorder=0)
    axes.set(xlabel=f"IoU at k = {report.settings.k} (%)", ylabel=f"recall at k = {report.settings.k} (%)")
    _legend(figure)


def pareto(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that none other beats in both directions, from left to right."""
    front: list[tuple[float, float]] = []
    for x, y in sorted(set(points), reverse=True):
        if not front or y > front[-1][1]:
            front.append((x, y))
    return front[::-1]


def _budget(figure: Any, report: Report) -> None:
    axes = figure.subplots()
    budgets = report.settings.budgets
    for run in report.runs:
        summaries = [run.summary[f"recall@{budget}u"] for budget in budgets]
        axes.plot(budgets, [100 * one.mean for one in summaries], marker="o", label=_short(run.name))
        axes.fill_between(
            budgets, [100 * one.low for one in summaries], [100 * one.high for one in summaries], alpha=0.15
        )
    axes.set(xlabel=f"retrieved text ({report.settings.unit_name}s)", ylabel="recall (%)", ylim=(0, 102))
    axes.set_xlim(left=0)
    _legend(figure)


def _heat(figure: Any, report: Report) -> None:
    axes = figure.subplots()
    means = [group_means(run) for run in report.runs]
    names = sorted({name for own in means for name in own})[:30]
    values = np.array([[100 * own.get(name, np.nan) for own in means] for name in names])
    image = axes.imshow(values, vmin=0, vmax=100, cmap="viridis", aspect="auto")
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.set_xticks(range(len(report.runs)), [_short(run.name) for run in report.runs], rotation=20, ha="right")
    for row, column in np.ndindex(values.shape):
        shade = "white" if values[row, column] < 60 else "black"
        axes.text(column, row, f"{values[row, column]:.0f}", ha="center", va="center", color=shade)
    figure.colorbar(image, label=f"recall at k = {report.settings.k} (%)")


def _forest(figure: Any, report: Report) -> None:
    comparisons = report.comparisons[:30]
    figure.set_size_inches(9, max(3.0, 1.2 + 0.45 * len(comparisons)))
    axes = figure.subplots()
    places = np.arange(len(comparisons))[::-1]
    for place, one in zip(places, comparisons, strict=True):
        sure = not one.low <= 0 <= one.high
        axes.plot([100 * one.low, 100 * one.high], [place, place], color="C0" if sure else "0.6")
        axes.plot(100 * one.difference, place, "o", color="C0" if sure else "0.6")
    axes.axvline(0, color="0.3", lw=1)
    axes.set_yticks(places, [f"{one.metric}: {_short(one.a)}" for one in comparisons])
    axes.set(xlabel=f"difference to {_short(report.runs[0].name)} (points, 95 % interval)")
    axes.set_ylim(-0.6, len(comparisons) - 0.4)


def _legend(figure: Any) -> None:
    figure.legend(loc="outside lower center", frameon=False)
