"""Removing documents and indexes together with the texts and vectors that only they used.

Removal notes in the table `loose` which texts lost a row; collecting deletes those that no row uses any more. The note
is part of the removing transaction, so a process killed in between leaves nothing behind that the next run would miss.
Both are called inside a write transaction of the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.store.sqlite import SQLiteStore


def discard(store: SQLiteStore, ids: Sequence[str]) -> None:
    """Delete these documents with their chunks and rows; unknown ids are passed over."""
    sql = (
        "SELECT x.texts FROM documents d JOIN chunks c ON c.document = d.number "
        "JOIN derived x ON x.slot = c.slot WHERE d.id IN ?"
    )
    _loosen(store, store.rows_in(sql, list(ids)))
    # A file one of whose documents goes is no longer stored whole: the next `add` reads it again.
    sql = "DELETE FROM files WHERE source IN (SELECT file FROM documents WHERE id = ?)"
    store.db.conn.executemany(sql, [(id,) for id in ids])
    store.db.conn.executemany("DELETE FROM documents WHERE id = ?", [(id,) for id in ids])


def loosen_rows(store: SQLiteStore, number: int, slots: Sequence[int]) -> None:
    """Note that these rows of an index are about to be replaced, so that texts only they used are collected."""
    sql = "SELECT texts FROM derived WHERE index_number = ? AND slot IN ?"
    _loosen(store, store.rows_in(sql, list(slots), before=[number]))


def discard_index(store: SQLiteStore, number: int) -> None:
    """Delete an index with its rows, and its model's vectors when no other index uses that model."""
    connection = store.db.conn
    _loosen(store, connection.execute("SELECT texts FROM derived WHERE index_number = ?", [number]))
    connection.execute("DELETE FROM derived WHERE index_number = ?", [number])
    connection.execute("DELETE FROM arrays WHERE index_number = ?", [number])
    connection.execute("DELETE FROM indexes WHERE number = ?", [number])
    unused = "(SELECT number FROM models WHERE number NOT IN (SELECT model FROM indexes WHERE model IS NOT NULL))"
    connection.execute(f"DELETE FROM vectors WHERE model IN {unused}")
    connection.execute(f"DELETE FROM models WHERE number IN {unused}")


def collect(store: SQLiteStore) -> None:
    """Delete the loose texts that no row uses, with their vectors, and what models said of documents that are gone."""
    connection = store.db.conn
    connection.execute("DELETE FROM llm_units WHERE document NOT IN (SELECT id FROM documents)")
    loose = connection.execute("SELECT text FROM loose").fetchall()
    if not loose:
        return
    orphans = [(int(id),) for id in _unused(store, loose)]
    connection.executemany("DELETE FROM vectors WHERE text = ?", orphans)
    connection.executemany("DELETE FROM texts WHERE id = ?", orphans)
    connection.execute("DELETE FROM loose")


def _loosen(store: SQLiteStore, rows: Iterable[Any]) -> None:
    import numpy as np

    ids = np.unique(np.frombuffer(b"".join(row[0] for row in rows), dtype="<i4"))
    store.db.conn.executemany("INSERT OR IGNORE INTO loose VALUES (?)", [(int(id),) for id in ids])


def _unused(store: SQLiteStore, loose: Sequence[Any]) -> NDArray[np.int32]:
    import numpy as np

    candidates = np.array([row[0] for row in loose], dtype="<i4")
    cursor = store.db.conn.execute("SELECT texts FROM derived")
    while len(candidates) and (rows := cursor.fetchmany(10_000)):
        used = np.frombuffer(b"".join(row[0] for row in rows), dtype="<i4")
        candidates = candidates[~np.isin(candidates, used)]
    return candidates
