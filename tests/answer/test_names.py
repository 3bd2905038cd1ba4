from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.answer.names import fold, name_runs, same_name, without_qualifier
from ragkit.answer.nations import find_nations, is_nationality


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("He met J. Om Prakash in May 1990.", ["J. Om Prakash"]),
        ("the son of Ernest, Duke of Bavaria and Anna", ["Ernest, Duke of Bavaria", "Anna"]),
        ("Raghnall's father, Ailéan mac Ruaidhrí, died.", ["Raghnall", "Ailéan mac Ruaidhrí"]),
        ("married Christian August of Anhalt", ["Christian August of Anhalt"]),
        ("nothing here", []),
        ("東京は大きい", []),
    ],
)
def test_names_are_runs_of_capitalised_words(text: str, names: list[str]) -> None:
    assert [text[start:end] for start, end in name_runs(text)] == names


@given(st.text(max_size=200))
def test_name_runs_lie_in_the_text_in_order(text: str) -> None:
    runs = name_runs(text)

    assert all(0 <= start < end <= len(text) for start, end in runs)
    assert runs == sorted(runs)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("S. R. Puttanna Kanagal", "Puttanna Kanagal", True),
        ("J. Om Prakash", "Jai Om Prakash", True),
        ("King Oswald of Mercia", "Oswald of Mercia", True),
        ("Isa bin Salman Al Khalifa", "Hamad bin Isa bin Salman Al Khalifa", False),
        ("John I of Simmern", "John II of Simmern", False),
        ("Smith", "John Smith", False),
    ],
)
def test_names_agree_but_for_initials_and_ranks(left: str, right: str, same: bool) -> None:
    assert same_name(fold(left), fold(right)) is same
    assert same_name(fold(right), fold(left)) is same


def test_a_title_loses_its_qualifier() -> None:
    assert without_qualifier("Airheads (film)") == "Airheads"
    assert without_qualifier("(film)") == "(film)"


def test_nations_are_known_by_name_adjective_and_part() -> None:
    found = find_nations("an Irish painter from Ontario who moved to New Zealand")

    assert [(nation.country, nation.how) for nation in found] == [
        ("Ireland", "adjective"),
        ("Canada", "part"),
        ("New Zealand", "name"),
    ]


def test_a_nationality_is_no_name() -> None:
    assert is_nationality("Trinidadian-American")
    assert not is_nationality("American Beauty")
