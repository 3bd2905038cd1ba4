from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.evaluate.synth.align import align

TEXT = "Before. The “Grey  Heron” was built\nin Saltmere — in 1912, and sold later to a museum. After. in 1912, yes."


def found(quote: str, text: str = TEXT, start: int = 0, end: int | None = None) -> str | None:
    place = align(text, start, len(text) if end is None else end, quote)
    return None if place is None else text[place.start : place.end]


def test_an_exact_quote_is_found_at_its_place() -> None:
    place = align(TEXT, 0, len(TEXT), "sold later to a museum.")
    assert place is not None
    assert (TEXT[place.start : place.end], place.flags) == ("sold later to a museum.", ())


def test_quotes_dashes_case_and_white_space_do_not_count() -> None:
    assert (
        found('the "grey heron" was built in saltmere - in 1912')
        == "The “Grey  Heron” was built\nin Saltmere — in 1912"
    )
    assert found("ＳＡＬＴＭＥＲＥ") == "Saltmere"
    assert found("the ﬁrst", "This is the ﬁrst.") == "the ﬁrst"
    assert found("THE FIRST", "This is the ﬁrst.") == "the ﬁrst"


def test_a_few_wrong_letters_are_allowed_and_flagged() -> None:
    place = align(TEXT, 0, len(TEXT), "was built in Saltmere - in 1912, and sould later to a museum")
    assert place is not None
    assert place.flags == ("fuzzy",)
    assert TEXT[place.start : place.end] == "was built\nin Saltmere — in 1912, and sold later to a museum"


@pytest.mark.parametrize("quote", ["", "  ", "The ferry was scrapped in 1950.", "was bilt in Soltmare im 1921"])
def test_what_is_not_there_is_not_found(quote: str) -> None:
    assert found(quote) is None


def test_a_quote_is_looked_for_inside_the_window_only() -> None:
    end = TEXT.index("After")
    assert found("After.", end=end) is None
    place = align(TEXT, 0, end, "in 1912,")
    assert place is not None
    assert place.flags == ()


def test_a_quote_that_stands_there_twice_is_flagged() -> None:
    place = align(TEXT, 0, len(TEXT), "in 1912,")
    assert place is not None
    assert (place.start, place.flags) == (TEXT.index("in 1912,"), ("ambiguous",))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="abcé “”-\n ﬁß", min_size=1, max_size=60), st.integers(0, 59), st.integers(1, 60))
def test_every_part_of_a_text_is_found_in_it(text: str, start: int, size: int) -> None:
    quote = text[start : start + size].strip()
    if quote:
        place = align(text, 0, len(text), quote)
        assert place is not None
        assert text[place.start : place.end] == quote
