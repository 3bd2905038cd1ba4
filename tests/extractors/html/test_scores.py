"""The measures: identities, edges, and cases worked out by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.extractors.html.scores import (
    Prf,
    recall_at_budget,
    segment_prf,
    shingle_counts,
    shingle_f1,
    snippets,
    token_f1,
    word_f1,
    word_prf,
)

TEXT = st.lists(st.sampled_from("a b c d E é 7".split()), max_size=12).map(" ".join)


@settings(max_examples=50, deadline=None)
@given(TEXT, TEXT)
def test_both_measures_stay_between_0_and_1_and_are_1_only_for_the_same_words(extracted, gold):
    word = word_f1(extracted, gold)
    shingles = shingle_f1([(extracted, gold)])
    assert 0 <= word <= 1 and 0 <= shingles.f1 <= 1
    assert (word == 1) == (sorted(extracted.lower().split()) == sorted(gold.lower().split()))


@settings(max_examples=30, deadline=None)
@given(TEXT.filter(bool))
def test_a_perfect_answer_scores_1_by_every_measure(text):
    score = shingle_f1([(text, text)])
    assert (score.precision, score.recall, score.f1, score.accuracy, score.empty) == (1, 1, 1, 1, 0)
    assert word_f1(text, text) == 1


@settings(max_examples=30, deadline=None)
@given(TEXT, TEXT)
def test_swapping_answer_and_gold_swaps_precision_and_recall(one, other):
    assert word_prf(one, other).precision == pytest.approx(word_prf(other, one).recall)
    assert shingle_counts(one, other) == pytest.approx(tuple(shingle_counts(other, one)[i] for i in (0, 2, 1)))


def test_shingles_are_four_words_and_their_case_counts():
    # gold: 3 shingles; answer: 2, of which 1 is right; divided by hit + extra + missed = 1 + 1 + 2
    assert shingle_counts("b c d e F", "a b c d e f") == (0.25, 0.25, 0.5)


def test_a_text_shorter_than_a_shingle_is_one_shingle():
    assert shingle_counts("Hello there", "Hello there") == (1, 0, 0)
    assert shingle_counts("Hello", "Hello there") == (0, 0.5, 0.5)


def test_f1_is_the_harmonic_mean_of_averages_and_not_the_average_of_f1():
    score = shingle_f1([("a b c d", "a b c d"), ("w x y z 1 2 3", "a b c d")])
    assert (score.precision, score.recall, score.f1) == (0.5, 0.5, 0.5)
    uneven = shingle_f1([("a b c d e", "a b c d"), ("a b c d", "a b c d e f g")])
    assert (uneven.precision, uneven.recall) == (0.75, 0.625)
    assert uneven.f1 == pytest.approx(2 * 0.75 * 0.625 / 1.375)


def test_an_empty_answer_leaves_precision_but_not_recall_and_is_counted():
    score = shingle_f1([("a b c d", "a b c d"), ("", "a b c d")])
    assert (score.precision, score.recall, score.empty) == (1, 0.5, 1)


def test_word_f1_ignores_case_and_order_and_counts_repeats():
    assert word_f1("B a", "A b") == 1
    assert word_f1("a a", "a") == pytest.approx(2 / 3)
    assert word_f1("", "") == 1
    assert word_f1("", "a") == word_f1("a", "") == 0


def test_snippets_ignore_white_space_alone():
    assert snippets("One  two\nthree", ["two three", "four"], ["One two", "Two"]) == (0.5, 0.5)
    assert snippets("text", [], []) == (1, 0)


def test_segments_are_compared_as_sets():
    assert segment_prf([1, 2, 2, 3], [2, 3, 4, 5]) == Prf(2 / 3, 0.5, pytest.approx(4 / 7))
    assert segment_prf([], []) == Prf(1, 1, 1)


def test_token_f1_weighs_segments_by_their_words():
    texts = {1: "one two three", 2: "four", 3: "Four"}
    assert token_f1([1], [1, 2], texts) == pytest.approx(2 * 1 * 0.75 / 1.75)
    assert token_f1([3], [2], texts) == 1


def test_recall_at_a_budget_cuts_the_segment_that_passes_it():
    texts = {1: "a b c d", 2: "e f", 3: "x y"}
    assert recall_at_budget([3, 1, 2], [1, 2], texts, 4) == pytest.approx(2 / 6)
    assert recall_at_budget([1, 2, 3], [1, 2], texts, 6) == 1
    assert recall_at_budget([], [], texts, 0) == 1
    with pytest.raises(ValueError, match="at least 0"):
        recall_at_budget([1], [1], texts, -1)
