"""JSON Lines: one document a line, read one at a time."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TextIO

from ragkit.errors import LoadError
from ragkit.text.encoding import marked
from ragkit.text.loaders.items import FileItem, SkippedError
from ragkit.text.loaders.kinds import HEAD
from ragkit.text.normalise import clean
from ragkit.types import Document

TEXT_FIELDS = ("text", "content", "body", "page_content")


def read_jsonl(item: FileItem) -> Iterator[Document | LoadError]:
    """A document for each line, which is an object with `text` (or `content`, `body`, `page_content`).

    `title` goes before the text, on a line of its own, and into the metadata with all other fields; the fields of a
    `metadata` object are taken out of it. The id is that of the record, else "path#line".
    """
    seen: dict[str, int] = {}
    for number, line in _lines(item):
        try:
            document = record_document(item, _parsed(item, number, line), number)
            if document.id in seen:
                raise LoadError(
                    at(item, number), f"its id {document.id!r} was already given in line {seen[document.id]}"
                )
            seen[document.id] = number
            yield document
        except LoadError as error:
            yield error


def record_document(item: FileItem, record: Mapping[str, Any], number: int) -> Document:
    """The document of one record; raises `LoadError` naming line `number` when it has no text or an unfit id."""
    name = next((name for name in TEXT_FIELDS if record.get(name) not in (None, "")), "")
    if not name:
        if any(name in record for name in TEXT_FIELDS):
            raise SkippedError(at(item, number), "its text is empty")
        raise LoadError(at(item, number), f"it has none of the fields {', '.join(TEXT_FIELDS)}, so no text")
    text, title, own = record[name], record.get("title"), record.get("id")
    for field, value in ((name, text), ("title", title or "")):
        if not isinstance(value, str):
            raise LoadError(at(item, number), f"its {field!r} should be a text but is {json.dumps(value)[:60]}")
    if own in (None, ""):
        own = f"{item.source}#{number}"
    elif isinstance(own, bool) or not isinstance(own, str | int):
        raise LoadError(at(item, number), f"its 'id' should be a text or a whole number but is {json.dumps(own)[:60]}")
    inner = record.get("metadata")
    metadata = {**(inner if isinstance(inner, dict) else {}), **record}
    for taken in (name, "id", *(("metadata",) if isinstance(inner, dict) else ())):
        metadata.pop(taken, None)
    try:
        return item.document(f"{title}\n{text}" if title else text, metadata, id=clean(str(own)))
    except SkippedError as error:
        raise SkippedError(at(item, number), "its text is empty") from error


def at(item: FileItem, number: int) -> str:
    """How a line of a file is named: "papers.jsonl:17"."""
    return f"{item.source}:{number}"


def _lines(item: FileItem) -> Iterator[tuple[int, str | LoadError]]:
    """The numbered lines that are not blank; a `LoadError` for one too long or not text."""
    if item.path is None:
        yield from ((number, line) for number, line in enumerate(io.StringIO(item.text), 1) if line.strip())
        return
    with item.open() as file:
        encoding = marked(file.read(HEAD))
        file.seek(0)
        if encoding.startswith(("utf-16", "utf-32")):
            wrapped = io.TextIOWrapper(file, encoding, errors="replace", newline="\n")
            yield from _wide_lines(item, wrapped)
            return
        number = 0
        while line := file.readline(item.max_bytes + 1):
            number += 1
            if len(line) > item.max_bytes:
                while not line.endswith(b"\n") and (line := file.readline(1 << 20)):
                    pass
                yield number, too_long_error(item, number)
            elif line.strip():
                try:
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    yield number, LoadError(at(item, number), f"it is not UTF-8 (byte {error.start + 1} of the line)")


def _wide_lines(item: FileItem, file: TextIO) -> Iterator[tuple[int, str | LoadError]]:
    number = 0
    while line := file.readline(item.max_bytes + 1):
        number += 1
        if len(line) > item.max_bytes:
            while not line.endswith("\n") and (line := file.readline(1 << 20)):
                pass
            yield number, too_long_error(item, number)
        elif line.strip("\ufeff \t\r\n"):
            yield number, line.removeprefix("\ufeff")


def too_long_error(item: FileItem, number: int) -> LoadError:
    """The error about a line longer than the item's limit."""
    return LoadError(at(item, number), f"it is longer than {item.max_bytes / 1e6:g} MB; raise that with load(max_mb=…)")


def _parsed(item: FileItem, number: int, line: str | LoadError) -> Mapping[str, Any]:
    if isinstance(line, LoadError):
        raise line
    try:
        record = json.loads(line, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise LoadError(
            at(item, number), f"it is not JSON: {error.msg.lower()} at character {error.pos + 1}"
        ) from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise LoadError(at(item, number), reason) from error
    if not isinstance(record, dict):
        raise LoadError(at(item, number), f"it should be a JSON object but is {json.dumps(record)[:60]}")
    try:
        return {clean(name): _cleaned(value) for name, value in record.items()}
    except RecursionError as error:
        raise LoadError(at(item, number), "it is nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _cleaned(value: Any) -> Any:
    """The same JSON value with texts that can be stored (see `clean`)."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if isinstance(value, dict):
        return {clean(name): _cleaned(one) for name, one in value.items()}
    return value
