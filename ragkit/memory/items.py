"""Items: JSON values under a key in a scope, found by meaning and by words; what agent frameworks call a store.

They lie in the memory's file, in the same scopes as its messages, and go with their scope. Unlike messages they have
no history: putting an item again replaces it. An item may expire some time after it was last written or read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ragkit.errors import EmbedderMismatchError, InvalidValueError
from ragkit.memory.analysis import fts_query
from ragkit.memory.store import MemoryStore, Scope, checked_scope
from ragkit.memory.types import from_us, to_us
from ragkit.memory.words import all_words, cjk_pairs, content_words, grams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.components import Embedder

SEPARATOR = "\x1f"  # ends every label of a stored scope, so that prefixes are ranges
LEXICAL = 0.3  # what the best match of words adds to a cosine
MOST_KEY = 1_000
MOST_WORDS = 200  # of a query
GIVEN = "given"  # the model of vectors that came with their items

TABLES = (
    """
CREATE TABLE IF NOT EXISTS memory_item (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    ttl_us INTEGER,
    expires_us INTEGER,
    UNIQUE (scope, key)
)""",
    "CREATE INDEX IF NOT EXISTS memory_item_expiry ON memory_item (expires_us)",
    """
CREATE TABLE IF NOT EXISTS memory_item_text (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    item_id INTEGER NOT NULL REFERENCES memory_item (id) ON DELETE CASCADE,
    model TEXT NOT NULL,
    v BLOB
)""",
    "CREATE INDEX IF NOT EXISTS memory_item_text_item ON memory_item_text (item_id)",
    """
