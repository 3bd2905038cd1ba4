"""Affinities, thresholds and clusters in which every pair is close; and what may never stand in one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ragkit.memory import clusters
from ragkit.memory.claims import claim_of, differ
from ragkit.memory.clusters import Affinity, close_pairs, complete_linkage, medoid, threshold
from ragkit.memory.periods import DAY_US


def affinity(vectors: NDArray[np.float32], days: list[float] | None = None, beta: float = 0.7) -> Affinity:
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    starts = np.array([int(day * DAY_US) for day in (days or [0] * len(vectors))], dtype=np.int64)
    return Affinity(vectors, starts, starts + DAY_US, beta, 0.1)


def scattered(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32)


def test_affinity_mixes_meaning_and_the_days_between() -> None:
    one = affinity(np.array([[1, 0], [1, 0], [0, 1], [-1, 0]], dtype=np.float32), [0, 11, 0, 0])
    pairs = one.of(np.array([0, 0, 0]), np.array([1, 2, 3]))
    assert pairs == pytest.approx([0.7 + 0.3 * math.exp(-1.0), 0.3, 0.3], abs=1e-4)


def test_events_that_overlap_are_no_days_apart() -> None:
    vectors = np.array([[1, 0], [1, 0]], dtype=np.float32)
    starts = np.array([0, 5 * DAY_US])
    overlapping = Affinity(vectors, starts, np.array([6 * DAY_US, 7 * DAY_US]), 0.7, 0.1)
    assert overlapping.of(np.array([0]), np.array([1])) == pytest.approx([1.0])


def test_the_threshold_is_a_clamped_quantile_or_the_number_given() -> None:
    few = affinity(scattered(30))
    assert threshold(few, 0.9, 0.42) == 0.42
    assert threshold(few, 0.0) == clusters.LOWEST
    same = affinity(np.ones((30, 4), dtype=np.float32))
    assert threshold(same, 0.995) == clusters.HIGHEST
    assert threshold(affinity(scattered(1)), 0.9) == clusters.HIGHEST
    many = affinity(scattered(400))
    assert threshold(many, 0.995) == threshold(many, 0.995)


def facets(count: int, names: int, seed: int = 0) -> csr_matrix:
    return csr_matrix((np.random.default_rng(seed).random((count, names)) < 0.3).astype(np.float32))


@given(
    st.integers(2, 60), st.integers(0, 5), st.sampled_from([0.0, 0.2, 0.35, 0.5, 0.8]), st.sampled_from([0.0, 0.7, 1.0])
)
@settings(max_examples=30, deadline=None)
def test_close_pairs_are_those_a_plain_loop_finds(count: int, seed: int, least: float, beta: float) -> None:
    one = affinity(scattered(count, seed), list(np.random.default_rng(seed).integers(0, 9, count)), beta)
    shared = facets(count, 4, seed)
    left, right, close, used = close_pairs(one, shared, least)
    assert used == least
    dense = shared.toarray()
    expected = {
        (i, j)
        for i, j in itertools.combinations(range(count), 2)
        if dense[i] @ dense[j] > 0 and one.of(np.array([i]), np.array([j]))[0] >= np.float32(least)
    }
    assert set(zip(left.tolist(), right.tolist(), strict=True)) == expected
    assert np.array_equal(close, one.of(left, right))


def test_only_candidates_are_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_ROWS", 7)
    one, shared = affinity(np.ones((20, 4), dtype=np.float32)), csr_matrix(np.ones((20, 1), dtype=np.float32))
    left, right, _, _ = close_pairs(one, shared, 0.5, np.array([3, 5, 19]))
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == [(3, 5), (3, 19), (5, 19)]


def test_too_many_pairs_raise_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "MOST_PAIRS", 50)
    monkeypatch.setattr(clusters, "_ROWS", 16)
    one, shared = affinity(scattered(60)), csr_matrix(np.ones((60, 1), dtype=np.float32))
    left, _, close, used = close_pairs(one, shared, 0.0)
    assert len(left) <= 50 and used > 0
    assert close.min() >= np.float32(used)


Pairs = list[tuple[int, int, float]]


@st.composite
def graphs(draw: st.DrawFn) -> Pairs:
    count = draw(st.integers(2, 12))
    chosen = draw(st.lists(st.sampled_from(list(itertools.combinations(range(count), 2))), unique=True, max_size=50))
    return [(i, j, draw(st.sampled_from([0.6, 0.7, 0.8]))) for i, j in chosen]


def linked(pairs: Pairs, largest: int = 20, smallest: int = 3) -> list[list[int]]:
    left, right, close = zip(*pairs, strict=True) if pairs else ((), (), ())
    return complete_linkage(left, right, close, largest=largest, smallest=smallest)


@given(graphs(), st.integers(3, 6), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_clusters_are_cliques_and_do_not_depend_on_the_order_of_pairs(
    pairs: Pairs, largest: int, random: object
) -> None:
    found = linked(pairs, largest)
    edges = {(i, j) for i, j, _ in pairs}
    for rows in found:
        assert 3 <= len(rows) <= largest
        assert all(pair in edges for pair in itertools.combinations(rows, 2))
    rows = [row for cluster in found for row in cluster]
    assert len(rows) == len(set(rows))
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert linked(shuffled, largest) == found


@given(graphs(), st.integers(3, 6))
@settings(max_examples=50)
def test_what_was_left_over_is_left_over_again(pairs: Pairs, largest: int) -> None:
    taken = {row for cluster in linked(pairs, largest) for row in cluster}
    rest = [(i, j, close) for i, j, close in pairs if i not in taken and j not in taken]
    assert linked(rest, largest) == []


def test_a_veto_keeps_two_rows_apart() -> None:
    pairs = [(i, j, 0.9) for i, j in itertools.combinations(range(4), 2)]
    left, right, close = zip(*pairs, strict=True)
    found = complete_linkage(left, right, close, largest=20, apart=lambda i, j: (i, j) == (0, 3))
    assert found == [[0, 1, 2]]


def test_the_medoid_is_the_most_central_and_the_first_of_equals() -> None:
    vectors = np.array([[1, 0.6], [1, 0], [1, -0.6], [1, 0]], dtype=np.float32)
    assert medoid(affinity(vectors), [0, 1, 2]) == 1
    assert medoid(affinity(vectors), [1, 3]) == 1


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("I have 2 dogs", "I have 3 dogs", True),
        ("I have two dogs", "I have 2 dogs", False),
        ("I have dogs", "I have 3 dogs", False),
        ("I can swim", "I cannot swim", True),
        ("I don’t swim", "I never swim", False),
        ("It is not that I don't swim", "I swim", False),
        ("it cost 1,000 euros", "it cost 1000 euros", False),
        ("it cost 1.50", "it cost 1.5 or so", True),
        ("我不喜欢猫", "我喜欢猫", True),
    ],
)
def test_claims_differ_in_numbers_or_denial(one: str, other: str, expected: bool) -> None:
    assert differ(claim_of(one), claim_of(other)) is expected
