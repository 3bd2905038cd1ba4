"""Sets of numbers as intervals behave as sets of numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError
from ragkit.extractors.html.intervals import IntervalSet

numbers = st.sets(st.integers(1, 60), max_size=40)


@settings(max_examples=100)
@given(numbers, numbers)
def test_set_algebra_is_that_of_the_numbers(one, other):
    a, b = IntervalSet.of(one), IntervalSet.of(other)
    assert set(a | b) == one | other
    assert set(a & b) == one & other
    assert set(a - b) == one - other
    assert set(a ^ b) == one ^ other
    assert (a <= b) == (one <= other)
    assert a.isdisjoint(b) == one.isdisjoint(other)
    assert set(a.complement(50)) == set(range(1, 51)) - one


@settings(max_examples=100)
@given(numbers)
def test_a_set_knows_its_size_order_and_members(chosen):
    a = IntervalSet.of(chosen)
    assert list(a) == sorted(chosen) and len(a) == len(chosen) and bool(a) == bool(chosen)
    assert all((number in a) == (number in chosen) for number in range(62))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9)).map(lambda pair: (pair[0], sum(pair)))))
def test_overlapping_and_touching_intervals_become_one(pairs):
    a = IntervalSet.spanning(pairs)
    assert set(a) == {number for first, last in pairs for number in range(first, last + 1)}
    assert all(before[1] + 1 < after[0] for before, after in zip(a.intervals, a.intervals[1:], strict=False))


def test_sets_of_the_same_numbers_are_equal_and_hash_alike():
    assert IntervalSet.of([3, 2, 1]) == IntervalSet(((1, 3),)) == IntervalSet.full(3)
    assert hash(IntervalSet.of([1, 2])) == hash(IntervalSet.full(2))


def test_a_set_is_written_as_text_and_as_lists():
    assert IntervalSet.of([3, 4, 5, 12]).to_string() == "3-5,12"
    assert IntervalSet.of([3, 4, 5, 12]).to_list() == [[3, 5], [12, 12]]
    assert (IntervalSet().to_string(), IntervalSet().to_list()) == ("NA", [])


@pytest.mark.parametrize("intervals", [((0, 2),), ((3, 2),), ((1, 2), (3, 4)), ((5, 6), (1, 2)), ((1, 4), (2, 3))])
def test_the_constructor_takes_only_the_one_normal_form(intervals):
    with pytest.raises(InvalidValueError, match="ascend"):
        IntervalSet(intervals)


def test_no_number_is_a_member_of_another_type():
    assert "3" not in IntervalSet.of([3])
