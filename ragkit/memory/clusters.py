"""Which units say much the same: affinities by meaning and time, and clusters in which every pair is close enough.

Pure functions of arrays, without chance: the same units give the same clusters in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.memory.periods import DAY_US

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]

LOWEST, HIGHEST = 0.60, 0.95  # what a threshold taken from a quantile is clamped to
SAMPLED_PAIRS = 20_000
MOST_PAIRS = 1_000_000  # of close pairs; with more the threshold rises until they fit
_ROWS = 512  # of the affinity matrix at a time
_BATCH = 32_768  # pairs of vectors compared at a time


@dataclass(frozen=True, slots=True)
class Affinity:
    """How close two units are: beta * max(0, cosine) + (1 - beta) * exp(-decay * days between their events).

    `vectors` are unit rows, `starts` and `ends` the events in microseconds. Overlapping events are no days apart.
    """

    vectors: Floats
    starts: Ints
    ends: Ints
    beta: float
    decay: float

    def of(self, left: Ints, right: Ints) -> Floats:
        """The affinities of pairs of rows."""
        import numpy as np

        cosine = np.empty(len(left), dtype=np.float32)
        for some in (slice(begin, begin + _BATCH) for begin in range(0, len(left), _BATCH)):
            # Row by row and rounded, so that a pair has one affinity whichever others it is computed with.
            cosine[some] = np.einsum("ij,ij->i", self.vectors[left[some]], self.vectors[right[some]])
        gap = np.maximum(self.starts[left] - self.ends[right], self.starts[right] - self.ends[left])
        days = np.maximum(gap, 0) / DAY_US
        close = self.beta * np.maximum(cosine, 0.0) + (1 - self.beta) * np.exp(-self.decay * days)
        rounded: Floats = np.round(close, 5).astype(np.float32)
        return rounded


def threshold(affinity: Affinity, quantile: float, fixed: float | None = None) -> float:
    """The affinity from which on two units may be joined: `fixed`, else a quantile over sampled pairs, clamped.

    All pairs are taken when there are few; otherwise 20,000 are drawn with a fixed seed.
    """
    import numpy as np

    if fixed is not None:
        return fixed
    count = len(affinity.vectors)
    if count < 2:
        return HIGHEST
    if count * (count - 1) // 2 <= SAMPLED_PAIRS:
        left, right = np.triu_indices(count, 1)
    else:
        draw = np.random.Generator(np.random.PCG64(0))
        left = draw.integers(0, count, SAMPLED_PAIRS)
        right = (left + draw.integers(1, count, SAMPLED_PAIRS)) % count
    return max(LOWEST, min(HIGHEST, float(np.quantile(affinity.of(left, right), quantile))))


def close_pairs(
    affinity: Affinity, shared: csr_matrix, least: float, candidates: Ints | None = None
) -> tuple[Ints, Ints, Floats, float]:
    """The pairs (left < right, rows) of affinity at least `least` that share a facet, and the threshold that was used.

    `shared` is (units, facets), nonzero where a unit has a facet. The threshold rises above `least` only when more than
    a million pairs would pass it.
    """
    import numpy as np

    rows = np.arange(len(affinity.vectors)) if candidates is None else np.asarray(candidates, dtype=np.int64)
    lefts, rights, values, total = [], [], [], 0
    vectors, facets = affinity.vectors[rows], shared[rows].astype(np.float32)
    for begin in range(0, len(rows), _ROWS):
        here, there = _likely(affinity, vectors, facets, begin, least)
        left, right = rows[here + begin], rows[there + begin]
        left, right = np.minimum(left, right), np.maximum(left, right)
        close = affinity.of(left, right)
        keep = close >= np.float32(least)
        lefts.append(left[keep])
        rights.append(right[keep])
        values.append(close[keep])
        total += int(keep.sum())
        if total > 2 * MOST_PAIRS:
            lefts, rights, values, least = _fitting(lefts, rights, values)
            total = sum(map(len, values))
    if total > MOST_PAIRS:
        lefts, rights, values, least = _fitting(lefts, rights, values)
    if not total:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32), least
    return np.concatenate(lefts), np.concatenate(rights), np.concatenate(values), least


def _likely(affinity: Affinity, vectors: Floats, facets: csr_matrix, begin: int, least: float) -> tuple[Ints, Ints]:
    """Pairs of some rows with later ones that share a facet and are, but for rounding, close enough."""
    import numpy as np

    cosine = vectors[begin : begin + _ROWS] @ vectors[begin:].T
    fits = affinity.beta * np.maximum(cosine, 0.0) + (1 - affinity.beta) >= least - 1e-3
    common = (facets[begin : begin + _ROWS] @ facets[begin:].T).tocoo()
    keep = (common.col > common.row) & fits[common.row, common.col]
    return common.row[keep].astype(np.int64), common.col[keep].astype(np.int64)


def _fitting(
    lefts: list[Ints], rights: list[Ints], values: list[Floats]
) -> tuple[list[Ints], list[Ints], list[Floats], float]:
    """The closest million pairs, without those tied with the first that does not fit."""
    import numpy as np

    left, right, close = np.concatenate(lefts), np.concatenate(rights), np.concatenate(values)
    if len(close) <= MOST_PAIRS:
        return [left], [right], [close], float(close.min())
    bound = np.partition(close, len(close) - MOST_PAIRS - 1)[len(close) - MOST_PAIRS - 1]
    keep = close > bound
    least = float(np.nextafter(bound, np.float32(2.0)))
    return [left[keep]], [right[keep]], [close[keep]], least


def complete_linkage(
    left: Sequence[int] | Ints,
    right: Sequence[int] | Ints,
    close: Sequence[float] | Floats,
    *,
    largest: int,
    smallest: int = 3,
    apart: Callable[[int, int], bool] = lambda one, other: False,
) -> list[list[int]]:
    """Clusters of rows in which every pair is one of the given pairs, joined greedily from the closest pair on.

    Ties go by row number. `apart(i, j)` vetoes a pair. Two clusters that cannot be joined at one step never can later,
    so one pass decides, and what is left over would be left over again. Clusters come by their lowest row.
    """
    import numpy as np

    left, right, close = np.asarray(left), np.asarray(right), np.asarray(close)
    order = np.lexsort((right, left, -close))
    pairs = [(int(i), int(j)) for i, j in zip(left[order], right[order], strict=True)]
    pairs = [(i, j) for i, j in pairs if not apart(i, j)]
    near: dict[int, set[int]] = {}
    for i, j in pairs:
        near.setdefault(i, {i}).add(j)
        near.setdefault(j, {j}).add(i)
    home = {row: row for row in near}
    members = {row: {row} for row in near}
    common = near  # what every member of a cluster is close to
    for i, j in pairs:
        one, other = home[i], home[j]
        if one == other or len(members[one]) + len(members[other]) > largest or not members[other] <= common[one]:
            continue
        keep, gone = (one, other) if len(members[one]) >= len(members[other]) else (other, one)
        for row in members[gone]:
            home[row] = keep
        members[keep] |= members.pop(gone)
        common[keep] = common[keep] & common.pop(gone)
    return sorted(sorted(rows) for rows in members.values() if len(rows) >= smallest)


def medoid(affinity: Affinity, rows: Sequence[int]) -> int:
    """The row with the highest sum of affinities to the others of its cluster, the lowest of several."""
    import numpy as np

    cluster = np.asarray(rows, dtype=np.int64)
    left, right = np.repeat(cluster, len(cluster)), np.tile(cluster, len(cluster))
    sums = affinity.of(left, right).reshape(len(cluster), -1).astype(np.float64).sum(axis=1)
    return int(cluster[int(np.argmax(np.round(sums, 5)))])
