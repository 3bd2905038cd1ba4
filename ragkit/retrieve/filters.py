"""The stage `filter`; what a filter may say stands in `ragkit.filters`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit.filters import matcher
from ragkit.types import Hits


class Filter:
    """Keeps the hits whose metadata match: `filter(where={"lang": "en"})`.

    It comes after a retriever, whatever that is, so it may leave fewer than `k` hits. The filter of a question,
    `kb.ask(question, filter=…)`, is applied inside every index before it cuts to `k`.
    """

    def __init__(self, where: Mapping[str, Any] | None = None) -> None:
        self.where = dict(where or {})
        self._passes = matcher(self.where)

    def rerank(self, hits: Hits) -> Hits:
        """The hits that match, in their order."""
        return Hits(hits.query, tuple(hit for hit in hits if self._passes(hit.chunk.metadata)), hits.trace)
