"""Conversations in LoCoMo's format, and how well turns are found that answer the questions about them."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ragkit.memory import Message

TUNED = ("conv-26", "conv-30", "conv-41")
CUTS, SESSION_CUTS = (5, 10, 20), (5, 10)
EVERY = timedelta(seconds=30)  # between turns; the format tells only when a session began
SAMPLES = 2_000


@dataclass(frozen=True)
class Question:
    """A question, its category, and the ids of the turns that answer it."""

    text: str
    category: int
    gold: frozenset[str]


@dataclass(frozen=True)
class Conversation:
    """A conversation as messages, with questions; `asked` is the day after its last session."""

    id: str
    messages: list[Message]
    questions: list[Question]
    asked: datetime

    @property
    def texts(self) -> dict[str, str]:
        """The text of each turn with the captions of its images, by id."""
        return {one.id or "": one.text + "".join(f" [image: {x}]" for x in one.captions) for one in self.messages}


@dataclass
class Ranking:
    """What a row found for one question: the turns of each hit, best first, and the milliseconds it took."""

    hits: list[frozenset[str]]
    milliseconds: float = 0.0
    tokens: float | None = None
    default: tuple[bool, int] | None = None


@dataclass
class Outcome:
    """All questions of some conversations under one row."""

    rankings: list[tuple[Conversation, Question, Ranking]] = field(default_factory=list)
    messages: int = 0
    seconds: float = 0.0
    units: int = 0


def read(path: Path) -> Iterator[Conversation]:
    """The conversations of a file, or of all files in a folder that hold some; each id once."""
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    seen: set[str] = set()
    for file in files:
        content = json.loads(file.read_bytes())
        if not isinstance(content, list) or not all(isinstance(one, dict) and "qa" in one for one in content):
            continue
        for place, one in enumerate(content):
            conversation = conversation_of(one, str(one.get("sample_id", f"{file.stem}-{place}")))
            if conversation.id not in seen:
                seen.add(conversation.id)
                yield conversation


def conversation_of(one: dict[str, Any], id: str) -> Conversation:
    """A conversation of LoCoMo: sessions of dated turns, and questions with evidence."""
    talk = one["conversation"]
    numbers = sorted(int(match[1]) for key in talk if (match := re.fullmatch(r"session_(\d+)", key)))
    messages: list[Message] = []
    for number in numbers:
        began = datetime.strptime(talk[f"session_{number}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for place, turn in enumerate(talk[f"session_{number}"]):
            captions = (turn["blip_caption"],) if turn.get("blip_caption") else ()
            moment = began + place * EVERY
            messages.append(
                Message(turn["text"], turn["speaker"], "user", moment, str(number), turn["dia_id"], captions)
            )
    known = {message.id or "" for message in messages}
    questions = [
        Question(str(asked["question"]), int(asked["category"]), frozenset(gold))
        for asked in one["qa"]
        if (gold := evidence(asked.get("evidence", ())) & known)
    ]
    return Conversation(id, messages, questions, time_of(messages[-1]) + timedelta(days=1))


def time_of(message: Message) -> datetime:
    """When a message was said; all of these have a time."""
    assert message.time is not None
    return message.time


def evidence(given: Iterable[str]) -> set[str]:
    """The turn ids in a question's evidence, which is written in several ways."""
    found: set[str] = set()
    for text in given:
        for part in re.split(r"[;,\s]+", text):
            match = re.fullmatch(r"D0*(\d+):0*(\d+)", part)
            if match:
                found.add(f"D{match[1]}:{match[2]}")
    return found


