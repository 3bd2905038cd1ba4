"""Activation on a graph small enough to work out by hand."""

import numpy as np
import pytest

from ragkit.graphs.activation import propagate, propagate_by_matrix
from ragkit.graphs.arrays import TriGraphArrays, rank_in_group
from tests.graphs.test_rows import record, shelf_of

# ada -s1- tom -s2- club -s3- bern, and tom -s4- oslo
SENTENCES = {
    "s1 ada tom": ["ada", "tom"],
    "s2 tom club": ["tom", "club"],
    "s3 club bern": ["club", "bern"],
    "s4 tom oslo": ["tom", "oslo"],
}
RELEVANCE = {"s1 ada tom": 0.8, "s2 tom club": 0.9, "s3 club bern": 0.7, "s4 tom oslo": 0.5}


@pytest.fixture
def graph():
    shelf = shelf_of(one=record(SENTENCES, homes=["oslo"]))
    arrays = TriGraphArrays(shelf.rows())
    relevance = np.array([RELEVANCE[text] for text in shelf.texts(arrays.sentences)])
    place = dict(zip(shelf.texts(arrays.entities), range(len(arrays.entities)), strict=True))
    return arrays, relevance, place


def activate(graph, seeds, **options):
    arrays, relevance, place = graph
    settings = {"rounds": 2, "threshold": 0.4, "sentences_per_entity": 1, **options}
    state = propagate(arrays, {place[key]: 1.0 for key in seeds}, lambda sentences: relevance[sentences], **settings)
    return {
        key: (round(float(state.best[at]), 6), round(float(state.weight[at]), 6), int(state.tier[at]))
        for key, at in place.items()
    }


def test_values_pass_on_through_the_most_relevant_unused_sentence(graph):
    # round 1: ada takes s1 (0.8). round 2: ada has no sentence left, tom takes s2: 0.8 * 0.9
    assert activate(graph, ["ada"]) == {
        "ada": (1.0, 1.8, 1),
        "tom": (0.8, 0.8 + 0.72, 2),
        "club": (0.72, 0.72, 3),
        "bern": (0.0, 0.0, 0),
        "oslo": (0.0, 0.0, 0),
    }


def test_a_contribution_below_the_threshold_is_dropped(graph):
    assert activate(graph, ["ada"], threshold=0.75)["club"] == (0.0, 0.0, 0)
    assert activate(graph, ["ada"], threshold=1.5)["tom"] == (0.0, 0.0, 0)


def test_without_rounds_nothing_moves(graph):
    assert activate(graph, ["ada"], rounds=0)["tom"] == (0.0, 0.0, 0)


def test_all_choices_of_a_round_are_made_before_any_is_applied(graph):
    # tom and club both choose s2 in the same round; it passes both values on
    result = activate(graph, ["tom", "club"], rounds=1)
    assert result["tom"] == (1.0, 1 + 0.9 + 0.9, 1)
    assert result["club"] == (1.0, 1 + 0.9 + 0.9, 1)


def test_more_sentences_an_entity_reach_more(graph):
    assert activate(graph, ["tom"], rounds=1, sentences_per_entity=3)["oslo"] == (0.5, 0.5, 2)


def test_going_home_is_preferred_by_its_bonus(graph):
    # oslo's home is the passage of all sentences here; from tom nothing is at home, from oslo s4 is
    assert activate(graph, ["oslo"], rounds=1)["tom"][0] == 0.5
    assert activate(graph, ["oslo"], rounds=1, home_pick=0.3)["tom"][0] == 0.8


def test_the_matrix_form_follows_the_papers_equation(graph):
    arrays, relevance, place = graph
    state = propagate_by_matrix(arrays, {place["ada"]: 1.0}, relevance, rounds=2, threshold=0.4)
    # round 1: tom 0.8, ada max(0.8, 1). round 2: ada 0.8 * 1.8 capped at 1; club 0.9 * 0.8, oslo 0.5 * 0.8
    values = {key: round(float(state.weight[at]), 6) for key, at in place.items()}
    assert values == {"ada": 1.0, "tom": 1.0, "club": 0.72, "bern": 0.0, "oslo": 0.4}
    assert [int(state.tier[place[key]]) for key in ("ada", "tom", "club", "bern")] == [1, 2, 3, 0]


def test_places_within_groups():
    assert rank_in_group(np.array([3, 3, 5, 7, 7, 7])).tolist() == [0, 1, 0, 0, 1, 2]
    assert rank_in_group(np.array([], dtype=int)).tolist() == []
