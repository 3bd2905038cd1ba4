"""Adding sources to a knowledge base: what is new, what changed, what vanished, what failed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragkit.errors import InvalidValueError, LoadError, StoreError
from ragkit.pipeline.bind import Bound
from ragkit.pipeline.build import Builder, Failure, Pending, Prepared, content_digest
from ragkit.text.loaders.items import FileItem, SkippedError
from ragkit.types import Document, Source

log = logging.getLogger(__name__)

FILES_AT_ONCE = 200  # files in work before those that are done are noted as such

Given = str | Path | Document | Source


@dataclass(frozen=True, slots=True)
class Progress:
    """Told after each document: how many are done, of how many where known, and which it was."""

    done: int
    total: int | None
    source: str


@dataclass(frozen=True, slots=True)
class AddReport:
    """What `add` did, by document id. A summary comes with `str()`.

    `rebuilt` are stored documents that were cut or indexed again because `rebuild` was asked for; `failed` are sources
    that could not be read, `skipped` those left out on purpose (empty, binary, …), with reasons.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    skipped: tuple[Failure, ...] = ()
    chunks: int = 0
    seconds: float = 0.0
    rebuilt: tuple[str, ...] = ()

    def __str__(self) -> str:
        names = ["added", "changed", "unchanged", "removed", "failed", "skipped"]
        names += ["rebuilt"] if self.rebuilt else []
        counts = ", ".join(f"{len(getattr(self, name))} {name}" for name in names)
        return f"{counts}; {self.chunks} chunks in {self.seconds:.1f} s"


