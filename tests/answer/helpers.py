"""Small corpora, and an embedder of word counts that needs no model."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from ragkit.text.tokens import words
from ragkit.types import Answer, Document, Hit, Hits, Query, check_citations


class WordCounts:
    """Vectors that count hashed words; texts that share words are alike."""

    fingerprint = "word counts"
    dim = 512

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        vectors = np.full((len(texts), self.dim), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                vectors[row, zlib.crc32(word.encode("utf-8", "surrogatepass")) % self.dim] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def documents(pages: Mapping[str, str]) -> dict[str, Document]:
    """One document per title."""
    return {
        title: Document(id=title, text=text, source=f"{title}.md", metadata={"title": title})
        for title, text in pages.items()
    }


def hits(question: str, pages: Mapping[str, str]) -> Hits:
    """All pages as hits, in their order."""
    chunks = [document.chunk(0, len(document.text)) for document in documents(pages).values()]
    return Hits(Query(question), tuple(Hit(chunk, 1.0 - 0.01 * rank) for rank, chunk in enumerate(chunks)))


def assert_exact(answer: Answer, pages: Mapping[str, str]) -> None:
    """Every citation stands where it says."""
    check_citations(answer.citations, documents(pages))
