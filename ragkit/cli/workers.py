"""Processes for `add --jobs` that an interruption ends within a moment.

Ctrl-C reaches the whole group of processes. A worker that is computing gives up its batch; one that is sending a result
or waiting is left in peace, because a message cut in half would block this process for ever. Nothing is lost: what a
worker was at has not been written yet, and the next `add` does it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from types import FrameType
from typing import Any


@contextmanager
def workers(jobs: int) -> Iterator[ProcessPoolExecutor | None]:
    """Processes to spread the work over, or None for one job."""
    if jobs == 1:
        yield None
        return
    pool = _Pool(jobs, mp_context=get_context("spawn"), initializer=_prepare_worker)
    try:
        yield pool
    except KeyboardInterrupt:
        for worker in active_children():
            if worker.pid is not None:
                os.kill(worker.pid, signal.SIGINT)  # the interruption may have been sent to this process alone
        raise
    finally:
        pool.shutdown(cancel_futures=True)


class _Pool(ProcessPoolExecutor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        # New processes inherit the blocked signal, so that they are not hit before they can handle it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(_work, fn, args, kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@dataclass(slots=True)
class _Worker:
    """What this process is about, when it is a worker."""

    working: bool = False
    stopped: bool = False


_worker = _Worker()


def _prepare_worker() -> None:
    signal.signal(signal.SIGINT, _stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _stop(number: int, frame: FrameType | None) -> None:
    _worker.stopped = True
    if _worker.working:
        raise KeyboardInterrupt


def _work(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if _worker.stopped:
        raise KeyboardInterrupt
    _worker.working = True
    try:
        return function(*args, **kwargs)
    finally:
        _worker.working = False
