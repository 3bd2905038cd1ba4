"""The build lane: documents in, chunks and derived rows into the store.

Work goes in batches of bounded size, so memory does not grow with the corpus. `prepare` touches no store and may run
in any `concurrent.futures.Executor`; writing happens here, one transaction a document.
"""

from __future__ import annotations

import functools
import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ragkit.components import Chunker, Derived, Embedder, Enricher, Extractor, StoredIndex
from ragkit.errors import InvalidValueError, ModelError, RagkitError, StoreError
from ragkit.pipeline.expression import Stage
from ragkit.registry import lookup
from ragkit.store.codec import pack
from ragkit.store.sqlite import IndexEntry, MissingVectorsError, SQLiteStore, Written
from ragkit.text.loaders.items import SkippedError
from ragkit.types import Chunk, Document

if TYPE_CHECKING:
    from ragkit.components import Vectors

log = logging.getLogger(__name__)

BATCH_DOCUMENTS = 64
BATCH_CHARACTERS = 40_000  # a few seconds of work, so that progress shows and little is lost
RAW_PER_CHARACTER = 100  # bytes an extractor reads count as so much less, since most of them are dropped
DERIVE_CHUNKS = 256  # chunks an index sees at once, so that one huge document stays within bounds too
IN_FLIGHT = 8  # batches handed to an executor before the first is waited for


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that could not be added, and why; `skipped` when it was left out because there is nothing in it."""

    source: str
    reason: str
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document cut and derived, not yet written. `derived` has one list per index, one entry per chunk."""

    document: Document
    chunks: tuple[Chunk, ...]
    derived: tuple[tuple[Derived, ...], ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """A document waiting to be prepared: its content's digest, the file it came from, whether it replaces one."""

    document: Document
    digest: str
    file: str | None
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class BuildLane:
    """The stages between a loaded document and the store."""

    extractors: tuple[Extractor, ...]
    chunker: Chunker
    enrichers: tuple[Enricher, ...]
    indexes: tuple[StoredIndex, ...]
    recipe: Recipe | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process as the names of its stages, which are made anew there, once."""
        if self.recipe is None:
            raise TypeError("this build lane was made by hand and cannot be sent to another process")
        return made, (self.recipe,)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The stages of a build lane by name and parameters."""

    extractors: tuple[Stage, ...]
    chunker: Stage
    enrichers: tuple[Stage, ...]
    indexes: tuple[Stage, ...]


@functools.lru_cache(maxsize=4)
def made(recipe: Recipe) -> BuildLane:
    """The build lane of a recipe, its stages made anew."""

    def all_of(stages: tuple[Stage, ...]) -> tuple[Any, ...]:
        return tuple(lookup(stage.name).make(stage.options) for stage in stages)

    (chunker,) = all_of((recipe.chunker,))
    return BuildLane(all_of(recipe.extractors), chunker, all_of(recipe.enrichers), all_of(recipe.indexes), recipe)


def prepare(lane: BuildLane, documents: Sequence[Document]) -> list[Prepared | Failure]:
    """Run the build lane on a batch, one result per document, in order.

    When a batch fails, its documents are tried one by one, so that one bad document costs nobody else.
    """
    try:
        return list(_prepare(lane, documents))
    except Exception as error:
        if len(documents) == 1:
            name = documents[0].source or documents[0].id
            if isinstance(error, SkippedError):
                return [Failure(name, error.reason, skipped=True)]
            return [Failure(name, _reason(error))]
        return [result for document in documents for result in prepare(lane, [document])]


def _prepare(lane: BuildLane, documents: Sequence[Document]) -> Iterator[Prepared]:
    cut = [_cut(lane, document) for document in documents]
    chunks = [chunk for _, own in cut for chunk in own]
    derived = [_derive(index, chunks) for index in lane.indexes]
    start = 0
    for document, own in cut:
        end = start + len(own)
        yield Prepared(document, tuple(own), tuple(tuple(rows[start:end]) for rows in derived))
        start = end


def _cut(lane: BuildLane, document: Document) -> tuple[Document, Sequence[Chunk]]:
    for extractor in lane.extractors:
        id, document = document.id, extractor.extract(document)
        if document.id != id:
            raise InvalidValueError(f"{type(extractor).__name__} changed the id of {id!r} to {document.id!r}; keep it")
    if lane.extractors:
        document = replace(document, raw=None)  # which has served, and may be large
        if not document.text.strip():
            raise SkippedError(document.source or document.id, "no text could be extracted from it")
    chunks = lane.chunker.chunk(document)
    for enricher in lane.enrichers:
        chunks = enricher.enrich(chunks)
    document.check(chunks)
    if len({chunk.id for chunk in chunks}) != len(chunks):
        raise InvalidValueError(f"the chunker gave document {document.id!r} the same chunk twice")
    return document, chunks


def _derive(index: StoredIndex, chunks: Sequence[Chunk]) -> list[Derived]:
    rows: list[Derived] = []
    for start in range(0, len(chunks), DERIVE_CHUNKS):
        part = chunks[start : start + DERIVE_CHUNKS]
        rows += index.derive(part)
        if len(rows) != start + len(part):
            raise InvalidValueError(
                f"{type(index).__name__}.derive gave {len(rows) - start} rows for {len(part)} chunks"
            )
        for row in rows[start:]:
            _check(row, index)
    return rows


def _check(row: Derived, index: StoredIndex) -> None:
    """Raise `InvalidValueError` unless a row holds what rows hold."""
    good = (
        isinstance(row, Derived)
        and isinstance(row.note, str)
        and all(isinstance(text, str) for text in (*row.texts, *row.terms))
        and all(-(2**31) <= number < 2**31 for number in row.data)
    )
    if not good:
        raise InvalidValueError(f"{type(index).__name__}.derive must give Derived rows of texts and 32-bit integers")


def _reason(error: Exception) -> str:
    if isinstance(error, RagkitError):
        return str(error)
    log.exception("a stage failed")
    return f"a stage failed with {type(error).__name__}: {error}"


def content_digest(document: Document) -> str:
    """What changes when a document's text or metadata do, or what an extractor reads in their place.

    Raises `InvalidValueError` for a document that cannot be stored: text that is no text, metadata that are no JSON.
    """
    try:
        about = json.dumps(dict(document.metadata), sort_keys=True)
        whole = "\0".join((document.source, document.media_type, about, document.text))
        document.id.encode()
        return blake2b(whole.encode() + (document.raw or b""), digest_size=16).hexdigest()
    except UnicodeEncodeError as error:
        bad = error.object[error.start : error.end]
        raise InvalidValueError(
            f"document {document.id!r} holds a lone surrogate ({bad!r}), which is no character; decode it properly"
        ) from error
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise InvalidValueError(
            f"document {document.id!r} cannot be stored: its text must be a string, its metadata JSON values ({error})"
        ) from error


def batches(pending: Iterable[Pending]) -> Iterator[list[Pending]]:
    """Group documents into batches bounded in number and characters."""
    batch: list[Pending] = []
    size = 0
    for item in pending:
        own = len(item.document.text) + len(item.document.raw or b"") // RAW_PER_CHARACTER
        if batch and (len(batch) >= BATCH_DOCUMENTS or size + own > BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += own
    if batch:
        yield batch


def _result(future: Future[list[Prepared | Failure]]) -> list[Prepared | Failure]:
    try:
        return future.result()
    except BrokenExecutor as error:
        raise RagkitError(
            f"a worker died ({error}), perhaps for want of memory; what was added is kept, add again with fewer workers"
        ) from error
    except Exception as error:  # `prepare` itself reports failures and raises nothing
        raise RagkitError(
            f"the executor could not do the work ({type(error).__name__}: {error}); stages that run in other processes "
            "must be installed and take plain parameters; add without an executor"
        ) from error


@dataclass(slots=True)
class Builder:
    """Writes documents into a store through one build lane.

    `entries` are the store's numbers of `lane.indexes`, in their order; `build` names the lane in the store.
    """

    store: SQLiteStore
    lane: BuildLane
    entries: tuple[IndexEntry, ...]
    build: str
    executor: Executor | None = None
    embedders: dict[int, Embedder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry, index in zip(self.entries, self.lane.indexes, strict=True):
            if entry.model is not None and index.embedder is not None:
                self.embedders[entry.model] = index.embedder

    def add(self, pending: Iterable[Pending], done: Callable[[Pending, Prepared | Failure], None]) -> None:
        """Prepare and write documents; `done` hears of each, in order. Only `StoreError` stops the run."""
        for batch, results in self._prepared(batches(pending)):
            good = [result for result in results if isinstance(result, Prepared)]
            vectors, failed = self._embed(good)
            for item, result in zip(batch, results, strict=True):
                outcome: Prepared | Failure = failed.get(item.document.id, result)
                if isinstance(outcome, Prepared):
                    outcome = self._write(item, outcome, vectors)
                done(item, outcome)

    def _prepared(self, groups: Iterable[list[Pending]]) -> Iterator[tuple[list[Pending], list[Prepared | Failure]]]:
        if self.executor is None:
            for group in groups:
                yield group, prepare(self.lane, [item.document for item in group])
            return
        waiting: deque[tuple[list[Pending], Future[list[Prepared | Failure]]]] = deque()
        for group in groups:
            waiting.append((group, self.executor.submit(prepare, self.lane, [item.document for item in group])))
            if len(waiting) >= IN_FLIGHT:
                first, future = waiting.popleft()
                yield first, _result(future)
        for group, future in waiting:
            yield group, _result(future)

    # -- vectors --------------------------------------------------------------------------------------------------

    def _texts(self, prepared: Prepared) -> dict[int, list[str]]:
        """The texts of a document that need a vector, by model number."""
        wanted: dict[int, list[str]] = {}
        for entry, rows in zip(self.entries, prepared.derived, strict=True):
            if entry.model is not None:
                wanted.setdefault(entry.model, []).extend(text for row in rows for text in row.texts)
        return wanted

    def _embed(self, documents: Sequence[Prepared]) -> tuple[dict[int, dict[str, bytes]], dict[str, Failure]]:
        """Vectors for every text of the batch the store has none for, and the documents whose texts have none."""
        wanted: dict[int, dict[str, None]] = {}
        for prepared in documents:
            for model, texts in self._texts(prepared).items():
                wanted.setdefault(model, {}).update(dict.fromkeys(texts))
        try:
            return {model: self._embedded(model, list(texts)) for model, texts in wanted.items()}, {}
        except ModelError as error:
            if len(documents) == 1:
                document = documents[0].document
                return {}, {document.id: Failure(document.source or document.id, str(error))}
        vectors: dict[int, dict[str, bytes]] = {}
        failed: dict[str, Failure] = {}
        for prepared in documents:
            some, failures = self._embed([prepared])
            failed.update(failures)
            for model, by_text in some.items():
                vectors.setdefault(model, {}).update(by_text)
        return vectors, failed

    def _embedded(self, model: int, texts: list[str]) -> dict[str, bytes]:
        known = self.store.with_vectors(model, texts)
        new = [text for text in texts if text not in known]
        if not new:
            return {}
        return dict(zip(new, pack(self._vectors(model, new)), strict=True))

    def _vectors(self, model: int, texts: list[str]) -> Vectors:
        """What the embedder gives, checked. Raises `ModelError` when it fails or gives something else."""
        import numpy as np

        embedder = self.embedders[model]
        try:
            vectors = np.asarray(embedder.embed(texts), dtype=np.float32)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"the embedder {embedder.fingerprint!r} failed with {type(error).__name__}: {error}"
            ) from error
        if vectors.shape != (len(texts), embedder.dim) or not np.isfinite(vectors).all():
            raise ModelError(
                f"the embedder {embedder.fingerprint!r} must give {len(texts)} finite vectors of {embedder.dim} "
                f"dimensions, it gave {vectors.shape}" + ("" if np.isfinite(vectors).all() else " with NaN or infinity")
            )
        return vectors

    # -- writing --------------------------------------------------------------------------------------------------

    def _write(self, item: Pending, prepared: Prepared, vectors: dict[int, dict[str, bytes]]) -> Prepared | Failure:
        derived = {entry.number: rows for entry, rows in zip(self.entries, prepared.derived, strict=True)}
        written = Written(prepared.document, item.digest, self.build, item.file, prepared.chunks, derived, vectors)
        try:
            self._retrying(vectors, lambda: self.store.write(written))
        except InvalidValueError as error:
            return Failure(prepared.document.source or prepared.document.id, str(error))
        return prepared

    def _retrying(self, vectors: dict[int, dict[str, bytes]], write: Callable[[], Any]) -> None:
        for _ in range(3):
            try:
                write()
                return
            except MissingVectorsError as error:
                fresh = pack(self._vectors(error.model, error.texts))
                vectors.setdefault(error.model, {}).update(zip(error.texts, fresh, strict=True))
        raise StoreError(
            f"{self.store.path}: another process keeps removing the vectors this one adds; try again when it is done"
        )

    def complete(self, progress: Callable[[int], None] | None = None) -> int:
        """Give every stored chunk the rows it lacks (of an index that is new to the store); returns how many."""
        count = 0
        for entry, index in zip(self.entries, self.lane.indexes, strict=True):
            shelf = self.store.shelf(entry)
            while slots := self.store.unindexed(entry.number, DERIVE_CHUNKS):
                rows = index.derive(shelf.chunks(slots))
                texts = list(dict.fromkeys(text for row in rows for text in row.texts))
                vectors = {entry.model: self._embedded(entry.model, texts)} if entry.model is not None else {}
                self._retrying(
                    vectors,
                    lambda e=entry, s=slots, r=rows, v=vectors: self.store.write_derived(e.number, s, r, v),  # type: ignore[misc]
                )
                count += len(slots)
                if progress:
                    progress(count)
        return count
