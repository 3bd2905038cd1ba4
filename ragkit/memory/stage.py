"""The stage `memory`: what was said, beside what is written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.components import Library
from ragkit.errors import InvalidValueError
from ragkit.filters import matcher
from ragkit.types import Document, Hit, Hits, Query

if TYPE_CHECKING:
    from ragkit.components import Embedder
    from ragkit.memory.memory import Memory
    from ragkit.memory.types import MemoryHit, Message

_FILTERED = 5  # times as many units are looked at when a filter will drop some


class MemoryStage:
    """Finds what was said in a memory; each hit is a message, word for word, cited as "memory: Ann, 8 May 2023".

    `scope` is one label or several, "tenant/user". The memory is that of the knowledge base's own file, or of `db`.
    `embedder` must be the one the memory was made with ("auto" knows it, "" searches without vectors). `at` is when
    questions are asked, as an ISO time, if not now: it decides what "yesterday" means in them.
    """

    def __init__(
        self, scope: str = "default", db: str = "", embedder: str | Embedder | Any = "auto", at: str = ""
    ) -> None:
        self.labels = tuple(label.strip() for label in scope.split("/"))
        if not all(self.labels):
            raise InvalidValueError(f"memory: {scope!r} is no scope; write one label, or several as in 'tenant/user'")
        self.scope, self.db, self.embedder = scope, db, embedder
        self.at = _moment(at)
        self._path = db
        self._opened: Memory | None = None
        self._lock = threading.Lock()

    def attach(self, library: Library) -> None:
        """Take note of the file whose memory is asked."""
        self._path = self.db or library.path

    @property
    def memory(self) -> Memory:
        """The memory, opened for reading. Raises `InvalidValueError` when there is no file to open."""
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> Memory:
        from ragkit.memory.memory import Memory

        if not self._path:
            raise InvalidValueError(
                "memory: there is no file to read; use it in a knowledge base, or name one with db="
            )
        if self._path == ":memory:":
            raise InvalidValueError("memory: a store in ':memory:' shows its memory to nobody else; use a file, or db=")
        if not Path(self._path).is_file():
            raise InvalidValueError(f"memory: there is no file {self._path}; add to it first, with `ragkit remember`")
        return Memory(
            self._path, scope=self.labels, embedder=self.embedder or None, create=False, read_only=True, worker=False
        )

    def search(self, query: Query, k: int) -> Hits:
        """Messages that bear on the question, best first; `why` tells the unit that led to each, and when it was said.

        The filter of the query is put to the messages' metadata: what they were added with, and `speaker`, `session`,
        `said` (an ISO time), `event` (an ISO day), `scope`.
        """
        if k <= 0:
            return Hits(query)
        passes = matcher(query.filter)
        asked = k * _FILTERED if query.filter else k
        units = self.memory.search(query.text, k=asked, at=self.at)
        found: dict[str, Hit] = {}
        for rank, unit in enumerate(units, 1):
            for document in self._documents(unit):
                if document.id in found or not passes({**document.metadata, "source": document.source}):
                    continue
                why = {"memory": {"rank": rank, "score": unit.score, "unit": unit.id, "kind": unit.kind}}
                found[document.id] = Hit(document.chunk(0, len(document.text)), unit.score, why)
        best = sorted(found.values(), key=lambda hit: (-hit.score, hit.chunk.id))
        return Hits(query, tuple(best[:k]))

    def document(self, id: str) -> Document | None:
        """The message a hit was made of, by the id of its document; None when it is not of this memory."""
        prefix = self._id("")
        if not id.startswith(prefix) or not Path(self._path).is_file():
            return None
        unit = self.memory.get(id.removeprefix(prefix))
        for message in unit.sources if unit is not None else ():
            if self._id(message.id or "") == id:
                return self._document(message, message.speaker, None)
        return None

    def _documents(self, hit: MemoryHit) -> Iterator[Document]:
        """The messages behind a unit: of a turn that was said more than once, the last; of others all, newest first."""
        unit = self.memory.get(hit.id)
        if unit is None:  # forgotten since it was found
            return
        messages = unit.sources[-1:] if unit.kind == "turn" else unit.sources[::-1]
        event = "" if unit.event.granularity == "said" else unit.event.start.date().isoformat()
        for message in messages:
            if message.text.strip():
                yield self._document(message, message.speaker, event)

    def _document(self, message: Message, speaker: str, event: str | None) -> Document:
        when = message.time
        day = f"{when.day} {when:%B} {when.year}" if when is not None else ""
        by = ", ".join(part for part in (speaker, day) if part)
        own = {
            "title": by,
            "speaker": speaker,
            "session": message.session or "",
            "said": when.isoformat() if when is not None else "",
            "event": event or "",
            "scope": self.scope,
        }
        return Document(
            id=self._id(message.id or ""),
            text=message.text,
            source=f"memory: {by}" if by else "memory",
            metadata={**message.metadata, **{key: value for key, value in own.items() if value}},
        )

    def _id(self, message: str) -> str:
        return f"memory:{'/'.join(self.labels)}/{message}"


def _moment(at: str) -> datetime | None:
    if not at:
        return None
    try:
        return datetime.fromisoformat(at)
    except ValueError as error:
        raise InvalidValueError(f"memory: at={at!r} is no time; write it like 2023-05-08T14:00") from error
