"""Hits as a text for a model: dated, cited lines within a budget of tokens, in the order things happened.

    [2023-05-07 | said 2023-05-08 | Ann | D1:3] I went there yesterday

What stands in brackets is ours, the rest is what was said. The line says who speaks and when it was, so the notes that
tell the same inside the text are left out.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragkit.memory import recall
from ragkit.memory.accept import offset_of
from ragkit.memory.annotate import render, strip
from ragkit.memory.config import MemoryConfig
from ragkit.memory.periods import Interval
from ragkit.memory.rows import UnitRow, hit_of, read_messages, read_rows, sources_of
from ragkit.memory.store import MemoryStore
from ragkit.memory.times import written
from ragkit.memory.types import Context, MemoryHit, to_us
from ragkit.text.sentences import sentence_spans

Count = Callable[[str], int]

CUT = " […]"  # ends a text of which only the first sentences fitted
_DATE = re.compile(r" \[(?:about )?\d{4}[^\]]*\]")
_IMAGE = " [image: "


def quarter_count(text: str) -> int:
    """Tokens as a rule of thumb: four characters each."""
    return math.ceil(len(text) / 4)


@dataclass(frozen=True, slots=True)
class Line:
    """A hit as it will be written: what stands in brackets, and the text."""

    hit: MemoryHit
    head: str
    text: str

    @property
    def order(self) -> tuple[object, ...]:
        """The place in the context."""
        return self.hit.event.start, self.hit.said, self.hit.id

    def __str__(self) -> str:
        return f"{self.head} {self.text}"


def pack(
    store: MemoryStore,
    scope_id: int,
    query: str,
    hits: Sequence[MemoryHit],
    *,
    budget_tokens: int,
    config: MemoryConfig,
    count: Count | None = None,
) -> Context:
    """The best of `hits` that fit into `budget_tokens`, counted by `count`; never more.

    They are taken in their order, one that does not fit is passed over. When not even the first fits, its first
    sentences are taken. With room left, and `config.preceding`, the question before an answer is added.
    """
    count = count or quarter_count
    with store.read() as connection:
        lines = _lines(connection, hits)
        chosen: list[Line] = []
        for line in lines:
            if fits([*chosen, line], budget_tokens, count):
                chosen.append(line)
        if not chosen and lines:
            chosen = cut_to_fit(lines[0], budget_tokens, count)
        elif config.preceding and chosen:
            for line in _lines(connection, _questions_before(connection, store, scope_id, chosen, config)):
                if fits([*chosen, line], budget_tokens, count):
                    chosen.append(line)
    chosen.sort(key=lambda line: line.order)
    text = joined(chosen)
    return Context(text, tuple(line.hit for line in chosen), count(text) if text else 0, found=bool(chosen))


def joined(lines: Sequence[Line]) -> str:
    """The lines as they are written, in the order things happened."""
    return "\n".join(map(str, sorted(lines, key=lambda line: line.order)))


def fits(lines: Sequence[Line], budget_tokens: int, count: Count) -> bool:
    """Whether lines stay within a budget together."""
    return count(joined(lines)) <= budget_tokens


def cut_to_fit(line: Line, budget_tokens: int, count: Count) -> list[Line]:
    """The line with as many of its first sentences as fit and a mark of the cut; none when not even one does."""
    for _, end in reversed(sentence_spans(line.text)):
        short = Line(line.hit, line.head, line.text[:end].rstrip() + CUT)
        if end < len(line.text) and fits([short], budget_tokens, count):
            return [short]
    return []


def _lines(connection: sqlite3.Connection, hits: Sequence[MemoryHit]) -> list[Line]:
    rows = read_rows(connection, [hit.number for hit in hits])
    return [_line(hit, rows.get(hit.number)) for hit in hits]


def _line(hit: MemoryHit, row: UnitRow | None) -> Line:
    happened, said = event_text(hit), hit.said.date().isoformat()
    parts = [happened, f"said {said}" if happened != said else "", " ".join(hit.speaker.split()), hit.id]
    head = f"[{' | '.join(part for part in parts if part)}]"
    text = hit.text if row is None or row.uid != hit.id else plain_text(row, happened)
    return Line(hit, head, " ".join(text.split()))


def event_text(hit: MemoryHit) -> str:
    """When what a hit tells happened: "2023-05-07", "2023-05", "2023-05-01 to 2023-05-07"."""
    event = hit.event
    kind = "day" if event.granularity == "said" else event.granularity
    interval = Interval(to_us(event.start), to_us(event.end), kind, event.ambiguous)  # type: ignore[arg-type]
    return written(interval, offset_of(event.start))


def plain_text(row: UnitRow, happened: str) -> str:
    """The text of a unit without the notes its line already says: who speaks, who is I and you, its only date."""
    notes = [(offset, string) for offset, string in json.loads(row.annotations)]
    dates = [string for _, string in notes if _DATE.fullmatch(string)]
    told = {f" [{happened}]"} if len(set(dates)) == 1 else set()
    kept = [note for note in notes if note[1].startswith(_IMAGE) or (note[1] in dates and note[1] not in told)]
    return render(strip(row.text, notes), kept) if notes else row.text


def _questions_before(
    connection: sqlite3.Connection, store: MemoryStore, scope_id: int, chosen: Sequence[Line], config: MemoryConfig
) -> list[MemoryHit]:
    """The turns before those chosen that ask something, as hits with the score of the answer."""
    table = recall.table_of(connection, store, scope_id, config)
    there = {line.hit.number for line in chosen}
    wanted: dict[int, float] = {}
    for line in chosen:
        rows, known = table.rows_of([line.hit.number])
        before = int(table.before[rows[0]]) if known[0] else -1
        if before >= 0 and table.asks[before] and int(table.ids[before]) not in there:
            wanted.setdefault(int(table.ids[before]), line.hit.score)
    found, sources = read_rows(connection, list(wanted)), sources_of(connection, list(wanted))
    messages = read_messages(connection, sorted({message for some in sources.values() for message in some}))
    return [
        hit_of(number, found[number], score, [messages[message] for message in sources[number]], {})
        for number, score in wanted.items()
    ]
