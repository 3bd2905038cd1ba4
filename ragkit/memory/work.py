"""The jobs of a scope, done one by one: by the caller of `flush`, or by a thread in the background."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.errors import RagkitError
from ragkit.memory import consolidate, extraction, fill, forget, jobs, near
from ragkit.memory.config import MemoryConfig
from ragkit.memory.store import MemoryStore, Scope
from ragkit.memory.types import ConsolidationReport

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragkit.components import Embedder

log = logging.getLogger(__name__)

SOON = ("near", "vectorise", "extract")  # what `flush` waits for
ALL = (*SOON, "consolidate", "erase", "purge")
TRIES = 5  # for jobs that ask no chat model
FOREVER = 10**9  # what was erased is erased in the end
POLL_SECONDS = 5.0  # how often a worker looks for jobs that others queued


@dataclass(slots=True)
class Services:
    """What jobs need: the store, one scope of it, the settings, the models, the time."""

    store: MemoryStore
    scope: Scope
    config: MemoryConfig
    embedder: Embedder | None
    llm: BaseChatModel | None
    now_us: Callable[[], int]

    def kinds(self, wanted: Sequence[str]) -> list[str]:
        """The jobs that can be done with these models."""
        lacking = set()
        if self.embedder is None:
            lacking |= {"near", "vectorise"}
        if self.llm is None:
            lacking.add("extract")
        return [kind for kind in wanted if kind not in lacking]

    def one(self, wanted: Sequence[str] = ALL, *, early: bool = False, newest: int | None = None) -> bool:
        """Do the next job that is due, if there is one; whether there was."""
        kinds = self.kinds(wanted)
        if not kinds or not self.store.present:
            return False
        scope_id = self.store.scope_id(self.scope)
        job = jobs.claim(self.store, scope_id, kinds, self.config.lease_seconds, early=early, newest=newest)
        if job is None:
            return False
        self._do(job)
        return True

    def _do(self, job: jobs.Job) -> None:
        tries = {"extract": self.config.llm_retries, "erase": FOREVER}.get(job.kind, TRIES)
        try:
            error = self._done(job)
        except RagkitError as problem:
            error = type(problem).__name__
        except Exception as problem:  # a model of the user's may raise anything; the job says so and the worker lives
            log.debug("a %s job failed", job.kind, exc_info=True)  # its words may tell what was said
            error = type(problem).__name__
        if error:
            log.warning("a %s job failed at attempt %d: %s", job.kind, job.attempts, error)
            jobs.fail(self.store, job, error, tries)
            return
        with self.store.write(changes=False) as connection:
            jobs.finish(connection, job)

    def _done(self, job: jobs.Job) -> str:
        """Do a job; what went wrong, "" when nothing did."""
        store, config = self.store, self.config
        scope_id = job.scope_id or 0
        match job.kind:
            case "vectorise" if self.embedder is not None:
                return fill.fill(store, scope_id, self.embedder, config).error
            case "near" if self.embedder is not None:
                pairs = [(int(newer), int(older)) for newer, older in job.payload.get("pairs", [])]
                near.link(store, scope_id, pairs, self.embedder, config)
            case "extract" if self.llm is not None:
                extraction.extract(store, scope_id, job, self.llm, config, self.now_us())
            case "consolidate":
                self.consolidated(None, held=True)
            case "erase":
                return "" if forget.finish(store) else "a reader of an older state holds the log"
            case "purge":
                forget.purge(store, self.scope, config, self.now_us())
        return ""

    def consolidated(self, max_clusters: int | None, *, held: bool = False) -> ConsolidationReport:
        """Consolidate the scope; `held` when its lease is ours."""
        return consolidate.consolidate(
            self.store,
            self.scope,
            config=self.config,
            now_us=self.now_us(),
            embedder=self.embedder,
            llm=self.llm,
            max_clusters=max_clusters,
            held=held,
        )

    def flush(self, timeout: float | None) -> bool:
        """Do what was queued so far, and wait for what others are doing of it; False when time ran out."""
        if not self.store.present:
            return True
        newest = jobs.newest(self.store)
        until = None if timeout is None else time.monotonic() + timeout
        while until is None or time.monotonic() < until:
            if self.one(SOON, early=True, newest=newest):
                continue
            scope_id = self.store.scope_id(self.scope)
            if not jobs.waiting(self.store, scope_id, self.kinds(SOON), newest):
                return True
            time.sleep(0.05)
        return False


class Worker:
    """A thread that does the jobs of one scope as they come; it begins with the first one and ends with `stop`."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._wake = threading.Event()
        self._stop = threading.Event()

    def wake(self) -> None:
        """There is something to do."""
        if self._thread is None or self._pid != os.getpid():
            self._wake, self._stop, self._pid = threading.Event(), threading.Event(), os.getpid()
            self._thread = threading.Thread(target=self._run, name="ragkit-memory", daemon=True)
            self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        """End after the job at hand."""
        if self._thread is None or self._pid != os.getpid():
            return
        self._stop.set()
        self._wake.set()
        self._thread.join()
        self._thread = None

    def _run(self) -> None:
        stop, wake = self._stop, self._wake
        while not stop.is_set():
            try:
                while not stop.is_set() and self.services.one():
                    pass
            except RagkitError as error:
                log.warning("the memory's worker could not reach %s: %s", self.services.store.path, error)
            wake.wait(POLL_SECONDS)
            wake.clear()