CREATE VIRTUAL TABLE IF NOT EXISTS memory_item_fts USING fts5(
    text, tokenize='porter unicode61 remove_diacritics 2'
)""",
)


@dataclass(frozen=True, slots=True)
class Item:
    """A value under a key in a scope. `score` is set by a search for something."""

    scope: Scope
    key: str
    value: Mapping[str, Any]
    created: datetime
    updated: datetime
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """An item to be written; without a value it is deleted.

    `texts` are what it is found by, each on its own; `vectors`, one for each text, replace those of the embedder.
    `ttl` is in minutes: how long it lives after it was written or read.
    """

    scope: Scope
    key: str
    value: Mapping[str, Any] | None
    texts: Sequence[str] = ()
    vectors: Sequence[Sequence[float]] | None = None
    ttl: float | None = None
    created: datetime | None = None


@dataclass(slots=True)
class _Row:
    id: int
    item: Item
    ttl_us: int | None


@dataclass(slots=True)
class Items:
    """The items at and below `root` in a file. Safe to use from threads and processes, as the memory is."""

    store: MemoryStore
    root: Scope
    embedder: Embedder | None = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.root = checked_scope(self.root)
        if not self.store.read_only:
            with self.store.write() as connection:
                for statement in TABLES:
                    connection.execute(statement)

    # -- writing --------------------------------------------------------------------------------------------------

    def put(self, puts: Sequence[Put]) -> None:
        """Write and delete items in one transaction, the last of one key winning.

        Raises `InvalidValueError` for a scope, key or value no item can have; then nothing is written.
        """
        last = {(self._path(put.scope), _key(put.key)): put for put in puts}
        values = {place: _json(put) for place, put in last.items() if put.value is not None}
        vectors = {place: self._vectors(put) for place, put in last.items() if put.value is not None}
        now = to_us(self.clock())
        with self.store.write() as connection:
            for place, put in last.items():
                if put.value is None:
                    self._delete(connection, self._ids(connection, *place))
                else:
                    self._write(connection, place, put, values[place], vectors[place], now)

    def _vectors(self, put: Put) -> tuple[str, list[bytes | None]]:
        import numpy as np

        if put.vectors is not None:
            if len(put.vectors) != len(put.texts):
                raise InvalidValueError(f"{len(put.texts)} texts and {len(put.vectors)} vectors do not fit")
            return GIVEN, [_unit(np.asarray(vector, dtype=np.float32)).tobytes() for vector in put.vectors]
        if self.embedder is None or not put.texts:
            return "", [None] * len(put.texts)
        found = self.embedder.embed(list(put.texts))
        return self.embedder.fingerprint, [row.astype("<f4").tobytes() for row in found]

    def _write(
        self,
        connection: sqlite3.Connection,
        place: tuple[str, str],
        put: Put,
        value: str,
        vectors: tuple[str, list[bytes | None]],
        now: int,
    ) -> None:
        ttl = None if put.ttl is None else round(put.ttl * 60_000_000)
        expires = None if ttl is None else now + ttl
        known = self._ids(connection, *place)
        self._unindex(connection, known)
        if known:
            sql = "UPDATE memory_item SET value = ?, updated_us = ?, ttl_us = ?, expires_us = ? WHERE id = ?"
            connection.execute(sql, [value, now, ttl, expires, known[0]])
            row = known[0]
        else:
            created = now if put.created is None else to_us(put.created)
            sql = (
                "INSERT INTO memory_item (scope, key, value, created_us, updated_us, ttl_us, expires_us) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)"
            )
            row = int(connection.execute(sql, [*place, value, created, now, ttl, expires]).lastrowid or 0)
        model, blobs = vectors
        for text, blob in zip(put.texts, blobs, strict=True):
            sql = "INSERT INTO memory_item_text (item_id, model, v) VALUES (?, ?, ?)"
            number = connection.execute(sql, [row, model, blob]).lastrowid
            connection.execute(
                "INSERT INTO memory_item_fts (rowid, text) VALUES (?, ?)",
                [number, f"{text}\n{grams(text)}".encode("utf-8", "replace").decode()],
            )

    def _ids(self, connection: sqlite3.Connection, scope: str, key: str) -> list[int]:
        sql = "SELECT id FROM memory_item WHERE scope = ? AND key = ?"
        return [row[0] for row in connection.execute(sql, [scope, key])]

    def _unindex(self, connection: sqlite3.Connection, items: Iterable[int]) -> None:
        for item in items:
            texts = "SELECT id FROM memory_item_text WHERE item_id = ?"
            connection.execute(f"DELETE FROM memory_item_fts WHERE rowid IN ({texts})", [item])
            connection.execute("DELETE FROM memory_item_text WHERE item_id = ?", [item])

    def _delete(self, connection: sqlite3.Connection, items: Sequence[int]) -> None:
        self._unindex(connection, items)
        connection.executemany("DELETE FROM memory_item WHERE id = ?", [(item,) for item in items])

    def clear(self, prefix: Scope = ()) -> int:
        """Delete all items at and below root + prefix; how many."""
        low, high = self._range(prefix)
        with self.store.write() as connection:
            sql = "SELECT id FROM memory_item WHERE scope >= ? AND scope < ?"
            found = [row[0] for row in connection.execute(sql, [low, high])]
            self._delete(connection, found)
        return len(found)

    def sweep(self) -> int:
        """Delete the items that have expired; how many."""
        with self.store.write() as connection:
            sql = "SELECT id FROM memory_item WHERE expires_us <= ?"
            found = [row[0] for row in connection.execute(sql, [to_us(self.clock())])]
            self._delete(connection, found)
        return len(found)

    # -- reading --------------------------------------------------------------------------------------------------

    def get(self, scope: Scope, key: str, *, refresh: bool = True) -> Item | None:
        """The item of this key, None when there is none or it has expired; reading lets it live on."""
        found = [row for row in self._rows(self._path(scope), None) if row.item.key == key]
        self._refresh(found, refresh)
        return found[0].item if found else None

    def all(self, prefix: Scope = ()) -> Iterator[Item]:
        """All live items at and below root + prefix, the latest written first."""
        for row in self._rows(*self._range(prefix)):
            yield row.item

    def search(
        self,
        prefix: Scope = (),
        query: str = "",
        *,
        vector: Sequence[float] | None = None,
        keep: Callable[[Item], bool] = lambda item: True,
        limit: int = 10,
        offset: int = 0,
        refresh: bool = True,
    ) -> list[Item]:
        """The items at and below root + prefix that `keep` lets through, best first for a query or vector.

        A score is a cosine, plus what shared words add. Items without text follow those with, the latest first.
        """
        rows = [row for row in self._rows(*self._range(prefix)) if keep(row.item)]
        if query.strip() or vector is not None:
            rows = self._ranked(rows, query, vector)
        page = rows[max(0, offset) : max(0, offset) + max(0, limit)]
        self._refresh(page, refresh)
        return [row.item for row in page]

    def scopes(self) -> list[Scope]:
        """The scopes below the root that hold live items, without the root's own labels, sorted."""
        low, high = self._range(())
        sql = (
            "SELECT DISTINCT scope FROM memory_item WHERE scope >= ? AND scope < ? "
            "AND (expires_us IS NULL OR expires_us > ?)"
        )
        with self.store.read() as connection:
            found = [self._below(scope) for (scope,) in connection.execute(sql, [low, high, to_us(self.clock())])]
        return sorted(found)

    def _rows(self, low: str, high: str | None) -> list[_Row]:
        where = "scope = ?" if high is None else "scope >= ? AND scope < ?"
        sql = (
            f"SELECT id, scope, key, value, created_us, updated_us, ttl_us FROM memory_item WHERE {where} "
            "AND (expires_us IS NULL OR expires_us > ?) ORDER BY updated_us DESC, id DESC"
        )
        given = [low] if high is None else [low, high]
        with self.store.read() as connection:
            found = connection.execute(sql, [*given, to_us(self.clock())]).fetchall()
        return [
            _Row(id, Item(self._below(scope), key, json.loads(value), from_us(created), from_us(updated)), ttl)
            for id, scope, key, value, created, updated, ttl in found
        ]

    def _refresh(self, rows: Sequence[_Row], refresh: bool) -> None:
        mortal = [row for row in rows if row.ttl_us is not None] if refresh and not self.store.read_only else []
        if mortal:
            now = to_us(self.clock())
            with self.store.write() as connection:
                connection.executemany(
                    "UPDATE memory_item SET expires_us = ? WHERE id = ?",
                    [(now + (row.ttl_us or 0), row.id) for row in mortal],
                )

    # -- ranking --------------------------------------------------------------------------------------------------

    def _ranked(self, rows: list[_Row], query: str, vector: Sequence[float] | None) -> list[_Row]:
        scores: dict[int, float] = {}
        with self.store.read() as connection:
            self._add_cosines(connection, {row.id for row in rows}, query, vector, scores)
            self._add_words(connection, {row.id for row in rows}, query, scores)
        scored = [_Row(row.id, _scored(row.item, scores[row.id]), row.ttl_us) for row in rows if row.id in scores]
        scored.sort(key=lambda row: (-(row.item.score or 0.0), row.item.scope, row.item.key))
        return scored + [row for row in rows if row.id not in scores]

    def _add_cosines(
        self,
        connection: sqlite3.Connection,
        among: set[int],
        query: str,
        vector: Sequence[float] | None,
        scores: dict[int, float],
    ) -> None:
        import numpy as np

        if vector is not None:
            model, wanted = GIVEN, _unit(np.asarray(vector, dtype=np.float32))
        elif self.embedder is not None and query.strip():
            model, wanted = self.embedder.fingerprint, self.embedder.embed([query], query=True)[0]
        else:
            return
        sql = "SELECT item_id, v FROM memory_item_text WHERE model = ? AND v IS NOT NULL"
        found = [(item, v) for item, v in connection.execute(sql, [model]) if item in among]
        if not found:
            return
        sizes = {len(v) for _, v in found}
        if sizes != {4 * len(wanted)}:
            raise EmbedderMismatchError(f"the items have vectors of {max(sizes) // 4} numbers, the query {len(wanted)}")
        matrix = np.frombuffer(b"".join(v for _, v in found), dtype="<f4").reshape(len(found), len(wanted))
        for (item, _), cosine in zip(found, np.einsum("ij,j->i", matrix, wanted), strict=True):
            scores[item] = max(scores.get(item, -1.0), round(float(cosine), 6))

    def _add_words(self, connection: sqlite3.Connection, among: set[int], query: str, scores: dict[int, float]) -> None:
        words = dict.fromkeys([*(content_words(query) or all_words(query)), *cjk_pairs(query)])
        match = fts_query(list(words)[:MOST_WORDS])
        if not match:
            return
        sql = (
            "SELECT t.item_id, -bm25(memory_item_fts) FROM memory_item_fts f JOIN memory_item_text t ON t.id = f.rowid "
            "WHERE memory_item_fts MATCH ?"
        )
        best: dict[int, float] = {}
        for item, score in connection.execute(sql, [match]):
            if item in among:
                best[item] = max(best.get(item, 0.0), score)
        most = max(best.values(), default=0.0)
        for item, score in best.items():
            scores[item] = round(scores.get(item, 0.0) + LEXICAL * (score / most if most > 0 else 1.0), 6)

    # -- scopes ---------------------------------------------------------------------------------------------------

    def _path(self, scope: Scope) -> str:
        labels = (*self.root, *scope)
        for label in labels:
            if not isinstance(label, str) or not label or SEPARATOR in label or not _writable(label):
                raise InvalidValueError(f"{label!r} cannot be a label of a scope; use a text that is not empty")
        return "".join(label + SEPARATOR for label in labels)

    def _range(self, prefix: Scope) -> tuple[str, str]:
        low = self._path(prefix)
        return low, low[:-1] + chr(ord(SEPARATOR) + 1)

    def _below(self, path: str) -> Scope:
        return tuple(path.split(SEPARATOR)[len(self.root) : -1])


