"""The agent memory as a LangGraph `BaseStore`: values under namespaces and keys, found by meaning, filter and key.

A namespace is a scope below the store's own root: no search leaves it. Values lie in the memory's file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ragkit.errors import InvalidValueError, require
from ragkit.memory.embedding import AUTO, chosen_embedder
from ragkit.memory.items import Item as Stored
from ragkit.memory.items import Items, Put
from ragkit.memory.store import MemoryStore, Scope, checked_scope

require("langgraph.store.base", extra="langgraph", purpose="the LangGraph store")

from langgraph.store.base import (  # noqa: E402
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    get_text_at_path,
    tokenize_path,
)

_LONGEST = 100_000_000  # minutes, 190 years
DEFAULT_ROOT = ("langgraph-store",)


class RagkitStore(BaseStore):
    """A store in a SQLite file, alone or beside a memory and a knowledge base.

    `root` is the scope all namespaces lie in, `embedder` as for `Memory` ("auto", a name, an object, or None for words
    only), `fields` the paths of a value it is found by ("$" is all of it). `ttl` sets how long items live, as LangGraph
    defines it; expired ones are never returned, and `sweep` deletes them. Stores and processes may share a file.
    """

    supports_ttl: ClassVar[bool] = True  # type: ignore[misc]

    def __init__(
        self,
        path: str | Path = "ragkit.db",
        *,
        root: str | tuple[str, ...] = DEFAULT_ROOT,
        embedder: Any = AUTO,
        fields: Iterable[str] = ("$",),
        ttl: TTLConfig | None = None,
    ) -> None:
        scope = checked_scope(root)
        if scope[0] == "langgraph":
            raise InvalidValueError("the root 'langgraph' is reserved by LangGraph; choose another")
        self.store = MemoryStore(path)
        self.items = Items(self.store, scope, chosen_embedder(self.store, embedder))
        self.fields = [(field, tokenize_path(field)) for field in fields]
        self.ttl_config = ttl

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def sweep(self) -> int:
        """Delete what has expired; how many items."""
        return self.items.sweep()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations: reads see the state before the batch's writes, writes are one transaction."""
        listed = list(ops)
        results: list[Result] = [None if isinstance(op, PutOp) else self._read(op) for op in listed]
        puts = [self._put(op) for op in listed if isinstance(op, PutOp)]
        if puts:
            self.items.put(puts)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """The same in a worker thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _read(self, op: Op) -> Result:
        match op:
            case GetOp():
                found = self.items.get(_namespace(op.namespace), op.key, refresh=bool(op.refresh_ttl))
                return None if found is None else Item(**_fields(found))
            case SearchOp():
                return self._search(op)
            case ListNamespacesOp():
                return self._namespaces(op)
        raise InvalidValueError(f"{type(op).__name__} is no operation of a store")

    def _search(self, op: SearchOp) -> list[SearchItem]:
        tests = dict(op.filter or {})
        found = self.items.search(
            _namespace(op.namespace_prefix, prefix=True),
            op.query or "",
            keep=lambda item: all(_holds(item.value.get(name), wanted) for name, wanted in tests.items()),
            limit=op.limit,
            offset=op.offset,
            refresh=bool(op.refresh_ttl),
        )
        return [SearchItem(**_fields(item), score=item.score) for item in found]

    def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        conditions = op.match_conditions or ()
        found = [scope for scope in self.items.scopes() if all(_matches(condition, scope) for condition in conditions)]
        if op.max_depth is not None:
            found = sorted({scope[: op.max_depth] for scope in found})
        return found[op.offset : op.offset + op.limit]

    def _put(self, op: PutOp) -> Put:
        namespace = _namespace(op.namespace)
        if op.value is None:
            return Put(namespace, op.key, None)
        ttl = op.ttl
        if ttl is not None and not (isinstance(ttl, int | float) and 0 < ttl <= _LONGEST):
            raise InvalidValueError(
                f"the ttl of item {op.key!r} must be more than 0 and at most {_LONGEST:,} minutes, it was {ttl!r}"
            )
        return Put(namespace, op.key, op.value, self._texts(op.value, op.index), ttl=ttl)

    def _texts(self, value: Mapping[str, Any], index: Any) -> list[str]:
        if index is False:
            return []
        fields = self.fields if index is None else [(field, tokenize_path(field)) for field in index]
        texts = [_words(value) if field == "$" else text for field, path in fields for text in _at(value, field, path)]
        return [text for text in dict.fromkeys(texts) if text.strip()]


def _at(value: Mapping[str, Any], field: str, path: Any) -> list[str]:
    return [""] if field == "$" else list(get_text_at_path(value, path))


def _words(value: Any) -> str:
    """A value as one text: its leaves, the names of its keys left out."""
    if isinstance(value, Mapping):
        return "\n".join(text for one in value.values() if (text := _words(one)))
    if isinstance(value, list | tuple):
        return "\n".join(text for one in value if (text := _words(one)))
    return "" if value is None or isinstance(value, bool) else str(value)


def _namespace(namespace: tuple[str, ...], *, prefix: bool = False) -> Scope:
    """A namespace as labels. Raises LangGraph's `InvalidNamespaceError` where its own stores would."""
    if not namespace and not prefix:
        raise InvalidNamespaceError("a namespace cannot be empty")
    for label in namespace:
        if not isinstance(label, str) or not label or "." in label:
            raise InvalidNamespaceError(f"{label!r} cannot be a label of a namespace: a text without '.', not empty")
    if namespace and namespace[0] == "langgraph":
        raise InvalidNamespaceError("the namespace 'langgraph' is reserved by LangGraph")
    return tuple(namespace)


def _fields(item: Stored) -> dict[str, Any]:
    return {
        "namespace": item.scope,
        "key": item.key,
        "value": dict(item.value),
        "created_at": item.created,
        "updated_at": item.updated,
    }


def _matches(condition: MatchCondition, namespace: Scope) -> bool:
    path = tuple(condition.path)
    if len(namespace) < len(path):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for wanted, label in zip(path, part, strict=True))


def _holds(value: Any, wanted: Any) -> bool:
    """Whether a value meets a condition: equals it, or meets all its operators ($eq $ne $gt $gte $lt $lte)."""
    if isinstance(wanted, Mapping) and any(str(key).startswith("$") for key in wanted):
        return all(_compare(value, str(name), operand) for name, operand in wanted.items())
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and all(_holds(value.get(key), one) for key, one in wanted.items())
    if isinstance(wanted, list | tuple):
        fits = isinstance(value, list | tuple) and len(value) == len(wanted)
        return fits and all(_holds(one, other) for one, other in zip(value, wanted, strict=True))
    return bool(value == wanted)


def _compare(value: Any, name: str, operand: Any) -> bool:
    if name in ("$eq", "$ne"):
        return bool(value == operand) == (name == "$eq")
    if name not in ("$gt", "$gte", "$lt", "$lte"):
        raise InvalidValueError(f"there is no operator {name!r}; known are $eq, $ne, $gt, $gte, $lt, $lte")
    try:
        less, equal = value < operand, value == operand
    except TypeError:
        return False  # values of different kinds have no order
    greater = not less and not equal
    return bool({"$gt": greater, "$gte": greater or equal, "$lt": less, "$lte": less or equal}[name])
