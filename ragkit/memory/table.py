"""The units of a scope as columns of numbers, so that ranking them is arithmetic on arrays.

Row i of every array is the same unit; rows are in the order of the units' numbers. A table is read once after each
commit to the file and then shared by all searches.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragkit.memory.store import number
from ragkit.memory.types import KINDS, TIERS
from ragkit.memory.words import fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.components import Ints

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000
KEPT = 64  # scopes whose tables are held at a time

# `asks` looks for a question mark of any script; a unit that tells no time has granularity "said".
_ROWS = (
    "SELECT id, session, speaker, kind, tier, said_us, said_tz, ev_start_us, ev_end_us, granularity != 'said', "
    "length(text), length(ctx), instr(text, '?') > 0 OR instr(text, '？') > 0 OR instr(text, '؟') > 0 "
    "FROM memory_unit WHERE scope_id = ? AND hidden_us IS NULL ORDER BY id"
)
_MEMBERS = (
    "SELECT d.id, t.id FROM memory_unit d JOIN memory_unit_source s ON s.unit_id = d.id "
    "JOIN memory_unit_source o ON o.message_id = s.message_id JOIN memory_unit t ON t.id = o.unit_id "
    "WHERE d.scope_id = ? AND d.tier IN ('active', 'phatic', 'archived', 'superseded') "
    "AND d.kind IN ('fact', 'abstract') AND t.kind = 'turn'"
)
_PERSONS = "SELECT DISTINCT norm FROM memory_facet WHERE scope_id = ? AND kind = 'person'"
_LINKS = (
    "SELECT l.rel, l.src, l.dst FROM memory_link l JOIN memory_unit u ON u.id = l.src "
    "WHERE u.scope_id = ? AND u.hidden_us IS NULL AND l.rel IN ('abstracts', 'duplicates')"
)


@dataclass(frozen=True, slots=True)
class UnitTable:
    """See the module. Times are microseconds UTC; `before` and `after` are rows, -1 where a turn has no neighbour.

    `stretch` numbers the stretches of conversation, -1 for units of several. `members` are pairs (row of a fact or
    abstract, row of a turn it rests on). `length` and `context` count the characters of its text and of the messages
    before it. `abstracts` and `duplicates` link rows: the abstract to its member, the newer to the older.
    """

    ids: Ints
    speakers: tuple[str, ...]
    speaker: Ints
    kind: Ints
    tier: Ints
    said: Ints
    offset: Ints
    start: Ints
    end: Ints
    dated: NDArray[np.bool_]
    asks: NDArray[np.bool_]
    length: NDArray[np.float64]
    context: NDArray[np.float64]
    stretch: Ints
    before: Ints
    after: Ints
    members: NDArray[np.int64]
    persons: frozenset[str]
    abstracts: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    duplicates: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, ids: Sequence[int]) -> tuple[Ints, NDArray[np.bool_]]:
        """As `rows`, for a list."""
        import numpy as np

        return self.rows(np.array(ids, dtype=np.int64))

    def rows(self, ids: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """The rows of units, and which of them are in the table at all."""
        import numpy as np

        if not len(self):
            return np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=bool)
        rows = np.minimum(np.searchsorted(self.ids, ids), len(self) - 1)
        return rows, self.ids[rows] == ids

    def speaker_named(self, name: str) -> frozenset[int]:
        """The speakers a folded name means: theirs in full, else the first name of exactly one."""
        full = {code for code, speaker in enumerate(self.speakers) if fold(speaker) == name}
        if full:
            return frozenset(full)
        first = {code for code, speaker in enumerate(self.speakers) if fold(speaker).split()[:1] == [name]}
        return frozenset(first) if len(first) == 1 else frozenset()

    @property
    def names(self) -> frozenset[str]:
        """The folded names a question may mean: of persons, of speakers, and speakers' first names."""
        spoken = [fold(speaker) for speaker in self.speakers if speaker.strip()]
        return self.persons | frozenset(spoken) | frozenset(name.split()[0] for name in spoken if " " in name)


