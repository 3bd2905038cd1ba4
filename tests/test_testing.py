"""The contract tests must catch stages that break their promises."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ragkit import testing
from ragkit.components import Derived, Shelf
from ragkit.errors import StoreError
from ragkit.models.embedders import load_embedder
from ragkit.retrieve.bm25 import BM25
from ragkit.testing import MemoryShelf, sample_chunks
from ragkit.text.tokens import words
from ragkit.types import Answer, Chunk, Citation, Document, Hit, Hits, Query


class Common:
    """An index in memory that counts common words; right as it is."""

    def __init__(self) -> None:
        self.chunks: dict[str, Chunk] = {}

    def add(self, chunks: Sequence[Chunk]) -> None:
        self.chunks.update((chunk.id, chunk) for chunk in chunks)

    def remove(self, chunk_ids: Iterable[str]) -> None:
        for id in chunk_ids:
            self.chunks.pop(id, None)

    def search(self, query: Query, k: int) -> Hits:
        from ragkit.filters import matches

        asked = set(words(query.text))
        seen = [chunk for chunk in self.chunks.values() if matches(chunk.metadata, query.filter)]
        scored = [(len(asked & set(words(chunk.text))), chunk) for chunk in seen]
        scored = sorted(((n, c) for n, c in scored if n), key=lambda pair: (-pair[0], pair[1].id))
        return Hits(query, tuple(Hit(c, float(n), {"common": {"rank": 1}}) for n, c in scored[:k]))


def test_an_index_that_keeps_its_promises_passes() -> None:
    testing.check_index(Common)


class ForgetsNothing(Common):
    def remove(self, chunk_ids: Iterable[str]) -> None:
        pass


class IgnoresFilter(Common):
    def search(self, query: Query, k: int) -> Hits:
        return replace(super().search(Query(query.text), k), query=query)


class GivesTooMany(Common):
    def search(self, query: Query, k: int) -> Hits:
        return super().search(query, k + 1)


class SaysNotWhy(Common):
    def search(self, query: Query, k: int) -> Hits:
        return Hits(query, tuple(replace(hit, why={}) for hit in super().search(query, k)))


class FirstComeFirstServed(Common):
    def search(self, query: Query, k: int) -> Hits:
        places = {id: place for place, id in enumerate(self.chunks)}
        return super().search(query, 100).rescored(lambda hit: -places[hit.chunk.id], "common").best(k)


@pytest.mark.parametrize(
    ("index", "promise"),
    [
        (ForgetsNothing, "what a fresh index would hold"),
        (IgnoresFilter, "filter is honoured"),
        (GivesTooMany, "at most k hits"),
        (SaysNotWhy, "which stage found it"),
        (FirstComeFirstServed, "what a fresh index would hold"),
    ],
)
def test_an_index_that_breaks_a_promise_is_caught(index: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        testing.check_index(index)


class LooksAround(BM25):
    def derive(self, chunks: Sequence[Chunk]) -> list[Derived]:
        return [replace(row, note=str(len(chunks))) for row in super().derive(chunks)]


class ReadsAlways(BM25):
    def open(self, shelf: Shelf) -> None:
        shelf.rows()
        super().open(shelf)


@pytest.mark.parametrize(
    ("index", "promise"), [(LooksAround, "depends on no other chunk"), (ReadsAlways, "open reads no rows")]
)
def test_a_stored_index_that_breaks_a_promise_is_caught(index: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        testing.check_index(index)


class Halves:
    def chunk(self, document: Document) -> list[Chunk]:
        middle = len(document.text) // 2
        spans = [(0, middle), (middle, len(document.text))]
        return [document.chunk(a, b) for a, b in spans if document.text[a:b].strip()]


class FirstHalf(Halves):
    def chunk(self, document: Document) -> list[Chunk]:
        return super().chunk(document)[:1]


class Backwards(Halves):
    def chunk(self, document: Document) -> list[Chunk]:
        return super().chunk(document)[::-1]


def test_a_chunker_is_held_to_its_promises() -> None:
    testing.check_chunker(Halves)
    with pytest.raises(AssertionError, match="every character but white space"):
        testing.check_chunker(FirstHalf)
    with pytest.raises(AssertionError, match="in the order of the text"):
        testing.check_chunker(Backwards)


class Scaled:
    """The test embedder with something wrong about it."""

    fingerprint, dim = "scaled", 256

    def __init__(self, factor: Any) -> None:
        self.factor = factor

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        return load_embedder("hash").embed(texts) * self.factor


@pytest.mark.parametrize(
    ("factor", "promise"),
    [(np.float32(2), "unit length"), (np.float64(1), "float32"), (np.float32(np.nan), "no NaN")],
)
def test_an_embedder_that_breaks_a_promise_is_caught(factor: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        testing.check_embedder(lambda: Scaled(factor))


def test_a_reranker_that_makes_up_chunks_is_caught() -> None:
    class Inventive:
        def rerank(self, hits: Hits) -> Hits:
            return Hits(hits.query, (*hits.items, Hit(Document("new", "text").chunk(0, 4), -1.0)))

    with pytest.raises(AssertionError, match="no chunk is added"):
        testing.check_reranker(Inventive)


def test_an_answerer_that_misquotes_is_caught() -> None:
    class Sloppy:
        def answer(self, hits: Hits) -> Answer:
            cited = tuple(Citation(c.document_id, c.source, 0, 4, "fake") for c in hits.chunks[:1])
            return Answer("fake", cited, hits, found=bool(cited))

    with pytest.raises(AssertionError, match="the quote 'fake' stands in the hits"):
        testing.check_answerer(Sloppy)


def test_the_shelf_in_memory_is_a_shelf() -> None:
    shelf = MemoryShelf(BM25())
    assert isinstance(shelf, Shelf)
    assert shelf.live().tolist() == []


def test_slots_and_text_ids_are_never_used_again() -> None:
    shelf = MemoryShelf(BM25())
    chunks = sample_chunks()
    shelf.add(chunks[:2])
    known = shelf.find(["ada", "engine", "moth"]).tolist()
    shelf.remove([chunks[0].id])
    shelf.add([chunks[3], chunks[1]])
    assert shelf.live().tolist() == [3, 4]
    assert shelf.find(["ada", "engine"]).tolist() == known[:2]
    assert known[2] == -1
    assert shelf.texts(shelf.find(["moth"])) == ["moth"]
    assert shelf.chunk_ids([4, 3]) == [chunks[1].id, chunks[3].id]
    assert shelf.matching({"source": "hopper.md"}).tolist() == [3]


def test_rows_are_those_of_the_slots_asked_for_in_ascending_order() -> None:
    shelf = MemoryShelf(BM25())
    shelf.add(sample_chunks())
    rows = shelf.rows(np.array([5, 2]))
    assert rows.slots.tolist() == [2, 5]
    second = rows.texts[rows.text_starts[1] : rows.text_starts[2]]
    assert sorted(shelf.texts(second)) == sorted(set(words(sample_chunks()[4].text)))
    assert len(rows.data) == rows.data_starts[-1]


def test_a_slot_without_a_chunk_is_an_error() -> None:
    with pytest.raises(StoreError, match="slot 7 holds no live chunk"):
        MemoryShelf(BM25()).chunks([7])


def test_an_index_without_an_embedder_has_no_vectors() -> None:
    with pytest.raises(StoreError, match="no embedder"):
        MemoryShelf(BM25()).vectors([1])
