"""A storage backend for CrewAI's memory in a SQLite file, beside an agent memory and a knowledge base."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import EmbedderMismatchError, InvalidValueError, require
from ragkit.memory.items import Item, Items, Put
from ragkit.memory.store import MemoryStore, Scope, checked_scope

require("crewai", extra="crewai", purpose="the CrewAI storage backend")

from crewai.memory.storage.backend import EmbeddingDimensionMismatchError  # noqa: E402
from crewai.memory.types import MemoryRecord, ScopeInfo  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_ROOT = ("crewai",)


class RagkitStorage:
    """CrewAI's `StorageBackend`: `Memory(storage=RagkitStorage("crew.db"))`.

    Vectors are those CrewAI's embedder gives; scores are cosines. A record belongs to one scope path; a prefix means
    whole labels, so "/team" does not reach "/teams". `root` is the scope all paths lie in.
    """

    def __init__(self, path: str | Path = "ragkit.db", *, root: str | tuple[str, ...] = DEFAULT_ROOT) -> None:
        self.store = MemoryStore(path)
        self.items = Items(self.store, checked_scope(root))

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    # -- writing --------------------------------------------------------------------------------------------------

    def save(self, records: list[MemoryRecord]) -> None:
        """Write records in one transaction; one whose id is there replaces it, wherever it was."""
        homes = {record.id: _labels(record.scope) for record in records}
        moved = [
            Put(item.scope, item.key, None)
            for item in self.items.all()
            if item.key in homes and item.scope != homes[item.key]
        ]
        self.items.put([*moved, *(_put(record) for record in records)])

    def update(self, record: MemoryRecord) -> None:
        """Replace the record of the same id."""
        self.save([record])

    def delete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        """Delete the records that meet all conditions given; how many. Raises `InvalidValueError` without any.

        `reset` deletes everything.
        """
        given = (scope_prefix, categories, record_ids, older_than, metadata_filter)
        if all(condition is None for condition in given):
            raise InvalidValueError("delete was given no condition; use reset to delete everything")
        keep = _test(categories, metadata_filter, record_ids, older_than)
        gone = [item for item in self.items.all(_labels(scope_prefix)) if keep(item)]
        self.items.put([Put(item.scope, item.key, None) for item in gone])
        return len(gone)

    def reset(self, scope_prefix: str | None = None) -> None:
        """Delete all records at and below a scope."""
        self.items.clear(_labels(scope_prefix))

    # -- reading --------------------------------------------------------------------------------------------------

    def search(
        self,
        query_embedding: list[float],
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """The records nearest to a vector, best first, with their cosines."""
        try:
            found = self.items.search(
                _labels(scope_prefix),
                vector=query_embedding,
                keep=_test(categories, metadata_filter),
                limit=limit,
                refresh=False,
            )
        except EmbedderMismatchError as error:
            raise EmbeddingDimensionMismatchError(self._dim(), len(query_embedding)) from error
        scored = [(item, item.score) for item in found if item.score is not None]
        return [(_record(item), score) for item, score in scored if score >= min_score]

    def _dim(self) -> int:
        with self.store.read() as connection:
            row = connection.execute("SELECT length(v) FROM memory_item_text WHERE v IS NOT NULL LIMIT 1").fetchone()
        return int(row[0]) // 4 if row else 0

    def get_record(self, record_id: str) -> MemoryRecord | None:
        """The record of an id, None when there is none."""
        return next((_record(item) for item in self.items.all() if item.key == record_id), None)

    def list_records(self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0) -> list[MemoryRecord]:
        """Records at and below a scope, the newest first."""
        found = sorted(self._records(scope_prefix), key=lambda record: (_aware(record.created_at), record.id))
        return found[::-1][offset : offset + limit]

    def count(self, scope_prefix: str | None = None) -> int:
        """How many records lie at and below a scope."""
        return sum(1 for _ in self.items.all(_labels(scope_prefix)))

    def list_categories(self, scope_prefix: str | None = None) -> dict[str, int]:
        """The categories at and below a scope, with their counts."""
        return dict(Counter(category for record in self._records(scope_prefix) for category in record.categories))

    def list_scopes(self, parent: str = "/") -> list[str]:
        """The scopes directly below one."""
        above = _labels(parent)
        below = {item.scope[len(above)] for item in self.items.all(above) if len(item.scope) > len(above)}
        return [_path((*above, label)) for label in sorted(below)]

    def get_scope_info(self, scope: str) -> ScopeInfo:
        """What lies at and below a scope."""
        records = list(self._records(scope))
        times = sorted((record.created_at for record in records), key=_aware)
        return ScopeInfo(
            path=_path(_labels(scope)),
            record_count=len(records),
            categories=sorted({category for record in records for category in record.categories}),
            oldest_record=times[0] if times else None,
            newest_record=times[-1] if times else None,
            child_scopes=self.list_scopes(scope),
        )

    def _records(self, scope_prefix: str | None) -> Iterator[MemoryRecord]:
        return (_record(item) for item in self.items.all(_labels(scope_prefix)))

    # -- asynchronously -------------------------------------------------------------------------------------------

    async def asave(self, records: list[MemoryRecord]) -> None:
        """`save` in a worker thread."""
        await asyncio.to_thread(self.save, records)

    async def asearch(
        self, query_embedding: list[float], *given: Any, **named: Any
    ) -> list[tuple[MemoryRecord, float]]:
        """`search` in a worker thread."""
        return await asyncio.to_thread(self.search, query_embedding, *given, **named)

    async def adelete(self, *given: Any, **named: Any) -> int:
        """`delete` in a worker thread."""
        return await asyncio.to_thread(self.delete, *given, **named)


def _put(record: MemoryRecord) -> Put:
    vectors = None if record.embedding is None else [record.embedding]
    return Put(_labels(record.scope), record.id, record.model_dump(mode="json"), (record.content,), vectors)


def _record(item: Item) -> MemoryRecord:
    return MemoryRecord.model_validate(dict(item.value))


def _labels(path: str | None) -> Scope:
    return tuple(label for label in (path or "").split("/") if label)


def _path(labels: Scope) -> str:
    return "/" + "/".join(labels)


def _aware(moment: datetime) -> datetime:
    """Naive times are UTC, as CrewAI writes them."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _test(
    categories: list[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    ids: list[str] | None = None,
    older_than: datetime | None = None,
) -> Callable[[Item], bool]:
    def holds(item: Item) -> bool:
        record = _record(item)
        return (
            (categories is None or bool(set(categories) & set(record.categories)))
            and (ids is None or record.id in ids)
            and (older_than is None or _aware(record.created_at) < _aware(older_than))
            and all(record.metadata.get(key) == value for key, value in (metadata or {}).items())
        )

    return holds


__all__ = ["RagkitStorage"]
