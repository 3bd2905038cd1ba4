"""Which tables hold data, row by row, and which only lay a page out."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ragkit.extractors.html.clean import BLOCKS, CELLS, LISTS, count_words

MOST_SPAN = 100  # rows or columns a cell may claim
MOST_EXPANDED = 1000  # places beyond its first that the cells of a table may claim together
_SAME_WIDTH = 0.8  # share of rows with the usual number of columns
_SHORT_CELL = 15  # words of the median cell
_INSIDE = frozenset({"p", "br", "li"}) | LISTS
_PARTS = frozenset("table thead tbody tfoot tr td th caption colgroup col".split())

Element = Any


@dataclass(slots=True)
class DataTable:
    """A data table: its header row, and how many empty places stand before a cell because others span them."""

    header: Element | None = None
    gaps: dict[Element, int] = field(default_factory=dict)


def data_table(table: Element) -> DataTable | None:
    """The table as data, None when it is for layout: by its role, a table in it, or cells that are no data."""
    if (table.get("role") or "").strip().lower() in ("presentation", "none"):
        return None
    rows: list[Element] = []
    marked = thead = False
    blocks = False
    for element in table.iter():
        tag = element.tag
        if tag == "tr":
            rows.append(element)
        elif tag in ("caption", "thead", "th"):
            marked = True
            thead = thead or tag == "thead"
        elif tag == "table" and element is not table:
            return None
        elif tag in BLOCKS and tag not in _PARTS and tag not in _INSIDE:
            blocks = True
    if not rows:
        return None
    cells = [[child for child in row if child.tag in CELLS] for row in rows]
    if not marked and (blocks or not _regular(cells)):
        return None
    found = DataTable(_header(rows, cells, thead))
    found.gaps = _gaps(cells)
    return found


def _regular(rows: list[list[Element]]) -> bool:
    widths = [sum(_span(cell, "colspan") for cell in row) for row in rows if row]
    if len(widths) < 2:
        return False
    usual = max(set(widths), key=lambda width: (widths.count(width), width))
    if usual < 2 or widths.count(usual) < _SAME_WIDTH * len(widths):
        return False
    return median(count_words("".join(cell.itertext())) for row in rows for cell in row) <= _SHORT_CELL


def _header(rows: list[Element], cells: list[list[Element]], thead: bool) -> Element | None:
    """The first row of a `<thead>`, else the first row when all its cells are `<th>`, of two columns or more."""
    for row, own in zip(rows, cells, strict=True):
        if thead:
            parent = row.getparent()
            if parent is not None and parent.tag == "thead":
                return row
        elif own:
            return row if len(own) > 1 and all(cell.tag == "th" for cell in own) else None
    return None


def _gaps(rows: list[list[Element]]) -> dict[Element, int]:
    """For cells that others push to the right, how many empty places stand between them and the cell before."""
    gaps: dict[Element, int] = {}
    open_rows: dict[int, int] = {}  # column -> rows below this one that a cell above still claims
    room = MOST_EXPANDED
    for row in rows:
        column = 0
        claimed: dict[int, int] = {}
        owed = 0
        for cell in row:
            while open_rows.get(column):
                owed += 1
                column += 1
            if owed:
                gaps[cell] = owed
            across, down = _span(cell, "colspan"), _span(cell, "rowspan")
            if across * down - 1 > room:
                across = down = 1
            room -= across * down - 1
            if down > 1:
                claimed.update(dict.fromkeys(range(column, column + across), down - 1))
            column += across
            owed = across - 1
        open_rows = {place: left - 1 for place, left in open_rows.items() if left > 1}
        open_rows.update(claimed)
    return gaps


def _span(cell: Element, name: str) -> int:
    value = cell.get(name)
    if not value:
        return 1
    digits = value.strip()[:12]
    return min(MOST_SPAN, max(1, int(digits))) if digits.isascii() and digits.isdigit() else 1
