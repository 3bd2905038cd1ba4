"""Choosing among ranked units: abstracts and what they cover, newer and older duplicates."""

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ragkit.memory import Memory, MemoryConfig, recall
from ragkit.memory.select import select
from ragkit.memory.types import KINDS, TIERS, to_us

MONDAY = datetime(2023, 5, 8, 12, tzinfo=UTC)


@pytest.fixture
def memory():
    with Memory(":memory:", scope="s", embedder=None, worker=False) as made:
        for place in range(5):
            made.add(f"red boat {place}", speaker="Ann", time=MONDAY + timedelta(days=place), session=str(place))
        yield made


def chosen(memory, scores, k=5, complexity=0.3, config=None, **columns):
    """The rows chosen when the units have these scores and the table these columns."""
    request = recall.Request(memory.store, 1, memory.config, to_us(MONDAY))
    asked = recall.ask(request, ["red boat"])[0]
    table = dataclasses.replace(asked.table, **columns)
    asked = dataclasses.replace(
        asked,
        table=table,
        scores=np.array(scores, dtype=float),
        found=np.array(scores) > 0,
        question=dataclasses.replace(asked.question, complexity=complexity),
    )
    with memory.store.read() as connection:
        return [one.row for one in select(connection, asked, k, config or MemoryConfig())]


def kinds(*abstracts):
    return np.array([KINDS.index("abstract" if row in abstracts else "turn") for row in range(5)])


def test_the_best_come_first_and_at_most_k(memory):
    assert chosen(memory, [1, 3, 2, 5, 4]) == [3, 4, 1, 2, 0]
    assert chosen(memory, [1, 3, 2, 5, 4], k=2) == [3, 4]
    assert chosen(memory, [1, 3, 2, 5, 4], k=0) == []
    assert chosen(memory, [0, 0, 0, 0, 0]) == []


def test_the_older_of_two_duplicates_is_left_out(memory):
    assert chosen(memory, [3, 2, 1, 0.5, 0.4], duplicates={0: (1,)}) == [0, 2, 3, 4]


def test_a_plain_question_is_served_by_the_abstract_alone(memory):
    columns = {"kind": kinds(4), "abstracts": {4: (0, 1)}}
    assert chosen(memory, [3, 2, 1, 0, 4], **columns) == [4, 2]


def test_what_was_taken_before_its_abstract_stays(memory):
    columns = {"kind": kinds(4), "abstracts": {4: (0, 1)}}
    assert chosen(memory, [5, 2, 1, 0, 4], **columns) == [0, 4, 2]


def test_a_complex_question_gets_the_archived_members_of_an_abstract_in_full(memory):
    archived = np.array([TIERS.index("archived")] * 2 + [0] * 3)
    columns = {"kind": kinds(4), "abstracts": {4: (0, 1)}, "tier": archived}
    config = MemoryConfig(w_archived=0.5)
    # Rows 0 and 1 were halved for being archived; found through their abstract they count in full.
    assert chosen(memory, [1.5, 0.9, 2, 0, 4], complexity=0.6, config=config, **columns) == [4, 0, 2, 1]


def test_a_simple_question_prefers_an_abstract_nearly_as_good_as_the_best(memory):
    columns = {"kind": kinds(2), "abstracts": {2: (0,)}}
    assert chosen(memory, [4, 3.9, 3.85, 0, 0], complexity=0.0, **columns) == [2, 1]
    assert chosen(memory, [4, 3.9, 3.7, 0, 0], complexity=0.0, **columns) == [0, 1, 2]
    assert chosen(memory, [4, 3.9, 3.85, 0, 0], complexity=0.3, **columns) == [0, 1, 2]
