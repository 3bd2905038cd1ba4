"""PDF, by pypdf: the text of each page, and where each page begins."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from typing import Any

from ragkit.errors import LoadError, require
from ragkit.text.loaders.items import FileItem
from ragkit.text.normalise import clean
from ragkit.types import Document

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_HYPHENATED = re.compile(r"(?<=[^\W\d_][^\W\d_])[-\u00ad\u2010]\n(?=[a-zà-öø-ÿ]{2})")
_NO_TITLE = re.compile(r"untitled|microsoft word|\.(?:docx?|pdf|tex|dvi|indd|odt|rtf|pptx?|xlsx?)$|^\W*$", re.I)
_SENTENCE_END = tuple('.!?:…。！？"”’)')


def read_pdf(item: FileItem) -> Iterator[Document | LoadError]:
    """One document. `metadata["pages"]` lists where each page begins in its text.

    Words hyphenated at a line's end are joined. The title is that of the file's properties unless it is a file name.
    Raises `LoadError` when the file is encrypted with a password, broken, or holds no text.
    """
    pypdf = require("pypdf", extra="pdf", purpose="reading PDF")
    logger = logging.getLogger("pypdf")
    if not logger.handlers:
        # Its remarks on broken files go to whoever listens, not to the terminal of whoever does not.
        logger.addHandler(logging.NullHandler())
    data = item.data()
    try:
        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        _unlock(item, pypdf, reader)
        pages = [_page_text(page) for page in reader.pages]
        title = _title(reader)
    except (LoadError, MemoryError):
        raise
    except Exception as error:  # pypdf meets broken files with exceptions of every kind
        raise LoadError(item.source, f"the PDF is damaged ({type(error).__name__}: {str(error)[:120]})") from error
    if not any(pages):
        raise LoadError(item.source, f"the PDF holds no text ({len(pages)} pages); it may be a scan and need OCR first")
    text, starts = _joined(pages)
    yield item.document(text, {"title": title, "pages": starts}, media_type="application/pdf")


def _unlock(item: FileItem, pypdf: Any, reader: Any) -> None:
    """Open a file that is encrypted without a password, as many are; say so of others."""
    if not reader.is_encrypted:
        return
    try:
        opened = reader.decrypt("")
    except (pypdf.errors.DependencyError, NotImplementedError) as error:
        raise LoadError(item.source, f"the PDF is encrypted in a way that cannot be read here: {error}") from error
    if not opened:
        raise LoadError(item.source, "the PDF is encrypted with a password; save it without one and add it again")


def _page_text(page: Any) -> str:
    text = clean(page.extract_text())
    lines = (line.rstrip() for line in _CONTROLS.sub("", text).replace("\f", "\n").split("\n"))
    return _HYPHENATED.sub("", "\n".join(lines)).strip()


def _title(reader: Any) -> str:
    title = _CONTROLS.sub("", str(getattr(reader.metadata, "title", None) or "")).strip()
    return "" if _NO_TITLE.search(title) else clean(title)


def _joined(pages: list[str]) -> tuple[str, list[int]]:
    """The pages as one text, and where each begins. A sentence that runs on to the next page is not torn apart."""
    parts: list[str] = []
    starts: list[int] = []
    length, before = 0, ""
    for page in pages:
        if before and page:
            gap = "\n" if page[0].islower() and not before.endswith(_SENTENCE_END) else "\n\n"
            parts.append(gap)
            length += len(gap)
        starts.append(length)
        parts.append(page)
        length += len(page)
        before = page or before
    return "".join(parts), starts
