"""How a question reached its chunks: the units walked over, quoted with their places, and what each step was worth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.graphs.arrays import gather

if TYPE_CHECKING:
    from ragkit.components import Ints
    from ragkit.graphs.cluearrays import ClueState
    from ragkit.graphs.cluesearch import ClueSearch

MOST_SHOWN = 20  # anchors named in a trace


@dataclass(frozen=True, slots=True)
class Quote:
    """Where a unit stands: characters of a document, who wrote it ("rule" or "llm"), how much of it the text bears."""

    document: str
    start: int
    end: int
    origin: str
    confidence: float


def trace(search: ClueSearch) -> dict[str, Any]:
    """What the walk did: where it started, what each round looked at and kept, why it stopped."""
    walked = search.walked
    names = entity_names(search.state, search.anchors[:MOST_SHOWN])
    return {
        "anchors": [search_name(search, int(e), names) for e in search.anchors[:MOST_SHOWN].tolist()],
        "rounds": [
            {"candidates": one.candidates, "kept": len(one.score), "best": float(one.score.max())}
            for one in walked.rounds
            if len(one.score)
        ],
        "stopped": walked.stopped,
        **({} if search.controller is None else {"controller": search.controller.told}),
    }


def whys(search: ClueSearch, places: Ints) -> list[dict[str, Any]]:
    """For each chunk, how it was found, with the best path through it where there is one.

    Each step of a path tells the entity it left by, the unit it reached with the place it is quoted from, and `gain`:
    how like the question that unit is, without what the path had said before.
    """
    score, rounds, at = search.paths
    reached = bool(np.isfinite(score).any())
    chains = [chain(search, int(rounds[place]), int(at[place])) for place in places.tolist()]
    entities = np.array(sorted({e for steps in chains for e, _, _ in steps if e >= 0}), dtype=np.int64)
    units = np.array(sorted({unit for steps in chains for _, unit, _ in steps}), dtype=np.int64)
    names = entity_names(search.state, entities)
    texts = dict(zip(units.tolist(), search.state.shelf.texts(search.arrays.sentences[units]), strict=True))
    quotes = unit_quotes(search.state, units)
    lift = search.balance
    found = []
    for place, steps in zip(places.tolist(), chains, strict=True):
        why: dict[str, Any] = {"dense": float(search.dense[place]), "lexical": float(search.lexical[place])}
        if search.index.final == "rerank" and np.isfinite(search.reread[place]):
            why["reread"] = float(search.reread[place])
        if not steps:
            alone = "fill" if search.index.final in ("path", "dense", "rerank") else "likeness"
            found.append({"mode": alone if reached else "fallback", **why})
            continue
        one, row = search.walked.rounds[int(rounds[place])], int(at[place])
        path = [
            {
                "entity": search_name(search, entity, names),
                "unit": texts[unit],
                "document": quotes[unit].document,
                "start": quotes[unit].start,
                "end": quotes[unit].end,
                "origin": quotes[unit].origin,
                "gain": gain,
            }
            for entity, unit, gain in steps
        ]
        found.append(
            {
                "mode": "path",
                "anchors": [seed.name for seed in search.seeds],
                "path": path,
                "path_score": float(score[place]),
                "cosine": round(float(one.cosine[row]), 6),
                "covered": round(float(one.covered[row]), 6),
                "homes": int(one.homes[row]),
                "lifted": round(float(lift[one.origin[row]]), 6),
                **({} if one.read is None else {"read": round(float(one.read[row]), 6)}),
                **why,
                "stopped": search.walked.stopped,
            }
        )
    return found


def chain(search: ClueSearch, number: int, row: int) -> list[tuple[int, int, float]]:
    """(entity left by, unit reached, gain) from the anchor on, of the path in this round and row; [] for none."""
    steps: list[tuple[int, int, float]] = []
    while row >= 0:
        one = search.walked.rounds[number]
        steps.insert(0, (int(one.entity[row]), int(one.units[row, -1]), float(one.rho[row])))
        if one.units.shape[1] == 1:
            break
        number, row = number - 1, int(one.parent[row])
    return steps


def search_name(search: ClueSearch, entity: int, names: dict[int, str]) -> str:
    """An entity as the question writes it, else as a chunk does; "" for none, where a path jumped."""
    return next((seed.name for seed in search.seeds if seed.entity == entity), names.get(entity, ""))


def entity_names(state: ClueState, entities: Ints) -> dict[int, str]:
    """How entities are written in the chunk of the smallest id that mentions them."""
    arrays, shelf = state.arrays, state.shelf
    owner, chunks = gather(arrays.entity_chunks, entities)
    first = _smallest_ids(state, chunks, owner)
    slots = arrays.slots[first]
    order = np.unique(slots)
    rows, notes = shelf.rows(order), shelf.notes(order.tolist())
    names: dict[int, str] = {}
    ids = arrays.entities[entities]
    for entity, id, row, key in zip(
        entities.tolist(), ids, np.searchsorted(order, slots), shelf.texts(ids), strict=True
    ):
        start = rows.text_starts[row] + 1 + rows.data[rows.data_starts[row]]
        surfaces: list[str] = json.loads(notes[row])
        place = np.flatnonzero(rows.texts[start : start + len(surfaces)] == id)
        names[entity] = surfaces[place[0]] if len(place) else key
    return names


def unit_quotes(state: ClueState, units: Ints) -> dict[int, Quote]:
    """Where units stand, in the chunk of the smallest id that has them."""
    arrays, shelf = state.arrays, state.shelf
    starts, ends = arrays.support_starts[units], arrays.support_starts[units + 1]
    owner = np.repeat(np.arange(len(units)), ends - starts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(ends - starts) - (ends - starts), ends - starts)
    rows = starts[owner] + within
    chunks = arrays.supports[rows, 0]
    first = _smallest_ids(state, chunks, owner)
    documents = [chunk.document_id for chunk in shelf.chunks(arrays.slots[first])]
    quotes: dict[int, Quote] = {}
    for number, (unit, document) in enumerate(zip(units.tolist(), documents, strict=True)):
        own = rows[(owner == number) & (chunks == first[number])]
        _, start, end, origin, confidence = arrays.supports[own[0]].tolist()
        quotes[unit] = Quote(document, start, end, ("rule", "llm")[origin], confidence / 1000)
    return quotes


def _smallest_ids(state: ClueState, chunks: Ints, groups: Ints) -> Ints:
    """Of the chunks (places) in each group (sorted) the one of the smallest id."""
    distinct, place = np.unique(chunks, return_inverse=True)
    ids = state.shelf.chunk_ids(state.arrays.slots[distinct])
    rank = np.empty(len(ids), dtype=np.int64)
    rank[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    order = np.lexsort((rank[place], groups))
    first = np.concatenate([[True], groups[order][1:] != groups[order][:-1]]) if len(order) else np.zeros(0, np.bool_)
    return chunks[order[first]]
