"""How a question's entities activate others through the sentences between them.

Source: sections 3.2 to 3.4 of LinearRAG (arXiv 2510.10114), made independent of order: all choices of a round are
made before any is applied.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ragkit.graphs.arrays import at_home, gather, rank_in_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ragkit.components import Ints
    from ragkit.graphs.arrays import TriGraphArrays

    Floats = NDArray[np.float64]

DIGITS = 6  # similarities are compared rounded, so that the order of a sum cannot flip a tie


@dataclass(frozen=True, slots=True)
class Step:
    """The sentences one round chose: entity `entities[i]` reached sentence `sentences[i]` and passed `values[i]` on."""

    entities: Ints
    sentences: Ints
    values: Floats


@dataclass(slots=True)
class Activation:
    """What a question activated.

    Per entity: `weight` (all it received), `best` (the largest single contribution), `tier` (1 for seeds, then the
    round it was first reached in plus one, 0 when it was not).
    """

    weight: Floats
    best: Floats
    tier: Ints
    steps: list[Step] = field(default_factory=list)

    @property
    def active(self) -> Ints:
        """The places of activated entities, ascending."""
        return np.flatnonzero(self.tier)


def seeded(count: int, seeds: dict[int, float]) -> Activation:
    """The state before the first round: seeds only."""
    start = np.zeros(count)
    for entity, score in seeds.items():
        start[entity] = max(start[entity], score)
    return Activation(start.copy(), start.copy(), (start > 0).astype(np.int64))


def propagate(
    arrays: TriGraphArrays,
    seeds: dict[int, float],
    relevance: Callable[[Ints], Floats],
    *,
    rounds: int,
    threshold: float,
    sentences_per_entity: int,
    home_pick: float = 0.0,
) -> Activation:
    """Breadth first: every active entity passes its value on through its most relevant unused sentences.

    `relevance` gives the relevance of sentences by place, in [0, 1]; `home_pick` is added to it, up to 1, for sentences
    of passages the entity is the home of. A contribution is the entity's value times that relevance; below `threshold`
    it is dropped.
    """
    state = seeded(len(arrays.entities), seeds)
    frontier = state.best.copy()
    used = np.zeros(len(arrays.sentences), dtype=np.bool_)
    for number in range(rounds):
        front = np.flatnonzero(frontier >= max(threshold, np.finfo(float).tiny))
        step = _choose(arrays, front, frontier, used, relevance, threshold, sentences_per_entity, home_pick)
        if step is None:
            break
        state.steps.append(step)
        owner, reached = gather(arrays.sentence_entities, step.sentences)
        passed = step.values[owner]
        frontier = np.zeros(len(arrays.entities))
        np.maximum.at(frontier, reached, passed)
        np.add.at(state.weight, reached, passed)
        used[step.sentences] = True
        state.tier[(state.tier == 0) & (frontier > 0)] = number + 2
        np.maximum(state.best, frontier, out=state.best)
    return state


def _choose(
    arrays: TriGraphArrays,
    front: Ints,
    frontier: Floats,
    used: NDArray[np.bool_],
    relevance: Callable[[Ints], Floats],
    threshold: float,
    most: int,
    home_pick: float,
) -> Step | None:
    owner, sentences = gather(arrays.entity_sentences, front)
    fresh = ~used[sentences]
    owner, sentences = owner[fresh], sentences[fresh]
    if not len(sentences):
        return None
    value = np.round(relevance(sentences), DIGITS)
    preference = value
    if home_pick:
        preference = value + home_pick * at_home(arrays, front[owner], sentences)
    order = np.lexsort((arrays.sentence_order[sentences], -preference, owner))
    kept = order[rank_in_group(owner[order]) < most]
    passed = frontier[front[owner[kept]]] * np.minimum(1.0, preference[kept])
    strong = passed >= max(threshold, np.finfo(float).tiny)
    if not strong.any():
        return None
    kept = kept[strong]
    return Step(front[owner[kept]], sentences[kept], passed[strong])


def propagate_by_matrix(
    arrays: TriGraphArrays, seeds: dict[int, float], relevance: Floats, *, rounds: int, threshold: float
) -> Activation:
    """The paper's equation (5): a <- max(M' (sigma * (M a)), a), pruned at `threshold` and capped at one.

    Sums over many sentences favour entities that stand everywhere; it is here for comparison.
    """
    state = seeded(len(arrays.entities), seeds)
    value = state.best.copy()
    for number in range(rounds):
        sent = arrays.sentence_entities @ (value * (value >= threshold))
        received = arrays.entity_sentences @ (relevance * sent)
        received[received < threshold] = 0.0
        value = np.maximum(np.minimum(received, 1.0), value)
        state.tier[(state.tier == 0) & (value > 0)] = number + 2
    state.weight, state.best = value, value.copy()
    return state
