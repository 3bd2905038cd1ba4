from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError
from ragkit.retrieve.fuse import METHODS, fuse
from ragkit.types import Hits, Query
from tests.retrieve.helpers import hits, ids

LEFT = hits(("a", 9.0), ("b", 5.0), ("c", 1.0), stage="left")
RIGHT = hits(("c", 0.9), ("a", 0.8), ("d", 0.1), stage="right")


def scores(found: Hits) -> dict[str, float]:
    return {hit.chunk.id: hit.score for hit in found}


def test_rrf_sums_one_over_sixty_plus_the_rank() -> None:
    fused = fuse([LEFT, RIGHT], [1, 1], "rrf")
    assert ids(fused) == ["a", "c", "b", "d"]
    assert scores(fused) == pytest.approx({"a": 1 / 61 + 1 / 62, "c": 1 / 63 + 1 / 61, "b": 1 / 62, "d": 1 / 63})


def test_rrf_multiplies_each_list_by_its_weight() -> None:
    fused = fuse([LEFT, RIGHT], [0.3, 0.7])
    assert scores(fused)["c"] == pytest.approx(0.3 / 63 + 0.7 / 61)
    assert ids(fused)[0] == "c"


def test_minmax_scales_each_list_to_one_and_counts_missing_as_nothing() -> None:
    fused = fuse([LEFT, RIGHT], [1, 2], "minmax")
    assert scores(fused) == pytest.approx({"c": 0 + 2, "a": 1 + 2 * 0.875, "b": 0.5, "d": 0})
    assert ids(fused) == ["a", "c", "b", "d"]


def test_max_takes_the_larger_of_the_scaled_scores() -> None:
    assert scores(fuse([LEFT, RIGHT], [1, 1], "max")) == pytest.approx({"a": 1, "c": 1, "b": 0.5, "d": 0})
    assert ids(fuse([LEFT, RIGHT], [1, 1], "max")) == ["a", "c", "b", "d"]


def test_zscore_puts_what_a_list_lacks_one_below_its_lowest() -> None:
    low = -math.sqrt(1.5)
    fused = fuse([LEFT], [1], "zscore")
    assert scores(fused) == pytest.approx({"a": -low, "b": 0, "c": low})
    both = scores(fuse([LEFT, hits(("d", 2.0))], [1, 1], "zscore"))
    assert both == pytest.approx({"a": -low - 1, "b": -1, "c": low - 1, "d": low - 1})


def test_min_rank_orders_by_the_best_rank_then_the_other_then_the_id() -> None:
    first = hits(("a", 3.0), ("b", 2.0), ("e", 1.0))
    second = hits(("c", 3.0), ("b", 2.0), ("a", 1.0))
    fused = fuse([first, second], [1, 1], "min_rank")
    assert ids(fused) == ["a", "c", "b", "e"]
    assert scores(fused) == {"a": 1, "c": 1 / 2, "b": 1 / 3, "e": 1 / 4}


def test_min_rank_gives_equal_scores_to_equal_ranks() -> None:
    fused = fuse([hits(("b", 1.0)), hits(("a", 1.0))], [1, 1], "min_rank")
    assert ids(fused) == ["a", "b"]
    assert fused[0].score == fused[1].score == 1


def test_min_rank_divides_ranks_by_the_weight() -> None:
    fused = fuse([hits(("a", 2.0), ("b", 1.0)), hits(("c", 2.0), ("d", 1.0))], [1, 4], "min_rank")
    assert ids(fused) == ["c", "d", "a", "b"]


@pytest.mark.parametrize("method", METHODS)
def test_a_list_of_weight_zero_changes_no_order_among_the_others(method: str) -> None:
    fused = fuse([LEFT, hits(("z", 9.0), ("c", 8.0))], [1, 0], method)
    assert [id for id in ids(fused) if id != "z"] == ["a", "b", "c"]


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_side_leaves_the_order_of_the_other(method: str) -> None:
    assert ids(fuse([LEFT, hits()], [1, 1], method)) == ["a", "b", "c"]
    assert ids(fuse([hits(), hits()], [1, 1], method)) == []


