"""Which part of which document each question is to be about: planned from the seed, evenly over all text."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ragkit.text.sentences import sentence_spans
from ragkit.types import Span

MIX = {"single": 0.6, "multi": 0.3, "cross_doc": 0.1}
WINDOW = 4000
_TERM = re.compile(r"\b[A-Z][\w-]{3,}(?: [A-Z][\w-]{2,})*")


@dataclass(frozen=True, slots=True)
class Task:
    """One question to be written: its number, kind and windows (two of different documents for "cross_doc")."""

    number: int
    kind: str
    windows: tuple[Span, ...]

    @property
    def key(self) -> str:
        """Names the task in the log of attempts."""
        places = ",".join(f"{one.document_id}:{one.start}-{one.end}" for one in self.windows)
        return f"{self.number} {self.kind} {places}"


def plan_tasks(
    texts: Mapping[str, str],
    n: int,
    seed: int,
    *,
    window: int = WINDOW,
    balanced: bool = False,
    mix: Mapping[str, float] = MIX,
) -> list[Task]:
    """`n` tasks. Documents are taken in proportion to their length, or with `balanced` equally often.

    A "cross_doc" task for which no two documents share a rare term becomes "multi".
    """
    filled = {id: text for id, text in sorted(texts.items()) if text.strip()}
    if not filled:
        return []
    rng = random.Random(f"windows {seed}")
    kinds = _kinds(n, mix, rng)
    pairs = _shared_terms(filled, rng) if "cross_doc" in kinds else []
    borders = {id: sentence_spans(text) for id, text in filled.items()}
    tasks = []
    for number, kind in enumerate(kinds):
        place = (number + rng.random()) / n
        if kind == "cross_doc" and pairs:
            windows = tuple(_snapped(id, borders[id], at, window) for id, at in pairs[number % len(pairs)])
        else:
            kind = "multi" if kind == "cross_doc" else kind
            windows = (_snapped(*_at(filled, borders, place, balanced), window),)
        tasks.append(Task(number, kind, windows))
    return tasks


def _kinds(n: int, mix: Mapping[str, float], rng: random.Random) -> list[str]:
    total = sum(mix.values())
    kinds = [kind for kind, share in mix.items() for _ in range(round(n * share / total))]
    kinds = (kinds + [next(iter(mix))] * n)[:n]
    rng.shuffle(kinds)
    return kinds


def _at(
    texts: Mapping[str, str], borders: Mapping[str, list[tuple[int, int]]], place: float, balanced: bool
) -> tuple[str, list[tuple[int, int]], int]:
    """The document and the character at this share of all text."""
    weights = {id: 1.0 if balanced else float(len(text)) for id, text in texts.items()}
    left = place * sum(weights.values())
    for id, weight in weights.items():
        if left < weight:
            return id, borders[id], int(left / weight * len(texts[id]))
        left -= weight
    last = list(texts)[-1]
    return last, borders[last], len(texts[last])


def _snapped(id: str, sentences: list[tuple[int, int]], at: int, window: int) -> Span:
    """The window of about so many characters around a place, its ends moved outwards to the ends of sentences."""
    length = sentences[-1][1]
    low = max(0, min(at - window // 2, length - window))
    high = low + window
    inside = [(start, end) for start, end in sentences if end > low and start < high]
    return Span(id, inside[0][0], inside[-1][1])


def _shared_terms(texts: Mapping[str, str], rng: random.Random) -> list[tuple[tuple[str, int], tuple[str, int]]]:
    """Pairs of places in different documents that hold the same capitalised term, which no third document holds."""
    held: dict[str, dict[str, int]] = defaultdict(dict)
    for id, text in texts.items():
        for match in _TERM.finditer(text):
            held[match[0]].setdefault(id, match.start())
    pairs = [tuple(sorted(places.items())) for term, places in sorted(held.items()) if len(places) == 2]
    rng.shuffle(pairs)
    return [(pair[0], pair[1]) for pair in pairs]
