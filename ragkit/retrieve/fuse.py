"""Fusing rankings of one question into one.

Every method gives each chunk a score from its ranks or scores in the lists, and orders by it, ties by chunk id:

| method | a chunk's score |
|---|---|
| `rrf` | sum over the lists of weight / (60 + rank), ranks from 1 (Cormack, Clarke, Büttcher, SIGIR 2009) |
| `minmax` | sum of weight x score, each list's scores scaled to 0..1; 0 where it is missing |
| `zscore` | sum of weight x standardised score; one below the list's lowest where it is missing |
| `max` | the largest weight x score, scaled as for `minmax` |
| `min_rank` | by the smallest of its ranks / weight, equal ones by the next; the score is 1 / place |

A list all of whose scores are equal says only what is in it: 1 each for `minmax` and `max`, 0 for `zscore`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ragkit.errors import InvalidValueError
from ragkit.types import Hit, Hits, Metadata

RRF_CONSTANT = 60  # of the paper
METHODS = ("rrf", "minmax", "zscore", "min_rank", "max")

Scores = dict[str, float]
Method = Callable[[Sequence[Hits], Sequence[float]], Scores]


def fuse(lists: Sequence[Hits], weights: Sequence[float] | None = None, method: str = "rrf") -> Hits:
    """One ranking of all chunks in the lists, which answer the same question; the query is the first list's.

    Each hit's `why` keeps the entries of every list it was in, and gains `fuse`. Raises `InvalidValueError` when there
    is no list, the method is unknown, or the weights are not one number, at least 0, for each list.
    """
    weights = _checked(lists, weights, method)
    scores = _SCORES[method](lists, weights)
    merged = _merged(lists)
    order = sorted(scores, key=lambda id: (-scores[id], id))
    items = tuple(_fused(merged[id], scores[id], rank, method) for rank, id in enumerate(order, 1))
    trace = {key: value for hits in lists for key, value in hits.trace.items()}
    return Hits(lists[0].query, items, trace)


def _checked(lists: Sequence[Hits], weights: Sequence[float] | None, method: str) -> list[float]:
    if not lists:
        raise InvalidValueError("there is nothing to fuse; give at least one list of hits")
    if method not in _SCORES:
        raise InvalidValueError(f"no fusion method {method!r}; there are {', '.join(METHODS)}")
    weights = [1.0] * len(lists) if weights is None else [float(weight) for weight in weights]
    if len(weights) != len(lists):
        raise InvalidValueError(f"{len(lists)} lists need as many weights, not {len(weights)}")
    for weight in weights:
        if not 0 <= weight < math.inf:
            raise InvalidValueError(f"the weight of a list must be a number of at least 0, not {weight}")
    return weights


def _rrf(lists: Sequence[Hits], weights: Sequence[float]) -> Scores:
    scores = _zeros(lists)
    for hits, weight in zip(lists, weights, strict=True):
        for rank, hit in enumerate(hits, 1):
            scores[hit.chunk.id] += weight / (RRF_CONSTANT + rank)
    return _rounded(scores)


def _minmax(lists: Sequence[Hits], weights: Sequence[float]) -> Scores:
    scores = _zeros(lists)
    for hits, weight in zip(lists, weights, strict=True):
        for hit, value in zip(hits, _scaled(hits), strict=True):
            scores[hit.chunk.id] += weight * value
    return _rounded(scores)


def _max(lists: Sequence[Hits], weights: Sequence[float]) -> Scores:
    scores = _zeros(lists)
    for hits, weight in zip(lists, weights, strict=True):
        for hit, value in zip(hits, _scaled(hits), strict=True):
            scores[hit.chunk.id] = max(scores[hit.chunk.id], weight * value)
    return _rounded(scores)


def _zscore(lists: Sequence[Hits], weights: Sequence[float]) -> Scores:
    scores = _zeros(lists)
    for hits, weight in zip(lists, weights, strict=True):
        values = _standardised(hits)
        missing = min(values, default=0.0) - 1.0
        found = {hit.chunk.id: value for hit, value in zip(hits, values, strict=True)}
        for id in scores:
            scores[id] += weight * found.get(id, missing)
    return _rounded(scores)


def _min_rank(lists: Sequence[Hits], weights: Sequence[float]) -> Scores:
    ranks: dict[str, list[float]] = {id: [] for id in _zeros(lists)}
    for hits, weight in zip(lists, weights, strict=True):
        found = {hit.chunk.id: rank for rank, hit in enumerate(hits, 1)}
        for id, own in ranks.items():
            own.append(found[id] / weight if weight and id in found else math.inf)
    keys = {id: tuple(sorted(own)) for id, own in ranks.items()}
    places = {key: place for place, key in enumerate(sorted(set(keys.values())), 1)}
    return {id: 1.0 / places[key] for id, key in keys.items()}


_SCORES: Mapping[str, Method] = {
    "rrf": _rrf,
    "minmax": _minmax,
    "zscore": _zscore,
    "min_rank": _min_rank,
    "max": _max,
}


def _zeros(lists: Sequence[Hits]) -> Scores:
    return {id: 0.0 for id in sorted({hit.chunk.id for hits in lists for hit in hits})}


def _rounded(scores: Scores) -> Scores:
    # Sums in another order must not break ties that are none: the order of the sides should not matter.
    return {id: float(f"{score:.12g}") for id, score in scores.items()}


def _finite(hits: Hits) -> list[float]:
    """The scores, infinite ones as the largest and smallest of the others, scaled so that no sum overflows."""
    finite = [hit.score for hit in hits if math.isfinite(hit.score)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    largest = max(abs(low), abs(high)) or 1.0
    return [min(max(hit.score, low), high) / largest for hit in hits]


def _scaled(hits: Hits) -> list[float]:
    values = _finite(hits)
    low, high = min(values, default=0.0), max(values, default=0.0)
    if high == low:
        return [1.0] * len(values)
    return [(value - low) / (high - low) for value in values]


def _standardised(hits: Hits) -> list[float]:
    values = _finite(hits)
    mean = math.fsum(values) / len(values) if values else 0.0
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values)) if values else 0.0
    if spread < 1e-12 or min(values) == max(values):
        return [0.0] * len(values)
    return [(value - mean) / spread for value in values]


def _merged(lists: Sequence[Hits]) -> dict[str, Hit]:
    merged: dict[str, Hit] = {}
    for hits in lists:
        for hit in hits:
            before = merged.get(hit.chunk.id)
            why = hit.why if before is None else _both(before.why, hit.why)
            merged[hit.chunk.id] = Hit(hit.chunk if before is None else before.chunk, hit.score, why)
    return merged


def _both(first: Metadata, second: Metadata) -> dict[str, Any]:
    """Both explanations; a stage that stands on two sides with different findings becomes `bm25` and `bm25#2`."""
    both = dict(first)
    for stage, entry in second.items():
        if both.get(stage) != entry:
            both[_free(stage, both)] = entry
    return both


def _free(stage: str, taken: Mapping[str, Any]) -> str:
    number, name = 1, stage
    while name in taken:
        number += 1
        name = f"{stage}#{number}"
    return name


def _fused(hit: Hit, score: float, rank: int, method: str) -> Hit:
    entry = {"rank": rank, "score": score, "method": method}
    return Hit(hit.chunk, score, {**hit.why, _free("fuse", hit.why): entry})
