"""Forgetting: what is meant by ids and filters, at once or for the time being, and how it ends.

A hard forget erases in one transaction (see `erase`). A soft one hides: what it hid can be restored until it is purged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from ragkit.errors import InvalidValueError
from ragkit.memory import jobs
from ragkit.memory.accept import DAY_US
from ragkit.memory.conditions import where
from ragkit.memory.config import MemoryConfig
from ragkit.memory.erase import Doomed, counted, erase, record, rewrite
from ragkit.memory.items import drop_items
from ragkit.memory.look import checked_filters
from ragkit.memory.store import MemoryStore, Scope, rows_in, scope_row
from ragkit.memory.types import Filters, ForgetReport


def forget(
    store: MemoryStore,
    scope: Scope,
    *,
    ids: Sequence[str] = (),
    filters: Filters | None = None,
    everything: bool = False,
    hard: bool = True,
    dry_run: bool = False,
    config: MemoryConfig,
    now_us: int,
) -> ForgetReport:
    """Forget the messages and units of these ids and filters, or the whole scope.

    Raises `InvalidValueError` when nothing says what to forget, as an empty filter would mean everything, or when it is
    said in two ways, as one of them would have to be ignored.
    """
    checked_filters(filters)
    filters = filters or Filters()
    if not everything and not ids and filters.empty:
        raise InvalidValueError(
            "forget was told neither ids nor a filter; name what to forget, or the whole scope with everything=True"
        )
    if (bool(ids), not filters.empty, everything).count(True) > 1:
        raise InvalidValueError(
            "forget was told in two ways what to forget; give ids, a filter, or everything=True, one of them alone"
        )
    if dry_run:
        with store.read() as connection:
            return _planned(connection, scope, ids, filters, everything, hard)
    if not hard:
        with store.write() as connection:
            return _hide(connection, scope, ids, filters, everything, config, now_us)
    with store.write(foreign_keys=False) as connection:
        scope_id = scope_row(connection, scope)
        if scope_id is None:
            return ForgetReport()
        doomed = chosen(connection, scope_id, ids, filters, everything)
        if everything:
            drop_items(connection, scope)
        report = erase(connection, scope_id, doomed, config, now_us, whole=everything)
        if report.messages or report.units:
            _after(connection, scope_id, "forget", report, now_us)
    return _settled(store, report)


def purge(store: MemoryStore, scope: Scope, config: MemoryConfig, now_us: int) -> ForgetReport:
    """Erase for good what was forgotten softly longer than `tombstone_days` ago."""
    before = now_us - config.tombstone_days * DAY_US
    with store.write(foreign_keys=False) as connection:
        scope_id = scope_row(connection, scope)
        if scope_id is None:
            return ForgetReport()
        old = [
            [row[0] for row in connection.execute(f"SELECT id FROM {table} WHERE scope_id = ? AND hidden_us <= ?", key)]
            for table in ("memory_message", "memory_unit")
            for key in [[scope_id, before]]
        ]
        doomed = _closed(connection, scope_id, *old)
        report = erase(connection, scope_id, doomed, config, now_us)
        if report.messages or report.units:
            _after(connection, scope_id, "purge", report, now_us)
        if connection.execute("SELECT 1 FROM memory_unit WHERE scope_id = ? AND hidden_us > 0", [scope_id]).fetchone():
            jobs.enqueue(connection, scope_id, "purge", after_us=_expiry(config), once=True)
    return _settled(store, report)


def _expiry(config: MemoryConfig) -> int:
    return jobs.wall_us() + config.tombstone_days * DAY_US


def _after(connection: sqlite3.Connection, scope_id: int, action: str, report: ForgetReport, now_us: int) -> None:
    """What follows a deletion in its transaction: everything written anew, a job that empties the log, a record."""
    rewrite(connection)
    jobs.enqueue(connection, None, "erase", once=True)
    alive = connection.execute("SELECT 1 FROM memory_scope WHERE id = ?", [scope_id]).fetchone()
    record(connection, scope_id if alive else None, action, report, now_us)


def _settled(store: MemoryStore, report: ForgetReport) -> ForgetReport:
    if not report.messages and not report.units:
        return report
    return replace(report, pending=not finish(store))


def finish(store: MemoryStore) -> bool:
    """Empty the write-ahead log of what was erased; False while a reader of an older state prevents it."""
    if not store.checkpoint():
        return False
    with store.read() as connection:
        waiting = connection.execute("SELECT 1 FROM memory_job WHERE kind = 'erase' LIMIT 1").fetchone()
    if waiting:
        with store.write(changes=False) as connection:
            connection.execute("DELETE FROM memory_job WHERE kind = 'erase'")
    return True


def chosen(
    connection: sqlite3.Connection, scope_id: int, ids: Sequence[str], filters: Filters, everything: bool
) -> Doomed:
    """The rows that ids and filters mean, with all that hangs on them.

    An id may be a message's or a unit's; a unit takes its messages with it, a part of a long message the other parts.
    Raises `InvalidValueError` for an id the scope does not have.
    """
    if everything:
        rows = [
            [row[0] for row in connection.execute(f"SELECT id FROM {table} WHERE scope_id = ?", [scope_id])]
            for table in ("memory_message", "memory_unit")
        ]
        return Doomed(*rows)
    messages: set[int] = set()
    units: set[int] = set()
    for uid in ids:
        message, unit = (
            connection.execute(f"SELECT id FROM {table} WHERE scope_id = ? AND uid = ?", [scope_id, uid]).fetchone()
            for table in ("memory_message", "memory_unit")
        )
        if message is None and unit is None:
            raise InvalidValueError(f"there is no message or unit {uid!r} in this scope; nothing was changed")
        # The unit of a message bears its id; asked for by it, it is the message that goes.
        if message is not None:
            messages.add(message[0])
        else:
            units.add(unit[0])
    if not filters.empty:
        condition, values = where(filters)
        sql = f"SELECT u.id FROM memory_unit u WHERE u.scope_id = ? AND {condition}"
        units |= {row[0] for row in connection.execute(sql, [scope_id, *values])}
    return _closed(connection, scope_id, sorted(messages), sorted(units))


def _closed(connection: sqlite3.Connection, scope_id: int, messages: Sequence[int], units: Sequence[int]) -> Doomed:
    """All rows that must go with these: the messages of turns, the parts of messages, the units that cite them."""
    gone = set(messages)
    # An abstract or a fact that is asked for by itself goes alone; a turn is its messages.
    turns = [row[0] for row in rows_in(connection, "SELECT id FROM memory_unit WHERE kind = 'turn' AND id IN ?", units)]
    gone |= {
        row[0] for row in rows_in(connection, "SELECT message_id FROM memory_unit_source WHERE unit_id IN ?", turns)
    }
    firsts = {
        row[0]
        for row in rows_in(
            connection, "SELECT part_of FROM memory_message WHERE part_of IS NOT NULL AND id IN ?", sorted(gone)
        )
    }
    gone |= {row[0] for row in rows_in(connection, "SELECT id FROM memory_message WHERE part_of IN ?", sorted(firsts))}
    citing = {
        row[0]
        for row in rows_in(connection, "SELECT unit_id FROM memory_unit_source WHERE message_id IN ?", sorted(gone))
    }
    going = set(units) | citing
    partly = set()
    sql = "SELECT unit_id, message_id FROM memory_unit_source WHERE unit_id IN ?"
    for unit, message in rows_in(connection, sql, sorted(citing)):
        if message not in gone:
            partly.add(unit)
    return Doomed(sorted(gone), sorted(going), sorted(partly))


def _planned(
    connection: sqlite3.Connection,
    scope: Scope,
    ids: Sequence[str],
    filters: Filters,
    everything: bool,
    hard: bool,
) -> ForgetReport:
    scope_id = scope_row(connection, scope)
    if scope_id is None:
        return ForgetReport(hard=hard, dry_run=True)
    doomed = chosen(connection, scope_id, ids, filters, everything)
    return replace(counted(connection, scope_id, doomed), hard=hard, dry_run=True)


def _hide(
    connection: sqlite3.Connection,
    scope: Scope,
    ids: Sequence[str],
    filters: Filters,
    everything: bool,
    config: MemoryConfig,
    now_us: int,
) -> ForgetReport:
    scope_id = scope_row(connection, scope)
    if scope_id is None:
        return ForgetReport(hard=False)
    doomed = chosen(connection, scope_id, ids, filters, everything)
    hidden = [0, 0]
    for place, (table, rows) in enumerate((("memory_message", doomed.messages), ("memory_unit", doomed.units))):
        for row in rows:
            sql = f"UPDATE {table} SET hidden_us = ? WHERE id = ? AND hidden_us IS NULL"
            hidden[place] += connection.execute(sql, [now_us, row]).rowcount
    report = ForgetReport(messages=hidden[0], units=hidden[1], hard=False)
    if any(hidden):
        jobs.enqueue(connection, scope_id, "purge", after_us=_expiry(config), once=True)
        record(connection, scope_id, "hide", report, now_us)
    return report


def restore(store: MemoryStore, scope: Scope, ids: Sequence[str], now_us: int) -> int:
    """Undo a soft forget of these ids, of all that was softly forgotten when there are none; how many units return."""
    with store.write() as connection:
        scope_id = scope_row(connection, scope)
        if scope_id is None:
            return 0
        if ids:
            doomed = chosen(connection, scope_id, ids, Filters(), False)
        else:
            doomed = chosen(connection, scope_id, (), Filters(), True)
        back = 0
        for table, rows in (("memory_message", doomed.messages), ("memory_unit", doomed.units)):
            for row in rows:
                sql = f"UPDATE {table} SET hidden_us = NULL WHERE id = ? AND hidden_us IS NOT NULL"
                changed = connection.execute(sql, [row]).rowcount
                back += changed if table == "memory_unit" else 0
        if back:
            record(connection, scope_id, "restore", ForgetReport(units=back, hard=False), now_us)
    return back
