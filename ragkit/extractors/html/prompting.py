"""A page as the numbered lines a chat model chooses from, in pieces that fit its prompt.

Page text is data: it has no line breaks, cannot begin a line with a number, and stands between lines with a key that no
page can know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from ragkit.errors import InvalidValueError

if TYPE_CHECKING:
    from ragkit.extractors.html.types import Page, Segment

HEAD_WORDS, TAIL_WORDS = 45, 15  # of a longer segment's text
FOLDED, LINKS = 4, 0.9  # so many neighbours of a higher link density are one line
FOLDED_TEXTS, FOLDED_WORDS = 4, 6  # of which so many texts are shown, with so many words each
OVERLAP = 2  # segments that a window shares with the one before


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a prompt: the segments `first` to `last`. `section` is whether a heading begins it."""

    first: int
    last: int
    text: str
    section: bool = False

    @property
    def words(self) -> int:
        """How many words the line adds to the prompt."""
        return self.text.count(" ") + 1


def page_lines(page: Page, *, head: int = HEAD_WORDS, tail: int = TAIL_WORDS) -> list[Line]:
    """The lines of all segments that may be chosen, in order; duplicates are left out.

    A text of more than `head + tail` words is cut between them. Runs of at least four neighbours that are nearly all
    links are one line.
    """
    lines: list[Line] = []
    run: list[Segment] = []
    for segment, usable in zip(page.segments, page.layout.usable, strict=True):
        if not usable or "duplicate" in segment.flags:
            continue
        if segment.link_density > LINKS and (not run or run[-1].index == segment.index - 1):
            run.append(segment)
            continue
        lines += _of_run(run, head, tail)
        run = [segment] if segment.link_density > LINKS else []
        if not run:
            lines.append(_line(segment, head, tail))
    return lines + _of_run(run, head, tail)


def windows(lines: Sequence[Line], max_words: int, *, overlap: int = OVERLAP) -> list[list[Line]]:
    """The lines in pieces of at most `max_words` words, or one line; each repeats the last `overlap` lines before it.

    Pieces end before a heading where one stands in their second half. No line gives no piece.
    """
    if max_words < 1:
        raise InvalidValueError(f"a prompt holds at least 1 word of the page, not {max_words}")
    pieces: list[list[Line]] = []
    begin = reached = 0
    while begin < len(lines):
        end, total = begin, 0
        while end < len(lines) and (end == begin or total + lines[end].words <= max_words):
            total += lines[end].words
            end += 1
        if end < len(lines):
            earliest = max(begin + (end - begin) // 2, reached)
            end = next((cut for cut in range(end, earliest, -1) if lines[cut].section), end)
        pieces.append(list(lines[begin:end]))
        if end == len(lines):
            break
        begin, reached = max(begin + 1, end - overlap), end
        while begin < end and sum(line.words for line in lines[begin : end + 1]) > max_words:
            begin += 1  # less is repeated when a new line would find no room
    return pieces


def prompt(lines: Sequence[Line], query: str | None, key: str) -> str:
    """The prompt that shows these lines, fenced by `key`, for a query, or for the main content when it is None."""
    values = {"key": key, "lines": "\n".join(line.text for line in lines), "query": _flat(query or "")}
    # In one pass, so that a page cannot smuggle in a further field.
    return re.sub(r"\{(key|lines|query)\}", lambda match: values[match[1]], template("query" if query else "main"))


@cache
def template(name: str) -> str:
    """A prompt file of this package: "query" or "main"."""
    return resources.files("ragkit.extractors.html").joinpath("prompts", f"{name}.txt").read_text(encoding="utf-8")


def _line(segment: Segment, head: int, tail: int) -> Line:
    kind = f"h{segment.level}" if segment.kind == "heading" else segment.kind
    words = _flat(segment.text).split(" ")
    if len(words) > head + tail:
        words = [*words[:head], "…", *words[len(words) - tail :]]
    text = f"[{segment.index}] <{kind}> {_escaped(' '.join(words))}"
    return Line(segment.index, segment.index, text, segment.kind == "heading")


def _of_run(run: Sequence[Segment], head: int, tail: int) -> list[Line]:
    if len(run) < FOLDED:
        return [_line(segment, head, tail) for segment in run]
    shown = [_escaped(" ".join(_flat(segment.text).split(" ")[:FOLDED_WORDS])) for segment in run[:FOLDED_TEXTS]]
    more = " · …" if len(run) > FOLDED_TEXTS else ""
    first, last = run[0].index, run[-1].index
    return [Line(first, last, f"[{first}-{last}] ({len(run)} links) {' · '.join(shown)}{more}")]


def _flat(text: str) -> str:
    """One line: every white space and control character is a space."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _escaped(text: str) -> str:
    return "\\" + text if text.startswith("[") else text
