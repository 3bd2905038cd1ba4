"""Items: values under keys in scopes, beside the messages of a memory."""

from __future__ import annotations

import pytest

from ragkit.errors import InvalidValueError
from ragkit.memory import Memory
from ragkit.memory.items import Items, Put
from ragkit.memory.store import MemoryStore


@pytest.fixture
def items(tmp_path):
    return Items(MemoryStore(tmp_path / "m.db"), ("root",))


def test_an_item_is_found_by_any_of_its_texts(items):
    items.put(
        [Put(("a",), "k", {"n": 1}, texts=("red apples", "blue sea")), Put(("a",), "l", {"n": 2}, texts=("tea",))]
    )
    assert [item.key for item in items.search(("a",), "sea")] == ["k", "l"]
    assert [item.score for item in items.search((), "tea")][0] == 0.3


def test_given_vectors_are_compared_by_cosine(items):
    items.put([Put(("a",), "k", {}, ("t",), [[3.0, 4.0]]), Put(("a",), "l", {}, ("t",), [[0.0, 2.0]])])
    assert [(item.key, item.score) for item in items.search((), vector=[0.0, 1.0])] == [("l", 1.0), ("k", 0.8)]


@pytest.mark.parametrize("vector", [[0.0, 0.0], [float("nan"), 1.0]])
def test_a_vector_without_a_direction_is_refused(items, vector):
    with pytest.raises(InvalidValueError, match="no direction"):
        items.put([Put(("a",), "k", {}, ("t",), [vector])])


def test_a_lone_surrogate_in_a_value_comes_back_and_in_a_label_is_refused(items):
    items.put([Put(("a",), "k", {"v": "\ud800"}, ("\ud800 tea",))])
    assert items.search((), "tea")[0].value == {"v": "\ud800"}
    with pytest.raises(InvalidValueError):
        items.put([Put(("\ud800",), "k", {})])


@pytest.mark.parametrize(("scope", "key"), [(("a\x1fb",), "k"), (("",), "k"), (("a",), ""), (("a",), "k" * 1001)])
def test_labels_and_keys_that_cannot_be_are_refused(items, scope, key):
    with pytest.raises(InvalidValueError):
        items.put([Put(scope, key, {})])


def test_clearing_a_prefix_leaves_its_neighbours(items):
    items.put([Put(scope, "k", {"v": 1}) for scope in (("a",), ("a", "b"), ("ab",))])
    assert items.clear(("a",)) == 2
    assert items.scopes() == [("ab",)]


def test_a_scope_that_is_forgotten_whole_loses_its_items_down_to_the_bytes(tmp_path):
    with Memory(tmp_path / "m.db", scope=("root", "ann"), embedder=None) as memory:
        items = Items(memory.store, ("root",))
        items.put([Put(("ann",), "k", {"v": "quetzalcoatl"}, ("quetzalcoatl",)), Put(("bob",), "k", {"v": "other"})])
        memory.add("I moved to Saltmere.", speaker="Ann")
        memory.forget(everything=True)
        assert items.scopes() == [("bob",)]
        items.store.close()
    assert b"quetzalcoatl" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_what_is_put_may_not_be_anything_but_json(items):
    with pytest.raises(InvalidValueError, match="is a mapping, not list"):
        items.put([Put(("a",), "k", [1])])
