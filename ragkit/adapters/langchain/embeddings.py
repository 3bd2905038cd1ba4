"""ragkit's embedders as LangChain `Embeddings`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from ragkit.models.embedders import DEFAULT_MODEL, load_embedder

if TYPE_CHECKING:
    from ragkit.components import Embedder


class RagkitEmbeddings(Embeddings):
    """Unit vectors by "minilm" (packaged, checked), "static", or any name or object `load_embedder` takes."""

    def __init__(self, model: str | Embedder = DEFAULT_MODEL) -> None:
        self.embedder = load_embedder(model)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text. Raises `ModelError` naming a text that cannot be embedded."""
        return [[float(value) for value in vector] for vector in self.embedder.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        return [float(value) for value in self.embedder.embed([text], query=True)[0]]
