"""What each part of `clue` adds and costs: its walk, its ranking, its extraction; and its budget with a chat model.

    python benchmarks/clue.py walk --data DIR [--store FILE] [--only NAME,NAME]
    python benchmarks/clue.py rows --data DIR [--store FILE]
    python benchmarks/clue.py choice --data DIR [--store FILE]
    python benchmarks/clue.py budget --data DIR --gguf FILE [--tokens 4000] [--documents 40] [--temperature 1.5]

`walk` changes one parameter of the search at a time on one index; `rows` those that need an index of their own (heads,
recogniser, kinds of names). Each line tells R@2 / R@5 / R@10 / All@5, the difference of R@5 to the defaults with its
standard error (paired bootstrap over the questions), and the median of the process time of a query without models.
`choice` compares the ways to choose chunks for a language model, with one that puts the title in place of pronouns and
nothing else, at equal tokens. `budget` spends a budget with a small local model and checks the ledger against the
model's own count; a `--temperature` makes it write badly.
DIR is as for `multihop.py`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from clauses import Clauses
from multihop import CHUNK, Set, read, sets, untitled
from numpy.typing import NDArray
from rich.console import Console

from ragkit import KnowledgeBase
from ragkit.graphs.clue import REFERENCE, Clue
from ragkit.graphs.cluesearch import ClueSearch
from ragkit.pipeline.expression import Stage
from ragkit.stages import chunk, clue
from ragkit.types import Query

CUTS = (2, 5, 10)
SAMPLES = 2000
SPEC = {
    "anchors": "both", "expand": 3, "beam": 10, "rounds": 3, "residual": 1.0, "coverage": 0.7, "home_pick": 0.3,
    "home_path": 0.3, "far": 0.0, "beam_per_anchor": False, "balance": 0.0, "dense": 0.5, "lexical": 0.0,
    "lexical_homeless": 0.0,
}  # fmt: skip
WALK: dict[str, dict[str, Any]] = {
    "defaults": {},
    "of the specification": SPEC,
    "of the reference, on our units": {
        name: value for name, value in REFERENCE.items() if name not in ("titled", "sources", "labels", "longest")
    },
    "home off": {"home_pick": 0.0, "home_path": 0.0},
    "home_path 0.2": {"home_path": 0.2},
    "home_path 0.3": {"home_path": 0.3},
    "home_path 0.5": {"home_path": 0.5},
    "home_pick 0": {"home_pick": 0.0},
    "residual 0": {"residual": 0.0},
    "residual 1": {"residual": 1.0},
    "coverage 0": {"coverage": 0.0},
    "coverage 0.5": {"coverage": 0.5},
    "coverage 1": {"coverage": 1.0},
    "one beam": {"beam_per_anchor": False},
    "balance 0": {"balance": 0.0},
    "rounds 0": {"rounds": 0},
    "rounds 1": {"rounds": 1},
    "rounds 2": {"rounds": 2},
    "rounds 4": {"rounds": 4},
    "far 0": {"far": 0.0},
    "far 0.1": {"far": 0.1},
    "far 0.2": {"far": 0.2},
    "far 0.3": {"far": 0.3},
    "beam 1": {"beam": 1},
    "beam 5": {"beam": 5},
    "beam 10": {"beam": 10},
    "beam 40": {"beam": 40},
    "expand 1": {"expand": 1},
    "expand 3": {"expand": 3},
    "expand 8": {"expand": 8},
    "hubs walked": {"hub_max": 1_000_000_000},
    "hub_max 30": {"hub_max": 30},
    "anchors both": {"anchors": "both"},
    "link_k 0": {"link_k": 0},
    "link_k 3": {"link_k": 3, "link_min": 0.5},
    "jump 3": {"jump": 3},
    "unit_channel 5": {"unit_channel": 5},
    "patience 1": {"patience": 1},
    "dense 0.1": {"dense": 0.1},
    "dense 0.5": {"dense": 0.5},
    "dense 1": {"dense": 1.0},
    "lexical 0": {"lexical": 0.0},
    "lexical 0.3": {"lexical": 0.3},
    "final path": {"final": "path"},
    "final dense": {"final": "dense"},
    "final rrf": {"final": "rrf"},
    "final min_rank": {"final": "min_rank"},
    "no fill": {"fill": False},
}
ROWS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "title in the first unit only": {"titled": "first"},
    "no titles in units": {"titled": "no"},
    "rules alone": {"ner": ""},
    "recogniser alone and titles": {"sources": ("ner", "title")},
    "without aliases": {"sources": ("ner", "caps", "quotes", "dates", "numbers", "acronyms", "title")},
    "gazetteer": {"gazetteer": True},
    "rules alone and gazetteer": {"ner": "", "gazetteer": True},
    "recogniser alone and titles and gazetteer": {"sources": ("ner", "title"), "gazetteer": True},
    "clauses instead of sentences": {"split_clauses": Clauses(whole=False)},
    "clauses beside sentences": {"split_clauses": Clauses(whole=True)},
    "reference": REFERENCE,
}


def figures(data: Set, stage: Clue, state: Any) -> tuple[NDArray[np.float64], float]:
    """(questions, R@2 R@5 R@10 All@5) in %, and the median process time of a query in ms, models left out."""
    stage._state = state
    results, spent = [], []
    vectors = stage.embedder.embed([question.text for question in data.questions], query=True)
    for question, vector in zip(data.questions, vectors, strict=True):
        started = time.process_time()
        hits = ClueSearch(stage, state, Query(question.text), vector).hits(max(CUTS))
        spent.append(1000 * (time.process_time() - started))
        found = list(dict.fromkeys(hit.chunk.document_id for hit in hits))
        recalls = [len(question.gold & set(found[:cut])) / len(question.gold) for cut in CUTS]
        results.append([*recalls, float(question.gold <= set(found[:5]))])
    return 100 * np.array(results), statistics.median(spent)


def difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """Mean difference of R@5 and its standard error, by a paired bootstrap."""
    delta = (one - other)[:, 1]
    picks = np.random.default_rng(0).integers(0, len(delta), (SAMPLES, len(delta)))
    return float(delta.mean()), float(delta[picks].mean(axis=1).std())


def walk(data: Set, store: Path, only: Sequence[str], console: Console) -> None:
    """One parameter of the search at a time."""
    with KnowledgeBase(store, f"{CHUNK} >> clue") as kb:
        kb.search(data.questions[0].text)
        state = kb.stage("clue")._state
        show(data, ((name, figures(data, Clue(**WALK[name]), state)) for name in only or WALK), console)


def rows(data: Set, store: Path, only: Sequence[str], console: Console) -> None:
    """One parameter of the extraction at a time, each an index of its own in the same store."""

    def measured() -> Iterable[tuple[str, tuple[NDArray[np.float64], float]]]:
        for name in only or ROWS:
            variant = Stage("clue", tuple(ROWS[name].items()))
            with KnowledgeBase(store, chunk(by="whole") >> variant + clue) as kb:
                if not kb.status().documents:
                    kb.add(data.documents)
                kb.search(data.questions[0].text)
                stage = kb.stage("clue")
                yield name, figures(data, stage, stage._state)

    show(data, measured(), console)


def show(data: Set, results: Iterable[tuple[str, tuple[NDArray[np.float64], float]]], console: Console) -> None:
    """A line for each, as it comes."""
    console.print(f"{data.name}: {len(data.documents)} passages, {len(data.questions)} questions", highlight=False)
    first = None
    for name, (result, milliseconds) in results:
        first = result if first is None else first
        delta, error = difference(result, first)
        shown = " / ".join(f"{value:5.1f}" for value in result.mean(axis=0))
        console.print(f"{name:40} {shown}   {delta:+5.1f} ({error:.1f})   {milliseconds:5.1f} ms", highlight=False)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["walk", "rows", "choice", "budget"])
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("RAGKIT_DATA"), help="folder of one or several sets"
    )
    parser.add_argument("--store", type=Path, help="folder to keep the indexed stores in, for further runs")
    parser.add_argument("--only", default="", help="names of lines, with commas")
    parser.add_argument("--gguf", type=Path, help="a chat model as a GGUF file, for `budget`")
    parser.add_argument("--tokens", type=int, default=4000, help="the budget")
    parser.add_argument("--documents", type=int, default=40, help="how many documents of the set are indexed")
    parser.add_argument("--batch", type=int, default=2, help="chunks in a call, for `budget`")
    parser.add_argument(
        "--completion", type=int, default=0, help="tokens a reply may have, for `budget` (0: by length)"
    )
    parser.add_argument("--temperature", type=float, default=0.0, help="0 writes what is likeliest, for `budget`")
    parser.add_argument("--untitled", action="store_true", help="take the titles away, for `walk` and `rows`")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data with --data or RAGKIT_DATA")
    console = Console(width=160)
    from cluebudget import budget, choice

    only = [name.strip() for name in arguments.only.split(",") if name.strip()]
    if arguments.what == "budget":
        budget(read(arguments.data), arguments, console)
        return
    with tempfile.TemporaryDirectory() as scratch:
        for data in sets(Path(arguments.data)):
            data = untitled(data) if arguments.untitled else data
            store = (arguments.store or Path(scratch)) / f"{data.corpus}.db"
            if not store.exists():
                with KnowledgeBase(store, f"{CHUNK} >> clue") as kb:
                    kb.add(data.documents)
            {"walk": walk, "rows": rows, "choice": choice}[arguments.what](data, store, only, console)


if __name__ == "__main__":
    main()
