"""S³-Attention: retrieval of evidence from a long text by a model's own sparse features.

    from ragkit.extractors.s3 import LongText

    text = LongText(open("report.txt").read())
    for span in text.find("Who paid for the bridge?", budget=256):
        print(span.start, span.end, span.text)

Idea: arXiv 2601.17702. Names load their modules when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Autoencoder": "sae",
    "Backend": "backend",
    "CausalBackend": "causal",
    "EncoderBackend": "encoder",
    "EvidenceSpan": "longtext",
    "Index": "index",
    "LongText": "longtext",
    "SAEConfig": "train",
    "Scoring": "features",
    "Search": "longtext",
    "Settings": "fusion",
    "convert_gguf": "gguf",
    "load_folder": "shipped",
    "probe": "probe",
    "scan": "scan",
    "select_heads": "heads",
    "shipped": "shipped",
    "train_sae": "train",
}
__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
