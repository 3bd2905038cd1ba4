"""How a question reached its passages: entities, and the sentences that led from one to the next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragkit.graphs.arrays import gather, rank_in_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragkit.components import Ints
    from ragkit.graphs.activation import Activation
    from ragkit.graphs.arrays import TriGraphArrays
    from ragkit.graphs.search import Search
    from ragkit.graphs.state import State


@dataclass(frozen=True, slots=True)
class Hop:
    """An entity of a path, and the sentence that led on from it ("" at the end)."""

    entity: str
    sentence: str


def paths(search: Search, passages: Ints) -> list[list[Hop]]:
    """For each passage, the path from a seed to the entity that speaks most for it; empty when none does."""
    if search.activation is None:
        return [[] for _ in passages]
    arrays, state = search.arrays, search.activation
    sources = _sources(arrays, state)
    chains = [_chain(entity, state, sources) for entity in _reasons(arrays, state, passages)]
    entities = sorted({entity for chain in chains for entity, _ in chain})
    sentences = sorted({sentence for chain in chains for _, sentence in chain if sentence >= 0})
    name = dict(zip(entities, names(search.state, np.array(entities, dtype=np.int64)), strict=True))
    text = dict(zip(sentences, search.state.shelf.texts(arrays.sentences[sentences]), strict=True)) if sentences else {}
    return [[Hop(name[entity], text.get(sentence, "")) for entity, sentence in chain] for chain in chains]


def names(state: State, entities: Ints) -> list[str]:
    """How entities are written, in one of their passages."""
    arrays, shelf = state.arrays, state.shelf
    first = arrays.entity_passages.indptr[entities]
    slots = arrays.slots[arrays.entity_passages.indices[first]]
    order = np.unique(slots)
    rows, notes = shelf.rows(order), shelf.notes(order.tolist())
    keys = arrays.entities[entities]
    written: list[str] = []
    for slot, key, known in zip(np.searchsorted(order, slots), keys, shelf.texts(keys), strict=True):
        start = rows.text_starts[slot] + 1 + rows.data[rows.data_starts[slot]]
        surfaces: list[str] = json.loads(notes[slot])
        place = np.flatnonzero(rows.texts[start : start + len(surfaces)] == key)
        written.append(surfaces[place[0]] if len(place) else known)
    return written


def _sources(arrays: TriGraphArrays, state: Activation) -> list[dict[int, tuple[int, int]]]:
    """Per round, for each entity it reached: the entity and the sentence of the largest contribution."""
    result = []
    for step in state.steps:
        owner, reached = gather(arrays.sentence_entities, step.sentences)
        ties = (arrays.entity_order[step.entities[owner]], arrays.sentence_order[step.sentences[owner]])
        order = np.lexsort((*ties, -step.values[owner]))[::-1]  # the best comes last and stays
        pairs = zip(
            reached[order].tolist(),
            step.entities[owner[order]].tolist(),
            step.sentences[owner[order]].tolist(),
            strict=True,
        )
        result.append({reached: (entity, sentence) for reached, entity, sentence in pairs})
    return result


def _reasons(arrays: TriGraphArrays, state: Activation, passages: Ints) -> list[int]:
    """Per passage, its activated entity with the largest share, -1 without one."""
    owner, entities = gather(arrays.passage_entities, passages)
    active = state.tier[entities] > 0
    owner, entities = owner[active], entities[active]
    share = state.best[entities] / state.tier[entities]
    order = np.lexsort((arrays.entity_order[entities], -share, owner))
    found = np.full(len(passages), -1, dtype=np.int64)
    first = order[rank_in_group(owner[order]) == 0]
    found[owner[first]] = entities[first]
    reasons: list[int] = found.tolist()
    return reasons


def _chain(entity: int, state: Activation, sources: Sequence[dict[int, tuple[int, int]]]) -> list[tuple[int, int]]:
    """(entity, sentence that led on) pairs from a seed to this entity."""
    if entity < 0:
        return []
    chain = [(entity, -1)]
    while (tier := int(state.tier[entity])) > 1 and tier - 2 < len(sources):
        entity, sentence = sources[tier - 2][entity]
        chain.insert(0, (entity, sentence))
    return chain
