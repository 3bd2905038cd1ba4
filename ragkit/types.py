"""The values that flow through a pipeline: Document -> Chunk -> Hit -> Answer.

Every value is frozen and leads back to characters of a source: a `Chunk` knows where it stands in its
`Document`, a `Citation` where its quote stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ragkit.errors import InvalidValueError

Metadata = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document is read from: a path or URL, or a text given directly (then `text` is set)."""

    name: str
    text: str | None = None
    media_type: str | None = None
    metadata: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidValueError("a source needs a name (a path, a URL or any label); it was empty")


@dataclass(frozen=True, slots=True)
class Document:
    """A text and where it came from. Every offset in ragkit counts characters of `text`.

    `metadata["title"]`, when set, is the document's title; chunkers and indexes use it. `raw` is what a loader read the
    text from where an extractor may read it better (the bytes of an HTML page); stores do not keep it.
    """

    id: str
    text: str
    source: str = ""
    media_type: str = "text/plain"
    metadata: Metadata = field(default_factory=dict)
    raw: bytes | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidValueError(f"a document needs an id; it was empty (source {self.source!r})")

    @property
    def title(self) -> str:
        """The title in the metadata, else an empty string."""
        return str(self.metadata.get("title") or "")

    def chunk(self, start: int, end: int, metadata: Metadata | None = None) -> Chunk:
        """The chunk of characters `start` to `end`; this is the way to make chunks, as it cannot misplace them.

        Raises `InvalidValueError` when the offsets lie outside the text or enclose nothing.
        """
        if not 0 <= start < end <= len(self.text):
            raise InvalidValueError(
                f"chunk [{start}:{end}] does not lie in document {self.id!r} of {len(self.text)} characters"
            )
        return Chunk(
            id=f"{self.id}#{start}-{end}",
            document_id=self.id,
            start=start,
            end=end,
            text=self.text[start:end],
            metadata={**self.metadata, "source": self.source, **(metadata or {})},
        )

    def span(self, start: int, end: int) -> Span:
        """The span of characters `start` to `end`, checked against the text."""
        if not 0 <= start <= end <= len(self.text):
            raise InvalidValueError(
                f"span [{start}:{end}] does not lie in document {self.id!r} of {len(self.text)} characters"
            )
        return Span(self.id, start, end)

    def check(self, chunks: Sequence[Chunk]) -> None:
        """Raise `InvalidValueError` unless every chunk is exactly the piece of this document it says it is."""
        for chunk in chunks:
            if chunk.document_id != self.id or self.text[chunk.start : chunk.end] != chunk.text:
                raise InvalidValueError(
                    f"chunk {chunk.id!r} is not characters {chunk.start} to {chunk.end} of document {self.id!r}; "
                    "make chunks with document.chunk(start, end)"
                )


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` to `end` (half open) of one document."""

    document_id: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise InvalidValueError(f"span [{self.start}:{self.end}] of {self.document_id!r} runs backwards")

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: `document.text[start:end] == text`.

    `metadata` is the document's own, plus `source`, and what the chunker adds (`heading`, `page`, …).
    """

    id: str
    document_id: str
    start: int
    end: int
    text: str
    metadata: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidValueError(f"a chunk of document {self.document_id!r} has an empty id")
        if self.start < 0 or self.end - self.start != len(self.text):
            raise InvalidValueError(
                f"chunk {self.id!r}: offsets [{self.start}:{self.end}] do not fit its text of "
                f"{len(self.text)} characters; make chunks with document.chunk(start, end)"
            )

    @property
    def source(self) -> str:
        """The path, URL or label of the document it was cut from."""
        return str(self.metadata.get("source") or self.document_id)

    @property
    def head(self) -> str:
        """What the chunk is about: the document's title, else its nearest heading, else an empty string."""
        return str(self.metadata.get("title") or self.metadata.get("heading") or "")

    @property
    def span(self) -> Span:
        """The chunk's place."""
        return Span(self.document_id, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Query:
    """A question, with an optional metadata filter (see `ragkit.filters`) that every index honours."""

    text: str
    filter: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise InvalidValueError(f"a question is a text, not a {type(self.text).__name__}")
        if not self.text.strip():
            raise InvalidValueError("the question is empty; ask something")


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found for a query. `why` tells which stages found it: `{stage name: {"rank": …, "score": …, …}}`."""

    chunk: Chunk
    score: float
    why: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.score != self.score:
            raise InvalidValueError(f"the score of chunk {self.chunk.id!r} is NaN")


@dataclass(frozen=True, slots=True)
class Hits:
    """Chunks found for a query, best first, each chunk once."""

    query: Query
    items: tuple[Hit, ...] = ()
    trace: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", tuple(self.items))
        seen: set[str] = set()
        for before, hit in zip((None, *self.items), self.items, strict=False):
            if hit.chunk.id in seen:
                raise InvalidValueError(f"chunk {hit.chunk.id!r} stands twice in the hits for {self.query.text!r}")
            if before is not None and hit.score > before.score:
                raise InvalidValueError(
                    f"hits are not ordered best first: {hit.chunk.id!r} ({hit.score}) follows "
                    f"{before.chunk.id!r} ({before.score})"
                )
            seen.add(hit.chunk.id)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> Hit:
        return self.items[place]

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The chunks in order."""
        return tuple(hit.chunk for hit in self.items)

    def best(self, k: int) -> Hits:
        """The first `k` hits."""
        return replace(self, items=self.items[: max(0, k)])

    def rescored(self, score: Callable[[Hit], float], stage: str = "") -> Hits:
        """The same hits with new scores, put in the new order (ties by chunk id).

        With a `stage` name the new rank and score are noted in each hit's `why`.
        """
        scored = sorted(((float(score(hit)), hit) for hit in self.items), key=lambda pair: (-pair[0], pair[1].chunk.id))
        return replace(
            self, items=tuple(_rescored(hit, value, stage, rank) for rank, (value, hit) in enumerate(scored, 1))
        )


def _rescored(hit: Hit, score: float, stage: str, rank: int) -> Hit:
    why = {**hit.why, stage: {"rank": rank, "score": score}} if stage else hit.why
    return replace(hit, score=score, why=why)


@dataclass(frozen=True, slots=True)
class Citation:
    """An exact quote: characters `start` to `end` of a document."""

    document_id: str
    source: str
    start: int
    end: int
    quote: str

    def __post_init__(self) -> None:
        if self.start < 0 or self.end - self.start != len(self.quote) or not self.quote:
            raise InvalidValueError(
                f"citation [{self.start}:{self.end}] of {self.source!r} does not fit its quote of "
                f"{len(self.quote)} characters"
            )

    @property
    def span(self) -> Span:
        """The quote's place."""
        return Span(self.document_id, self.start, self.end)

    @classmethod
    def of(cls, chunk: Chunk, start: int, end: int) -> Citation:
        """Cite characters `start` to `end` *of the chunk's text*; the offsets become those of its document.

        Raises `InvalidValueError` when they enclose nothing or lie outside.
        """
        if not 0 <= start < end <= len(chunk.text):
            raise InvalidValueError(
                f"[{start}:{end}] does not lie in chunk {chunk.id!r} of {len(chunk.text)} characters"
            )
        quote = chunk.text[start:end]
        return cls(chunk.document_id, chunk.source, chunk.start + start, chunk.start + end, quote)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens a chat model consumed; zero when none was asked."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.calls + other.calls,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that can be checked. `found` is False, and `text` says so, when the sources do not hold one.

    `short` is the answer phrase when the question's type let one be picked ("London", "yes", "1987"), else "".
    `trace` lists what each stage did, in order.
    """

    text: str
    citations: tuple[Citation, ...]
    hits: Hits
    found: bool = True
    short: str = ""
    usage: Usage = field(default_factory=Usage)
    trace: tuple[Metadata, ...] = ()

    def __str__(self) -> str:
        return self.text


def check_citations(citations: Iterable[Citation], documents: Mapping[str, Document]) -> None:
    """Raise `InvalidValueError` unless each quote stands in its document where the citation says."""
    for citation in citations:
        document = documents.get(citation.document_id)
        if document is None or document.text[citation.start : citation.end] != citation.quote:
            raise InvalidValueError(
                f"the quote {citation.quote[:60]!r} does not stand at [{citation.start}:{citation.end}] "
                f"of {citation.source!r}"
            )
