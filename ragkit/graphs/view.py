"""The Tri-Graph as a `networkx.Graph`, for looking at, exporting and checking; searches never use it.

Nodes are ("passage", chunk id), ("sentence", text) and ("entity", key), with `kind`, `label`, and in the graph of a
question `score` and `tier`. Edges have `kind`: "mentions" (with `count` between passage and entity) or "contains".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragkit.graphs.arrays import gather
from ragkit.graphs.explain import names

if TYPE_CHECKING:
    import networkx

    from ragkit.components import Ints
    from ragkit.graphs.search import Search
    from ragkit.graphs.state import State

LABEL = 80  # characters of a passage's label


def whole(state: State, max_nodes: int) -> networkx.Graph:
    """Passages and the entities they mention, the passages with the most mentions first, up to `max_nodes` nodes."""
    counts = np.diff(state.arrays.passage_entities.indptr)
    order = np.lexsort((np.arange(len(counts)), -counts))
    passages: list[int] = []
    nodes = 0
    seen: set[int] = set()
    for passage in order:
        _, entities = gather(state.arrays.passage_entities, np.array([passage]))
        fresh = set(entities.tolist()) - seen
        if nodes + 1 + len(fresh) > max_nodes:
            break
        nodes += 1 + len(fresh)
        seen |= fresh
        passages.append(int(passage))
    return _graph(state, np.array(sorted(passages), dtype=np.int64), np.array(sorted(seen), dtype=np.int64))


def activated(search: Search, max_nodes: int) -> networkx.Graph:
    """What a question activated: its entities, the sentences it hopped over, and its best passages."""
    state = search.state
    if search.activation is None:
        places = np.argsort(-search.similarity, kind="stable")[: min(10, max_nodes)]
        return _graph(state, np.sort(places), np.zeros(0, dtype=np.int64))
    active = search.activation.active
    share = search.activation.best[active] / search.activation.tier[active]
    entities = active[np.lexsort((state.arrays.entity_order[active], -share))][: max(1, max_nodes // 2)]
    passages = search.best_passages(max(1, max_nodes // 4))
    graph = _graph(state, passages, np.sort(entities))
    _add_steps(graph, search, entities, max_nodes)
    keys = state.shelf.texts(state.arrays.entities[entities])
    for entity, key in zip(entities, keys, strict=True):
        graph.nodes["entity", key].update(
            score=float(search.activation.best[entity]), tier=int(search.activation.tier[entity])
        )
    return graph


def _graph(state: State, passages: Ints, entities: Ints) -> networkx.Graph:
    import networkx

    arrays, shelf = state.arrays, state.shelf
    graph = networkx.Graph()
    keys = shelf.texts(arrays.entities[entities])
    for key, name in zip(keys, names(state, entities), strict=True):
        graph.add_node(("entity", key), kind="entity", label=name)
    for passage, chunk in zip(passages, shelf.chunks(arrays.slots[passages]), strict=True):
        graph.add_node(
            ("passage", chunk.id), kind="passage", label=chunk.head or chunk.text[:LABEL], source=chunk.source
        )
        row = arrays.passage_entities[[passage]]
        shown = np.isin(row.indices, entities)
        for place, count in zip(np.searchsorted(entities, row.indices[shown]), row.data[shown], strict=True):
            graph.add_edge(("passage", chunk.id), ("entity", keys[place]), kind="mentions", count=int(count))
    return graph


def _add_steps(graph: networkx.Graph, search: Search, entities: Ints, max_nodes: int) -> None:
    assert search.activation is not None
    arrays, shelf = search.arrays, search.state.shelf
    chosen = [step.sentences for step in search.activation.steps]
    sentences = np.unique(np.concatenate(chosen))[: max(0, max_nodes - len(graph))] if chosen else np.zeros(0, np.int64)
    texts = shelf.texts(arrays.sentences[sentences])
    keys = dict(zip(entities.tolist(), shelf.texts(arrays.entities[entities]), strict=True))
    for sentence, text in zip(sentences, texts, strict=True):
        graph.add_node(("sentence", text), kind="sentence", label=text)
        _, mentioned = gather(arrays.sentence_entities, np.array([sentence]))
        for entity in mentioned.tolist():
            if entity in keys:
                graph.add_edge(("sentence", text), ("entity", keys[entity]), kind="contains")
