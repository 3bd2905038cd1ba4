"""Reading a page without a tree: for those nested too deeply, or too large, for the parser.

A scanner that is linear whatever the page: every construct that does not end is looked for once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ragkit.extractors.html.clean import BLOCKS, DROPPED, LISTS, collapsed, unescaped
from ragkit.extractors.html.head import Head, is_data, note_meta
from ragkit.extractors.html.hidden import Hiding
from ragkit.extractors.html.partition import Clock, Partition
from ragkit.extractors.html.types import Limits, PartitionOptions

_DEEPEST = 200  # nested elements that are kept as ancestors
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr frame".split())
_RAW = frozenset("script style textarea title xmp iframe noembed noframes noscript plaintext".split())
_NAME = re.compile(r"[a-zA-Z][^\s/>]{0,100}")
_ATTRIBUTE = re.compile(r"[\s/]*([^\s/>=][^\s/>=]{0,200})\s{0,100}(=\s{0,100})?")
_VALUE = re.compile(r"[^\s>]*")
_SIBLINGS = frozenset("p li dt dd tr td th option".split())  # a new one ends an open one of its kind
_ATTRIBUTES = 100  # of one element
_CLOCK_EVERY = 1024


@dataclass(slots=True, eq=False)
class Flat:
    """An element as the scanner sees it; it has what the walk asks of an element."""

    tag: str
    attrib: dict[str, str]
    parent: Flat | None
    depth: int
    sourceline: int | None = None
    text: str = ""
    tail: str = ""

    def get(self, name: str) -> str | None:
        return self.attrib.get(name)

    def getparent(self) -> Flat | None:
        return self.parent

    def __len__(self) -> int:
        return 0


@dataclass(slots=True)
class Token:
    """A piece of a page: text, or the start or end of an element."""

    kind: str  # "text", "start", "end"
    value: str
    attributes: dict[str, str] = field(default_factory=dict)
    place: int = 0


def tokens(text: str, attribute: int) -> Iterator[Token]:
    """The pieces of a page in order; comments and declarations are left out. Linear in the text."""
    missing: set[str] = set()  # ends that do not come any more

    def find(what: str, start: int) -> int:
        if what in missing:
            return -1
        found = text.find(what, start)
        if found < 0:
            missing.add(what)
        return found

    place = 0
    lowered = ""
    while place < len(text):
        start = find("<", place)
        if start < 0:
            yield Token("text", text[place:], place=place)
            return
        if start > place:
            yield Token("text", text[place:start], place=place)
        after = text[start + 1 : start + 2]
        if after == "!" or after == "?":
            mark, size = ("-->", 3) if text.startswith("<!--", start) else (">", 1)
            end = find(mark, start + 2)
            place = len(text) if end < 0 else end + size
        elif after == "/" and (name := _NAME.match(text, start + 2)):
            end = find(">", name.end())
            yield Token("end", name[0].lower(), place=start)
            place = len(text) if end < 0 else end + 1
        elif name := _NAME.match(text, start + 1):
            tag = name[0].lower()
            attributes, place = _attributes(text, name.end(), attribute, find)
            yield Token("start", tag, attributes, start)
            if tag in _RAW:
                lowered = lowered or lower_ascii(text)
                end = -1 if tag == "plaintext" or f"</{tag}" in missing else lowered.find(f"</{tag}", place)
                if end < 0:
                    missing.add(f"</{tag}")
                    end = len(text)
                yield Token("text", text[place:end], place=place)
                place = end
        else:
            yield Token("text", "<", place=start)
            place = start + 1


def lower_ascii(text: str) -> str:
    """The text with ASCII letters in lower case; its length stays, unlike that of `lower()`."""
    return text.translate({code: code + 32 for code in range(65, 91)})


def _attributes(text: str, place: int, most: int, find: Callable[[str, int], int]) -> tuple[dict[str, str], int]:
    """The attributes of a start tag, cut at `most` characters, and the place behind its end."""
    found: dict[str, str] = {}
    while True:
        match = _ATTRIBUTE.match(text, place)
        if match is None:
            end = find(">", place)
            return found, len(text) if end < 0 else end + 1
        place = match.end()
        value = ""
        if match[2]:
            quote = text[place : place + 1]
            end = find(quote, place + 1) if quote in ("'", '"') and quote else -1
            if end >= 0:
                value = text[place + 1 : min(end, place + 1 + most)]
                place = end + 1
            elif bare := _VALUE.match(text, place):
                value = bare[0][:most]
                place = bare.end()
        if len(found) < _ATTRIBUTES:
            found.setdefault(match[1].lower(), unescaped(value))


def flatten(text: str, options: PartitionOptions, limits: Limits, clock: Clock) -> tuple[Partition, Head, int]:
    """The partition, the head and the number of elements of a page read without a tree."""
    reader = _Flattener(text, options, limits, clock)
    reader.read()
    return reader.partition, reader.head, reader.elements


@dataclass(slots=True)
class _Open:
    """An open element; `block` when it stands on the partition's stack of blocks."""

    tag: str
    element: Flat
    block: bool


