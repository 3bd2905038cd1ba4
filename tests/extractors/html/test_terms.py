"""Words of queries: stems, stop words, counts."""

import numpy as np
import pytest

from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.terms import STOP, asked_terms, match, stem


@pytest.mark.parametrize(
    "forms",
    [("bake", "bakes", "baked", "baking"), ("city", "cities"), ("run", "running", "runs"), ("install", "installing"),
     ("payment", "payments"), ("quick", "quickly"), ("house", "houses")],
)  # fmt: skip
def test_forms_of_one_word_meet(forms):
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize("word", ["gas", "glass", "is", "red", "be", "東", "1998"])
def test_short_words_stay_themselves(word):
    assert stem(word) == word


def test_stop_words_do_not_count_unless_there_is_nothing_else():
    assert asked_terms("What do the foxes eat?") == ("fox", "eat")
    assert asked_terms("What is it?") == ("what", "is", "it")


def test_stop_words_are_those_of_the_query_and_of_the_page():
    assert asked_terms("Was fressen die Füchse im Winter?") == (stem("fressen"), stem("füchse"), "wint")
    assert "die" not in asked_terms("die Hard", "de") and "die" in asked_terms("how to die hard", "en")


def test_every_listed_stop_word_is_a_folded_word():
    assert all(word == word.casefold() and word.isalpha() for listed in STOP.values() for word in listed)


def test_terms_are_counted_in_each_segment_and_its_opening():
    page = segment_html("<p>Foxes, foxes and a fox.</p><p>" + "word " * 20 + "fox</p><p>None.</p>")
    found = match(page, "What do foxes eat?")
    assert found.terms == ("fox", "eat")
    assert found.counts.tolist() == [[3, 0], [1, 0], [0, 0]]
    assert found.openings.tolist() == [[3, 0], [0, 0], [0, 0]]
    assert found.lengths.tolist() == [5, 21, 1]


def test_bm25_is_that_of_the_formula():
    page = segment_html("<p>fox fox wolf</p><p>fox</p><p>bear bear bear bear bear</p><p>cat</p>")
    found = match(page, "fox wolf")
    idf = np.log1p((4 - np.array([2, 1]) + 0.5) / (np.array([2, 1]) + 0.5))
    norm = 1.2 * (0.25 + 0.75 * 3 / 2.5)
    wanted = (2 * 2.2 / (2 + norm)) * idf[0] + (2.2 / (1 + norm)) * idf[1]
    assert found.bm25(found.counts, found.lengths)[0] == pytest.approx(wanted)


def test_coverage_is_the_share_of_the_weight_of_the_terms():
    page = segment_html("<p>fox wolf</p><p>fox</p><p>cat</p>")
    found = match(page, "fox wolf")
    assert found.coverage(found.counts)[[0, 2]].tolist() == [1.0, 0.0]
    assert 0 < found.coverage(found.counts)[1] < 0.5