class TableCache:
    """The tables of the scopes asked for last, each as of the commit it was read after."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[int, int], tuple[int, UnitTable]] = {}

    def table(self, connection: sqlite3.Connection, scope_id: int, gap_minutes: int) -> UnitTable:
        """The table of a scope, as of the connection's snapshot."""
        generation = number(connection, "generation")
        with self._lock:
            held = self._held.pop((scope_id, gap_minutes), None)
            if held is None or held[0] != generation:
                held = generation, read_table(connection, scope_id, gap_minutes)
            self._held[scope_id, gap_minutes] = held
            while len(self._held) > KEPT:
                del self._held[next(iter(self._held))]
            return held[1]

    def clear(self) -> None:
        """Forget everything held."""
        with self._lock:
            self._held.clear()


def read_table(connection: sqlite3.Connection, scope_id: int, gap_minutes: int) -> UnitTable:
    """The table of a scope, read from the file; a silence longer than `gap_minutes` ends a stretch of conversation."""
    import numpy as np

    rows = connection.execute(_ROWS, [scope_id]).fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * 13
    ids, said, offset, start, end = (np.array(columns[place], dtype=np.int64) for place in (0, 5, 6, 7, 8))
    kind, tier = _codes(columns[3], KINDS), _codes(columns[4], TIERS)
    speakers = tuple(sorted(set(columns[2])))
    stretch, before, after = _neighbours(_codes(columns[1], sorted(set(columns[1]))), said, ids, kind, gap_minutes)
    table = UnitTable(
        ids=ids,
        speakers=speakers,
        speaker=_codes(columns[2], speakers),
        kind=kind,
        tier=tier,
        said=said,
        offset=offset,
        start=start,
        end=end,
        dated=np.array(columns[9], dtype=bool),
        asks=np.array(columns[12], dtype=bool),
        length=np.array(columns[10], dtype=np.float64),
        context=np.array(columns[11], dtype=np.float64),
        stretch=stretch,
        before=before,
        after=after,
        members=np.empty((0, 2), dtype=np.int64),
        persons=frozenset(row[0] for row in connection.execute(_PERSONS, [scope_id])),
    )
    return _linked(connection, scope_id, table)


def _codes(values: Iterable[str], known: Sequence[str]) -> Ints:
    import numpy as np

    code = {value: place for place, value in enumerate(known)}
    return np.array([code[value] for value in values], dtype=np.int64)


def _neighbours(session: Ints, said: Ints, ids: Ints, kind: Ints, gap_minutes: int) -> tuple[Ints, Ints, Ints]:
    """Stretches, and the row before and after each in its stretch; turns only."""
    import numpy as np

    count = len(ids)
    stretch, before, after = (np.full(count, -1, dtype=np.int64) for _ in range(3))
    turns = np.flatnonzero(kind == KINDS.index("turn"))
    order = turns[np.lexsort((ids[turns], said[turns], session[turns]))]
    if len(order):
        new = np.ones(len(order), dtype=bool)
        same = session[order][1:] == session[order][:-1]
        new[1:] = ~same | (said[order][1:] - said[order][:-1] > gap_minutes * MINUTE_US)
        stretch[order] = np.cumsum(new) - 1
        joined = np.flatnonzero(~new)
        before[order[joined]] = order[joined - 1]
        after[order[joined - 1]] = order[joined]
    return stretch, before, after


def _linked(connection: sqlite3.Connection, scope_id: int, table: UnitTable) -> UnitTable:
    import dataclasses

    import numpy as np

    derived = bool((table.kind != KINDS.index("turn")).any())
    pairs = connection.execute(_MEMBERS, [scope_id]).fetchall() if derived else []
    links = connection.execute(_LINKS, [scope_id]).fetchall()
    members = np.empty((0, 2), dtype=np.int64)
    if pairs:
        rows, known = table.rows(np.array(pairs, dtype=np.int64).ravel())
        members = rows.reshape(-1, 2)[known.reshape(-1, 2).all(axis=1)]
    found: dict[str, dict[int, tuple[int, ...]]] = {"abstracts": {}, "duplicates": {}}
    if links:
        rows, known = table.rows(np.array([link[1:] for link in links], dtype=np.int64).ravel())
        for (rel, _, _), (src, dst), (one, other) in zip(
            links, rows.reshape(-1, 2).tolist(), known.reshape(-1, 2).tolist(), strict=True
        ):
            if one and other:
                found[rel][src] = (*found[rel].get(src, ()), dst)
    return dataclasses.replace(table, members=members, abstracts=found["abstracts"], duplicates=found["duplicates"])
