"""Correcting a unit: the new version beside the old one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from ragkit.errors import InvalidValueError
from ragkit.memory import jobs, vectors
from ragkit.memory.accept import cleaned
from ragkit.memory.erase import note
from ragkit.memory.facets import facets_of
from ragkit.memory.heard import names_of
from ragkit.memory.look import number_of
from ragkit.memory.rows import UnitRow, facets_of_units, insert_unit, read_rows, read_units, sources_of
from ragkit.memory.store import MemoryStore, Scope, scope_row
from ragkit.memory.times import date_text
from ragkit.memory.types import Event, Facet, Unit, to_us
from ragkit.memory.words import grams


def update(
    store: MemoryStore,
    scope: Scope,
    id: str,
    text: str | None,
    facets: Sequence[Facet] | None,
    event: Event | None,
    *,
    now_us: int,
) -> Unit:
    """See `Memory.update`."""
    if text is None and facets is None and event is None:
        raise InvalidValueError("update was given nothing to change; give a text, facets or an event")
    if not isinstance(text, str | None) or not isinstance(event, Event | None):
        raise InvalidValueError(f"update takes a text and an Event; not {text!r:.60} and {event!r:.60}")
    if not all(isinstance(facet, Facet) for facet in facets or ()):
        raise InvalidValueError(f"facets is a list of Facet(kind, norm, shown), not {facets!r:.60}")
    new_text = None if text is None else cleaned(text)[0].strip()
    if new_text == "":
        raise InvalidValueError("the new text is empty; use forget to remove a unit")
    with store.write() as connection:
        scope_id = scope_row(connection, scope)
        number = None if scope_id is None else number_of(connection, scope_id, id)
        if scope_id is None or number is None:
            raise InvalidValueError(f"there is no unit {id!r} in this scope; nothing was changed")
        old = read_rows(connection, [number])[number]
        if old.tier == "superseded":
            raise InvalidValueError(f"{id!r} is superseded already; update its newest version, see history({id!r})")
        row = _changed(connection, old, new_text, event, now_us)
        found = list(facets) if facets is not None else _facets(connection, number, old, new_text)
        unit = insert_unit(connection, row, sources_of(connection, [number])[number], found)
        connection.execute("INSERT INTO memory_link VALUES (?, ?, 'supersedes', 1.0)", [unit, number])
        connection.execute(
            "UPDATE memory_unit SET tier = 'superseded', valid_to_us = ?, updated_us = ?, version = version + 1 "
            "WHERE id = ?",
            [now_us, now_us, number],
        )
        if vectors.current(connection) is not None:
            jobs.enqueue(connection, scope_id, "vectorise", once=True)
        note(connection, scope_id, "update", {"units": 1}, now_us)
        return read_units(connection, [unit])[0]


def _changed(
    connection: sqlite3.Connection, old: UnitRow, text: str | None, event: Event | None, now_us: int
) -> UnitRow:
    base = old.uid.rpartition("~")[0] if old.method == "user" else old.uid
    number = old.version + 1
    known = "SELECT 1 FROM memory_unit WHERE scope_id = ? AND uid = ?"
    while connection.execute(known, [old.scope_id, f"{base}~{number}"]).fetchone():
        number += 1
    row = replace(
        old,
        uid=f"{base}~{number}",
        tier="active",
        method="user",
        version=old.version + 1,
        same=None,
        created_us=now_us,
        updated_us=now_us,
        valid_from_us=None,
        valid_to_us=None,
    )
    if text is not None:
        row = replace(row, text=text, annotations="[]", grams=grams(text))
    if event is not None:
        start, end = to_us(event.start), to_us(event.end)
        if start >= end:
            raise InvalidValueError(f"an event ends after it starts; not {event.start} to {event.end}")
        row = replace(
            row,
            ev_start_us=start,
            ev_end_us=end,
            granularity=event.granularity,
            ambiguous=int(event.ambiguous),
            date_text=date_text(start, old.said_tz),
        )
    return row


def _facets(connection: sqlite3.Connection, number: int, old: UnitRow, text: str | None) -> list[Facet]:
    if text is None:
        return facets_of_units(connection, [number])[number]
    return facets_of(text, old.speaker, names_of(connection, old.scope_id))
