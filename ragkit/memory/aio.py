"""The calls of `Memory` for asyncio: each runs in a worker thread, so that the loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.memory.types import (
        AddResult,
        ConsolidationReport,
        Context,
        ForgetReport,
        MemoryHit,
        Message,
        Page,
        Unit,
    )


class AsyncTwins:
    """`aadd` is `add`, awaited, and so on; the arguments are those of the call it is named after."""

    async def aadd(self, text: str, **given: Any) -> AddResult:
        return await self._in_thread("add", text, **given)  # type: ignore[no-any-return]

    async def aadd_many(self, messages: Iterable[Message]) -> list[AddResult]:
        return await self._in_thread("add_many", messages)  # type: ignore[no-any-return]

    async def aflush(self, timeout: float | None = None) -> bool:
        return await self._in_thread("flush", timeout)  # type: ignore[no-any-return]

    async def asearch(self, query: str, **given: Any) -> list[MemoryHit]:
        return await self._in_thread("search", query, **given)  # type: ignore[no-any-return]

    async def acontext(self, query: str, **given: Any) -> Context:
        return await self._in_thread("context", query, **given)  # type: ignore[no-any-return]

    async def aget(self, id: str) -> Unit | None:
        return await self._in_thread("get", id)  # type: ignore[no-any-return]

    async def alist(self, *given: Any, **named: Any) -> Page:
        return await self._in_thread("list", *given, **named)  # type: ignore[no-any-return]

    async def aupdate(self, id: str, **given: Any) -> Unit:
        return await self._in_thread("update", id, **given)  # type: ignore[no-any-return]

    async def aforget(self, *given: Any, **named: Any) -> ForgetReport:
        return await self._in_thread("forget", *given, **named)  # type: ignore[no-any-return]

    async def aconsolidate(self, max_clusters: int | None = None) -> ConsolidationReport:
        return await self._in_thread("consolidate", max_clusters)  # type: ignore[no-any-return]

    async def _in_thread(self, name: str, *given: Any, **named: Any) -> Any:
        return await asyncio.to_thread(getattr(self, name), *given, **named)
