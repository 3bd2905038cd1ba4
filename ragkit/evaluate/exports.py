"""Judgements and rankings in the form that ranx, pytrec_eval and ir_measures read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ragkit.errors import InvalidValueError
from ragkit.evaluate.oracle import relevant_chunks
from ragkit.evaluate.report import Report
from ragkit.evaluate.runs import Run
from ragkit.evaluate.settings import ChunkIndex, Placed
from ragkit.types import Span

Qrels = dict[str, dict[str, int]]
RunTable = dict[str, dict[str, float]]


def to_qrels_run(report: Report, name: str | None = None, index: ChunkIndex | None = None) -> tuple[Qrels, RunTable]:
    """(qrels, run) of one configuration: question id -> chunk id -> relevance, or score.

    The relevance of a chunk is how many gold units it holds. With `index`, all its relevant chunks are judged; without,
    those retrieved. Scores fall with the rank: only the order was kept. `name` may be left out when there is one
    configuration.
    """
    run = _chosen(report, name)
    questions = {question.id: question for question in report.dataset.questions}
    ids = list(run.ids)
    placed = Placed(report.dataset, report.settings)
    gold = placed.line.flat([questions[id].gold for id in ids], gold=True)
    spans = list(index.spans) if index else sorted({span for own in run.retrieved.values() for span in own})
    names = _names(spans, index)
    starts, ends = placed.line.place(spans)
    owner, chunk = relevant_chunks(gold, starts, ends)
    shift = owner * gold.stride
    shared = gold.cover.inside(starts[chunk] + shift, ends[chunk] + shift)
    qrels: Qrels = {id: {} for id in ids}
    for question, number, units in zip(owner, chunk, shared, strict=True):
        qrels[ids[question]][names[spans[number]]] = int(units)
    return qrels, {id: _ranked(run, id, names) for id in ids}


def _chosen(report: Report, name: str | None) -> Run:
    if name is None and len(report.runs) == 1:
        return report.runs[0]
    for run in report.runs:
        if run.name == name:
            return run
    raise InvalidValueError(f"name one of the configurations: {', '.join(repr(run.name) for run in report.runs)}")


def _names(spans: list[Span], index: ChunkIndex | None) -> Mapping[Span, str]:
    if index is not None:
        return dict(zip(spans, index.ids, strict=True))
    return {span: f"{span.document_id}#{span.start}-{span.end}" for span in spans}


def _ranked(run: Run, id: str, names: Mapping[Span, str]) -> dict[str, float]:
    found = [names.get(span, f"{span.document_id}#{span.start}-{span.end}") for span in run.retrieved[id]]
    return {name: float(score) for name, score in zip(found, np.arange(len(found), 0, -1), strict=True)}


def write_trec(qrels: Qrels, run: RunTable, folder: str | Path, tag: str = "ragkit") -> tuple[Path, Path]:
    """Write `qrels.txt` and `run.txt` in TREC's columns; white space in ids becomes "_"."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    judged = [f"{_id(q)} 0 {_id(c)} {value}\n" for q, own in qrels.items() for c, value in own.items()]
    ranked = [
        f"{_id(q)} Q0 {_id(c)} {rank} {value:g} {_id(tag)}\n"
        for q, own in run.items()
        for rank, (c, value) in enumerate(own.items(), 1)
    ]
    paths = folder / "qrels.txt", folder / "run.txt"
    for path, lines in zip(paths, (judged, ranked), strict=True):
        path.write_text("".join(lines), encoding="utf-8")
    return paths


def _id(text: str) -> str:
    return "_".join(text.split())
