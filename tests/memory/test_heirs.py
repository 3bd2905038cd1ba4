"""What supersedes a statement is found by the words of the statement."""

from __future__ import annotations

import datetime as dt

from ragkit.memory.config import MemoryConfig
from ragkit.memory.memory import Memory

START = dt.datetime(2023, 5, 1, 12, tzinfo=dt.UTC)
SAID = [
    "My phone number is 555-0142, call me.",
    "The phone of the plumber is broken.",
    "My phone number is 555-0177, at last.",
    "Listen: my phone number changed to 555-0199!",
    "The weather is fine.",
]


def told(config: MemoryConfig | None = None) -> Memory:
    memory = Memory(":memory:", embedder=None, worker=False, clock=lambda: START, config=config)
    for number, text in enumerate(SAID):
        memory.add(text, speaker="Lucy", time=START + dt.timedelta(days=number), session=f"s{number}", id=f"m{number}")
    memory.update("m4", text="The weather is awful.")
    assert memory.consolidate().superseded == 2
    return memory


def test_the_last_of_a_chain_takes_the_place_of_the_first() -> None:
    with told() as memory:
        hits = memory.search("What is the number to call Lucy on?", k=5)
        assert hits[0].id == "m3"
        assert {"m0", "m2"}.isdisjoint(hit.id for hit in hits)


def test_an_edited_unit_keeps_its_place_too() -> None:
    with told() as memory:
        assert "The weather is awful." in memory.search("Was the weather fine?", k=1)[0].text


def test_questions_about_the_past_show_the_statements_themselves() -> None:
    with told() as memory:
        assert "m0" in [hit.id for hit in memory.search("What was the number to call Lucy on before?", k=9)]


def test_superseded_units_of_no_weight_pass_nothing_on() -> None:
    with told(MemoryConfig(w_superseded=0.0)) as memory:
        assert all(hit.tier != "superseded" for hit in memory.search("the number to call", k=5))
