"""Agent memory: keeps years of conversation in one file and finds a small, dated, cited context in it.

>>> from ragkit.memory import Memory
>>> mem = Memory(":memory:", embedder=None)
>>> mem.add("I moved to Bern last week", speaker="Ann", id="1").status
'stored'
>>> [hit.source_texts[0] for hit in mem.search("Where does Ann live now? In Bern?")]
['I moved to Bern last week']

Names are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.memory.config import MemoryConfig
    from ragkit.memory.memory import Memory
    from ragkit.memory.types import (
        AddResult,
        CheckReport,
        ConsolidationReport,
        Context,
        Event,
        Facet,
        Filters,
        ForgetReport,
        MemoryHit,
        MemoryStats,
        Message,
        Page,
        Unit,
    )

__all__ = [
    "AddResult",
    "CheckReport",
    "ConsolidationReport",
    "Context",
    "Event",
    "Facet",
    "Filters",
    "ForgetReport",
    "Memory",
    "MemoryConfig",
    "MemoryHit",
    "MemoryStats",
    "Message",
    "Page",
    "Unit",
]

_HOME_OF = {"Memory": "ragkit.memory.memory", "MemoryConfig": "ragkit.memory.config"}


def __getattr__(name: str) -> Any:
    """Load a public name from the module that holds it."""
    if name not in __all__:
        raise AttributeError(f"module 'ragkit.memory' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF.get(name, "ragkit.memory.types")), name)
    globals()[name] = value
    return value
