"""Abstracts hold what their members say, or the members stay."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from ragkit.memory.abstracts import LONGEST, Member, abstract_id, by_frequency, common, covers, extractive, made
from ragkit.memory.periods import DAY_US

DAY_0 = 19_480 * DAY_US  # 3 May 2023


def member(number: int, text: str, day: int = 0, **changes: Any) -> Member:
    values: dict[str, Any] = {"names": frozenset({"ann"}), "speaker": "Ann", **changes}
    start = DAY_0 + day * DAY_US
    return Member(f"u{number}", text, start_us=start, end_us=start + DAY_US, offset_minutes=0, **values)


JOGS = [
    member(0, "I went jogging by the river.", 0),
    member(1, "I went jogging along the river with Rex.", 2, names=frozenset({"ann", "rex"})),
    member(2, "Jogging again!", 4),
    member(3, "I jogged 5 km by the river.", 4),
]


def rarity(word: str) -> float:
    return 3.0 if word in ("rex", "km") else 1.0


def test_an_extractive_abstract_quotes_the_central_member_and_what_is_new() -> None:
    text = extractive(JOGS, 0, ["Ann"], rarity)
    assert text == (
        "Ann: I went jogging by the river. (4 times: 2023-05-03, 2023-05-05, 2023-05-07)"
        " / I jogged 5 km by the river. / I went jogging along the river with Rex."
    )


def test_members_that_say_nothing_new_are_not_quoted() -> None:
    assert extractive([JOGS[0], member(9, "Jogging by the river")], 0, [], rarity).count(" / ") == 0


def test_many_dates_become_a_range_and_another_speaker_is_named() -> None:
    days = [member(number, f"jog word{number}", number, speaker="Bob" if number else "Ann") for number in range(12)]
    text = extractive(days, 0, ["Ann", "Bob"], rarity)
    assert "(12 times: 2023-05-03 to 2023-05-14)" in text
    assert "/ Bob: jog word" in text


def test_an_abstract_stays_short() -> None:
    long = [member(number, f"word{number} " * 400) for number in range(5)]
    assert len(extractive(long, 0, ["Ann"], rarity)) <= LONGEST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann jogged with Rex, 5 km, 2023-05-03", True),
        ("Ann jogged, 5 km, 2023-05-03", False),
        ("Ann jogged with Rex, 2023-05-03", False),
        ("Ann jogged with Rex, 5 km", False),
        ("Anna jogged with Rexford, 5 km, 2023-05-03", False),
    ],
)
def test_a_member_is_covered_by_its_names_numbers_and_dates(text: str, expected: bool) -> None:
    assert covers(text, member(0, "five? no, 5 km with Rex", names=frozenset({"ann", "rex"}))) is expected


def test_a_member_is_marked_covered_or_not() -> None:
    abstract = made(
        [*JOGS, member(4, "I jogged 7 miles with Zoe", 9, names=frozenset({"ann", "zoe"}))], 0, ["Ann"], rarity
    )
    assert abstract.method == "extractive"
    assert abstract.covered[0] and sum(abstract.covered) >= 3


def test_the_id_of_an_abstract_is_that_of_its_members() -> None:
    assert abstract_id(JOGS, 1) == abstract_id(JOGS[::-1], 1) != abstract_id(JOGS, 2)
    assert abstract_id(JOGS[:3], 1) != abstract_id(JOGS, 1)


def reply(text: str) -> FakeListChatModel:
    return FakeListChatModel(responses=[text])


def test_a_models_text_is_taken_when_its_notes_bear_it_out() -> None:
    said = "Ann jogged by the river with Rex, once 5 km, on 2023-05-03, 2023-05-05 and 2023-05-07."
    abstract = made(JOGS, 0, ["Ann"], rarity, reply("Sure! " + json.dumps({"text": said})))
    assert (abstract.text, abstract.method, abstract.problem) == (said, "llm", "")
    assert all(abstract.covered)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("Just prose, no JSON.", "llm gave no text"),
        ("[]", "llm gave no text"),
        ('{"text": 7}', "llm gave no text"),
        (json.dumps({"text": "x" * 10_000_000}), "llm gave no text"),
        (json.dumps({"text": "Ann jogged 9 km."}), "llm told what its notes do not"),
        (json.dumps({"text": "Ann jogged with Peter."}), "llm told what its notes do not"),
        (json.dumps({"text": "Ann jogged on 2023-06-01."}), "llm told what its notes do not"),
    ],
)
def test_what_a_model_makes_up_is_refused_and_said(said: str, problem: str) -> None:
    abstract = made(JOGS, 0, ["Ann"], rarity, reply(said))
    assert (abstract.method, abstract.problem) == ("extractive", problem)


def test_a_model_that_raises_leaves_the_quotes() -> None:
    class Broken(FakeListChatModel):
        def _call(self, *args: Any, **kwargs: Any) -> str:
            raise RuntimeError("out of order")

    assert made(JOGS, 0, ["Ann"], rarity, Broken(responses=[])).problem == "llm raised RuntimeError"


def test_small_helpers() -> None:
    assert common(["a", "a"]) == "a" and common(["a", "b"]) == common([]) == ""
    assert by_frequency([["b", "a"], ["b"], ["c", "c"]]) == ["b", "a", "c"]
