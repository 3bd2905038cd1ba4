"""Work that may come later: a queue in the file itself, from which any thread of any process takes leased jobs.

A job says which rows it is about, never what they hold. A process that dies leaves its lease to run out; then another
takes the job over. What fails is tried again later, some times, then kept as failed with what went wrong.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ragkit.memory.store import MemoryStore

JobKind = Literal["near", "vectorise", "extract", "consolidate", "erase", "purge"]

FIRST_PAUSE = 2.0  # seconds before a failed job is tried again; doubled every time
LONGEST_PAUSE = 300.0
DEATHS = 10  # how often a job is taken over from a process that died, before it is given up


@dataclass(frozen=True, slots=True)
class Job:
    """A job that is ours until its lease runs out."""

    id: int
    scope_id: int | None
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    owner: str


def wall_us() -> int:
    """Now in microseconds; leases go by the clock of the machine, whatever clock the memory was given."""
    return time.time_ns() // 1000


def owner() -> str:
    """Who takes jobs: this thread of this process."""
    return f"{os.getpid()}.{threading.get_ident()}.{random.getrandbits(32):x}"


def enqueue(
    connection: sqlite3.Connection,
    scope_id: int | None,
    kind: JobKind,
    payload: Mapping[str, Any] | None = None,
    *,
    after_us: int = 0,
    once: bool = False,
) -> None:
    """Queue a job, inside a write. With `once` nothing is queued when such a job of the scope waits already."""
    if (
        once
        and connection.execute(
            "SELECT 1 FROM memory_job WHERE scope_id IS ? AND kind = ? AND state = 'waiting'", [scope_id, kind]
        ).fetchone()
    ):
        return
    connection.execute(
        "INSERT INTO memory_job (scope_id, kind, payload, state, run_after_us) VALUES (?, ?, ?, 'waiting', ?)",
        [scope_id, kind, json.dumps(payload or {}), after_us],
    )


def enqueue_extraction(
    connection: sqlite3.Connection, scope_id: int, messages: Sequence[int], most: int, delay_seconds: float
) -> None:
    """Queue messages to be extracted from, joining them to those that wait, so that one call asks about many.

    A job of `most` messages is due at once, a smaller one after a while. Inside a write.
    """
    left = list(messages)
    found = connection.execute(
        "SELECT id, payload FROM memory_job WHERE scope_id = ? AND kind = 'extract' AND state = 'waiting' "
        "AND attempts = 0 ORDER BY id DESC LIMIT 1",
        [scope_id],
    ).fetchone()
    if found:
        waiting = json.loads(found[1])["messages"]
        if len(waiting) < most:
            connection.execute("DELETE FROM memory_job WHERE id = ?", [found[0]])
            left = waiting + left
    for start in range(0, len(left), most):
        part = left[start : start + most]
        after = 0 if len(part) == most else wall_us() + int(delay_seconds * 1e6)
        enqueue(connection, scope_id, "extract", {"messages": part}, after_us=after)


def enqueue_consolidation(connection: sqlite3.Connection, scope_id: int, after_us: int) -> None:
    """Queue the consolidation of a scope, or put off the one that waits; 0 makes it due. Inside a write."""
    enqueue(connection, scope_id, "consolidate", after_us=after_us, once=True)
    connection.execute(
        "UPDATE memory_job SET run_after_us = ? WHERE scope_id = ? AND kind = 'consolidate' AND state = 'waiting' "
        "AND attempts = 0 AND run_after_us > 0",
        [after_us, scope_id],
    )


# One consolidation at a time, whoever runs it.
_READY = (
    "((state = 'waiting' AND (run_after_us <= :now OR (:early AND attempts = 0))) "
    "OR (state = 'running' AND lease_until_us < :now)) "
    "AND NOT (kind = 'consolidate' AND EXISTS (SELECT 1 FROM memory_job o WHERE o.scope_id IS memory_job.scope_id "
    "AND o.kind = 'consolidate' AND o.state = 'running' AND o.lease_until_us >= :now))"
)


def claim(
    store: MemoryStore,
    scope_id: int | None,
    kinds: Sequence[str],
    lease_seconds: float,
    *,
    early: bool = False,
    newest: int | None = None,
) -> Job | None:
    """The oldest job of these kinds that is due, leased to the caller; None when there is none.

    Jobs without a scope are anybody's. `early` takes jobs whose time has not come, unless they wait to be tried again;
    `newest` bounds the number of the job.
    """
    now = wall_us()
    values = {"now": now, "early": early, "scope": scope_id, "newest": 2**62 if newest is None else newest}
    marks = ", ".join(f"'{kind}'" for kind in kinds)
    sql = (
        "SELECT id, scope_id, kind, payload, attempts FROM memory_job WHERE (scope_id IS :scope OR scope_id IS NULL) "
        f"AND kind IN ({marks}) AND id <= :newest AND {_READY} ORDER BY id LIMIT 1"
    )
    with store.read() as connection:
        if connection.execute(sql, values).fetchone() is None:
            return None
    me = owner()
    with store.write(changes=False) as connection:
        connection.execute(
            "UPDATE memory_job SET state = 'failed', error = 'its process died again and again' "
            "WHERE state = 'running' AND kind != 'erase' AND lease_until_us < ? AND attempts >= ?",
            [now, DEATHS],
        )
        found = connection.execute(sql, values).fetchone()
        if found is None:
            return None
        connection.execute(
            "UPDATE memory_job SET state = 'running', lease_until_us = ?, lease_owner = ?, attempts = attempts + 1 "
            "WHERE id = ?",
            [now + int(lease_seconds * 1e6), me, found[0]],
        )
        return Job(found[0], found[1], found[2], json.loads(found[3]), found[4] + 1, me)


def held(connection: sqlite3.Connection, job: Job) -> bool:
    """Whether a job is still ours; to be asked in the transaction that writes what it found."""
    return bool(
        connection.execute(
            "SELECT 1 FROM memory_job WHERE id = ? AND lease_owner = ? AND state = 'running'", [job.id, job.owner]
        ).fetchone()
    )


def finish(connection: sqlite3.Connection, job: Job) -> None:
    """A job is done, and gone. Inside a write."""
    connection.execute("DELETE FROM memory_job WHERE id = ? AND lease_owner = ?", [job.id, job.owner])
    if not job.payload:  # it did for the whole scope what earlier ones failed to do
        connection.execute(
            "DELETE FROM memory_job WHERE scope_id IS ? AND kind = ? AND state = 'failed'", [job.scope_id, job.kind]
        )


def fail(store: MemoryStore, job: Job, error: str, most: int) -> None:
    """A job failed: it waits for another try, or after `most` of them stays as failed. `error` must hold no content."""
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (job.attempts - 1)) * random.uniform(0.5, 1.5)
    state = "failed" if job.attempts >= most else "waiting"
    with store.write(changes=False) as connection:
        connection.execute(
            "UPDATE memory_job SET state = ?, run_after_us = ?, lease_until_us = 0, lease_owner = '', error = ? "
            "WHERE id = ? AND lease_owner = ?",
            [state, wall_us() + int(pause * 1e6), error[:200], job.id, job.owner],
        )


@contextlib.contextmanager
def hold(store: MemoryStore, scope_id: int, kind: JobKind, seconds: float) -> Iterator[bool]:
    """Hold the one lease of a scope for a kind of work; False when somebody else has it."""
    me = owner()
    with store.write(changes=False) as connection:
        busy = connection.execute(
            "SELECT 1 FROM memory_job WHERE scope_id = ? AND kind = ? AND state = 'running' AND lease_until_us >= ?",
            [scope_id, kind, wall_us()],
        ).fetchone()
        if not busy:
            connection.execute(
                "DELETE FROM memory_job WHERE scope_id = ? AND kind = ? AND state = 'running'", [scope_id, kind]
            )
            connection.execute(
                "INSERT INTO memory_job (scope_id, kind, payload, state, run_after_us, lease_until_us, lease_owner) "
                "VALUES (?, ?, '{}', 'running', 0, ?, ?)",
                [scope_id, kind, wall_us() + int(seconds * 1e6), me],
            )
    try:
        yield not busy
    finally:
        if not busy:
            with store.write(changes=False) as connection:
                connection.execute("DELETE FROM memory_job WHERE lease_owner = ?", [me])


def renew(connection: sqlite3.Connection, job: Job, seconds: float) -> None:
    """Extend the lease of a job that takes long. Inside a write."""
    connection.execute(
        "UPDATE memory_job SET lease_until_us = ? WHERE id = ? AND lease_owner = ?",
        [wall_us() + int(seconds * 1e6), job.id, job.owner],
    )


def waiting(store: MemoryStore, scope_id: int | None, kinds: Sequence[str], newest: int) -> int:
    """How many jobs of these kinds, up to this number, wait or run."""
    marks = ", ".join(f"'{kind}'" for kind in kinds)
    with store.read() as connection:
        return int(
            connection.execute(
                f"SELECT count(*) FROM memory_job WHERE scope_id IS ? AND kind IN ({marks}) AND id <= ? "
                "AND state IN ('waiting', 'running')",
                [scope_id, newest],
            ).fetchone()[0]
        )


def newest(store: MemoryStore) -> int:
    """The number of the newest job, 0 without one."""
    with store.read() as connection:
        return int(connection.execute("SELECT coalesce(max(id), 0) FROM memory_job").fetchone()[0])
