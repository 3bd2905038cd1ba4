"""Reading what a chat model wrote, and checking its citations against the sources."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.answer.names import fold
from ragkit.text.sentences import sentence_spans
from ragkit.types import Chunk, Citation

_SECTION = re.compile(r"^[ \t*#]*(short|quotes?|citations?)[ \t*]*:", re.IGNORECASE | re.MULTILINE)
_QUOTE_LINE = re.compile(r"^\s*(?:[-*•]\s*)?\[(\d{1,4})\][\s:.\-–]*(.+?)\s*$")
_MARK = re.compile(r"[ \t]?\[(\d{1,4}(?:\s*,\s*\d{1,4})*)\]")
_NOT_FOUND = re.compile(
    r"^\W*(?:answer:\s*)?(?:not found\b|(?:the (?:provided |given )?sources? (?:do|does) not (?:contain|hold|say"
    r"|mention|provide|state|include)))",
    re.IGNORECASE,
)
_THINKING = re.compile(r"<think>.*?(?:</think>\s*|\Z)", re.DOTALL)
_OPENING = re.compile(r"^answer:\s*", re.IGNORECASE)
_SECTIONS = ("short:", "quotes:", "quote:", "citations:", "citation:")
_QUOTES = "\"'“”‘’«»„‟‚‛`´ \t"
_PLAIN = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "‘": "'",
        "’": "'",
        "‚": "'",
        "`": "'",
        "´": "'",
        "–": "-",
        "—": "-",
        "−": "-",
        "‐": "-",
        "‑": "-",
    }
)
# Shorter quotes stand in any text and prove nothing.
_LEAST_QUOTE = 4
# The share of a statement's words a sentence must hold to be cited for it when the model gave no quote.
_LEAST_SHARED = 0.3


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply taken apart: `body` still has source numbers, `quotes` are (source number, quoted words)."""

    body: str
    short: str
    quotes: tuple[tuple[int, str], ...]
    not_found: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """A body whose numbers are those of its citations, each of which stands in a source.

    `rejected` counts quotes and numbers no source bears out, `inferred` citations found for statements without a valid
    quote, `moved` quotes that stand in another source than the one named.
    """

    text: str
    citations: tuple[Citation, ...]
    rejected: int
    inferred: int
    moved: int


def read_reply(text: str, sources: int) -> Reply:
    """Take a reply apart; any text is accepted, prose without quotes too."""
    text = _THINKING.sub("", text).strip()
    first = _SECTION.search(text)
    body = (text[: first.start()] if first else text).strip()
    body = re.sub(r"^answer:\s*", "", body, flags=re.IGNORECASE)
    short, quotes = "", []
    for number, section in enumerate(found := list(_SECTION.finditer(text))):
        stop = found[number + 1].start() if number + 1 < len(found) else len(text)
        content = text[section.end() : stop].strip()
        if section.group(1).lower() == "short":
            short = short or _phrase(content)
        else:
            quotes += [(int(m[1]), m[2]) for line in content.splitlines() if (m := _QUOTE_LINE.match(line))]
    return Reply(body or short, short, tuple(quotes), bool(_NOT_FOUND.match(body or short)))


def _phrase(content: str) -> str:
    line = _MARK.sub("", content.splitlines()[0] if content else "").strip(_QUOTES + "*.")
    return "" if line.casefold() in ("", "none", "n/a", "unknown") or len(line) > 200 else line


