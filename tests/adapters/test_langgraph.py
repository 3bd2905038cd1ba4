"""The memory as LangGraph's store: its operations, langmem's tools, and a real graph."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest

pytest.importorskip("langgraph.store.base", reason="langgraph is not installed")

from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.store.base import GetOp, InvalidNamespaceError, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from ragkit.adapters.langgraph import RagkitStore
from ragkit.errors import InvalidValueError

USER = ("users", "ann")


@pytest.fixture
def store(tmp_path: Path) -> RagkitStore:
    return RagkitStore(tmp_path / "memory.db", embedder="hash")


def test_a_value_is_put_got_replaced_and_deleted(store: RagkitStore) -> None:
    store.put(USER, "likes", {"text": "tea", "n": 1})
    first = store.get(USER, "likes")
    store.put(USER, "likes", {"text": "coffee"})
    second = store.get(USER, "likes")

    assert first is not None and first.value == {"text": "tea", "n": 1}
    assert (first.namespace, first.key) == (USER, "likes")
    assert second is not None and second.value == {"text": "coffee"}
    assert second.created_at == first.created_at and second.updated_at > first.updated_at
    store.delete(USER, "likes")
    assert store.get(USER, "likes") is None
    assert store.search(USER) == []


def test_the_old_value_is_not_found_any_more(store: RagkitStore) -> None:
    store.put(USER, "likes", {"text": "drinks lapsang souchong"})
    store.put(USER, "likes", {"text": "drinks coffee"})
    found = store.search(USER, query="lapsang souchong")
    assert [item.value["text"] for item in found] == ["drinks coffee"]
    assert found[0].score is not None and found[0].score < 0.9


def test_values_are_found_by_meaning_and_words_best_first(store: RagkitStore) -> None:
    store.put(USER, "a", {"text": "Ann lives in Bern"})
    store.put(USER, "b", {"text": "The bicycle is red"})
    found = store.search(("users",), query="Where does Ann live?", limit=1)

    assert [item.key for item in found] == ["a"]
    assert store.search(("users",), query="bicycle")[0].key == "b"


def test_a_search_never_leaves_its_prefix_nor_the_root(tmp_path: Path) -> None:
    one = RagkitStore(tmp_path / "m.db", root=("tenant", "1"), embedder=None)
    other = RagkitStore(tmp_path / "m.db", root=("tenant", "12"), embedder=None)
    one.put(("ann",), "k", {"text": "secret of one"})
    one.put(("anna",), "k", {"text": "secret of anna"})
    other.put(("ann",), "k", {"text": "secret of other"})

    assert [item.value["text"] for item in one.search(("ann",), query="secret")] == ["secret of one"]
    assert {item.value["text"] for item in one.search((), query="secret")} == {"secret of one", "secret of anna"}
    assert one.list_namespaces() == [("ann",), ("anna",)]
    assert other.list_namespaces() == [("ann",)]


@pytest.mark.parametrize(
    ("filter", "keys"),
    [
        ({"n": 2}, {"b"}),
        ({"n": {"$eq": 2}}, {"b"}),
        ({"n": {"$ne": 2}}, {"a", "c", "d"}),
        ({"n": {"$gt": 1}}, {"b", "c"}),
        ({"n": {"$gte": 2, "$lt": 3}}, {"b"}),
        ({"n": {"$lte": 1}}, {"a"}),
        ({"kind": "x", "n": 1}, {"a"}),
        ({"nested": {"deep": True}}, {"d"}),
        ({"missing": 1}, set()),
    ],
)
def test_a_filter_keeps_what_meets_it(store: RagkitStore, filter: dict[str, Any], keys: set[str]) -> None:
    store.put(USER, "a", {"n": 1, "kind": "x"})
    store.put(USER, "b", {"n": 2, "kind": "x"})
    store.put(USER, "c", {"n": 3})
    store.put(USER, "d", {"n": "text", "nested": {"deep": True, "more": 1}})
    assert {item.key for item in store.search(USER, filter=filter)} == keys


def test_an_unknown_operator_is_named(store: RagkitStore) -> None:
    store.put(USER, "a", {"n": 1})
    with pytest.raises(InvalidValueError, match=r"no operator '\$like'"):
        store.search(USER, filter={"n": {"$like": 1}})


def test_limit_and_offset_page_through_a_search(store: RagkitStore) -> None:
    for n in range(7):
        store.put(USER, f"k{n}", {"n": n})
    pages = [store.search(USER, limit=3, offset=at) for at in (0, 3, 6, 9)]
    keys = [item.key for page in pages for item in page]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert keys == [f"k{n}" for n in reversed(range(7))]


def test_namespaces_are_listed_by_prefix_suffix_and_depth(store: RagkitStore) -> None:
    for namespace in (("a", "b", "c"), ("a", "b", "d"), ("a", "x"), ("z", "c")):
        store.put(namespace, "k", {"v": 1})

    assert store.list_namespaces(prefix=("a",)) == [("a", "b", "c"), ("a", "b", "d"), ("a", "x")]
    assert store.list_namespaces(suffix=("c",)) == [("a", "b", "c"), ("z", "c")]
    assert store.list_namespaces(prefix=("*", "b")) == [("a", "b", "c"), ("a", "b", "d")]
    assert store.list_namespaces(max_depth=2) == [("a", "b"), ("a", "x"), ("z", "c")]
    assert store.list_namespaces(limit=1, offset=1) == [("a", "b", "d")]


def test_an_item_lives_as_long_as_it_is_read(tmp_path: Path) -> None:
    now = [datetime(2026, 5, 8, tzinfo=UTC)]
    store = RagkitStore(tmp_path / "m.db", embedder=None)
    store.items.clock = lambda: now[0]
    store.put(USER, "short", {"text": "tea"}, ttl=10)
    store.put(USER, "long", {"text": "tea"})

    now[0] += timedelta(minutes=9)
    assert store.get(USER, "short") is not None
    now[0] += timedelta(minutes=9)
    assert {item.key for item in store.search(USER, refresh_ttl=False)} == {"short", "long"}
    now[0] += timedelta(minutes=2)
    assert store.get(USER, "short") is None
    assert [item.key for item in store.search(USER, query="tea")] == ["long"]
    assert store.sweep() == 1


def test_the_default_time_to_live_is_that_of_the_store(tmp_path: Path) -> None:
    now = [datetime(2026, 5, 8, tzinfo=UTC)]
    store = RagkitStore(tmp_path / "m.db", embedder=None, ttl={"default_ttl": 1, "refresh_on_read": False})
    store.items.clock = lambda: now[0]
    store.put(USER, "k", {"text": "tea"})
    assert store.get(USER, "k") is not None
    now[0] += timedelta(minutes=1)
    assert store.get(USER, "k") is None


@pytest.mark.parametrize("namespace", [(), ("a.b",), ("",), ("langgraph", "x")])
def test_a_namespace_langgraph_forbids_is_refused(store: RagkitStore, namespace: tuple[str, ...]) -> None:
    with pytest.raises(InvalidNamespaceError):
        store.put(namespace, "k", {"v": 1})
    with pytest.raises(InvalidNamespaceError):
        store.batch([PutOp(namespace, "k", {"v": 1})])


def test_what_is_no_json_is_refused_and_nothing_of_the_batch_is_written(store: RagkitStore) -> None:
    with pytest.raises(InvalidValueError, match="item 'b' must be JSON"):
        store.batch([PutOp(USER, "a", {"v": 1}), PutOp(USER, "b", {"v": object()})])
    assert store.get(USER, "a") is None


def test_only_the_fields_asked_for_are_searched(store: RagkitStore) -> None:
    store.put(USER, "a", {"text": "tea", "secret": "lapsang"}, index=["text"])
    store.put(USER, "b", {"text": "lapsang"}, index=False)
    found = store.search(USER, query="lapsang")
    assert {item.key: item.score for item in found}["b"] is None
    assert found[0].key == "a" and "lapsang" not in str(found[0].score)


def test_words_alone_find_an_item_when_there_is_no_embedder(tmp_path: Path) -> None:
    store = RagkitStore(tmp_path / "m.db", embedder=None)
    store.put(USER, "a", {"text": "tea"})
    store.put(USER, "b", {"text": "喜欢喝龙井茶"})
    assert store.search(USER, query='"tea" OR (')[0].key == "a"
    assert store.search(USER, query="龙井")[0].key == "b"


async def test_operations_work_asynchronously(store: RagkitStore) -> None:
    await store.aput(USER, "a", {"text": "tea"})
    assert [item.key for item in await store.asearch(USER, query="tea")] == ["a"]
    assert await store.alist_namespaces() == [USER]
    await store.adelete(USER, "a")
    assert await store.aget(USER, "a") is None


def test_two_stores_on_one_file_see_each_other(tmp_path: Path) -> None:
    one, two = (RagkitStore(tmp_path / "m.db", embedder=None) for _ in range(2))
    one.put(USER, "k", {"n": 1})
    two.put(USER, "k", {"n": 2})
    found = one.get(USER, "k")
    assert found is not None and found.value == {"n": 2}


def test_what_was_put_is_there_after_reopening(tmp_path: Path) -> None:
    RagkitStore(tmp_path / "m.db", embedder="hash").put(USER, "k", {"text": "tea"})
    assert RagkitStore(tmp_path / "m.db").search(USER, query="tea")[0].value == {"text": "tea"}


labels = st.sampled_from(["a", "b", "c"])
namespaces = st.lists(labels, min_size=1, max_size=3).map(tuple)
values = st.none() | st.dictionaries(st.sampled_from(["n", "t"]), st.integers(0, 3) | st.text(max_size=5), max_size=2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(namespaces, labels, values), max_size=15), namespaces)
def test_it_holds_what_langgraph_s_own_store_holds(puts: list[Any], prefix: tuple[str, ...]) -> None:
    ours, theirs = RagkitStore(":memory:", embedder=None), InMemoryStore()
    for namespace, key, value in puts:
        for store in (ours, theirs):
            store.batch([PutOp(namespace, key, value)])

    def held(store: Any) -> Any:
        found = store.batch([SearchOp(prefix, limit=100)])[0]
        return sorted((item.namespace, item.key, sorted(item.value.items())) for item in found)

    assert held(ours) == held(theirs)
    for namespace, key, _ in puts:
        mine, other = (store.batch([GetOp(namespace, key)])[0] for store in (ours, theirs))
        assert (mine and mine.value) == (other and other.value)


# -- with others' code ------------------------------------------------------------------------------------------------


def test_langmem_s_tools_work_unchanged(store: RagkitStore) -> None:
    langmem = pytest.importorskip("langmem", reason="langmem is not installed")
    manage = langmem.create_manage_memory_tool(namespace=("memories", "{user}"), store=store)
    search = langmem.create_search_memory_tool(namespace=("memories", "{user}"), store=store)
    config = {"configurable": {"user": "ann"}}

    said = manage.invoke({"content": "Ann likes lapsang tea.", "action": "create"}, config=config)
    id = str(said).split()[-1]
    manage.invoke({"content": "Ann likes green tea.", "action": "update", "id": id}, config=config)
    found = search.invoke({"query": "What tea does Ann like?"}, config=config)
    others = search.invoke({"query": "tea"}, config={"configurable": {"user": "bob"}})

    assert "green tea" in str(found) and "lapsang" not in str(found)
    assert "green" not in str(others)
    manage.invoke({"action": "delete", "id": id}, config=config)
    assert "green" not in str(search.invoke({"query": "tea"}, config=config))


def test_a_graph_remembers_between_threads(store: RagkitStore) -> None:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph
    from langgraph.runtime import Runtime

    class State(TypedDict):
        said: Annotated[list[str], lambda old, new: old + new]
        recalled: list[str]

    def remember(state: State, runtime: Runtime) -> dict[str, Any]:
        assert runtime.store is not None
        recalled = [item.value["text"] for item in runtime.store.search(USER, query=state["said"][-1], limit=1)]
        runtime.store.put(USER, f"m{len(state['said'][-1])}", {"text": state["said"][-1]})
        return {"recalled": recalled}

    graph = StateGraph(State)
    graph.add_node("remember", remember)
    graph.add_edge(START, "remember")
    graph.add_edge("remember", END)
    app = graph.compile(store=store, checkpointer=InMemorySaver())

    app.invoke({"said": ["I live in Bern"]}, {"configurable": {"thread_id": "1"}})
    out = app.invoke({"said": ["Where do I live?"]}, {"configurable": {"thread_id": "2"}})
    assert out["recalled"] == ["I live in Bern"]


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), 1e300, "soon"])
def test_a_time_to_live_that_is_none_is_refused(tmp_path: Path, ttl: object) -> None:
    store = RagkitStore(tmp_path / "m.db", embedder=None)
    with pytest.raises(InvalidValueError, match="ttl of item 'k'"):
        store.put(USER, "k", {"text": "tea"}, ttl=ttl)  # type: ignore[arg-type]
    store.close()
