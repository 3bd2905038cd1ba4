"""Multi-hop retrieval: how much of what a question needs is among the first passages, and how long it takes.

    python benchmarks/multihop.py --data DIR [--json FILE] [--rows bm25,trigraph] [--store DIR] [--untitled] [--halves]

DIR holds `corpus.jsonl` (id, title, text) and `questions.jsonl` (id, question, answers, gold: ids of the passages
needed), or folders that do. A passage is indexed as title, newline, text. R@k is the mean share of gold passages among
the first k, All@5 the share of questions with all of them among the first five, contain@5 the share whose normalised
answer occurs in the first five texts. No LLM takes part. Query times leave out the embedding model, shown apart.
`--untitled` takes the titles away, so that a passage says what it is about in its text or not at all; `--halves` tells
the questions of even and of odd number apart, to see whether what was chosen on some holds for the others.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import string
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ragkit import Document, KnowledgeBase
from ragkit.graphs.trigraph import PAPER
from ragkit.knowledge_base import DEFAULT_PIPELINE
from ragkit.models.embedders import load_embedder
from ragkit.pipeline.expression import Stage

CUTS = (2, 5, 10)
CHUNK = 'chunk(by="whole")'
ROWS = {
    "bm25": "bm25",
    "dense": "dense",
    "hybrid": "bm25 + dense",
    "trigraph": "trigraph",
    "clue": "clue",
    "trigraph+clue": "trigraph + clue",
    "bm25+trigraph+clue": "bm25 + trigraph + clue",
    "paper": str(Stage("trigraph", tuple(PAPER.items()))),
    "default": DEFAULT_PIPELINE.replace("load >> chunk >> ", "").replace(" >> answer", ""),
}


@dataclass(frozen=True)
class Question:
    """A question, the passages it needs, and its answers."""

    text: str
    gold: frozenset[str]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Set:
    """A corpus with questions."""

    name: str
    documents: list[Document]
    questions: list[Question]
    corpus: str = ""  # names the store: sets that differ in their questions share one


def read(folder: Path) -> Set:
    """The corpus and the questions in a folder."""
    passages = [json.loads(line) for line in open(folder / "corpus.jsonl", encoding="utf-8")]
    questions = [json.loads(line) for line in open(folder / "questions.jsonl", encoding="utf-8")]
    return Set(
        folder.name,
        [
            Document(
                one["id"],
                f"{one['title']}\n{one['text']}" if one["title"] else one["text"],
                metadata={"title": one["title"]},
            )
            for one in passages
        ],
        [Question(one["question"], frozenset(one["gold"]), tuple(one["answers"])) for one in questions],
        folder.name,
    )


def sets(data: Path) -> Iterator[Set]:
    """The set in a folder, or those in its folders."""
    folders = [data, *sorted(path for path in data.rglob("*") if path.is_dir())]
    found = [folder for folder in folders if (folder / "corpus.jsonl").exists()]
    if not found:
        raise SystemExit(f"no corpus.jsonl in {data} or below")
    return map(read, found)


def untitled(data: Set) -> Set:
    """The same passages without their titles."""
    bare = [
        Document(one.id, one.text.removeprefix(f"{one.metadata['title']}\n") if one.metadata["title"] else one.text)
        for one in data.documents
    ]
    return replace(data, name=f"{data.name}, untitled", documents=bare, corpus=f"{data.corpus}-untitled")


def halves(data: Set) -> Iterator[Set]:
    """The questions of even and of odd number."""
    for first, name in enumerate(("even", "odd")):
        yield replace(data, name=f"{data.name}, {name} questions", questions=data.questions[first::2])


def normalised(text: str) -> str:
    """Lower case, no punctuation, no articles."""
    kept = "".join(" " if mark in string.punctuation else mark for mark in text.lower())
    return " ".join(word for word in re.findall(r"\w+", kept) if word not in ("a", "an", "the"))


class Clock:
    """Counts the seconds a model takes."""

    def __init__(self, model: Any) -> None:
        self.seconds = 0.0
        self.embed: Callable[..., Any] = model.embed
        model.embed = self.timed

    def timed(self, *arguments: Any, **options: Any) -> Any:
        """Embed, and count."""
        started = time.perf_counter()
        try:
            return self.embed(*arguments, **options)
        finally:
            self.seconds += time.perf_counter() - started


def build(
    data: Set, store: Path, clock: Clock, console: Console, rows: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Add one index after the other to one store; seconds of each, all and those of the embedder."""
    parts: dict[str, tuple[float, float]] = {}
    so_far: list[str] = []
    for stage in ("bm25", "dense", "trigraph", "clue", ROWS["paper"]):
        if not any(stage in ROWS[row].split(" + ") or stage in ROWS[row] for row in rows):
            continue
        so_far.append(stage)
        started, embedded = time.perf_counter(), clock.seconds
        with KnowledgeBase(store, f"{CHUNK} >> {' + '.join(so_far)}") as kb:
            if len(so_far) == 1:
                kb.add(data.documents)
            kb.search("warm up")
        parts[stage] = time.perf_counter() - started, clock.seconds - embedded
        console.print(f"{data.name}: {stage[:40]} indexed in {parts[stage][0]:.1f} s", highlight=False)
    return parts


