"""`Memory`: years of conversation in one file, and a small, dated, cited context for a question.

What is added is durable when `add` returns and found by the next `search`. Nothing is thrown away to save space: small
talk and what an abstract covers only rank lower. What is forgotten is gone from the file, byte for byte.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from ragkit.errors import InvalidValueError, StoreBusyError
from ragkit.memory import calibrate, change, checks, exchange, fill, forget, jobs, look, recall, vectors, work
from ragkit.memory.accept import Accepted, accept, offset_of
from ragkit.memory.aio import AsyncTwins
from ragkit.memory.config import MemoryConfig
from ragkit.memory.embedding import AUTO, chosen_embedder
from ragkit.memory.facets import FacetExtractor
from ragkit.memory.store import MemoryStore, checked_scope, made_scope
from ragkit.memory.types import (
    AddResult,
    CheckReport,
    ConsolidationReport,
    Context,
    Event,
    Facet,
    Filters,
    ForgetReport,
    MemoryHit,
    MemoryStats,
    Message,
    Page,
    Tier,
    Unit,
    sound,
    to_us,
)
from ragkit.memory.write import Writer

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragkit.components import Embedder

DEFAULT_SCOPE = "default"


def utc_now() -> datetime:
    """The clock of a memory that was given none."""
    return datetime.now(UTC)


class Memory(AsyncTwins):
    """A memory of one scope in a file, which may hold other scopes and the documents of a knowledge base too.

    `scope` is one or more labels, from the general to the particular: ("tenant", "user"); nothing of another scope is
    ever read or written. `embedder` is a model's name, an `Embedder`, "auto" (the file's own; for a new file the
    packaged one) or None for full-text search alone. `llm` is a chat model (a name or a LangChain `BaseChatModel`) that
    extracts facts in the background; without one all else works. `clock` gives aware times, for tests. `count` counts
    the tokens of a context, else four characters are one. With `worker` False the queued work (vectors of slow models,
    extraction, consolidation) waits for `flush`, `consolidate` or another process.

    Safe to use from several threads, processes, and after a fork. Raises `StoreError` and its children when the file
    cannot be used, `EmbedderMismatchError` when its vectors come from another model.
    """

    def __init__(
        self,
        path: str | Path = "ragkit.db",
        *,
        scope: str | Sequence[str] = DEFAULT_SCOPE,
        embedder: str | Embedder | Any | None = AUTO,
        llm: str | BaseChatModel | None = None,
        clock: Callable[[], datetime] = utc_now,
        config: MemoryConfig | None = None,
        count: Callable[[str], int] | None = None,
        extractors: Sequence[FacetExtractor] = (),
        create: bool = True,
        read_only: bool = False,
        worker: bool = True,
    ) -> None:
        self.scope = checked_scope(scope)
        if config is not None and not isinstance(config, MemoryConfig):
            raise InvalidValueError(f"config is a MemoryConfig, not {config!r}")
        self.config = config or MemoryConfig()
        self.clock, self.count = clock, count
        self.store = MemoryStore(path, create=create, read_only=read_only, busy_seconds=self.config.busy_seconds)
        try:
            self.embedder = chosen_embedder(self.store, embedder)
            self.llm = _chat_model(llm)
        except BaseException:
            self.store.close()
            raise
        self._writer = Writer(
            self.store, self.scope, self.config, self.embedder, extract=self.llm is not None, extractors=extractors
        )
        self._services = work.Services(self.store, self.scope, self.config, self.embedder, self.llm, self._now_us)
        self._worker = work.Worker(self._services) if worker and not read_only else None
        if not read_only:
            with contextlib.suppress(StoreBusyError):  # then it stays queued
                self._services.one(("erase",), early=True)  # what a reader prevented when it was forgotten

    @property
    def path(self) -> str:
        """The file, or ":memory:"."""
        return self.store.path

    def _now_us(self) -> int:
        return self._now()[0]

    def _now(self) -> tuple[int, int]:
        """The clock: microseconds, and its offset in minutes."""
        now = self.clock()
        if now.tzinfo is None:
            raise InvalidValueError(f"the memory's clock gave {now.isoformat()}, a time without a zone")
        return to_us(now), offset_of(now)

    # -- writing --------------------------------------------------------------------------------------------------

    def add(
        self,
        text: str,
        *,
        speaker: str,
        role: str = "user",
        time: datetime | None = None,
        session: str | None = None,
        id: str | None = None,
        captions: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> AddResult:
        """Add what somebody said; see `Message` for the arguments. It is committed when this returns.

        Adding it again changes nothing and says "duplicate". Raises `InvalidValueError` for a value no message has.
        """
        message = Message(text, speaker, role, time, session, id, captions, {} if metadata is None else metadata)  # type: ignore[arg-type]
        return self.add_many([message])[0]

    def add_many(self, messages: Iterable[Message]) -> list[AddResult]:
        """Add messages in one transaction, all or none; a result for each, in their order.

        They may come in any order: what counts is their time, for equal times the order given.
        """
        now_us, now_tz = self._now()
        return self._add([accept(message, self.scope, self.config, now_us, now_tz) for message in messages], now_us)

    def _add(self, accepted: Sequence[Accepted | None], now_us: int) -> list[AddResult]:
        written = self._writer.add(accepted, now_us)
        if written.queued:
            self._queued()
        return written.results

    def _queued(self) -> None:
        """Do at once what takes no time, and have the rest done."""
        if self.embedder is not None and vectors.kind_of(self.embedder) == "static":
            while self._services.one(("near", "vectorise")):
                pass
        if self._worker is not None:
            self._worker.wake()

    def update(
        self,
        id: str,
        *,
        text: str | None = None,
        facets: Sequence[Facet] | None = None,
        event: Event | None = None,
    ) -> Unit:
        """Correct a unit: a new version is kept beside the old one, which is superseded; gives the new one.

        Raises `InvalidValueError` for an unknown id, one that is superseded already, or when nothing is to change.
        """
        unit = change.update(self.store, self.scope, id, text, facets, event, now_us=self._now_us())
        self._queued()
        return unit

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was added so far has its vectors and was extracted from; False when `timeout` came first.

        The work is done here, unless another thread or process is at it. What fails for good counts as done; `stats`
        tells of it.
        """
        return self._services.flush(timeout)

    def consolidate(self, max_clusters: int | None = None) -> ConsolidationReport:
        """Make abstracts of units that tell of the same, and mark what is superseded; see `ConsolidationReport`.

        Running it again without new units changes nothing. `busy` is True when another process is at it.
        """
        return self._services.consolidated(max_clusters)

    # -- searching ------------------------------------------------------------------------------------------------

    def search(
        self,
        query: str,
        *,
        k: int | None = None,
        at: datetime | None = None,
        filters: Filters | None = None,
        tiers: Sequence[Tier] | None = None,
        explain: bool = False,
    ) -> list[MemoryHit]:
        """The units that tell most about a question, best first.

        Without `k` their number follows from the question. `at` is when the question is asked ("yesterday" in it is the
        day before), by default now. `filters` are hard; what is read from the question itself only ranks. `explain`
        adds the score of each view.
        """
        at_us, offset = self._at(at)
        return look.search(
            self.store,
            self.scope,
            query,
            config=self.config,
            embedder=self.embedder,
            k=k,
            at_us=at_us,
            offset_minutes=offset,
            filters=filters,
            tiers=tiers,
            explain=explain,
            llm=self.llm,
        )

    def context(
        self,
        query: str,
        *,
        budget_tokens: int | None = None,
        k: int | None = None,
        at: datetime | None = None,
        filters: Filters | None = None,
    ) -> Context:
        """What to put before a model that is asked the question: dated, cited lines of at most `budget_tokens` tokens.

        Nothing found gives an empty context with `found` False.
        """
        at_us, offset = self._at(at)
        return look.context(
            self.store,
            self.scope,
            query,
            config=self.config,
            embedder=self.embedder,
            k=k,
            budget_tokens=self.config.budget_tokens if budget_tokens is None else budget_tokens,
            count=self.count,
            at_us=at_us,
            offset_minutes=offset,
            filters=filters,
            llm=self.llm,
        )

    def calibrate(
        self, questions: Sequence[tuple[str, Sequence[str]]], *, at: datetime | None = None
    ) -> calibrate.Calibration:
        """Fit the weights of search to questions, each with the ids of the messages that answer it.

        Nothing changes by that: open the memory with `MemoryConfig(weights=calibration.weights)` to use them. Raises
        `InvalidValueError` when none of the questions has an answer here.
        """
        at_us, offset = self._at(at)
        scope_id = self.store.scope_id(self.scope) if self.store.present else None
        if scope_id is None:
            raise InvalidValueError(f"the scope {'/'.join(self.scope)} is empty; add messages before calibrating")
        request = recall.Request(self.store, scope_id, self.config, at_us, self.embedder, offset_minutes=offset)
        return calibrate.calibrate(request, questions)

    def _at(self, at: datetime | None) -> tuple[int, int]:
        if at is None:
            return self._now()
        if not isinstance(at, datetime):
            raise InvalidValueError(f"the time a question is asked at is a datetime, not {at!r}")
        if at.tzinfo is None:
            at = at.replace(tzinfo=self.config.zone())
        return to_us(at), offset_of(at)

    # -- looking --------------------------------------------------------------------------------------------------

    def get(self, id: str) -> Unit | None:
        """The unit of this id, or the one a message of this id went into; None when there is none."""
        return look.get(self.store, self.scope, id)

    def history(self, id: str) -> list[Unit]:
        """All versions of a unit and what it superseded, oldest first."""
        return look.history(self.store, self.scope, id)

    def stats(self) -> MemoryStats:
        """How much the scope holds, and what waits or failed."""
        return checks.stats(self.store, self.scope, self.config)

    def check(self) -> CheckReport:
        """Look for anything inconsistent in the file: damaged pages, orphans, an index that differs from its texts."""
        return checks.check(self.store, self.config)

    def audit(self, limit: int = 100) -> list[dict[str, Any]]:
        """What was done to the scope, newest first: action, time and counts, never content."""
        return checks.audit(self.store, self.scope, limit)

    # -- forgetting and moving --------------------------------------------------------------------------------------

    def forget(
        self,
        ids: str | Sequence[str] | None = None,
        *,
        filters: Filters | None = None,
        everything: bool = False,
        hard: bool = True,
        dry_run: bool = False,
    ) -> ForgetReport:
        """Forget messages and all that was made of them, by id, by filter, or the whole scope.

        `hard` erases for good, down to the bytes in the file; otherwise they are hidden, can be brought back with
        `restore`, and are erased after `tombstone_days`. `dry_run` only counts. Raises `InvalidValueError` unless told
        exactly one of ids, filters and `everything`, and for an unknown id; then nothing is forgotten.
        """
        names = _ids(ids)
        report = forget.forget(
            self.store,
            self.scope,
            ids=names,
            filters=filters,
            everything=everything,
            hard=hard,
            dry_run=dry_run,
            config=self.config,
            now_us=self._now_us(),
        )
        if not dry_run:
            self._queued()
        return report

    def restore(self, ids: str | Sequence[str] | None = None) -> int:
        """Bring back what was softly forgotten, all of it without ids; how many units return."""
        names = _ids(ids)
        return forget.restore(self.store, self.scope, names, self._now_us())

    def export(self, file: IO[str]) -> int:
        """Write the scope as JSON lines, without vectors; how many lines. `import_` makes an equal scope of them."""
        return exchange.export(self.store, self.scope, file)

    def import_(self, file: IO[str], *, format: str = "memory") -> list[AddResult]:
        """Add what `export` wrote ("memory"), or a chat ("chat.jsonl": an object with text and speaker on each line).

        All is added or nothing; a result for each message. Raises `LoadError` naming the line that cannot be read.
        """
        if format not in exchange.FORMATS:
            raise InvalidValueError(f"there is no format {format!r}; formats are {', '.join(exchange.FORMATS)}")
        if format == "chat.jsonl":
            now_us, now_tz = self._now()
            taken = exchange.chat(file, lambda message: accept(message, self.scope, self.config, now_us, now_tz))
            return self._add(list(taken), now_us)
        results = exchange.import_(self.store, self.scope, file, now_us=self._now_us())
        if self.embedder is not None:
            with self.store.write() as connection:
                vectors.registered(connection, self.embedder)
                jobs.enqueue(connection, made_scope(connection, self.scope), "vectorise", once=True)
            self._queued()
        return results

    def reindex(self, embedder: str | Embedder | Any | None = None) -> int:
        """Embed everything in the file anew with a model, and use it from now on; how many vectors were made.

        The new vectors are written beside the old ones, search goes on meanwhile, and one transaction switches over.
        Killed before that, it continues where it was when called again.
        """
        new = chosen_embedder(self.store, embedder, check=False) if embedder is not None else self.embedder
        if new is None:
            raise InvalidValueError("reindex needs an embedder; name one, such as 'static' or 'minilm'")
        done = fill.reindex(self.store, new, self.config)
        self.embedder = self._writer.embedder = self._services.embedder = new
        return done

    # -- ending ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the worker and close the file; closing twice is harmless. What is queued stays queued."""
        if self._worker is not None:
            self._worker.stop()
        self.store.close()

    # The last of the methods, as its name hides the type in the signatures after it.
    def list(self, filters: Filters | None = None, *, limit: int = 100, cursor: str | None = None) -> Page:
        """Units in the order they were made, `limit` at a time; `cursor` is that of the page before."""
        return look.page(self.store, self.scope, filters, limit, cursor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Memory({self.path!r}, scope={self.scope!r})"


def _ids(ids: str | Sequence[str] | None) -> Sequence[str]:
    names = [ids] if isinstance(ids, str) else ids or []
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InvalidValueError(f"ids are texts, as add and search give them; not {ids!r}")
    return [sound(name) for name in names]


def _chat_model(llm: str | BaseChatModel | None) -> BaseChatModel | None:
    if llm is None:
        return None
    from ragkit.models.chat import load_chat_model

    return load_chat_model(llm)
