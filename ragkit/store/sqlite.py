"""The embedded store: one SQLite file holding documents, chunks, and everything derived from them.

One transaction writes a document with its chunks, derived rows and vectors, so a process killed anywhere leaves whole
documents or none. Readers in other processes see the last commit; a second writer waits its turn (`StoreBusyError`
after `BUSY_SECONDS`).
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.components import Derived
from ragkit.errors import IndexMismatchError, InvalidValueError, StoreError
from ragkit.store.codec import json_of, metadata_of, text_hash
from ragkit.store.collect import collect, discard, discard_index
from ragkit.store.connection import connect, stamp_of, translated
from ragkit.types import Chunk, Document

if TYPE_CHECKING:
    from ragkit.store.shelf import SQLiteShelf

MANY = 30_000  # values per statement; SQLite allows 32,766 since 3.32


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """An index as the store knows it. `model` is the number of its embedder, None without one."""

    number: int
    stage: str
    fingerprint: str
    model: int | None


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One stored document, for listings."""

    id: str
    source: str
    chunks: int
    characters: int


@dataclass(slots=True)
class Written:
    """A document ready to be written: its chunks, and per index number one `Derived` for each chunk.

    `vectors[model number][text]` holds the vectors of texts the store did not have when they were computed.
    """

    document: Document
    digest: str
    build: str
    file: str | None
    chunks: Sequence[Chunk]
    derived: Mapping[int, Sequence[Derived]]
    vectors: Mapping[int, Mapping[str, bytes]] = field(default_factory=dict)


class MissingVectorsError(StoreError):
    """Another process removed vectors between the look and the write; embed `texts` for `model` and write again."""

    def __init__(self, model: int, texts: list[str]) -> None:
        super().__init__(f"{len(texts)} texts lost their vectors to another process; they are embedded again")
        self.model, self.texts = model, texts


