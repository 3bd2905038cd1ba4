"""Which windows of a conversation are worth asking a chat model about.

The reference drops windows whose score lies under a fixed number; here the score only decides about the call, and is
compared with the scope's own earlier windows, as a fixed number means something else under every embedder.
"""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.memory import vectors
from ragkit.memory.config import MemoryConfig
from ragkit.memory.salience import gate_opens, slot, window_entropy
from ragkit.memory.store import MemoryStore, rows_in


def opens(store: MemoryStore, scope_id: int, messages: Sequence[int], config: MemoryConfig) -> bool:
    """Whether a window of messages is to be asked about; always, unless the gate is "entropy"."""
    if config.gate == "none" or not messages:
        return True
    score = _score(store, scope_id, messages, config)
    with store.write() as connection:
        earlier = connection.execute(
            "SELECT slot, unit_id, value FROM memory_sample WHERE scope_id = ? AND kind = 'gate'", [scope_id]
        ).fetchall()
        known = [value for _, message, value in earlier if message != messages[0]]
        if len(known) == len(earlier):  # a window that is asked about again counts once
            place = slot(len(earlier) + 1, config.reservoir)
            if place is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO memory_sample VALUES (?, 'gate', ?, ?, ?)",
                    [scope_id, place, messages[0], score],
                )
    return gate_opens(score, known, config.gate_quantile)


def _score(store: MemoryStore, scope_id: int, messages: Sequence[int], config: MemoryConfig) -> float:
    """The window's share of new names, and its distance from what was heard before."""
    import numpy as np

    with store.read() as connection:
        units = sorted(
            {
                row[0]
                for row in rows_in(connection, "SELECT unit_id FROM memory_unit_source WHERE message_id IN ?", messages)
            }
        )
        first = units[0] if units else 0
        named = "FROM memory_facet WHERE scope_id = ? AND kind IN ('person', 'entity')"
        sql = f"SELECT DISTINCT norm {named} AND unit_id IN ?"
        names = [row[0] for row in rows_in(connection, sql, units, [scope_id])]
        earlier = f"SELECT 1 {named} AND norm = ? AND unit_id < ?"
        new = sum(connection.execute(earlier, [scope_id, name, first]).fetchone() is None for name in names)
        model = vectors.current(connection)
        view = vectors.VectorCache().view(connection, scope_id, model) if model else None
    cosine = 0.0
    if view is not None and len(view.ids):
        inside, before = np.isin(view.ids, units), view.ids < first
        if inside.any() and before.any():
            one, other = view.matrix[inside].mean(axis=0), view.matrix[before].mean(axis=0)
            lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
            cosine = float(one @ other) / lengths if lengths else 0.0
    return window_entropy(new, len(messages), cosine, config.gate_alpha)
