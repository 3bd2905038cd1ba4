"""Agent memory on conversations in LoCoMo's format: is the turn that answers among the first hits, at what cost.

    python benchmarks/memory.py --data FILE_OR_DIR [--json FILE] [--rows memory,fts5] [--scale 10000] [--ablations]

The conversation a question belongs to is the haystack. any@k is the share of questions with at least one evidence turn
among the first k hits, recall@10 the mean share of a question's evidence turns among the first ten, session any@k the
same as any@k for sessions, in the order their first turn was found. No LLM takes part. Categories 1 (multi-hop),
2 (temporal), 3 (open) and 4 (single-hop) are averaged, 5 (adversarial) is shown apart. The default settings were tuned
on conv-26, conv-30 and conv-41: rows of other conversations carry the plain name, rows of those "(tuned on)".

`context_tokens` are those of ten hits as `Memory.context` writes them (four characters a token); `in_context` is the
share of questions with evidence in the context of default depth and budget, which has `default_tokens`. `--scale`
makes one memory of that many messages by repeating the conversations at later dates. `--ablations` takes away one part
of the score at a time, and scales its semantic part. Search times are the processor's, models included; build times
and those at scale are on the wall, and of the processor where the name says cpu.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from locomo import CUTS, TUNED, Conversation, Outcome, Question, Ranking, read, report, rows_of
from memoryparts import ablations, filled, scale
from rich.console import Console

from ragkit.memory.words import content_words
from ragkit.models.embedders import load_embedder

WHOLE = "79fa87e90f04081343b8c8debecb80a9a6842b76a7aa537dc9fdf651ea698ff4"  # locomo10.json, ten conversations
ROWS = ("memory", "memory-static", "memory-lexical", "fts5", "bm25", "dense", "full-context")
EMBEDDERS = {"memory": "minilm", "memory-static": "static", "memory-lexical": None}
CONSOLIDATED = " consolidated"
DEEP = 100  # hits looked at for sessions


class Remembered:
    """A memory of one conversation."""

    def __init__(self, conversation: Conversation, embedder: str | None, file: Path) -> None:
        self.conversation = conversation
        self.memory, self.seconds = filled(conversation, embedder, file)

    def consolidate(self) -> int:
        """Make the abstracts; how many."""
        return self.memory.consolidate().abstracts

    def rank(self, question: Question) -> Ranking:
        """The hits of the memory."""
        at = self.conversation.asked
        started = time.process_time()
        first = self.memory.search(question.text, k=max(CUTS), at=at)
        spent = 1000 * (time.process_time() - started)
        hits = first + self.memory.search(question.text, k=DEEP, at=at)[len(first) :]
        ten = self.memory.context(question.text, k=10, budget_tokens=1_000_000, at=at)
        default = self.memory.context(question.text, at=at)
        there = any(question.gold & set(hit.source_ids) for hit in default.hits)
        return Ranking([frozenset(hit.source_ids) for hit in hits], spent, ten.tokens, (there, default.tokens))


class Plain:
    """Turns ranked by a function of the question."""

    def __init__(self, conversation: Conversation, kind: str) -> None:
        self.texts = conversation.texts
        self.ids = list(self.texts)
        started = time.perf_counter()
        self.find: Callable[[str], list[int]] = {"fts5": self.fts5, "bm25": self.bm25, "dense": self.dense}[kind]()
        self.seconds = time.perf_counter() - started

    def rank(self, question: Question) -> Ranking:
        """The turns found."""
        started = time.process_time()
        found = [self.ids[place] for place in self.find(question.text)[:DEEP]]
        spent = 1000 * (time.process_time() - started)
        tokens = len("\n".join(self.texts[id] for id in found[:10])) / 4
        return Ranking([frozenset([id]) for id in found], spent, tokens)

    def fts5(self) -> Callable[[str], list[int]]:
        """SQLite's full-text search: any of the question's content words, stemmed."""
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE VIRTUAL TABLE turn USING fts5(text, tokenize='porter unicode61')")
        connection.executemany("INSERT INTO turn (rowid, text) VALUES (?, ?)", enumerate(self.texts.values()))

        def find(question: str) -> list[int]:
            words = " OR ".join(f'"{word}"' for word in dict.fromkeys(content_words(question)))
            sql = "SELECT rowid FROM turn WHERE turn MATCH ? ORDER BY bm25(turn), rowid LIMIT ?"
            return [row[0] for row in connection.execute(sql, [words or '""', DEEP])]

        return find

    def bm25(self) -> Callable[[str], list[int]]:
        """BM25 over unstemmed words, as rank_bm25 computes it."""
        from rank_bm25 import BM25Okapi

        from ragkit.text.tokens import words

        index = BM25Okapi([words(text) for text in self.texts.values()])
        return lambda question: np.argsort(-index.get_scores(words(question)), kind="stable").tolist()

    def dense(self) -> Callable[[str], list[int]]:
        """Cosine of MiniLM vectors."""
        embedder = load_embedder("minilm")
        matrix = embedder.embed(list(self.texts.values()))

        def find(question: str) -> list[int]:
            scores = matrix @ embedder.embed([question], query=True)[0]
            order: list[int] = np.argsort(-scores, kind="stable").tolist()
            return order

        return find


def measured(conversations: Sequence[Conversation], row: str, folder: Path, consolidate: bool) -> dict[str, Outcome]:
    """A row on all conversations: before, and for memories if asked after consolidation."""
    found = {row: Outcome()}
    if consolidate and row in EMBEDDERS:
        found[row + CONSOLIDATED] = Outcome()
    for conversation in conversations:
        system = (
            Remembered(conversation, EMBEDDERS[row], folder / f"{row}.db")
            if row in EMBEDDERS
            else Plain(conversation, row)
        )
        for name, outcome in found.items():
            if name.endswith(CONSOLIDATED) and isinstance(system, Remembered):
                outcome.units += system.consolidate()
            outcome.messages += len(conversation.messages)
            outcome.seconds += system.seconds
            system.rank(conversation.questions[0])  # warm
            outcome.rankings += [(conversation, one, system.rank(one)) for one in conversation.questions]
    return found


def full_context(conversations: Sequence[Conversation]) -> dict[str, float]:
    """What it costs to show everything."""
    return {"context_tokens": statistics.fmean(
        len("\n".join(one.texts.values())) / 4 for one in conversations for _ in one.questions
    )}  # fmt: skip


def main() -> None:
    """Read the arguments, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = os.environ.get("RAGKIT_LOCOMO") or os.environ.get("RAGKIT_DATA")
    parser.add_argument("--data", type=Path, default=given, help="a file in LoCoMo's format, or a folder with some")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--rows", default=",".join(ROWS), help="which rows, with commas")
    parser.add_argument("--consolidate", action="store_true", help="rows after consolidation too")
    parser.add_argument("--scale", type=int, default=0, help="also a memory of this many messages, static vectors")
    parser.add_argument("--ablations", action="store_true", help="take the score of each memory row apart instead")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data with --data, RAGKIT_LOCOMO or RAGKIT_DATA")
    rows = [row.strip() for row in arguments.rows.split(",") if row.strip()]
    unknown = sorted(set(rows) - set(ROWS))
    if unknown:
        parser.error(f"there is no row {unknown[0]!r}; rows are {', '.join(ROWS)}")
    conversations = list(read(Path(arguments.data)))
    if not conversations:
        sys.exit(f"no conversation in LoCoMo's format in {arguments.data}")
    console = Console(width=200)
    if Path(arguments.data).is_file() and hashlib.sha256(Path(arguments.data).read_bytes()).hexdigest() == WHOLE:
        console.print("This is the full set of ten conversations.")
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for row in rows:
            if row == "full-context":
                for tuned, label in ((False, row), (True, f"{row} (tuned on)")):
                    some = [one for one in conversations if (one.id in TUNED) == tuned]
                    results += [{"row": label, **full_context(some)}] if some else []
            elif not arguments.ablations:
                results += rows_of(measured(conversations, row, folder, arguments.consolidate))
            elif row in EMBEDDERS:
                results += rows_of(ablations(conversations, row, EMBEDDERS[row], folder))
        report(console, results, conversations)
        if arguments.scale:
            at_scale = {
                "row": f"{arguments.scale} messages, static",
                **scale(conversations, arguments.scale, "static", folder),
            }
            console.print(
                {name: round(value, 1) if isinstance(value, float) else value for name, value in at_scale.items()}
            )
            results.append(at_scale)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
