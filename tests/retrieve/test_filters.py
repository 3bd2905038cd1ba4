from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError
from ragkit.filters import matcher, matches
from ragkit.retrieve.filters import Filter
from ragkit.testing import check_reranker
from ragkit.types import Hit, Hits, Query
from tests.retrieve.helpers import chunk, ids

PAPER = {
    "source": "docs/papers/a.md",
    "year": 1994,
    "score": 2.5,
    "lang": "en",
    "draft": False,
    "tags": ["graph", "search"],
    "none": None,
    "author": {"name": "Ada", "born": 1815},
    "date": "1994-05-01",
}


@pytest.mark.parametrize(
    "filter",
    [
        {},
        {"source": "docs/papers/a.md"},
        {"year": 1994.0},
        {"draft": False},
        {"none": None},
        {"absent": None},
        {"lang": ["de", "en"]},
        {"lang": {"in": ["de", "en"]}},
        {"lang": {"nin": ["de"]}},
        {"lang": {"ne": "de"}},
        {"absent": {"ne": "de"}},
        {"absent": {"nin": ["de"]}},
        {"year": {"gte": 1994, "lt": 1995}},
        {"score": {"gt": 2, "lte": 2.5}},
        {"date": {"gte": "1994-01-01", "lt": "1995"}},
        {"tags": "graph"},
        {"tags": {"prefix": "sea"}},
        {"tags": {"ne": "vector"}},
        {"year": {"exists": True}},
        {"absent": {"exists": False}},
        {"none": {"exists": False}},
        {"source": {"prefix": "docs/"}},
        {"source": {"glob": "docs/*.md"}},
        {"source": {"glob": "docs/pap?rs/[a-c].md"}},
        {"author.name": "Ada"},
        {"author.born": {"lt": 1900}},
        {"year": 1994, "lang": "en"},
    ],
)
def test_metadata_that_hold_what_the_filter_asks_match(filter: dict[str, Any]) -> None:
    assert matches(PAPER, filter)


@pytest.mark.parametrize(
    "filter",
    [
        {"source": "docs/papers/b.md"},
        {"year": "1994"},
        {"draft": 0},
        {"year": True},
        {"absent": "x"},
        {"lang": []},
        {"lang": {"nin": ["en", "de"]}},
        {"lang": {"ne": "en"}},
        {"year": {"gt": 1994}},
        {"year": {"gte": "1990"}},
        {"draft": {"lt": 1}},
        {"absent": {"gte": 0}},
        {"tags": "vector"},
        {"tags": {"ne": "graph"}},
        {"year": {"exists": False}},
        {"absent": {"exists": True}},
        {"year": {"prefix": "19"}},
        {"source": {"glob": "*.txt"}},
        {"source": {"glob": "DOCS/*"}},
        {"author.age": 3},
        {"lang.name": "en"},
        {"year": 1994, "lang": "de"},
    ],
)
def test_metadata_that_lack_what_the_filter_asks_do_not_match(filter: dict[str, Any]) -> None:
    assert not matches(PAPER, filter)


def test_a_key_with_a_dot_of_its_own_wins_over_nested_metadata() -> None:
    assert matches({"a.b": 1, "a": {"b": 2}}, {"a.b": 1})


@pytest.mark.parametrize(
    ("filter", "named"),
    [
        ({"year": {"gtee": 1}}, "'gtee'; there are eq, ne, in"),
        ({"year": {}}, "is empty"),
        ({"year": {"gte": None}}, "'gte' needs a number or a text, not None"),
        ({"year": {"gte": True}}, "'gte' needs"),
        ({"lang": {"in": "en"}}, "'in' needs a list"),
        ({"lang": {"in": [["en"]]}}, "'in' needs a list"),
        ({"lang": {"exists": 1}}, "'exists' needs true or false"),
        ({"lang": {"glob": 1}}, "'glob' needs a text"),
        ({"lang": {"eq": {"a": 1}}}, "'eq' needs"),
        ({1: "en"}, "names of metadata, not 1"),
        ("lang", "a filter is a mapping"),
    ],
)
def test_a_malformed_filter_is_refused_with_what_is_wrong(filter: Any, named: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        matcher(filter)
    assert named in str(caught.value)


values = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "ab", "b", ""]) | st.floats(-2, 2)
metadata = st.dictionaries(st.sampled_from("xyz"), values | st.lists(values, max_size=3))


@given(metadata, values)
def test_ne_is_the_opposite_of_eq_and_nin_of_in(metadata: dict[str, Any], value: Any) -> None:
    assert matches(metadata, {"x": {"ne": value}}) != matches(metadata, {"x": {"eq": value}})
    assert matches(metadata, {"x": {"nin": [value, "a"]}}) != matches(metadata, {"x": {"in": [value, "a"]}})


@given(metadata, st.integers(-3, 3))
def test_a_filter_means_the_same_after_a_trip_through_json(metadata: dict[str, Any], bound: int) -> None:
    filter = {"x": {"gte": bound}, "y": ["a", 1, None]}
    assert matches(metadata, filter) == matches(json.loads(json.dumps(metadata)), json.loads(json.dumps(filter)))


def test_the_stage_keeps_the_hits_that_match_in_their_order() -> None:
    found = Hits(Query("q"), (Hit(chunk("a", lang="en"), 3.0), Hit(chunk("b", lang="de"), 2.0), Hit(chunk("c"), 1.0)))
    assert ids(Filter({"lang": {"ne": "de"}}).rerank(found)) == ["a", "c"]


def test_the_stage_refuses_a_malformed_filter_when_it_is_made() -> None:
    with pytest.raises(InvalidValueError, match="no operator 'like'"):
        Filter({"lang": {"like": "e"}})


def test_the_stage_keeps_the_promises_of_a_reranker() -> None:
    check_reranker(lambda: Filter({"lang": "en"}))
