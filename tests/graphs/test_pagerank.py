"""PageRank against a dense solve and against networkx."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, random

from ragkit.graphs.pagerank import PassageGraph


def dense_solution(mentions, links, reset, damping):
    """x = (1 - a)(I - a T'^T)^-1 r, where rows of T without edges are r."""
    passages, entities = mentions.shape
    graph = np.zeros((passages + entities, passages + entities))
    graph[:passages, passages:] = mentions
    graph[passages:, :passages] = mentions.T
    if links is not None:
        graph[:passages, :passages] = links
    reset = reset / reset.sum()
    degree = graph.sum(axis=1)
    walk = np.where(degree[:, None] > 0, graph / np.where(degree > 0, degree, 1)[:, None], reset[None, :])
    return (1 - damping) * np.linalg.solve(np.eye(len(reset)) - damping * walk.T, reset)


def graphs(passages, entities, seed, linked):
    rng = np.random.default_rng(seed)
    mentions = random(passages, entities, density=0.25, random_state=rng).toarray()
    mentions[rng.random(passages) < 0.2] = 0  # passages that mention nothing
    links = None
    if linked:
        links = np.zeros((passages, passages))
        for one in range(passages - 1):
            if rng.random() < 0.5:
                links[one, one + 1] = links[one + 1, one] = 1
    return mentions, links, rng.random(passages + entities) * (rng.random(passages + entities) < 0.5)


@given(
    st.integers(1, 12), st.integers(1, 15), st.integers(0, 10**6), st.booleans(), st.sampled_from([0.0, 0.3, 0.5, 0.85])
)
@settings(max_examples=150, deadline=None)
def test_equals_a_dense_linear_solve(passages, entities, seed, linked, damping):
    mentions, links, reset = graphs(passages, entities, seed, linked)
    if reset.sum() == 0:
        reset[0] = 1
    graph = PassageGraph(csr_matrix(mentions), csr_matrix(links) if linked else None)
    ranked = graph.rank(
        reset[:passages, None], reset[passages:, None], damping=damping, with_entities=True, max_rounds=500
    )
    expected = dense_solution(mentions, links, reset, damping)
    assert ranked.converged
    np.testing.assert_allclose(ranked.passages[:, 0], expected[:passages], atol=1e-8)
    np.testing.assert_allclose(ranked.entities[:, 0], expected[passages:], atol=1e-8)


def test_equals_networkx_on_a_connected_graph():
    mentions = np.array([[0.5, 0.5, 0, 0], [0, 0.3, 0.7, 0], [0, 0, 0.2, 0.8]])
    reset = np.array([0.2, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    ours = PassageGraph(csr_matrix(mentions)).rank(reset[:3, None], reset[3:, None], with_entities=True)
    picture = nx.Graph()
    for passage, entity in zip(*np.nonzero(mentions), strict=True):
        picture.add_edge(passage, 3 + entity, weight=mentions[passage, entity])
    theirs = nx.pagerank(picture, alpha=0.5, personalization=dict(enumerate(reset)), tol=1e-14)
    found = np.concatenate([ours.passages[:, 0], ours.entities[:, 0]])
    np.testing.assert_allclose(found, [theirs[node] for node in range(7)], atol=1e-8)


def test_a_batch_of_queries_equals_the_queries_one_by_one():
    mentions, _, _ = graphs(9, 11, 5, False)
    rng = np.random.default_rng(1)
    passages, entities = rng.random((9, 4)), rng.random((11, 4))
    graph = PassageGraph(csr_matrix(mentions))
    together = graph.rank(passages, entities).passages
    for query in range(4):
        alone = graph.rank(passages[:, [query]], entities[:, [query]]).passages[:, 0]
        np.testing.assert_allclose(together[:, query], alone, atol=1e-9)


def test_converges_in_few_rounds_at_the_papers_damping():
    mentions, _, reset = graphs(40, 60, 3, False)
    ranked = PassageGraph(csr_matrix(mentions)).rank(reset[:40, None], reset[40:, None], damping=0.5)
    assert ranked.converged
    assert ranked.rounds <= 12


def test_says_when_it_did_not_converge():
    mentions, _, reset = graphs(40, 60, 3, False)
    graph = PassageGraph(csr_matrix(mentions))
    assert not graph.rank(reset[:40, None], reset[40:, None], damping=0.99, max_rounds=3).converged
    assert graph.rank(reset[:40, None], reset[40:, None], damping=0.99, max_rounds=500).converged


@pytest.mark.parametrize("damping", [0.0, 0.5])
def test_a_passage_without_edges_keeps_what_its_prior_gives(damping):
    graph = PassageGraph(csr_matrix(np.array([[0.0], [1.0]])))
    ranked = graph.rank(np.array([[1.0], [1.0]]), np.array([[0.0]]), damping=damping)
    assert ranked.passages[0, 0] > 0
