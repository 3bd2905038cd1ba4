"""Vectors for units that have none yet: those of a slow model, and those a model failed on before."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.errors import ModelError
from ragkit.memory import vectors
from ragkit.memory.accept import plain
from ragkit.memory.config import MemoryConfig
from ragkit.memory.derive import BETWEEN
from ragkit.memory.near import vector_text
from ragkit.memory.rows import UnitRow, read_messages, read_rows, sources_of
from ragkit.memory.store import MemoryStore, bump

if TYPE_CHECKING:
    from ragkit.components import Embedder

BATCH = 256
LITTLE = 64  # units that a search waits for

_LACKING = (
    "SELECT u.id FROM memory_unit u WHERE u.scope_id = ? AND u.tier != 'phatic' AND u.hidden_us IS NULL AND u.id > ? "
    "AND NOT EXISTS (SELECT 1 FROM memory_vector v WHERE v.unit_id = u.id AND v.model = ?) ORDER BY u.id LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Filled:
    """How many units got a vector, how many did not, and what the model said when it failed."""

    done: int = 0
    failed: int = 0
    error: str = ""


def lacking(connection: sqlite3.Connection, scope_id: int, model: int) -> int:
    """How many units have no vector of a model though they should."""
    sql = f"SELECT count(*) FROM ({_LACKING})"
    return int(connection.execute(sql, [scope_id, 0, model, -1]).fetchone()[0])


def texts_for(connection: sqlite3.Connection, units: list[int], config: MemoryConfig) -> dict[int, str]:
    """The text each unit's vector is made of."""
    rows = read_rows(connection, units)
    sources = sources_of(connection, units)
    firsts = sorted({some[0] for some in sources.values()})
    messages = read_messages(connection, firsts)
    texts = {}
    for unit, row in rows.items():
        if row.kind == "turn" and row.method == "rules":
            message = messages[sources[unit][0]]
            texts[unit] = vector_text(_context(row), plain(message.text, message.captions), config)
        else:
            texts[unit] = row.text
    return texts


def _context(row: UnitRow) -> list[str]:
    return row.ctx.split(BETWEEN) if row.ctx else []


def fill(
    store: MemoryStore,
    scope_id: int,
    embedder: Embedder,
    config: MemoryConfig,
    *,
    model: vectors.Model | None = None,
    most: int | None = None,
) -> Filled:
    """Give units of a scope their vectors, in batches, at most `most` of them; `model` is the current one by default.

    The model runs outside transactions; a unit that changed meanwhile is left for the next time.
    """
    if model is None:
        with store.write() as connection:
            vectors.check_model(connection, embedder, store.path)
            model = vectors.registered(connection, embedder)
    done = failed = last = 0
    error = ""
    while most is None or done + failed < most:
        room = BATCH if most is None else min(BATCH, most - done - failed)
        with store.read() as connection:
            units = [row[0] for row in connection.execute(_LACKING, [scope_id, last, model.id, room])]
            texts = texts_for(connection, units, config)
        if not units:
            break
        last = units[-1]
        found, said = vectors.embedded(embedder, [texts[unit] for unit in units])
        made = [(unit, vector) for unit, vector in zip(units, found, strict=True) if vector is not None]
        with store.write() as connection:
            now = texts_for(connection, [unit for unit, _ in made], config)
            good = [(unit, vector) for unit, vector in made if now.get(unit) == texts[unit]]
            vectors.put(connection, scope_id, model, [unit for unit, _ in good], [vector for _, vector in good])
        done, failed, error = done + len(good), failed + len(units) - len(made), said or error
    return Filled(done, failed, error)


def catch_up(store: MemoryStore, scope_id: int, embedder: Embedder, config: MemoryConfig) -> None:
    """Embed what was just added, when it is little, so that the search that follows finds it by meaning too.

    What failed before is left to its job.
    """
    if store.read_only:
        return
    with store.read() as connection:
        sql = "SELECT max(attempts) FROM memory_job WHERE scope_id = ? AND kind = 'vectorise' AND state != 'failed'"
        attempts = connection.execute(sql, [scope_id]).fetchone()[0]
        model = vectors.current(connection)
        if attempts is None or attempts > 1 or model is None:
            return
        few = len(connection.execute(_LACKING, [scope_id, 0, model.id, LITTLE + 1]).fetchall())
    if 0 < few <= LITTLE:
        fill(store, scope_id, embedder, config, model=model, most=LITTLE)


def reindex(store: MemoryStore, embedder: Embedder, config: MemoryConfig) -> int:
    """Embed all units of all scopes with a model and switch over to it; how many vectors were made.

    The old vectors are searched until the new ones are complete. Raises `ModelError` when the model fails on a unit;
    the old vectors then stay in use, and what was made is kept for another try.
    """
    with store.write() as connection:
        model = vectors.registered(connection, embedder, use=vectors.current(connection) is None)
        scopes = [row[0] for row in connection.execute("SELECT id FROM memory_scope ORDER BY id")]
    made = 0
    while True:
        for scope_id in scopes:
            filled = fill(store, scope_id, embedder, config, model=model)
            made += filled.done
            if filled.failed:
                raise ModelError(
                    f"{filled.failed} units could not be embedded ({filled.error}); the vectors of before stay in use"
                )
        with store.write() as connection:
            # What was added meanwhile has old vectors only; it is embedded before the switch.
            scopes = [row[0] for row in connection.execute("SELECT id FROM memory_scope ORDER BY id")]
            if any(lacking(connection, scope_id, model.id) for scope_id in scopes):
                continue
            vectors.registered(connection, embedder)
            connection.execute("DELETE FROM memory_vector WHERE model != ?", [model.id])
            connection.execute("DELETE FROM memory_model WHERE id != ?", [model.id])
            bump(connection, "vector_epoch")
            return made
