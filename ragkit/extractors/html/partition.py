"""The walk that cuts a page into runs of text: one pass, no recursion, the rules of what belongs together.

A run is a stretch of text and inline elements between two block borders. It belongs to the innermost open block.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ragkit.extractors.html.clean import (
    BLOCKS,
    CELLS,
    CONTROLS,
    DROPPED,
    HEADINGS,
    LISTS,
    MEDIA,
    VERBATIM,
    collapsed,
    count_words,
)
from ragkit.extractors.html.runs import (
    CELL,
    EDGE,
    LINE,
    UNLINK,
    Mark,
    Part,
    Run,
    compose,
    compose_text,
    compose_verbatim,
    split,
)
from ragkit.extractors.html.tables import DataTable, data_table
from ragkit.extractors.html.types import Flag, Kind, Limits, Link, PageTimeout, PartitionOptions

Element = Any

INLINE, DROP, BLOCK, ANCHOR, BREAK, IMAGE, MATH, DIALOG, NOSCRIPT = range(9)

_NAMED: dict[str, Kind] = {
    **dict.fromkeys(HEADINGS, "heading"),
    "li": "list_item",
    "blockquote": "quote",
    "figcaption": "caption",
    "caption": "caption",
    "dt": "term",
    "dd": "definition",
    "summary": "summary",
    **dict.fromkeys(VERBATIM, "code"),
}
_PASSING = frozenset(("p", "div", "center"))  # whose text is what the block around them says it is
_PROSE = frozenset("p div section article main body html center".split())
_HEADING_WORDS = 12
_ENDS = ".!?…。！？।"
_CLOCK_EVERY = 1024


class Clock:
    """Processor time a page has left."""

    __slots__ = ("limit", "name", "start")

    def __init__(self, limit: float, name: str) -> None:
        self.limit, self.name, self.start = limit, name, time.thread_time()

    def check(self) -> None:
        """Raise `PageTimeout` when none is left."""
        if time.thread_time() - self.start > self.limit:
            raise PageTimeout(self.name, f"reading the page took more than {self.limit:g} s of processor time")


@dataclass(slots=True)
class Record:
    """A segment without its place in the page: what the walk knows of it."""

    owner: Element
    run: int
    kind: Kind
    level: int
    text: str
    links: list[Link]
    words: int
    hidden: str | None
    flags: tuple[Flag, ...]
    media: int
    controls: int


@dataclass(slots=True)
class Partition:
    """Collects the records of one page, in reading order."""

    options: PartitionOptions
    limits: Limits
    clock: Clock
    hidden: Mapping[Element, str] = field(default_factory=dict)
    noscript: bool = False
    records: list[Record] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    invisible: int = 0
    # What is open: the blocks with their tags, the row or preformatted block that joins all in it, the tables.
    blocks: list[Element] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    joined: Element | None = None
    tables: list[DataTable | None] = field(default_factory=list)
    lists: int = 0
    collapsed: int = 0
    addresses: int = 0
    reason: str | None = None
    # The run so far.
    parts: list[Part] = field(default_factory=list)
    marked: bool = False
    link: Mark | None = None
    linked: Element | None = None
    cells: int = 0
    media: int = 0
    controls: int = 0
    _runs: dict[Element, int] = field(default_factory=dict)
    _filled: set[Element] = field(default_factory=set)

    def walk(self, top: Element) -> None:
        """Collect the records of an element and all below it."""
        self._walk(iter((top,)), _actions())
        self.end_run()

    def _walk(self, children: Iterator[Element], actions: Mapping[Any, int]) -> None:
        hidden, parts = self.hidden, self.parts
        stack: list[tuple[Iterator[Element], Element, int]] = []
        while True:
            for element in children:
                action = actions.get(element.tag, INLINE)
                if action == DROP:
                    self._drop(element)
                elif element in hidden and self.reason is None:
                    self._hide(element, action, actions)
                elif not action or self._start(element, action):
                    text = element.text
                    if text and (parts or not text.isspace()):
                        parts.append(text)
                    if len(element):
                        stack.append((children, element, action))
                        children = iter(element)
                        break
                    if action:
                        self._end(element, action)
                text = element.tail
                if text and (parts or not text.isspace()):
                    parts.append(text)
            else:
                if not stack:
                    return
                children, element, action = stack.pop()
                if action:
                    self._end(element, action)
                text = element.tail
                if text and (parts or not text.isspace()):
                    parts.append(text)

    # -- what opens and closes -----------------------------------------------------------------------------------

    def _start(self, element: Element, action: int) -> bool:
        """Note the start of an element; False when what is in it is not to be read."""
        if action == BLOCK:
            self._open(element)
        elif action == ANCHOR:
            self.open_link(element)
        elif action == BREAK:
            self.line_break()
        elif action == IMAGE:
            self.note_image(element)
        elif action == MATH:
            self.parts.append(_formula(element))
            return False
        elif (action == DIALOG and element.get("open") is not None) or (action == NOSCRIPT and self.noscript):
            self._open(element)
        else:
            self._drop(element)
            return False
        return True

    def _end(self, element: Element, action: int) -> None:
        if action == ANCHOR:
            if element is self.linked:
                self.unlink()
        elif action in (BLOCK, DIALOG, NOSCRIPT):
            self._close(element)

    def _open(self, element: Element) -> None:
        tag = element.tag
        if self.joined is not None:
            self._border(element, tag)
            return
        if self.parts:
            self.end_run()
        self.blocks.append(element)
        self.tags.append(tag)
        if tag in _SPECIAL:
            if tag == "table":
                self.tables.append(data_table(element))
            elif tag == "tr":
                if self.tables and self.tables[-1] is not None:
                    self.joined, self.cells = element, 0
            elif tag == "address":
                self.addresses += 1
            elif tag == "details":
                self.collapsed += element.get("open") is None
            elif tag in LISTS:
                self.lists += 1
            else:
                self.joined = element

    def _close(self, element: Element) -> None:
        if self.joined is not None and self.joined is not element:
            self._border(element, "")
            return
        if self.parts:
            self.end_run()
        self.joined = None
        self.blocks.pop()
        tag = self.tags.pop()
        if tag in _SPECIAL:
            if tag == "table":
                self.tables.pop()
            elif tag == "address":
                self.addresses -= 1
            elif tag == "details":
                self.collapsed -= element.get("open") is None
            elif tag in LISTS:
                self.lists -= 1

    def _border(self, element: Element, tag: str) -> None:
        """The start of a block (or, without a tag, its end) inside a row or preformatted text."""
        self.marked = True
        table = self.tables[-1] if self.tables else None
        if tag not in CELLS or table is None or self.tags[-1] != "tr":
            self.parts.append(EDGE)
            return
        bars = table.gaps.get(element, 0) + (1 if self.cells else 0)
        self.parts.extend([CELL] * bars)
        self.cells += 1

    def open_link(self, element: Element) -> None:
        """The start of a link; one inside another does not count."""
        href = element.get("href")
        if self.link is not None or href is None:
            return
        self.link, self.linked = Mark("link", safe_href(href, self.limits.attribute)), element
        self.parts.append(self.link)
        self.marked = True

    def unlink(self) -> None:
        """The end of the link that is open, if one is."""
        if self.link is not None:
            self.parts.append(UNLINK)
            self.marked = True
            self.link = self.linked = None

    def line_break(self) -> None:
        """A line break; the second of two with nothing between them ends the run."""
        if self.joined is None:
            for part in reversed(self.parts):
                if part is LINE:
                    self.end_run()
                    return
                if isinstance(part, str) and not part.isspace():
                    break
            if not self.parts:
                return
        self.parts.append(LINE)
        self.marked = True

    def note_image(self, element: Element) -> None:
        """An image: no text, unless its alternative text is asked for."""
        self.media += 1
        text = collapsed((element.get("alt") or "")[: self.limits.attribute]) if self.options.alt_text else ""
        if text:
            self._record(element, Run(text), "caption", 0, count_words(text), ())

    def _drop(self, element: Element) -> None:
        if isinstance(element.tag, str):  # not a comment, which the parser should have left out
            self.note_dropped(element.tag)

    def note_dropped(self, tag: str) -> None:
        """An element that is left out with all it holds."""
        self.dropped[tag] += 1
        if tag in CONTROLS:
            self.controls += 1
        elif tag in MEDIA:
            self.media += 1

    def _hide(self, element: Element, action: int, actions: Mapping[Any, int]) -> None:
        """Collect the records of a hidden element apart, so that a visible run around it stays one."""
        block = action in (BLOCK, DIALOG, NOSCRIPT)
        if block and self.joined is None:
            self.end_run()
        saved = (list(self.parts), self.marked, self.link, self.linked, self.joined, self.tables, self.cells)
        self.parts.clear()
        self.marked, self.link, self.linked, self.joined, self.tables = False, None, None, None, []
        self.reason = self.hidden[element]
        self.blocks.append(element)
        self.tags.append(element.tag)
        if element.tag in VERBATIM:
            self.joined = element
        if element.text:
            self.parts.append(element.text)
        self._walk(iter(element), actions)
        self.end_run()
        self.blocks.pop()
        self.tags.pop()
        self.reason = None
        parts, self.marked, self.link, self.linked, self.joined, self.tables, self.cells = saved
        self.parts[:] = parts
        if block and self.joined is not None:
            self._border(element, "")

    # -- runs ----------------------------------------------------------------------------------------------------

    def end_run(self) -> None:
        """End the run."""
        parts = self.parts
        if not parts:
            return
        tag = self.joined.tag if self.joined is not None else ""
        if tag:
            run = compose(parts, row=True) if tag == "tr" else compose_verbatim(parts)
        elif self.marked:
            run = compose(parts, lines=self.addresses > 0)
        else:
            run = compose_text(parts)  # type: ignore[arg-type]
        self.invisible += run.invisible
        parts.clear()
        self.marked = False
        if self.link is not None:  # it goes on in the next run
            parts.append(self.link)
            self.marked = True
        if run.text and not (tag == "tr" and not run.text.strip("| ")):
            self._add(run, tag)

    def _add(self, run: Run, joined: str) -> None:
        owner = self.blocks[-1]
        words = count_words(run.text)
        flags: tuple[Flag, ...] = ()
        if joined == "tr":
            kind: Kind = "table_row"
            level = 0
            table = self.tables[-1] if self.tables else None
            if table is not None and table.header is owner:
                flags = ("header_row",)
        else:
            kind, level = self._kind(run.text, words)
        if self.collapsed and kind != "summary":
            flags = ("collapsed", *flags)
        if words <= self.options.max_words:
            self._record(owner, run, kind, level, words, flags)
            return
        number = self._runs.get(owner, 0)
        at: Literal["sentences", "lines", "cells"] = (
            "cells" if kind == "table_row" else "lines" if kind == "code" else "sentences"
        )
        for piece in split(run, self.options.max_words, at=at):
            self._runs[owner] = number
            self._record(owner, piece, kind, level, count_words(piece.text), (*flags, "split"))

    def _record(self, owner: Element, run: Run, kind: Kind, level: int, words: int, flags: tuple[Flag, ...]) -> None:
        number = self._runs.get(owner, 0)
        self._runs[owner] = number + 1
        self.records.append(
            Record(
                owner, number, kind, level, run.text, run.links, words, self.reason, flags, self.media, self.controls
            )
        )
        self.media = self.controls = 0
        if not len(self.records) % _CLOCK_EVERY:
            self.clock.check()

    def _kind(self, text: str, words: int) -> tuple[Kind, int]:
        """What a run of the innermost block is, and its level."""
        place = len(self.tags) - 1
        own = tag = self.tags[place]
        while tag in _PASSING and place:
            place -= 1
            tag = self.tags[place]
        kind = _NAMED.get(tag)
        if kind == "heading":
            return kind, HEADINGS[tag]
        if kind == "list_item":
            item = self.blocks[place]
            if tag is not own and item in self._filled:
                return "paragraph", 0
            self._filled.add(item)
            return kind, max(1, self.lists)
        if kind is not None:
            return kind, 0
        if own in CELLS:
            return "table_cell", 0
        if own in ("p", "div") and words <= _HEADING_WORDS and text[-1] not in _ENDS and _is_bold(self.blocks[-1]):
            return "heading", 6
        return ("paragraph" if own in _PROSE else "other"), 0


_SPECIAL = frozenset(("table", "tr", "address", "details")) | LISTS | VERBATIM


@functools.cache
def _actions() -> Mapping[Any, int]:
    """What to do at each tag; tags that are not named are inline."""
    from lxml import etree

    return {
        **dict.fromkeys(DROPPED | {etree.Comment, etree.PI, etree.Entity}, DROP),
        **dict.fromkeys(BLOCKS, BLOCK),
        **dict.fromkeys(("noscript", "noframes"), NOSCRIPT),
        "a": ANCHOR,
        "br": BREAK,
        "img": IMAGE,
        "math": MATH,
        "dialog": DIALOG,
    }


def _is_bold(element: Element) -> bool:
    """Whether an element holds one `<b>` or `<strong>` and nothing else."""
    if len(element) != 1 or (element.text or "").strip():
        return False
    only = element[0]
    return only.tag in ("b", "strong") and not (only.tail or "").strip()


def _formula(element: Element) -> str:
    """A formula's annotation (its TeX source) when it has one, else its text."""
    for annotation in element.iter("annotation"):
        if (annotation.get("encoding") or "").strip().lower() in ("application/x-tex", "text/x-tex", "latex"):
            return annotation.text or ""
    return " ".join(element.itertext())


def safe_href(href: str, most: int) -> str:
    r"""A link's target as written, empty when it is longer than `most` or would run something.

    >>> safe_href("java\nscript:alert(1)", 512), safe_href("/next", 512)
    ('', '/next')
    """
    if len(href) > most:
        return ""
    if href.startswith(("http", "/", "#")) or ":" not in href:
        return href
    bare = "".join(char for char in href if char > " ").lower()
    return "" if bare.startswith(("javascript:", "data:", "vbscript:")) else href
