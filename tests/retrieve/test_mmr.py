from __future__ import annotations

import pytest

from ragkit.retrieve.mmr import MMR
from ragkit.testing import check_reranker
from ragkit.types import Hit, Hits, Query
from tests.retrieve.helpers import chunk, ids

FOUND = Hits(
    Query("fox"),
    tuple(
        Hit(chunk(id, text), score, {"bm25": {"rank": rank, "score": score}})
        for rank, (id, text, score) in enumerate(
            [("a", "the red fox", 1.0), ("b", "the red fox !", 0.9), ("c", "a blue whale", 0.6), ("d", "x", 0.0)], 1
        )
    ),
)


def test_a_hit_that_repeats_an_earlier_one_is_put_back() -> None:
    assert ids(MMR(model="hash").rerank(FOUND))[:2] == ["a", "c"]


def test_a_balance_of_one_keeps_the_order() -> None:
    assert ids(MMR(balance=1.0, model="hash").rerank(FOUND)) == ["a", "b", "c", "d"]


def test_the_parts_of_the_value_are_noted() -> None:
    found = {hit.chunk.id: hit.why["mmr"] for hit in MMR(balance=0.5, model="hash").rerank(FOUND)}
    assert found["a"] == {"rank": 1, "score": 0.5, "relevance": 1.0, "similar": 0.0}
    assert found["b"]["similar"] == pytest.approx(1.0)
    assert found["b"]["score"] == pytest.approx(0.5 * 0.9 - 0.5 * 1.0)


def test_equal_hits_are_ordered_by_id() -> None:
    twins = Hits(Query("q"), tuple(Hit(chunk(id, "same"), 1.0) for id in "cab"))
    assert ids(MMR(model="hash").rerank(twins)) == ["a", "b", "c"]


def test_infinite_scores_break_nothing() -> None:
    odd = Hits(Query("q"), (Hit(chunk("a"), float("inf")), Hit(chunk("b"), 0.0), Hit(chunk("c"), float("-inf"))))
    assert ids(MMR(balance=1, model="hash").rerank(odd)) == ["a", "b", "c"]


def test_the_stage_keeps_the_promises_of_a_reranker() -> None:
    check_reranker(lambda: MMR(model="hash"))
