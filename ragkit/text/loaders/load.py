"""The stage `load`: sources to documents."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated

from ragkit.components import Between
from ragkit.errors import LoadError
from ragkit.text.encoding import NotTextError
from ragkit.text.loaders.items import FileItem, SkippedError, reason_of
from ragkit.text.loaders.kinds import BY_MEDIA_TYPE, kind_of
from ragkit.text.loaders.walk import matches, name_of, walk
from ragkit.types import Document, Source

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class Load:
    """Reads files and folders: text, Markdown, HTML, PDF, DOCX, JSONL and CSV.

    `max_mb` is the size of the largest file read, or of the largest record of a JSONL or CSV file, which may be of any
    size. `hidden` includes files and folders whose name begins with a dot. `pattern` and `exclude` choose among the
    files of a folder: `"*.md, *.txt"`, or with a slash `"guide/*.md"`.

    A document's id is its source, the path as given with forward slashes. A record of a JSONL or CSV file has its own
    `id` when it gives one, else "path#line".
    """

    def __init__(
        self,
        max_mb: Annotated[float, Between(0.001, 100_000)] = 100,
        hidden: bool = False,
        pattern: str = "",
        exclude: str = "",
    ) -> None:
        self.max_bytes = int(max_mb * 1e6)
        self.raw = False  # set where the pipeline has extractors: documents then carry what they are read from
        self.hidden, self.pattern, self.exclude = hidden, pattern, exclude

    def load(self, source: Source) -> Iterator[Document]:
        """The documents of a source. Raises `LoadError` at the first that cannot be read; see `discover`.

        What is merely left out of a folder (an empty or binary file) raises nothing.
        """
        found = False
        for item in self.discover(source):
            for document in item.documents() if isinstance(item, FileItem) else [item]:
                if isinstance(document, Document):
                    found = True
                    yield document
                elif not isinstance(document, SkippedError) or document.source == name_of(Path(source.name)):
                    raise document
        if not found:
            raise SkippedError(source.name, "there is nothing in it to read")

    def discover(self, source: Source, *, leave_out: Collection[Path] = ()) -> Iterator[FileItem | LoadError]:
        """What there is to load in a source, and in place of what cannot be loaded the `LoadError` that says why.

        Files come in an order that depends on their names alone. Only their first bytes are read. `leave_out` names
        files to pass over in silence.
        """
        if source.text is not None:
            yield self._given(source)
        elif _URL.match(source.name):
            yield LoadError(source.name, "ragkit does not fetch pages; save the page and add the file")
        elif "\0" in source.name:
            yield LoadError(source.name.replace("\0", "\\0"), "a path cannot hold a NUL character")
        else:
            yield from self._files(source, {path.absolute() for path in leave_out})

    def _files(self, source: Source, leave_out: set[Path]) -> Iterator[FileItem | LoadError]:
        root = Path(source.name)
        nothing = True
        for path in walk(root, hidden=self.hidden):
            if isinstance(path, LoadError):
                nothing = False
                yield path
            elif (path == root or self._chosen(path, root)) and path.absolute() not in leave_out:
                nothing = False
                yield self._item(path, source)
        if nothing:
            chosen = f"no file in it fits pattern={self.pattern!r}" if self.pattern else "the folder holds no files"
            yield SkippedError(name_of(root), chosen + (f" outside exclude={self.exclude!r}" if self.exclude else ""))

    def _chosen(self, path: Path, root: Path) -> bool:
        wanted = not self.pattern or matches(path, root, self.pattern)
        return wanted and not (self.exclude and matches(path, root, self.exclude))

    def _item(self, path: Path, source: Source) -> FileItem | LoadError:
        name = name_of(path)
        try:
            with open(path, "rb") as file:
                kind = BY_MEDIA_TYPE.get(source.media_type or "") or kind_of(path, file)
                size = file.seek(0, 2)
        except OSError as error:
            return LoadError(name, reason_of(error))
        except NotTextError as error:
            return SkippedError(name, str(error))
        if not size:
            return SkippedError(name, "it is empty")
        item = FileItem(name, kind, path, "", source.media_type or "", source.metadata, self.max_bytes, self.raw)
        if kind not in ("jsonl", "csv"):
            try:
                item.check_size(size)
            except LoadError as error:
                return error
        return item

    def _given(self, source: Source) -> FileItem:
        media_type = source.media_type or ""
        kind = BY_MEDIA_TYPE.get(media_type, "text")
        return FileItem(
            source.name, kind, None, source.text or "", media_type, source.metadata, self.max_bytes, self.raw
        )
