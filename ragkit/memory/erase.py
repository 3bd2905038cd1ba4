"""Erasing: rows of every table, what was made of them, and the bytes they leave behind.

SQLite overwrites deleted rows with zeros when asked (`secure_delete`), but the rows a page split once moved leave
copies in the unused part of the page they came from: of 3,000 forgotten words 20 were still in the file after that, an
FTS5 `optimize` and a truncated log (measured). So the memory's tables and the full-text index are written anew, in the
transaction that deletes, which leaves only pages of what is still there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from ragkit.errors import StoreCorruptError
from ragkit.memory import jobs, vectors
from ragkit.memory.accept import plain
from ragkit.memory.config import MemoryConfig
from ragkit.memory.heard import terms_of
from ragkit.memory.rebuild import rebuild_turns
from ragkit.memory.schema import TABLES, TRIGGERS
from ragkit.memory.session import refresh_after, rerender, speakers_of
from ragkit.memory.store import bump, rows_in
from ragkit.memory.types import ForgetReport

# Those of `items`, which are there only when items were kept.
ITEMS = ("memory_item", "memory_item_text", "memory_item_fts_content")

# Tables that hold texts, words or vectors, or rows that tell which there were.
REWRITTEN = tuple(name for name in TABLES if name not in ("memory_meta", "memory_model"))


@dataclass(slots=True)
class Doomed:
    """What is to go: rows of messages and units. `rest` are units that lose some of their messages only."""

    messages: list[int] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    rest: list[int] = field(default_factory=list)


def counted(connection: sqlite3.Connection, scope_id: int, doomed: Doomed) -> ForgetReport:
    """What the erasure of these rows amounts to."""

    def count(sql: str, values: Sequence[int]) -> int:
        return sum(row[0] for row in rows_in(connection, sql, values))

    turns = "SELECT count(*) FROM memory_unit WHERE kind = 'turn' AND id IN ?"
    return ForgetReport(
        messages=len(doomed.messages),
        units=len(doomed.units),
        rebuilt=count(turns, doomed.rest),
        facets=count("SELECT count(*) FROM memory_facet WHERE unit_id IN ?", doomed.units),
        vectors=count("SELECT count(*) FROM memory_vector WHERE unit_id IN ?", doomed.units),
        links=len(_links(connection, doomed.units)),
        jobs=len(_jobs_about(connection, scope_id, doomed)[0]),
        terms=len(_terms(connection, doomed.units)),
    )


def _links(connection: sqlite3.Connection, units: Sequence[int]) -> set[tuple[int, int, str]]:
    found: set[tuple[int, int, str]] = set()
    for end in ("src", "dst"):
        found |= set(rows_in(connection, f"SELECT src, dst, rel FROM memory_link WHERE {end} IN ?", units))
    return found


def erase(
    connection: sqlite3.Connection,
    scope_id: int,
    doomed: Doomed,
    config: MemoryConfig,
    now_us: int,
    *,
    whole: bool = False,
) -> ForgetReport:
    """Delete rows and what was made of them, and mend what stays.

    Inside a write without foreign keys. The triggers are gone afterwards and the full-text index is out of date until
    `rewrite`, which the same transaction has to call.
    """
    report = counted(connection, scope_id, doomed)
    if not doomed.messages and not doomed.units:
        return report
    for trigger in TRIGGERS:
        connection.execute(f"DROP TRIGGER {trigger}")
    again = _to_extract(connection, doomed)
    kept = _kept_messages(connection, doomed)
    places = _places(connection, doomed.messages)
    speakers = {session: speakers_of(connection, scope_id, session) for session, _, _ in places}
    _release(connection, scope_id, doomed.units, now_us)
    _uncount(connection, scope_id, doomed.units)
    _forget_jobs(connection, scope_id, doomed)
    vectors.drop(connection, doomed.units)
    for table, column, rows in (
        ("memory_facet", "unit_id", doomed.units),
        ("memory_link", "src", doomed.units),
        ("memory_link", "dst", doomed.units),
        ("memory_sample", "unit_id", doomed.units),
        ("memory_unit_source", "unit_id", doomed.units),
        ("memory_unit", "id", doomed.units),
        ("memory_message", "id", doomed.messages),
    ):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(row,) for row in rows])
    if whole:
        for table in ("memory_term_df", "memory_sample", "memory_count", "memory_job"):
            connection.execute(f"DELETE FROM {table} WHERE scope_id = ?", [scope_id])
        connection.execute("DELETE FROM memory_scope WHERE id = ?", [scope_id])
    else:
        _mend_sessions(connection, scope_id, places, speakers, config, now_us)
        rebuild_turns(connection, scope_id, kept, config, now_us)
        if again:
            jobs.enqueue(connection, scope_id, "extract", {"messages": again})
    bump(connection, "vector_epoch")
    return report


def rewrite(connection: sqlite3.Connection) -> None:
    """Write the memory's tables and its full-text index anew, so that no page keeps a copy of what was deleted."""
    there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in (*REWRITTEN, *(name for name in ITEMS if name in there)):
        connection.execute(f"CREATE TEMP TABLE memory_kept AS SELECT * FROM main.{table}")
        connection.execute(f"DELETE FROM main.{table}")  # all of it: every page is given back and overwritten
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM memory_kept")
        connection.execute("DROP TABLE memory_kept")
    for index in ("memory_fts", "memory_item_fts"):
        if index in there:
            connection.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")
    for statement in TRIGGERS.values():
        connection.execute(statement)
    wrong = [row for table in TABLES for row in connection.execute(f"PRAGMA foreign_key_check({table})")]
    if wrong:
        raise StoreCorruptError(
            f"erasing would leave rows of {wrong[0][0]} without what they belong to; nothing was erased"
        )


