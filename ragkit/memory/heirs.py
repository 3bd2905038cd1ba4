"""What superseded a statement inherits its place: the new number is found by the words of the old one.

"My number changed, it is 555-0199" says less of what "What is Lucy's phone number?" asks than the statement it
replaced, which is no longer shown; so it counts with the higher of both scores.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ragkit.memory.store import rows_in
from ragkit.memory.types import TIERS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.memory.table import UnitTable

    Numbers = NDArray[np.float64]
    Flags = NDArray[np.bool_]


def inherited(
    connection: sqlite3.Connection, table: UnitTable, scores: Numbers, found: Flags, eligible: Flags, weight: float
) -> tuple[Numbers, Flags]:
    """Scores and candidates where the eligible successors of superseded units that are left out have taken their place.

    `weight` is what the scores of superseded units were multiplied with.
    """
    import numpy as np

    left_out = np.flatnonzero((table.tier == TIERS.index("superseded")) & ~eligible & (scores > 0))
    if not len(left_out) or weight <= 0:
        return scores, found
    sql = "SELECT dst, src FROM memory_link WHERE rel = 'supersedes' AND dst IN ?"
    links = sorted(rows_in(connection, sql, table.ids[table.tier == TIERS.index("superseded")].tolist()))
    successors: dict[int, list[int]] = {}
    for old, new in links:
        successors.setdefault(old, []).append(new)
    passed = [(row, heir) for row in left_out.tolist() for heir in _last(int(table.ids[row]), successors)]
    if not passed:
        return scores, found
    places, known = table.rows(np.array([heir for _, heir in passed], dtype=np.int64))
    scores, found = scores.copy(), found.copy()
    for (row, _), place, there in zip(passed, places.tolist(), known.tolist(), strict=True):
        if there and eligible[place]:
            scores[place] = max(scores[place], scores[row] / weight)
            found[place] = True
    return scores, found


def _last(unit: int, successors: dict[int, list[int]]) -> list[int]:
    """The units at the ends of the chains that begin at a superseded one."""
    ends, seen, open_ = [], {unit}, [unit]
    while open_:
        one = open_.pop()
        following = [heir for heir in successors.get(one, []) if heir not in seen]
        if not following and one != unit:
            ends.append(one)
        seen.update(following)
        open_ += following
    return sorted(ends)
