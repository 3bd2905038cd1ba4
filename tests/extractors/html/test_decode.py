"""Decoding: the best set of intervals, against every set there is."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError
from ragkit.extractors.html import decode as module
from ragkit.extractors.html.decode import decode, intervals

SCORES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 5)), max_size=8)


def every_value(scores, words, threshold, cost, budget, most, allowed):
    """The best value over all sets, by trying them."""
    best = 0.0
    for picks in itertools.product([False, True], repeat=len(scores)):
        if any(pick and not may for pick, may in zip(picks, allowed, strict=True)):
            continue
        if budget is not None and sum(word for pick, word in zip(picks, words, strict=True) if pick) > budget:
            continue
        runs = len(intervals(picks)) if picks else 0
        if most is not None and runs > most:
            continue
        total = sum(
            math.sqrt(word) * (score - threshold)
            for pick, score, word in zip(picks, scores, words, strict=True)
            if pick
        )
        best = max(best, total - cost * runs)
    return best


@settings(max_examples=150, deadline=None)
@given(
    SCORES,
    st.sampled_from([0.0, 0.3, 1.0]),
    st.one_of(st.none(), st.integers(0, 12)),
    st.one_of(st.none(), st.integers(0, 3)),
    st.data(),
)
def test_no_set_within_the_limits_is_better(pairs, cost, budget, most, data):
    scores, words = [score / 8 for score, _ in pairs], [word for _, word in pairs]
    allowed = data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    found = decode(scores, words, 0.5, interval_cost=cost, budget_words=budget, max_intervals=most, allowed=allowed)
    assert found.exact
    assert found.value == pytest.approx(every_value(scores, words, 0.5, cost, budget, most, allowed))
    assert not (found.chosen & ~np.array(allowed, dtype=bool)).any()
    assert budget is None or sum(np.array(words)[found.chosen]) <= budget
    assert most is None or len(intervals(found.chosen)) <= most
    gain = np.sqrt(words) * (np.array(scores) - 0.5)
    assert found.value == pytest.approx(gain[found.chosen].sum() - cost * len(intervals(found.chosen)))


def test_without_costs_or_limits_it_is_a_threshold():
    assert decode([0.2, 0.6, 0.5, 0.9], [1, 1, 1, 1], 0.5).chosen.tolist() == [False, True, False, True]


def test_a_cost_for_intervals_bridges_a_small_gap_and_drops_a_lonely_segment():
    found = decode([0.9, 0.45, 0.9, 0.0, 0.0, 0.55], [25] * 6, 0.5, interval_cost=0.5)
    assert found.chosen.tolist() == [True, True, True, False, False, False]


def test_a_segment_of_no_value_is_left_out():
    assert decode([0.5, 0.9], [4, 4], 0.5, interval_cost=0.1).chosen.tolist() == [False, True]


def test_a_page_too_large_for_the_table_says_that_its_answer_may_not_be_the_best(monkeypatch):
    monkeypatch.setattr(module, "STATES", 10)
    found = decode([0.9, 0.8, 0.7], [5, 5, 5], 0.5, budget_words=10)
    assert not found.exact
    assert found.chosen.tolist() == [True, True, False]


def test_a_budget_of_0_and_a_page_of_0_segments_give_nothing():
    assert not decode([0.9, 0.8], [3, 4], 0.5, budget_words=0).chosen.any()
    assert decode([], [], 0.5, budget_words=5, max_intervals=2).chosen.tolist() == []


def test_intervals_count_from_1_and_include_both_ends():
    assert intervals([True, True, False, True]) == [(1, 2), (4, 4)]
    assert intervals([]) == []


@pytest.mark.parametrize(
    ("arguments", "options", "told"),
    [
        (([0.5], [1, 2], 0.5), {}, "do not match"),
        (([math.nan], [1], 0.5), {}, "finite"),
        (([0.5], [-1], 0.5), {}, "fewer than 0"),
        (([0.5], [1], 0.5), {"budget_words": -1}, "word budget must be at least 0, not -1"),
        (([0.5], [1], 0.5), {"max_intervals": -1}, "number of intervals"),
        (([0.5], [1], 0.5), {"interval_cost": -1}, "interval cost"),
    ],
)
def test_what_cannot_be_decoded_is_said(arguments, options, told):
    with pytest.raises(InvalidValueError, match=told):
        decode(*arguments, **options)
