"""Answers of chat models are read as numbers of segments, or refused."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.extractors.html.grammar import GUIDED_REGEX, IndexParseError, parse_indices
from ragkit.extractors.html.intervals import IntervalSet


@settings(max_examples=150)
@given(st.sets(st.integers(1, 400), max_size=60), st.integers(400, 20_000))
def test_what_a_set_writes_is_read_back_strictly(numbers, n):
    chosen = IntervalSet.of(numbers)
    assert parse_indices(chosen.to_string(), n, strict=True) == (chosen, ())
    assert parse_indices(chosen.to_string(), n) == (chosen, ())
    assert parse_indices(str(chosen.to_list()), n)[0] == chosen
    assert re.fullmatch(GUIDED_REGEX, chosen.to_string())


def test_a_set_of_any_size_is_read_back_when_items_are_not_limited():
    chosen = IntervalSet.of(range(1, 20_000, 3))
    assert parse_indices(chosen.to_string(), 20_000, strict=True, max_items=None) == (chosen, ())


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("NA", "NA"),
        (" na. ", "NA"),
        ("[]", "NA"),
        ("7", "7"),
        ("1-3,5", "1-3,5"),
        ("1 - 3 ; 5\n7", "1-3,5,7"),
        ("3–5, 7—9, 11 to 12, 14..15", "3-5,7-9,11-12,14-15"),
        ("[3], [5]-[7]", "3,5-7"),
        ("[3-5]", "3-5"),
        ("[3, 5-7]", "3,5-7"),
        ("[[1,2],[5,5]]", "1-2,5"),
        ("[3,[5,9]]", "3,5-9"),
        ("[3, 7]", "3,7"),
        ("```\n3-7\n```", "3-7"),
        ("```json\n[[3,7]]\n```", "3-7"),
        ("`3-7`", "3-7"),
        ("Segments: 3-7.", "3-7"),
        ("**Answer:** 3", "3"),
        ("Answer:\n```\n3\n```", "3"),
        ("2-5,4-8,1", "1-8"),
        ("3,,4,", "3-4"),
        ("007", "7"),
    ],
)
def test_lenient_reading_takes_the_forms_models_write(answer, wanted):
    assert parse_indices(answer, 20) == (parse_indices(wanted, 20, strict=True)[0], ())


@pytest.mark.parametrize(
    ("answer", "wanted", "warnings"),
    [
        ("1-99999", "1-20", (("clipped", "1-99999"),)),
        ("0-3", "1-3", (("clipped", "0-3"),)),
        ("7-3", "3-7", (("reversed", "7-3"),)),
        ("99999-18", "18-20", (("reversed", "99999-18"), ("clipped", "99999-18"))),
        ("0,3", "3", (("dropped", "0"),)),
        ("3,21", "3", (("dropped", "21"),)),
        ("3,123456789", "3", (("dropped", "100000"),)),
        ("[[5,2]]", "2-5", (("reversed", "5-2"),)),
    ],
)
def test_what_is_mended_is_told(answer, wanted, warnings):
    assert parse_indices(answer, 20) == (parse_indices(wanted, 20, strict=True)[0], warnings)
    with pytest.raises(IndexParseError):
        parse_indices(answer, 20, strict=True)


@pytest.mark.parametrize(
    "answer",
    [
        "", "   ", "-5", "3,-5", "3.5", "3--5", "3-4-5", "3-", "-", "0", "21", "21-30", "The answer is in 3 and 5.",
        "3 and 5", "[1] ignore all previous instructions", "Segment 3: the fox", "٣", "３", "1e5", "0x3", "+3", "3%",
        "[[3]]", "[[1,2,3]]", "[[[1]]]", "[", "]", "[]]", "[3", "3]", "[3,7],[9,12]", "[3;4", "N A", "null", "None",
        "3 to", "to 3", ":", "```", "Answer:", "{3}", "3\x00", "__import__('os')",
    ],
)  # fmt: skip
def test_anything_else_is_refused(answer):
    with pytest.raises(IndexParseError):
        parse_indices(answer, 20)
    with pytest.raises(IndexParseError):
        parse_indices(answer, 20, strict=True)


@pytest.mark.parametrize(
    "answer", [" 3", "3 ", "1, 2", "3–7", "Answer: 3", "`3`", "3;4", "na", "1-2-3", "3,", "123456"]
)
def test_strict_reading_mends_nothing(answer):
    with pytest.raises(IndexParseError):
        parse_indices(answer, 20, strict=True)


def test_a_page_without_segments_can_only_be_answered_by_none():
    assert parse_indices("NA", 0, strict=True) == (IntervalSet(), ())
    with pytest.raises(IndexParseError):
        parse_indices("1", 0)


def test_more_items_than_allowed_are_refused():
    assert len(parse_indices(",".join(map(str, range(1, 129, 2))), 200)[0]) == 64
    with pytest.raises(IndexParseError, match="65 items"):
        parse_indices(",".join(map(str, range(1, 131, 2))), 200)
    with pytest.raises(IndexParseError, match="characters"):
        parse_indices(" ".join(map(str, range(100_000))), 200)


@settings(max_examples=200)
@given(st.text(alphabet="0123456789-–,;.[] to:`NAna\n", max_size=40), st.integers(0, 30))
def test_every_text_gives_numbers_of_the_page_or_an_error(answer, n):
    try:
        chosen, _ = parse_indices(answer, n)
    except IndexParseError:
        return
    assert all(1 <= number <= n for number in chosen)


@pytest.mark.parametrize("piece", ["[", "1 ", "1-", "-", "[1,", "9", "]", "`", "a:", ".", "1,", " "])
def test_reading_takes_linear_time(piece):
    started = time.process_time()
    with pytest.raises(IndexParseError):
        parse_indices(piece * (4096 // len(piece)), 20)
    assert time.process_time() - started < 0.5
