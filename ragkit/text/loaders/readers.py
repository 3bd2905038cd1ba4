"""The reader of each kind of file: an item to its documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ragkit.errors import LoadError
from ragkit.text.loaders.docx import read_docx
from ragkit.text.loaders.html import read_html
from ragkit.text.loaders.items import FileItem
from ragkit.text.loaders.jsonl import read_jsonl
from ragkit.text.loaders.pdf import read_pdf
from ragkit.text.loaders.plain import read_markdown, read_text
from ragkit.text.loaders.rows import read_csv
from ragkit.types import Document

# A reader yields documents and the errors of single records; it raises `LoadError`, `NotTextError` or `OSError` when
# the whole file cannot be read.
READERS: dict[str, Callable[[FileItem], Iterator[Document | LoadError]]] = {
    "text": read_text,
    "markdown": read_markdown,
    "html": read_html,
    "pdf": read_pdf,
    "docx": read_docx,
    "jsonl": read_jsonl,
    "csv": read_csv,
}
