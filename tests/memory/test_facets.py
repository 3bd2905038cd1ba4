"""What a message can be found by besides its words."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.memory.facets import LONGEST, FacetExtractor, SpacyFacets, facets_of, names_in, persons_in, top_words
from ragkit.memory.types import Facet

KNOWN = {"bob", "mel", "caroline", "anna berg"}


def norms(text: str, kind: str, speaker: str = "Ann") -> set[str]:
    return {facet.norm for facet in facets_of(text, speaker, KNOWN) if facet.kind == kind}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", {"ann"}),
        ("I met Bob and bob", {"ann", "bob"}),
        ("I met Zoe's brother", {"ann", "zoe"}),
        ("Zoe said no", {"ann", "zoe"}),
        ("Hey Mel! How's Caroline's painting?", {"ann", "mel", "caroline"}),
        ("dinner with Anna Berg", {"ann", "anna berg"}),
        ("Life's hard, Today's fine", {"ann"}),
        ("It's Monday's paper", {"ann"}),
    ],
)
def test_persons_are_the_speaker_and_the_known_and_those_who_have_or_say(text: str, expected: set[str]) -> None:
    assert norms(text, "person") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We flew to New York in May", {"new york"}),
        ("Great day. Everything worked", set()),
        ("the Bank of England pays", {"bank of england"}),
        ("it is from NASA", {"nasa"}),
        ('I read "The Hobbit" again', {"the hobbit", "hobbit"}),
        ("我读了《三体》", {"三体"}),
        ("I ran 5 km and paid $50", {"5 km", "$50"}),
        ("see https://example.org/a?b=1.", {"https://example.org/a?b=1"}),
        ("mail bob@example.org, please", {"bob@example.org"}),
        ("I think I am OK", set()),
    ],
)
def test_entities_are_names_titles_quantities_and_addresses(text: str, expected: set[str]) -> None:
    assert norms(text, "entity") == expected


def test_keywords_are_the_rarest_words() -> None:
    weights = {"rare": 5.0, "common": 0.1, "middle": 1.0}
    found = facets_of("common rare middle", "", weight=lambda word: weights[word], keywords=2)
    assert [facet.norm for facet in found if facet.kind == "keyword"] == ["middle", "rare"]
    assert top_words(["b", "bb", "aa", "2023", "aa"], 2) == ["aa", "bb"]


def test_values_keep_how_they_were_written() -> None:
    (person,) = [facet for facet in facets_of("hello", "  ÉLODIE  D.") if facet.kind == "person"]
    assert (person.norm, person.shown) == ("élodie d.", "ÉLODIE D.")


def test_what_an_extractor_finds_is_added() -> None:
    class Places:
        def extract(self, text: str) -> Iterable[Facet]:
            yield Facet("location", "bern", "Bern")

    assert isinstance(Places(), FacetExtractor)
    assert Facet("location", "bern", "Bern") in facets_of("in bern", "Ann", extractors=[Places()])


@pytest.mark.slow
def test_spacy_tells_places_from_persons() -> None:
    found = SpacyFacets().extract("Barack Obama visited Paris last Monday.")
    assert {(facet.kind, facet.norm) for facet in found} == {("person", "barack obama"), ("location", "paris")}


def test_persons_come_in_order_of_place() -> None:
    assert persons_in("then Mel asked Bob", KNOWN) == ["Mel", "Bob"]
    assert ("New York", False) in names_in("I like New York")


@given(st.text(max_size=80), st.text(max_size=10))
@settings(max_examples=40)
def test_any_text_gives_sound_facets(text: str, speaker: str) -> None:
    found = facets_of(text, speaker, KNOWN)
    assert found == sorted(set(found))
    assert all(facet.norm and len(facet.norm) <= LONGEST for facet in found)


@pytest.mark.parametrize("part", ["A", "A ", "Ab-", "a@", "'s ", "1,", '"', "http://", "Xy of "])
def test_long_lines_take_time_in_proportion(part: str) -> None:
    def seconds(count: int) -> float:
        begun = time.process_time()
        facets_of(part * count, "Ann", KNOWN)
        return time.process_time() - begun

    seconds(100)
    assert seconds(8_000) < 40 * (seconds(800) + 0.003)