@dataclass(slots=True)
class Ingest:
    """One call of `add`."""

    bound: Bound
    executor: Executor | None
    progress: Callable[[Progress], None] | None
    prune: bool
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    skipped: list[Failure] = field(default_factory=list)
    chunks: int = 0
    _files: dict[str, _FileRun] = field(default_factory=dict)
    _seen: dict[str, str] = field(default_factory=dict)
    _roots: list[bytes] = field(default_factory=list)
    _found: set[str] = field(default_factory=set)
    _names: dict[bytes, list[str]] | None = None

    def run(self, sources: Iterable[Any]) -> None:
        """Add everything; see `KnowledgeBase.add`."""
        builder = self.bound.builder(self.executor)
        builder.add(self._pending(flat(sources)), self._done)
        self._finish_files()
        if self.prune:
            self._prune()
        self.bound.store.collect()

    def report(self) -> AddReport:
        """What was done so far."""
        return AddReport(
            tuple(self.added),
            tuple(self.changed),
            tuple(self.unchanged),
            tuple(self.removed),
            tuple(self.failed),
            tuple(self.skipped),
            self.chunks,
        )

    # -- what needs work ------------------------------------------------------------------------------------------

    def _pending(self, given: Iterable[Given]) -> Iterator[Pending]:
        for one in given:
            if isinstance(one, Document):
                yield from self._document(one, None)
            else:
                yield from self._source(one if isinstance(one, Source) else Source(str(one)))

    def _source(self, source: Source) -> Iterator[Pending]:
        loader = self.bound.loader
        if source.text is None:
            self._roots.append(absolute(source.name))
        if not hasattr(loader, "discover"):
            for document in self._loaded(source.name, lambda: loader.load(source)):
                yield from self._document(document, None)
            return
        for item in loader.discover(source, leave_out=self._own_files()):
            if isinstance(item, SkippedError):
                self._emptied(item.source)
            if isinstance(item, LoadError):
                self._fail(item)
            else:
                yield from self._file(item)

    def _emptied(self, source: str) -> None:
        """A file that held documents and now is empty, or no text: they go."""
        source = self._name(absolute(source), source)
        if self.bound.store.file_path(source) == absolute(source):
            self._files[source] = _FileRun("", None, set(self.bound.store.ids_of(file=source)), read=True)

    def _name(self, path: bytes, source: str) -> str:
        """The name a file goes by: the one it was stored under, or was reached by first, whichever way it is spelt."""
        if self._names is None:
            self._names = {}
            for name, stored in sorted(self.bound.store.file_paths().items(), reverse=True):
                self._names.setdefault(stored, []).insert(0, name)
        names = self._names.setdefault(path, [source])
        return source if source in names else names[0]

    def _own_files(self) -> list[Path]:
        """The files of the store itself, which may lie in the folder being added."""
        return [Path(self.bound.store.path + ending) for ending in ("", "-wal", "-shm", "-journal")]

    def _file(self, item: Any) -> Iterator[Pending]:
        path = absolute(item.path) if item.path is not None else None
        if path is not None and isinstance(item, FileItem):
            item = replace(item, source=self._name(path, item.source))
        if item.source in self._found:
            return  # reached twice, through overlapping arguments or links
        self._found.add(item.source)
        other = self.bound.store.file_path(item.source)
        if other is not None and other != path and os.path.isfile(other):
            reason = f"a file of this name is stored already, {os.fsdecode(other)}; add them by their absolute paths"
            self._fail(LoadError(item.source, reason))
            return
        try:
            digest = item.digest()
        except LoadError as error:
            self._fail(error)
            return
        store = self.bound.store
        if store.file_state(item.source) == (digest, self.bound.build):
            for id in store.ids_of(file=item.source):
                self._seen[id] = item.source
                self.unchanged.append(id)
            return
        run = self._files[item.source] = _FileRun(digest, path, set(store.ids_of(file=item.source)))
        for document in self._loaded(item.source, item.documents):
            run.ids.add(document.id)
            yield from self._document(document, item.source)
        run.read = True

    def _loaded(self, name: str, load: Callable[[], Iterable[Any]]) -> Iterator[Document]:
        try:
            for document in load():
                if isinstance(document, LoadError):
                    self._fail(document)
                    if not isinstance(document, SkippedError):
                        self._note_failed(name)
                elif isinstance(document, Document):
                    yield document
                else:
                    self._fail(LoadError(name, f"the loader gave a {type(document).__name__}, not a Document"))
                    self._note_failed(name)
        except LoadError as error:
            self._fail(error)
            self._note_failed(name)
        except Exception as error:  # a third-party loader may raise anything; its other sources go on
            log.exception("a loader failed")
            self._fail(LoadError(name, f"the loader failed with {type(error).__name__}: {error}"))
            self._note_failed(name)

    def _note_failed(self, name: str) -> None:
        if name in self._files:
            self._files[name].failed = True

    def _document(self, document: Document, file: str | None) -> Iterator[Pending]:
        origin = file or document.source or document.id
        try:
            digest = content_digest(document)
        except InvalidValueError as error:
            self._fail(LoadError(printable(origin), str(error)))
            self._note_failed(origin)
            return
        known = self.bound.store.document_state(document.id)
        holder = self._holder(document.id, file, known[2] if known else None)
        if holder is not None:
            reason = f"its id {document.id!r} is taken by a document from {holder}; ids must differ"
            self._fail(LoadError(origin, reason))
            self._note_failed(origin)
            return
        self._seen[document.id] = origin
        if known and known[:2] == (digest, self.bound.build):
            self.unchanged.append(document.id)
            return
        if file is not None:
            self._files[file].waiting += 1
        yield Pending(document, digest, file, replaces=known is not None)

    def _holder(self, id: str, file: str | None, stored: str | None) -> str | None:
        """Who has this id already: a document of this run, or one stored from another file that is still there."""
        if id in self._seen or file is None or stored in (None, file):
            return self._seen.get(id)
        return stored if os.path.lexists(str(stored)) else None

    def _fail(self, error: LoadError) -> None:
        about = self.skipped if isinstance(error, SkippedError) else self.failed
        about.append(Failure(error.source, error.reason))

    # -- what was done --------------------------------------------------------------------------------------------

    def _done(self, item: Pending, outcome: Prepared | Failure) -> None:
        id = item.document.id
        if item.file:
            self._files[item.file].waiting -= 1
        if isinstance(outcome, Failure) and outcome.skipped:
            self.skipped.append(outcome)
            if item.file:
                self._files[item.file].ids.discard(id)
        elif isinstance(outcome, Failure):
            self.failed.append(outcome)
            if item.file:
                self._note_failed(item.file)
        else:
            self.chunks += len(outcome.chunks)
            (self.changed if item.replaces else self.added).append(id)
        done = len(self.added) + len(self.changed) + len(self.failed)
        if self.progress:
            self.progress(Progress(done, None, item.document.source or id))
        if len(self._files) >= FILES_AT_ONCE:
            self._finish_files()

    def _finish_files(self) -> None:
        """Remove what files no longer hold, and note which files are stored whole."""
        finished = {source: run for source, run in self._files.items() if run.read and not run.waiting}
        whole = {source: run for source, run in finished.items() if not run.failed}
        gone = sorted(id for run in whole.values() for id in run.before - run.ids)
        if gone:
            self.bound.store.remove(gone)
            self.removed += gone
        stored = {source: (run.digest, run.path) for source, run in whole.items() if run.ids}
        if stored:
            self.bound.store.mark_files(stored, self.bound.build)
        for source in finished:
            del self._files[source]

    def _prune(self) -> None:
        store = self.bound.store
        unread = [absolute(failure.source) for failure in self.failed]
        for file, path in store.file_paths().items():
            given = any(below(path, root) for root in self._roots)
            if given and not os.path.isfile(path) and not any(below(path, folder) for folder in unread):
                ids = store.ids_of(file=file)
                store.remove(ids, [file])
                self.removed += ids


