"""A web page as addressed segments, and the indices of those that matter.

>>> page = segment_html("<h1>Bees</h1><p>A bee has <b>six</b> legs.</p>")
>>> [(segment.index, segment.kind, segment.text) for segment in page.segments]
[(1, 'heading', 'Bees'), (2, 'paragraph', 'A bee has six legs.')]

`extract_main` chooses the segments a page exists for, `extract_relevant` those that help to answer a query. Names are
loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.extractors.html.api import extract_main, extract_relevant
    from ragkit.extractors.html.grammar import IndexParseError, parse_indices
    from ragkit.extractors.html.heuristic import HeuristicME
    from ragkit.extractors.html.hybrid import HybridQE
    from ragkit.extractors.html.intervals import IntervalSet
    from ragkit.extractors.html.lexical import LexicalQE
    from ragkit.extractors.html.llm import LLMPredictor, chat_complete
    from ragkit.extractors.html.postprocess import HtmlIndexPostprocessor
    from ragkit.extractors.html.render import as_dict, to_markdown, to_text
    from ragkit.extractors.html.segmenting import segment_html
    from ragkit.extractors.html.semantic import EmbeddingQE
    from ragkit.extractors.html.stored import Address, addresses_at
    from ragkit.extractors.html.trained import TrainedME
    from ragkit.extractors.html.types import (
        Extraction,
        Limits,
        Page,
        PageTimeout,
        PageTooLarge,
        PartitionOptions,
        Prediction,
        Predictor,
        Segment,
    )

_HOMES = {
    "api": ("extract_main", "extract_relevant"),
    "grammar": ("IndexParseError", "parse_indices"),
    "heuristic": ("HeuristicME",),
    "hybrid": ("HybridQE",),
    "intervals": ("IntervalSet",),
    "lexical": ("LexicalQE",),
    "llm": ("LLMPredictor", "chat_complete"),
    "postprocess": ("HtmlIndexPostprocessor",),
    "render": ("as_dict", "to_markdown", "to_text"),
    "segmenting": ("segment_html",),
    "semantic": ("EmbeddingQE",),
    "stored": ("Address", "addresses_at"),
    "trained": ("TrainedME",),
    "types": (
        *("Extraction", "Limits", "Page", "PageTimeout", "PageTooLarge", "PartitionOptions", "Prediction"),
        *("Predictor", "Segment"),
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Address",
    "EmbeddingQE",
    "Extraction",
    "HeuristicME",
    "HtmlIndexPostprocessor",
    "HybridQE",
    "IndexParseError",
    "IntervalSet",
    "LLMPredictor",
    "LexicalQE",
    "Limits",
    "Page",
    "PageTimeout",
    "PageTooLarge",
    "PartitionOptions",
    "Prediction",
    "Predictor",
    "Segment",
    "TrainedME",
    "addresses_at",
    "as_dict",
    "chat_complete",
    "extract_main",
    "extract_relevant",
    "parse_indices",
    "segment_html",
    "to_markdown",
    "to_text",
]


def __getattr__(name: str) -> Any:
    """Load a public name from the module that holds it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
