"""What each part of `trigraph` adds: sources of entities, titled sentences, and the terms beyond the paper.

    python benchmarks/trigraph.py --data DIR [--json FILE] [--store DIR]

DIR is as for multihop.py. Every row changes one setting of the default. Rows of one kind of sentences share vectors.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from multihop import CHUNK, Clock, Set, measure, sets
from rich.console import Console
from rich.table import Table

from ragkit import KnowledgeBase
from ragkit.graphs import extraction
from ragkit.graphs.trigraph import SOURCES
from ragkit.models.embedders import load_embedder
from ragkit.pipeline.expression import Stage

WITHOUT = {f"without {source}": {"sources": [one for one in SOURCES if one != source]} for source in SOURCES}
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "rules alone (ner off)": {"ner": ""},
    "only ner": {"sources": ["ner"]},
    "only caps": {"sources": ["caps"]},
    "ner + title": {"sources": ["ner", "title"]},
    **WITHOUT,
    "plain sentences": {"titled": False},
    "home 0": {"home": 0.0, "home_pick": 0.0},
    "coverage 0": {"coverage": 0.0},
    "lexical 0": {"lexical": 0.0},
    "no hops": {"max_iterations": 1},
    "damping 0 (no walk)": {"damping": 0.0},
    "matrix": {"propagation": "matrix"},
    "min_rank": {"fusion": "min_rank"},
    "nearest seeds": {"exact_seed": False, "seed_threshold": -1.0},
}
SHOWN = ("R@2", "R@5", "R@10", "All@5", "contain@5")


class Remembered:
    """Recognises names in each text once, as all variants but one ask for the same."""

    def __init__(self) -> None:
        self.recognise, self.found = extraction.recognise, {}

    def __call__(self, texts: list[str], model: str) -> Iterator[Any]:
        """As `recognise`."""
        new = [text for text in dict.fromkeys(texts) if text not in self.found]
        self.found.update(zip(new, self.recognise(new, model), strict=True))
        return (self.found[text] for text in texts)


def run(data: Set, store: Path, console: Console) -> list[dict[str, Any]]:
    """All variants on one set."""
    clock = Clock(load_embedder("minilm"))
    if not store.exists():
        with KnowledgeBase(store, f"{CHUNK} >> trigraph") as kb:
            kb.add(data.documents)
    rows: list[dict[str, Any]] = []
    for name, changes in VARIANTS.items():
        pipeline = str(Stage("trigraph", tuple(changes.items())))
        with KnowledgeBase(store, f"{CHUNK} >> trigraph + {pipeline}") as kb:
            kb.search("completes the index of the variant beside the default one")
        figures = measure(data, store, pipeline, clock)
        rows.append({"set": data.name, "row": name, **{metric: figures[metric] for metric in SHOWN}})
        console.print(f"{name:24}", *(f"{figures[metric]:6.1f}" for metric in SHOWN), highlight=False)
    return rows


def main() -> None:
    """Read the arguments, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RAGKIT_DATA"), help="folder of one set or several")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--store", type=Path, help="folder to keep the indexed stores in, for further runs")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data with --data or RAGKIT_DATA")
    console = Console(width=120)
    extraction.recognise = Remembered()  # type: ignore[assignment]
    written: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.store or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for data in sets(Path(arguments.data)):
            rows = run(data, folder / f"{data.name}.db", console)
            shown = Table("row", *SHOWN, title=f"{data.name}: parts of trigraph")
            for row in rows:
                shown.add_row(row["row"], *(f"{row[metric]:.1f}" for metric in SHOWN))
            console.print(shown)
            written += rows
    if arguments.json:
        arguments.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
