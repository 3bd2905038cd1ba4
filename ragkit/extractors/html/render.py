"""Chosen segments as text, Markdown or JSON. Text of a page stays text: it cannot make markup of its own."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from ragkit.extractors.html.types import Extraction, Page, Segment

if TYPE_CHECKING:
    from ragkit.extractors.html.intervals import IntervalSet

_MARKS = re.compile(r"[\\`*\[\]<>|~]|&(?=#?\w{1,40};)|(?<![^\W_])_|_(?![^\W_])")
_START = re.compile(r"([#+\-=])|(\d{1,9})([.)])")
_BAR = re.compile(r"(?<!\\)\|")
_BACKTICKS = re.compile(r"`+")


def to_text(page: Page, indices: IntervalSet, *, cite: bool = False) -> str:
    """The segments' texts in page order, one a line, a blank line where something between them was left out.

    With `cite` each begins with its index: `[12] …`.
    """
    return "\n\n".join(
        "\n".join(f"[{index}] {text}" if cite else text for index, text in _texts(page, range(first, last + 1)))
        for first, last in indices.to_list()
    )


def _texts(page: Page, indices: Iterable[int]) -> Iterator[tuple[int, str]]:
    return ((index, page.segments[index - 1].text) for index in indices)


def to_markdown(page: Page, indices: Iterable[int], *, cite: bool = False) -> str:
    """The segments as Markdown: headings, lists, quotes, tables with their header row, fenced code.

    What a page says is escaped, so it makes no heading, link, image, table or HTML. Links of the page are not kept.
    """
    chosen = [page.segments[index - 1] for index in indices]
    blocks: list[str] = []
    for _, group in groupby(_numbered(page, chosen), key=lambda pair: pair[0]):
        segments = [segment for _, segment in group]
        blocks.append(_block(page, segments, cite))
    return "\n\n".join(blocks)


def _numbered(page: Page, chosen: list[Segment]) -> Iterator[tuple[int, Segment]]:
    """Each segment with the number of its block: items of one list and rows of one table share one."""
    number = 0
    for before, segment in pairwise([None, *chosen]):
        assert segment is not None
        if before is None or not _joins(page, before, segment):
            number += 1
        yield number, segment


def _joins(page: Page, before: Segment, segment: Segment) -> bool:
    if before.kind != segment.kind or before.index + 1 != segment.index:
        return False
    if segment.kind == "table_row":
        return _table_of(page, before) == _table_of(page, segment)
    return segment.kind == "list_item"


def _block(page: Page, segments: list[Segment], cite: bool) -> str:
    first = segments[0]
    if first.kind == "list_item":
        return "\n".join(_items(segments, cite))
    if first.kind == "table_row":
        return "\n".join(_rows(page, segments, cite))
    mark = f"[{first.index}] " if cite else ""
    if first.kind == "code":
        return mark.rstrip() + ("\n" if mark else "") + fenced(first.text)
    text = escaped(first.text)
    if first.kind == "heading":
        return f"{'#' * min(6, max(1, first.level))} {mark}{text.replace(_HARD, ' ')}"
    if first.kind == "quote":
        return "> " + f"{mark}{text}".replace("\n", "\n> ")
    if first.kind in ("term", "summary"):
        return f"{mark}**{text.replace(_HARD, ' ')}**"
    return mark + text


_HARD = "\\\n"  # a line break that stays one


def escaped(text: str) -> str:
    r"""Text as Markdown that shows it and nothing else; its line breaks stay.

    >>> print(escaped("# [x](javascript:y) <b> 1. *z*"))
    \# \[x\](javascript:y) \<b\> 1. \*z\*
    """
    return _HARD.join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    line = _MARKS.sub(lambda match: "\\" + match[0], line)
    start = _START.match(line)
    if start is None:
        return line
    place = 0 if start[1] else start.end() - 1
    return f"{line[:place]}\\{line[place:]}"


def fenced(code: str) -> str:
    """Code between fences that are longer than any in it."""
    longest = max((len(run) for run in _BACKTICKS.findall(code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{code}\n{fence}"


def _items(segments: list[Segment], cite: bool) -> Iterator[str]:
    """List items, indented by how deep they are nested, no more than one step below the item before."""
    depths: list[int] = []  # the levels that are open
    for segment in segments:
        while depths and depths[-1] >= segment.level:
            depths.pop()
        indent = "  " * len(depths)
        depths.append(segment.level)
        mark = f"[{segment.index}] " if cite else ""
        text = escaped(segment.text).replace("\n", f"\n{indent}  ")
        yield f"{indent}- {mark}{text}"


def cells(row: str) -> list[str]:
    r"""The cells of a table row's text, as a reader sees them.

    >>> cells("a\\|b | | c")
    ['a|b', '', 'c']
    """
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(row)]


def _rows(page: Page, segments: list[Segment], cite: bool) -> Iterator[str]:
    """A pipe table; its header row is that of the page's table, put first where it was not chosen."""
    header = next((one for one in segments if "header_row" in one.flags), None) or _header_of(page, segments[0])
    body = [one for one in segments if one is not header]
    rows = [cells(one.text) for one in body]
    head = cells(header.text) if header else []
    width = max((len(row) for row in (head, *rows)), default=1)
    yield _row(head, width, header.index if header and cite else None)
    yield "|" + " --- |" * width
    for segment, row in zip(body, rows, strict=True):
        yield _row(row, width, segment.index if cite else None)


