"""Conversations written for these tests: the dates in them, and whether questions find the message that answers."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from ragkit.memory.memory import Memory
from ragkit.memory.periods import local
from ragkit.memory.times import find_times
from ragkit.memory.types import Message, to_us

FOLDER = Path(__file__).parent / "dialogues"
ENGLISH = ("kenji-lucy", "mara-theo", "olga-sam-ines", "ruth-assistant")
CJK = ("aoi-ren", "wei-lan")


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def messages(name: str) -> list[Message]:
    return [
        Message(one["text"], one["speaker"], time=when(one), session=one["session"], id=one["id"])
        for one in lines(name)
        if "text" in one
    ]


def when(line: dict[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(line["time"])


def filled(name: str) -> Memory:
    memory = Memory(
        ":memory:", scope=name, embedder=None, worker=False, clock=lambda: dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    )
    memory.add_many(messages(name))
    return memory


def ranks(memory: Memory, name: str, k: int) -> dict[str, int]:
    """For each question the rank of the first hit that rests on a gold message, 0 for none among k."""
    found = {}
    for line in lines(name):
        if "question" in line:
            hits = memory.search(line["question"], k=k)
            found[line["question"]] = next(
                (rank for rank, hit in enumerate(hits, 1) if set(hit.source_ids) & set(line["gold"])), 0
            )
    return found


def share(found: dict[str, int], k: int) -> float:
    return sum(0 < rank <= k for rank in found.values()) / len(found)


def test_there_are_enough_questions() -> None:
    assert sum("question" in line for name in ENGLISH for line in lines(name)) >= 120


DATED = [(name, line) for name in ENGLISH for line in lines(name) if "text" in line]


@pytest.mark.parametrize(("name", "line"), DATED, ids=[f"{name} {line['id']}" for name, line in DATED])
def test_dates_are_told_as_a_reader_of_the_conversation_takes_them(name: str, line: dict[str, Any]) -> None:
    moment = when(line)
    offset = int((moment.utcoffset() or dt.timedelta()).total_seconds() // 60)
    mentions = find_times(line["text"], to_us(moment), offset)
    assert [mention.written for mention in mentions] == line.get("dates", [])
    assert all(local(mention.interval.start_us, offset) is not None for mention in mentions)


def test_without_any_model_questions_find_their_message() -> None:
    found: dict[str, int] = {}
    for name in ENGLISH:
        with filled(name) as memory:
            found |= ranks(memory, name, 10)
    missed = [question for question, rank in found.items() if not rank]
    assert share(found, 1) >= 0.78
    assert share(found, 3) >= 0.93
    assert share(found, 5) >= 0.97, missed
    assert share(found, 10) >= 0.98, missed


@pytest.mark.parametrize("name", CJK)
def test_languages_without_blanks_find_their_message(name: str) -> None:
    with filled(name) as memory:
        assert all(unit.text for unit in memory.list().units)
        found = ranks(memory, name, 5)
        assert share(found, 3) >= 0.75, found


def test_a_corrected_statement_gives_way_to_the_correction() -> None:
    question = "What is Lucy's phone number?"
    with filled("kenji-lucy") as memory:
        assert "2.5" in memory.search(question, k=1)[0].source_ids
        assert memory.consolidate().superseded == 1
        found = [source for hit in memory.search(question, k=5) for source in hit.source_ids]
        assert found[0] == "4.1" and "2.5" not in found
        past = memory.search("What was Lucy's phone number before?", k=10)
        assert {hit.tier for hit in past if "2.5" in hit.source_ids} == {"superseded"}


def test_a_sentence_said_twice_on_a_day_is_one_unit_with_two_sources() -> None:
    with filled("ruth-assistant") as memory:
        (unit,) = [one for one in memory.list(limit=1000).units if one.mentions > 1]
        assert [message.id for message in unit.sources] == ["4.4", "4.6"]
        assert memory.stats().messages == 31


def test_consolidation_finds_no_less() -> None:
    for name in ("mara-theo", "olga-sam-ines"):
        with Memory(":memory:", scope=name, embedder="static", worker=False) as memory:
            memory.add_many(messages(name))
            memory.flush()
            before = share(ranks(memory, name, 10), 10)
            memory.consolidate()
            assert share(ranks(memory, name, 10), 10) >= before - 0.005
