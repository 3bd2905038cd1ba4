"""The clue graph as a `networkx.Graph`, for looking at, exporting and checking; searches never use it.

Nodes are ("chunk", id), ("unit", text) and ("entity", key), with `kind`, `layer` (0, 1, 2), `bipartite` (1 for units,
else 0), `label`, `origin` of units ("rule" or "llm"), and in the graph of a question `score`. Edges are "contains"
(chunk and unit) or "mentions" (unit and entity), with `count`. No edge is inside a layer or passes the units by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragkit.graphs.arrays import gather
from ragkit.graphs.clueexplain import entity_names

if TYPE_CHECKING:
    import networkx

    from ragkit.components import Ints
    from ragkit.graphs.cluearrays import ClueState
    from ragkit.graphs.cluesearch import ClueSearch

LABEL = 80  # characters of a chunk's label


def whole(state: ClueState, max_nodes: int) -> networkx.Graph:
    """Chunks with their units and entities, the chunks of most entities first, up to `max_nodes` nodes."""
    arrays = state.arrays
    counts = np.diff(arrays.passage_entities.indptr)
    ids = state.shelf.chunk_ids(arrays.slots)
    units: set[int] = set()
    entities: set[int] = set()
    chunks: list[int] = []
    for chunk in sorted(range(len(counts)), key=lambda place: (-counts[place], ids[place])):
        _, own = gather(arrays.passage_sentences, np.array([chunk]))
        _, named = gather(arrays.sentence_entities, own)
        size = len(chunks) + 1 + len(units.union(own.tolist())) + len(entities.union(named.tolist()))
        if size > max_nodes:
            break
        chunks.append(chunk)
        units.update(own.tolist())
        entities.update(named.tolist())
    return _graph(state, _ints(chunks), _ints(units), _ints(entities))


def walked(search: ClueSearch, max_nodes: int) -> networkx.Graph:
    """What a question walked over: the units of its best paths, their entities, and the chunks they stand in."""
    arrays = search.arrays
    score: dict[int, float] = {}
    for one in search.walked.rounds:
        for row, value in zip(one.units.tolist(), one.score.tolist(), strict=True):
            for unit in row:
                score[unit] = max(score.get(unit, value), value)
    units: list[int] = []
    chunks: set[int] = set()
    entities: set[int] = set(search.anchors[: max(1, max_nodes // 4)].tolist())
    for unit in sorted(score, key=lambda place: (-score[place], int(arrays.sentence_order[place]))):
        _, homes = gather(arrays.sentence_passages, np.array([unit]))
        _, named = gather(arrays.sentence_entities, np.array([unit]))
        more = len(chunks.union(homes.tolist())) + len(entities.union(named.tolist())) + len(units) + 1
        if more > max_nodes:
            break
        units.append(unit)
        chunks.update(homes.tolist())
        entities.update(named.tolist())
    if not units:
        places, _ = search.order(min(10, max_nodes))
        return _graph(search.state, np.sort(places), _ints(()), _ints(()))
    graph = _graph(search.state, _ints(chunks), _ints(units), _ints(entities))
    places = _ints(units)
    for unit, text in zip(places.tolist(), search.state.shelf.texts(arrays.sentences[places]), strict=True):
        graph.nodes["unit", text]["score"] = score[unit]
    return graph


def _graph(state: ClueState, chunks: Ints, units: Ints, entities: Ints) -> networkx.Graph:
    """The graph of these places, each ascending."""
    import networkx

    arrays, shelf = state.arrays, state.shelf
    graph = networkx.Graph()
    names = entity_names(state, entities)
    keys = dict(zip(entities.tolist(), shelf.texts(arrays.entities[entities]), strict=True))
    for entity, key in keys.items():
        graph.add_node(("entity", key), kind="entity", layer=2, bipartite=0, label=names[entity])
    texts = dict(zip(units.tolist(), shelf.texts(arrays.sentences[units]), strict=True))
    for unit, text in texts.items():
        own = arrays.supports[arrays.support_starts[unit] : arrays.support_starts[unit + 1], 3]
        origin = "llm" if (own == 1).any() else "rule"
        graph.add_node(("unit", text), kind="unit", layer=1, bipartite=1, label=text, origin=origin)
        row = arrays.mention_counts[[unit]]
        for entity, count in zip(row.indices.tolist(), row.data.tolist(), strict=True):
            if entity in keys:
                graph.add_edge(("unit", text), ("entity", keys[entity]), kind="mentions", count=int(count))
    places = dict(zip(chunks.tolist(), shelf.chunks(arrays.slots[chunks]), strict=True))
    for chunk in places.values():
        label = chunk.head or chunk.text[:LABEL]
        graph.add_node(("chunk", chunk.id), kind="chunk", layer=0, bipartite=0, label=label, source=chunk.source)
    for unit, text in texts.items():
        own = arrays.supports[arrays.support_starts[unit] : arrays.support_starts[unit + 1], 0]
        for place, count in zip(*np.unique(own, return_counts=True), strict=True):
            if int(place) in places:
                graph.add_edge(("chunk", places[int(place)].id), ("unit", text), kind="contains", count=int(count))
    return graph


def _ints(values: object) -> Ints:
    return np.array(sorted(values), dtype=np.int64)  # type: ignore[call-overload]
