"""Plain text and Markdown. The text is the file's own, so its offsets hold in the file too (line ends apart)."""

from __future__ import annotations

from collections.abc import Iterator

from ragkit.text.encoding import Decoded, decode
from ragkit.text.heads import front_matter, headings
from ragkit.text.loaders.items import FileItem
from ragkit.text.normalise import clean
from ragkit.types import Document


def decoded(item: FileItem) -> Decoded:
    """The text of an item, from its file or as given. Raises `NotTextError`, `LoadError` or `OSError`."""
    return Decoded(item.text, "utf-8") if item.path is None else decode(item.data())


def read_text(item: FileItem) -> Iterator[Document]:
    """One document, without a title: plain text has none that could be told from its first line."""
    found = decoded(item)
    yield item.document(found.text, found.metadata)


def read_markdown(item: FileItem) -> Iterator[Document]:
    """One document; its title is that of the front matter, else the first heading.

    What else the front matter says in one line each (`author: Ann`) becomes metadata.
    """
    found = decoded(item)
    text = clean(found.text)
    said = front_matter(text)[1]
    title = said.pop("title", "") or next((heading.title for heading in headings(text) if heading.title), "")
    yield item.document(text, {**said, **found.metadata, "title": title}, media_type="text/markdown")
