"""Sections as slices, and the stretches that could be an answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.extractors.html.outline import Outline
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.spans import LEAD, NODE, SECTION, SIMILAR, SUFFIX, candidates

HTML = """<h1>A</h1><p>one</p><h2>B</h2><p>two</p><p>three</p><h3>C</h3><p>four</p><h2>D</h2>
<ul><li>five</li><li>six</li></ul><div><p>seven</p><p>eight</p></div>"""


def found(html, anchors=(), words=None):
    page = segment_html(html)
    outline = Outline.of(page)
    counts = np.ones(len(page.segments)) if words is None else np.array(words, dtype=float)
    spans = candidates(page, outline, np.array(anchors, dtype=np.int64), counts)
    return {
        (first + 1, last): origin
        for first, last, origin in zip(spans.first.tolist(), spans.last.tolist(), spans.origin.tolist(), strict=True)
    }


def test_sections_end_before_a_heading_of_their_level_or_a_higher_one():
    outline = Outline.of(segment_html(HTML))
    assert {h + 1: int(outline.end[h]) for h in outline.headings.tolist()} == {1: 12, 3: 7, 6: 7, 8: 12}


def test_the_outline_agrees_with_the_sections_of_the_segments():
    page = segment_html(HTML)
    outline = Outline.of(page)
    for segment in page.segments:
        assert tuple(place + 1 for place in reversed(outline.path(segment.index - 1))) == segment.section


def test_terms_and_summaries_head_what_follows_them_in_their_box():
    html = "<dl><dt>Weight</dt><dd>Two kilos.</dd><dt>Size</dt><dd>Big.</dd><dd>Very.</dd></dl><p>After.</p>"
    page = segment_html(html)
    outline = Outline.of(page)
    assert [page.segments[i].text for i in range(int(outline.end[2])) if outline.heading[i] == 2] == ["Big.", "Very."]
    assert outline.heading.tolist() == [-1, 0, -1, 2, 2, -1]
    details = segment_html("<details><summary>More</summary><p>Inside.</p></details><p>Outside.</p>")
    assert Outline.of(details).heading.tolist() == [-1, 0, -1]


def test_runs_lie_between_headings():
    outline = Outline.of(segment_html(HTML))
    runs = {(int(a) + 1, int(b)) for a, b in zip(outline.run_start, outline.run_end, strict=True)}
    assert {(2, 2), (4, 5), (7, 7), (9, 12)} <= runs


@pytest.mark.parametrize(
    ("span", "origin"), [((4, 7), SECTION), ((4, 5), LEAD), ((11, 12), NODE), ((9, 10), SIMILAR), ((9, 12), SECTION)]
)
def test_stretches_are_named_by_how_they_came_about(span, origin):
    assert found(HTML)[span] & origin


def test_stretches_begin_at_anchors():
    assert not found(HTML)[10, 12] & SUFFIX
    assert found(HTML, anchors=[9])[10, 12] & SUFFIX


def test_what_must_not_be_chosen_is_cut_from_the_edges():
    assert found("<div><p>x</p><p>y</p><p>z</p></div>", words=[0, 1, 0]).keys() == {(2, 2)}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["<h2>h</h2>", "<h3>h</h3>", "<p>p</p>", "<li>l</li>", "<dt>t</dt>", "<div>"]), max_size=25
    ),
    st.lists(st.integers(0, 24), max_size=5),
)
def test_every_stretch_has_text_and_begins_with_no_heading(parts, anchors):
    page = segment_html("".join(parts))
    outline = Outline.of(page)
    n = len(page.segments)
    spans = candidates(page, outline, np.array(sorted({a for a in anchors if a < n}), dtype=np.int64), np.ones(n))
    assert ((0 <= spans.first) & (spans.first < spans.last) & (spans.last <= n)).all()
    assert (outline.level[spans.first] == 9).all()
    pairs = list(zip(spans.first.tolist(), spans.last.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
