"""Spans: budget, order, borders, determinism."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError
from ragkit.extractors.s3.spans import Pick, Selection, at_the_ends, peaks, smoothed, snapped


def chosen(values: np.ndarray, documents: list[tuple[int, int]], budget: int, radius: int = 3) -> Selection:
    selection = Selection(len(values), budget, documents)
    for pick in peaks(values, documents, radius):
        if selection.left <= 0:
            break
        selection.add(pick)
    return selection


@settings(max_examples=50, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    budget=st.integers(1, 60),
    radius=st.integers(0, 6),
    gap=st.integers(0, 8),
    seed=st.integers(0, 1000),
)
def test_spans_keep_to_budget_documents_and_order(lengths: list[int], budget: int, radius: int, gap: int, seed: int):
    ends = np.cumsum([0, *lengths]).tolist()
    documents = list(zip(ends[:-1], ends[1:], strict=True))
    values = np.random.default_rng(seed).integers(0, 5, ends[-1]).astype(float)
    results = []
    for _ in range(2):
        selection = chosen(smoothed(values, documents, 5), documents, budget, radius)
        selection.close_gaps(gap)
        results.append(selection.spans())
    spans = results[0]
    assert results[0] == results[1]
    assert sum(span.end - span.start for span in spans) <= budget
    assert sum(span.end - span.start for span in spans) == min(budget, ends[-1])
    for before, after in zip(spans, spans[1:], strict=False):
        assert before.end <= after.start
    for span in spans:
        assert span.start <= span.peak < span.end
        assert any(start <= span.start and span.end <= end for start, end in documents)


def test_scores_that_are_all_equal_give_the_earliest_tokens():
    documents = [(0, 40)]
    assert [(s.start, s.end) for s in chosen(np.zeros(40), documents, 6, radius=3).spans()] == [(0, 6)]


def test_a_budget_smaller_than_a_span_keeps_the_tokens_around_the_peak():
    values = np.zeros(40)
    values[20] = 1
    assert [(s.start, s.end) for s in chosen(values, [(0, 40)], 5, radius=10).spans()] == [(18, 23)]


@pytest.mark.parametrize("budget", [0, -3])
def test_a_budget_of_nothing_is_an_error(budget: int):
    with pytest.raises(ValueError, match="budget"):
        Selection(10, budget, [(0, 10)])


def test_the_kernel_is_a_normalised_triangle_shortened_at_the_edges():
    values = np.zeros(9)
    values[4] = 1
    assert smoothed(values, [(0, 9)], 5)[2:7] == pytest.approx([1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9])
    assert smoothed(np.ones(9), [(0, 9)], 5)[0] == pytest.approx(6 / 9)
    with pytest.raises(InvalidValueError, match="odd"):
        smoothed(values, [(0, 9)], 4)


def test_smoothing_stops_at_the_border_of_a_document():
    values = np.array([0.0, 0, 0, 9, 0, 0])
    assert smoothed(values, [(0, 3), (3, 6)], 3)[:3].tolist() == [0, 0, 0]


def test_what_belongs_to_no_document_is_never_a_peak():
    values = smoothed(np.array([1.0, 9.0, 2.0]), [(0, 1), (2, 3)], 1)
    assert [pick.peak for pick in peaks(values, [(0, 1), (2, 3)], 0)] == [2, 0]


def test_peaks_end_at_the_floor():
    assert [pick.peak for pick in peaks(np.array([3.0, 1.0, 2.0]), [(0, 3)], 0, floor=1.5)] == [0, 2]


def test_small_gaps_are_closed_while_the_budget_lasts():
    selection = Selection(40, 16, [(0, 40)])
    for start, end in ((0, 5), (8, 12), (20, 21)):
        selection.add(Pick(start, end, start, 1.0, "feature"))
    selection.close_gaps(8)
    assert [(s.start, s.end) for s in selection.spans()] == [(0, 12), (20, 21)]


def test_both_ends_are_kept_first_and_charged():
    selection = Selection(40, 10, [(0, 40)])
    at_the_ends(selection, 4, 3)
    assert [(s.start, s.end, s.source) for s in selection.spans()] == [(0, 4, "bias"), (37, 40, "bias")]
    assert selection.left == 3


def test_a_span_is_widened_to_a_border_that_is_near():
    borders = np.array([0, 10, 30, 60])
    assert snapped(Pick(14, 25, 20, 1.0, "feature"), borders, 6) == Pick(10, 30, 20, 1.0, "feature")
    assert snapped(Pick(18, 25, 20, 1.0, "feature"), borders, 6).start == 18
