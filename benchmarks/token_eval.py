"""Whether the scores are right, and how quick they are, against a direct implementation of the reference's method.

    python benchmarks/token_eval.py --data DIR [--json FILE] [--sentences N]

DIR holds `questions_df.csv`, `corpora/` and `golden/` (rankings of Chroma's chunking evaluation, with the scores of
each question). Reported are, for each stored configuration, the means and the greatest difference to a stored score;
for the largest one the time for all questions, against loops over all chunks as the reference has them, written here
from its description and checked to give the same figures; and the speed of questions by rules, beside spaCy.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ragkit.evaluate import Dataset
from ragkit.evaluate.line import Flat
from ragkit.evaluate.oracle import oracle_all
from ragkit.evaluate.scores import Gold, score_all
from ragkit.evaluate.units import Line
from ragkit.types import Span

K = 5
SCORES = {
    "recall": "recall",
    "precision": "precision",
    "iou": "iou",
    "precision_omega": "omega",
    "oracle_k": "oracle_k",
}
Columns = dict[str, Any]


def stored(folder: Path) -> dict[str, dict[str, Any]]:
    """The stored configurations by name."""
    files = sorted((folder / "golden").glob("*.json.gz"))
    return {file.name.removesuffix(".json.gz"): json.loads(gzip.decompress(file.read_bytes())) for file in files}


def ours(dataset: Dataset, golden: dict[str, Any]) -> Columns:
    """The scores of all questions, from spans to arrays."""
    line = Line.of(dataset.texts)
    gold = Gold(line.flat([question.gold for question in dataset.questions], gold=True))
    chunks = [Span(golden["corpora"][at], start, end) for at, start, end in golden["chunks_true"]]
    starts, ends = line.place(chunks)
    first = np.array([ranking[:K] for ranking in golden["retrieved"]])
    owner = np.repeat(np.arange(len(first)), K)
    ranked = Flat(len(first), owner, starts[first.ravel()], ends[first.ravel()], line.stride)
    return score_all(gold, ranked) | oracle_all(gold.spans, starts, ends)


# ------------------------------------------------------------------ the reference's method, in plain loops


def direct(dataset: Dataset, golden: dict[str, Any]) -> Columns:
    """The same scores as the reference computes them: every question against every chunk, range by range."""
    chunks = [(golden["corpora"][at], start, end) for at, start, end in golden["chunks_true"]]
    columns: dict[str, list[float]] = {name: [] for name in SCORES}
    for question, ranking in zip(dataset.questions, golden["retrieved"], strict=True):
        gold = [(one.document_id, one.start, one.end) for one in question.references]
        found = [chunks[number] for number in ranking[:K]]
        for name, value in (direct_scores(gold, found) | direct_oracle(gold, chunks)).items():
            columns[name].append(value)
    return {name: np.array(values) for name, values in columns.items()}


Range = tuple[str, int, int]


def shared(one: Range, other: Range) -> tuple[int, int] | None:
    """The part two ranges have in common."""
    if one[0] != other[0]:
        return None
    start, end = max(one[1], other[1]), min(one[2], other[2])
    return (start, end) if start < end else None


def union(ranges: list[tuple[int, int]]) -> int:
    """The size of the union."""
    joined: list[list[int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return sum(end - start for start, end in joined)


def by_document(ranges: list[Range]) -> int:
    """The size of the union of ranges of several documents."""
    return sum(union([(start, end) for id, start, end in ranges if id == name]) for name in {one[0] for one in ranges})


def direct_scores(gold: list[Range], found: list[Range]) -> dict[str, float]:
    """Recall, precision and IoU of one question."""
    hits = [(g[0], *part) for chunk in found for g in gold if (part := shared(chunk, g)) is not None]
    h, n, size = by_document(hits), sum(end - start for _, start, end in found), by_document(gold)
    return {"recall": h / size, "precision": h / n, "iou": h / (n + size - h)}


def direct_oracle(gold: list[Range], chunks: list[Range]) -> dict[str, float]:
    """Precision omega of one question, looking at every chunk."""
    hits: list[Range] = []
    best: list[Range] = []
    for chunk in chunks:
        parts = [(g[0], *part) for g in gold if (part := shared(chunk, g)) is not None]
        if parts:
            hits += parts
            best.append(chunk)
    return {"precision_omega": by_document(hits) / by_document([*best, *gold]), "oracle_k": float(len(best))}


# ---------------------------------------------------------------------------------------------- measuring


def timed(work: Callable[[], Columns], times: int) -> tuple[float, Columns]:
    """The least of several times, in seconds, and the result."""
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
    return best, result


def difference(one: Columns, other: Columns) -> float:
    """The greatest difference of any score of any question."""
    return max(float(np.abs(one[name] - other[name]).max()) for name in SCORES)


def rules_speed(folder: Path, most: int) -> dict[str, float]:
    """Sentences a second of spaCy, and of the rules beside it."""
    from ragkit.evaluate.synth.parsing import parsed_sentences
    from ragkit.evaluate.synth.rules import from_parsed

    texts = [(path.stem, path.stem, path.read_bytes().decode()) for path in sorted((folder / "corpora").glob("s*.md"))]
    started = time.perf_counter()
    documents = [sentences[:most] for sentences in parsed_sentences(texts)]
    parsing = time.perf_counter() - started
    count = sum(map(len, documents))
    started = time.perf_counter()
    questions = list(from_parsed(documents, Counter()))
    rules = time.perf_counter() - started
    return {
        "sentences": count,
        "questions": len(questions),
        "spacy_per_second": count / parsing,
        "rules_per_second": count / rules,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with questions_df.csv, corpora and golden")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--sentences", type=int, default=1000, help="sentences to make questions of; 0 for none")
    options = parser.parse_args()
    folder = options.data / "tokeniou" if (options.data / "tokeniou").is_dir() else options.data
    dataset = Dataset.from_chroma_csv(folder / "questions_df.csv", folder / "corpora")
    configurations = stored(folder)
    table = Table("configuration", "chunks", "PΩ", "oracle k", "recall", "precision", "IoU", "difference")
    rows, worst = {}, 0.0
    for name, golden in configurations.items():
        columns = ours(dataset, golden)
        expected = {mine: np.array([row[theirs] for row in golden["per_question"]]) for mine, theirs in SCORES.items()}
        gap = difference(columns, expected)
        worst = max(worst, gap)
        means = {key: float(columns[key].mean()) for key in SCORES}
        rows[name] = {"chunks": len(golden["chunks_true"]), **means, "difference": gap}
        order = ("precision_omega", "oracle_k", "recall", "precision", "iou")
        table.add_row(name, str(rows[name]["chunks"]), *(f"{means[key]:.4f}" for key in order), f"{gap:.1e}")
    console = Console(width=120)
    console.print(table)
    largest = max(configurations.values(), key=lambda golden: len(golden["chunks_true"]))
    seconds, columns = timed(lambda: ours(dataset, largest), 5)
    slow, plain = timed(lambda: direct(dataset, largest), 1)
    golden_row = {
        "max_difference": max(worst, difference(columns, plain)),
        "speedup": slow / seconds,
        "seconds": seconds,
        "direct_seconds": slow,
        "questions": len(dataset.questions),
        "chunks": len(largest["chunks_true"]),
    }
    console.print("golden", golden_row)
    results: list[dict[str, Any]] = [{"row": "golden", **golden_row}]
    results += [{"row": name, **row} for name, row in rows.items()]
    if options.sentences:
        results.append({"row": "rules", **rules_speed(folder, options.sentences)})
        console.print("rules", results[-1])
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
