"""Whether a memory is consistent, how much it holds, and what was done to it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from typing import Any

from ragkit.errors import InvalidValueError
from ragkit.memory import fill, vectors
from ragkit.memory.accept import plain
from ragkit.memory.annotate import strip
from ragkit.memory.config import MemoryConfig
from ragkit.memory.derive import BETWEEN
from ragkit.memory.heard import terms_of
from ragkit.memory.schema import TABLES
from ragkit.memory.session import texts_before
from ragkit.memory.store import MemoryStore, Scope, scope_row
from ragkit.memory.types import CheckReport, MemoryStats, from_us

MOST = 20  # rows named for one kind of problem

_NO_JSON = "messages with captions or metadata that are no JSON"
# What there must be no row of, and what is wrong when there is.
_NONE = {
    "units without a message": (
        "SELECT id FROM memory_unit u WHERE NOT EXISTS (SELECT 1 FROM memory_unit_source s WHERE s.unit_id = u.id)"
    ),
    "messages without a unit": (
        "SELECT m.id FROM memory_message m WHERE NOT EXISTS (SELECT 1 FROM memory_unit_source s JOIN memory_unit u "
        "ON u.id = s.unit_id WHERE s.message_id = m.id AND u.kind = 'turn')"
    ),
    "units that cite a message of another scope": (
        "SELECT u.id FROM memory_unit u JOIN memory_unit_source s ON s.unit_id = u.id "
        "JOIN memory_message m ON m.id = s.message_id WHERE m.scope_id != u.scope_id"
    ),
    "links between scopes": (
        "SELECT a.id FROM memory_link l JOIN memory_unit a ON a.id = l.src JOIN memory_unit b ON b.id = l.dst "
        "WHERE a.scope_id != b.scope_id"
    ),
    "facets of another scope than their unit": (
        "SELECT u.id FROM memory_facet f JOIN memory_unit u ON u.id = f.unit_id WHERE f.scope_id != u.scope_id"
    ),
    "vectors of another scope than their unit": (
        "SELECT u.id FROM memory_vector v JOIN memory_unit u ON u.id = v.unit_id WHERE v.scope_id != u.scope_id"
    ),
    "vectors of the wrong size": (
        "SELECT v.unit_id FROM memory_vector v JOIN memory_model m ON m.id = v.model WHERE length(v.v) != 4 * m.dim"
    ),
    "parts without a first part": (
        "SELECT m.id FROM memory_message m WHERE m.part_of IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM memory_message f WHERE f.id = m.part_of)"
    ),
    "saliences without their unit": (
        "SELECT slot FROM memory_sample s WHERE kind = 'salience' "
        "AND NOT EXISTS (SELECT 1 FROM memory_unit u WHERE u.id = s.unit_id)"
    ),
    "archived units without an abstract": (
        "SELECT u.id FROM memory_unit u WHERE u.tier = 'archived' AND NOT EXISTS "
        "(SELECT 1 FROM memory_link l WHERE l.dst = u.id AND l.rel = 'abstracts')"
    ),
    "units with as many mentions as they have no messages for": (
        "SELECT u.id FROM memory_unit u WHERE u.kind = 'turn' AND u.mentions != "
        "(SELECT count(*) FROM memory_unit_source s WHERE s.unit_id = u.id)"
    ),
    _NO_JSON: "SELECT id FROM memory_message WHERE NOT json_valid(captions) OR NOT json_valid(metadata)",
    "units of no known kind or tier": (
        "SELECT id FROM memory_unit WHERE kind NOT IN ('turn', 'fact', 'abstract') "
        "OR tier NOT IN ('active', 'phatic', 'archived', 'superseded')"
    ),
    "jobs in no known state": "SELECT id FROM memory_job WHERE state NOT IN ('waiting', 'running', 'failed')",
}


def check(store: MemoryStore, config: MemoryConfig) -> CheckReport:
    """See `Memory.check`. Looks at all scopes of the file."""
    if not store.present:
        return CheckReport()
    problems: list[str] = []
    if not store.read_only:
        problems += _index_problems(store)
    with store.read() as connection:
        problems += [f"damaged: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        for table in TABLES:
            rows = connection.execute(f"PRAGMA foreign_key_check({table})").fetchall()
            if rows:
                problems.append(f"{table}: rows {_named([row[1] for row in rows])} belong to nothing in {rows[0][2]}")
        for what, sql in _NONE.items():
            found = [row[0] for row in connection.execute(sql)]
            if found:
                problems.append(f"{what}: {_named(found)}")
        if any(problem.startswith(_NO_JSON) for problem in problems):
            return CheckReport(tuple(problems))  # texts with such captions cannot be compared
        problems += _text_problems(connection, config)
        for (scope_id,) in connection.execute("SELECT id FROM memory_scope").fetchall():
            problems += _count_problems(connection, scope_id)
    return CheckReport(tuple(problems))


def _named(rows: list[Any]) -> str:
    more = f" and {len(rows) - MOST} more" if len(rows) > MOST else ""
    return ", ".join(map(str, rows[:MOST])) + more


def _index_problems(store: MemoryStore) -> list[str]:
    """FTS5's own check: its index against the texts, both ways."""
    with store.write(changes=False) as connection:
        try:
            connection.execute("INSERT INTO memory_fts (memory_fts, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError as error:
            return [f"the full-text index differs from the texts ({error}); import an export into a new file"]
    return []


def _text_problems(connection: sqlite3.Connection, config: MemoryConfig) -> list[str]:
    """Units whose annotations do not come out, or whose context is not what stands before their message."""
    broken, stale = [], []
    rows = connection.execute(
        "SELECT u.id, u.scope_id, u.text, u.annotations, u.ctx, m.session, m.text, m.t_us, m.seq FROM memory_unit u "
        "JOIN memory_message m ON m.scope_id = u.scope_id AND m.uid = u.uid WHERE u.method = 'rules'"
    )
    for id, scope_id, text, notes, ctx, session, said, t_us, seq in rows:
        try:
            whole = strip(text, [(offset, string) for offset, string in json.loads(notes)])
        except (InvalidValueError, ValueError):
            whole = None
        if whole != said:
            broken.append(id)
        if config.ctx_before:
            before = texts_before(connection, scope_id, session, t_us, seq, config.ctx_before)
            if ctx != BETWEEN.join(before):
                stale.append(id)
    problems = []
    if broken:
        problems.append(f"units that do not give back their message: {_named(broken)}")
    if stale:
        problems.append(f"units whose context is not what was said before (other ctx_before?): {_named(stale)}")
    return problems


def _count_problems(connection: sqlite3.Connection, scope_id: int) -> list[str]:
    """Counts that differ from what they count."""
    counted: Counter[str] = Counter()
    turns = 0
    for text, captions in connection.execute(
        "SELECT m.text, m.captions FROM memory_unit u JOIN memory_message m ON m.scope_id = u.scope_id "
        "AND m.uid = u.uid WHERE u.scope_id = ? AND u.method = 'rules'",
        [scope_id],
    ):
        turns += 1
        counted.update(terms_of(plain(text, json.loads(captions))))
    kept = dict(connection.execute("SELECT term, df FROM memory_term_df WHERE scope_id = ?", [scope_id]).fetchall())
    problems = []
    wrong = sum(kept.get(term) != counted.get(term) for term in kept.keys() | counted.keys())
    if wrong:
        problems.append(f"scope {scope_id}: the counts of {wrong} words are wrong")
    (known,) = connection.execute("SELECT turns FROM memory_scope WHERE id = ?", [scope_id]).fetchone()
    if known != turns:
        problems.append(f"scope {scope_id}: {known} turns are counted, {turns} are there")
    return problems


def stats(store: MemoryStore, scope: Scope, config: MemoryConfig) -> MemoryStats:
    """See `Memory.stats`."""
    nothing = MemoryStats(0, 0, (), {}, {}, 0, 0, "", {})
    if not store.present:
        return nothing
    with store.read() as connection:
        scope_id = scope_row(connection, scope)
        if scope_id is None:
            return nothing

        def one(sql: str) -> Any:
            return connection.execute(sql, {"scope": scope_id}).fetchone()

        def pairs(sql: str) -> dict[str, int]:
            return dict(connection.execute(sql, {"scope": scope_id}).fetchall())

        said = "FROM memory_message WHERE scope_id = :scope AND hidden_us IS NULL"
        messages, sessions, first, last = one(f"SELECT count(*), count(DISTINCT session), min(t_us), max(t_us) {said}")
        speakers = connection.execute(
            f"SELECT DISTINCT speaker {said} ORDER BY speaker", {"scope": scope_id}
        ).fetchall()
        model = vectors.current(connection)
        return MemoryStats(
            messages=messages,
            sessions=sessions,
            speakers=tuple(row[0] for row in speakers),
            units=pairs(
                "SELECT kind || '/' || tier, count(*) FROM memory_unit WHERE scope_id = :scope AND hidden_us IS NULL "
                "GROUP BY 1 ORDER BY 1"
            ),
            facets=pairs(
                "SELECT kind, count(DISTINCT norm) FROM memory_facet WHERE scope_id = :scope GROUP BY 1 ORDER BY 1"
            ),
            vectors=one(
                f"SELECT count(*) FROM memory_vector WHERE scope_id = :scope AND model = {model.id if model else 0}"
            )[0],
            without_vector=fill.lacking(connection, scope_id, model.id) if model else 0,
            embedder=model.fingerprint if model else "",
            jobs=pairs(
                "SELECT kind || '/' || state, count(*) FROM memory_job WHERE scope_id = :scope OR scope_id IS NULL "
                "GROUP BY 1 ORDER BY 1"
            ),
            errors=tuple(
                f"{kind}: {error}"
                for kind, error in connection.execute(
                    "SELECT kind, error FROM memory_job WHERE (scope_id = ? OR scope_id IS NULL) AND error != '' "
                    "ORDER BY id DESC LIMIT 10",
                    [scope_id],
                )
            ),
            rejected=pairs("SELECT name, value FROM memory_count WHERE scope_id = :scope ORDER BY name"),
            forgotten=one("SELECT count(*) FROM memory_unit WHERE scope_id = :scope AND hidden_us IS NOT NULL")[0],
            first=None if first is None else from_us(first),
            last=None if last is None else from_us(last),
        )


def audit(store: MemoryStore, scope: Scope, limit: int) -> list[dict[str, Any]]:
    """See `Memory.audit`."""
    if not store.present:
        return []
    with store.read() as connection:
        scope_id = scope_row(connection, scope)
        rows = connection.execute(
            "SELECT at_us, action, counts FROM memory_audit WHERE scope_id = ? ORDER BY id DESC LIMIT ?",
            [scope_id, limit],
        ).fetchall()
        return [{"time": from_us(at), "action": action, **json.loads(counts)} for at, action, counts in rows]
