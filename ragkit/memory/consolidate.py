"""Consolidation: units that say much the same get one abstract above them, and outdated states are marked so.

Nothing is lost: a member is archived only when its abstract covers its names, numbers and dates, and archived units
stay searchable. Each cluster is one transaction that first looks whether its members are still what was read; a crash
leaves whole clusters or none. Running it twice changes nothing the second time.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragkit.memory import jobs, vectors
from ragkit.memory.abstracts import Abstract, abstract_id, by_frequency, common, made
from ragkit.memory.clusters import close_pairs, complete_linkage, medoid, threshold
from ragkit.memory.config import MemoryConfig
from ragkit.memory.facets import top_words
from ragkit.memory.levels import Level, plain_text, read_level, units_apart
from ragkit.memory.periods import DAY_US
from ragkit.memory.rows import UnitRow, insert_unit, read_rows, sources_of
from ragkit.memory.salience import idf
from ragkit.memory.store import MemoryStore, Scope, scope_row
from ragkit.memory.supersede import Told, slots_of, superseded
from ragkit.memory.times import date_text
from ragkit.memory.types import ConsolidationReport, Facet
from ragkit.memory.words import content_words, fold, grams

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragkit.components import Embedder

MOST_PERSONS = 6  # named before an abstract


def consolidate(
    store: MemoryStore,
    scope: Scope,
    *,
    config: MemoryConfig,
    now_us: int,
    embedder: Embedder | None = None,
    llm: BaseChatModel | None = None,
    max_clusters: int | None = None,
    held: bool = False,
) -> ConsolidationReport:
    """Consolidate a scope, up to `max_clusters` new abstracts; `busy` in the report when another process is at it.

    Clusters are found among units that have vectors of the file's current model; `embedder`, which must be that model,
    gives the abstracts theirs (without it they get them later, and are joined further then). `held` says that the
    caller holds the scope's lease.
    """
    if not store.present:
        return ConsolidationReport()
    with store.read() as connection:
        scope_id = scope_row(connection, scope)
    if scope_id is None:
        return ConsolidationReport()
    lease = contextlib.nullcontext(True) if held else jobs.hold(store, scope_id, "consolidate", config.lease_seconds)
    with lease as ours:
        if not ours:
            return ConsolidationReport(busy=True)
        return _Run(store, scope_id, config, now_us, embedder, llm, max_clusters).all()


@dataclass(slots=True)
class _Run:
    """One consolidation of one scope."""

    store: MemoryStore
    scope_id: int
    config: MemoryConfig
    now_us: int
    embedder: Embedder | None
    llm: BaseChatModel | None
    max_clusters: int | None
    clusters: int = 0
    archived: int = 0
    members: int = 0
    superseded: int = 0
    levels: int = 0
    lowest: float = 0.0
    rejected: Counter[str] = field(default_factory=Counter)

    def all(self) -> ConsolidationReport:
        before = self._active()
        self._supersede()
        for level in range(self.config.level_max):
            if not self._cluster(level):
                break
        self._close()
        return ConsolidationReport(
            clusters=self.clusters + sum(self.rejected[name] for name in ("changed", "exists")),
            abstracts=self.clusters,
            archived=self.archived,
            superseded=self.superseded,
            skipped=sum(self.rejected[name] for name in ("changed", "exists", "beyond max_clusters")),
            levels=self.levels,
            threshold=round(self.lowest, 5),
            coverage=self.archived / self.members if self.members else 0.0,
            units_before=before,
            units_after=self._active(),
            rejected=dict(sorted(self.rejected.items())),
        )

    def _active(self) -> int:
        with self.store.read() as connection:
            sql = "SELECT count(*) FROM memory_unit WHERE scope_id = ? AND tier = 'active' AND hidden_us IS NULL"
            return int(connection.execute(sql, [self.scope_id]).fetchone()[0])

    # -- what is outdated -----------------------------------------------------------------------------------------

    def _supersede(self) -> None:
        with self.store.read() as connection:
            told = self._told(connection)
        pairs = superseded(told)
        if not pairs:
            return
        with self.store.write() as connection:
            for newer, older in pairs:
                self.superseded += _mark_superseded(connection, newer, older, self.now_us)

    def _told(self, connection: sqlite3.Connection) -> list[Told]:
        sql = (
            "SELECT id, uid, text, annotations, speaker, granularity, ev_start_us, ev_end_us, said_us "
            "FROM memory_unit WHERE scope_id = ? AND level = 0 AND hidden_us IS NULL "
            "AND tier IN ('active', 'phatic', 'archived') ORDER BY id"
        )
        told = []
        for id, uid, text, notes, speaker, granularity, start, end, said in connection.execute(sql, [self.scope_id]):
            for slot in slots_of(plain_text(text, notes), speaker):
                told.append(
                    Told(id, uid, slot, said, said, said)
                    if granularity == "said"
                    else Told(id, uid, slot, start, end, said)
                )
        return told

    # -- what says the same ---------------------------------------------------------------------------------------

    def _cluster(self, level: int) -> bool:
        """Join the units of a level; whether there may be something to join one level up."""
        with self.store.read() as connection:
            if level == 0 and vectors.current(connection) is None:
                self.rejected["no vectors"] += 1
                return False
            units = read_level(connection, self.scope_id, level, self.config)
            if units is None:
                return level == 0 and self._has_abstracts(connection, level + 1)
            rarity = _rarity(connection, self.scope_id)
        config = self.config
        least = threshold(units.affinity, config.cluster_quantile, config.cluster_threshold)
        left, right, close, least = close_pairs(units.affinity, units.shared, least, units.free)  # type: ignore[arg-type]
        self.lowest = least if level == 0 else self.lowest
        found = complete_linkage(left, right, close, largest=config.cluster_max, apart=units_apart(units))
        for places in found:
            if self.max_clusters is not None and self.clusters >= self.max_clusters:
                self.rejected["beyond max_clusters"] += 1
                continue
            self._join(units, places, level, rarity)
        if found:
            self.levels = level + 1
        return True

    def _has_abstracts(self, connection: sqlite3.Connection, level: int) -> bool:
        sql = "SELECT 1 FROM memory_unit WHERE scope_id = ? AND level = ? LIMIT 1"
        return connection.execute(sql, [self.scope_id, level]).fetchone() is not None

    def _join(self, units: Level, places: Sequence[int], level: int, rarity: Callable[[str], float]) -> None:
        members = [units.members[place] for place in places]
        central = places.index(medoid(units.affinity, places))
        persons = by_frequency([_shown(units.facets[place], "person") for place in places])[:MOST_PERSONS]
        abstract = made(members, central, persons, rarity, self.llm)
        vector: bytes | None = None
        if self.embedder is not None:  # outside the transaction, as it may take long
            vector = vectors.embedded(self.embedder, [abstract.text])[0][0]
        row = self._row(units, places, level, abstract, persons)
        with self.store.write() as connection:
            reason = self._write(connection, units, places, row, abstract, vector)
        if reason:
            self.rejected[reason] += 1
            return
        if abstract.problem:
            self.rejected[abstract.problem] += 1
        self.clusters += 1
        self.members += len(places)
        self.archived += sum(abstract.covered)

    def _row(
        self, units: Level, places: Sequence[int], level: int, abstract: Abstract, persons: Sequence[str]
    ) -> UnitRow:
        rows = [units.rows[place] for place in places]
        newest = max(rows, key=lambda row: (row.said_us, row.uid))
        return UnitRow(
            uid=abstract_id([units.members[place] for place in places], level + 1),
            scope_id=self.scope_id,
            kind="abstract",
            level=level + 1,
            tier="active",
            text=abstract.text,
            annotations="[]",
            ctx="",
            label=", ".join(persons),
            date_text="; ".join(_date_texts(rows)),
            grams=grams(abstract.text),
            session=common([row.session for row in rows]),
            speaker=common([row.speaker for row in rows]),
            said_us=newest.said_us,
            said_tz=newest.said_tz,
            salience=max(row.salience for row in rows),
            raw_salience=max(row.raw_salience for row in rows),
            method=abstract.method,
            verified=1,
            ev_start_us=min(row.ev_start_us for row in rows),
            ev_end_us=max(row.ev_end_us for row in rows),
            granularity=common([row.granularity for row in rows]) or "part",
            ambiguous=int(any(row.ambiguous for row in rows)),
            valid_from_us=None,
            valid_to_us=None,
            mentions=sum(row.mentions for row in rows),
            version=1,
            same=None,
            created_us=self.now_us,
            updated_us=self.now_us,
        )

    def _write(
        self,
        connection: sqlite3.Connection,
        units: Level,
        places: Sequence[int],
        row: UnitRow,
        abstract: Abstract,
        vector: bytes | None,
    ) -> str:
        """Write one cluster whole, or nothing; the reason why nothing was."""
        numbers = [units.numbers[place] for place in places]
        now = read_rows(connection, numbers)
        for number, place in zip(numbers, places, strict=True):
            there, read = now.get(number), units.rows[place]
            if there is None or (there.version, there.tier, there.hidden_us) != (read.version, read.tier, None):
                return "changed"
        known = "SELECT 1 FROM memory_unit WHERE scope_id = ? AND uid = ?"
        if connection.execute(known, [self.scope_id, row.uid]).fetchone():
            return "exists"
        sources = sorted({source for some in sources_of(connection, numbers).values() for source in some})
        facets = _united([units.facets[place] for place in places], abstract.text)
        unit = insert_unit(connection, row, sources, facets)
        connection.executemany(
            "INSERT INTO memory_link (src, dst, rel, weight) VALUES (?, ?, 'abstracts', 1.0)",
            [(unit, number) for number in numbers],
        )
        connection.executemany(
            "UPDATE memory_unit SET tier = 'archived', version = version + 1, updated_us = ? WHERE id = ?",
            [(self.now_us, number) for number, covered in zip(numbers, abstract.covered, strict=True) if covered],
        )
        model = vectors.current(connection)
        if vector is not None and model is not None:
            vectors.put(connection, self.scope_id, model, [unit], [vector])
        else:
            jobs.enqueue(connection, self.scope_id, "vectorise", once=True)
        return ""

    def _close(self) -> None:
        """Note how far this went, and what it did."""
        counts = {"abstracts": self.clusters, "archived": self.archived, "superseded": self.superseded}
        with self.store.write() as connection:
            if not self.rejected["beyond max_clusters"]:
                connection.execute(
                    "UPDATE memory_scope SET consolidated_unit = "
                    "(SELECT coalesce(max(id), 0) FROM memory_unit WHERE scope_id = :scope) WHERE id = :scope",
                    {"scope": self.scope_id},
                )
            if any(counts.values()):
                connection.execute(
                    "INSERT INTO memory_audit (scope_id, at_us, action, counts) VALUES (?, ?, 'consolidate', ?)",
                    [self.scope_id, self.now_us, json.dumps(counts)],
                )


def _mark_superseded(connection: sqlite3.Connection, newer: Told, older: Told, now_us: int) -> int:
    """Link two statements and retire the older, if both are still there and not forgotten; 1 when it was retired.

    One that tells something else too is only linked as contradicted, and stays in view.
    """
    there = connection.execute(
        "SELECT count(*) FROM memory_unit WHERE id IN (?, ?) AND hidden_us IS NULL", [newer.unit, older.unit]
    ).fetchone()[0]
    if there != 2:
        return 0
    connection.execute(
        "INSERT OR IGNORE INTO memory_link (src, dst, rel, weight) VALUES (?, ?, ?, 1.0)",
        [newer.unit, older.unit, "supersedes" if older.slot.whole else "contradicts"],
    )
    if not older.slot.whole:
        return 0
    return connection.execute(
        "UPDATE memory_unit SET tier = 'superseded', valid_to_us = ?, version = version + 1, updated_us = ? "
        "WHERE id = ? AND tier != 'superseded'",
        [newer.since_us, now_us, older.unit],
    ).rowcount


def _shown(facets: Sequence[Facet], kind: str) -> list[str]:
    return [one.shown for one in facets if one.kind == kind]


def _united(groups: Sequence[Sequence[Facet]], text: str) -> list[Facet]:
    """The persons, entities, places and topics of all members, and the keywords of the abstract itself."""
    found = {(one.kind, one.norm): one for group in groups for one in sorted(group) if one.kind != "keyword"}
    keywords: list[Facet] = []
    for word in top_words(content_words(text), 8):
        keywords.append(Facet("keyword", fold(word), word))
    return sorted([*found.values(), *keywords])


def _date_texts(rows: Sequence[UnitRow]) -> list[str]:
    """The days of the events in words, each once, at most eight, earliest first."""
    days = sorted({(row.ev_start_us + row.said_tz * 60_000_000) // DAY_US for row in rows})
    return [date_text(day * DAY_US, 0) for day in days[:8]]


def _rarity(connection: sqlite3.Connection, scope_id: int) -> Callable[[str], float]:
    """The idf of words in a scope."""
    turns = connection.execute("SELECT turns FROM memory_scope WHERE id = ?", [scope_id]).fetchone()[0]
    df = dict(connection.execute("SELECT term, df FROM memory_term_df WHERE scope_id = ?", [scope_id]).fetchall())
    unseen = math.log(turns + 1) + 0.7
    return lambda word: idf(turns, df[word]) if word in df else unseen