def measure(data: Set, store: Path, pipeline: str, clock: Clock) -> dict[str, float]:
    """The figures of one pipeline."""
    recalls: dict[int, list[float]] = {cut: [] for cut in CUTS}
    complete, contained, spent, models = [], [], [], []
    with KnowledgeBase(store, f"{CHUNK} >> {pipeline}") as kb:
        kb.search(data.questions[0].text)
        for question in data.questions:
            before, started = clock.seconds, time.perf_counter()
            hits = kb.search(question.text, k=max(CUTS))
            total, model = time.perf_counter() - started, clock.seconds - before
            spent.append(1000 * (total - model))
            models.append(1000 * model)
            found = list(dict.fromkeys(hit.chunk.document_id for hit in hits))
            for cut in CUTS:
                recalls[cut].append(len(question.gold & set(found[:cut])) / len(question.gold))
            complete.append(question.gold <= set(found[:5]))
            texts = f" {normalised(' '.join(hit.chunk.text for hit in hits.items[:5]))} "
            contained.append(
                any(f" {normalised(answer)} " in texts for answer in question.answers if normalised(answer))
            )
    return {
        **{f"R@{cut}": 100 * statistics.fmean(values) for cut, values in recalls.items()},
        "All@5": 100 * statistics.fmean(complete),
        "contain@5": 100 * statistics.fmean(contained),
        "query_ms": statistics.median(spent),
        "query_p95_ms": sorted(spent)[int(0.95 * len(spent))],
        "model_ms": statistics.median(models),
    }


def run(data: Set, rows: Sequence[str], store: Path, console: Console) -> list[dict[str, Any]]:
    """All rows on one set."""
    clock = Clock(load_embedder("minilm"))
    parts = build(data, store, clock, console, rows)
    results = []
    for row in rows:
        used = [seconds for stage, seconds in parts.items() if stage in ROWS[row]]
        if row == "trigraph" or row == "paper":
            used = [parts["trigraph" if row == "trigraph" else ROWS["paper"]]]
        figures = measure(data, store, ROWS[row], clock)
        index = {"index_s": sum(total for total, _ in used), "index_model_s": sum(model for _, model in used)}
        results.append({"set": data.name, "row": row, **figures, **index})
    return results


def table(data: Set, results: Sequence[dict[str, Any]]) -> Table:
    """The results for people."""
    shown = Table(title=f"{data.name}: {len(data.documents)} passages, {len(data.questions)} questions")
    names = [name for name in results[0] if name not in ("set", "row")]
    shown.add_column("row")
    for name in names:
        shown.add_column(name, justify="right")
    for result in results:
        shown.add_row(result["row"], *(f"{result[name]:.1f}" for name in names))
    return shown


def main() -> None:
    """Read the arguments, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("RAGKIT_DATA"), help="folder of one set or of several"
    )
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--store", type=Path, help="folder to keep the indexed stores in, for further runs")
    parser.add_argument("--untitled", action="store_true", help="without titles")
    parser.add_argument("--halves", action="store_true", help="the questions in two halves")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data with --data or RAGKIT_DATA")
    rows = [row.strip() for row in arguments.rows.split(",")]
    unknown = [row for row in rows if row not in ROWS]
    if unknown:
        parser.error(f"no row {unknown[0]!r}; there are {', '.join(ROWS)}")
    console = Console(width=160)
    written: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.store or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for given in sets(Path(arguments.data)):
            whole = untitled(given) if arguments.untitled else given
            for data in halves(whole) if arguments.halves else [whole]:
                results = run(data, rows, folder / f"{data.corpus}.db", console)
                console.print(table(data, results))
                written += results
    if arguments.json:
        arguments.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
