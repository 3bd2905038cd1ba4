"""Values cannot be wrong: each leads back to characters of a source."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError, RagkitError
from ragkit.types import (
    Answer,
    Chunk,
    Citation,
    Document,
    Hit,
    Hits,
    Query,
    Source,
    Span,
    Usage,
    check_citations,
)

unhurried = settings(deadline=None)
texts = st.text(min_size=1, max_size=60)
scores = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 1.0])


@st.composite
def pieces(draw: st.DrawFn) -> tuple[Document, int, int]:
    """A document and the place of a piece of it."""
    document = Document("d", draw(texts), source="d.txt", metadata=draw(st.dictionaries(st.sampled_from("ab"), texts)))
    start = draw(st.integers(0, len(document.text) - 1))
    return document, start, draw(st.integers(start + 1, len(document.text)))


@st.composite
def hit_lists(draw: st.DrawFn) -> list[Hit]:
    """Hits for different chunks in any order."""
    document = Document("d", "x" * 20)
    places = draw(st.lists(st.integers(0, 19), unique=True, max_size=8))
    return [Hit(document.chunk(place, place + 1), draw(scores)) for place in places]


def a_chunk(text: str = "Ada lives in London.") -> Chunk:
    return Document("d", text, source="d.txt").chunk(0, len(text))


def best_first(hits: list[Hit]) -> Hits:
    return Hits(Query("q"), tuple(sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id))))


@unhurried
@given(pieces())
def test_a_chunk_is_the_piece_of_the_document_it_says(piece: tuple[Document, int, int]) -> None:
    document, start, end = piece
    chunk = document.chunk(start, end, {"heading": "H"})
    assert document.text[chunk.start : chunk.end] == chunk.text
    assert chunk.span == document.span(start, end) and len(chunk.span) == end - start
    assert chunk.metadata == {**document.metadata, "source": "d.txt", "heading": "H"}
    document.check([chunk])


@unhurried
@given(pieces(), st.integers(-70, 70), st.integers(-70, 70))
def test_a_chunk_outside_the_document_cannot_be_made(piece: tuple[Document, int, int], start: int, end: int) -> None:
    document = piece[0]
    assume(not 0 <= start < end <= len(document.text))
    with pytest.raises(InvalidValueError, match="does not lie in document 'd'"):
        document.chunk(start, end)


@unhurried
@given(pieces(), texts)
def test_a_chunk_of_another_text_is_found_out(piece: tuple[Document, int, int], other: str) -> None:
    document, start, end = piece
    chunk = document.chunk(start, end)
    assume(other[start:end] != chunk.text)
    with pytest.raises(InvalidValueError, match=r"make chunks with document\.chunk"):
        Document("d", other).check([chunk])
    with pytest.raises(InvalidValueError, match="is not characters"):
        Document("other", document.text).check([chunk])


@unhurried
@given(st.integers(-5, 5), st.integers(-5, 5), texts)
def test_the_offsets_of_a_chunk_fit_its_text(start: int, end: int, text: str) -> None:
    assume(start < 0 or end - start != len(text))
    with pytest.raises(InvalidValueError, match="do not fit its text"):
        Chunk("c", "d", start, end, text)


@unhurried
@given(pieces(), st.data())
def test_a_citation_quotes_the_document_wherever_the_chunk_stands(piece: tuple[Document, int, int], data: Any) -> None:
    document, start, end = piece
    chunk = document.chunk(start, end)
    first = data.draw(st.integers(0, len(chunk.text) - 1))
    last = data.draw(st.integers(first + 1, len(chunk.text)))
    citation = Citation.of(chunk, first, last)
    assert document.text[citation.start : citation.end] == citation.quote == chunk.text[first:last]
    assert citation.source == "d.txt" and citation.span == Span("d", citation.start, citation.end)
    check_citations([citation], {"d": document})


def test_a_citation_beyond_its_chunk_or_of_nothing_cannot_be_made() -> None:
    for start, end in [(0, 99), (3, 3), (5, 2), (50, 60), (-5, 3)]:
        with pytest.raises(InvalidValueError, match="does not lie in chunk"):
            Citation.of(a_chunk(), start, end)


def test_a_citation_whose_offsets_do_not_fit_its_quote_cannot_be_made() -> None:
    for start, end, quote in [(0, 4, "Ada"), (-1, 2, "Ada"), (3, 3, "")]:
        with pytest.raises(InvalidValueError, match="does not fit its quote"):
            Citation("d", "d.txt", start, end, quote)


def test_citations_of_other_texts_are_found_out() -> None:
    citation = Citation.of(a_chunk(), 0, 3)
    for documents in ({}, {"d": Document("d", "Bob lives in London.")}):
        with pytest.raises(InvalidValueError, match="the quote 'Ada' does not stand at"):
            check_citations([citation], documents)


@unhurried
@given(hit_lists())
def test_hits_stand_best_first(hits: list[Hit]) -> None:
    ordered = best_first(hits)
    assert len(ordered) == len(hits) and list(ordered) == sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id))
    if any(later.score > before.score for before, later in zip(hits, hits[1:], strict=False)):
        with pytest.raises(InvalidValueError, match="not ordered best first"):
            Hits(Query("q"), tuple(hits))


@unhurried
@given(hit_lists(), st.integers(-3, 12))
def test_the_best_k_are_the_first_k(hits: list[Hit], k: int) -> None:
    ordered = best_first(hits)
    assert ordered.best(k).items == ordered.items[: max(0, k)]
    assert ordered.best(k).query == ordered.query


@unhurried
@given(hit_lists(), st.data())
def test_rescored_hits_stand_in_the_new_order_with_ties_by_id(hits: list[Hit], data: Any) -> None:
    new = {hit.chunk.id: data.draw(scores) for hit in hits}
    rescored = best_first(hits).rescored(lambda hit: new[hit.chunk.id], "mine")
    assert [hit.chunk.id for hit in rescored] == sorted(new, key=lambda chunk_id: (-new[chunk_id], chunk_id))
    for rank, hit in enumerate(rescored, 1):
        assert hit.why["mine"] == {"rank": rank, "score": new[hit.chunk.id]}


def test_rescoring_without_a_name_leaves_no_trace() -> None:
    hit = Hit(a_chunk(), 1.0, {"bm25": {"rank": 1}})
    assert Hits(Query("q"), (hit,)).rescored(lambda hit: 2)[0].why == {"bm25": {"rank": 1}}


def test_rescoring_with_nan_names_the_chunk() -> None:
    with pytest.raises(InvalidValueError, match="is NaN"):
        Hits(Query("q"), (Hit(a_chunk(), 1.0),)).rescored(lambda hit: float("nan"))


def test_a_chunk_stands_once_in_hits() -> None:
    with pytest.raises(InvalidValueError, match="stands twice"):
        Hits(Query("q"), (Hit(a_chunk(), 2.0), Hit(a_chunk(), 1.0)))


def test_hits_of_a_list_become_a_tuple() -> None:
    assert Hits(Query("q"), [Hit(a_chunk(), 1.0)]).items == (Hit(a_chunk(), 1.0),)  # type: ignore[arg-type]
    assert Hits(Query("q")).chunks == ()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Source(""), "a source needs a name"),
        (lambda: Document("", "text", source="a.txt"), r"a document needs an id; it was empty \(source 'a.txt'\)"),
        (lambda: Chunk("", "d", 0, 1, "x"), "has an empty id"),
        (lambda: Query(""), "the question is empty"),
        (lambda: Query(" \n\t"), "the question is empty"),
        (lambda: Span("d", 3, 2), "runs backwards"),
        (lambda: Span("d", -1, 2), "runs backwards"),
        (lambda: Hit(a_chunk(), float("nan")), "is NaN"),
        (lambda: Citation("d", "d.txt", 0, 0, ""), "does not fit its quote"),
        (lambda: Document("d", "abc").span(2, 4), "does not lie in document"),
    ],
)
def test_a_wrong_value_says_what_is_wrong(make: Any, reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason) as caught:
        make()
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, RagkitError)


def test_values_cannot_be_changed_but_copy_and_pickle() -> None:
    chunk = a_chunk()
    hits = Hits(Query("q", {"year": 1987}), (Hit(chunk, 1.0),))
    answer = Answer("London.", (Citation.of(chunk, 13, 19),), hits, short="London", usage=Usage(1, 2, 1))
    for value, name in [(chunk, "text"), (hits, "items"), (answer, "text"), (hits.query, "text"), (hits[0], "score")]:
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)
    assert pickle.loads(pickle.dumps(answer)) == answer == copy.deepcopy(answer)
    assert str(answer) == "London."


def test_the_head_is_the_title_else_the_heading_else_nothing() -> None:
    def head(**metadata: str) -> str:
        return Document("d", "x", metadata=metadata).chunk(0, 1).head

    assert head(title="T", heading="H") == "T" and head(heading="H") == "H" and head(title="", heading="H") == "H"
    assert head() == "" and Document("d", "x", metadata={"title": "T"}).title == "T"


def test_the_source_of_a_chunk_is_its_document_where_none_is_known() -> None:
    assert Document("d", "x").chunk(0, 1).source == "d" and a_chunk().source == "d.txt"


@unhurried
@given(*[st.builds(Usage, *[st.integers(0, 10)] * 3)] * 2)
def test_usage_adds_up(one: Usage, other: Usage) -> None:
    total = one + other
    assert total.prompt_tokens == one.prompt_tokens + other.prompt_tokens
    assert (total.completion_tokens, total.calls) == (
        one.completion_tokens + other.completion_tokens,
        one.calls + other.calls,
    )
