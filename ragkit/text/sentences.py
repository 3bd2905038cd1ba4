"""Sentences by rules, without a model: exact offsets, linear time, any script.

The text is first cut into runs of lines that belong together: a line break inside hard-wrapped prose is a mere space,
one after a title, a list item or a table row is an end. In each run, terminators end a sentence unless what stands
around them says otherwise: an abbreviation, an initial, a number, a quote that goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragkit.text.graphemes import may_cut

Spans = list[tuple[int, int]]

_SPACE = re.compile(r"\s*")
_MARKER = re.compile(r"[-*+•‣◦▪–—]\s|\(?\d{1,3}[.)]\s|\(?[A-Za-z][)]\s|\||>|[^\W_][\w ]{0,24}: ")
_HEADING = re.compile(r"#{1,6}\s|[=\-*_~` ]{3,200}$|```|~~~")
# A terminator with the closing quotes and brackets (and footnote marks) that follow it. The second kind needs no space.
_WIDE = "。！？｡．।॥؟۔።။។"
_END = re.compile(rf"[.!?…‼⁇⁈⁉]+(?:[\"'”’»›)\]}}*_`]|\[\d{{1,3}}\])*|[{_WIDE}]+[”’」』）》】〉\"')\]»]*")
_OPENING = "\"'“‘«‹([{*_`¿¡„「『（"

# Never the end of a sentence: a name, a number or a clause follows.
_BEFORE_NAME = frozenset(
    "mr mrs ms mx messrs dr prof rev hon gen col maj capt lt cmdr sgt cpl pvt adm gov sen rep pres supt "
    "vs viz cf e.g i.e approx ca resp incl esp mme mlle herr z.b u.a d.h bzw".split()
)
# Not an end when a number follows.
_BEFORE_NUMBER = frozenset(
    "no nos nr fig figs vol vols p pp pg ch chap sec sect art eq eqs ex op pt par para tab ver v jan feb mar apr "
    "jun jul aug sep sept oct nov dec".split()
)
# An end only when the next word commonly begins a sentence, as these also stand before names.
_BEFORE_EITHER = frozenset(
    "st mt ft ave rd blvd hwy inc ltd co corp bros jr sr esq ph.d m.d al dept univ assn est jan feb mar apr jun jul "
    "aug sep sept oct nov dec fr".split()
)
_STARTERS = frozenset(
    "the this that these those it he she they we you i in on at by for from with after before when while as if but "
    "and or however although though there here his her its their our my what who where why how which a an then so "
    "also another both many most some during since until under between according because despite once thus".split()
)
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])*")
# Two lines are one wrapped line when the second's first word would not have fitted. The lines of pages set in type vary
# this much in characters; in few lines that cannot be told from a title over its text.
_RAGGED = 0.8
_PAGE = 4
_NARROWEST = 40


def sentence_spans(text: str) -> Spans:
    """Start and end of each sentence, in order, without the white space around them.

    Together they hold every character of `text` that is not white space.

    >>> text = "Dr. J. R. Smith paid $3.50. He left at 5 p.m. on Monday.  “Why?” she asked."
    >>> [text[start:end] for start, end in sentence_spans(text)]
    ['Dr. J. R. Smith paid $3.50.', 'He left at 5 p.m. on Monday.', '“Why?” she asked.']
    """
    return list(iter_sentences(text, 0, len(text)))


def sentences(text: str) -> list[str]:
    """The sentences themselves; see `sentence_spans`."""
    return [text[start:end] for start, end in sentence_spans(text)]


def iter_sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences of `text[start:end]` one at a time; see `sentence_spans`."""
    for first, last in line_runs(text, start, end):
        yield from _sentences(text, first, last)


def paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and end of each stretch of lines between blank lines, stripped."""
    first = last = -1
    for begin, stop in lines(text, start, end):
        if begin < stop:
            first, last = begin if first < 0 else first, stop
        elif first >= 0:
            yield first, last
            first = -1
    if first >= 0:
        yield first, last


def lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and end of each line, stripped; a blank line has no length."""
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        line = text[start:stop]
        bare = line.lstrip()
        yield stop - len(bare), stop - len(bare) + len(bare.rstrip())
        start = stop + 1


def line_runs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and end of each run of lines that read as one: a wrapped paragraph, a title, a list item, a table row."""
    for begin, stop in paragraphs(text, start, end):
        width = rows = 0
        for first, last in lines(text, begin, stop):
            width, rows = max(width, last - first), rows + 1
        yield from _runs(text, begin, stop, width, _RAGGED if rows >= _PAGE else 1)


def _runs(text: str, begin: int, stop: int, width: int, ragged: float) -> Iterator[tuple[int, int]]:
    inside = lines(text, begin, stop)
    first, last = next(inside)
    length = last - first
    alone = _stands_alone(text, first, last)
    for start, end in inside:
        if not alone and _continues(text, start, end, length, width, ragged):
            last = end
        else:
            yield first, last
            first, last = start, end
            alone = _stands_alone(text, start, end)
        length = end - start
    yield first, last


def _stands_alone(text: str, start: int, end: int) -> bool:
    return text[start] == "|" or _HEADING.match(text, start, end) is not None


def _continues(text: str, start: int, end: int, length: int, width: int, ragged: float) -> bool:
    """Whether a line goes on from the one before it, `length` long, in a block of lines at most `width` long."""
    if _MARKER.match(text, start, end) or _HEADING.match(text, start, end):
        return False
    if text[start].islower():
        return True
    word = text[start : min(end, start + width)].split(None, 1)[0]
    return width >= _NARROWEST and length + 1 + len(word) > ragged * width


def _sentences(text: str, start: int, limit: int) -> Iterator[tuple[int, int]]:
    casual = text[start:limit].islower()
    first = start
    for match in _END.finditer(text, start, limit):
        if match.end() >= limit or match.start() < first:
            continue
        after = _SPACE.match(text, match.end(), limit).end()  # type: ignore[union-attr]
        if _ends(text, first, match.start(), match.end(), after, casual):
            yield first, match.end()
            first = after
    if first < limit:
        yield first, limit


def _ends(text: str, first: int, mark: int, stop: int, after: int, casual: bool) -> bool:
    """Whether the terminator at `mark`, closed at `stop`, ends the sentence; the text goes on at `after`."""
    closed = text[stop - 1] not in ".!?…" + _WIDE
    if text[mark] in _WIDE:
        return may_cut(text, stop) and not (closed and text[stop] in "とっ、，,;；")
    if after == stop:
        return False
    following = text[after : after + 24].lstrip(_OPENING)
    lower = following[:1].islower()
    if text[mark] in "!?‼⁇⁈⁉":
        return casual or not lower
    if lower and not casual:
        return False
    return stop - mark > 1 or not _abbreviates(text, first, mark, following)


def _abbreviates(text: str, first: int, mark: int, following: str) -> bool:
    """Whether the full stop at `mark` belongs to an abbreviation, an initial or the number of a list item."""
    start = max(first, mark - 20)
    parts = text[start:mark].split()
    if not parts or text[mark - 1].isspace():
        return False
    word = parts[-1].lstrip(_OPENING)
    key = word.lower()
    if key in _BEFORE_NAME or (word.isdigit() and len(word) <= 3 and mark - len(word) == first):
        return True
    if key in _BEFORE_NUMBER and following[:1].isdigit():
        return True
    if key in _BEFORE_EITHER or _INITIALS.fullmatch(word):
        return not _starts(following)
    return False


def _starts(following: str) -> bool:
    """Whether a word that commonly begins sentences comes next ("A." and "I." are initials rather)."""
    match = re.match(r"([^\W\d_]+)(?!\.)(?![^\W\d_])", following)
    return match is not None and match[1].lower() in _STARTERS
