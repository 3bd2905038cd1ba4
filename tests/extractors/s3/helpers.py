"""A backend whose vectors are drawn from the words themselves, and autoencoders made by hand."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

import numpy as np

from ragkit.extractors.s3.backend import QueryActs, Scanned, SpaceInfo, checked
from ragkit.extractors.s3.sae import Autoencoder

D = 16


def vector_of(word: str, d: int = D) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(word.lower().encode())).standard_normal(d).astype(np.float32)


class WordBackend:
    """Every run of word characters is a token; its vector depends on nothing but the word, and comes in chunks."""

    def __init__(
        self, chunk: int = 64, spaces: tuple[str, ...] = ("words",), heads: int = 0, known: bool = True
    ) -> None:
        self.chunk, self.names, self.heads, self.known = chunk, spaces, heads, known

    def spaces(self) -> list[SpaceInfo]:
        return [SpaceInfo(name, D, self.heads, 1.0) for name in self.names]

    def fingerprint(self) -> str:
        return f"words of {D}"

    def vectors(self, words: list[str]) -> np.ndarray:
        return np.array([vector_of(word) for word in words], dtype=np.float32).reshape(-1, D)

    def scan(self, text: str) -> Iterator[Scanned]:
        found = list(re.finditer(r"\w+", text))
        for start in range(0, len(found), self.chunk):
            part = found[start : start + self.chunk]
            vectors = checked(self.vectors([match[0] for match in part]), self.names[0], start)
            offsets = np.array([match.span() for match in part], dtype=np.int64)
            yield Scanned(start, offsets, {name: vectors for name in self.names}, len(found) if self.known else 0)

    def encode_query(self, text: str) -> QueryActs:
        words = re.findall(r"\w+", text)
        keys = {name: self.vectors(words) for name in self.names}
        queries = (
            {name: np.repeat(one[:, None], self.heads, axis=1) for name, one in keys.items()} if self.heads else {}
        )
        return QueryActs(words, keys, queries)

    def close(self) -> None:
        pass


def random_sae(features: int = 64, k: int = 4, d: int = D, seed: int = 0, **named: str) -> Autoencoder:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((features, d)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Autoencoder(
        W_enc=np.ascontiguousarray(rows.T), b_enc=rng.normal(0, 0.05, features).astype(np.float32), W_dec=rows,
        b_dec=rng.normal(0, 0.05, d).astype(np.float32), mean=rng.normal(0, 0.1, d).astype(np.float32), scale=1.3, k=k,
        **named,
    )  # fmt: skip


def exact_sae(d: int = D, **named: str) -> Autoencoder:
    """Features are the coordinates and their negatives, all kept: nothing is lost."""
    rows = np.concatenate([np.eye(d), -np.eye(d)]).astype(np.float32)
    nothing = np.zeros(d, dtype=np.float32)
    return Autoencoder(
        W_enc=np.ascontiguousarray(rows.T), b_enc=np.zeros(2 * d, dtype=np.float32), W_dec=rows, b_dec=nothing,
        mean=nothing, scale=1.0, k=2 * d, **named,
    )  # fmt: skip
