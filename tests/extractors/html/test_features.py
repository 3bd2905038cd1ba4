"""What is measured of a page: counts of characters and words, elements around segments, the columns as a whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.extractors.html.features import first_features, first_names
from ragkit.extractors.html.lexicon import GROUPS, MARKS, WORD_NAMES, marks, word_groups
from ragkit.extractors.html.secondstage import second_features, second_names
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.signals import FAR, STOP, hash_words, signals
from ragkit.extractors.html.types import Page

PAGE = """<title>The Pier</title><body><div class="post-body"><h1>The pier</h1>
<p>It opened in 2024, and Ada Byrne was there, and so was I!</p>
<p><a href="/x">More pier news</a> 12 345</p></div>
<div class="sideBar navMenu"><ul><li>Share</li><li>Comments</li></ul></div>"""


def column(html, name):
    features = first_features(segment_html(html))
    return features.table.matrix()[:, first_names().index(name)].tolist()


def test_characters_and_words_of_a_segment_are_counted():
    s = signals(segment_html(PAGE))
    assert s.words.tolist() == [2, 13, 5, 1, 1]
    assert s.link_words.tolist() == [0, 0, 3, 0, 0]
    assert s.digits.tolist() == [0, 4, 5, 0, 0]
    assert s.stops.tolist() == [0, 1, 0, 0, 0]
    assert s.commas.tolist() == [0, 2, 0, 0, 0]
    assert s.capitals.tolist() == [1, 4, 1, 1, 1]
    assert s.years.tolist() == [0, 1, 0, 0, 0]
    assert s.titled.tolist() == [2, 0, 1, 0, 0]
    assert bool(s.ends[1] & STOP) and not s.ends[0] & STOP


def test_a_word_is_known_by_its_letters_whatever_their_case_and_place():
    one, other = hash_words("Pier PIER piers reip"), hash_words("… x pier")
    assert one[0] == one[1] == other[1]
    assert len({*one.tolist()}) == 3


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_hashing_finds_the_words_that_word_characters_make(text):
    import re

    # Beyond the first plane, and for marks and letters that Python counts otherwise, the two may differ.
    plain = "".join(char if char.isascii() else "é" for char in text)
    assert len(hash_words(plain)) == len(re.findall(r"\w+", plain))


def test_class_words_are_found_whole_in_any_spelling():
    found = marks(["div", "nav"], [("sideBar navMenu", "post-12", "", ""), ("contentment", "", "", "")])
    names = [{name for name, on in zip(MARKS, line, strict=True) if on} for line in found]
    assert {"nav", "post"} <= names[0]
    assert names[1] == {"<nav>"}


def test_no_word_is_lost_because_two_fall_into_one_slot():
    from ragkit.extractors.html.lexicon import WORDS

    everything = " ".join(word for group in WORDS for word in group)
    assert (word_groups(hash_words(everything)) > 0).all()
    assert word_groups(hash_words("zebra quagga")).tolist() == [0, 0]
    assert len(GROUPS) <= 64 and len(WORD_NAMES) == len(WORDS)


def test_the_steps_up_to_a_named_element_are_counted():
    s = signals(segment_html(PAGE))
    near = s.near[s.node][:, MARKS.index("post")]
    assert near.tolist() == [1, 1, 1, FAR, FAR]
    assert s.near[s.node][:, MARKS.index("<li>")].tolist() == [FAR, FAR, FAR, 0, 0]


def test_sums_below_an_element_are_those_of_its_segments():
    s = signals(segment_html(PAGE))
    assert s.below(s.words)[0] == s.words.sum()
    assert s.below(np.ones(s.n)).tolist() == (s.last - s.first).tolist()


def test_names_are_as_many_as_columns_and_unique():
    first = first_features(segment_html(PAGE))
    matrix = second_features(first, np.full(5, 0.5))
    assert first.table.matrix().shape == (5, len(first_names()))
    assert matrix.shape == (5, len(second_names()))
    assert second_names()[: len(first_names())] == first_names()
    assert len(set(second_names())) == len(second_names())


@pytest.mark.parametrize(
    "html",
    ["", "<p>word</p>", "word", "<p>。</p>", "<div>" * 300 + "deep" + "</div>" * 300, "<p>\ud800 😀 a</p>", PAGE],
)
def test_any_page_has_finite_features(html):
    first = first_features(segment_html(html))
    matrix = second_features(first, np.zeros(first.signals.n))
    assert np.isfinite(matrix).all()
    assert matrix.dtype == np.float32


def test_a_page_without_segments_has_no_rows():
    assert first_features(Page("", ())).table.matrix().shape == (0, len(first_names()))


def test_the_heading_above_is_read():
    html = "<h2>Related posts</h2><p>Some text that goes on for a while here.</p><h2>Rain</h2><p>More of the same.</p>"
    assert column(html, "under:related")[1] == 1
    assert column(html, "under:related")[3] == 0


def test_features_do_not_change_from_one_reading_to_the_next():
    one, other = (first_features(segment_html(PAGE)).table.matrix() for _ in range(2))
    assert (one == other).all()
