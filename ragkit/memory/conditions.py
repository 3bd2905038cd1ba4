"""Filters as SQL over units, so that what does not match is left out before anything is ranked."""

from __future__ import annotations

import json
from typing import Any

from ragkit.memory.types import Filters, to_us
from ragkit.memory.words import fold

VISIBLE = "u.hidden_us IS NULL"


def where(filters: Filters | None) -> tuple[str, list[Any]]:
    """A condition over `memory_unit u` and its values; `"1"` when there is nothing to hold."""
    if filters is None or filters.empty:
        return "1", []
    parts: list[str] = []
    values: list[Any] = []
    for names, kind in ((filters.persons, "person"), (filters.entities, "entity")):
        if names:
            parts.append(_named(kind, len(names)))
            values += [kind, *map(fold, names)]
    for column, names in (("kind", filters.kinds), ("speaker", filters.speakers), ("session", filters.sessions)):
        if names:
            parts.append(_of_source(column, len(names)) if column != "kind" else f"u.kind IN ({_marks(len(names))})")
            values += names
    _range(parts, values, filters.time, "u.ev_end_us > ?", "u.ev_start_us < ?")
    _range(parts, values, filters.said, "u.said_us >= ?", "u.said_us < ?")
    for key, value in filters.metadata.items():
        parts.append(
            "EXISTS (SELECT 1 FROM memory_unit_source s JOIN memory_message m ON m.id = s.message_id, "
            "json_each(m.metadata) j WHERE s.unit_id = u.id AND j.key = ? AND j.type = ? AND j.value IS ?)"
        )
        values += [key, *_json_value(value)]
    return " AND ".join(parts), values


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _named(kind: str, count: int) -> str:
    # Speakers are person facets of their units, so the index on facets finds both.
    return f"u.id IN (SELECT unit_id FROM memory_facet WHERE kind = ? AND norm IN ({_marks(count)}))"


def _of_source(column: str, count: int) -> str:
    return (
        "EXISTS (SELECT 1 FROM memory_unit_source s JOIN memory_message m ON m.id = s.message_id "
        f"WHERE s.unit_id = u.id AND m.{column} IN ({_marks(count)}))"
    )


def _range(parts: list[str], values: list[Any], bounds: Any, after: str, before: str) -> None:
    if bounds is None:
        return
    for bound, condition in zip(bounds, (after, before), strict=True):
        if bound is not None:
            parts.append(condition)
            values.append(to_us(bound))


def _json_value(value: Any) -> tuple[str, Any]:
    """The type and value that SQLite's json_each gives for a JSON value."""
    if value is None:
        return "null", None
    if isinstance(value, bool):
        return ("true", 1) if value else ("false", 0)
    if isinstance(value, int):
        return "integer", value if abs(value) < 2**63 else float(value)
    if isinstance(value, float):
        return "real", value
    if isinstance(value, str):
        return "text", value
    kind = "array" if isinstance(value, (list, tuple)) else "object"
    return kind, json.dumps(value, separators=(",", ":"), sort_keys=True)
