"""The evidence for units and the score made of it, against numbers computed by hand."""

import dataclasses
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError
from ragkit.memory import Memory, MemoryConfig
from ragkit.memory.analysis import Question, analyse
from ragkit.memory.score import fused, moved, named_once, of_stretch, overlapping, scaled, spoken, tier_weights
from ragkit.memory.table import read_table
from ragkit.memory.types import to_us
from ragkit.memory.weights import MEASURED, NAMES, Weights

MONDAY = datetime(2023, 5, 8, 12, tzinfo=UTC)
numbers = st.lists(st.floats(-1, 1), min_size=1, max_size=30)


@pytest.fixture
def table():
    with Memory(":memory:", scope="a", embedder=None, worker=False) as memory:
        for place, session in enumerate(["x", "x", "x", "x", "y"]):
            memory.add(f"number {place}", speaker="Ann", time=MONDAY + timedelta(minutes=place), session=session)
        with memory.store.read() as connection:
            yield read_table(connection, 1, 60)


def test_values_are_scaled_between_the_last_candidate_and_the_best():
    found = scaled(np.array([0.1, 0.5, 0.3, 0.9, math.nan]), 3)
    assert list(found) == pytest.approx([0.0, 1 / 3, 0.0, 1.0, 0.0])


def test_equal_values_are_all_one_and_unknown_ones_zero():
    assert list(scaled(np.array([0.4, 0.4, math.nan]), 10)) == [1.0, 1.0, 0.0]
    assert list(scaled(np.array([math.nan]), 10)) == [0.0]


@settings(max_examples=50, deadline=None)
@given(numbers, st.integers(1, 40))
def test_scaled_values_lie_between_zero_and_one_and_keep_their_order(values, candidates):
    given_values = np.array(values)
    found = scaled(given_values, candidates)
    assert found.min() >= 0 and found.max() == 1
    order = np.argsort(given_values)
    assert (np.diff(found[order]) >= 0).all()


def test_a_unit_gets_what_its_neighbour_has():
    assert list(moved(np.array([1.0, 2.0, 3.0]), np.array([-1, 0, 1]))) == [0.0, 1.0, 2.0]


def test_a_stretch_counts_with_the_mean_of_its_best_three(table):
    found = of_stretch(np.array([0.9, 0.1, 0.6, 0.3, 0.6]), table)
    assert list(found) == pytest.approx([0.6, 0.6, 0.6, 0.6, 0.2])


def test_an_abstract_has_the_best_stretch_it_rests_on(table):
    with_abstract = dataclasses.replace(table, stretch=np.array([0, 0, 1, 1, -1]), members=np.array([[4, 0], [4, 2]]))
    found = of_stretch(np.array([0.3, 0.3, 0.9, 0.9, 1.0]), with_abstract)
    assert list(found) == pytest.approx([0.2, 0.2, 0.6, 0.6, 0.6])


@pytest.mark.parametrize(
    ("asked", "fits"),
    [("What was said on 8 May 2023?", 1.0), ("What was said in 2022?", 0.0), ("What was said?", 0.0)],
)
def test_units_fit_the_time_asked_for_by_their_day(table, asked, fits):
    question = analyse(asked, to_us(MONDAY))
    assert set(overlapping(table, question)) == {fits}


def test_the_score_is_the_weighted_sum_times_the_weight_of_the_tier():
    parts = {name: np.zeros(2) for name in NAMES}
    parts["lexical"], parts["person"], parts["asks"] = np.array([0.5, 1.0]), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    weights = Weights(lexical=2.0, person=0.4, asks=-0.5)
    assert list(fused(parts, weights, np.array([0.9, 1.0]))) == pytest.approx([(1.0 + 0.4) * 0.9, 1.5])


def test_a_low_tier_never_helps_a_unit_with_evidence_against_it():
    parts = {name: np.zeros(2) for name in NAMES} | {"asks": np.ones(2)}
    scores = fused(parts, Weights(asks=-1.0), np.array([1.0, 0.5]))
    assert scores[1] <= scores[0] < 0


def test_tiers_have_the_weights_of_the_configuration(table):
    tiers = dataclasses.replace(table, tier=np.array([0, 1, 2, 3, 0]))
    config = MemoryConfig(w_phatic=0.7, w_archived=0.6, w_superseded=0.1)
    assert list(tier_weights(tiers, config)) == [1.0, 0.7, 0.6, 0.1, 1.0]


@pytest.mark.parametrize(
    ("question", "names", "words"),
    [
        ("When did Ann sell Ann's car?", ["ann"], "When did I sell my car?"),
        ("Did Annette see ANN LEE?", ["ann lee"], "Did Annette see I?"),
        ("Who came?", [], "Who came?"),
        ("What is a+b’s plan?", ["a+b"], "What is my plan?"),
    ],
)
def test_a_question_is_put_in_the_words_of_the_one_it_names(question, names, words):
    assert spoken(question, names) == words


def test_a_speaker_counts_as_named_only_when_no_other_is(table):
    two = dataclasses.replace(table, speakers=("Ann", "Bo"))

    def persons(*names):
        return Question("?", persons=names)

    assert named_once(two, persons("ann")) == (frozenset([0]), ("ann",))
    assert named_once(two, persons("ann", "bo")) == (frozenset(), ())
    assert named_once(two, persons("ann", "rex")) == (frozenset([0]), ("ann",))
    assert named_once(two, persons("rex")) == (frozenset(), ())


def test_weights_refuse_what_is_no_number():
    for wrong in (math.nan, math.inf, True, "1"):
        with pytest.raises(InvalidValueError, match="the weight person must be a number"):
            Weights(person=wrong)


def test_without_an_embedder_nothing_semantic_counts():
    assert all(getattr(MEASURED["none"], name) == 0 for name in ("semantic", "before", "after", "theme"))
