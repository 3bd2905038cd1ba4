"""Rows of the memory's tables and the values people see: how one becomes the other, and how units are written."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from ragkit.errors import StoreCorruptError
from ragkit.memory.store import rows_in
from ragkit.memory.types import Event, Facet, MemoryHit, Message, Unit, from_us


@dataclass(slots=True)
class UnitRow:
    """A row of `memory_unit` to be written; its fields are the columns, in their order, without the number."""

    uid: str
    scope_id: int
    kind: str
    level: int
    tier: str
    text: str
    annotations: str  # JSON list of [offset, string]
    ctx: str
    label: str
    date_text: str
    grams: str
    session: str
    speaker: str
    said_us: int
    said_tz: int
    salience: float
    raw_salience: float
    method: str
    verified: int
    ev_start_us: int
    ev_end_us: int
    granularity: str
    ambiguous: int
    valid_from_us: int | None
    valid_to_us: int | None
    mentions: int
    version: int
    same: bytes | None
    created_us: int
    updated_us: int
    hidden_us: int | None = None


COLUMNS = tuple(field.name for field in fields(UnitRow))
_values = attrgetter(*COLUMNS)  # many times faster than dataclasses.astuple, which copies deeply
_INSERT = f"INSERT INTO memory_unit ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_SELECT = f"SELECT id, {', '.join(COLUMNS)} FROM memory_unit WHERE id IN ?"

MESSAGE_COLUMNS = (
    "uid", "text", "speaker", "role", "session", "captions", "t_us", "tz_minutes", "t_source", "metadata", "start",
    "part_of", "flags",
)  # fmt: skip


def insert_unit(connection: sqlite3.Connection, row: UnitRow, sources: Iterable[int], facets: Iterable[Facet]) -> int:
    """Write a unit with its sources (rows of messages) and facets; the number of its row."""
    unit = int(connection.execute(_INSERT, _values(row)).lastrowid or 0)
    connection.executemany("INSERT INTO memory_unit_source VALUES (?, ?)", [(unit, source) for source in sources])
    insert_facets(connection, row.scope_id, unit, facets)
    return unit


def insert_facets(connection: sqlite3.Connection, scope_id: int, unit: int, facets: Iterable[Facet]) -> None:
    """Write the facets of a unit, each value once."""
    connection.executemany(
        "INSERT OR IGNORE INTO memory_facet VALUES (?, ?, ?, ?, ?)",
        [(scope_id, unit, facet.kind, facet.norm, facet.shown) for facet in facets],
    )


def read_rows(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, UnitRow]:
    """The unit rows of these numbers; those that do not exist are missing."""
    return {row[0]: UnitRow(*row[1:]) for row in rows_in(connection, _SELECT, ids)}


def sources_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, list[int]]:
    """The message rows each of these units rests on, oldest first."""
    found: dict[int, list[int]] = defaultdict(list)
    sql = (
        "SELECT s.unit_id, s.message_id, m.t_us, m.seq FROM memory_unit_source s "
        "JOIN memory_message m ON m.id = s.message_id WHERE s.unit_id IN ?"
    )
    for unit, message, _, _ in sorted(rows_in(connection, sql, ids), key=lambda row: (row[0], row[2], row[3], row[1])):
        found[unit].append(message)
    return found


def facets_of_units(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, list[Facet]]:
    """The facets of these units, sorted."""
    found: dict[int, list[Facet]] = defaultdict(list)
    sql = "SELECT unit_id, kind, norm, shown FROM memory_facet WHERE unit_id IN ?"
    for unit, kind, norm, shown in sorted(rows_in(connection, sql, ids)):
        found[unit].append(Facet(kind, norm, shown))
    return found


def read_messages(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Message]:
    """The messages of these rows."""
    columns = ", ".join(f"m.{name}" for name in MESSAGE_COLUMNS)
    sql = (
        f"SELECT m.id, {columns}, first.uid FROM memory_message m "
        "LEFT JOIN memory_message first ON first.id = m.part_of WHERE m.id IN ?"
    )
    return {row[0]: _message(row[1:-1], row[-1]) for row in rows_in(connection, sql, ids)}


def _message(row: Sequence[Any], first: str | None) -> Message:
    uid, text, speaker, role, session, captions, t_us, tz, t_source, metadata, start, _, flags = row
    return Message(
        text=text,
        speaker=speaker,
        role=role,
        time=from_us(t_us, tz),
        session=session or None,
        id=uid,
        captions=tuple(_json(captions, "captions")),
        metadata=_json(metadata, "metadata"),
        start=start,
        part_of=first,
        flags=tuple(flags.split()),
        time_source=t_source,
    )


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise StoreCorruptError(f"the memory is damaged: {what} that are no JSON ({error}); restore a copy") from error


def read_units(connection: sqlite3.Connection, ids: Sequence[int]) -> list[Unit]:
    """The units of these rows with their sources and facets, in the order asked for; unknown ones are left out."""
    rows, sources, facets = read_rows(connection, ids), sources_of(connection, ids), facets_of_units(connection, ids)
    messages = read_messages(connection, sorted({message for some in sources.values() for message in some}))
    units = []
    for id in ids:
        if id in rows:
            said = tuple(messages[message] for message in sources[id])
            units.append(_unit(rows[id], said, tuple(facets[id])))
    return units


def _unit(row: UnitRow, sources: tuple[Message, ...], facets: tuple[Facet, ...]) -> Unit:
    tz = row.said_tz
    return Unit(
        id=row.uid,
        kind=row.kind,  # type: ignore[arg-type]
        level=row.level,
        tier=row.tier,  # type: ignore[arg-type]
        text=row.text,
        speaker=row.speaker,
        session=row.session,
        said=from_us(row.said_us, tz),
        event=event_of(row),
        sources=sources,
        facets=facets,
        annotations=tuple((offset, string) for offset, string in _json(row.annotations, "annotations")),
        salience=row.salience,
        method=row.method,
        verified=bool(row.verified),
        valid_from=None if row.valid_from_us is None else from_us(row.valid_from_us, tz),
        valid_to=None if row.valid_to_us is None else from_us(row.valid_to_us, tz),
        mentions=row.mentions,
        version=row.version,
        forgotten=None if row.hidden_us is None else from_us(row.hidden_us),
    )


def event_of(row: UnitRow) -> Event:
    """The event of a unit's row."""
    return Event(
        from_us(row.ev_start_us, row.said_tz), from_us(row.ev_end_us, row.said_tz), row.granularity, bool(row.ambiguous)
    )


def hit_of(number: int, row: UnitRow, score: float, sources: Sequence[Message], views: dict[str, float]) -> MemoryHit:
    """A unit's row as a hit."""
    return MemoryHit(
        id=row.uid,
        text=row.text,
        score=score,
        kind=row.kind,  # type: ignore[arg-type]
        tier=row.tier,  # type: ignore[arg-type]
        speaker=row.speaker,
        session=row.session,
        said=from_us(row.said_us, row.said_tz),
        event=event_of(row),
        source_ids=tuple(message.id or "" for message in sources),
        source_texts=tuple(message.text for message in sources),
        views=views,
        number=number,
    )
