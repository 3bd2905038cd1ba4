"""The roles a stage can play, as protocols, and what each takes and gives.

A stage is any class with the one method of its role (`rerank`, `chunk`, …); there is nothing to inherit from.
Construction is cheap and reads nothing: models are loaded on first use.

| role | method | lane | takes -> gives |
|---|---|---|---|
| Loader | load | build | Source -> Document |
| Extractor | extract | build | Document -> Document |
| Chunker | chunk | build | Document -> Chunk |
| Enricher | enrich | build | Chunk -> Chunk |
| Index | add, remove, search | both | Chunk -> (index), Query -> Hits |
| StoredIndex | derive, open, search | both | Chunk -> (index), Query -> Hits |
| Retriever | search | ask | Query -> Hits |
| Rewriter | rewrite | ask | Query -> Query |
| Reranker | rerank | ask | Hits -> Hits |
| Answerer | answer | ask | Hits -> Answer |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from ragkit.types import Answer, Chunk, Document, Hits, Metadata, Query, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]  # (n, d), unit length
    Ints = NDArray[np.int64]


@runtime_checkable
class Loader(Protocol):
    """Reads documents from a source. Raises `LoadError` naming the source when it cannot."""

    def load(self, source: Source) -> Iterator[Document]: ...


@runtime_checkable
class Extractor(Protocol):
    """Makes a document of a document: another text, more metadata."""

    def extract(self, document: Document) -> Document: ...


@runtime_checkable
class Chunker(Protocol):
    """Cuts a document into chunks, with `document.chunk(start, end)`."""

    def chunk(self, document: Document) -> Sequence[Chunk]: ...


@runtime_checkable
class Enricher(Protocol):
    """Adds metadata to the chunks of one document; their offsets stay."""

    def enrich(self, chunks: Sequence[Chunk]) -> Sequence[Chunk]: ...


@runtime_checkable
class Rewriter(Protocol):
    """Makes a better query of a query."""

    def rewrite(self, query: Query) -> Query: ...


@runtime_checkable
class Retriever(Protocol):
    """Finds chunks. Returns at most `k` hits, best first; k = 0 gives none.

    One whose hits are cut from documents of its own may have `document(id)`, which gives such a document or None.
    """

    def search(self, query: Query, k: int) -> Hits: ...


@runtime_checkable
class Index(Retriever, Protocol):
    """A retriever that is filled with chunks and lives in memory; it is filled anew when a store is opened."""

    def add(self, chunks: Sequence[Chunk]) -> None: ...

    def remove(self, chunk_ids: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Derived:
    """What a `StoredIndex` derives from one chunk, kept in the store beside it.

    `texts` and `terms` are interned: the store gives each distinct text one integer for ever, so rows hold integers
    only. With an embedder every one of `texts` (not of `terms`) also gets a vector, computed once. `data` is the
    index's own, int32; numbers in it that refer to texts do so by position, terms counting on after texts.
    `note` is JSON read only for explanations.
    """

    texts: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    data: tuple[int, ...] = ()
    note: str = ""


@dataclass(slots=True)
class Rows:
    """The derived rows of many chunks, concatenated: row i belongs to chunk `slots[i]`.

    `texts[text_starts[i]:text_starts[i + 1]]` are the ids of row i's texts and then terms, likewise `data`. Slots grow
    with every chunk ever added and are never used again.
    """

    slots: Ints
    texts: Ints
    text_starts: Ints
    data: Ints
    data_starts: Ints


@runtime_checkable
class Shelf(Protocol):
    """What a store shows one `StoredIndex`: its own rows, and the texts, vectors and chunks of everybody."""

    @property
    def generation(self) -> int:
        """A number that differs whenever the store's documents have changed."""
        ...

    def kept(self) -> Mapping[str, NDArray[Any]]:
        """The arrays that were kept at this generation, by name; empty when there are none."""
        ...

    def keep(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays that took long to make, for the next opening; a store may decline."""
        ...

    def live(self) -> Ints:
        """The slots of all live chunks, ascending."""
        ...

    def rows(self, slots: Ints | None = None) -> Rows:
        """The rows of these slots (ascending), or of all live ones."""
        ...

    def notes(self, slots: Sequence[int]) -> list[str]:
        """The notes of these slots, in their order."""
        ...

    def find(self, texts: Sequence[str]) -> Ints:
        """The ids of these texts, -1 where unknown."""
        ...

    def texts(self, ids: Sequence[int] | Ints) -> list[str]:
        """The texts of these ids, in their order."""
        ...

    def vectors(self, ids: Sequence[int] | Ints) -> Vectors:
        """The vectors of these text ids under the index's embedder, float32 (n, d), in their order."""
        ...

    def chunks(self, slots: Sequence[int] | Ints) -> list[Chunk]:
        """The chunks in these slots, in their order."""
        ...

    def chunk_ids(self, slots: Sequence[int] | Ints) -> list[str]:
        """Their ids, in their order; what ties are broken by."""
        ...

    def matching(self, filter: Metadata) -> Ints:
        """The slots of the live chunks whose metadata match the filter, ascending."""
        ...


@runtime_checkable
class StoredIndex(Retriever, Protocol):
    """An index whose rows live in the store, so that opening it computes no model again.

    `derive` must be a pure function of each chunk. `open` is called before searches whenever the store may have
    changed, with the same shelf; it must be cheap when `shelf.generation` is what it was. It only reads; an index that
    has something to write when chunks were added may also have `settle(shelf)`, called before it.
    """

    @property
    def fingerprint(self) -> str:
        """Names every setting and model the rows depend on, for people to read."""
        ...

    @property
    def embedder(self) -> Embedder | None:
        """Embeds the texts of its rows, or None when they need no vectors."""
        ...

    def derive(self, chunks: Sequence[Chunk]) -> list[Derived]: ...

    def open(self, shelf: Shelf) -> None: ...


@runtime_checkable
class Library(Protocol):
    """What a store shows a stage that needs more than hits: whole documents, and where they are kept.

    A stage of any role that has `attach(library)` is given it once, before it is used.
    """

    @property
    def path(self) -> str:
        """The file of the store; ":memory:" for one that is private to this process."""
        ...

    @property
    def generation(self) -> int:
        """A number that differs whenever the store's documents have changed."""
        ...

    def document(self, id: str) -> Document | None:
        """The stored document of this id, None when there is none."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Puts hits in a better order, and may drop or trim some."""

    def rerank(self, hits: Hits) -> Hits: ...


@runtime_checkable
class Answerer(Protocol):
    """Answers the hits' query from their chunks.

    An answerer may also have `stream(hits) -> Iterator[str | Answer]`: pieces of the text, then the answer.
    """

    def answer(self, hits: Hits) -> Answer: ...


@runtime_checkable
class Embedder(Protocol):
    """Texts to unit vectors. `fingerprint` names the model exactly; `dim` is the size of its vectors."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """One unit vector per text, float32 (n, d). Raises `ModelError` naming the text when one is NaN or zero."""
        ...


Lane = Literal["build", "both", "ask"]


@dataclass(frozen=True, slots=True)
class Role:
    """What a kind of stage takes and gives."""

    name: str
    methods: tuple[str, ...]
    lane: Lane
    takes: str
    gives: str


# Searched in this order: the first role all of whose methods a class has is its role.
ROLES = (
    Role("Index", ("derive", "open", "search"), "both", "Chunk", "Hits"),
    Role("Index", ("add", "remove", "search"), "both", "Chunk", "Hits"),
    Role("Retriever", ("search",), "ask", "Query", "Hits"),
    Role("Loader", ("load",), "build", "Source", "Document"),
    Role("Extractor", ("extract",), "build", "Document", "Document"),
    Role("Chunker", ("chunk",), "build", "Document", "Chunk"),
    Role("Enricher", ("enrich",), "build", "Chunk", "Chunk"),
    Role("Rewriter", ("rewrite",), "ask", "Query", "Query"),
    Role("Reranker", ("rerank",), "ask", "Hits", "Hits"),
    Role("Answerer", ("answer",), "ask", "Hits", "Answer"),
)


def role_of(component: type[Any]) -> Role | None:
    """The role a class plays by the methods it has, or None."""
    for role in ROLES:
        if all(callable(getattr(component, method, None)) for method in role.methods):
            return role
    return None


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a numeric parameter, inclusive: `k: Annotated[int, Between(1, 1000)] = 10`."""

    low: float
    high: float = field(default=float("inf"))
