"""A store and a pipeline: add sources, ask questions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ragkit.errors import InvalidValueError, PipelineError
from ragkit.ingest import AddReport, Ingest, Progress, Rebuild, absolute, below, printable
from ragkit.pipeline.bind import Bound, bind
from ragkit.pipeline.expression import Expression
from ragkit.pipeline.parse import parse
from ragkit.pipeline.run import CANDIDATES, TO_ANSWER, Record, Runner, with_trace
from ragkit.store.sqlite import SourceInfo, SQLiteStore
from ragkit.text.loaders.walk import name_of
from ragkit.types import Answer, Document, Hits, Metadata, Query, Source

DEFAULT_PIPELINE = "load >> chunk >> clue >> answer"


@dataclass(frozen=True, slots=True)
class Status:
    """What a store holds. `indexes` maps a stage to the settings and model it was built with."""

    path: str
    documents: int
    chunks: int
    characters: int
    bytes: int
    pipeline: str
    indexes: Mapping[str, str]
    generation: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """What each stage did for one question; `str()` shows it as a table."""

    question: str
    stages: tuple[Record, ...]
    answer: Answer | None
    hits: Hits

    def __str__(self) -> str:
        lines = [self.question]
        for record in self.stages:
            lines.append(f"{record.stage}: {record.items} items, {record.seconds * 1000:.1f} ms")
            lines += [f"    {line}" for line in record.top]
        return "\n".join(lines)


class KnowledgeBase:
    """Documents in one SQLite file, and the pipeline that indexes and answers from them.

    >>> from ragkit import Document, KnowledgeBase
    >>> kb = KnowledgeBase(":memory:", "bm25 >> answer(embedder='')")
    >>> kb.add(Document("a", "Ada was born in Bern."), Document("b", "Bern lies on the Aare.")).added
    ('a', 'b')
    >>> kb.search("Where was Ada born?", k=1).chunks[0].text
    'Ada was born in Bern.'

    `pipeline` is an expression or its text; left out, a store keeps the pipeline it was made with, and a new one gets
    `DEFAULT_PIPELINE`. Making a knowledge base loads no model. Calls from several threads take turns.
    """

    def __init__(
        self,
        path: str | Path = "ragkit.db",
        pipeline: Expression | str | None = None,
        *,
        create: bool = True,
        read_only: bool = False,
    ) -> None:
        given = parse(pipeline) if isinstance(pipeline, str) else pipeline
        self._lock = threading.RLock()
        self.store = SQLiteStore(path, create=create, read_only=read_only)
        try:
            expression = given if given is not None else self._remembered()
            self._bound: Bound = bind(self.store, expression)
        except BaseException:
            self.store.close()
            raise

    def _remembered(self) -> Expression:
        return parse(self.store.setting("pipeline") or DEFAULT_PIPELINE)

    @property
    def pipeline(self) -> Expression:
        """The pipeline in use."""
        return self._bound.expression

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- documents ------------------------------------------------------------------------------------------------

    def add(
        self,
        *sources: str | Path | Document | Source | Iterable[str | Path | Document | Source],
        prune: bool = False,
        rebuild: bool = False,
        executor: Executor | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> AddReport:
        """Add files, folders and documents; only what is new or changed is worked on.

        `prune` removes stored documents below the given folders whose files are gone. `rebuild` first builds what is
        stored again with this pipeline, after a change of model or chunking. `executor` spreads the work (parsing,
        extraction) over processes or machines; the result does not depend on it. Failures are listed in the report and
        stop nothing. Raises `StoreError` when the store cannot be written, `IndexMismatchError` when it was built with
        other settings and `rebuild` is not asked for.
        """
        with self._lock:
            started = time.perf_counter()
            rebuilt = Rebuild(self._bound, executor, progress).run() if rebuild else ()
            self._bound.check()
            self.store.remember("build_text", self._bound.build_text)
            self.store.remember("pipeline", str(self.pipeline))
            ingest = Ingest(self._bound, executor, progress, prune)
            ingest.run(sources)
            return replace(ingest.report(), rebuilt=rebuilt, seconds=time.perf_counter() - started)

    def remove(self, *sources: str | Path) -> tuple[str, ...]:
        """Remove documents by source, file or id; a folder removes all below it. Returns what was removed.

        Raises `InvalidValueError` naming the sources that are not stored; then nothing is removed.
        """
        with self._lock:
            found = {printable(str(source)): self._matching(str(source)) for source in sources}
            unknown = [source for source, (ids, _) in found.items() if not ids]
            if unknown:
                raise InvalidValueError(
                    f"not in {self.store.path}: {', '.join(unknown)}; `ragkit status` lists what is"
                )
            ids = list(dict.fromkeys(id for own, _ in found.values() for id in own))
            self.store.remove(ids, sorted({file for _, files in found.values() for file in files}))
            return tuple(ids)

    def _matching(self, source: str) -> tuple[list[str], list[str]]:
        name, place = name_of(Path(source)), absolute(source)
        files = [file for file in self.store.files() if file == name or file.startswith(name + "/")]
        files += [file for file, path in self.store.file_paths().items() if below(path, place) and file not in files]
        ids = [id for file in files for id in self.store.ids_of(file=file)]
        ids += self.store.ids_of(source=name)
        ids += [id for id in dict.fromkeys((printable(source), name)) if self.store.document_state(id)]
        return list(dict.fromkeys(ids)), files

    def document(self, id: str) -> Document:
        """A stored document, or one a stage has hits of. Raises `InvalidValueError` when there is none of that id."""
        found = self.store.document(id) or self._of_stages(id)
        if found is None:
            raise InvalidValueError(f"no document {id!r} in {self.store.path}; `ragkit status` lists what is")
        return found

    def _of_stages(self, id: str) -> Document | None:
        """The document of this id that a stage holds itself, such as a message of a memory."""
        own = (stage.document(id) for stage in self._bound.instances.values() if hasattr(stage, "document"))
        return next((found for found in own if found is not None), None)

    def sources(self) -> list[SourceInfo]:
        """All stored documents with their sizes, by source."""
        return self.store.sources()

    def status(self) -> Status:
        """What the store holds."""
        documents, chunks, characters = self.store.counts()
        size = self.store.file.stat().st_size if self.store.file.exists() else 0
        indexes = {f"{i.stage}": i.fingerprint for i in self.store.indexes()}
        return Status(
            self.store.path, documents, chunks, characters, size, str(self.pipeline), indexes, self.store.generation
        )

    # -- questions ------------------------------------------------------------------------------------------------

    def ask(self, question: str, *, k: int | None = None, filter: Metadata | None = None) -> Answer:
        """Answer a question from the documents, with citations; `k` bounds the hits the answer is made from.

        `filter` keeps only chunks whose metadata match, see `ragkit.filters`. Raises `InvalidValueError` for
        an empty question, `PipelineError` when the pipeline has no `answer`, and what its models raise.
        """
        return self.batch([question], k=k, filter=filter)[0]

    def batch(self, questions: Sequence[str], *, k: int | None = None, filter: Metadata | None = None) -> list[Answer]:
        """Answer many questions; models see them together."""
        answers, records = self._run(self._bound.plan.ask, self._queries(questions, filter), k)
        if not all(isinstance(answer, Answer) for answer in answers):
            raise PipelineError(
                "this pipeline gives hits, not answers",
                text=str(self.pipeline),
                hint="end it with `>> answer`, or use search",
            )
        return [with_trace(answer, records) for answer in answers]

    def search(self, question: str, *, k: int = 10, filter: Metadata | None = None) -> Hits:
        """The best chunks for a question: the pipeline up to, and without, its answer."""
        hits, _ = self._run(self._bound.retrieval, self._queries([question], filter), k)
        found: Hits = hits[0]
        return found.best(k)

    def stream(self, question: str, *, k: int | None = None, filter: Metadata | None = None) -> Iterator[str | Answer]:
        """Pieces of the answer's text as they come, then the `Answer`. Without streaming it comes in one piece."""
        answerer = self._bound.answerer
        stream = getattr(answerer, "stream", None)
        if stream is None:
            answer = self.ask(question, k=k, filter=filter)
            yield answer.text
            yield answer
            return
        hits, records = self._run(self._bound.retrieval, self._queries([question], filter), k)
        for piece in stream(hits[0].best(_to_answer(k))):
            yield with_trace(piece, records) if isinstance(piece, Answer) else piece

    async def aask(self, question: str, *, k: int | None = None, filter: Metadata | None = None) -> Answer:
        """`ask` in a worker thread."""
        import asyncio

        return await asyncio.to_thread(self.ask, question, k=k, filter=filter)

    def explain(self, question: str, *, k: int | None = None, filter: Metadata | None = None) -> Explanation:
        """Answer a question and tell what each stage did: time, counts, top items."""
        results, records = self._run(self._bound.plan.ask, self._queries([question], filter), k)
        result = results[0]
        if isinstance(result, Answer):
            return Explanation(question, tuple(records), with_trace(result, records), result.hits)
        return Explanation(question, tuple(records), None, result)

    def stage(self, name: str) -> Any:
        """The opened stage of this name, for what it offers beyond searching (a graph's `view`).

        Raises `InvalidValueError` when the pipeline has none.
        """
        for node, instance in self._bound.instances.items():
            if node.name == name:
                with self._lock:
                    self._open()  # outside a snapshot, as rows that are missing may have to be written
                return instance
        raise InvalidValueError(f"the pipeline `{self.pipeline}` has no stage {name!r}")

    def _queries(self, questions: Sequence[str], filter: Metadata | None) -> list[Query]:
        if filter is not None and not isinstance(filter, Mapping):
            raise InvalidValueError(f"a filter is a mapping such as {{'year': 1990}}, not {filter!r}")
        return [Query(question, filter or {}) for question in questions]

    def _run(self, expression: Expression, queries: list[Query], k: int | None) -> tuple[list[Any], list[Record]]:
        if k is not None and (not isinstance(k, int) or k < 0):
            raise InvalidValueError(f"k must be a whole number of 0 or more, it was {k!r}")
        runner = Runner(self._bound.instances, _to_answer(k), max(CANDIDATES, k or 0))
        with self._lock:
            self._open()
            try:
                with self.store.snapshot():
                    return runner.run(expression, queries, k), runner.records
            finally:
                self._bound.flush()

    def _open(self) -> None:
        self._bound.check()
        self._bound.open()


def _to_answer(k: int | None) -> int:
    return TO_ANSWER if k is None else k
