"""The units of one level of a scope, as clustering looks at them: vectors, events, names, claims."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.memory import vectors
from ragkit.memory.abstracts import Member, quotes_of
from ragkit.memory.annotate import strip
from ragkit.memory.claims import Claim, differ
from ragkit.memory.clusters import Affinity
from ragkit.memory.config import MemoryConfig
from ragkit.memory.rows import UnitRow, facets_of_units, read_rows
from ragkit.memory.types import Facet

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(slots=True)
class Level:
    """The units of one level, in the order of their ids: what clustering looks at."""

    numbers: list[int]
    rows: list[UnitRow]
    members: list[Member]
    claims: list[Claim]
    persons: list[frozenset[str]]
    facets: list[list[Facet]]
    affinity: Affinity
    shared: csr_matrix
    opposed: set[tuple[int, int]]  # numbers of units of which one contradicts or supersedes the other, both ways
    free: list[int]  # places of the units that are active and have no abstract yet


def read_level(connection: sqlite3.Connection, scope_id: int, level: int, config: MemoryConfig) -> Level | None:
    """The units of a level that have a vector, None when there are too few to join."""
    import numpy as np

    model = vectors.current(connection)
    if model is None:
        return None
    sql = (
        "SELECT id FROM memory_unit WHERE scope_id = ? AND level = ? AND hidden_us IS NULL "
        "AND tier IN ('active', 'archived') ORDER BY uid"
    )
    view = vectors.VectorCache().view(connection, scope_id, model)
    place_of = {int(unit): place for place, unit in enumerate(view.ids)}
    numbers = [row[0] for row in connection.execute(sql, [scope_id, level]) if row[0] in place_of]
    if len(numbers) < 3:
        return None
    rows, facets = read_rows(connection, numbers), facets_of_units(connection, numbers)
    ordered = [rows[number] for number in numbers]
    taken = {
        row[0]
        for row in connection.execute(
            "SELECT l.dst FROM memory_link l JOIN memory_unit u ON u.id = l.dst "
            "WHERE u.scope_id = ? AND l.rel = 'abstracts'",
            [scope_id],
        )
    }
    members = [member_of(row, facets[number]) for number, row in zip(numbers, ordered, strict=True)]
    return Level(
        numbers=numbers,
        rows=ordered,
        members=members,
        claims=[member.claim for member in members],
        persons=[frozenset(one.norm for one in facets[number] if one.kind == "person") for number in numbers],
        facets=[facets[number] for number in numbers],
        affinity=Affinity(
            view.matrix[[place_of[number] for number in numbers]],
            np.array([row.ev_start_us for row in ordered], dtype=np.int64),
            np.array([row.ev_end_us for row in ordered], dtype=np.int64),
            config.beta,
            config.decay_per_day,
        ),
        shared=_shared(members),
        opposed=_opposed(connection, scope_id),
        free=[
            place
            for place, (number, row) in enumerate(zip(numbers, ordered, strict=True))
            if row.tier == "active" and number not in taken
        ],
    )


def _opposed(connection: sqlite3.Connection, scope_id: int) -> set[tuple[int, int]]:
    sql = (
        "SELECT l.src, l.dst FROM memory_link l JOIN memory_unit u ON u.id = l.src "
        "WHERE u.scope_id = ? AND l.rel IN ('contradicts', 'supersedes')"
    )
    pairs = connection.execute(sql, [scope_id]).fetchall()
    return {(one, other) for one, other in pairs} | {(other, one) for one, other in pairs}


def units_apart(units: Level) -> Callable[[int, int], bool]:
    """Whether two units may not stand in one cluster: one contradicts the other, or they differ about one person."""

    def apart(one: int, other: int) -> bool:
        if (units.numbers[one], units.numbers[other]) in units.opposed:
            return True
        return bool(units.persons[one] & units.persons[other]) and differ(units.claims[one], units.claims[other])

    return apart


def plain_text(text: str, notes: str) -> str:
    """A unit's text without its annotations, given as JSON."""
    return strip(text, [(offset, string) for offset, string in json.loads(notes)])


def member_of(row: UnitRow, facets: Sequence[Facet]) -> Member:
    """What an abstract needs to know of a unit."""
    text = plain_text(row.text, row.annotations)
    return Member(
        uid=row.uid,
        text=quotes_of(text, row.label) if row.method == "extractive" else text,
        speaker=row.speaker,
        names=frozenset(one.norm for one in facets if one.kind in ("person", "entity")),
        start_us=row.ev_start_us,
        end_us=row.ev_end_us,
        offset_minutes=row.said_tz,
        mentions=row.mentions,
        abstract=row.kind == "abstract",
    )


def _shared(members: Sequence[Member]) -> csr_matrix:
    """The persons and entities of units as a sparse matrix (units, names)."""
    import numpy as np
    from scipy.sparse import csr_matrix

    column = {name: place for place, name in enumerate(sorted({name for one in members for name in one.names}))}
    rows = [place for place, one in enumerate(members) for _ in one.names]
    columns = [column[name] for one in members for name in sorted(one.names)]
    ones = np.ones(len(rows), dtype=np.float32)
    return csr_matrix((ones, (rows, columns)), shape=(len(members), max(1, len(column))))