@pytest.mark.parametrize("method", METHODS)
def test_constant_and_single_item_lists_break_nothing(method: str) -> None:
    fused = fuse([hits(("b", 0.0), ("a", 0.0)), hits(("c", -5.0))], [1, 1], method)
    assert sorted(ids(fused)) == ["a", "b", "c"]


@pytest.mark.parametrize("method", METHODS)
def test_infinite_and_huge_scores_break_nothing(method: str) -> None:
    odd = hits(("a", math.inf), ("b", 1e308), ("c", -1e308), ("d", -math.inf))
    assert ids(fuse([odd, LEFT], [1, 1], method))[0] == "a"
    assert len(fuse([hits(("a", math.inf), ("b", math.inf))], [1], method)) == 2


def test_what_every_side_said_is_kept_and_the_fusion_noted() -> None:
    best = fuse([LEFT, RIGHT], [1, 1])[0]
    assert best.why["left"] == {"rank": 1, "score": 9.0}
    assert best.why["right"] == {"rank": 2, "score": 0.8}
    assert best.why["fuse"] == {"rank": 1, "score": best.score, "method": "rrf"}


def test_two_sides_of_one_name_are_kept_apart() -> None:
    best = fuse([hits(("a", 2.0), stage="bm25"), hits(("a", 1.0), stage="bm25")], [1, 1])[0]
    assert best.why["bm25"]["score"] == 2.0
    assert best.why["bm25#2"]["score"] == 1.0


def test_a_fusion_of_a_fusion_keeps_both_findings() -> None:
    best = fuse([fuse([LEFT, RIGHT], [1, 1]), LEFT], [1, 1], "min_rank")[0]
    assert best.why["fuse"]["method"] == "rrf"
    assert best.why["fuse#2"]["method"] == "min_rank"


def test_the_query_and_the_traces_are_kept() -> None:
    first = Hits(Query("one"), (), {"left": 1})
    fused = fuse([first, Hits(Query("two"), (), {"right": 2})], [1, 1])
    assert fused.query.text == "one"
    assert fused.trace == {"left": 1, "right": 2}


@pytest.mark.parametrize(
    ("lists", "weights", "method", "named"),
    [
        ([], [], "rrf", "nothing to fuse"),
        ([LEFT], [1], "sum", "no fusion method 'sum'; there are rrf"),
        ([LEFT], [1, 2], "rrf", "1 lists need as many weights, not 2"),
        ([LEFT], [-1], "rrf", "at least 0, not -1"),
        ([LEFT], [math.nan], "rrf", "not nan"),
        ([LEFT], [math.inf], "rrf", "not inf"),
    ],
)
def test_what_cannot_be_fused_is_refused(lists: list[Hits], weights: list[float], method: str, named: str) -> None:
    with pytest.raises(InvalidValueError, match=named):
        fuse(lists, weights, method)


sides = st.lists(
    st.dictionaries(st.sampled_from("abcdefgh"), st.floats(allow_nan=False), max_size=8).map(
        lambda found: hits(*sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60)
@given(sides, st.sampled_from(METHODS), st.data())
def test_any_lists_fuse_to_all_their_chunks_whatever_the_order_of_the_sides(
    lists: list[Hits], method: str, data: st.DataObject
) -> None:
    weights = data.draw(st.lists(st.sampled_from([0, 0.3, 1, 2.5]), min_size=len(lists), max_size=len(lists)))
    fused = fuse(lists, weights, method)
    assert set(ids(fused)) == {id for side in lists for id in ids(side)}
    backwards = fuse(lists[::-1], weights[::-1], method)
    assert [(hit.chunk.id, hit.score) for hit in fused] == [(hit.chunk.id, hit.score) for hit in backwards]
