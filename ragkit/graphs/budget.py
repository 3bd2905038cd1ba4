"""Which chunks a language model should write units for, within a budget of tokens.

Source: the budgeted hybrid extraction of Clue-RAG (arXiv 2507.08445). The paper counts text tokens; here a chunk costs
what its share of a call costs, prompt and reply. The choice by need is ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError
from ragkit.text.tokens import count_tokens, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.components import Vectors

    Floats = NDArray[Any]

ITEM_OVERHEAD = 24  # tokens of an item's fence and number
CELLS = 20_000_000  # of the exact solver's table
LONG = 30  # words of a sentence that likely says several things
NEIGHBOURS = 10  # of the graph that `pagerank` walks
_REFERRING = frozenset("he she it they him her them his its their this that these those".split())
_RELATIVE = frozenset("which who whom whose where when".split())


@dataclass(frozen=True, slots=True)
class Choice:
    """The chunks chosen, as places, best value per token first; `bound` is what no choice can exceed."""

    chosen: tuple[int, ...]
    value: float
    cost: int
    bound: float


def costs(
    texts: Sequence[str], heads: Sequence[str], template: int, batch: int, reply: float, *, content: bool = False
) -> list[int]:
    """Tokens each chunk takes of its call: its part of the template, its head and text, and a reply of `reply` x text.

    With `content` its text alone, as in the paper.
    """
    sizes = [count_tokens(text) for text in texts]
    if content:
        return sizes
    share = template / max(1, batch)
    return [
        math.ceil(share + count_tokens(head) + size + ITEM_OVERHEAD + reply * size)
        for head, size in zip(heads, sizes, strict=True)
    ]


def tokens_of(budget: float | None, full: int) -> int:
    """A budget in tokens: none, a share of the full cost (a float up to 1.0), or a number of tokens (an int)."""
    if budget is None:
        return 0
    if isinstance(budget, bool) or budget < 0 or (isinstance(budget, float) and budget > 1):
        raise InvalidValueError(
            f"llm_budget must be a whole number of tokens or a share from 0.0 to 1.0 of the full cost, not {budget!r}"
        )
    return math.floor(budget * full) if isinstance(budget, float) else int(budget)


def need(sentences: Sequence[str], named: Sequence[bool]) -> float:
    """How much a chunk would gain from being rewritten.

    One for each sentence that begins by referring back, half for each that is long or nested, half for each that names
    nothing but the chunk's head; `named` says which name more.
    """
    total = 0.0
    for sentence, names in zip(sentences, named, strict=True):
        own = words(sentence)
        total += bool(_REFERRING & set(own[:3]))
        total += 0.5 * (len(own) > LONG or ";" in sentence or _nested(sentence))
        total += 0.5 * (not names)
    return total


def _nested(sentence: str) -> bool:
    return any(words(part)[:1] and words(part)[0] in _RELATIVE for part in sentence.split(",")[1:])


def centrality(vectors: Vectors) -> Floats:
    """Each vector's mean cosine with the others, in time O(n d)."""
    import numpy as np

    vectors = np.asarray(vectors, dtype=np.float64)
    mean: Floats = (vectors @ vectors.sum(axis=0) - 1) / max(1, len(vectors))
    return mean


def pagerank(vectors: Vectors) -> Floats:
    """PageRank (damping 0.85) on the graph of each vector's ten nearest, taken both ways."""
    import numpy as np
    from scipy.sparse import csr_matrix

    count = len(vectors)
    most = min(NEIGHBOURS, count - 1)
    if most < 1:
        return np.ones(count)
    near = np.empty((count, most), dtype=np.int64)
    for start in range(0, count, 512):
        similar = np.round(vectors[start : start + 512] @ vectors.T, 6)
        similar[np.arange(len(similar)), start + np.arange(len(similar))] = -np.inf
        near[start : start + 512] = np.argsort(-similar, axis=1, kind="stable")[:, :most]
    graph = csr_matrix((np.ones(near.size), (np.repeat(np.arange(count), most), near.ravel())), shape=(count, count))
    graph = graph.maximum(graph.T)
    spread = np.asarray(graph.sum(axis=1)).ravel()
    rank = np.full(count, 1 / count)
    for _ in range(50):
        rank = 0.15 / count + 0.85 * (graph.T @ (rank / spread))
    return rank


def choose(values: Sequence[float], costs: Sequence[int], budget: int, *, exact: bool = False) -> Choice:
    """Places of the largest total value whose costs fit the budget; a value of 0 is never chosen.

    By value per token, passing over what does not fit; if the best single one alone is worth more, that one. The
    optimum is at most the largest value better. `exact` finds it, with costs in steps where the table would be too
    large otherwise.
    """
    able = [place for place in range(len(values)) if values[place] > 0 and costs[place] <= budget]
    order = sorted(able, key=lambda place: (-_density(values[place], costs[place]), place))
    bound = _bound(values, costs, order, budget)
    chosen = _exactly(values, costs, order, budget) if exact else _greedily(values, costs, order, budget)
    best = max(able, key=lambda place: (values[place], -place), default=None)
    if best is not None and values[best] > math.fsum(values[place] for place in chosen):
        chosen = [best]
    total = math.fsum(values[place] for place in chosen)
    return Choice(tuple(chosen), total, sum(costs[place] for place in chosen), bound)


def _density(value: float, cost: int) -> float:
    return value / cost if cost else math.inf


def _greedily(values: Sequence[float], costs: Sequence[int], order: Sequence[int], budget: int) -> list[int]:
    chosen = []
    for place in order:
        if costs[place] <= budget:
            chosen.append(place)
            budget -= costs[place]
    return chosen


def _bound(values: Sequence[float], costs: Sequence[int], order: Sequence[int], budget: int) -> float:
    """The optimum if parts of chunks could be chosen."""
    total = 0.0
    for place in order:
        if costs[place] > budget:
            return total + _density(values[place], costs[place]) * budget
        total += values[place]
        budget -= costs[place]
    return total


def _exactly(values: Sequence[float], costs: Sequence[int], order: Sequence[int], budget: int) -> list[int]:
    """By dynamic programming over the budget; costs are rounded up to steps of `unit` so that the table fits."""
    import numpy as np

    budget = min(budget, sum(costs[place] for place in order))
    if not order or budget <= 0:
        return [place for place in order if costs[place] <= 0]
    unit = max(1, math.ceil(len(order) * (budget + 1) / CELLS))
    width = budget // unit
    best = np.zeros(width + 1)
    taken = np.zeros((len(order), width + 1), dtype=np.uint8)
    for number, place in enumerate(order):
        cost = -(-costs[place] // unit)
        if cost > width:
            continue
        with_it = best[: width + 1 - cost] + values[place]
        better = with_it > best[cost:]
        taken[number, cost:] = better
        best[cost:] = np.where(better, with_it, best[cost:])
    chosen, left = [], width
    for number in range(len(order) - 1, -1, -1):
        if taken[number, left]:
            chosen.append(order[number])
            left -= -(-costs[order[number]] // unit)
    return chosen[::-1]
