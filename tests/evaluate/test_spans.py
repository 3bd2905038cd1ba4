from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.evaluate import SpanError, SpanSet
from ragkit.evaluate.line import Cover, overlapping
from ragkit.evaluate.spans import check_span, merge
from ragkit.types import Span
from tests.evaluate.helpers import spans

pieces = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda one: (one[0], one[0] + one[1])), max_size=8
)


def units(places: list[tuple[int, int]]) -> set[int]:
    return {unit for start, end in places for unit in range(start, end)}


@settings(max_examples=60, deadline=None)
@given(pieces, st.randoms())
def test_merging_is_idempotent_and_does_not_depend_on_the_order(places, random) -> None:
    merged = merge(places)
    shuffled = list(places)
    random.shuffle(shuffled)
    assert merge(merged) == merged == merge(shuffled)
    assert units(merged) == units(places)
    assert all(one[1] < other[0] for one, other in zip(merged, merged[1:], strict=False))


@settings(max_examples=80, deadline=None)
@given(pieces, pieces)
def test_set_operations_agree_with_sets_of_integers(one, other) -> None:
    a, b = SpanSet.of(spans(*one)), SpanSet.of(spans(*other))
    for result, expected in (
        (a & b, units(one) & units(other)),
        (a | b, units(one) | units(other)),
        (a - b, units(one) - units(other)),
    ):
        assert units([(span.start, span.end) for span in result]) == expected
        assert result.measure == len(expected)
        assert bool(result) == bool(expected)


def test_spans_of_different_documents_never_meet() -> None:
    a, b = SpanSet.of([Span("a", 0, 10)]), SpanSet.of([Span("b", 0, 10)])
    assert (a & b).measure == 0
    assert (a | b).measure == 20
    assert (a - b).measure == 10


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (3, 3, "is empty"),
        (5, 2, "runs backwards"),
        (-1, 2, "negative"),
        (0, 11, "10 characters"),
        (0, 1.5, "whole numbers"),
    ],
)
def test_a_bad_span_is_named_with_question_document_and_offsets(start: int, end: int, said: str) -> None:
    with pytest.raises(SpanError, match=said) as raised:
        check_span("doc", start, end, 10, "q7")
    assert "'q7'" in str(raised.value)
    assert "'doc'" in str(raised.value)
    assert f"[{start}:{end}]" in str(raised.value)


def test_an_empty_span_is_refused_in_a_set() -> None:
    with pytest.raises(SpanError, match="is empty"):
        SpanSet.of([Span("d", 4, 4)])


@pytest.mark.parametrize("document", ["d", "e"])
def test_a_million_spans_are_merged_within_three_seconds(document: str) -> None:
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 10_000_000, 1_000_000)
    ends = starts + rng.integers(1, 20, 1_000_000)
    begun = time.process_time()
    cover = Cover.of(starts, ends)
    assert time.process_time() - begun < 3
    if document == "e":
        places = list(zip(starts.tolist(), ends.tolist(), strict=True))
        begun = time.process_time()
        merged = merge(places)
        assert time.process_time() - begun < 3
        assert len(merged) == len(cover.starts)
        assert sum(end - start for start, end in merged) == int(cover.sizes.sum())


@settings(max_examples=80, deadline=None)
@given(pieces, pieces, st.booleans())
def test_overlapping_pairs_are_those_of_all_pairs(one, other, touching: bool) -> None:
    starts, ends = (np.array(values, np.int64) for values in (zip(*one, strict=True) if one else ([], [])))
    low, high = (np.array(values, np.int64) for values in (zip(*other, strict=True) if other else ([], [])))
    found = sorted(
        zip(*(values.tolist() for values in overlapping(starts, ends, low, high, touching=touching)), strict=True)
    )
    reach = 0 if touching else 1
    expected = sorted(
        (i, j) for i, a in enumerate(one) for j, b in enumerate(other) if min(a[1], b[1]) - max(a[0], b[0]) >= reach
    )
    assert found == expected
