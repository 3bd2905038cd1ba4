"""The main text of an HTML page: what a reader came for, without menus, banners, scripts and hidden parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ragkit.errors import LoadError
from ragkit.text.encoding import decode
from ragkit.text.loaders.items import FileItem, SkippedError
from ragkit.text.normalise import clean
from ragkit.types import Document

Outline = list[list[Any]]  # start, level, title of each heading

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.I)
_SPACE = re.compile(r"[\s\u200b]+")
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_LEFT_OUT = frozenset(
    "script style noscript template head nav footer aside iframe object embed svg math canvas audio video map "
    "button select textarea input dialog menu".split()
)
_ROLES = frozenset("navigation banner contentinfo search complementary menu menubar dialog alert".split())
_PARAGRAPHS = frozenset(
    "p div section article main header h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre figure figcaption fieldset "
    "details address hr body".split()
)
_LINES = frozenset("br li tr dt dd caption summary legend option thead tbody tfoot".split())
_CELLS = frozenset(("td", "th"))
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LEAST_SHARE = 0.25  # of the page's text that <main> must hold to be taken for it
_UNREADABLE = frozenset("script style template head svg nav footer aside iframe object".split())
# A text shorter than _SHORT, and than this share of what could be read, is not the page's main text.
_SHORT, _LEAST_LEFT = 5000, 0.25


def read_html(item: FileItem) -> Iterator[Document | LoadError]:
    """One document: the page's main text, its title (`<title>`, else the first heading) and its outline.

    When an extractor follows, the document also carries the page's bytes; a page this module makes nothing of is then
    given without text rather than refused.
    """
    if item.path is None:
        data = item.text.encode("utf-8", "replace") if item.raw else b""
        text, note = item.text, {}
    else:
        data = item.data()
        charset = _CHARSET.search(data, 0, 4096)
        found = decode(data, charset[1].decode("ascii") if charset else "")
        text, note = found.text, found.metadata
    try:
        title, main, outline = main_text(item, clean(text))
    except LoadError:
        if not item.raw:
            raise
        title, main, outline = "", "", []
    if not main.strip() and not item.raw:
        raise SkippedError(item.source, "the page holds no text of its own; scripts may make it")
    first = next((heading[2] for heading in outline), "")
    metadata = {**note, "title": title or first, "outline": outline or None}
    yield item.document(main, metadata, media_type="text/html", raw=data if item.raw else None)


def main_text(item: FileItem, html: str) -> tuple[str, str, Outline]:
    """Title, text and outline of a page. Raises `LoadError` when it is too deep or too broken to be parsed."""
    from lxml import etree

    # No network, no entities of its own, no limit on the length of a text: the file's size was checked.
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True, recover=True
    )
    try:
        root = etree.fromstring(html.encode("utf-8"), parser) if html.strip() else None
    except etree.LxmlError as error:
        raise LoadError(item.source, f"the page cannot be parsed: {error}") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise LoadError(item.source, "the page cannot be read whole: its elements are nested too deeply")
    if root is None:
        return "", "", []
    named = root.find(".//title")
    title = "" if named is None else _SPACE.sub(" ", named.xpath("string()")).strip()
    text, outline = _Page(_left_out).read(_main(root))
    if len(text) < _SHORT:
        # Some pages keep all they have in parts that are usually not meant for reading, and some leave such parts open.
        everything, whole_outline = _Page(_unreadable).read(root)
        if len(text) < _LEAST_LEFT * len(everything):
            return title, everything, whole_outline
    return title, text, outline


def _main(root: Any) -> Any:
    """The one `<main>` or `<article>` when it holds enough of the text, else the whole page."""
    for path in ("//main|//*[@role='main']", "//article"):
        found = root.xpath(path)
        if len(found) == 1 and len(found[0].xpath("string()")) > _LEAST_SHARE * len(root.xpath("string()")):
            return found[0]
    return root


class _Page:
    """Writes the text of elements down, in one pass over their starts and ends: depth costs no recursion."""

    def __init__(self, left_out: Callable[[Any, str], bool]) -> None:
        self.left_out = left_out
        self.parts: list[str] = []
        self.length = 0
        self.gap = ""  # what separates the next words from those before: "", " ", "\n" or "\n\n"
        self.mark = ""  # what comes before the next words: the dash of a list item
        self.fresh = False  # whether a cell or list item has just begun, so that a paragraph in it needs no gap
        self.verbatim = 0  # how many <pre> are open
        self.heading: list[Any] | None = None
        self.outline: Outline = []

    def read(self, top: Any) -> tuple[str, Outline]:
        """The text and outline of an element, without the elements below it that are left out."""
        from lxml import etree

        walker = etree.iterwalk(top, events=("start", "end"))
        for event, element in walker:
            tag = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                if element is not top and self.left_out(element, tag):
                    walker.skip_subtree()
                    continue
                self._start(tag)
                self._words(element.text)
            else:
                if element is top or not self.left_out(element, tag):
                    self._end(tag)
                if element is not top:
                    self._words(element.tail)
        return "".join(self.parts), self.outline

    def _start(self, tag: str) -> None:
        self._separate(tag)
        if tag == "li":
            self.mark, self.fresh = "- ", True
        elif tag in _CELLS:
            self.fresh = True
        elif tag == "pre":
            self.verbatim += 1
        elif tag in _HEADINGS:
            self.heading = [-1, _HEADINGS[tag], len(self.parts)]

    def _end(self, tag: str) -> None:
        if tag in _HEADINGS and self.heading and self.heading[0] >= 0:
            start, level, first = self.heading
            title = _SPACE.sub(" ", "".join(self.parts[first:])).strip()
            if title:
                self.outline.append([start, level, title])
        if tag in _HEADINGS:
            self.heading = None
        if tag == "pre":
            self.verbatim -= 1
        if tag == "li":
            self.mark = ""
        self.fresh = False
        if tag in _CELLS:
            self.gap = " | " if self.parts else ""
        else:
            self._separate(tag)

    def _separate(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._ask("\n\n")
        elif tag in _LINES:
            self._ask("\n")

    def _ask(self, gap: str) -> None:
        """Widen the gap before the next words."""
        order = ("", " ", " | ", "\n", "\n\n")
        if self.parts and not self.fresh and order.index(gap) > order.index(self.gap):
            self.gap = gap

    def _words(self, text: str | None) -> None:
        if not text:
            return
        if self.verbatim and text.strip():
            self._write(text.rstrip("\n") if not self.parts else text)
            return
        words = _SPACE.sub(" ", text)
        if words.startswith(" "):
            self._ask(" ")
        if words.strip(" "):
            self._write(words.strip(" "))
        if words.endswith(" ") and words != " ":
            self._ask(" ")

    def _write(self, words: str) -> None:
        before = self.gap + self.mark
        if before:
            self.parts.append(before)
            self.length += len(before)
        self.gap, self.mark, self.fresh = "", "", False
        if self.heading is not None and self.heading[0] < 0:
            self.heading[0], self.heading[2] = self.length, len(self.parts)
        self.parts.append(words)
        self.length += len(words)


def _unreadable(element: Any, tag: str) -> bool:
    return not tag or tag in _UNREADABLE


def _left_out(element: Any, tag: str) -> bool:
    if not tag or tag in _LEFT_OUT:
        return True
    if tag == "header":
        # The banner of the site goes, the header with the article's own title stays.
        return next(element.iter("h1"), None) is None
    attributes = element.attrib
    return (
        bool(attributes)
        and tag not in ("html", "body")
        and (
            "hidden" in attributes
            or attributes.get("aria-hidden") == "true"
            or attributes.get("role", "").lower() in _ROLES
            or _HIDING.search(attributes.get("style", "")) is not None
        )
    )
