"""An embedder that remembers the sentences it has embedded: the same ones come up question after question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit.retrieve.vectors import RememberedVectors

if TYPE_CHECKING:
    from ragkit.components import Embedder, Vectors


class Remembering:
    """The same vectors as the embedder gives, those of the latest texts kept."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._kept = RememberedVectors(embedder)

    @property
    def fingerprint(self) -> str:
        """Names the model exactly."""
        return self._embedder.fingerprint

    @property
    def dim(self) -> int:
        """The size of its vectors; asking may load the model."""
        return self._embedder.dim

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """One unit vector per text, float32 (n, dim). Raises `ModelError` when the model fails."""
        return self._embedder.embed(texts, query=True) if query else self._kept.of(texts)
