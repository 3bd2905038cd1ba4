"""What a piece of text is about: its heading, and the text by which indexes know it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.types import Chunk

# Every chunk under a heading carries it.
LONGEST_TITLE = 300

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_CLOSING = re.compile(r"(?:^|[ \t])#+[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")
_NO_PARAGRAPH = re.compile(r" {0,3}(?:[-*+>|]|\d{1,9}[.)])(?:[ \t]|$)|    |\t")
_MARKUP = re.compile(r"!?\[([^][]*)\](?:\([^()]*\)|\[[^][]*\])|[*`]+")
_FRONT = re.compile(r"---[ \t]*\n(?=[A-Za-z][\w -]*:)")
_FRONT_END = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.M)
_LONGEST_FRONT = 20_000
_SAID = re.compile(r"^([A-Za-z][\w-]*):[ \t]+(.*)$", re.M)
_RESERVED = frozenset(("source", "heading", "page", "pages", "outline", "encoding", "encoding_errors", "id", "text"))


def indexed_text(chunk: Chunk) -> str:
    """What an index should see of a chunk: its head (title, else heading) on a line of its own, then its text.

    A chunk whose first line is its head is left as it is.
    """
    head = chunk.head.strip()
    if not head:
        return chunk.text
    first = chunk.text.lstrip("\n").partition("\n")[0]
    if first.strip("#=*_ \t") == head:
        return chunk.text
    return f"{head}\n{chunk.text}"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a Markdown text: its lines are `text[start:end]`, its level 1 to 6."""

    start: int
    end: int
    level: int
    title: str
    path: tuple[str, ...]

    @property
    def section(self) -> str:
        """The titles from the outermost section to this one, "Guide > Install > Linux"."""
        return " > ".join(self.path)


def headings(text: str) -> list[Heading]:
    r"""The headings of a Markdown text, in order: `# …` and underlined ones, not those in fenced code.

    >>> [heading.section for heading in headings("Guide\n=====\n## Install\n```\n# no\n```\n## Use\n")]
    ['Guide', 'Guide > Install', 'Guide > Use']
    """
    return _nested(_marked(text))


def outlined(text: str, outline: Iterable[Sequence[Any]]) -> list[Heading]:
    """The headings that a loader noted as `[start, level, title]`, as they stand in the text, each on its line."""
    places = sorted((start, level, title[:LONGEST_TITLE]) for start, level, title in outline if 0 <= start < len(text))
    ends = (text.find("\n", start) for start, _, _ in places)
    return _nested(
        (start, len(text) if end < 0 else end, level, title)
        for (start, level, title), end in zip(places, ends, strict=True)
    )


def _nested(marked: Iterable[tuple[int, int, int, str]]) -> list[Heading]:
    found: list[Heading] = []
    path: list[tuple[int, str]] = []
    for start, end, level, title in marked:
        while path and path[-1][0] >= level:
            path.pop()
        path.append((level, title))
        found.append(Heading(start, end, level, title, tuple(name for _, name in path if name)))
    return found


def nearest(found: Sequence[Heading], place: int) -> Heading | None:
    """The last of these headings (in order) that begins at or before `place`."""
    index = bisect_right(found, place, key=lambda heading: heading.start)
    return found[index - 1] if index else None


def plain(markdown: str) -> str:
    """A line of Markdown without links, emphasis and code marks, cut at `LONGEST_TITLE` characters."""
    return _MARKUP.sub(lambda match: match[1] or "", markdown).strip()[:LONGEST_TITLE].rstrip()


def _marked(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Start, end, level and title of each heading. An underlined title is taken to be one line long."""
    fence = ""
    before: tuple[int, str] | None = None  # the start and text of a paragraph's only line so far
    inside = False  # whether the previous line belongs to a paragraph
    for start, line in _lines(text, front_matter(text)[0]):
        end = start + len(line)
        fenced = _FENCE.match(line)
        if fence:
            if fenced and fenced[1].startswith(fence) and not fenced[2].strip():
                fence = ""
            continue
        heading = _ATX.match(line)
        underline = _UNDERLINE.match(line)
        if fenced and not (fenced[1][0] == "`" and "`" in fenced[2]):
            fence = fenced[1]
            before, inside = None, False
        elif heading:
            yield start + heading.start(1), end, len(heading[1]), plain(_CLOSING.sub("", heading[2] or ""))
            before, inside = None, False
        elif underline and before:
            yield before[0], end, 1 if underline[1][0] == "=" else 2, plain(before[1])
            before, inside = None, False
        elif not line.strip():
            before, inside = None, False
        else:
            paragraph = not _NO_PARAGRAPH.match(line)
            indent = len(line) - len(line.lstrip())
            before = (start + indent, line) if paragraph and not inside else None
            inside = True


def _lines(text: str, start: int) -> Iterator[tuple[int, str]]:
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, text[start:end]
        start = end + 1


def front_matter(text: str) -> tuple[int, dict[str, str]]:
    r"""Where the YAML block between `---` lines at the very beginning ends (0 without one), and its `key: value` lines.

    Nested values and lists are passed over, and so are keys that ragkit itself sets.

    >>> front_matter("---\ntitle: 'On trees'\ntags:\n - bark\n---\nText")
    (39, {'title': 'On trees'})
    """
    begin = _FRONT.match(text)
    end = begin and _FRONT_END.search(text, begin.end(), begin.end() + _LONGEST_FRONT)
    if not begin or not end:
        return 0, {}
    block = text[begin.end() : end.start()]
    said = {match[1]: match[2].strip() for match in _SAID.finditer(block) if match[1] not in _RESERVED}
    flat = {key: _unquoted(value) for key, value in said.items() if value and value[0] not in "[{|>&*!#"}
    return end.end(), flat


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
