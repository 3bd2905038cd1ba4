"""Searching with the help of a chat model, which may fail at any time."""

import logging
from datetime import UTC, datetime

import pytest

from ragkit.errors import ModelError
from ragkit.memory import Memory, MemoryConfig, plan
from ragkit.memory.types import to_us

AT = to_us(datetime(2023, 5, 8, tzinfo=UTC))


class Model:
    """Replies with what it was given, one after the other; raises exceptions."""

    def __init__(self, *replies):
        self.replies, self.asked = list(replies), []

    def complete(self, messages, schema):
        self.asked.append(messages)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


@pytest.fixture
def memory():
    with Memory(":memory:", scope="s", embedder=None, worker=False) as made:
        for place, text in enumerate(["red boat", "blue house", "green hill", "yellow flower"]):
            made.add(text, speaker="Ann", session=str(place), id=f"m{place}")
        yield made


def searched(memory, model, question="boat", k=4, **settings):
    """The hits, and what was searched for."""
    calls = []
    config = MemoryConfig(**settings)

    def find(more, depth):
        calls.append((list(more), depth))
        from ragkit.memory import recall

        scope_id = memory.store.scope_id(memory.scope)
        return recall.search(
            memory.store, scope_id, question, config=config, at_us=AT, k=depth, more=more, explain=True
        )

    return plan.search(model, find, question, config=config, at_us=AT, k=k, explain=True), calls


def test_a_plan_adds_questions_hints_and_a_time(memory):
    reply = {
        "queries": ["house", " "],
        "keywords": ["hill"],
        "persons": ["Ann"],
        "from": "2023-05-01",
        "to": "soon",
        "depth": 9,
    }
    hits, calls = searched(memory, Model(reply), planner=True)
    assert calls == [(["house", "Ann hill 2023-05-01"], 4)]
    assert {hit.id for hit in hits[:3]} == {"m0", "m1", "m2"}
    assert all(hit.views["planned"] == 1.0 for hit in hits)


def test_depth_is_the_plans_unless_the_caller_gave_one(memory):
    for depth, expected in ((9, 9), (500, 20), (1, 3), ("many", None), (True, None), (-3, None)):
        _, calls = searched(memory, Model({"queries": [], "depth": depth}), k=None, planner=True)
        assert calls == [([], expected)]


def test_at_most_four_queries_are_used(memory):
    _, calls = searched(memory, Model({"queries": [f"q{place}" for place in range(9)]}), planner=True)
    assert calls[0][0] == ["q0", "q1", "q2", "q3"]


@pytest.mark.parametrize("failure", [ModelError("no JSON"), TimeoutError(), ValueError("odd")])
def test_when_the_model_fails_the_search_goes_on_without_it_and_says_so(memory, failure, caplog):
    with caplog.at_level(logging.WARNING):
        hits, calls = searched(memory, Model(failure), planner=True)
    assert calls == [([], 4)]
    assert [hit.id for hit in hits] == ["m0"]
    assert hits[0].views["planned"] == 0.0
    assert type(failure).__name__ in caplog.text


@pytest.mark.parametrize("reply", [{"queries": "house"}, {"queries": [1, None, {}]}, {"queries": {}}])
def test_a_reply_of_another_form_adds_nothing(memory, reply):
    hits, calls = searched(memory, Model(reply), planner=True)
    assert calls == [([], 4)] and [hit.id for hit in hits] == ["m0"]


def test_reflection_asks_for_what_is_missing_until_nothing_new_comes(memory):
    model = Model({"queries": ["house"]}, {"queries": ["castle"]})
    hits, calls = searched(memory, model, reflections=2)
    assert [more for more, _ in calls] == [[], ["house"], ["house", "castle"]]
    assert {hit.id for hit in hits} == {"m0", "m1"}
    assert "red boat" in model.asked[0][1]["content"]


def test_reflection_ends_when_nothing_is_missing(memory):
    _, calls = searched(memory, Model({"queries": []}), reflections=2)
    assert len(calls) == 1


def test_by_default_no_model_is_asked():
    assert not MemoryConfig().planner and not MemoryConfig().reflections


def test_a_memory_with_a_chat_model_plans_when_told_to(memory, tmp_path):
    from langchain_core.language_models.fake_chat_models import FakeListChatModel

    llm = FakeListChatModel(responses=['{"queries": ["house"]}'])
    with Memory(tmp_path / "m.db", llm=llm, embedder=None, worker=False, config=MemoryConfig(planner=True)) as made:
        made.add("red boat", speaker="Ann", id="m0", session="1")
        made.add("blue house", speaker="Ann", id="m1", session="2")
        assert {hit.id for hit in made.search("boat", k=5)} == {"m0", "m1"}
    with Memory(tmp_path / "m.db", llm=llm, embedder=None, worker=False) as made:
        assert {hit.id for hit in made.search("boat", k=5)} == {"m0"}
