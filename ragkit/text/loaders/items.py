"""One thing to load: a file, or a text given directly."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from ragkit.errors import LoadError, MissingExtraError
from ragkit.text.encoding import NotTextError
from ragkit.text.heads import LONGEST_TITLE
from ragkit.text.normalise import clean
from ragkit.types import Document, Metadata

_BLOCK = 1 << 20
_MOST_ERRORS = 100


class SkippedError(LoadError):
    """A source was left out on purpose: it is empty, binary, or has been seen already. Nothing went wrong."""


@dataclass(frozen=True, slots=True)
class FileItem:
    """A file (or a text given directly) that will give documents; nothing is read before it is asked.

    `source` names it for people and in every document it gives; `kind` says which reader reads it. It can be pickled,
    so that files can be read in other processes.
    """

    source: str
    kind: str
    path: Path | None = None
    text: str = ""
    media_type: str = ""
    metadata: Metadata = field(default_factory=dict)
    max_bytes: int = 100_000_000
    raw: bool = False  # whether an extractor follows that wants what the documents are read from

    def digest(self) -> str:
        """A hash of everything the documents are made of: equal digests, equal documents.

        The file is read in blocks. Raises `LoadError` when it cannot be.
        """
        said = json.dumps([self.kind, self.media_type, self.metadata], sort_keys=True, default=str)
        state = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16)
        if self.path is None:
            state.update(self.text.encode("utf-8", "surrogatepass"))
            return state.hexdigest()
        try:
            with self.open() as file:
                while block := file.read(_BLOCK):
                    state.update(block)
        except OSError as error:
            raise LoadError(self.source, reason_of(error)) from error
        return state.hexdigest()

    def documents(self) -> Iterator[Document | LoadError]:
        """The documents, one at a time; in place of one that cannot be read, the `LoadError` that says why.

        An error about one record of a file names its line, "papers.jsonl:17"; the other records follow. After a
        hundred such errors the others are only counted.
        """
        from ragkit.text.loaders.readers import READERS

        errors = 0
        try:
            for result in READERS[self.kind](self):
                errors += isinstance(result, LoadError)
                if errors <= _MOST_ERRORS or not isinstance(result, LoadError):
                    yield result
        except LoadError as error:
            yield error
        except NotTextError as error:
            yield SkippedError(self.source, str(error))
        except MissingExtraError as error:
            yield LoadError(self.source, str(error))
        except OSError as error:
            yield LoadError(self.source, reason_of(error))
        if errors > _MOST_ERRORS:
            yield LoadError(self.source, f"{errors - _MOST_ERRORS} more of its records could not be read")

    def open(self) -> BinaryIO:
        """The file, opened for reading bytes. Raises `OSError`."""
        if self.path is None:
            raise LoadError(self.source, f"a text given directly cannot be read as {self.kind}; give the file's path")
        return open(self.path, "rb")

    def data(self) -> bytes:
        """The bytes of the file. Raises `OSError`, and `LoadError` when they are more than `max_bytes`."""
        with self.open() as file:
            self.check_size(os.fstat(file.fileno()).st_size)
            data = file.read(self.max_bytes + 1)
        self.check_size(len(data))
        return data

    def check_size(self, size: int) -> None:
        """Raise `LoadError` when a size in bytes is more than `max_bytes`."""
        if size > self.max_bytes:
            limit = self.max_bytes / 1e6
            raise LoadError(
                self.source,
                f"{size / 1e6:,.1f} MB is more than the limit of {limit:g} MB; raise it with load(max_mb=…)",
            )

    def document(
        self, text: str, found: Metadata, *, id: str = "", media_type: str = "", raw: bytes | None = None
    ) -> Document:
        """A document of this item. What was found out about it (`title`, …) yields to the metadata of its source.

        Raises `SkippedError` when the text holds nothing but white space, and there is nothing `raw` to read it from.
        """
        text = clean(text)
        if not text.strip() and raw is None:
            raise SkippedError(self.source, "it is empty")
        if isinstance(found.get("title"), str):
            found = {**found, "title": found["title"].strip()[:LONGEST_TITLE].rstrip()}
        known = {name: value for name, value in found.items() if value not in ("", None)}
        return Document(
            id=id or self.source,
            text=text,
            source=self.source,
            media_type=self.media_type or media_type or "text/plain",
            metadata={**known, **self.metadata},
            raw=raw,
        )


def reason_of(error: OSError) -> str:
    """What an operating system error means, for people."""
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, FileNotFoundError):
        return "there is no such file or folder"
    return (error.strerror or str(error) or type(error).__name__).lower()
