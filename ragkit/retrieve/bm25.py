"""The lexical index: BM25 over the words of each chunk and of its title or heading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from ragkit.components import Between, Derived
from ragkit.retrieve.ranking import allowed, as_hits, best
from ragkit.text.heads import indexed_text
from ragkit.text.tokens import words
from ragkit.types import Chunk, Hits, Query

if TYPE_CHECKING:
    from ragkit.components import Embedder, Shelf
    from ragkit.retrieve.postings import Counts, Postings

REMEMBERED_WORDS = 50_000


class BM25:
    """Finds chunks by the words they share with the question, rare words counting most (BM25).

    `k1` bounds what repetition adds, `b` is how much long chunks are held back, `epsilon` the share of the mean word
    weight that words in more than half of the chunks get. Only chunks with a word of the question are found.
    """

    embedder: Embedder | None = None
    fingerprint = "bm25 words 1"  # rows hold counts only, so k1, b and epsilon may change without building again

    def __init__(
        self,
        k1: Annotated[float, Between(0, 100)] = 1.5,
        b: Annotated[float, Between(0, 1)] = 0.75,
        epsilon: Annotated[float, Between(0, 1)] = 0.25,
    ) -> None:
        self.k1, self.b, self.epsilon = k1, b, epsilon
        self._opened: _Opened | None = None

    def derive(self, chunks: Sequence[Chunk]) -> list[Derived]:
        """The distinct words of each chunk, and how often they stand in it."""
        counted = [sorted(Counter(words(indexed_text(chunk))).items()) for chunk in chunks]
        return [Derived(terms=tuple(w for w, _ in row), data=tuple(n for _, n in row)) for row in counted]

    def open(self, shelf: Shelf) -> None:
        """Read the rows that are new and forget those that are gone; nothing when nothing changed."""
        from ragkit.retrieve.postings import Counts, Postings

        before, generation = self._opened, shelf.generation
        if before is not None and before.shelf is shelf and before.generation == generation:
            return
        if before is None or before.shelf is not shelf:
            counts = Counts.of(shelf.rows())
        else:
            counts = _refreshed(before.counts, shelf)
            if counts is before.counts:
                self._opened = _Opened(shelf, generation, counts, before.postings)
                return
        self._opened = _Opened(shelf, generation, counts, Postings.of(counts, self.k1, self.b, self.epsilon))

    def search(self, query: Query, k: int) -> Hits:
        """The best `k` chunks that hold a word of the question and pass its filter."""
        opened = self._opened
        if opened is None:
            raise RuntimeError("bm25 was not opened; call open(shelf) before search")
        asked = Counter(words(query.text))
        scores, rows = opened.postings.scores(opened.find(list(asked)), list(asked.values()))
        passing = allowed(query, opened.shelf, opened.postings.slots)
        if passing is not None:
            rows = rows[passing[rows]]
        slots, found = opened.postings.slots[rows], scores[rows]
        places = best(found, k, lambda places: opened.shelf.chunk_ids(slots[places]))
        return as_hits(query, opened.shelf, slots[places], found[places].tolist(), "bm25")


class _Opened:
    """One state of the store, as far as it has been read; replaced as a whole, never changed."""

    def __init__(self, shelf: Shelf, generation: int, counts: Counts, postings: Postings) -> None:
        self.shelf, self.generation, self.counts, self.postings = shelf, generation, counts, postings
        self._ids: dict[str, int] = {}

    def find(self, asked: Sequence[str]) -> list[int]:
        """The text ids of words, -1 where unknown; remembered, as questions share many words."""
        new = [word for word in asked if word not in self._ids]
        if new:
            if len(self._ids) > REMEMBERED_WORDS:
                self._ids = {}
                new = list(asked)
            self._ids = {**self._ids, **dict(zip(new, self.shelf.find(new).tolist(), strict=True))}
        return [self._ids[word] for word in asked]


def _refreshed(counts: Counts, shelf: Shelf) -> Counts:
    import numpy as np

    live = shelf.live()
    new = np.setdiff1d(live, counts.slots, assume_unique=True)
    if not len(new) and len(live) == len(counts.slots):
        return counts
    return counts.refreshed(live, shelf.rows(new))


def score_texts(query: str, texts: Sequence[str]) -> list[float]:
    """BM25 scores of a few texts among themselves, by `rank_bm25`, for sets that have no index.

    >>> score_texts("red fox", ["a red fox", "a grey wolf", "a red car", "one blue bird"])[1]
    0.0
    """
    from rank_bm25 import BM25Okapi

    split = [words(text) for text in texts]
    if not any(split):  # the library divides by the mean length
        return [0.0] * len(texts)
    return [float(score) for score in BM25Okapi(split).get_scores(words(query))]
