"""Putting hits in a better order by a closer look at each: at its words and sentences, or with a cross-encoder."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from ragkit.components import Between
from ragkit.errors import InvalidValueError, ModelError
from ragkit.models.cross_encoders import load_cross_encoder, read_pairs
from ragkit.models.embedders import DEFAULT_MODEL, load_embedder
from ragkit.retrieve.vectors import RememberedVectors
from ragkit.text.heads import indexed_text
from ragkit.text.sentences import sentence_spans
from ragkit.text.tokens import words
from ragkit.types import Chunk, Hit, Hits, Query

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from ragkit.components import Embedder

LEXICAL = "lexical"
# What rank r was worth is 11 / (10 + r): 1 for the first, half for the twelfth.
RANK_CONSTANT = 10

Finding = dict[str, Any]  # "score", and what it is made of


class Rerank:
    """Looks closer at each hit: at the question's words and the nearest sentence in it, or with a cross-encoder.

    "lexical" needs no model but the embedder. It looks at the first `depth` hits; the score is the weighted mean of
    what a hit's rank was worth (`prior`), the share of the question's words it holds, counting more those that few hits
    hold (`lexical`), and the cosine of its nearest sentence (`semantic`), the latter two scaled to 0..1 over the hits.
    Any other `model` is a cross-encoder by folder or name, as sentence-transformers loads it; it reads them all.
    """

    def __init__(
        self,
        model: str = LEXICAL,
        embedder: str | Embedder | Embeddings = DEFAULT_MODEL,
        depth: Annotated[int, Between(1, 1000)] = 20,
        prior: Annotated[float, Between(0, 100)] = 1.0,
        lexical: Annotated[float, Between(0, 100)] = 1.0,
        semantic: Annotated[float, Between(0, 100)] = 1.0,
    ) -> None:
        if not model.strip():
            raise InvalidValueError(f"rerank: the model's name is empty; use {LEXICAL!r} or a cross-encoder")
        total = prior + lexical + semantic
        if total <= 0:
            raise InvalidValueError("rerank: one of the weights prior, lexical and semantic must be above 0")
        self.model, self.embedder, self.depth = model, embedder, depth
        self.prior, self.lexical, self.semantic = prior / total, lexical / total, semantic / total
        self._vectors: RememberedVectors | None = None
        self._lock = threading.Lock()

    def rerank(self, hits: Hits) -> Hits:
        """All the hits, in the new order; `why` tells the parts of each score.

        Raises `ModelError` when a model is missing or fails.
        """
        if not len(hits):
            return hits
        found = self._looked_at(hits) if self.model == LEXICAL else self._read(hits)
        order = sorted(zip(found, hits, strict=True), key=lambda pair: (-pair[0]["score"], pair[1].chunk.id))
        return Hits(hits.query, tuple(_noted(hit, one, rank) for rank, (one, hit) in enumerate(order, 1)), hits.trace)

    # -- lexical ------------------------------------------------------------------------------------------------------

    def _looked_at(self, hits: Hits) -> list[Finding]:
        chunks = hits.chunks[: self.depth]
        shares = _shares(hits.query, chunks) if self.lexical else [0.0] * len(chunks)
        nearest = self._nearest(hits.query, chunks) if self.semantic else [(0.0, "")] * len(chunks)
        lexical, semantic = _scaled(shares), _scaled([cosine for cosine, _ in nearest])
        found: list[Finding] = []
        for place in range(len(hits)):
            rank_worth = (1 + RANK_CONSTANT) / (1 + RANK_CONSTANT + place)
            one: Finding = {"score": self.prior * rank_worth}
            # A hit that was not looked at thereby stays below all that were, as its rank is worth less.
            if place < len(chunks):
                one["score"] += self.lexical * lexical[place] + self.semantic * semantic[place]
                one |= {"words": shares[place], "cosine": nearest[place][0], "sentence": nearest[place][1]}
            found.append(one)
        return found

    def _nearest(self, query: Query, chunks: Sequence[Chunk]) -> list[tuple[float, str]]:
        """The greatest cosine of a sentence of each chunk with the question, and that sentence."""
        embedder = load_embedder(self.embedder)
        with self._lock:
            if self._vectors is None:
                self._vectors = RememberedVectors(embedder)
        sentences = [[chunk.text[start:end] for start, end in sentence_spans(chunk.text)] for chunk in chunks]
        texts = [_under(chunk, one) for chunk, some in zip(chunks, sentences, strict=True) for one in some]
        question = embedder.embed([query.text], query=True)[0]
        cosines = iter((self._vectors.of(texts) @ question).astype(float).round(6).tolist())
        best: list[tuple[float, str]] = []
        for some in sentences:
            scored = [(next(cosines), one) for one in some]
            best.append(max(scored, key=lambda pair: pair[0], default=(-1.0, "")))
        return best

    # -- cross-encoder ------------------------------------------------------------------------------------------------

    def _read(self, hits: Hits) -> list[Finding]:
        pairs = [(hits.query.text, indexed_text(chunk)) for chunk in hits.chunks]
        about = [f"chunk {chunk.id!r}" for chunk in hits.chunks]
        scores = read_pairs(self._loaded(), self.model, pairs, about, show_progress_bar=False)
        return [{"score": score, "model": self.model} for score in scores]

    def _loaded(self) -> Any:
        try:
            return load_cross_encoder(self.model)
        except ModelError as error:
            raise ModelError(f"{error}; {LEXICAL!r} needs no model") from error


def _shares(query: Query, chunks: Sequence[Chunk]) -> list[float]:
    """How much of the question's words each chunk holds, 0..1; words that few of the chunks hold count more."""
    asked = dict.fromkeys(words(query.text))
    held = [asked.keys() & set(words(indexed_text(chunk))) for chunk in chunks]
    weights = {word: _weight(sum(word in some for some in held), len(held)) for word in asked}
    total = math.fsum(weights.values()) or 1.0
    return [math.fsum(weights[word] for word in some) / total for some in held]


def _weight(holding: int, all: int) -> float:
    return math.log(1 + (all - holding + 0.5) / (holding + 0.5))


def _scaled(values: Sequence[float]) -> list[float]:
    """Values scaled to 0..1; equal ones are 1."""
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 1.0 for value in values]


def _under(chunk: Chunk, sentence: str) -> str:
    return f"{chunk.head}\n{sentence}" if chunk.head else sentence


def _noted(hit: Hit, found: Mapping[str, Any], rank: int) -> Hit:
    return Hit(hit.chunk, found["score"], {**hit.why, "rerank": {"rank": rank, **found}})