def _kept_messages(connection: sqlite3.Connection, doomed: Doomed) -> list[int]:
    """The messages that stay though the turn they were part of goes."""
    gone = set(doomed.messages)
    sql = (
        "SELECT s.message_id FROM memory_unit_source s JOIN memory_unit u ON u.id = s.unit_id "
        "WHERE u.kind = 'turn' AND u.tier != 'superseded' AND u.id IN ?"
    )
    return sorted({row[0] for row in rows_in(connection, sql, doomed.rest)} - gone)


def _to_extract(connection: sqlite3.Connection, doomed: Doomed) -> list[int]:
    """The messages that stay though a fact a chat model made of them goes."""
    gone = set(doomed.messages)
    sql = (
        "SELECT s.message_id FROM memory_unit_source s JOIN memory_unit u ON u.id = s.unit_id "
        "WHERE u.kind = 'fact' AND u.id IN ?"
    )
    return sorted({row[0] for row in rows_in(connection, sql, doomed.rest)} - gone)


def _places(connection: sqlite3.Connection, messages: Sequence[int]) -> list[tuple[str, int, int]]:
    """Where these messages stand: session, time, sequence."""
    return sorted(rows_in(connection, "SELECT session, t_us, seq FROM memory_message WHERE id IN ?", messages))


def _release(connection: sqlite3.Connection, scope_id: int, units: Sequence[int], now_us: int) -> None:
    """Make units active again whose abstract or successor goes."""
    going = set(units)
    sql = "SELECT dst, rel FROM memory_link WHERE rel IN ('abstracts', 'supersedes') AND src IN ?"
    freed = sorted({(dst, rel) for dst, rel in rows_in(connection, sql, units) if dst not in going})
    for unit, rel in freed:
        others = {
            row[0] for row in connection.execute("SELECT src FROM memory_link WHERE dst = ? AND rel = ?", [unit, rel])
        }
        if others <= going:
            tier = "archived" if rel == "abstracts" else "superseded"
            connection.execute(
                "UPDATE memory_unit SET tier = 'active', valid_to_us = NULL, updated_us = ?, version = version + 1 "
                "WHERE id = ? AND tier = ?",
                [now_us, unit, tier],
            )
    if freed:
        connection.execute(
            "UPDATE memory_scope SET consolidated_unit = min(consolidated_unit, ?) WHERE id = ?",
            [min(unit for unit, _ in freed) - 1, scope_id],
        )
        jobs.enqueue(connection, scope_id, "consolidate", once=True)


def _terms(connection: sqlite3.Connection, units: Sequence[int]) -> dict[str, int]:
    """The words of these turns, as they were counted, and in how many of them each stands."""
    sql = (
        "SELECT m.text, m.captions FROM memory_unit u "
        "JOIN memory_message m ON m.scope_id = u.scope_id AND m.uid = u.uid "
        "WHERE u.kind = 'turn' AND u.method = 'rules' AND u.id IN ?"
    )
    found: dict[str, int] = {}
    for text, captions in rows_in(connection, sql, units):
        for term in terms_of(plain(text, json.loads(captions))):
            found[term] = found.get(term, 0) + 1
    return found