def _row(row: list[str], width: int, index: int | None) -> str:
    shown = [_MARKS.sub(lambda match: "\\" + match[0], cell.replace("\n", " ")) for cell in row]
    shown += [""] * (width - len(shown))
    if index is not None:
        shown[0] = f"[{index}] {shown[0]}".rstrip()
    return "| " + " | ".join(shown) + " |"


def _table_of(page: Page, segment: Segment) -> int:
    """The node of the table a row stands in, -1 when it is not known."""
    layout = page.layout
    node = layout.node[segment.index - 1] if layout.node else -1
    while node >= 0 and layout.tag[node] != "table":
        node = layout.parent[node]
    return node


def _header_of(page: Page, segment: Segment) -> Segment | None:
    table = _table_of(page, segment)
    if table < 0:
        return None
    for position in range(page.layout.first[table], segment.index - 1):
        if "header_row" in page.segments[position].flags:
            return page.segments[position]
    return None


def as_dict(value: Page | Extraction | Segment) -> dict[str, Any]:
    """A page, a segment or an extraction as JSON values, the same in every process."""
    if isinstance(value, Extraction):
        return _extraction_dict(value)
    left_out: Collection[str] = ("layout",) if isinstance(value, Page) else ()
    found = {item.name: getattr(value, item.name) for item in dataclasses.fields(value) if item.name not in left_out}
    if isinstance(value, Page):
        found["segments"] = [as_dict(segment) for segment in value.segments]
    return {name: _plain(one) for name, one in found.items()}


def _extraction_dict(value: Extraction) -> dict[str, Any]:
    return {
        "task": value.task,
        "query": value.query,
        "method": value.method,
        "degraded": value.degraded,
        "url": value.page.url,
        "title": value.page.title,
        "metadata": _plain(value.page.metadata),
        "sha256": value.page.sha256,
        "indices": value.indices.to_list(),
        "context": value.context.to_list(),
        "words_in": value.words_in,
        "words_out": value.words_out,
        "segments": [
            {**as_dict(segment), **({"score": value.scores[segment.index - 1]} if value.scores else {})}
            for segment in value.segments
        ],
        "warnings": [list(pair) for pair in value.warnings],
        "text": value.text,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if hasattr(value, "items"):
        return {str(key): _plain(one) for key, one in value.items()}
    return value
