"""Which chunks a budget is spent on: costs, values, the choice."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError
from ragkit.graphs.budget import CELLS, centrality, choose, costs, need, pagerank, tokens_of

items = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 30)), max_size=10)


def brute(values, sizes, budget):
    best = 0
    for count in range(len(values) + 1):
        for chosen in itertools.combinations(range(len(values)), count):
            if sum(sizes[place] for place in chosen) <= budget:
                best = max(best, sum(values[place] for place in chosen))
    return best


@given(items, st.integers(0, 120))
@settings(max_examples=150, deadline=None)
def test_the_exact_choice_is_the_best_there_is(pairs, budget):
    values, sizes = [value for value, _ in pairs], [size for _, size in pairs]
    choice = choose(values, sizes, budget, exact=True)
    assert choice.value == brute(values, sizes, budget)
    assert choice.cost == sum(sizes[place] for place in choice.chosen) <= budget


@given(items, st.integers(0, 120))
@settings(max_examples=150, deadline=None)
def test_the_quick_choice_fits_and_is_within_its_bound(pairs, budget):
    values, sizes = [value for value, _ in pairs], [size for _, size in pairs]
    choice = choose(values, sizes, budget)
    best = brute(values, sizes, budget)
    assert choice.cost <= budget
    assert choice.value <= best <= choice.bound + 1e-9
    assert choice.value >= choice.bound - max(values, default=0) - 1e-9
    assert choice.value >= best / 2
    assert all(values[place] > 0 for place in choice.chosen)


def test_the_order_of_work_is_by_value_for_a_token():
    assert choose([1, 9, 4], [1, 3, 2], 100).chosen == (1, 2, 0)


def test_a_single_worthy_one_beats_many_cheap_ones():
    assert choose([3, 10], [1, 10], 10).chosen == (1,)


def test_a_table_too_large_is_solved_in_steps_and_still_fits():
    sizes = [1_000_003 + 7 * n for n in range(50)]
    choice = choose([1.0] * 50, sizes, 20_000_000, exact=True)
    assert choice.cost <= 20_000_000
    assert len(choice.chosen) >= 18
    assert 50 * 20_000_001 > CELLS


def test_a_share_is_of_the_full_cost_and_a_whole_number_is_tokens():
    assert [tokens_of(budget, 1001) for budget in (None, 0, 1, 500, 0.5, 1.0)] == [0, 0, 1, 500, 500, 1001]


@pytest.mark.parametrize("budget", [-1, 1.5, -0.1, True])
def test_what_is_no_budget_is_refused(budget):
    with pytest.raises(InvalidValueError, match="llm_budget"):
        tokens_of(budget, 100)


def test_a_batch_shares_the_template():
    alone, together = (costs(["a b c"], ["h"], 700, batch, 1.0)[0] for batch in (1, 8))
    assert alone - together == math.floor(700 * 7 / 8)
    assert costs(["a b c"], ["h"], 700, 8, 1.0, content=True) == [3]


def test_need_counts_pronouns_long_sentences_and_missing_names():
    assert need(["She left Oslo."], [True]) == 1
    assert need(["Ada left."], [False]) == 0.5
    assert need(["Ada, who left, came."], [True]) == 0.5
    assert need(["Ada left; Tom came."], [True]) == 0.5
    assert need([" ".join(["word"] * 31)], [True]) == 0.5
    assert need(["Ada left Oslo.", "Then in it she slept."], [True, False]) == 1.5
    assert need([], []) == 0


def test_centrality_is_the_mean_cosine_with_the_others():
    vectors = np.random.default_rng(1).normal(size=(7, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = [sum(vectors[i] @ vectors[j] for j in range(7) if j != i) / 7 for i in range(7)]
    np.testing.assert_allclose(centrality(vectors), expected)


def test_pagerank_sums_to_one_and_favours_the_middle():
    angles = np.concatenate([np.linspace(-0.5, 0.5, 15), [0.0]])
    rank = pagerank(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert rank.sum() == pytest.approx(1)
    assert rank[7] > rank[0]
    assert pagerank(np.ones((1, 2))).tolist() == [1.0]
