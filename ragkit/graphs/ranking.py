"""From an activation to a ranking of passages: the prior, the walk, the fusion with plain similarity.

Source: sections 3.5 and 3.6 of LinearRAG (arXiv 2510.10114); the terms beyond it say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ragkit.graphs.arrays import gather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ragkit.components import Ints
    from ragkit.graphs.activation import Activation
    from ragkit.graphs.arrays import TriGraphArrays

    Floats = NDArray[np.float64]

Fusion = Literal["none", "rrf", "min_rank"]
RRF_CONSTANT = 60
SIGNIFICANT = 10  # digits of a walk's score that count when passages are compared


def prior(
    arrays: TriGraphArrays,
    activation: Activation,
    likeness: Floats,
    *,
    ratio: float,
    weight: float,
    home: float,
    top: int | None,
) -> Floats:
    """What each passage is worth before the walk: weight * (ratio * likeness + ln(1 + bonus) + home).

    `bonus` sums, over the activated entities of a passage, best * ln(1 + mentions) / tier. `home` weighs the best
    activated entity the passage is the home of (ours, not the paper's: questions lead from a name to the page about
    it). With `top` only the passages most like the question keep the first term.
    """
    if top is not None and top < len(likeness):
        likeness = np.where(likeness >= np.partition(likeness, -top)[-top], likeness, 0.0)
    active = activation.active
    share = activation.best[active] / activation.tier[active]
    bonus = np.asarray(arrays.entity_passages[active].T @ share).ravel()
    value = ratio * likeness + np.log1p(bonus)
    if home:
        owner, passages = gather(arrays.entity_homes, active)
        best = np.zeros(len(value))
        np.maximum.at(best, passages, activation.best[active][owner])
        value += home * best
    result: Floats = weight * value
    return result


def minmax(values: Floats, among: NDArray[np.bool_]) -> Floats:
    """Values scaled so that the candidates span 0 to 1; 1 for all when they are equal."""
    if not among.any():
        return np.zeros(len(values))
    low, high = values[among].min(), values[among].max()
    if high == low:
        return np.ones(len(values))
    scaled: Floats = np.clip((values - low) / (high - low), 0.0, 1.0)
    return scaled


def rounded(values: Floats) -> Floats:
    """Values to ten significant digits, so that the order of a sum cannot flip a tie."""
    with np.errstate(divide="ignore"):
        size = np.where(values > 0, np.floor(np.log10(np.where(values > 0, values, 1.0))), 0.0)
    scale = 10.0 ** (SIGNIFICANT - 1 - size)
    result: Floats = np.round(values * scale) / scale
    return result


def ranks(values: Floats) -> Ints:
    """How many values are larger; equal values share a rank, the best has 0."""
    ordered = np.sort(values)
    return len(values) - np.searchsorted(ordered, values, side="right")


def ranks_at(values: Floats, places: Ints) -> Ints:
    """`ranks(values)[places]` for a few places, without sorting all values."""
    return np.array([np.count_nonzero(values > value) for value in values[places]], dtype=np.int64)


def fused(graph: Floats, likeness: Floats, fusion: Fusion) -> tuple[Floats, ...]:
    """Keys to order passages by, the first deciding, larger being better."""
    if fusion == "none":
        return (graph,)
    one, two = ranks(graph), ranks(likeness)
    if fusion == "rrf":
        return (1 / (RRF_CONSTANT + one) + 1 / (RRF_CONSTANT + two),)
    return (-np.minimum(one, two).astype(np.float64), -np.maximum(one, two).astype(np.float64))


def best_places(keys: Sequence[Floats], among: NDArray[np.bool_], k: int) -> Ints:
    """The places of the k best candidates by these keys, and all that tie with the last of them; best first."""
    places = np.flatnonzero(among)
    if not len(places) or k <= 0:
        return places[:0]
    first = keys[0][places]
    if len(places) > k:
        bound = np.partition(first, -k)[-k]
        places = places[first >= bound]
    order = np.lexsort(tuple(-key[places] for key in reversed(keys)))
    places = places[order]
    if len(places) > k:
        last = places[k - 1]
        tied = np.all([key[places[k:]] == key[last] for key in keys], axis=0)
        places = places[: k + int(np.argmin(np.append(tied, False)))]
    return places
