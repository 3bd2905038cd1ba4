"""The lexical view: how well each unit of a scope holds the words of a question, counted from the full-text index.

The index holds all scopes of a file, so its own BM25 would let other scopes' words weigh on this one's ranking. Here
the words' places are read from it, and how rare a word is counts in the scope alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.memory.schema import FTS_COLUMNS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.memory.table import UnitTable

    Numbers = NDArray[np.float64]

K1, B = 1.2, 0.75  # of BM25, as in SQLite
TEXT_COLUMNS = ("text", "ctx", "grams")  # where a word counts as covered
# The place of a column's name in the list of all is quicker to read than the name.
_LIST = " ".join(FTS_COLUMNS)
_PLACES = (
    f"SELECT w.doc, instr('{_LIST}', w.col) FROM memory_words w JOIN memory_unit u ON u.id = w.doc "
    "WHERE w.term = ? AND u.scope_id = ?"
)
_COLUMN = {_LIST.index(name) + 1: name for name in FTS_COLUMNS}


@dataclass(frozen=True, slots=True)
class Lexical:
    """For each row of the table its BM25 as a share of the best, and the share of the words it covers, by rarity."""

    score: Numbers
    covered: Numbers


def lexical_view(
    connection: sqlite3.Connection,
    scope_id: int,
    table: UnitTable,
    groups: Sequence[Sequence[str]],
    weights: Sequence[float],
) -> Lexical:
    """The lexical view of a question whose words are `groups` of tokens (see `stems.term_groups`).

    `weights` are those of the index's columns: label, text, ctx, date_text, grams. BM25F: tf is the weighted sum over
    columns, idf = ln(1 + (N - n + 0.5) / (n + 0.5)), and a length counts characters, with the messages before.
    """
    import numpy as np

    count = len(table)
    score, covered, total = np.zeros(count), np.zeros(count), 0.0
    size = table.length + table.context
    long = K1 * (1 - B + B * size / size.mean()) if count and size.any() else K1
    by_column = dict(zip(FTS_COLUMNS, weights, strict=True))
    for group in groups:
        frequency, holds, inside = np.zeros(count), np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
        for token in group:
            for column, rows in _places(connection, scope_id, table, token).items():
                frequency += by_column[column] * np.bincount(rows, minlength=count)
                holds[rows] = True
                if column in TEXT_COLUMNS:
                    inside[rows] = True
        holding = int(holds.sum())
        idf = float(np.log1p((count - holding + 0.5) / (holding + 0.5))) if count else 0.0
        total += idf
        score += idf * frequency * (K1 + 1) / (frequency + long)
        covered += idf * inside
    best = float(score.max(initial=0.0))
    return Lexical(score / best if best > 0 else score, covered / total if total > 0 else covered)


def _places(
    connection: sqlite3.Connection, scope_id: int, table: UnitTable, token: str
) -> dict[str, NDArray[np.int64]]:
    """The rows that hold a token, once for each time, by column."""
    import numpy as np

    found = connection.execute(_PLACES, [token, scope_id]).fetchall()
    if not found:
        return {}
    docs, places = np.array(found, dtype=np.int64).T
    rows, known = table.rows(docs)
    return {_COLUMN[place]: rows[known & (places == place)] for place in sorted(set(places.tolist()))}
