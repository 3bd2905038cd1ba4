"""States that hold until another is told."""

from __future__ import annotations

import pytest

from ragkit.memory.supersede import Slot, Told, other_value, same_slot, slots_of, superseded


def told(text: str) -> list[tuple[str, set[str], set[str]]]:
    return [(slot.person, set(slot.predicate), set(slot.value)) for slot in slots_of(text, "Ann")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I live in Berlin.", ("ann", {"live"}, {"berlin"})),
        ("I’m living in New York now", ("ann", {"live"}, {"new", "york"})),
        ("I've just moved to Munich!", ("ann", {"live"}, {"munich"})),
        ("Bob lives in Rome with his cat", ("bob", {"live"}, {"rome"})),
        ("I work at Siemens as an engineer", ("ann", {"work"}, {"siemens"})),
        ("I started working for Bosch", ("ann", {"work"}, {"bosch"})),
        ("My favourite colour is blue.", ("ann", {"favourite", "colour"}, {"blue"})),
        ("my favorite colours are red and blue", ("ann", {"favourite", "colour"}, {"red"})),
        ("Bob's favourite film is Heat", ("bob", {"favourite", "film"}, {"heat"})),
        ("My phone number is 555-0142.", ("ann", {"own", "phone", "number"}, {"555", "0142"})),
        ("My doctor is Tom Whitlock", ("ann", {"own", "doctor"}, {"tom", "whitlock"})),
        ("I'm vegan", ("ann", {"state", "diet"}, {"vegan"})),
        ("I drive a red Fiat", ("ann", {"drive"}, {"red", "fiat"})),
    ],
)
def test_fixed_phrases_tell_a_state(text: str, expected: tuple[str, set[str], set[str]]) -> None:
    assert told(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "Do I live in Berlin?",
        "if I live in Berlin",
        "I lived in Berlin",
        "I moved the sofa to the wall",
        "My dog is nice",
        "I work at night",
        "It is engaged",
        "I live in fear",
        "my job is great",
        "my teacher is not Ilse any more",
    ],
)
def test_other_phrases_tell_none(text: str) -> None:
    assert told(text) == []


def unit(number: int, text: str, since: int, said: int | None = None) -> Told:
    (slot,) = slots_of(text, "Ann")
    return Told(number, f"u{number}", slot, since, since, since if said is None else said)


def pairs(*units: Told) -> list[tuple[int, int]]:
    return [(newer.unit, older.unit) for newer, older in superseded(units)]


def test_a_later_value_supersedes_the_earlier() -> None:
    units = [unit(1, "I live in Bern", 10), unit(2, "I live in Rome", 20), unit(3, "I live in Oslo", 30)]
    assert pairs(*units) == pairs(*reversed(units)) == [(2, 1), (3, 2)]


def test_what_is_told_later_of_an_earlier_time_supersedes_nothing() -> None:
    assert pairs(unit(1, "I live in Rome", 20), unit(2, "I moved to Bern", 5, said=30)) == [(1, 2)]


def test_the_same_value_and_other_slots_and_other_persons_stay() -> None:
    assert pairs(unit(1, "I live in Bern", 10), unit(2, "I live in Bern, Switzerland", 20)) == []
    assert pairs(unit(1, "I live in Bern", 10), unit(2, "I work at Rome Ltd", 20)) == []
    assert pairs(unit(1, "I live in Bern", 10), unit(2, "Bob lives in Rome", 20)) == []


def test_going_back_supersedes_what_was_between() -> None:
    units = (unit(1, "I live in Bern", 10), unit(2, "I live in Rome", 20), unit(3, "I live in Bern", 30))
    assert pairs(*units) == [(2, 1), (3, 2)]


def test_slots_are_the_same_from_half_of_their_words_on() -> None:
    phone, mobile = (
        Slot("ann", frozenset({"own", "number"}), frozenset()),
        Slot("ann", frozenset({"own", "phone", "number"}), frozenset()),
    )
    assert same_slot(phone, mobile)
    assert not same_slot(phone, Slot("bob", phone.predicate, frozenset()))
    assert other_value(Slot("a", phone.predicate, frozenset({"x"})), Slot("a", phone.predicate, frozenset({"y"})))


def test_a_turn_that_tells_something_else_too_is_not_the_statement_alone() -> None:
    (mixed,) = slots_of("We saw otters and a heron at the lake near Bruck. I live in Bern.", "Ann")
    (alone,) = slots_of("Hello! I live in Bern, near the station.", "Ann")
    assert (mixed.whole, alone.whole) == (False, True)
