"""Annotations resolve who and when without changing a character of what was said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError
from ragkit.memory.annotate import annotate, render, strip
from ragkit.memory.times import find_times

MONDAY = 1_683_547_200_000_000  # 2023-05-08T12:00Z


def shown(text: str, speaker: str = "Ann", others: tuple[str, ...] = ("Bob",)) -> str:
    return render(text, annotate(text, speaker, others, find_times(text, MONDAY, 0)))


def test_speaker_first_person_and_day_are_written_in() -> None:
    assert shown("I went there yesterday") == "Ann: I [Ann] went there yesterday [2023-05-07]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is mine.", "Ann: It is mine [Ann]."),
        ("I'm tired", "Ann: I'm [Ann] tired"),
        ("I’ve seen you", "Ann: I’ve [Ann] seen you [Bob]"),
        ("Your cat", "Ann: Your [Bob] cat"),
        ("he told her", "Ann: he told her"),
        ("we are us", "Ann: we are us"),
        ("mine-field, i/o and me@example.org", "Ann: mine-field, i/o and me@example.org"),
        ("on 8 May 2023", "Ann: on 8 May 2023"),
        ("i like it", "Ann: i [Ann] like it"),
    ],
)
def test_only_first_and_second_person_are_resolved(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_you_stays_open_when_three_talk() -> None:
    assert shown("Do you like it?", others=("Bob", "Cy")) == "Ann: Do you like it?"


def test_without_a_speaker_only_days_are_written_in() -> None:
    assert shown("I slept yesterday", speaker="", others=()) == "I slept yesterday [2023-05-07]"


@given(st.text(max_size=80), st.text(max_size=8), st.lists(st.text(max_size=8), max_size=2))
@settings(max_examples=50)
def test_taking_annotations_out_gives_the_message_back(text: str, speaker: str, others: list[str]) -> None:
    notes = annotate(text, speaker, others, find_times(text, MONDAY, 0))
    assert strip(render(text, notes), notes) == text


@given(
    st.text(alphabet="[]I my yesterday,: Anoutd\n", max_size=80),
    st.sampled_from(["Ann", "[Ann]", "A]", ": ", "I"]),
)
@settings(max_examples=50)
def test_brackets_of_the_message_itself_survive(text: str, speaker: str) -> None:
    notes = annotate(text, speaker, ["[x]"], find_times(text, MONDAY, 0))
    assert strip(render(text, notes), notes) == text


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.text(max_size=4)), max_size=6))
@settings(max_examples=50)
def test_any_annotations_can_be_taken_out_again(text: str, notes: list[tuple[int, str]]) -> None:
    notes = sorted(((min(offset, len(text)), string) for offset, string in notes), key=lambda note: note[0])
    assert strip(render(text, notes), notes) == text


def test_annotations_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="does not fit"):
        render("abc", [(4, "x")])
    with pytest.raises(InvalidValueError, match="does not stand"):
        strip("abc", [(0, "x")])
