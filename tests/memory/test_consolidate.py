"""Consolidation joins what says the same, loses nothing, and does nothing the second time."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from ragkit.memory import consolidate as module
from ragkit.memory import jobs
from ragkit.memory.claims import claim_of, differ
from ragkit.memory.config import MemoryConfig
from ragkit.memory.memory import Memory
from ragkit.memory.types import Filters, Message
from ragkit.memory.words import content_words

START = dt.datetime(2023, 5, 1, 12, tzinfo=dt.UTC)


class Words:
    """An embedder whose cosine is the share of common words."""

    fingerprint, dim, kind = "words of a text", 256, "static"

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        vectors = np.full((len(texts), self.dim), 1e-4, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in content_words(text.rpartition("\n")[2]):
                vectors[row, sum(word.encode()) % self.dim] += 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


CONFIG = MemoryConfig(cluster_threshold=0.6, cold_start=1000)
JOGS = [
    "I went jogging along the river yesterday.",
    "I went jogging along the river with Rex yesterday.",
    "I went jogging along the river in the rain yesterday.",
    "I went jogging along the river again yesterday.",
]
OTHERS = ["My sister Nora plays the cello.", "The tax office wrote me a letter.", "Cheese tastes best with figs."]


def opened(path: Path | str = ":memory:", **options: Any) -> Memory:
    options = {"embedder": Words(), "config": CONFIG, "worker": False, "clock": lambda: START, **options}
    return Memory(path, **options)


def tell(memory: Memory, texts: Sequence[str], speaker: str = "Ann") -> None:
    memory.add_many(
        [
            Message(text, speaker, time=START + dt.timedelta(days=2 * number), session=f"s{number}", id=f"m{number}")
            for number, text in enumerate(texts)
        ]
    )


def dump(memory: Memory) -> list[Any]:
    """Every row that consolidation may write."""
    with memory.store.read() as connection:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in (
                "memory_unit",
                "memory_link",
                "memory_facet",
                "memory_unit_source",
                "memory_vector",
                "memory_job",
            )
        ]


@pytest.fixture
def memory() -> Iterator[Memory]:
    with opened() as opened_memory:
        tell(opened_memory, [*JOGS, *OTHERS])
        yield opened_memory


def abstracts(memory: Memory) -> list[Any]:
    return [unit for unit in memory.list(Filters(kinds=("abstract",)), limit=1000).units]


def test_units_that_say_the_same_get_one_abstract(memory: Memory) -> None:
    report = memory.consolidate()
    assert (report.abstracts, report.archived, report.coverage, report.levels) == (1, 4, 1.0, 1)
    assert (report.units_before, report.units_after) == (7, 4)
    (abstract,) = abstracts(memory)
    assert (abstract.level, abstract.speaker, abstract.method) == (1, "Ann", "extractive")
    assert "(4 times: 2023-04-30, 2023-05-02, 2023-05-04, 2023-05-06)" in abstract.text
    assert [message.text for message in abstract.sources] == JOGS
    assert abstract.event.start.date().isoformat() == "2023-04-30"
    assert abstract.event.end.date().isoformat() == "2023-05-07"


def test_members_are_archived_and_still_found(memory: Memory) -> None:
    memory.consolidate()
    hits = memory.search("jogging in the rain", k=10, explain=True)
    assert {hit.tier for hit in hits if hit.kind == "turn" and "jogging" in hit.text} == {"archived"}
    assert any("m2" in hit.source_ids for hit in hits)
    assert memory.check().ok


def test_consolidating_twice_is_consolidating_once(memory: Memory) -> None:
    memory.consolidate()
    once = dump(memory)
    again = memory.consolidate()
    assert (again.abstracts, again.archived, again.superseded, again.clusters) == (0, 0, 0, 0)
    assert dump(memory) == once


WORDS = ["jogging", "river", "rain", "cello", "tax", "Rex", "not", "2", "3", "figs", "letter"]


@given(
    st.lists(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join), min_size=3, max_size=14, unique=True
    )
)
@settings(max_examples=20, deadline=None)
def test_whatever_was_said_twice_is_once_and_claims_in_a_cluster_agree(texts: list[str]) -> None:
    with opened() as memory:
        tell(memory, texts)
        memory.consolidate()
        once = dump(memory)
        memory.consolidate()
        assert dump(memory) == once
        for abstract in abstracts(memory):
            claims = [claim_of(message.text) for message in abstract.sources]
            assert len(claims) >= 3
            assert not any(differ(one, other) for one in claims for other in claims)
        assert memory.check().ok


def test_the_order_of_adding_makes_no_difference() -> None:
    texts = []
    for turned in (False, True):
        with opened() as memory:
            messages = [Message(text, "Ann", time=START, session=f"s{text}", id=text) for text in [*JOGS, *OTHERS]]
            memory.add_many(messages[::-1] if turned else messages)
            memory.consolidate()
            texts.append([(unit.id, unit.text) for unit in abstracts(memory)])
    assert texts[0] == texts[1] and texts[0]


def test_other_numbers_and_denials_stay_apart() -> None:
    with opened() as memory:
        tell(
            memory,
            [
                *JOGS[:3],
                "I did not go jogging along the river yesterday.",
                "I went jogging along the river 3 times yesterday.",
            ],
        )
        tell_again = ["I went jogging along the river 4 times yesterday."]
        memory.add(tell_again[0], speaker="Ann", time=START + dt.timedelta(days=30), id="four")
        memory.consolidate()
        for abstract in abstracts(memory):
            texts = [message.text for message in abstract.sources]
            assert not any("not" in text for text in texts)
            assert not (any("3 times" in text for text in texts) and any("4 times" in text for text in texts))


def test_units_without_a_common_name_are_not_joined() -> None:
    with opened() as memory:
        for number, speaker in enumerate(("Ann", "Bob", "Cy")):
            memory.add(JOGS[number], speaker=speaker, time=START, session=speaker)
        assert memory.consolidate().abstracts == 0


def test_a_member_whose_names_are_not_covered_stays_active() -> None:
    with opened() as memory:
        names = ["Rex", "Max", "Leo", "Ida", "Zoe", "Uwe"]
        tell(memory, [f"Yesterday I went jogging along the river with {name}." for name in names])
        report = memory.consolidate()
        assert report.abstracts == 1
        assert 0 < report.archived < 6 and report.coverage == report.archived / 6
        left = [unit for unit in memory.list(limit=100).units if unit.kind == "turn" and unit.tier == "active"]
        assert len(left) == 6 - report.archived


def test_abstracts_are_joined_one_level_up() -> None:
    config = MemoryConfig(cluster_threshold=0.6, cold_start=1000, cluster_max=3)
    with opened(config=config) as memory:
        tell(
            memory,
            [
                f"I went jogging along the river {word} yesterday."
                for word in "alpha beta gamma delta eta zeta iota kappa mu".split()
            ],
        )
        report = memory.consolidate()
        assert sorted(unit.level for unit in abstracts(memory)) == [1, 1, 1, 2]
        assert report.levels == 2
        top = next(unit for unit in abstracts(memory) if unit.level == 2)
        assert len(top.sources) == 9
        assert memory.consolidate().abstracts == 0


def test_no_more_than_max_clusters_are_made(memory: Memory) -> None:
    assert memory.consolidate(max_clusters=0).abstracts == 0
    assert memory.consolidate(max_clusters=1).abstracts == 1


def test_forgetting_a_member_takes_the_abstract_and_frees_the_others(memory: Memory) -> None:
    memory.consolidate()
    memory.forget("m1")
    assert abstracts(memory) == []
    assert {unit.tier for unit in memory.list(limit=100).units} == {"active"}
    assert memory.consolidate().abstracts == 1


def test_a_member_that_changed_meanwhile_stops_its_cluster(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.made

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        memory.update("m1", text="I went swimming.")
        return real(*args, **kwargs)

    monkeypatch.setattr(module, "made", meanwhile)
    report = memory.consolidate()
    assert (report.abstracts, report.skipped, dict(report.rejected)) == (0, 1, {"changed": 1})
    assert abstracts(memory) == [] and memory.check().ok


def test_a_member_that_vanished_meanwhile_stops_its_cluster(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.made

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        memory.forget("m1")
        return real(*args, **kwargs)

    monkeypatch.setattr(module, "made", meanwhile)
    assert memory.consolidate().abstracts == 0
    assert memory.check().ok


def test_a_failure_in_the_middle_of_a_cluster_leaves_nothing_of_it(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(memory)

    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(module.vectors, "put", broken)
    with pytest.raises(Exception, match="disk"):
        memory.consolidate()
    assert dump(memory) == before
    monkeypatch.undo()
    assert memory.consolidate().abstracts == 1


def test_only_one_process_consolidates_a_scope_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path / "m.db") as memory:
        tell(memory, JOGS)
        scope_id = memory.store.scope_id(memory.scope) or 0
        with jobs.hold(memory.store, scope_id, "consolidate", 60) as ours:
            assert ours and memory.consolidate().busy
        assert not memory.consolidate().busy


def test_a_lease_that_ran_out_is_taken_over(tmp_path: Path) -> None:
    with opened(tmp_path / "m.db") as memory:
        tell(memory, JOGS)
        with memory.store.write() as connection:
            connection.execute(
                "INSERT INTO memory_job (scope_id, kind, payload, state, run_after_us, lease_until_us, lease_owner) "
                "VALUES (?, 'consolidate', '{}', 'running', 0, 1, 'dead')",
                [memory.store.scope_id(memory.scope)],
            )
        assert memory.consolidate().abstracts == 1


def test_without_vectors_nothing_is_joined_and_the_report_says_so() -> None:
    with opened(embedder=None) as memory:
        tell(memory, JOGS)
        report = memory.consolidate()
        assert report.abstracts == 0
        assert dict(report.rejected) == {"no vectors": 1}


def test_nothing_to_do_is_no_error() -> None:
    with opened() as memory:
        assert memory.consolidate().abstracts == 0
        tell(memory, JOGS[:2])
        assert memory.consolidate().abstracts == 0


def test_other_scopes_are_not_touched(tmp_path: Path) -> None:
    with opened(tmp_path / "m.db", scope="a") as one, opened(tmp_path / "m.db", scope="b") as other:
        tell(one, JOGS)
        tell(other, JOGS)
        one.consolidate()
        assert abstracts(other) == []
        assert {unit.tier for unit in other.list(limit=10).units} == {"active"}


def test_a_chat_model_writes_the_abstract_when_it_keeps_to_its_notes() -> None:
    said = "Ann went jogging along the river, once with Rex, on 2023-04-30, 2023-05-02, 2023-05-04 and 2023-05-06."
    with opened() as memory:
        tell(memory, JOGS)
        with_model = module.consolidate(
            memory.store,
            memory.scope,
            config=CONFIG,
            now_us=0,
            embedder=Words(),  # type: ignore[arg-type]
            llm=FakeListChatModel(responses=[json.dumps({"text": said})]),
        )
        assert (with_model.abstracts, with_model.archived) == (1, 4)
        (abstract,) = abstracts(memory)
        assert (abstract.text, abstract.method) == (said, "llm")


def test_a_chat_model_that_makes_things_up_is_counted() -> None:
    with opened() as memory:
        tell(memory, JOGS)
        report = module.consolidate(
            memory.store,
            memory.scope,
            config=CONFIG,
            now_us=0,
            embedder=Words(),  # type: ignore[arg-type]
            llm=FakeListChatModel(responses=[json.dumps({"text": "Ann met Napoleon in 1812."})]),
        )
        assert (report.abstracts, report.skipped) == (1, 0)
        assert dict(report.rejected) == {"llm told what its notes do not": 1}
        assert abstracts(memory)[0].method == "extractive"


def test_a_later_state_supersedes_an_earlier_one_which_is_kept() -> None:
    with opened() as memory:
        tell(memory, ["I live in Bern.", "The weather is fine.", "I moved to Oslo yesterday."])
        assert memory.consolidate().superseded == 1
        old = memory.get("m0")
        assert old is not None and old.tier == "superseded"
        assert old.valid_to is not None and old.valid_to.date().isoformat() == "2023-05-04"
        assert [unit.id for unit in memory.history("m2")] == ["m0", "m2"]
        found = [hit.id for hit in memory.search("Where does Ann live?", k=10)]
        assert "m2" in found and "m0" not in found
        assert "m0" in [hit.id for hit in memory.search("Where did Ann live before?", k=10)]
        assert "m0" in [hit.id for hit in memory.search("Where does Ann live?", k=10, explain=True)]


def test_a_superseded_unit_comes_back_when_its_successor_is_forgotten() -> None:
    with opened() as memory:
        tell(memory, ["I live in Bern.", "The weather is fine.", "I live in Oslo."])
        memory.consolidate()
        memory.forget("m2")
        old = memory.get("m0")
        assert old is not None and (old.tier, old.valid_to) == ("active", None)
        assert memory.consolidate().superseded == 0


def test_a_superseded_pair_is_never_in_one_cluster() -> None:
    with opened() as memory:
        tell(memory, ["I live in Bern by the river.", "I live in Oslo by the river.", "I live in Rome by the river."])
        report = memory.consolidate()
        assert (report.superseded, report.abstracts) == (2, 0)


def test_a_turn_that_tells_more_than_an_outdated_state_stays_in_view() -> None:
    with opened() as memory:
        mixed = "We saw otters and a heron at the lake near Bruck. I live in Bern."
        tell(memory, [mixed, "The weather is fine.", "I live in Oslo."])
        assert memory.consolidate().superseded == 0
        kept = memory.get("m0")
        assert kept is not None and kept.tier == "active"
        with memory.store.read() as connection:
            assert connection.execute("SELECT rel FROM memory_link").fetchall() == [("contradicts",)]
        once = dump(memory)
        memory.consolidate()
        assert dump(memory) == once