def figures(outcome: Outcome) -> dict[str, float]:
    """The figures of a row; those of turns and sessions for categories 1 to 4 together."""
    main = [one for one in outcome.rankings if one[1].category != 5]
    hits = np.array([[found(question, ranking, cut) for cut in CUTS] for _, question, ranking in main])
    result = {f"any@{cut}": 100 * float(hits[:, place].mean()) for place, cut in enumerate(CUTS)}
    result["any@10_se"] = 100 * noise(hits[:, 1])
    result["recall@10"] = 100 * statistics.fmean(
        len(one.gold & frozenset().union(*ranking.hits[:10])) / len(one.gold) for _, one, ranking in main
    )
    for category in sorted({question.category for _, question, _ in outcome.rankings}):
        some = [found(one, ranking, 10) for _, one, ranking in outcome.rankings if one.category == category]
        result[f"any@10_category_{category}"] = 100 * statistics.fmean(some)
    for cut in SESSION_CUTS:
        result[f"session_any@{cut}"] = 100 * statistics.fmean(
            bool(sessions(one.gold) & set(first_sessions(ranking, cut))) for _, one, ranking in main
        )
    tokens = [ranking.tokens for _, _, ranking in main if ranking.tokens is not None]
    if tokens:
        result["context_tokens"] = statistics.fmean(tokens)
    defaults = [ranking.default for _, _, ranking in main if ranking.default is not None]
    if defaults:
        result["in_context"] = 100 * statistics.fmean(there for there, _ in defaults)
        result["default_tokens"] = statistics.fmean(tokens for _, tokens in defaults)
    if outcome.seconds:
        spent = sorted(ranking.milliseconds for _, _, ranking in outcome.rankings)
        result |= {"search_p50_ms": statistics.median(spent), "search_p95_ms": spent[int(0.95 * len(spent))]}
        result |= {"build_s": outcome.seconds, "messages_per_s": outcome.messages / outcome.seconds}
    result["questions"] = len(main)
    return result


def found(question: Question, ranking: Ranking, cut: int) -> bool:
    """Whether one of the first hits rests on a turn that answers."""
    return any(question.gold & hit for hit in ranking.hits[:cut])


def sessions(turns: Iterable[str]) -> set[str]:
    """The sessions of turns."""
    return {turn.partition(":")[0] for turn in turns}


def first_sessions(ranking: Ranking, cut: int) -> list[str]:
    """The first sessions found; a hit of several sessions counts them in order of number."""
    order = dict.fromkeys(session for hit in ranking.hits for session in sorted(sessions(hit)))
    return list(order)[:cut]


def noise(values: np.ndarray[Any, Any]) -> float:
    """The standard error of a mean, by a bootstrap over the questions."""
    picks = np.random.default_rng(0).integers(0, len(values), (SAMPLES, len(values)))
    return float(values[picks].mean(axis=1).std())


def split(outcome: Outcome, name: str, tuned: bool) -> Outcome:
    """The part of an outcome on the conversations that were tuned on, or on the others."""
    kept = [one for one in outcome.rankings if (one[0].id in TUNED) == tuned]
    share = sum(len(one.messages) for one in {one[0].id: one[0] for one in kept}.values())
    return Outcome(kept, share, outcome.seconds * share / max(1, outcome.messages), outcome.units)


SHOWN = (
    "any@5", "any@10", "any@10_se", "any@20", "recall@10", "any@10_category_1", "any@10_category_2",
    "any@10_category_3", "any@10_category_4", "any@10_category_5", "session_any@5", "session_any@10", "context_tokens",
    "in_context", "default_tokens", "search_p50_ms", "search_p95_ms", "messages_per_s",
)  # fmt: skip
SHORT = {"any@10_se": "±", "context_tokens": "tokens", "default_tokens": "its tokens", "messages_per_s": "messages/s"}


def table(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    """Rows for people."""
    shown = Table(title=title)
    shown.add_column("row")
    names = [name for name in SHOWN if any(name in row for row in rows)]
    for name in names:
        short = SHORT.get(name, name.replace("any@10_category_", "@10 c").replace("session_any", "session "))
        shown.add_column(short.replace("search_", "").replace("_ms", " ms"), justify="right")
    for row in rows:
        shown.add_row(row["row"], *(f"{row[name]:.1f}" if name in row else "–" for name in names))
    return shown


def rows_of(outcomes: dict[str, Outcome]) -> Iterator[dict[str, Any]]:
    """The rows of the report: the conversations not tuned on under the plain name, the others apart."""
    for name, outcome in outcomes.items():
        for tuned, label in ((False, name), (True, f"{name} (tuned on)")):
            part = split(outcome, name, tuned)
            if part.rankings:
                yield {"row": label, **figures(part)}


def report(console: Console, rows: Sequence[dict[str, Any]], conversations: Sequence[Conversation]) -> None:
    """Two tables: the conversations not tuned on, and those that were."""
    for tuned, title in ((False, "not tuned on"), (True, "tuned on")):
        some = [row for row in rows if row["row"].endswith("(tuned on)") == tuned]
        names = [one.id for one in conversations if (one.id in TUNED) == tuned]
        if some and names:
            console.print(
                table(f"{title}: {', '.join(names)}; categories 1-4, {some[0].get('questions', 0)} questions", some)
            )
