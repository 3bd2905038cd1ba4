"""How good the answers are that quote the sources, without any chat model.

    python benchmarks/answers.py --data DIR [--json FILE] [--questions all|first|second] [--limit N] [--store FILE]

DIR holds `corpus.jsonl` (id, title, text) and `questions.jsonl` (id, question, answers, type, gold), or folders that
do. Each question is asked of several sets of passages:

    gold        the passages needed among four others
    top5        the first five of `bm25 + dense`
    top10       the first ten
    no gold     the first eight of those that are not needed: nothing there answers, so `found` should be 0
    last gone   the passages needed but for the one that holds the answer, among four others
    default     the first ten of the default pipeline, `trigraph`, as a user gets them
    foreign     the first five of another question of another set (only with several folders)

EM and F1 compare the answer phrase (the whole text when none was picked) with the known answers, normalised as for
SQuAD; `quoted` is the share of answers, other than yes, no and comparisons, that stand in the quoted sentences;
`found` the share of questions an answer was given to. `ms` is the median time of an answer beside the embedder.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import string
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from ragkit import Document, KnowledgeBase
from ragkit.answer import AnswerStage
from ragkit.models.embedders import load_embedder
from ragkit.types import Answer, Chunk, Hit, Hits, Query

COMPARING = ("comparison", "bridge_comparison")


@dataclass(frozen=True)
class Question:
    """A question, its answers, and the ids of the passages it needs."""

    id: str
    text: str
    answers: tuple[str, ...]
    type: str
    gold: tuple[str, ...]


@dataclass
class Set:
    """A corpus, its questions, and the passages retrieved for each."""

    name: str
    chunks: dict[str, Chunk]
    questions: list[Question]
    ranked: dict[str, list[str]] = field(default_factory=dict)
    default: dict[str, list[str]] = field(default_factory=dict)


class Timed:
    """An embedder that remembers what it has embedded and how long that took."""

    def __init__(self) -> None:
        self.inner = load_embedder("minilm")
        self.seconds = 0.0

    @property
    def fingerprint(self) -> str:
        return self.inner.fingerprint

    @property
    def dim(self) -> int:
        return self.inner.dim

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        begun = time.perf_counter()
        vectors = self.inner.embed(texts, query=query)
        self.seconds += time.perf_counter() - begun
        return vectors


def load(folder: Path) -> Set:
    """Read a folder."""
    chunks = {}
    for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        document = Document(id=row["id"], text=row["text"], source=row["id"], metadata={"title": row["title"]})
        chunks[row["id"]] = document.chunk(0, len(document.text))
    questions = [
        Question(row["id"], row["question"], tuple(row["answers"]), row.get("type", ""), tuple(row["gold"]))
        for row in map(json.loads, (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines())
    ]
    return Set(folder.name, chunks, questions)


def retrieve(data: Set, store: Path) -> None:
    """Rank twenty passages for each question by BM25 and meaning."""
    with KnowledgeBase(store, 'chunk(by="whole") >> bm25 + dense >> answer') as kb:
        kb.add(Document(id=i, text=c.text, source=i, metadata={"title": c.head}) for i, c in data.chunks.items())
        for question in data.questions:
            data.ranked[question.id] = [hit.chunk.document_id for hit in kb.search(question.text, k=20)]


def retrieve_by_default(data: Set, asked: Sequence[Question], store: Path) -> None:
    """Rank ten passages for each question asked by the default pipeline's index."""
    with KnowledgeBase(store, 'chunk(by="whole") >> trigraph >> answer') as kb:
        kb.add(Document(id=i, text=c.text, source=i, metadata={"title": c.head}) for i, c in data.chunks.items())
        for question in asked:
            data.default[question.id] = [hit.chunk.document_id for hit in kb.search(question.text, k=10)]


Passages = Callable[[Set, Question], list[str]]


def shuffled(data: Set, question: Question, needed: Sequence[str]) -> list[str]:
    """Some needed passages among four others, in an order that tells nothing."""
    others = [name for name in data.ranked[question.id] if name not in question.gold][:4]
    names = [*needed, *others]
    random.Random(question.id).shuffle(names)
    return names


def without_answer(data: Set, question: Question) -> list[str]:
    """The needed passages but for those that hold an answer."""
    kept = [i for i in question.gold if not any(normal(a) in normal(data.chunks[i].text) for a in question.answers)]
    return shuffled(data, question, kept)


MODES: dict[str, Passages] = {
    "gold": lambda data, question: shuffled(data, question, question.gold),
    "top5": lambda data, question: data.ranked[question.id][:5],
    "top10": lambda data, question: data.ranked[question.id][:10],
    "no gold": lambda data, question: [i for i in data.ranked[question.id] if i not in question.gold][:8],
    "last gone": without_answer,
    "default": lambda data, question: data.default[question.id],
}


def normal(text: str) -> str:
    """SQuAD's normalisation: lower case, no punctuation, no articles, single spaces."""
    plain = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())


