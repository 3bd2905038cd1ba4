from __future__ import annotations

import pytest

from ragkit.answer.dates import find_dates, find_numbers
from ragkit.answer.lives import lifespan


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("20 March 851", [(851, 3, 20)]),
        ("on March 10, 2017, he", [(2017, 3, 10)]),
        ("the 3rd of May 1907", [(1907, 5, 3)]),
        ("May 1990", [(1990, 5, 0)]),
        ("in 1925.", [(1925, 0, 0)]),
        ("in 44 BC", [(-44, 0, 0)]),
        ("2020-02-29", [(2020, 2, 29)]),
        ("March 25, 1942August 16, 2018", [(1942, 3, 25), (2018, 8, 16)]),
        ("10 February 190427 January 1963", [(1904, 2, 10), (1963, 1, 27)]),
        ("(843 – 876)", [(843, 0, 0), (876, 0, 0)]),
        ("item 12,500 and 3.14", []),
    ],
)
def test_dates_are_read(text: str, when: list[tuple[int, int, int]]) -> None:
    assert [date.when for date in find_dates(text)] == when


def test_dates_stand_where_they_say() -> None:
    text = "Born 8 June 1806, died October 8, 1878."

    assert [text[date.start : date.end] for date in find_dates(text)] == ["8 June 1806", "October 8, 1878"]


@pytest.mark.parametrize(
    ("text", "born", "died"),
    [
        ("Ann (born 8 December 1982), singer", 1982, None),
        ("Ann (1143 – 15 November 1184) was", 1143, 1184),
        ("Ann (d. 20 March 851) was", None, 851),
        ("Ann( died 11 November 875) was", None, 875),
        ("Ann (6 April 1920 in Winnetka, Illinois – 19 December 1997 in Los Angeles) was", 1920, 1997),
        ("Ann (born Mary (1905); December 24, 1886 April 11, 1962) was", 1886, 1962),
        ("Ann was a painter", None, None),
    ],
)
def test_lives_are_read_from_the_brackets_of_a_first_sentence(text: str, born: int | None, died: int | None) -> None:
    first, last = lifespan(text)

    assert (first and first.year, last and last.year) == (born, died)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,250 seats", [1250.0]),
        ("150 million records", [150e6]),
        ("twenty-one guns", [21.0]),
        ("twice", [2.0]),
        ("none", []),
    ],
)
def test_numbers_are_read(text: str, values: list[float]) -> None:
    assert [number.value for number in find_numbers(text)] == values
