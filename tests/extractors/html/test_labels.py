"""Labels: which segments belong to a hand-made text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.extractors.html.labels import align, label_segments
from ragkit.extractors.html.scores import word_f1
from ragkit.extractors.html.segmenting import segment_html

PAGES = sorted((Path(__file__).parent / "pages").glob("*.html"))
LONG = "the pier at the north beach opened to visitors again on saturday"
MORE = "several hundred people waited behind a rope when the mayor cut it"


def labelled(texts, gold):
    return label_segments(texts, gold).tolist()


def test_a_long_segment_belongs_when_half_of_it_stands_in_the_text():
    half = LONG.replace("saturday", "sunday").replace("visitors", "guests")
    assert labelled([LONG, half, MORE], f"{LONG} {MORE}") == [True, False, True]
    assert labelled([f"Photo: {LONG}"], LONG) == [True]


def test_a_short_segment_belongs_where_the_text_has_it_and_not_where_a_menu_repeats_it():
    gold = f"{LONG}\nWhy it took so long\n{MORE}"
    assert labelled(["Why it took so long", LONG, "Why it took so long", MORE], gold) == [False, True, True, True]


def test_a_text_said_once_is_one_segment():
    assert sum(labelled([LONG, MORE, LONG], f"{LONG}\n{MORE}")) == 2


def test_words_of_the_text_that_stand_scattered_in_it_are_no_segment_of_it():
    assert labelled(["saturday pier visitors", LONG], LONG) == [False, True]


def test_no_segments_and_no_text_have_no_labels():
    assert labelled([], LONG) == []
    assert labelled([LONG, "…"], "") == [False, False]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_segments_labelled_on_a_page_are_its_main_text(path):
    page, gold = segment_html(path.read_bytes()), path.with_suffix(".txt").read_text("utf-8")
    labels = label_segments([segment.text for segment in page.segments], gold)
    chosen = "\n".join(segment.text for segment, label in zip(page.segments, labels, strict=True) if label)
    assert word_f1(chosen, gold) == 1


def longest(one, other):
    """The length of the longest common subsequence, by its table."""
    row = [0] * (len(other) + 1)
    for x in one:
        above = row[:]
        for j, y in enumerate(other):
            row[j + 1] = above[j] + 1 if x == y else max(row[j], above[j + 1])
    return row[-1]


WORDS = st.lists(st.sampled_from("abc"), max_size=10)


@settings(max_examples=100, deadline=None)
@given(WORDS, WORDS)
def test_an_alignment_is_a_longest_common_subsequence(words, others):
    places = align(words, others)
    hits = [(word, place) for word, place in zip(words, places, strict=True) if place >= 0]
    assert all(others[place] == word for word, place in hits)
    assert [place for _, place in hits] == sorted({place for _, place in hits})
    assert len(hits) == longest(words, others)