class _Flattener:
    """Feeds the pieces of a page to a partition, every block a border between runs."""

    def __init__(self, text: str, options: PartitionOptions, limits: Limits, clock: Clock) -> None:
        self.text, self.limits, self.clock = text, limits, clock
        self.partition = Partition(options, limits, clock)
        self.head = Head()
        self.hiding = Hiding(limits) if options.hidden != "keep" else None
        self.elements = 0
        root = Flat("body", {}, None, 0, 1)
        self.open = [_Open("", root, True)]
        self.partition.blocks.append(root)
        self.partition.tags.append("body")
        self.places: dict[str, list[int]] = {}  # where elements of each tag stand in `open`
        self.borders = [0]  # where blocks stand in it
        self.hidden_from = self.dropped_from = 0  # where the element stands that hides or drops all in it; 0 for none
        self.line, self.counted = 1, 0

    def read(self) -> None:
        """Read the page."""
        if self.hiding is not None:
            self.hiding.read_sheets(_sheets(self.text))
        for number, token in enumerate(tokens(self.text, self.limits.attribute)):
            if not number % _CLOCK_EVERY:
                self.clock.check()
            if token.kind == "text":
                self._text(token.value)
            elif token.kind == "start":
                self._start(token)
            else:
                self._end(token.value)
        while len(self.open) > 1:
            self._pop()
        self.partition.end_run()

    def _text(self, text: str) -> None:
        if not self.dropped_from:
            if text and (self.partition.parts or not text.isspace()):
                self.partition.parts.append(unescaped(text))
            return
        top = self.open[-1]
        if top.tag == "script" and is_data(top.element.get("type")):
            self.head.data.append(text)
        elif top.tag == "title" and not self.head.title:
            self.head.title = collapsed(unescaped(text[: 4 * self.limits.attribute]))[: self.limits.attribute]

    def _start(self, token: Token) -> None:
        tag = token.value
        self.elements += 1
        if (tag in _SIBLINGS and self.open[-1].tag == tag) or (tag in BLOCKS and self.open[-1].tag == "p"):
            self._pop()
        parent = self.open[-1].element
        self.line += self.text.count("\n", self.counted, token.place)
        self.counted = token.place
        element = Flat(tag, token.attributes, parent, parent.depth + 1, self.line)
        if tag == "html":
            self.head.language = self.head.language or (element.get("lang") or "").strip()[:35]
        elif tag == "meta":
            note_meta(self.head, element, self.limits.attribute)
        if tag in _VOID:
            self._void(element)
        elif tag not in ("html", "head", "body"):
            self._push(element)

    def _void(self, element: Flat) -> None:
        if self.dropped_from:
            return
        if element.tag == "br":
            self.partition.line_break()
        elif element.tag in DROPPED:
            self.partition.note_dropped(element.tag)
        elif element.tag == "img":
            self.partition.note_image(element)
        elif element.tag == "hr":
            self.partition.end_run()

    def _push(self, element: Flat) -> None:
        tag, partition = element.tag, self.partition
        reason = self.hiding.reason(element) if self.hiding is not None and not self.hidden_from else None
        block = (tag in BLOCKS or reason is not None) and not self.dropped_from
        if block:
            partition.end_run()
        kept = element if element.depth <= _DEEPEST else self.open[-1].element
        self.places.setdefault(tag, []).append(len(self.open))
        if tag in BLOCKS:
            self.borders.append(len(self.open))
        if not self.dropped_from and _is_dropped(element):
            self.dropped_from = len(self.open)
            partition.note_dropped(tag)
        elif reason is not None and not self.dropped_from:
            self.hidden_from = len(self.open)
            partition.reason = reason
        if block:
            partition.blocks.append(kept)
            partition.tags.append(tag)
            partition.lists += tag in LISTS
        elif tag == "a" and not self.dropped_from:
            partition.unlink()
            partition.open_link(element)
        self.open.append(_Open(tag, kept, block))

    def _end(self, tag: str) -> None:
        """Close the innermost element of this tag, and all in it; one that is no block does not close blocks."""
        places = self.places.get(tag)
        if not places or (tag not in BLOCKS and places[-1] < self.borders[-1]):
            if tag in BLOCKS and not self.dropped_from:
                self.partition.end_run()
            return
        place = places[-1]
        while len(self.open) > place:
            self._pop()

    def _pop(self) -> None:
        closed = self.open.pop()
        place = len(self.open)
        self.places[closed.tag].pop()
        if self.borders[-1] == place:
            self.borders.pop()
        if closed.block:
            self.partition.end_run()
            self.partition.blocks.pop()
            self.partition.tags.pop()
            self.partition.lists -= closed.tag in LISTS
        elif closed.tag == "a" and not self.dropped_from:
            self.partition.unlink()
        if self.hidden_from == place:
            self.hidden_from, self.partition.reason = 0, None
        if self.dropped_from == place:
            self.dropped_from = 0


def _is_dropped(element: Flat) -> bool:
    tag = element.tag
    return tag in DROPPED or (tag == "dialog" and element.get("open") is None)


def _sheets(text: str) -> str:
    """The contents of the page's style elements."""
    lowered = lower_ascii(text)
    found: list[str] = []
    place = 0
    while (start := lowered.find("<style", place)) >= 0:
        begin = lowered.find(">", start)
        end = lowered.find("</style", begin) if begin >= 0 else -1
        if end < 0:
            break
        found.append(text[begin + 1 : end])
        place = end
    return "\n".join(found)
