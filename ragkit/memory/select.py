"""Choosing among ranked units: no unit beside the abstract that covers it, no older duplicate beside the newer.

A question that asks for all of something wants the units themselves; a plain one is served by the abstract.
"""

from __future__ import annotations

import dataclasses
import itertools
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.memory.config import MemoryConfig
from ragkit.memory.store import rows_in
from ragkit.memory.types import KINDS, TIERS

if TYPE_CHECKING:
    from ragkit.memory.recall import Asked

COMPLEX = 0.5  # of a question's complexity: from here on an abstract does not stand for its members
PLAIN = 0.25  # below this an abstract nearly as good as the best unit goes first
NEARLY = 0.95
STEP = 1e-6  # what puts it first; abstracts among themselves stay in their order


@dataclass(frozen=True, slots=True)
class Ranked:
    """A unit chosen: its row in the table, its number, its score."""

    row: int
    id: int
    score: float


def select(connection: sqlite3.Connection, asked: Asked, k: int, config: MemoryConfig) -> list[Ranked]:
    """At most `k` units, best first; ties: the newer event, then the unit's id."""
    if k <= 0:
        return []
    table, complexity = asked.table, asked.question.complexity
    if complexity >= COMPLEX:
        asked = _expanded(asked, k, config)
    elif complexity < PLAIN:
        asked = _abstracts_first(asked)
    chosen: list[Ranked] = []
    left_out: set[int] = set()
    for row in _in_order(connection, asked):
        if row in left_out:
            continue
        chosen.append(Ranked(row, int(table.ids[row]), float(asked.scores[row])))
        if len(chosen) == k:
            break
        left_out.update(table.duplicates.get(row, ()))
        if complexity < COMPLEX:
            left_out.update(table.abstracts.get(row, ()))
    return chosen


def _expanded(asked: Asked, k: int, config: MemoryConfig) -> Asked:
    """What the abstracts among the best `k` cover counts in full, and is found whatever words it has."""
    import numpy as np

    table, scores, found = asked.table, asked.scores.copy(), asked.found.copy()
    best = np.flatnonzero(found)
    best = best[np.argsort(-scores[best], kind="stable")][:k]
    archived = TIERS.index("archived")
    for row in best.tolist():
        for member in table.abstracts.get(row, ()):
            if asked.eligible[member] and table.tier[member] == archived:
                found[member] = True
                if scores[member] > 0 and config.w_archived > 0:
                    scores[member] = asked.scores[member] / config.w_archived
    return dataclasses.replace(asked, scores=scores, found=found)


def _abstracts_first(asked: Asked) -> Asked:
    """Abstracts nearly as good as the best unit are given its score, and a little more to go before it."""
    import numpy as np

    if not asked.found.any():
        return asked
    best = float(asked.scores[asked.found].max())
    nearly = asked.found & (asked.table.kind == KINDS.index("abstract")) & (asked.scores >= NEARLY * best)
    if best <= 0 or not nearly.any():
        return asked
    return dataclasses.replace(asked, scores=np.where(nearly, best * (1 + STEP) + STEP * asked.scores, asked.scores))


def _in_order(connection: sqlite3.Connection, asked: Asked) -> Iterator[int]:
    """The rows found, best first; ids are read only where two units tie."""
    import numpy as np

    rows = np.flatnonzero(asked.found)
    start = asked.table.start[rows]
    order = np.lexsort((-start, -asked.scores[rows]))
    rows, start = rows[order], start[order]
    scores = asked.scores[rows]
    new = np.r_[True, (scores[1:] != scores[:-1]) | (start[1:] != start[:-1])][: len(rows)]
    for first, after in itertools.pairwise([*np.flatnonzero(new).tolist(), len(rows)]):
        tied = rows[first:after].tolist()
        if len(tied) > 1:
            ids = asked.table.ids[tied].tolist()
            uid = dict(rows_in(connection, "SELECT id, uid FROM memory_unit WHERE id IN ?", ids))
            tied.sort(key=lambda row: uid[int(asked.table.ids[row])])
        yield from tied