class Pieces:
    """Turns the pieces a model writes into pieces of the answer's body as soon as they are sure, in linear time.

    Source numbers become citation numbers in the order they first appear; numbers of no source, the model's thinking
    at the beginning and its lists of quotes are left out.
    """

    def __init__(self, sources: int) -> None:
        """`sources` is how many were sent."""
        self._sources = sources
        self._parts: list[str] = []
        self._waiting = ""  # not shown yet
        self._order: list[int] = []
        self._begun = self._ended = False
        self._line_begins = True
        self.length = 0

    @property
    def text(self) -> str:
        """All the model has written."""
        return "".join(self._parts)

    def add(self, piece: str) -> str:
        """Take one more piece; returns what can be shown now."""
        self._parts.append(piece)
        self.length += len(piece)
        if self._ended:
            return ""
        self._waiting += piece
        if not self._begun and not self._begin():
            return ""
        return self._show(last=False)

    def close(self) -> str:
        """The rest to show when the model has ended."""
        if not self._begun:
            self._waiting = _OPENING.sub("", _THINKING.sub("", self._waiting.lstrip(), count=1).lstrip())
        return "" if self._ended else self._show(last=True)

    def _begin(self) -> bool:
        """Whether the answer itself has begun: thinking and "Answer:" are taken off first."""
        text = self._waiting.lstrip()
        if text.startswith("<think>"):
            if "</think>" not in self._waiting:
                return False
            text = text[text.index("</think>") + len("</think>") :].lstrip()
            self._waiting = text
        if len(text) < len("<think>") + 1 or _OPENING.fullmatch(text):
            return False
        self._waiting = _OPENING.sub("", text)
        self._begun = True
        return True

    def _show(self, *, last: bool) -> str:
        section = _SECTION.search(self._waiting) if self._line_begins else _SECTION.search("x" + self._waiting)
        if section:
            self._ended = True
            cut = len(self._waiting[: max(0, section.start() - (0 if self._line_begins else 1))].rstrip())
        else:
            cut = len(self._waiting.rstrip()) if last else len(_held_back(self._waiting, self._line_begins))
        text, self._waiting = self._waiting[:cut], self._waiting[cut:]
        if text:
            self._line_begins = text.endswith("\n")
        return _MARK.sub(lambda match: _numbers_as(match, self._order, self._sources), text)


def _held_back(text: str, line_begins: bool) -> str:
    """The text without an end that may yet turn out to be a number in brackets or the heading of a section."""
    text = text.rstrip()
    opened = text.rfind("[")
    if opened >= 0 and not text[opened + 1 :].strip("0123456789, "):
        text = text[:opened].rstrip()
    last = text.rfind("\n") + 1
    line = text[last:].strip(" \t*#").casefold()
    if (last or line_begins) and any(name.startswith(line) for name in _SECTIONS):
        return text[:last].rstrip()
    return text


def _numbers_as(match: re.Match[str], order: list[int], sources: int) -> str:
    """The citation numbers for source numbers in brackets; `order` grows by the sources seen for the first time."""
    kept = [number for part in match.group(1).split(",") if 1 <= (number := int(part)) <= sources]
    order += [number for number in dict.fromkeys(kept) if number not in order]
    space = match.group()[: len(match.group()) - len(match.group().lstrip())]
    return space + "".join(f"[{order.index(number) + 1}]" for number in kept) if kept else ""


def renumbered(body: str, sources: int) -> tuple[str, list[int]]:
    """The body with its source numbers as 1, 2, … in the order they appear, and the source numbers in that order."""
    order: list[int] = []
    return _MARK.sub(lambda match: _numbers_as(match, order, sources), body), order


# ---------------------------------------------------------------- checking


def check(reply: Reply, chunks: Sequence[Chunk]) -> Checked:
    """Keep the citations that stand in the sources; look for a sentence where a statement has none."""
    proven: dict[int, list[Citation]] = {}
    rejected = moved = inferred = 0
    for number, quote in reply.quotes:
        place = _prove(number, quote, chunks)
        if place is None:
            rejected += 1
            continue
        source, citation = place
        moved += source != number
        if citation not in proven.setdefault(source, []):
            proven[source].append(citation)
    _, order = renumbered(reply.body, len(chunks))
    rejected += sum(not 1 <= number <= len(chunks) for number in _numbers(reply.body))
    for number in order:
        if number not in proven:
            citation_found = _closest(_statements_with(reply.body, number), [chunks[number - 1]])
            if citation_found is None:
                rejected += 1
            else:
                proven[number] = [citation_found]
                inferred += 1
    if not proven:
        guess = _closest(reply.body, chunks)
        if guess is not None:
            source = next(n for n, chunk in enumerate(chunks, 1) if _within(guess, chunk))
            proven[source] = [guess]
            inferred += 1
    text, citations = _numbered(reply.body, proven)
    return Checked(text, citations, rejected, inferred, moved)


