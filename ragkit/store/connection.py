"""Opening a SQLite file as a ragkit store, and turning SQLite's complaints into errors a person can act on."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ragkit.errors import StoreBusyError, StoreCorruptError, StoreError, StoreVersionError
from ragkit.store.schema import APPLICATION_ID, VERSION, migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

BUSY_SECONDS = 10.0  # how long to wait for another process's transaction; ours last milliseconds


def connect(path: str, *, create: bool, read_only: bool) -> Database:
    """A database ready for use: checked to be ours, migrated, in WAL mode with foreign keys.

    `":memory:"` gives a private store that vanishes with the process.
    Raises `StoreError` and its children, each naming the file and the mend.
    """
    from sqlite_utils import Database

    with translated(path):
        connection = _open(path, create=create, read_only=read_only)
        db = Database(connection, execute_plugins=False)
        try:
            _check_identity(db, path)
            if not read_only:
                _prepare(db)
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA temp_store = MEMORY")
            db.execute("PRAGMA mmap_size = 268435456")
        except BaseException:
            connection.close()
            raise
        return db


def _open(path: str, *, create: bool, read_only: bool) -> sqlite3.Connection:
    if path == ":memory:":
        return sqlite3.connect(path, check_same_thread=False)
    file = Path(path)
    if file.is_dir():
        raise StoreError(f"{path} is a folder; name a file for the store, such as {path.rstrip('/')}/ragkit.db")
    if not file.exists():
        if read_only or not create:
            raise StoreError(f"there is no store at {path}; make one with `ragkit add PATH --db {path}`")
        if not file.parent.is_dir():
            raise StoreError(f"cannot make the store {path}: the folder {file.parent} does not exist")
    mode = "ro" if read_only else "rwc"
    uri = f"file:{quote(str(file.absolute()))}?mode={mode}"
    if read_only and not _can_make_shared_memory(file):
        uri += "&immutable=1"  # a WAL database in a folder nobody can write to; without this SQLite refuses it
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)


def _can_make_shared_memory(file: Path) -> bool:
    return os.access(file.parent, os.W_OK) or file.with_name(file.name + "-wal").exists()


def _check_identity(db: Database, path: str) -> None:
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (application or tables):
        raise StoreCorruptError(f"{path} is a SQLite database, but not a ragkit store; name another file")
    if version > VERSION:
        raise StoreVersionError(
            f"{path} was written by a newer ragkit (store version {version}, this one knows {VERSION}); "
            "upgrade with `pip install -U ragkit`"
        )


def _prepare(db: Database) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    if db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return
    # Two processes may open a new file at once: the second waits here and finds the work done.
    try:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            migrations().apply(db)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


@contextlib.contextmanager
def translated(path: str) -> Iterator[None]:
    """Raise what SQLite says as a `StoreError` that names the file and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translation(path, error) from error
    except UnicodeDecodeError as error:
        raise StoreCorruptError(
            f"{path} is damaged ({error}); restore a copy, or add the sources to a new store"
        ) from error


def stamp_of(path: str) -> tuple[int, int] | None:
    """What changes when the file of a store is written: its time and size; None for one that is not there."""
    try:
        about = os.stat(path)
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


def _translation(path: str, error: sqlite3.Error) -> StoreError:
    said = str(error)
    if "closed database" in said:
        return StoreError(f"{path} was closed; open it again")
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusyError(
            f"{path} is being written by another process and stayed locked for {BUSY_SECONDS:.0f} s; "
            "try again when it is done"
        )
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT")):
        return StoreCorruptError(
            f"{path} is damaged or not a ragkit store ({said}); restore a copy, or delete it and add the sources again"
        )
    if code.startswith("SQLITE_FULL"):
        return StoreError(
            f"the disk is full: {path} could not grow; what was committed is kept, free space and add again"
        )
    if code.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return StoreError(
            f"{path} cannot be written ({said}); make the file and its folder writable, or open it read-only"
        )
    if code.startswith("SQLITE_CANTOPEN"):
        return StoreError(f"{path} cannot be opened ({said}); check that the folder exists and may be read and written")
    if code.startswith("SQLITE_IOERR"):
        return StoreError(f"the disk failed while using {path} ({said}); what was committed is kept")
    return StoreError(f"{path}: {said}")