@dataclass(slots=True)
class _FileRun:
    """A file being read: its digest, the ids it gave before, those it gives now, how many are not yet written."""

    digest: str
    path: bytes | None
    before: set[str]
    ids: set[str] = field(default_factory=set)
    waiting: int = 0
    read: bool = False
    failed: bool = False


@dataclass(slots=True)
class Rebuild:
    """Builds every stored document again from its stored text, with another model or chunking."""

    bound: Bound
    executor: Executor | None
    progress: Callable[[Progress], None] | None

    def run(self) -> tuple[str, ...]:
        """Do it, document by document; interrupted, the next run goes on where this one stopped.

        Returns the ids of the documents that were cut or indexed again; all of them when an index is new.
        """
        store, bound = self.bound.store, self.bound
        store.remember("build_text", bound.build_text)
        store.remember("pipeline", str(bound.expression))
        builder = self._builder()
        total = store.counts()[0]
        done = 0
        rebuilt: list[str] = []
        while ids := store.built_otherwise(bound.build, most=64):
            builder.add([self._pending(id) for id in ids], _no_failure)
            rebuilt += ids
            done += len(ids)
            if self.progress:
                self.progress(Progress(done, total, ids[-1]))
        if builder.complete():
            rebuilt = [info.id for info in store.sources()]
        wanted = {(stage.name, fingerprint) for stage, fingerprint in bound.fingerprints.items()}
        for entry in store.indexes():  # last, so that texts both share keep their vectors
            if (entry.stage, entry.fingerprint) not in wanted:
                store.drop_index(entry.number)
        store.collect()
        return tuple(sorted(rebuilt))

    def _pending(self, id: str) -> Pending:
        document, state = self.bound.store.document(id), self.bound.store.document_state(id)
        if document is None or state is None:
            raise StoreError(f"document {id!r} was removed by another process while rebuilding; rebuild again")
        return Pending(document, state[0], self.bound.store.file_of(id), replaces=True)

    def _builder(self) -> Builder:
        builder = self.bound.builder(self.executor)
        builder.lane = replace(builder.lane, extractors=())  # they ran when the document was added
        return builder


def _no_failure(_: Pending, outcome: Prepared | Failure) -> None:
    if isinstance(outcome, Failure):
        raise StoreError(
            f"rebuilding stopped at {outcome.source}: {outcome.reason}; what is done is kept, remove this source or "
            "change the pipeline, and rebuild again"
        )


def flat(sources: Iterable[Any]) -> Iterator[Given]:
    """Sources given one by one or in iterables, one by one."""
    for source in sources:
        if isinstance(source, str | Path | Document | Source):
            yield source
        elif isinstance(source, Iterable):
            yield from flat(source)
        else:
            raise TypeError(
                f"cannot add a {type(source).__name__}; give a path, a Document, a Source, or a list of these"
            )


def absolute(path: str | Path) -> bytes:
    """Where a path leads from here, as the system spells it; names need not be text."""
    return os.fsencode(os.path.abspath(path)) if "\0" not in str(path) else b""


def below(path: bytes, folder: bytes) -> bool:
    """Whether an absolute path is this one or lies below it."""
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def printable(text: str) -> str:
    """A text that may hold lone surrogates as one that can be shown."""
    return text.encode("utf-8", "backslashreplace").decode()