def f1(given: str, wanted: str) -> float:
    """The harmonic mean of precision and recall over words."""
    ours, theirs = normal(given).split(), normal(wanted).split()
    shared = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * shared / (len(ours) + len(theirs)) if shared else 0.0


@dataclass
class Scores:
    """What is added up over questions."""

    em: list[float] = field(default_factory=list)
    f1: list[float] = field(default_factory=list)
    quoted: list[float] = field(default_factory=list)
    found: list[float] = field(default_factory=list)
    short: list[float] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)

    def add(self, question: Question, answer: Answer, ms: float) -> None:
        """Count one answer."""
        given = answer.short or answer.text
        self.em.append(float(any(normal(given) == normal(wanted) for wanted in question.answers)))
        self.f1.append(max(f1(given, wanted) for wanted in question.answers))
        if question.type not in COMPARING and normal(question.answers[0]) not in ("yes", "no"):
            quotes = normal(" ".join(citation.quote for citation in answer.citations))
            self.quoted.append(float(any(normal(wanted) in quotes for wanted in question.answers)))
        self.found.append(float(answer.found))
        self.short.append(float(bool(answer.short)))
        self.ms.append(ms)

    def row(self) -> dict[str, float]:
        """Means in percent, times as a median."""
        means = {
            name: 100 * statistics.fmean(getattr(self, name) or [0.0])
            for name in ("em", "f1", "quoted", "found", "short")
        }
        return {"n": len(self.em), **means, "ms": statistics.median(self.ms)}


def measure(
    data: Set, questions: Sequence[Question], passages: Passages, stage: AnswerStage, timed: Timed
) -> dict[str, Scores]:
    """Answer each question from its passages; scores by type of question, and "all"."""
    scores: dict[str, Scores] = {"all": Scores()}
    for question in track(questions, description=data.name, transient=True):
        names = passages(data, question)
        items = tuple(Hit(data.chunks[name], 1.0 - rank / 100) for rank, name in enumerate(names))
        before, begun = timed.seconds, time.perf_counter()
        answer = stage.answer(Hits(Query(question.text), items))
        ms = 1000 * (time.perf_counter() - begun - (timed.seconds - before))
        for key in ("all", question.type):
            scores.setdefault(key, Scores()).add(question, answer, ms)
    return scores


def foreign(data: Set, other: Set) -> Passages:
    """The first five passages of a question of another set."""
    numbers = {question.id: number for number, question in enumerate(data.questions)}

    def passages(_: Set, question: Question) -> list[str]:
        asked = other.questions[numbers[question.id] % len(other.questions)]
        data.chunks.update({name: other.chunks[name] for name in other.ranked[asked.id][:5]})
        return other.ranked[asked.id][:5]

    return passages


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of a set, or of folders of sets")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument(
        "--questions", choices=("all", "first", "second"), default="all", help="which half of the questions"
    )
    parser.add_argument("--limit", type=int, default=0, help="ask so many questions only")
    parser.add_argument("--store", type=Path, help="folder to keep the indexes in, to use them again")
    options = parser.parse_args()
    folders = [options.data] if (options.data / "corpus.jsonl").exists() else sorted(options.data.iterdir())
    sets = [load(folder) for folder in folders if (folder / "corpus.jsonl").exists()]
    with tempfile.TemporaryDirectory() as scratch:
        for data in sets:
            retrieve(data, (options.store or Path(scratch)) / f"{data.name}.db")
    timed = Timed()
    stage = AnswerStage(embedder=timed)
    results: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for data, other in zip(sets, [*sets[1:], sets[0]], strict=True):
        half = len(data.questions) // 2
        asked = {"all": data.questions, "first": data.questions[:half], "second": data.questions[half:]}[
            options.questions
        ]
        asked = asked[: options.limit or len(asked)]
        with tempfile.TemporaryDirectory() as folder:
            retrieve_by_default(data, asked, (options.store or Path(folder)) / f"{data.name}-default.db")
        modes = dict(MODES) | ({"foreign": foreign(data, other)} if other is not data else {})
        results[data.name] = {
            mode: {key: scores.row() for key, scores in measure(data, asked, passages, stage, timed).items()}
            for mode, passages in modes.items()
        }
        show(data.name, results[data.name])
    if options.json:
        rows = [
            {"set": name, "row": f"{mode} {key}", **row}
            for name, modes in results.items()
            for mode, by_key in modes.items()
            for key, row in by_key.items()
        ]
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def show(name: str, modes: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print one set's table."""
    table = Table(title=name)
    for column in ("passages", "type", "n", "EM", "F1", "quoted", "found", "phrase", "ms"):
        table.add_column(column, justify="left" if column in ("passages", "type") else "right")
    for mode, kinds in modes.items():
        for kind, row in sorted(kinds.items(), key=lambda item: (item[0] != "all", item[0])):
            figures = [f"{row[key]:.1f}" for key in ("em", "f1", "quoted", "found", "short", "ms")]
            table.add_row(mode if kind == "all" else "", kind, f"{row['n']:.0f}", *figures)
    Console().print(table)


if __name__ == "__main__":
    main()
