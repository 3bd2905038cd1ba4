"""Inline runs: the pieces of text between two block borders, put together with the links in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ragkit.extractors.html.clean import collapsed, count_words, invisible_count, verbatim
from ragkit.extractors.html.types import Link

_VERSE_BREAKS, _VERSE_WORDS = 3, 12  # a run with so many line breaks and so few words between them keeps its lines


class Mark:
    """Something in a run that is not text."""

    __slots__ = ("href", "name")

    def __init__(self, name: str, href: str = "") -> None:
        self.name, self.href = name, href

    def __repr__(self) -> str:
        return f"<{self.name} {self.href}>"


LINE = Mark("line")  # a <br>
EDGE = Mark("edge")  # a block border inside a table row or preformatted text
CELL = Mark("cell")  # between two cells of a row
UNLINK = Mark("unlink")
Part = str | Mark


@dataclass(slots=True)
class Run:
    """A run's text, the links in it, relative to the text, and how many characters nobody sees were left out."""

    text: str
    links: list[Link] = field(default_factory=list)
    invisible: int = 0


def compose_text(parts: Sequence[str]) -> Run:
    """The text of parts that hold no marks."""
    raw = "".join(parts) if len(parts) > 1 else parts[0]
    return Run(collapsed(raw), [], invisible_count(raw))


def compose(parts: Sequence[Part], *, lines: bool = False, row: bool = False) -> Run:
    r"""The text of a run's parts. With `lines` a single `<br>` is a line break, as in addresses; else a space.

    The cells of a `row` are joined by " | ", and a "|" inside a cell is written "\|".
    """
    if not row and (only := _only_link(parts)):
        return only
    lines = lines or (not row and _is_verse(parts))
    writer = _Writer()
    pending: list[str] = []
    for part in parts:
        if part.__class__ is str:
            pending.append(part)
            continue
        if pending:
            raw = "".join(pending)
            writer.words(raw.replace("|", "\\|") if row else raw)
            pending.clear()
        writer.mark(part, lines)  # type: ignore[arg-type]
    if pending:
        raw = "".join(pending)
        writer.words(raw.replace("|", "\\|") if row else raw)
    writer.close()
    return _composed(Run("".join(writer.out), writer.links, writer.invisible))


def _only_link(parts: Sequence[Part]) -> Run | None:
    """The run of one link and nothing else, the commonest with marks in it; None when it is another."""
    first = parts[0]
    if not isinstance(first, Mark) or first.name != "link":
        return None
    end = len(parts)
    if parts[-1] is UNLINK:
        end -= 1
    texts = parts[1:end]
    for part in texts:
        if part.__class__ is not str:
            return None
    raw = "".join(texts)  # type: ignore[arg-type]
    text = collapsed(raw)
    return Run(text, [(0, len(text), first.href)] if text else [], invisible_count(raw))


def compose_verbatim(parts: Sequence[Part]) -> Run:
    """The text of preformatted parts; block borders in them begin lines. Links in it are not kept."""
    out: list[str] = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        elif part is LINE or (part is EDGE and out and not out[-1].endswith("\n")):
            out.append("\n")
    raw = "".join(out)
    return Run(verbatim(raw), [], invisible_count(raw))


def _is_verse(parts: Sequence[Part]) -> bool:
    breaks = parts.count(LINE)
    if breaks < _VERSE_BREAKS:
        return False
    words = sum(len(part.split()) for part in parts if isinstance(part, str))
    return words / (breaks + 1) < _VERSE_WORDS


