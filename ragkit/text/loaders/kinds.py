"""Which reader a file needs, by its name and its first bytes."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import BinaryIO

from ragkit.text.encoding import NotTextError, check_text, marked

HEAD = 8192  # bytes that are looked at

BY_SUFFIX = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mdx"), "markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    ".pdf": "pdf",
    ".docx": "docx",
}
BY_MEDIA_TYPE = {
    "text/plain": "text",
    "text/markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}
_SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x7fELF", "a program"),
    (b"\xd0\xcf\x11\xe0", "an old Office file (or an encrypted one)"),
)
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html[\s>])", re.I | re.S
)


def kind_of(path: Path, file: BinaryIO) -> str:
    """The reader for an open file: its content decides when it is unmistakable, else its name, else it is text.

    Raises `NotTextError` when it is binary and of no kind there is a reader for.
    """
    head = file.read(HEAD)
    named = BY_SUFFIX.get(path.suffix.lower(), "")
    if b"%PDF-" in head[:1024] and (named in ("", "pdf") or head.startswith(b"%PDF-")):
        return "pdf"
    if head.startswith(b"PK\x03\x04") and (named == "docx" or _holds_word(file)):
        return "docx"
    if named in ("pdf", "docx"):
        return named
    if not marked(head):
        _check(head, named)
    if not named and _HTML.match(head):
        return "html"
    return named or "text"


def signed(head: bytes) -> str:
    """What a file that begins like this is, by its signature, when that is nothing there is a reader for; else ""."""
    return next((what for signature, what in _SIGNATURES if head.startswith(signature)), "")


def _check(head: bytes, named: str) -> None:
    if what := signed(head):
        raise NotTextError(f"it is {what}, which ragkit does not read")
    if named != "jsonl":  # whose lines are judged one by one
        check_text(head)


def _holds_word(file: BinaryIO) -> bool:
    try:
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            return "word/document.xml" in archive.NameToInfo
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
