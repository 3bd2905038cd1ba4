"""What an evaluation found: tables, rows, comparisons, files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ragkit.errors import InvalidValueError
from ragkit.evaluate.dataset import Dataset
from ragkit.evaluate.runs import Run, compare
from ragkit.evaluate.settings import Settings
from ragkit.evaluate.statistics import Comparison, Summary, holm

RULES_WARNING = (
    "These questions were made by rules from the documents' own words. They show regressions and how sparing chunks "
    "are with tokens (IoU); they must not be used to choose a chunk size by recall, and their scores are optimistic."
)
FORMS = ("markdown", "csv", "latex", "json", "text")


@dataclass(frozen=True)
class Report:
    """One or more configurations scored on the same questions."""

    dataset: Dataset
    settings: Settings
    runs: tuple[Run, ...]

    def __post_init__(self) -> None:
        if not self.runs:
            raise InvalidValueError("a report needs at least one configuration")

    def __str__(self) -> str:
        return self.table("text")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One object for each configuration and question, with all scores."""
        return [row for run in self.runs for row in run.rows]

    @property
    def warnings(self) -> list[str]:
        """What a reader should know before believing the figures."""
        found = [RULES_WARNING] if self.dataset.generator.get("mode") == "rules" else []
        for run in self.runs:
            if run.errors:
                first = sorted(run.errors)[0]
                found.append(
                    f"{run.name}: {len(run.errors)} of {len(self.dataset.questions)} questions failed and are in no "
                    f"mean; the first is {first!r}: {run.errors[first]}"
                )
            if run.warnings:
                found.append(f"{run.name}: {run.warnings[0]} ({len(run.warnings)} such)")
            if self.settings.groups == "doc" and few_by_group(self.dataset):
                found.append(
                    f"{run.name}: most documents have so few questions that intervals stratified by document are too "
                    "narrow; use groups 'none'"
                )
            if len(run.ids) == 1:
                found.append(f"{run.name}: there is one question only, so the intervals say nothing")
        return found

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Every configuration against the first, for recall and IoU, and for recall at each budget."""
        metrics = ["recall", "iou", *(f"recall@{budget}u" for budget in self.settings.budgets)]
        others = [run for run in self.runs[1:] if set(run.ids) & set(self.runs[0].ids)]
        family = [compare(run, self.runs[0], metric) for metric in metrics for run in others]
        return holm(family)

    def run(self, name: str) -> Run:
        """The configuration of this name. Raises `InvalidValueError` when there is none."""
        for run in self.runs:
            if run.name == name:
                return run
        raise InvalidValueError(
            f"no configuration {name!r}; there are {', '.join(repr(run.name) for run in self.runs)}"
        )

    def worst(self, n: int = 10, metric: str = "recall", name: str | None = None) -> list[dict[str, Any]]:
        """The rows of the `n` questions with the lowest score, of the first configuration or the named one."""
        run = self.runs[0] if name is None else self.run(name)
        scored = [row for row in run.rows if not row["error"]]
        return sorted(scored, key=lambda row: (row[metric], row["iou"], row["question"]))[:n]

    def table(self, fmt: str = "markdown") -> str:
        """The configurations side by side, as "markdown", "csv", "latex", "json" or "text"."""
        heading, lines = self.cells()
        match fmt:
            case "markdown":
                return _markdown(heading, lines)
            case "text":
                return _aligned(heading, lines)
            case "csv":
                return _csv([heading, *lines])
            case "latex":
                return _latex(heading, lines)
            case "json":
                return json.dumps(self.summary()["configs"], ensure_ascii=False, indent=2)
        raise InvalidValueError(f"a table can be {', '.join(FORMS)}, not {fmt!r}")

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """The heading and the lines of the table."""
        k = self.settings.k
        scores = {"recall": f"recall@{k}", "precision": f"precision@{k}", "precision_omega": "PΩ", "iou": f"IoU@{k}"}
        scores |= {
            f"recall@{budget}u": f"recall@{budget} {self.settings.unit_name}s" for budget in self.settings.budgets
        }
        has = [name for name in scores if any(name in run.columns for run in self.runs)]
        heading = ["config", "chunks", "mean size", "questions", *(scores[name] for name in has), "zero", "full", "ms"]
        return heading, [self._line(run, has) for run in self.runs]

    def _line(self, run: Run, scores: Sequence[str]) -> list[str]:
        stats, summary = run.index, run.summary
        cells = [
            run.name,
            f"{stats.chunks}" if stats else "–",
            f"{stats.mean:.1f}" if stats else "–",
            f"{len(run.ids)}",
        ]
        cells += [_cell(summary[name]) if name in summary else "–" for name in scores]
        cells += [f"{100 * run.zero_recall:.0f} %", f"{100 * run.full_recall:.0f} %"]
        return [*cells, f"{run.cost['milliseconds']:.1f}" if "milliseconds" in run.cost else "–"]

    def summary(self) -> dict[str, Any]:
        """Everything but the rows, as one object: `summary.json`."""
        return {
            "dataset": {
                "name": self.dataset.name,
                "version": self.dataset.version,
                "sha256": self.dataset.digest,
                "questions": len(self.dataset.questions),
                "documents": len(self.dataset.docs),
                "generator": dict(self.dataset.generator),
            },
            "settings": self.settings.table(),
            "versions": {name: version(name) for name in ("ragkit", "numpy")},
            "configs": [_config(run) for run in self.runs],
            "comparisons": [asdict(one) for one in self.comparisons],
            "warnings": self.warnings,
        }

    def markdown(self) -> str:
        """The report for people: table, intervals, differences, groups, weakest questions, warnings."""
        from ragkit.evaluate.writing import markdown

        return markdown(self)

    def save(self, folder: str | Path, *, plots: bool = True) -> list[Path]:
        """Write report.md, rows.csv, summary.json, report.html and, with `plots`, plots as PNG and SVG.

        Raises `MissingExtraError` when plots are wanted and matplotlib is not installed.
        """
        from ragkit.evaluate.writing import save

        return save(self, Path(folder), plots)


def few_by_group(dataset: Dataset) -> bool:
    """Whether groups have fewer than 5 questions on average, too few to draw from each by itself."""
    groups = {dataset.group(question) for question in dataset.questions}
    return len(groups) > 1 and len(dataset.questions) < 5 * len(groups)


def _cell(one: Summary) -> str:
    return f"{100 * one.mean:.1f} ± {100 * one.std:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}]"


def _config(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "questions": len(run.ids),
        "errors": dict(run.errors),
        "index": asdict(run.index) if run.index else None,
        "cost": dict(run.cost),
        "scores": {name: asdict(one) for name, one in run.summary.items()},
        "zero_recall": run.zero_recall,
        "full_recall": run.full_recall,
    }


def _markdown(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in (heading, *lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], ["---"] * len(heading), *rows[1:]))


def _aligned(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[at]) for line in (heading, *lines)) for at in range(len(heading))]
    rows = [
        "  ".join(
            cell.ljust(wide) if at == 0 else cell.rjust(wide)
            for at, (cell, wide) in enumerate(zip(line, widths, strict=True))
        )
        for line in (heading, *lines)
    ]
    return "\n".join(row.rstrip() for row in rows)


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def rows_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the keys of any of them as columns."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _csv([names, *([("" if row.get(name) is None else row[name]) for name in names] for row in rows)])


_ESCAPED = str.maketrans(
    {
        "&": r"\&",
        "%": r"\%",
        "_": r"\_",
        "#": r"\#",
        "$": r"\$",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "±": r"$\pm$",
        "Ω": r"$\Omega$",
        "–": "--",
    }
)


def _latex(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [" & ".join(cell.translate(_ESCAPED) for cell in line) + r" \\" for line in (heading, *lines)]
    body = "\n".join([rows[0], r"\hline", *rows[1:]])
    return f"\\begin{{tabular}}{{l{'r' * (len(heading) - 1)}}}\n{body}\n\\end{{tabular}}"
