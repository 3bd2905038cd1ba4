"""A page's main content as a document: its text, its outline, and where each piece of it stands in the page.

The addresses are kept in the document's metadata under `segments`, one row a segment: start, end, index, kind with its
level, how many characters of the XPath are those of the row before, and the rest of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, get_args

from ragkit.extractors.html.clean import count_words
from ragkit.extractors.html.types import Kind, Layout, Page, Segment
from ragkit.text.heads import LONGEST_TITLE

if TYPE_CHECKING:
    from ragkit.extractors.html.intervals import IntervalSet
    from ragkit.types import Document

KEY = "segments"
_BULLET = "- "
_TIGHT = ("list_item", "table_row")  # one below the other, without a blank line
_KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a piece of a stored document stands in its page; `document.text[start:end]` is the segment's text."""

    start: int
    end: int
    index: int
    kind: Kind
    level: int
    xpath: str | None


def stored_text(page: Page, indices: IntervalSet) -> tuple[str, list[list[Any]], list[list[Any]]]:
    """The text of chosen segments, their addresses as rows, and the outline as chunkers read it."""
    parts: list[str] = []
    rows: list[list[Any]] = []
    outline: list[list[Any]] = []
    place = 0
    before: Segment | None = None
    path = ""
    for segment in (page.segments[index - 1] for index in indices):
        gap = "" if before is None else "\n" if before.kind == segment.kind and segment.kind in _TIGHT else "\n\n"
        gap += _BULLET if segment.kind == "list_item" else ""
        parts += [gap, segment.text]
        start = place + len(gap)
        place = start + len(segment.text)
        xpath = segment.xpath or ""
        shared = len(commonprefix((path, xpath)))
        rows.append([start, place, segment.index, f"{segment.kind}{segment.level or ''}", shared, xpath[shared:]])
        path = xpath
        if segment.kind == "heading":
            outline.append([start, segment.level, segment.text.replace("\n", " ")[:LONGEST_TITLE]])
        before = segment
    return "".join(parts), rows, outline


def addresses(document: Document) -> list[Address]:
    """The addresses of a document that the stage `html` made; empty for others.

    Rows that are none, or lie outside the text, are left out: metadata may come from anywhere.
    """
    rows = document.metadata.get(KEY)
    found: list[Address] = []
    path = ""
    for row in rows if isinstance(rows, list | tuple) else ():
        if not _is_row(row) or row[1] > len(document.text) or (found and row[0] < found[-1].end):
            return []
        start, end, index, named, shared, rest = row
        path = path[:shared] + rest
        kind = named.rstrip("0123456789")
        found.append(Address(start, end, index, kind, int(named[len(kind) :] or 0), path or None))
    return found


def _is_row(row: Any) -> bool:
    if not isinstance(row, list | tuple) or [type(part) for part in row] != [int, int, int, str, int, str]:
        return False
    return 0 <= row[0] < row[1] and row[2] > 0 and row[4] >= 0 and row[3].rstrip("0123456789") in _KINDS


def addresses_at(document: Document, start: int, end: int) -> list[Address]:
    """The addresses of the segments that characters `start` to `end` of a document touch, as a citation's do."""
    return [one for one in addresses(document) if one.start < end and one.end > start]


def stored_page(document: Document) -> Page | None:
    """A page of a document's segments for query predictors, None when the document has no addresses.

    Its segments are numbered anew; the elements above them are known by their tags only.
    """
    found = addresses(document)
    if not found:
        return None
    segments = tuple(_segments(document, found))
    layout = _layout(found)
    layout.words = [count_words(segment.text) for segment in segments]
    layout.link_words = layout.media = layout.controls = [0] * len(found)
    layout.usable = [True] * len(found)
    text = "\n".join(segment.text for segment in segments)
    return Page(text, segments, document.title, document.source or None, layout=layout)


def _segments(document: Document, found: Sequence[Address]) -> Iterator[Segment]:
    headings: list[tuple[int, int]] = []
    place = 0
    for number, one in enumerate(found, 1):
        text = document.text[one.start : one.end]
        while one.kind == "heading" and headings and headings[-1][0] >= one.level:
            headings.pop()
        section = tuple(index for _, index in headings)
        yield Segment(number, one.kind, one.level, text, place, place + len(text), one.xpath, section=section)
        place += len(text) + 1
        if one.kind == "heading":
            headings.append((one.level, number))


def _layout(found: Sequence[Address]) -> Layout:
    """The elements on the paths of the segments, as the partition would give them, without their attributes."""
    layout = Layout()
    nodes: dict[str, int] = {}
    for position, one in enumerate(found):
        node = -1
        path = ""
        for step in (one.xpath or "").split("/")[1:]:
            path += "/" + step
            known = nodes.get(path)
            if known is None:
                known = nodes[path] = len(layout.tag)
                layout.parent.append(node)
                layout.tag.append(step.partition("[")[0])
                layout.attributes.append(("", "", "", ""))
                layout.first.append(position)
                layout.last.append(position)
            layout.last[known] = position + 1
            node = known
        layout.node.append(node)
    return layout
