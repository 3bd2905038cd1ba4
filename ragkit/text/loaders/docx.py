"""DOCX, by python-docx: headings, paragraphs, lists and tables in the order of the document."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from ragkit.errors import LoadError, require
from ragkit.text.loaders.items import FileItem
from ragkit.text.normalise import clean
from ragkit.types import Document

# A document of text packs to a fifth or a tenth of its size; what packs better by far is made to fill the memory.
_MOST_PACKED = 200
_HARMLESS = 20_000_000
_MOST_PARTS = 20_000
_HEADING = re.compile(r"heading (\d)", re.I)
_LIST = re.compile(r"list (bullet|number|paragraph)", re.I)
_SPACE = re.compile(r"[ \t\r\f\v]+")


def read_docx(item: FileItem) -> Iterator[Document | LoadError]:
    """One document; its title is that of the file's properties, else the first paragraph styled as title or heading.

    Raises `LoadError` when the file is broken, encrypted, or would unpack to more than the limit.
    """
    docx = require("docx", extra="docx", purpose="reading DOCX")
    data = item.data()
    check_archive(item, data)
    try:
        file = docx.Document(io.BytesIO(data))
        lines = list(_lines(file))
        title = clean(str(file.core_properties.title or "")).strip()
    except MemoryError:
        raise
    except Exception as error:  # python-docx meets broken files with exceptions of every kind
        raise LoadError(item.source, f"the DOCX is damaged ({type(error).__name__}: {str(error)[:120]})") from error
    parts: list[str] = []
    outline: list[list[Any]] = []
    length = 0
    for gap, level, line in lines:
        gap = gap if parts else ""
        if level:
            outline.append([length + len(gap), level, line.replace("\n", " ")])
        parts += (gap, line)
        length += len(gap) + len(line)
    first = outline[0][2] if outline else ""
    yield item.document("".join(parts), {"title": title or first, "outline": outline or None}, media_type=_MEDIA_TYPE)


_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def check_archive(item: FileItem, data: bytes) -> None:
    """Raise `LoadError` when a zip archive is broken, encrypted, or a bomb. Nothing is unpacked.

    The sizes its directory states are upper bounds of what is ever unpacked, whether they are true or not.
    """
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise LoadError(item.source, "it is an old .doc or an encrypted document; save it as an open DOCX")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise LoadError(item.source, f"it is not a DOCX file, or damaged ({error})") from error
    size = sum(part.file_size for part in parts)
    if size > item.max_bytes or len(parts) > _MOST_PARTS or (size > _HARMLESS and size > _MOST_PACKED * len(data)):
        raise LoadError(
            item.source,
            f"{len(data) / 1e6:.1f} MB would unpack to {size / 1e6:,.1f} MB in {len(parts)} parts: a zip bomb?",
        )
    if any(part.flag_bits & 1 for part in parts):
        raise LoadError(item.source, "the DOCX is encrypted; save it without a password and add it again")


def _lines(file: Any) -> Iterator[tuple[str, int, str]]:
    """The gap before, heading level (0 for none) and text of each paragraph and table row that is not empty."""
    before = ""
    for block in file.iter_inner_content():
        if hasattr(block, "rows"):
            for place, row in enumerate(_rows(block)):
                yield "\n" if place else "\n\n", 0, row
            before = "table"
            continue
        text = clean(_SPACE.sub(" ", block.text)).strip()
        if not text:
            continue
        style = str(getattr(block.style, "name", None) or "")
        heading = _HEADING.match(style)
        listed = bool(_LIST.match(style)) or block._p.pPr is not None and block._p.pPr.numPr is not None
        if heading or style == "Title":
            yield "\n\n", min(6, max(1, int(heading[1]))) if heading else 1, text
        elif listed:
            yield "\n" if before == "list" else "\n\n", 0, f"- {text}"
        else:
            yield "\n\n", 0, text
        before = "list" if listed else "text"


def _rows(table: Any) -> Iterator[str]:
    """Each row as "cell | cell"; a merged cell is given once, a table inside a cell in its place."""
    for row in table.rows:
        cells: list[str] = []
        seen: set[int] = set()
        for cell in row.cells:
            if id(cell._tc) not in seen:
                seen.add(id(cell._tc))
                cells.append(_cell_text(cell))
        if any(cells):
            yield " | ".join(cells)


def _cell_text(cell: Any) -> str:
    pieces = ("; ".join(_rows(block)) if hasattr(block, "rows") else block.text for block in cell.iter_inner_content())
    return clean(" ".join(" ".join(pieces).split()))