def _within(citation: Citation, chunk: Chunk) -> bool:
    return citation.document_id == chunk.document_id and chunk.start <= citation.start and citation.end <= chunk.end


def _numbers(body: str) -> list[int]:
    return [int(part) for match in _MARK.finditer(body) for part in match.group(1).split(",")]


def _numbered(body: str, proven: dict[int, list[Citation]]) -> tuple[str, tuple[Citation, ...]]:
    """The body with the numbers of its citations; sources proven but not numbered in it follow at its end."""
    first: dict[int, int] = {}
    citations: list[Citation] = []

    def number_of(source: int) -> int:
        if source not in first:
            first[source] = len(citations) + 1
            citations.append(proven[source][0])
        return first[source]

    def replace(match: re.Match[str]) -> str:
        kept = [int(part) for part in match.group(1).split(",") if int(part) in proven]
        space = match.group()[: len(match.group()) - len(match.group().lstrip())]
        return space + "".join(f"[{number_of(source)}]" for source in kept) if kept else ""

    text = _MARK.sub(replace, body).strip()
    unnamed = [source for source in proven if source not in first]
    text += "".join(f" [{number_of(source)}]" for source in unnamed)
    citations += [citation for source in first for citation in proven[source][1:]]
    return text, tuple(citations)


def _prove(number: int, quote: str, chunks: Sequence[Chunk]) -> tuple[int, Citation] | None:
    others = [n for n in range(1, len(chunks) + 1) if n != number]
    for source in ([number] if 1 <= number <= len(chunks) else []) + others:
        span = locate(quote, chunks[source - 1].text)
        if span:
            return source, Citation.of(chunks[source - 1], *span)
    return None


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Where a quote stands in a text: exactly, else with white space, quotation marks, dashes and case made alike.

    Returns the exact characters of the text, or None when it does not stand there or proves nothing, being too short.
    """
    quote = quote.strip().strip(_QUOTES)
    quote = re.sub(r"^(?:\.\.\.|…)\s*|\s*(?:\.\.\.|…)$", "", quote)
    if len(quote) < _LEAST_QUOTE:
        return None
    at = text.find(quote)
    if at >= 0:
        return at, at + len(quote)
    plain, places = _plain(text)
    wanted = _plain(quote)[0].strip()
    at = plain.find(wanted) if len(wanted) >= _LEAST_QUOTE else -1
    if at < 0:
        return None
    return places[at], places[at + len(wanted) - 1] + 1


def _plain(text: str) -> tuple[str, list[int]]:
    """The text in lower case with single spaces, plain quotes and dashes; and where each character was."""
    letters: list[str] = []
    places: list[int] = []
    for at, letter in enumerate(text):
        if letter.isspace():
            if letters and letters[-1] == " ":
                continue
            letter = " "
        for part in letter.translate(_PLAIN).lower():
            letters.append(part)
            places.append(at)
    return "".join(letters), places


def _statements_with(body: str, number: int) -> str:
    """The sentences of the body that carry this source number."""
    spans = sentence_spans(body)
    carrying = [body[a:b] for a, b in spans if number in _numbers(body[a:b])]
    return " ".join(carrying) or body


def _closest(statement: str, chunks: Sequence[Chunk]) -> Citation | None:
    """The sentence of these chunks that shares most words with a statement, if enough."""
    wanted = set(fold(_MARK.sub("", statement)))
    best: tuple[float, Citation] | None = None
    for chunk in chunks:
        for start, end in sentence_spans(chunk.text):
            words = set(fold(chunk.text[start:end]))
            shared = len(wanted & words) / (min(len(wanted), len(words)) or 1)
            shared *= min(1.0, len(wanted & words) / 2)
            if best is None or shared > best[0]:
                best = shared, Citation.of(chunk, start, end)
    return best[1] if best and best[0] >= _LEAST_SHARED else None
