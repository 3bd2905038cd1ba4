"""CrewAI's storage protocol on the memory's file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip(
    "crewai", reason="crewai is not installed; it conflicts with others' versions, see docs/frameworks.md"
)

from crewai.memory.storage.backend import EmbeddingDimensionMismatchError, StorageBackend
from crewai.memory.types import MemoryRecord

from ragkit.adapters.crewai import RagkitStorage
from ragkit.errors import InvalidValueError


def record(id: str, scope: str = "/", embedding: list[float] | None = None, **more: object) -> MemoryRecord:
    return MemoryRecord(id=id, content=f"content of {id}", scope=scope, embedding=embedding, **more)


@pytest.fixture
def storage(tmp_path: Path) -> RagkitStorage:
    return RagkitStorage(tmp_path / "crew.db")


def test_it_is_a_storage_backend(storage: RagkitStorage) -> None:
    assert isinstance(storage, StorageBackend)


def test_a_record_comes_back_as_it_was(storage: RagkitStorage) -> None:
    given = record("a", "/team/x", [1.0, 0.0], categories=["c"], metadata={"n": [1]}, importance=0.9, source="u")
    storage.save([given])
    assert storage.get_record("a") == given.model_copy(update={"embedding": None})
    assert storage.get_record("b") is None


def test_search_gives_cosines_best_first_within_scope_categories_and_metadata(storage: RagkitStorage) -> None:
    storage.save(
        [
            record("a", "/team", [1.0, 0.0], categories=["x"], metadata={"n": 1}),
            record("b", "/team/sub", [2.0, 2.0], categories=["y"]),
            record("c", "/teams", [1.0, 0.1]),
            record("d", "/team", None),
        ]
    )
    found = storage.search([1.0, 0.0], scope_prefix="/team")
    assert [(one.id, round(score, 4)) for one, score in found] == [("a", 1.0), ("b", 0.7071)]
    assert [one.id for one, _ in storage.search([1.0, 0.0], categories=["y"])] == ["b"]
    assert [one.id for one, _ in storage.search([1.0, 0.0], metadata_filter={"n": 1})] == ["a"]
    assert [one.id for one, _ in storage.search([1.0, 0.0], min_score=0.9, limit=1)] == ["a"]


def test_a_vector_of_another_size_is_crewai_s_own_error(storage: RagkitStorage) -> None:
    storage.save([record("a", "/", [1.0, 0.0])])
    with pytest.raises(EmbeddingDimensionMismatchError):
        storage.search([1.0, 0.0, 0.0])


def test_saving_again_replaces_even_when_the_scope_changed(storage: RagkitStorage) -> None:
    storage.save([record("a", "/one")])
    storage.update(record("a", "/two", metadata={"v": 2}))
    assert [one.scope for one in storage.list_records()] == ["/two"]


def test_records_are_deleted_by_any_condition_and_counted(storage: RagkitStorage) -> None:
    old = datetime(2020, 1, 1)
    storage.save([record("a", "/x", created_at=old), record("b", "/x/y", categories=["c"]), record("c", "/z")])
    assert storage.delete(older_than=datetime(2021, 1, 1, tzinfo=UTC)) == 1
    assert storage.delete(scope_prefix="/x", categories=["d"]) == 0
    assert storage.delete(record_ids=["c", "nobody"]) == 1
    assert [one.id for one in storage.list_records()] == ["b"]
    with pytest.raises(InvalidValueError, match="no condition"):
        storage.delete()


def test_scopes_and_categories_are_listed(storage: RagkitStorage) -> None:
    first, last = datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    storage.save(
        [
            record("a", "/team/x", categories=["c", "d"], created_at=last),
            record("b", "/team/y", categories=["c"], created_at=first),
        ]
    )
    info = storage.get_scope_info("/team")
    assert storage.list_scopes() == ["/team"]
    assert storage.list_scopes("/team") == ["/team/x", "/team/y"] == info.child_scopes
    assert storage.list_categories("/team") == {"c": 2, "d": 1}
    assert (info.record_count, info.oldest_record, info.newest_record) == (2, first, last)
    assert [one.id for one in storage.list_records("/team", limit=1, offset=1)] == ["b"]
    storage.reset("/team/x")
    assert storage.count() == 1


async def test_it_works_asynchronously(storage: RagkitStorage) -> None:
    await storage.asave([record("a", "/", [1.0])])
    assert [one.id for one, _ in await storage.asearch([1.0], limit=1)] == ["a"]
    assert await storage.adelete(record_ids=["a"]) == 1


def test_crewai_s_own_memory_uses_it(tmp_path: Path) -> None:
    from crewai import Memory

    memory = Memory(
        storage=RagkitStorage(tmp_path / "m.db"), embedder=lambda texts: [[1.0, float(len(t))] for t in texts], llm=None
    )
    memory.remember("Ann lives in Bern", scope="/ann", categories=["home"], importance=0.5)
    memory.drain_writes()
    assert [match.record.content for match in memory.recall("Where does Ann live?", depth="shallow")] == [
        "Ann lives in Bern"
    ]