def drop_items(connection: sqlite3.Connection, scope: Scope) -> int:
    """Delete the items of exactly this scope; how many. Inside a write."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'memory_item'").fetchone():
        return 0
    path = "".join(label + SEPARATOR for label in scope)
    found = [row[0] for row in connection.execute("SELECT id FROM memory_item WHERE scope = ?", [path])]
    texts = "SELECT id FROM memory_item_text WHERE item_id = ?"
    for item in found:
        connection.execute(f"DELETE FROM memory_item_fts WHERE rowid IN ({texts})", [item])
        connection.execute("DELETE FROM memory_item_text WHERE item_id = ?", [item])
        connection.execute("DELETE FROM memory_item WHERE id = ?", [item])
    return len(found)


def _key(key: str) -> str:
    if not isinstance(key, str) or not key or len(key) > MOST_KEY or not _writable(key):
        raise InvalidValueError(f"the key of an item is a text of 1 to {MOST_KEY} characters, not {key!r:.80}")
    return key


def _writable(text: str) -> bool:
    """Whether a text is Unicode that can be written: lone surrogates cannot."""
    return text.encode("utf-8", "ignore").decode() == text


def _json(put: Put) -> str:
    if not isinstance(put.value, Mapping):
        raise InvalidValueError(f"the value of item {put.key!r} is a mapping, not {type(put.value).__name__}")
    try:
        return json.dumps(dict(put.value), allow_nan=False)  # ASCII: lone surrogates have no other form
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError(f"the value of item {put.key!r} must be JSON: {error}") from error


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-12:
        raise InvalidValueError("a vector is no direction: it is zero, or has numbers that are not finite")
    return np.asarray(vector / length, dtype="<f4")


def _scored(item: Item, score: float) -> Item:
    return Item(item.scope, item.key, item.value, item.created, item.updated, score)
