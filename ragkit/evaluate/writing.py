"""The files of a report."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ragkit.evaluate.report import Report
    from ragkit.evaluate.runs import Run
    from ragkit.evaluate.statistics import Comparison

_WORST = 10


def save(report: Report, folder: Path, plots: bool) -> list[Path]:
    """Write all files of a report and return their paths; see `Report.save`."""
    from ragkit.evaluate.page import page
    from ragkit.evaluate.report import rows_csv

    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[Path] = []
    if plots:
        from ragkit.evaluate.plots import draw

        drawn = draw(report, folder)
    texts = {
        "report.md": markdown(report, [path.name for path in drawn if path.suffix == ".svg"]),
        "rows.csv": rows_csv(report.rows),
        "summary.json": json.dumps(report.summary(), ensure_ascii=False, indent=2) + "\n",
        "report.html": page(report),
    }
    for name, text in texts.items():
        # Documents may hold what UTF-8 cannot; a report shows it escaped.
        (folder / name).write_bytes(text.encode("utf-8", "backslashreplace"))
    return [*(folder / name for name in texts), *drawn]


def markdown(report: Report, pictures: list[str] | None = None) -> str:
    """The report as Markdown; `pictures` are files beside it to show."""
    parts = [
        f"# Evaluation: {report.dataset.name}",
        _about(report),
        *(f"> **Note.** {' '.join(warning.split())}" for warning in report.warnings),
        report.table("markdown"),
        _legend(report),
        *_differences(report.comparisons),
        *_groups(report),
        *_weakest(report),
        *([f"## Pictures\n\n{' '.join(f'![{name}]({name})' for name in pictures)}"] if pictures else []),
    ]
    return "\n\n".join(parts) + "\n"


def _about(report: Report) -> str:
    data, settings = report.dataset, report.settings
    return (
        f"{len(data.questions)} questions about {len(data.docs)} documents (data set {data.digest[:12]}, version "
        f"{data.version}). The first {settings.k} chunks are scored, in units of one {settings.unit_name}; seed "
        f"{settings.seed}."
    )


def _legend(report: Report) -> str:
    repeated = " Any place of a repeated gold passage counts." if report.settings.occurrences == "all" else ""
    return (
        "Scores are per cent: mean ± standard deviation over questions, and in brackets the 95 % interval of the mean "
        f"({report.settings.draws:,} bootstrap draws). *zero* and *full* are the shares of questions for which none, "
        "or at least 99 %, of the gold was found. PΩ is the efficiency this chunking would allow. At a fixed number of "
        f"chunks, bigger chunks buy more text: compare recall at a budget of text (`--budget`).{repeated}"
    )


def _differences(comparisons: list[Comparison]) -> Iterator[str]:
    if not comparisons:
        return
    lines = ["| score | configuration | against | difference | 95 % interval | p (Holm) |", "|---|---|---|---|---|---|"]
    for one in comparisons:
        bold = "" if one.low <= 0 <= one.high else "**"
        lines.append(
            f"| {one.metric} | {_plain(one.a)} | {_plain(one.b)} | {bold}{100 * one.difference:+.1f}{bold} "
            f"| [{100 * one.low:+.1f}, {100 * one.high:+.1f}] | {one.holm:.4f} |"
        )
    yield "## Paired differences, in points\n\n" + "\n".join(lines)


def _groups(report: Report) -> Iterator[str]:
    names = sorted({report.runs[0].groups[id] for id in report.runs[0].ids})
    if not 1 < len(names) <= 30:
        return
    lines = ["| group | questions | " + " | ".join(_plain(run.name) for run in report.runs) + " |"]
    lines.append("|---|---|" + "---|" * len(report.runs))
    means = [group_means(run) for run in report.runs]
    counts = group_counts(report.runs[0])
    for name in names:
        cells = " | ".join(f"{100 * own[name]:.1f}" if name in own else "–" for own in means)
        lines.append(f"| {_plain(name)} | {counts[name]} | {cells} |")
    macro = " | ".join(f"{100 * run.summary['recall'].macro:.1f}" for run in report.runs)
    lines.append(f"| *mean of groups* | | {macro} |")
    yield "## Recall by group\n\n" + "\n".join(lines)


def group_means(run: Run, metric: str = "recall") -> dict[str, float]:
    """The mean of a score in each group."""
    values: dict[str, list[float]] = defaultdict(list)
    for id, value in zip(run.ids, run.columns[metric], strict=True):
        values[run.groups[id]].append(float(value))
    return {name: float(np.mean(own)) for name, own in sorted(values.items())}


def group_counts(run: Run) -> dict[str, int]:
    """How many questions each group has."""
    counts: dict[str, int] = defaultdict(int)
    for id in run.ids:
        counts[run.groups[id]] += 1
    return dict(counts)


def _weakest(report: Report) -> Iterator[str]:
    questions = {question.id: question.text for question in report.dataset.questions}
    rows = report.worst(_WORST)
    lines = [
        f"- {row['question']}: recall {100 * row['recall']:.0f} %, IoU {100 * row['iou']:.1f} %: "
        f"{_plain(questions[row['question']])}"
        for row in rows
    ]
    yield f"## Weakest questions of {_plain(report.runs[0].name)}\n\n" + "\n".join(lines)


def _plain(text: str) -> str:
    """A text that no Markdown or HTML is read in."""
    escaped = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for mark in "\\`*_|[]":
        escaped = escaped.replace(mark, "\\" + mark)
    return escaped
