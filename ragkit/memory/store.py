"""The file of a memory: a connection for each thread, snapshots to read in, transactions to write in.

A memory lives in an ordinary ragkit store, beside the documents of a knowledge base or alone. Any number of threads and
processes may read and write it: readers see one committed state and never wait, writers take turns. Deleted rows are
overwritten with zeros.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ragkit.errors import InvalidValueError, StoreBusyError, StoreError, StoreVersionError
from ragkit.memory.schema import VERSION, migrations, version_of
from ragkit.memory.types import sound
from ragkit.store.connection import connect, translated

BUSY_MS = 5_000  # how long SQLite itself waits for a lock; after that we pause for a random time and try again
CLOSE_SECONDS = 10.0  # how long closing waits for a thread that is reading or writing
MANY = 30_000  # values per statement; SQLite allows 32,766 since 3.32

Scope = tuple[str, ...]

_left_behind: list[object] = []  # connections of a parent process: a child may neither use nor close them


class _Local(threading.local):
    """What a thread holds: its connection, a lock held while it is used, and for which process and opening it is."""

    def __init__(self) -> None:
        self.connection: sqlite3.Connection | None = None
        self.lock = threading.RLock()
        self.token: object = None


class _Opened:
    """A connection that is closed when its thread is gone, or does not use it: closing one in use ends the process."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.RLock) -> None:
        self.connection, self.lock = connection, lock
        self.thread = weakref.ref(threading.current_thread())

    @property
    def orphaned(self) -> bool:
        thread = self.thread()
        return thread is None or not thread.is_alive()

    def close(self) -> None:
        """Close it; one that stays in use for too long is left to its thread."""
        if self.orphaned:
            self.connection.close()
        elif self.lock.acquire(timeout=CLOSE_SECONDS):
            try:
                self.connection.close()
            finally:
                self.lock.release()


class MemoryStore:
    """See the module. `":memory:"` is one connection for all threads, which take turns.

    Opening makes the file and the memory's tables where they are missing, unless `create` is False or `read_only` True.
    Raises `StoreError` and its children: `StoreVersionError` for a file of a newer version.
    """

    def __init__(
        self, path: str | Path, *, create: bool = True, read_only: bool = False, busy_seconds: float = 30.0
    ) -> None:
        self.path = str(path)
        self.file = self.path if self.path == ":memory:" else str(Path(path).absolute())
        self.create, self.read_only, self.busy_seconds = create, read_only, busy_seconds
        self._local = _Local()
        self._token = object()  # what connections opened before a close, or in a parent process, do not have
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._opened: list[_Opened] = []
        self._shared: sqlite3.Connection | None = None
        self._closed = False
        self._present = self._prepare(self._connection())

    @property
    def present(self) -> bool:
        """Whether the file holds a memory; looks again as long as it does not."""
        self._present = self._present or self._prepare(self._connection())
        return self._present

    # -- connections ----------------------------------------------------------------------------------------------

    @property
    def in_memory(self) -> bool:
        """Whether the store vanishes with the process."""
        return self.file == ":memory:"

    def _connection(self) -> sqlite3.Connection:
        self._after_fork()
        self._check_open()
        if self.in_memory:
            with self._lock:
                self._shared = self._shared or self._open()
                return self._shared
        local = self._local
        if local.connection is None or local.token is not self._token:
            with self._lock:
                self._close_orphans()
                local.connection, local.token = self._open(), self._token
                self._opened.append(_Opened(local.connection, local.lock))
        return local.connection

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"the memory {self.path} was closed; open it again")

    def _after_fork(self) -> None:
        if os.getpid() == self._pid:
            return
        if self.in_memory:
            raise StoreError("a memory without a file cannot be used in a forked process; give it a file")
        _left_behind.extend([self._opened, self._local.connection])
        self._pid, self._token, self._opened = os.getpid(), object(), []
        self._lock = threading.RLock()  # another thread of the parent may have held it

    def _open(self) -> sqlite3.Connection:
        db = connect(self.file, create=self.create and not self.read_only, read_only=self.read_only)
        connection: sqlite3.Connection = db.conn
        connection.isolation_level = None
        with translated(self.path):
            connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            connection.execute("PRAGMA secure_delete = ON")
        return connection

    def _close_orphans(self) -> None:
        for opened in [opened for opened in self._opened if opened.orphaned]:
            opened.connection.close()
            self._opened.remove(opened)

    def close(self) -> None:
        """Close the connections of all threads, each when what it does is done; closing twice is harmless."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            self._closed, self._token = True, object()
            opened, self._opened = self._opened, []
            if self._shared is not None:
                self._shared.close()
                self._shared = None
        for one in opened:
            one.close()

    def _prepare(self, connection: sqlite3.Connection) -> bool:
        with translated(self.path):
            version = version_of(connection)
            if version > VERSION:
                self.close()
                raise StoreVersionError(
                    f"the memory in {self.path} was written by a newer ragkit (memory version {version}, this one "
                    f"knows {VERSION}); upgrade with `pip install -U ragkit`"
                )
            if version == VERSION:
                return True
            if self.read_only or not self.create:
                return False
        with self._immediate(connection):
            if version_of(connection) != VERSION:  # another process may have been first
                _migrate(connection)
        return True

    # -- reading and writing --------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Everything read inside comes from one committed state. Inside `write` it is that transaction."""
        connection = self._connection()
        if not self.present:
            raise StoreError(f"{self.path} holds no memory; add a message first")
        with self._turn(), translated(self.path):
            if connection.in_transaction:
                yield connection
                return
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                connection.rollback()

    @contextlib.contextmanager
    def write(self, *, foreign_keys: bool = True, changes: bool = True) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it or nothing. Not to be nested.

        Waits for other writers, up to `busy_seconds`, then raises `StoreBusyError`. `foreign_keys` off is for rewriting
        tables; whoever asks for it checks them. `changes` False is for what no reader sees, such as the state of a job.
        """
        connection = self._connection()
        if self.read_only:
            raise StoreError(f"{self.path} was opened read-only; open it without read_only to change it")
        if not self.present:
            raise StoreError(f"{self.path} holds no memory; open it with create=True to add one")
        with self._turn(), self._immediate(connection, foreign_keys=foreign_keys):
            yield connection
            if changes:
                bump(connection, "generation")

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Keep this thread's connection from being closed. Raises `StoreError` when it was."""
        with self._lock if self.in_memory else self._local.lock:
            self._check_open()
            yield

    @contextlib.contextmanager
    def _immediate(self, connection: sqlite3.Connection, *, foreign_keys: bool = True) -> Iterator[None]:
        if connection.in_transaction:
            raise StoreError(f"{self.path}: a write was begun inside a read or another write of the same thread")
        with translated(self.path):
            try:
                if not foreign_keys:
                    connection.execute("PRAGMA foreign_keys = OFF")
                self._begin(connection)
                yield
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise
            finally:
                if not foreign_keys:
                    connection.execute("PRAGMA foreign_keys = ON")

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Begin to write, trying again after random pauses while others do."""
        until = time.monotonic() + self.busy_seconds
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                    raise
                if time.monotonic() >= until:
                    raise StoreBusyError(
                        f"{self.path} is being written by others and stayed locked for {self.busy_seconds:g} s; "
                        "nothing was written, try again"
                    ) from error
            time.sleep(random.uniform(0.001, 0.02))

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the file and empty it; False when a reader of an older state prevents it."""
        if self.in_memory:
            return True
        connection = self._connection()
        with self._turn(), translated(self.path):
            connection.execute("PRAGMA busy_timeout = 500")
            try:
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError as error:
                if not str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                    raise
                return False
            finally:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        return not busy

    # -- small facts ----------------------------------------------------------------------------------------------

    def generation(self, connection: sqlite3.Connection) -> int:
        """A number that grows with every commit to the memory, by any process."""
        return number(connection, "generation")

    def scope_id(self, scope: Scope) -> int | None:
        """The number of a scope, None when it holds nothing yet."""
        with self.read() as connection:
            return scope_row(connection, scope)

    def scopes(self) -> list[Scope]:
        """All scopes that hold or held something, in the order they were made."""
        with self.read() as connection:
            return [tuple(json.loads(path)) for (path,) in connection.execute("SELECT path FROM memory_scope")]


