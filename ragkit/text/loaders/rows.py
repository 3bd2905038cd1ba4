"""CSV and its relatives: one document a row, read one at a time."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, TextIO

from ragkit.errors import LoadError
from ragkit.text.encoding import decode, marked
from ragkit.text.loaders.items import FileItem
from ragkit.text.loaders.jsonl import TEXT_FIELDS, at, record_document, too_long_error
from ragkit.types import Document

_SAMPLE = 65_536
_DELIMITERS = ",;\t|"
_LONGEST_VALUE = 1000  # characters of a column's value that is repeated in the metadata, for filters


def read_csv(item: FileItem) -> Iterator[Document | LoadError]:
    """A document for each row under the header.

    The text is that of the column `text` (or `content`, `body`, `page_content`); `title`, `id` and other columns are
    used as the fields of a JSONL record are. Without such a column the text is the title and then every other column
    of the row, a line each: "name: value". The delimiter (comma, semicolon, tab or bar) is the one by which the first
    rows fall into the most columns, equally many in each.
    """
    # The limit belongs to the whole process; it is only ever raised, so that nobody's reading breaks by it.
    csv.field_size_limit(max(csv.field_size_limit(), item.max_bytes))
    with _opened(item) as file:
        sample = file.read(_SAMPLE)
        file.seek(0)
        note = {} if file.encoding in (None, "utf-8") else {"encoding": file.encoding}
        seen: dict[str, int] = {}
        for number, record in _records(item, file, _delimiter(sample)):
            try:
                if isinstance(record, LoadError):
                    raise record
                document = record_document(item, {**note, **_flaws(record), **record}, number)
                if document.id in seen:
                    reason = f"its id {document.id!r} was already given in line {seen[document.id]}"
                    raise LoadError(at(item, number), reason)
                seen[document.id] = number
                yield document
            except LoadError as error:
                yield error


def _records(item: FileItem, file: TextIO, delimiter: str) -> Iterator[tuple[int, dict[str, str] | LoadError]]:
    """The rows under the header, each with the number of its first line; a `LoadError` for one that is broken."""
    too_long: list[int] = []
    rows = csv.reader(_lines(file, item.max_bytes, too_long), delimiter=delimiter)
    names: list[str] = []
    while True:
        number = rows.line_num + 1 + len(too_long)
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield number, LoadError(at(item, number), f"the row cannot be read: {error}")
            continue
        for line in too_long:
            if line >= number:
                yield line, too_long_error(item, line)
        if row is None:
            return
        if not names:
            names = _names(row)
        elif any(value.strip() for value in row):
            yield number, _record(names, row)


def _lines(file: TextIO, limit: int, too_long: list[int]) -> Iterator[str]:
    """The lines of a file without those longer than `limit`, whose numbers are noted in `too_long`."""
    number = 0
    while line := file.readline(limit + 1):
        number += 1
        if len(line) <= limit:
            yield line.removeprefix("\ufeff") if number == 1 else line
            continue
        too_long.append(number)
        while not line.endswith(("\n", "\r")) and (line := file.readline(1 << 20)):
            pass


def _flaws(record: dict[str, str]) -> dict[str, int]:
    flaws = sum(value.count("\ufffd") for value in record.values())
    return {"encoding_errors": flaws} if flaws else {}


def _opened(item: FileItem) -> TextIO:
    """The file as text, in the encoding found. Raises `NotTextError` when it is none."""
    if item.path is None:
        return io.StringIO(item.text, newline="")
    with item.open() as file:
        encoding = marked(file.read(_SAMPLE)) or _encoding(file)
    return open(item.path, encoding=encoding, errors="replace", newline="")


def _encoding(file: BinaryIO) -> str:
    """UTF-8 when the whole file is, which one pass tells; else what `decode` makes of the part with the first flaw."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    before = b""
    while block := file.read(_SAMPLE):
        try:
            decoder.decode(block)
        except UnicodeDecodeError:
            return decode(before + block).encoding
        before = block
    return "utf-8"


def _delimiter(sample: str) -> str:
    """The delimiter that cuts the sample's first rows into the most columns, the same number in each."""

    def columns(delimiter: str) -> tuple[float, int]:
        rows = [row for row, _ in zip(_rows(sample, delimiter), range(20), strict=False) if row]
        width = len(rows[0]) if rows else 0
        return (sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0.0, width)

    return max(_DELIMITERS, key=columns)


def _rows(sample: str, delimiter: str) -> Iterator[list[str]]:
    lines = sample.splitlines(keepends=True)
    try:
        # The last line may have been cut off.
        yield from csv.reader(lines[:-1] if len(lines) > 1 else lines, delimiter=delimiter)
    except csv.Error:
        return


def _names(header: list[str]) -> list[str]:
    names: list[str] = []
    for place, name in enumerate(header, 1):
        name = name.strip() or f"column {place}"
        names.append(name if name not in names else f"{name} ({place})")
    return names


def _record(names: list[str], row: list[str]) -> dict[str, str]:
    extra = [f"column {place}" for place in range(len(names) + 1, len(row) + 1)]
    record = dict(zip([*names, *extra], row, strict=False))
    used = (*TEXT_FIELDS, "title", "id")
    record = {name.lower() if name.lower() in used else name: value for name, value in record.items()}
    if any(name in TEXT_FIELDS for name in record):
        return record
    lines = (f"{name}: {value}" for name, value in record.items() if value.strip() and name != "title")
    kept = {name: value for name, value in record.items() if len(value) <= _LONGEST_VALUE or name in used}
    return {**kept, "text": "\n".join(lines)}