class _Writer:
    """Writes words down with one space between them, and notes where links begin and end."""

    __slots__ = ("gap", "href", "invisible", "length", "links", "out", "start")

    def __init__(self) -> None:
        self.out: list[str] = []
        self.links: list[Link] = []
        self.length = self.invisible = 0
        self.gap = ""
        self.href: str | None = None
        self.start = -1

    def mark(self, mark: Mark, lines: bool) -> None:
        if mark is UNLINK:
            self.close()
        elif mark is LINE:
            self.gap = "\n" if lines else self.gap or " "
        elif mark is EDGE:
            self.gap = self.gap or " "
        elif mark is CELL:
            self._bar()
        else:
            self.close()
            self.href = mark.href

    def words(self, raw: str) -> None:
        text = collapsed(raw)
        if not raw.isascii():
            self.invisible += invisible_count(raw)
        if not text:
            self.gap = self.gap or (" " if raw else "")
            return
        if raw[0].isspace():
            self.gap = self.gap or " "
        if self.out and self.gap:
            self.out.append(self.gap)
            self.length += 1
        if self.href is not None and self.start < 0:
            self.start = self.length
        self.out.append(text)
        self.length += len(text)
        self.gap = " " if raw[-1].isspace() else ""

    def _bar(self) -> None:
        """The border of two cells; a link around both is one in each."""
        href = self.href
        self.close()
        self.gap = " "
        self.words("|")
        self.gap, self.href = " ", href

    def close(self) -> None:
        if self.href is not None and self.start >= 0:
            self.links.append((self.start, self.length, self.href))
        self.href, self.start = None, -1


def _composed(run: Run) -> Run:
    """Pieces that are composed one by one may still combine where they meet."""
    text = run.text
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return run

    def moved(place: int) -> int:
        return len(unicodedata.normalize("NFC", text[:place]))

    whole = unicodedata.normalize("NFC", text)
    links = [(moved(start), min(moved(end), len(whole)), href) for start, end, href in run.links]
    return Run(whole, [link for link in links if link[0] < link[1]], run.invisible)


def split(run: Run, limit: int, *, at: Literal["sentences", "lines", "cells"] = "sentences") -> Iterator[Run]:
    """A run in pieces of at most `limit` words: cut where sentences, lines or cells end, else between words."""
    start = 0
    for end in _ends(run.text, limit, at):
        first, last = _stripped(run.text, start, end, at)
        if first < last:
            inside = [
                (max(begin, first) - first, min(stop, last) - first, href)
                for begin, stop, href in run.links
                if begin < last and stop > first
            ]
            yield Run(run.text[first:last], inside)
        start = end


def _stripped(text: str, start: int, end: int, at: str) -> tuple[int, int]:
    """A piece without white space at its ends, but with the indentation of code, and without borders of cells."""
    while start < end and (text[start] == "\n" or (at != "lines" and text[start] == " ")):
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if at == "cells":
        while text.startswith("| ", start, end):
            start += 2
        while text.endswith(" |", start, end):
            end -= 2
        if text[start:end] == "|":
            start = end
    return start, end


def _ends(text: str, limit: int, at: str) -> list[int]:
    """Where the pieces of a text end, greedily as long as `limit` words allow; the border of cells counts as one."""
    ends: list[int] = []
    size = last = 0
    for _, end, words in _atoms(text, limit, at):
        border = 1 if at == "cells" and size else 0
        if size and size + border + words > limit:
            ends.append(last)
            size = border = 0
        size += border + words
        last = end
    return [*ends, len(text)]


def _atoms(text: str, limit: int, at: str) -> Iterator[tuple[int, int, int]]:
    """The smallest pieces, start, end and words, none of more than `limit` words."""
    from ragkit.text.sentences import iter_sentences

    spans = iter_sentences(text, 0, len(text)) if at == "sentences" else _parted(text, "\n" if at == "lines" else " | ")
    for start, end in spans:
        words = count_words(text[start:end])
        if words <= limit:
            yield start, end, words
        else:
            yield from _pieces(text, start, end, limit)


def _parted(text: str, mark: str) -> Iterator[tuple[int, int]]:
    """What stands between the marks."""
    start = 0
    while (end := text.find(mark, start)) >= 0:
        yield start, end
        start = end + len(mark)
    yield start, len(text)


def _pieces(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int, int]]:
    """Words, several of them where a word alone, in a script without spaces, is over the limit."""
    place = start
    for word in text[start:end].split(" "):
        stop = place + len(word)
        step = len(word) if count_words(word) <= limit else limit  # two characters a word: half the limit and less
        while place < stop:
            last = min(stop, place + step)
            yield place, last, count_words(text[place:last])
            place = last
        place = stop + 1
