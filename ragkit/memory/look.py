"""Reading a scope: searching, and looking units up."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from ragkit.errors import InvalidValueError
from ragkit.memory import fill, pack, plan, recall
from ragkit.memory.conditions import VISIBLE, where
from ragkit.memory.config import MemoryConfig
from ragkit.memory.llm import ChatCompleter
from ragkit.memory.rows import read_units
from ragkit.memory.store import MemoryStore, Scope, rows_in, scope_row
from ragkit.memory.types import TIERS, Context, Filters, MemoryHit, Page, Tier, Unit, sound

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragkit.components import Embedder


_CURSOR = re.compile(r"[0-9]{1,18}")
_MOST = 1_000_000_000  # rows in a page; SQLite counts to 2**63


def search(
    store: MemoryStore,
    scope: Scope,
    query: str,
    *,
    config: MemoryConfig,
    embedder: Embedder | None,
    k: int | None,
    at_us: int,
    offset_minutes: int,
    filters: Filters | None,
    tiers: Sequence[Tier] | None,
    explain: bool,
    llm: BaseChatModel | None = None,
) -> list[MemoryHit]:
    """See `Memory.search`."""
    checked_query(query)
    if k is not None and (isinstance(k, bool) or not isinstance(k, int) or k < 0):
        raise InvalidValueError(f"k is how many units to return, a whole number from 0; not {k!r}")
    checked_filters(filters)
    if isinstance(tiers, str) or not (tiers is None or isinstance(tiers, Iterable)):
        raise InvalidValueError(f"tiers is a list of {', '.join(TIERS)}; not {tiers!r}")
    unknown = sorted(set(map(str, tiers or ())) - set(TIERS))
    if unknown:
        raise InvalidValueError(f"there is no tier {unknown[0]!r}; tiers are {', '.join(TIERS)}")
    if k == 0 or (tiers is not None and not tiers) or not store.present:
        return []
    scope_id = store.scope_id(scope)
    if scope_id is None:
        return []
    if embedder is not None:
        fill.catch_up(store, scope_id, embedder, config)

    def find(more: Sequence[str], depth: int | None) -> list[MemoryHit]:
        return recall.search(
            store,
            scope_id,
            query,
            config=config,
            embedder=embedder,
            k=depth,
            at_us=at_us,
            offset_minutes=offset_minutes,
            filters=filters,
            tiers=tuple(tiers) if tiers is not None else None,
            explain=explain,
            more=more,
        )

    if llm is None or not (config.planner or config.reflections):
        return find((), k)
    completer = ChatCompleter(llm, config.llm_temperature)
    return plan.search(
        completer, find, query, config=config, at_us=at_us, offset_minutes=offset_minutes, k=k, explain=explain
    )


def context(
    store: MemoryStore,
    scope: Scope,
    query: str,
    *,
    config: MemoryConfig,
    embedder: Embedder | None,
    k: int | None,
    budget_tokens: int,
    count: Callable[[str], int] | None,
    at_us: int,
    offset_minutes: int,
    filters: Filters | None,
    llm: BaseChatModel | None = None,
) -> Context:
    """See `Memory.context`."""
    if isinstance(budget_tokens, bool) or not isinstance(budget_tokens, int) or budget_tokens < 0:
        raise InvalidValueError(f"budget_tokens is a whole number from 0; not {budget_tokens!r}")
    hits = search(
        store,
        scope,
        query,
        config=config,
        embedder=embedder,
        k=k,
        at_us=at_us,
        offset_minutes=offset_minutes,
        filters=filters,
        tiers=None,
        explain=False,
        llm=llm,
    )
    scope_id = store.scope_id(scope) if hits else None
    if not hits or not budget_tokens or scope_id is None:
        return Context("", found=False)
    return pack.pack(store, scope_id, query, hits, budget_tokens=budget_tokens, config=config, count=count)


def checked_query(query: object) -> None:
    """Raise `InvalidValueError` unless it is a text."""
    if not isinstance(query, str):
        raise InvalidValueError(f"a question is a text, not a {type(query).__name__}")


def checked_filters(filters: object) -> None:
    """Raise `InvalidValueError` unless they are `Filters` or None."""
    if filters is not None and not isinstance(filters, Filters):
        raise InvalidValueError(f"filters is made by Filters(…), not {filters!r:.60}")


def checked_id(id: object) -> str:
    """An id as it is stored. Raises `InvalidValueError` when it is no text."""
    if not isinstance(id, str):
        raise InvalidValueError(f"an id is a text, as add and search give it; not {id!r:.60}")
    return sound(id)


def number_of(connection: sqlite3.Connection, scope_id: int, id: str) -> int | None:
    """The row of a visible unit by its id, or by that of a message it rests on."""
    id = checked_id(id)
    found = connection.execute(
        f"SELECT u.id FROM memory_unit u WHERE u.scope_id = ? AND u.uid = ? AND {VISIBLE}", [scope_id, id]
    ).fetchone()
    if found is None:
        found = connection.execute(
            "SELECT u.id FROM memory_message m JOIN memory_unit_source s ON s.message_id = m.id "
            f"JOIN memory_unit u ON u.id = s.unit_id WHERE m.scope_id = ? AND m.uid = ? AND {VISIBLE} "
            "AND u.kind = 'turn' ORDER BY u.id LIMIT 1",
            [scope_id, id],
        ).fetchone()
    return int(found[0]) if found else None


def get(store: MemoryStore, scope: Scope, id: str) -> Unit | None:
    """See `Memory.get`."""
    if not store.present:
        return None
    with store.read() as connection:
        scope_id = scope_row(connection, scope)
        number = None if scope_id is None else number_of(connection, scope_id, id)
        return read_units(connection, [number])[0] if number is not None else None


def page(store: MemoryStore, scope: Scope, filters: Filters | None, limit: int, cursor: str | None) -> Page:
    """See `Memory.list`."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidValueError(f"limit is a whole number from 1; not {limit!r}")
    checked_filters(filters)
    if cursor is not None and not (isinstance(cursor, str) and _CURSOR.fullmatch(cursor)):
        raise InvalidValueError(f"{cursor!r} is no cursor; pass the `cursor` of the page before")
    if not store.present:
        return Page(())
    condition, values = where(filters)
    with store.read() as connection:
        scope_id = scope_row(connection, scope)
        rows = connection.execute(
            f"SELECT u.id FROM memory_unit u WHERE u.scope_id = ? AND u.id > ? AND {VISIBLE} AND {condition} "
            "ORDER BY u.id LIMIT ?",
            [scope_id, int(cursor or 0), *values, min(limit, _MOST) + 1],
        ).fetchall()
        numbers = [row[0] for row in rows[:limit]]
        more = str(numbers[-1]) if len(rows) > limit else None
        return Page(tuple(read_units(connection, numbers)), more)


def history(store: MemoryStore, scope: Scope, id: str) -> list[Unit]:
    """See `Memory.history`."""
    if not store.present:
        return []
    with store.read() as connection:
        scope_id = scope_row(connection, scope)
        start = None if scope_id is None else number_of(connection, scope_id, id)
        if start is None:
            return []
        found, fresh = {start}, [start]
        older: TopologicalSorter[int] = TopologicalSorter()
        while fresh:
            near = set()
            for one in ("src", "dst"):
                sql = f"SELECT src, dst FROM memory_link WHERE rel = 'supersedes' AND {one} IN ?"
                for newer, superseded in rows_in(connection, sql, fresh):
                    older.add(newer, superseded)
                    near |= {newer, superseded}
            fresh = sorted(near - found)
            found |= near
        # A correction may move an event to an earlier day, so what superseded what goes before the dates.
        place = {number: rank for rank, number in enumerate(older.static_order())}
        units = read_units(connection, sorted(found, key=lambda number: (place.get(number, 0), number)))
        return [unit for unit in units if unit.forgotten is None]