class SQLiteStore:
    """See the module. Safe to use from several threads: calls take turns."""

    def __init__(self, path: str | Path, *, create: bool = True, read_only: bool = False) -> None:
        self.path = str(path)
        self.file = Path(path).absolute()
        self.read_only = read_only
        self._stamp = stamp_of(self.path) if read_only else None
        self.db = connect(self.path, create=create, read_only=read_only)
        self.lock = threading.RLock()

    def _follow(self) -> None:
        """Open the file anew when it changed under a reader that SQLite believes to be alone with it."""
        if self.read_only and (stamp := stamp_of(self.path)) != self._stamp:
            self.db.close()
            self.db, self._stamp = connect(self.path, create=False, read_only=True), stamp

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        with self.lock:
            self.db.close()

    # -- transactions ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside comes from one committed state, whatever other processes write meanwhile."""
        with self.lock, translated(self.path):
            if self.db.conn.in_transaction:
                yield
                return
            self._follow()
            try:  # an interrupt may come as soon as the transaction has begun
                self.db.execute("BEGIN")
                yield
            finally:
                self.db.rollback()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A write transaction: all of it or nothing. Waits for other writers up to `BUSY_SECONDS`."""
        if self.read_only:
            raise StoreError(f"{self.path} was opened read-only; open it without read_only to change it")
        with self.lock, translated(self.path):
            try:
                self.db.execute("BEGIN IMMEDIATE")
                yield
                self.db.execute(
                    "INSERT INTO meta VALUES ('generation', '1') "
                    "ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
                )
                self.db.execute("COMMIT")
            except BaseException:
                self.db.rollback()
                raise

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """A write transaction for what can be computed again; it is no change of the store, so its generation stays."""
        with self.lock, translated(self.path):
            try:
                self.db.execute("BEGIN IMMEDIATE")
                yield
                self.db.execute("COMMIT")
            except BaseException:
                self.db.rollback()
                raise

    def rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """All rows of a query."""
        with self.lock, translated(self.path):
            return self.db.conn.execute(sql, values).fetchall()

    def rows_in(self, sql: str, values: Sequence[Any], before: Sequence[Any] = ()) -> Iterator[Any]:
        """Rows of a query whose last part is `IN (?…)`, written `IN ?` in `sql`, for any number of values."""
        for start in range(0, len(values), MANY):
            part = values[start : start + MANY]
            yield from self.rows(sql.replace("IN ?", f"IN ({','.join('?' * len(part))})"), [*before, *part])

    @property
    def generation(self) -> int:
        """Grows with every write by any process."""
        found = self.rows("SELECT value FROM meta WHERE key = 'generation'")
        return int(found[0][0]) if found else 0

    # -- what is stored -------------------------------------------------------------------------------------------

    def file_state(self, source: str) -> tuple[str, str] | None:
        """Content digest and build fingerprint of a file that was read to its end, or None."""
        found = self.rows("SELECT digest, build FROM files WHERE source = ?", [source])
        return (found[0][0], found[0][1]) if found else None

    def file_paths(self) -> dict[str, bytes]:
        """Where each file of which all documents are stored lies: its absolute path as the system spells it."""
        return dict(self.rows("SELECT source, path FROM files WHERE path IS NOT NULL"))

    def file_path(self, source: str) -> bytes | None:
        """The absolute path of a stored file, None when it is unknown."""
        found = self.rows("SELECT path FROM files WHERE source = ?", [source])
        return found[0][0] if found else None

    def files(self) -> list[str]:
        """The sources of all files any document came from, sorted."""
        return [
            row[0]
            for row in self.rows("SELECT source FROM files UNION SELECT file FROM documents WHERE file IS NOT NULL")
        ]

    def document_state(self, id: str) -> tuple[str, str, str] | None:
        """Digest, build and origin (its file, else its source) of a stored document, or None."""
        found = self.rows("SELECT digest, build, coalesce(file, source) FROM documents WHERE id = ?", [id])
        return (found[0][0], found[0][1], found[0][2]) if found else None

    def file_of(self, id: str) -> str | None:
        """The file a stored document came from, None when it was given directly."""
        found = self.rows("SELECT file FROM documents WHERE id = ?", [id])
        return found[0][0] if found else None

    def built_otherwise(self, build: str, most: int) -> list[str]:
        """Up to `most` ids of documents that were cut and indexed by another build lane than `build`."""
        return [
            row[0]
            for row in self.rows("SELECT id FROM documents WHERE build != ? ORDER BY number LIMIT ?", [build, most])
        ]

    def ids_of(self, *, file: str | None = None, source: str | None = None) -> list[str]:
        """Ids of the documents that came from a file, or that name a source."""
        column, value = ("file", file) if file is not None else ("source", source)
        return [row[0] for row in self.rows(f"SELECT id FROM documents WHERE {column} = ? ORDER BY id", [value])]

    def document(self, id: str) -> Document | None:
        """A stored document, whole."""
        found = self.rows("SELECT id, text, source, media_type, metadata FROM documents WHERE id = ?", [id])
        if not found:
            return None
        id, text, source, media_type, metadata = found[0]
        return Document(id, text, source, media_type, metadata_of(metadata))

    def sources(self) -> list[SourceInfo]:
        """All documents, by source and id."""
        return [
            SourceInfo(*row)
            for row in self.rows(
                "SELECT d.id, d.source, (SELECT count(*) FROM chunks c WHERE c.document = d.number), length(d.text) "
                "FROM documents d ORDER BY d.source, d.id"
            )
        ]

    def counts(self) -> tuple[int, int, int]:
        """Documents, chunks, characters."""
        documents, characters = self.rows("SELECT count(*), coalesce(sum(length(text)), 0) FROM documents")[0]
        return documents, self.rows("SELECT count(*) FROM chunks")[0][0], characters

    def setting(self, key: str) -> str | None:
        """A remembered setting, or None."""
        found = self.rows("SELECT value FROM meta WHERE key = ?", [key])
        return found[0][0] if found else None

    def remember(self, key: str, value: str) -> None:
        """Remember a setting; writes only when it differs."""
        if self.setting(key) != value:
            with self.writing():
                self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])

    # -- indexes --------------------------------------------------------------------------------------------------

    def indexes(self) -> list[IndexEntry]:
        """All indexes that have rows here, by number."""
        return [
            IndexEntry(*row)
            for row in self.rows("SELECT number, stage, fingerprint, model FROM indexes ORDER BY number")
        ]

    def index(self, stage: str, fingerprint: str) -> IndexEntry | None:
        """The index of this stage and fingerprint, or None when it was never built."""
        return next((i for i in self.indexes() if (i.stage, i.fingerprint) == (stage, fingerprint)), None)

    def register(self, stage: str, fingerprint: str, model: tuple[str, int] | None) -> IndexEntry:
        """The index of this stage and fingerprint, made when missing. `model` is its embedder's fingerprint and dim."""
        known = self.index(stage, fingerprint)
        if known is not None:
            return known
        with self.writing():
            number = self._model(*model) if model else None
            self.db.execute(
                "INSERT OR IGNORE INTO indexes (stage, fingerprint, model) VALUES (?, ?, ?)",
                [stage, fingerprint, number],
            )
        made = self.index(stage, fingerprint)
        assert made is not None  # just written
        return made

    def _model(self, fingerprint: str, dim: int) -> int:
        self.db.execute("INSERT OR IGNORE INTO models (fingerprint, dim) VALUES (?, ?)", [fingerprint, dim])
        number, stored = self.db.execute(
            "SELECT number, dim FROM models WHERE fingerprint = ?", [fingerprint]
        ).fetchone()
        if stored != dim:
            raise IndexMismatchError(
                f"{self.path} holds vectors of {stored} dimensions for model {fingerprint!r}, which now gives {dim}; "
                "build it again with `ragkit add --rebuild`"
            )
        return int(number)

    def drop_index(self, number: int) -> None:
        """Remove an index and its rows."""
        with self.writing():
            discard_index(self, number)
            collect(self)

    def unindexed(self, number: int, most: int) -> list[int]:
        """Up to `most` slots of live chunks that have no row in this index, ascending."""
        return [
            row[0]
            for row in self.rows(
                "SELECT slot FROM chunks WHERE slot NOT IN (SELECT slot FROM derived WHERE index_number = ?) "
                "ORDER BY slot LIMIT ?",
                [number, most],
            )
        ]

    def shelf(self, entry: IndexEntry) -> SQLiteShelf:
        """What the index sees of this store."""
        from ragkit.store.shelf import SQLiteShelf

        return SQLiteShelf(self, entry)

    # -- writing --------------------------------------------------------------------------------------------------

    def with_vectors(self, model: int, texts: Iterable[str]) -> set[str]:
        """Those of the texts that already have a vector of this model."""
        by_hash = {text_hash(text): text for text in texts}
        sql = "SELECT t.hash FROM texts t JOIN vectors v ON v.text = t.id AND v.model = ? WHERE t.hash IN ?"
        return {by_hash[row[0]] for row in self.rows_in(sql, list(by_hash), before=[model])}

    def write(self, written: Written) -> None:
        """Put a document, replacing one of the same id, in one transaction.

        Raises `MissingVectorsError` when vectors counted on are gone, `InvalidValueError` for text SQLite cannot hold.
        """
        document = written.document
        columns = {
            "id": document.id,
            "source": document.source or document.id,
            "file": written.file,
            "digest": written.digest,
            "build": written.build,
            "media_type": document.media_type,
            "metadata": json_of(document.metadata),
            "text": document.text,
        }
        sql = f"INSERT INTO documents ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        try:
            with self._document_writing(document.id):
                discard(self, [document.id])
                number = self.db.execute(sql, list(columns.values())).lastrowid
                slots = [self._insert_chunk(number, chunk) for chunk in written.chunks]
                for index, derived in written.derived.items():
                    self._insert_derived(index, slots, derived, written.vectors)
        except UnicodeEncodeError as error:
            raise InvalidValueError(
                f"document {document.id!r} holds a lone surrogate ({error.object[error.start : error.end]!r}), "
                "which is no character; decode the text properly"
            ) from error

    @contextlib.contextmanager
    def _document_writing(self, id: str) -> Iterator[None]:
        try:
            with self.writing():
                yield
        except StoreError as error:
            if isinstance(error.__cause__, sqlite3.IntegrityError):
                raise InvalidValueError(f"document {id!r} cannot be stored: {error.__cause__}") from error
            raise

    def write_derived(
        self, index: int, slots: Sequence[int], derived: Sequence[Derived], vectors: Mapping[int, Mapping[str, bytes]]
    ) -> None:
        """Add the rows of one index for chunks that are stored already; chunks removed meanwhile are passed over."""
        with self.writing():
            self.put_derived(index, slots, derived, vectors)

    def put_derived(
        self, index: int, slots: Sequence[int], derived: Sequence[Derived], vectors: Mapping[int, Mapping[str, bytes]]
    ) -> None:
        """The same inside a write transaction of the caller's; rows that are there are replaced."""
        live = {row[0] for row in self.rows_in("SELECT slot FROM chunks WHERE slot IN ?", slots)}
        kept = [(slot, row) for slot, row in zip(slots, derived, strict=True) if slot in live]
        self._insert_derived(index, [slot for slot, _ in kept], [row for _, row in kept], vectors)

    def collect(self) -> None:
        """Delete the texts and vectors that nothing uses any more; call it after a run of writes."""
        if self.rows("SELECT 1 FROM loose LIMIT 1"):
            with self.writing():
                collect(self)

    def mark_files(self, files: Mapping[str, tuple[str, bytes | None]], build: str) -> None:
        """Note that all documents of these files are stored: source -> content digest, absolute path."""
        with self.writing():
            rows = [(source, digest, build, path) for source, (digest, path) in files.items()]
            sql = "INSERT OR REPLACE INTO files (source, digest, build, path) VALUES (?, ?, ?, ?)"
            self.db.conn.executemany(sql, rows)

    def remove(self, ids: Sequence[str], files: Sequence[str] = ()) -> None:
        """Remove documents with all that was derived from them, and forget files, in one transaction."""
        with self.writing():
            discard(self, ids)
            collect(self)
            self.db.conn.executemany("DELETE FROM files WHERE source = ?", [(file,) for file in files])

    def _insert_chunk(self, document: int | None, chunk: Chunk) -> int:
        cursor = self.db.execute(
            "INSERT INTO chunks (document, id, start, end, metadata, text) VALUES (?, ?, ?, ?, ?, ?)",
            [document, chunk.id, chunk.start, chunk.end, json_of(chunk.metadata), chunk.text],
        )
        assert cursor.lastrowid is not None  # an INSERT always has one
        return cursor.lastrowid

    def _insert_derived(
        self, index: int, slots: Sequence[int], derived: Sequence[Derived], vectors: Mapping[int, Mapping[str, bytes]]
    ) -> None:
        import numpy as np

        ids = self._intern(text for row in derived for text in (*row.texts, *row.terms))
        self.db.conn.executemany(
            "INSERT OR REPLACE INTO derived (index_number, slot, texts, data, note) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    index,
                    slot,
                    np.array([ids[text] for text in (*row.texts, *row.terms)], dtype="<i4").tobytes(),
                    np.array(row.data, dtype="<i4").tobytes(),
                    row.note,
                )
                for slot, row in zip(slots, derived, strict=True)
            ],
        )
        model = self.db.execute("SELECT model FROM indexes WHERE number = ?", [index]).fetchone()
        if model is not None and model[0] is not None:
            embedded = {text: ids[text] for row in derived for text in row.texts}
            self._insert_vectors(model[0], embedded, vectors.get(model[0], {}))

    def _intern(self, texts: Iterable[str]) -> dict[str, int]:
        by_hash = {text_hash(text): text for text in texts}
        self.db.conn.executemany("INSERT OR IGNORE INTO texts (hash, text) VALUES (?, ?)", by_hash.items())
        return {
            by_hash[row[0]]: row[1] for row in self.rows_in("SELECT hash, id FROM texts WHERE hash IN ?", list(by_hash))
        }

    def _insert_vectors(self, model: int, ids: Mapping[str, int], vectors: Mapping[str, bytes]) -> None:
        self.db.conn.executemany(
            "INSERT OR IGNORE INTO vectors (model, text, vector) VALUES (?, ?, ?)",
            [(model, ids[text], vectors[text]) for text in ids if text in vectors],
        )
        sql = "SELECT text FROM vectors WHERE model = ? AND text IN ?"
        present = {row[0] for row in self.rows_in(sql, list(ids.values()), before=[model])}
        missing = [text for text, id in ids.items() if id not in present]
        if missing:
            raise MissingVectorsError(model, missing)
