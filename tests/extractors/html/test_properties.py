"""What holds of every page: offsets, order, addresses, words, and the same result in every process."""

import json
import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ragkit.extractors.html import PartitionOptions, as_dict, segment_html, to_markdown, to_text
from ragkit.extractors.html.clean import count_words
from ragkit.extractors.html.intervals import IntervalSet

from .pages import _BLOCKS, SEEDS, html, mutated, plain_words, words

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
SLOW = settings(max_examples=2500, deadline=None, suppress_health_check=list(HealthCheck))


def check(data, options=None):
    """All of it."""
    options = options or PartitionOptions()
    page = segment_html(data, options=options)
    root = None
    for before, segment in zip((None, *page.segments), page.segments, strict=False):
        assert page.text[segment.start : segment.end] == segment.text, "offsets"
        assert segment.text.strip(), "no empty segment"
        assert segment.index == (before.index + 1 if before else 1), "numbered from 1"
        assert segment.start == (before.end + 1 if before else 0), "joined by one line break"
        assert count_words(segment.text) <= options.max_words, "no longer than allowed"
        assert all(0 <= start < end <= len(segment.text) for start, end, _ in segment.links), "links inside"
        assert all(page.segments[above - 1].kind == "heading" and above < segment.index for above in segment.section)
        if segment.xpath is not None:
            root = etree.fromstring(data.encode(), etree.HTMLParser(encoding="utf-8")) if root is None else root
            assert len(root.xpath(segment.xpath)) == 1, "its path leads to one element"
    runs = Counter((one.xpath, one.run, one.text) for one in page.segments if one.xpath and "split" not in one.flags)
    assert all(count == 1 for count in runs.values()), "an owner's runs are told apart"
    assert not page.segments or page.segments[-1].end == len(page.text)
    layout = page.layout
    assert len(layout.node) == len(layout.words) == len(layout.usable) == len(page.segments)
    for node, (first, last) in enumerate(zip(layout.first, layout.last, strict=True)):
        inside = [at for at, owner in enumerate(layout.node) if node in _above(layout, owner)]
        assert (inside[0], inside[-1] + 1) == (first, last), "a node reaches from its first segment to its last"
        if layout.tag[node] in _BLOCKS:
            assert inside == list(range(first, last)), "and what a block holds stands together"
    return page


def _above(layout, node):
    found = set()
    while node >= 0:
        found.add(node)
        node = layout.parent[node]
    return found


@QUICK
@given(html)
def test_every_segment_is_where_it_says(data):
    check(data)


@QUICK
@given(html, st.integers(1, 6))
def test_no_segment_has_more_words_than_allowed(data, most):
    check(data, PartitionOptions(max_words=most))


def same_words(data):
    page = segment_html(data)
    if any(code == "mostly_hidden" for code, _ in page.warnings):
        return
    assert words(page.text) == plain_words(data)


@QUICK
@given(html)
def test_no_visible_word_is_lost_or_added(data):
    same_words(data)


@QUICK
@given(html)
def test_the_same_page_gives_the_same_json(data):
    assert json.dumps(as_dict(segment_html(data))) == json.dumps(as_dict(segment_html(data)))


@pytest.mark.slow
@SLOW
@given(html)
def test_all_of_it_on_thousands_of_pages(data):
    check(data)
    same_words(data)


def test_the_json_does_not_depend_on_the_hash_seed(tmp_path):
    path = tmp_path / "page.html"
    path.write_bytes(SEEDS[0])
    program = (
        "import json,sys;from ragkit.extractors.html import *;"
        "print(json.dumps(as_dict(segment_html(open(sys.argv[1],'rb').read(),options=PartitionOptions(hidden='flag')))))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


@QUICK
@given(st.binary(max_size=300))
def test_any_bytes_give_a_page(data):
    segment_html(data)


@QUICK
@given(st.integers(0, 10**9))
def test_mutated_pages_give_a_page_that_can_be_shown(seed):
    rng = random.Random(seed)
    page = segment_html(mutated(rng.choice(SEEDS), rng))
    everything = IntervalSet.full(len(page))
    to_markdown(page, everything, cite=True)
    assert to_text(page, everything) == page.text


@QUICK
@given(html)
def test_the_nth_run_of_an_owner_is_its_nth_stretch_of_text(data):
    """An owner without blocks in it has one run, and that is all its text."""
    page = segment_html(data)
    if page.warnings:
        return
    root = etree.fromstring(data.encode(), etree.HTMLParser(encoding="utf-8"))
    for segment in page.segments:
        (owner,) = root.xpath(segment.xpath)
        if len(owner) == 0:
            assert segment.run == 0
            assert words(segment.text.replace("\\|", "|")) == words(owner.text)
