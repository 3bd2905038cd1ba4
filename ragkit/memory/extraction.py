"""Facts that a chat model finds in windows of a conversation; the turns they rest on stay.

A job names messages. They are asked about in windows of one session without long silences, each window beginning with
messages of the one before, and all that is believed is written in the transaction that ends the job.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from typing import TYPE_CHECKING, Any

from ragkit.memory import gate, jobs, vectors
from ragkit.memory.accept import plain
from ragkit.memory.config import MemoryConfig
from ragkit.memory.llm import ChatCompleter
from ragkit.memory.rows import UnitRow, insert_unit
from ragkit.memory.store import MemoryStore, rows_in
from ragkit.memory.times import date_text, find_times, said
from ragkit.memory.types import from_us
from ragkit.memory.verify import Fact, Source, believed
from ragkit.memory.words import fold, grams

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

MINUTE_US = 60_000_000
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["units"],
    "properties": {
        "units": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["text", "source_ids", "kind"],
                "properties": {
                    "text": {"type": "string"},
                    "source_ids": {"type": "array", "items": {"type": "string"}},
                    "persons": {"type": "array", "items": {"type": "string"}},
                    "entities": {"type": "array", "items": {"type": "string"}},
                    "keywords": {"type": "array", "items": {"type": "string"}},
                    "location": {"type": "string"},
                    "topic": {"type": "string"},
                    "event": {"type": "string"},
                    "kind": {"type": "string"},
                },
            },
        }
    },
}
_TOLD = (
    "m.role NOT IN ('system', 'tool') AND m.hidden_us IS NULL "
    "AND coalesce(json_extract(m.metadata, '$.recalled'), 0) != 1"
)
_COLUMNS = "m.id, m.uid, m.session, m.seq, m.speaker, m.text, m.captions, m.t_us, m.tz_minutes"


@dataclass(frozen=True, slots=True)
class Window:
    """Messages to be asked about at once; the first `known` of them were asked about before."""

    sources: tuple[Source, ...]
    session: str
    known: int


def extract(
    store: MemoryStore, scope_id: int, job: jobs.Job, llm: BaseChatModel, config: MemoryConfig, now_us: int
) -> None:
    """Do an extraction job and end it. Raises what the model raises, `ModelError` for a reply that is no JSON.

    When a message of a window was erased meanwhile, nothing of the window is believed; the job asks anew.
    """
    rows = [int(row) for row in job.payload.get("messages", [])]
    with store.read() as connection:
        windows = _windows(connection, scope_id, rows, config)
    completer = ChatCompleter(llm, config.llm_temperature)
    counted: Counter[str] = Counter()
    facts: list[tuple[Window, Fact]] = []
    asked: list[Window] = []
    for window in windows:
        if not gate.opens(store, scope_id, [source.row for source in window.sources], config):
            counted["window below the gate"] += 1
            continue
        asked.append(window)
        reply = completer.complete(messages_of(window.sources), _SCHEMA)
        items = reply.get("units")
        if not isinstance(items, list):
            counted["no list"] += 1
            continue
        found = believed(items, {source.uid: source for source in window.sources}, counted)
        facts += [(window, fact) for fact in found]
    with store.write() as connection:
        if not jobs.held(connection, job):
            return
        if not _all_there(connection, asked):
            jobs.enqueue(connection, scope_id, "extract", {"messages": rows})
            jobs.finish(connection, job)
            return
        new = sum(_insert(connection, scope_id, window, fact, now_us) for window, fact in facts)
        for name, value in sorted(counted.items()):
            connection.execute(
                "INSERT INTO memory_count VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
                [scope_id, name, value],
            )
        if new and vectors.current(connection) is not None:
            jobs.enqueue(connection, scope_id, "vectorise", once=True)
        jobs.finish(connection, job)


def messages_of(sources: Sequence[Source]) -> list[dict[str, str]]:
    """What the model is sent for a window: the rules, and the messages between marks no message can know."""
    lines = [
        json.dumps(
            {
                "id": source.uid,
                "time": from_us(source.t_us, source.tz_minutes).isoformat(timespec="minutes"),
                "speaker": source.speaker,
                "text": source.text,
            },
            ensure_ascii=False,
        )
        for source in sources
    ]
    key = blake2b("\n".join(lines).encode("utf-8"), digest_size=6).hexdigest()
    system = resources.files("ragkit.memory").joinpath("prompts", "extract.txt").read_text(encoding="utf-8")
    body = "\n".join([f"[[messages {key}]]", *lines, f"[[end {key}]]"])
    return [{"role": "system", "content": system}, {"role": "user", "content": body}]


def _windows(connection: sqlite3.Connection, scope_id: int, rows: Sequence[int], config: MemoryConfig) -> list[Window]:
    """The windows of messages: one session each, no gap longer than `gap_minutes`, the overlap from before."""
    sql = f"SELECT {_COLUMNS} FROM memory_message m WHERE m.scope_id = ? AND {_TOLD} AND m.id IN ?"
    found = sorted(rows_in(connection, sql, rows, [scope_id]), key=lambda row: (row[2], row[7], row[3]))
    runs: list[list[Any]] = []
    for row in found:
        last = runs[-1][-1] if runs else None
        if last is None or last[2] != row[2] or row[7] - last[7] > config.gap_minutes * MINUTE_US:
            runs.append([])
        runs[-1].append(row)
    windows = []
    for run in runs:
        lead = _lead(connection, scope_id, run[0], config)
        whole = lead + run
        for start in range(0, len(run), config.stride):
            begin = max(0, len(lead) + start - (config.window - config.stride))
            part = whole[begin : len(lead) + start + config.stride]
            known = len(lead) + start - begin
            windows.append(Window(tuple(_source(connection, scope_id, row) for row in part), run[0][2], known))
    return windows


def _lead(connection: sqlite3.Connection, scope_id: int, first: Any, config: MemoryConfig) -> list[Any]:
    """The messages just before one, as many as windows overlap."""
    sql = (
        f"SELECT {_COLUMNS} FROM memory_message m WHERE m.scope_id = ? AND m.session = ? AND (m.t_us, m.seq) < (?, ?) "
        f"AND {_TOLD} ORDER BY m.t_us DESC, m.seq DESC LIMIT ?"
    )
    values = [scope_id, first[2], first[7], first[3], config.window - config.stride]
    lead: list[Any] = []
    after = first[7]
    for row in connection.execute(sql, values):
        if after - row[7] > config.gap_minutes * MINUTE_US:
            break
        lead.insert(0, row)
        after = row[7]
    return lead


def _source(connection: sqlite3.Connection, scope_id: int, row: Any) -> Source:
    id, uid, _, _, speaker, text, captions, t_us, tz = row
    found = connection.execute(
        "SELECT text FROM memory_unit WHERE scope_id = ? AND uid = ?", [scope_id, uid]
    ).fetchone()
    times = [mention.interval for mention in find_times(text, t_us, tz)]
    whole = plain(text, json.loads(captions))
    return Source(id, uid, speaker, whole, found[0] if found else whole, (*times, said(t_us, tz)), t_us, tz)


def _all_there(connection: sqlite3.Connection, windows: Sequence[Window]) -> bool:
    rows = sorted({source.row for window in windows for source in window.sources})
    sql = "SELECT id FROM memory_message WHERE hidden_us IS NULL AND id IN ?"
    return len(list(rows_in(connection, sql, rows))) == len(rows)


def _insert(connection: sqlite3.Connection, scope_id: int, window: Window, fact: Fact, now_us: int) -> int:
    """Write a fact; 0 when it is there already."""
    newest = fact.sources[-1]
    ids = [source.uid for source in fact.sources]
    digest = blake2b(json.dumps([fold(fact.text), ids]).encode("ascii"), digest_size=10).hexdigest()
    uid = f"fact-{digest}"
    if connection.execute("SELECT 1 FROM memory_unit WHERE scope_id = ? AND uid = ?", [scope_id, uid]).fetchone():
        return 0
    event = fact.event or said(newest.t_us, newest.tz_minutes)
    speakers = {source.speaker for source in fact.sources}
    persons = [one.shown for one in fact.facets if one.kind == "person"]
    row = UnitRow(
        uid=uid,
        scope_id=scope_id,
        kind="fact",
        level=0,
        tier="active",
        text=fact.text,
        annotations="[]",
        ctx="",
        label=", ".join(persons),
        date_text=date_text(event.start_us, newest.tz_minutes),
        grams=grams(fact.text),
        session=window.session,
        speaker=speakers.pop() if len(speakers) == 1 else "",
        said_us=newest.t_us,
        said_tz=newest.tz_minutes,
        salience=0.5,
        raw_salience=0.0,
        method=f"llm {fact.kind}",
        verified=1,
        ev_start_us=event.start_us,
        ev_end_us=event.end_us,
        granularity=event.granularity,
        ambiguous=int(event.ambiguous),
        valid_from_us=event.start_us if fact.kind in ("state", "preference") else None,
        valid_to_us=None,
        mentions=1,
        version=1,
        same=None,
        created_us=now_us,
        updated_us=now_us,
    )
    insert_unit(connection, row, [source.row for source in fact.sources], fact.facets)
    return 1
