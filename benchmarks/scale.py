"""How time and memory grow with the corpus, on invented passages, without the time of any model.

    python benchmarks/scale.py [--sizes 1000,6000,20000,100000] [--json FILE] [--plot FILE.svg] [--store DIR]

Vectors are the hashing embedder's (384 dimensions, like MiniLM's), entities come from the rules alone: what is measured
is ragkit, not a network. Ratios compare with `networkx.pagerank` and `rank_bm25` in the same run.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from synthetic import Corpus

from ragkit import KnowledgeBase, Query
from ragkit.models.embedders import load_embedder

CHUNK = 'chunk(by="whole")'
INDEXES = {
    "bm25": "bm25",
    "dense": 'dense(model="hash")',
    "trigraph": 'trigraph(model="hash", ner="")',
    "clue": 'clue(model="hash", ner="")',
}
ALL = f"{CHUNK} >> {' + '.join(INDEXES.values())}"
QUESTIONS = 100


def median_ms(run: Callable[[str], Any], questions: Sequence[str]) -> tuple[float, float]:
    """Median and 95th percentile of one call, in milliseconds."""
    times = []
    for question in questions:
        started = time.perf_counter()
        run(question)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times), sorted(times)[int(0.95 * len(times))]


def build(path: Path, start: int, end: int) -> None:
    """Add passages `start` to `end` to a store, and print the process's peak memory in MB."""
    with KnowledgeBase(path, ALL) as kb:
        kb.add(Corpus().documents(start, end))
    print(peak_mb())


