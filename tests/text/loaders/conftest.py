from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ragkit.errors import LoadError
from ragkit.text.loaders import FileItem, Load
from ragkit.types import Document, Metadata, Source

Loaded = list[Document | LoadError]


def read_all(source: Source, loader: Load | None = None) -> Loaded:
    """Everything a source gives, documents and errors."""
    found: Loaded = []
    for item in (loader or Load()).discover(source):
        found += item.documents() if isinstance(item, FileItem) else [item]
    return found


@pytest.fixture
def read_source() -> Callable[..., Loaded]:
    """Everything a source gives, documents and errors."""
    return read_all


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Loaded]:
    """Write a file of this name into an empty folder and read it, by its bare name."""
    monkeypatch.chdir(tmp_path)

    def write_and_read(
        name: str,
        content: str | bytes,
        *,
        loader: Load | None = None,
        media_type: str | None = None,
        metadata: Metadata | None = None,
    ) -> Loaded:
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
        return read_all(Source(name, media_type=media_type, metadata=metadata or {}), loader)

    return write_and_read


@pytest.fixture
def read_one(read: Callable[..., Loaded]) -> Callable[..., Document]:
    """The same for a file that gives one document."""

    def only(name: str, content: str | bytes, **settings: object) -> Document:
        [document] = read(name, content, **settings)
        assert isinstance(document, Document), document
        return document

    return only
