"""The units of a scope as columns: neighbours, stretches, links."""

from datetime import UTC, datetime, timedelta

import pytest

from ragkit.memory import Memory, Message
from ragkit.memory.table import TableCache, read_table

MONDAY = datetime(2023, 5, 8, tzinfo=UTC)


def said(minute, session="s", speaker="Ann"):
    return Message(
        f"this was said at {minute} in {session}", speaker, time=MONDAY + timedelta(minutes=minute), session=session
    )


def table_of(memory, gap=60):
    with memory.store.read() as connection:
        return read_table(connection, memory.store.scope_id(memory.scope), gap)


@pytest.fixture
def memory():
    with Memory(":memory:", scope="a", embedder=None, worker=False) as made:
        yield made


def test_neighbours_are_those_said_next_in_the_session_whatever_the_order_of_adding(memory):
    memory.add_many([said(0), said(2)])
    memory.add_many([said(1), said(1, session="other")])
    table = table_of(memory)
    order = sorted(range(3), key=lambda row: int(table.said[row]))
    assert [int(row) for row in table.after[order]] == [order[1], order[2], -1]
    assert [int(row) for row in table.before[order]] == [-1, order[0], order[1]]
    assert (int(table.before[3]), int(table.after[3])) == (-1, -1)


def test_a_long_silence_ends_a_stretch(memory):
    memory.add_many([said(0), said(59), said(120)])
    table = table_of(memory)
    assert table.stretch[0] == table.stretch[1] != table.stretch[2]
    assert list(table.before) == [-1, 0, -1]
    assert len(set(table_of(memory, gap=61).stretch.tolist())) == 1


def test_a_scope_without_units_is_an_empty_table(memory):
    memory.add("hello there", speaker="Ann")
    memory.forget(everything=True)
    with memory.store.read() as connection:
        table = read_table(connection, 1, 60)
    assert len(table) == 0
    assert not table.rows_of([1, 2])[1].any()


def test_speakers_are_named_in_full_or_by_a_first_name_that_only_one_has(memory):
    memory.add_many([said(0, speaker="Ann Lee"), said(1, speaker="Bo Chen"), said(2, speaker="Bo Diaz")])
    table = table_of(memory)
    assert {table.speakers[code] for code in table.speaker_named("ann")} == {"Ann Lee"}
    assert {table.speakers[code] for code in table.speaker_named("bo diaz")} == {"Bo Diaz"}
    assert table.speaker_named("bo") == frozenset() == table.speaker_named("lee")


def test_a_table_is_read_once_until_the_file_changes(memory):
    memory.add_many([said(0)])
    cache, scope_id = TableCache(), memory.store.scope_id(memory.scope)
    with memory.store.read() as connection:
        first = cache.table(connection, scope_id, 60)
        assert cache.table(connection, scope_id, 60) is first
    memory.add_many([said(1)])
    with memory.store.read() as connection:
        assert len(cache.table(connection, scope_id, 60)) == 2