def peak_mb() -> float:
    """Peak memory of this process; `ru_maxrss` would count what its parent held when it was forked."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def built(path: Path, start: int, end: int) -> tuple[float, float]:
    """Seconds and peak memory (MB) of building in a process of its own."""
    started = time.perf_counter()
    command = [sys.executable, __file__, "--build", str(path), str(start), str(end)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, float(done.stdout)


def measure(size: int, path: Path, before: int) -> dict[str, Any]:
    """The figures at one size; the store grows from the size before."""
    row: dict[str, Any] = {"row": f"{size}"}
    row["index_s"], row["index_peak_mb"] = built(path, before, size)
    row["store_mb"] = path.stat().st_size / 1e6
    questions = Corpus().questions(QUESTIONS, size)
    load_embedder("hash").embed(questions, query=True)
    for name, stage in INDEXES.items():
        for figure in (f"{name}_open_s", f"{name}_reopen_s"):  # the first opening after a change keeps what it made
            started = time.perf_counter()
            with KnowledgeBase(path, f"{CHUNK} >> {stage}") as kb:
                kb.stage(name)
                row[figure] = time.perf_counter() - started
        with KnowledgeBase(path, f"{CHUNK} >> {stage}") as kb:
            kb.search(questions[0])
            row[f"{name}_ms"], row[f"{name}_p95_ms"] = median_ms(lambda question, kb=kb: kb.search(question), questions)
    row["add_100_s"], row["refresh_s"] = adding(path, size)
    row |= {"pagerank_x": pagerank_ratio(path, questions), "bm25_x": bm25_ratio(path, questions)}
    return row


def adding(path: Path, size: int) -> tuple[float, float]:
    """Seconds to add 100 passages beside the models, and until an open index has followed; they are removed again."""
    from ragkit.pipeline import build as lane

    documents = list(Corpus().documents(900_000, 900_100))
    with KnowledgeBase(path, ALL) as kb:
        kb.search("warm up")
        spent = {"model": 0.0}
        embedder = load_embedder("hash")
        embed, prepare = embedder.embed, lane.prepare

        def timed(call: Callable[..., Any]) -> Callable[..., Any]:
            def run(*arguments: Any, **options: Any) -> Any:
                started = time.perf_counter()
                try:
                    return call(*arguments, **options)
                finally:
                    spent["model"] += time.perf_counter() - started

            return run

        embedder.embed, lane.prepare = timed(embed), timed(prepare)  # type: ignore[method-assign]
        started = time.perf_counter()
        kb.add(documents)
        added = time.perf_counter() - started - spent["model"]
        embedder.embed, lane.prepare = embed, prepare  # type: ignore[method-assign]
        started = time.perf_counter()
        kb.search("warm up again")
        refreshed = time.perf_counter() - started
        kb.remove(*(document.id for document in documents))
    return added, refreshed


def pagerank_ratio(path: Path, questions: Sequence[str]) -> float:
    """How many times faster the walk is than `networkx.pagerank` on the same graph and resets (a few questions)."""
    import networkx as nx

    with KnowledgeBase(path, f"{CHUNK} >> {INDEXES['trigraph']}") as kb:
        stage = kb.stage("trigraph")
        searches = [search for search in map(stage.activation, questions[:12]) if search.activation]
        graph = searches[0].arrays.graph
        count = graph.shape[0]
        weights = searches[0].arrays.passage_entities
        totals = np.asarray(weights.sum(axis=1)).ravel()
        rows = np.repeat(np.arange(count), np.diff(weights.indptr))
        picture = nx.Graph()
        picture.add_nodes_from(range(sum(graph.shape)))
        picture.add_weighted_edges_from(
            zip(rows.tolist(), (count + weights.indices).tolist(), (weights.data / totals[rows]).tolist(), strict=True)
        )
        ours, theirs = [], []
        for search in searches[:3]:
            passages, entities = search.reset()
            personal = dict(enumerate(np.concatenate([passages, entities])))
            started = time.perf_counter()
            expected = nx.pagerank(picture, alpha=0.5, personalization=personal, tol=1e-9 / len(picture), max_iter=500)
            theirs.append(time.perf_counter() - started)
            best = []
            for _ in range(5):
                started = time.perf_counter()
                ranked = graph.rank(passages[:, None], entities[:, None], damping=0.5)
                best.append(time.perf_counter() - started)
            ours.append(statistics.median(best))
            found = ranked.passages[:, 0]
            assert np.abs(found - np.array([expected[node] for node in range(count)])).max() < 1e-8
    return statistics.median(their / our for our, their in zip(ours, theirs, strict=True))


def bm25_ratio(path: Path, questions: Sequence[str]) -> float:
    """How many times faster the `bm25` index gives its ten best chunks than `rank_bm25` scores and cuts to ten."""
    from rank_bm25 import BM25Okapi

    from ragkit.text.heads import indexed_text
    from ragkit.text.tokens import words

    with KnowledgeBase(path, f"{CHUNK} >> bm25") as kb:
        index = kb.stage("bm25")
        shelf = kb.store.shelf(kb.store.indexes()[0])
        texts = [words(indexed_text(chunk)) for chunk in shelf.chunks(shelf.live())]
        oracle = BM25Okapi(texts)
        ratios = []
        for question in questions[:15]:
            started = time.perf_counter()
            np.argsort(-oracle.get_scores(words(question)))[:10]
            theirs = time.perf_counter() - started
            times = []
            for _ in range(5):
                started = time.perf_counter()
                index.search(Query(question), 10)
                times.append(time.perf_counter() - started)
            ratios.append(theirs / statistics.median(times))
    return statistics.median(ratios)


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Query times and costs over the number of passages, on logarithmic axes."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    sizes = [int(row["row"]) for row in rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name in INDEXES:
        left.plot(sizes, [row[f"{name}_ms"] for row in rows], marker="o", label=name)
    left.set(title="median query, without models", xlabel="passages", ylabel="ms", xscale="log", yscale="log")
    for name, label in (
        *((f"{index}_reopen_s", f"reopen {index}") for index in INDEXES),
        ("add_100_s", "add 100 to all"),
        ("refresh_s", "first query after, of all"),
    ):
        right.plot(sizes, [row[name] for row in rows], marker="o", label=label)
    right.set(title="reopening and adding, without models", xlabel="passages", ylabel="s", xscale="log", yscale="log")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path)


def main() -> None:
    """Read the arguments, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,6000,20000,100000", help="numbers of passages, ascending")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--plot", type=Path, help="draw the growth here (SVG or PNG)")
    parser.add_argument("--store", type=Path, help="folder for the store, kept")
    parser.add_argument("--data", type=Path, help="not used: the corpus is invented")
    parser.add_argument("--build", nargs=3, metavar=("STORE", "START", "END"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        build(Path(arguments.build[0]), int(arguments.build[1]), int(arguments.build[2]))
        return
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.store or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        before = 0
        for size in map(int, arguments.sizes.split(",")):
            rows.append(measure(size, folder / "scale.db", before))
            before = size
            Console(width=160).print(rows[-1], highlight=False)
    shown = Table(title="growth with the number of passages")
    for name in rows[0]:
        shown.add_column(name, justify="right")
    for row in rows:
        shown.add_row(*(value if isinstance(value, str) else f"{value:.3g}" for value in row.values()))
    Console(width=200).print(shown)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if arguments.plot:
        plot(rows, arguments.plot)


if __name__ == "__main__":
    main()