def _migrate(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database

    migrations().apply(Database(connection, execute_plugins=False))
    connection.execute("INSERT INTO memory_meta VALUES ('schema_version', ?)", [str(VERSION)])
    if sqlite3.sqlite_version_info >= (3, 42):
        connection.execute("INSERT INTO memory_fts (memory_fts, rank) VALUES ('secure-delete', 1)")


def scope_row(connection: sqlite3.Connection, scope: Scope) -> int | None:
    """The number of a scope, None when it holds nothing yet."""
    path = json.dumps(scope, ensure_ascii=False)
    found = connection.execute("SELECT id FROM memory_scope WHERE path = ?", [path]).fetchone()
    return int(found[0]) if found else None


def made_scope(connection: sqlite3.Connection, scope: Scope) -> int:
    """The number of a scope, made when it is new; inside a write."""
    found = scope_row(connection, scope)
    if found is None:
        path = json.dumps(scope, ensure_ascii=False)
        found = connection.execute("INSERT INTO memory_scope (path) VALUES (?)", [path]).lastrowid
    return int(found or 0)


def number(connection: sqlite3.Connection, key: str) -> int:
    """A number kept under a key in the memory's own settings, 0 when there is none."""
    found = connection.execute("SELECT value FROM memory_meta WHERE key = ?", [key]).fetchone()
    return int(found[0]) if found else 0


def bump(connection: sqlite3.Connection, key: str) -> None:
    """Count a number up by one."""
    connection.execute(
        "INSERT INTO memory_meta VALUES (?, '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1",
        [key],
    )


def rows_in(
    connection: sqlite3.Connection, sql: str, values: Sequence[Any], before: Sequence[Any] = ()
) -> Iterator[Any]:
    """Rows of a query whose last part is `IN (?…)`, written `IN ?` in `sql`, for any number of values."""
    for start in range(0, len(values), MANY):
        part = values[start : start + MANY]
        yield from connection.execute(sql.replace("IN ?", f"IN ({','.join('?' * len(part))})"), [*before, *part])


def checked_scope(scope: str | Sequence[str]) -> Scope:
    """A scope as a tuple of labels. Raises `InvalidValueError` when it has none, or one that is no text or empty."""
    labels = (scope,) if isinstance(scope, str) else tuple(scope) if isinstance(scope, Sequence) else ()
    if not labels or not all(isinstance(label, str) and label.strip() and label == sound(label) for label in labels):
        raise InvalidValueError(f"a scope is one or more labels, such as ('tenant', 'user'); not {scope!r:.60}")
    return labels
