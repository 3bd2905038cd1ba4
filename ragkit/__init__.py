"""Ask your documents: composable retrieval, answers with exact citations, offline, in one SQLite file.

>>> from ragkit import Document, KnowledgeBase
>>> kb = KnowledgeBase(":memory:", "bm25 >> answer(embedder='', tagger='')")
>>> kb.add(Document("note", "Ada Lind was born in Bern.")).added
('note',)
>>> kb.ask("Where was Ada Lind born?").short
'Bern'

Names are loaded when first used, so `import ragkit` costs nothing to speak of.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.components import Between
    from ragkit.config import Config, load_config
    from ragkit.errors import RagkitError
    from ragkit.knowledge_base import KnowledgeBase
    from ragkit.pipeline.parse import parse
    from ragkit.registry import stage
    from ragkit.types import Answer, Chunk, Citation, Document, Hit, Hits, Query, Source, Span

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # what is logged is for those who ask for it

__all__ = [
    "Answer",
    "Between",
    "Chunk",
    "Citation",
    "Config",
    "Document",
    "Hit",
    "Hits",
    "KnowledgeBase",
    "Query",
    "RagkitError",
    "Source",
    "Span",
    "__version__",
    "load_config",
    "parse",
    "stage",
]

_HOMES = {
    "ragkit.components": ("Between",),
    "ragkit.config": ("Config", "load_config"),
    "ragkit.errors": ("RagkitError",),
    "ragkit.knowledge_base": ("KnowledgeBase",),
    "ragkit.pipeline.parse": ("parse",),
    "ragkit.registry": ("stage",),
    "ragkit.types": ("Answer", "Chunk", "Citation", "Document", "Hit", "Hits", "Query", "Source", "Span"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name from the module that holds it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'ragkit' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
