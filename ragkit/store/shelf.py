"""What one index sees of a SQLite store; see `components.Shelf`."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragkit.components import Rows
from ragkit.errors import StoreError
from ragkit.filters import matcher
from ragkit.store.codec import metadata_of, text_hash
from ragkit.types import Chunk, Metadata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.components import Ints, Vectors
    from ragkit.store.ledger import Call, Ledger
    from ragkit.store.sqlite import IndexEntry, SQLiteStore


log = logging.getLogger(__name__)


class SQLiteShelf:
    """The rows of one index, and the texts, vectors and chunks of the store it is in."""

    def __init__(self, store: SQLiteStore, entry: IndexEntry) -> None:
        self.store, self.entry = store, entry
        self._matching: tuple[int, dict[str, Ints]] = (-1, {})
        self._pending: tuple[int, Mapping[str, NDArray[Any]]] | None = None
        self._noted: list[tuple[str, Call]] = []

    @property
    def generation(self) -> int:
        """Grows with every write by any process."""
        return self.store.generation

    @property
    def revision(self) -> int:
        """Grows whenever rows of this index were replaced while their chunks stayed."""
        return int(self.store.setting(f"revision {self.entry.number}") or 0)

    @property
    def ledger(self) -> Ledger | None:
        """Where calls of language models are written down; None while the store cannot be written."""
        from ragkit.store.ledger import Ledger

        return None if self.store.read_only else Ledger(self.store, self.entry, self._noted)

    def kept(self) -> dict[str, NDArray[Any]]:
        """The arrays kept at this generation, by name; empty when there are none."""
        import numpy as np

        found = self.store.rows(
            "SELECT name, dtype, shape, data FROM arrays WHERE index_number = ? AND generation = ?",
            [self.entry.number, self.generation],
        )
        return {name: np.frombuffer(data, dtype).reshape(json.loads(shape)) for name, dtype, shape, data in found}

    def keep(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays for the next opening, written by the next `flush`."""
        self._pending = (self.generation, arrays)

    def flush(self) -> None:
        """Write down noted calls, and what was to be kept, if the store can be written; that only saves time."""
        if self._noted and self.ledger is not None:
            self.ledger.flush()
        if self._pending is None or self.store.read_only:
            return
        number, (generation, arrays) = self.entry.number, self._pending
        self._pending = None
        rows = [
            (number, name, generation, array.dtype.str, json.dumps(array.shape), array.tobytes())
            for name, array in arrays.items()
        ]
        try:
            with self.store.keeping():
                self.store.db.conn.execute("DELETE FROM arrays WHERE index_number = ?", [number])
                self.store.db.conn.executemany("INSERT INTO arrays VALUES (?, ?, ?, ?, ?, ?)", rows)
        except StoreError as error:  # a busy or full disk must not stop a question
            log.warning("the arrays of index %s were not kept: %s", self.entry.stage, error)

    def live(self) -> Ints:
        """The slots of all live chunks, ascending."""
        return _ints(self.store.rows("SELECT slot FROM chunks ORDER BY slot"))

    def rows(self, slots: Ints | None = None) -> Rows:
        """The rows of these slots (ascending), or of all."""
        number = self.entry.number
        columns = "SELECT slot, texts, data FROM derived WHERE index_number = ?"
        if slots is None:
            found = self.store.rows(f"{columns} ORDER BY slot", [number])
        else:
            wanted = [int(slot) for slot in slots]
            found = sorted(self.store.rows_in(f"{columns} AND slot IN ?", wanted, before=[number]))
        texts, text_starts = _joined([row[1] for row in found])
        data, data_starts = _joined([row[2] for row in found])
        return Rows(_ints(found), texts, text_starts, data, data_starts)

    def notes(self, slots: Sequence[int]) -> list[str]:
        """The notes of these slots, in their order."""
        sql = "SELECT slot, note FROM derived WHERE index_number = ? AND slot IN ?"
        return _in_order(slots, self.store.rows_in(sql, _unique(slots), before=[self.entry.number]), "row")

    def find(self, texts: Sequence[str]) -> Ints:
        """The ids of these texts, -1 where unknown."""
        import numpy as np

        hashes = [text_hash(text) for text in texts]
        found = dict(self.store.rows_in("SELECT hash, id FROM texts WHERE hash IN ?", list(dict.fromkeys(hashes))))
        return np.array([found.get(hash, -1) for hash in hashes], dtype=np.int64)

    def texts(self, ids: Sequence[int] | Ints) -> list[str]:
        """The texts of these ids, in their order."""
        return _in_order(ids, self.store.rows_in("SELECT id, text FROM texts WHERE id IN ?", _unique(ids)), "text")

    def vectors(self, ids: Sequence[int] | Ints) -> Vectors:
        """Their vectors, float32 (n, d), in their order."""
        import numpy as np

        if self.entry.model is None:
            raise StoreError(f"index {self.entry.stage!r} has no embedder, so its texts have no vectors")
        wanted = np.asarray(ids, dtype=np.int64)
        unique, inverse = np.unique(wanted, return_inverse=True)
        if not len(unique):
            dim = self.store.rows("SELECT dim FROM models WHERE number = ?", [self.entry.model])[0][0]
            return np.zeros((0, dim), dtype=np.float32)
        spread = int(unique[-1] - unique[0]) + 1
        found = self._many(unique) if len(unique) > spread // 2 else self._few(unique)
        if len(found) != len(unique):
            raise StoreError(
                f"{len(unique) - len(found)} texts of index {self.entry.stage!r} have no vector; "
                "run `ragkit add --rebuild`"
            )
        matrix = np.frombuffer(b"".join(found), dtype="<f2").reshape(len(unique), -1)
        return matrix.astype(np.float32)[inverse]

    def _few(self, unique: Ints) -> list[bytes]:
        sql = "SELECT text, vector FROM vectors WHERE model = ? AND text IN ?"
        return [row[1] for row in sorted(self.store.rows_in(sql, unique.tolist(), before=[self.entry.model]))]

    def _many(self, unique: Ints) -> list[bytes]:
        # One pass in key order beats many small look-ups when most of the table is wanted.
        wanted = set(unique.tolist())
        sql = "SELECT text, vector FROM vectors WHERE model = ? AND text BETWEEN ? AND ? ORDER BY text"
        with self.store.lock:
            cursor = self.store.db.conn.execute(sql, [self.entry.model, int(unique[0]), int(unique[-1])])
            return [vector for text, vector in cursor if text in wanted]

    def chunks(self, slots: Sequence[int] | Ints) -> list[Chunk]:
        """The chunks in these slots, in their order."""
        sql = (
            "SELECT c.slot, c.id, d.id, c.start, c.end, c.text, c.metadata "
            "FROM chunks c JOIN documents d ON d.number = c.document WHERE c.slot IN ?"
        )
        rows = self.store.rows_in(sql, _unique(slots))
        found = ((row[0], Chunk(row[1], row[2], row[3], row[4], row[5], metadata_of(row[6]))) for row in rows)
        return _in_order(slots, found, "chunk")

    def chunk_ids(self, slots: Sequence[int] | Ints) -> list[str]:
        """Their ids, in their order."""
        return _in_order(
            slots, self.store.rows_in("SELECT slot, id FROM chunks WHERE slot IN ?", _unique(slots)), "chunk"
        )

    def matching(self, filter: Metadata) -> Ints:
        """The slots of the live chunks whose metadata match the filter, ascending; remembered until a change."""
        generation, known = self._matching
        if generation != self.generation:
            generation, known = self._matching = self.generation, {}
        key = json.dumps(dict(filter), sort_keys=True, default=str)
        if key not in known:
            passes = matcher(filter)
            rows = self.store.rows("SELECT slot, metadata FROM chunks ORDER BY slot")
            known[key] = _ints([row for row in rows if passes(metadata_of(row[1]))])
        return known[key]


def _ints(rows: Sequence[Any]) -> Ints:
    import numpy as np

    return np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))


def _joined(blobs: list[bytes]) -> tuple[Ints, NDArray[np.int64]]:
    import numpy as np

    starts = np.zeros(len(blobs) + 1, dtype=np.int64)
    np.cumsum([len(blob) // 4 for blob in blobs], out=starts[1:])
    return np.frombuffer(b"".join(blobs), dtype="<i4").astype(np.int64), starts


def _unique(values: Sequence[int] | Ints) -> list[int]:
    return list(dict.fromkeys(int(value) for value in values))


def _in_order(wanted: Sequence[int] | Ints, found: Any, what: str) -> list[Any]:
    by_key = dict(found)
    try:
        return [by_key[int(key)] for key in wanted]
    except KeyError as error:
        raise StoreError(f"the store has no {what} number {error}; it changed while it was read, ask again") from None