def _uncount(connection: sqlite3.Connection, scope_id: int, units: Sequence[int]) -> None:
    """Take the words of these turns out of the scope's counts; a word that is left nowhere goes."""
    terms = sorted(_terms(connection, units).items())
    connection.executemany(
        "UPDATE memory_term_df SET df = df - ? WHERE scope_id = ? AND term = ?",
        [(less, scope_id, term) for term, less in terms],
    )
    connection.executemany(
        "DELETE FROM memory_term_df WHERE scope_id = ? AND term = ? AND df <= 0",
        [(scope_id, term) for term, _ in terms],
    )
    sql = "SELECT count(*) FROM memory_unit WHERE kind = 'turn' AND method = 'rules' AND id IN ?"
    turns = sum(row[0] for row in rows_in(connection, sql, units))
    connection.execute("UPDATE memory_scope SET turns = max(0, turns - ?) WHERE id = ?", [turns, scope_id])


def _jobs_about(
    connection: sqlite3.Connection, scope_id: int, doomed: Doomed
) -> tuple[list[int], list[tuple[jobs.JobKind, dict[str, list[object]]]]]:
    """The jobs that name any of these rows, and what is left of them without."""
    messages, units = set(doomed.messages), set(doomed.units)
    touched: list[int] = []
    left: list[tuple[jobs.JobKind, dict[str, list[object]]]] = []
    for id, kind, payload in connection.execute(
        "SELECT id, kind, payload FROM memory_job WHERE scope_id = ? AND kind IN ('extract', 'near')", [scope_id]
    ):
        about = json.loads(payload)
        name = "messages" if kind == "extract" else "pairs"
        rows = about.get(name, [])
        stay = [row for row in rows if not ({row} & messages if kind == "extract" else set(row) & units)]
        if len(stay) < len(rows):
            touched.append(id)
            if stay:
                left.append((kind, {name: stay}))
    return touched, left


def _forget_jobs(connection: sqlite3.Connection, scope_id: int, doomed: Doomed) -> None:
    """Replace the jobs about these rows by what is left of them; one that is running finds itself gone and gives up."""
    touched, left = _jobs_about(connection, scope_id, doomed)
    connection.executemany("DELETE FROM memory_job WHERE id = ?", [(id,) for id in touched])
    for kind, payload in left:
        jobs.enqueue(connection, scope_id, kind, payload)
    connection.execute("UPDATE memory_job SET error = '' WHERE scope_id = ? AND error != ''", [scope_id])


def _mend_sessions(
    connection: sqlite3.Connection,
    scope_id: int,
    places: Sequence[tuple[str, int, int]],
    speakers: Mapping[str, set[str]],
    config: MemoryConfig,
    now_us: int,
) -> None:
    """Take what went out of the contexts after it, and out of whom "you" means."""
    lost = False
    for session, t_us, seq in places:
        lost |= refresh_after(connection, scope_id, session, (t_us, seq), config)
    for session, before in sorted(speakers.items()):
        now = speakers_of(connection, scope_id, session)
        if now != before:
            rerender(connection, scope_id, session, sorted(now), config, now_us)
    if lost and vectors.current(connection) is not None:
        jobs.enqueue(connection, scope_id, "vectorise", once=True)


def record(
    connection: sqlite3.Connection, scope_id: int | None, action: str, report: ForgetReport, now_us: int
) -> None:
    """Note a deletion and what it amounted to. Inside a write."""
    counts = {name: value for name, value in asdict(report).items() if value and not isinstance(value, bool)}
    note(connection, scope_id, action, counts, now_us)


def note(
    connection: sqlite3.Connection, scope_id: int | None, action: str, counts: Mapping[str, int], now_us: int
) -> None:
    """Note that something was done, and to how many rows; never to which. Inside a write."""
    connection.execute(
        "INSERT INTO memory_audit (scope_id, at_us, action, counts) VALUES (?, ?, ?, ?)",
        [scope_id, now_us, action, json.dumps(dict(counts))],
    )
