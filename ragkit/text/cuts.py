"""Ways to cut a text, each giving the start and end of its pieces.

Whatever the way: pieces are in order, none is empty or begins or ends with white space, together they hold every
character that is not white space, and none is longer than the budget of tokens unless a single visible character is.
All take the part `text[start:end]` to cut, the budget, and how many tokens of a piece the next one may repeat.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice

from ragkit.text.graphemes import cut_before
from ragkit.text.sentences import iter_sentences, lines, paragraphs
from ragkit.text.tokens import count_tokens, token_pattern

Spans = Iterator[tuple[int, int]]
Piece = tuple[int, int, int]  # start, end, tokens

_SHORT = 10_000
_SPACE = re.compile(r"\s*")


def whole(text: str, start: int, end: int) -> Spans:
    """One piece, without the white space around it."""
    begin = _skip(text, start, end)
    if begin < end:
        yield begin, _trim(text, begin, end)


def windows(text: str, start: int, end: int, budget: int, overlap: int = 0) -> Spans:
    """As many tokens as fit. A cut moves back to a gap between words if one is near, and never tears a character."""
    position, reached = _skip(text, start, end), start
    while position < end:
        tokens = [match.span() for match in islice(token_pattern().finditer(text, position, end), budget + 1)]
        if len(tokens) <= budget:
            yield position, tokens[-1][1]
            return
        stop = _trim(text, position, _stop(text, position, reached, tokens, overlap))
        if stop <= reached:  # the overlap left no room for anything new
            position = _skip(text, reached, end)
            continue
        yield position, stop
        reached = stop
        position = _again(text, position, stop, tokens, overlap) or _skip(text, stop, end)


def _stop(text: str, position: int, reached: int, tokens: list[tuple[int, int]], overlap: int) -> int:
    """Where a window that begins at `position` ends: before the last of its `tokens`, which is one too many."""
    budget = len(tokens) - 1
    for last in range(budget - 1, max(overlap, budget - 1 - budget // 4), -1):
        if tokens[last][1] < tokens[last + 1][0] and tokens[last][1] > reached:
            return tokens[last][1]
    return cut_before(text, tokens[budget - 1][1], position)


def _again(text: str, position: int, stop: int, tokens: list[tuple[int, int]], overlap: int) -> int:
    """Where to begin again so as to repeat the last `overlap` tokens before `stop`; 0 when nowhere."""
    inside = [begin for begin, end in tokens if position < begin and end <= stop]
    if not overlap or not inside:
        return 0
    begin = cut_before(text, inside[-min(overlap, len(inside))], position)
    return begin if position < begin < stop and not text[begin].isspace() else 0


def by_sentences(
    text: str, start: int, end: int, budget: int, overlap: int = 0, headings: Collection[int] = ()
) -> Spans:
    """As many whole sentences as fit; one alone too long is cut into windows.

    `headings` are the places where headings begin: those at the end of a piece go to the next one.
    """

    def finer(first: int, last: int) -> Spans:
        return windows(text, first, last, budget, overlap)

    return pack(text, iter_sentences(text, start, end), budget, overlap, finer, headings)


def by_paragraphs(
    text: str, start: int, end: int, budget: int, overlap: int = 0, headings: Collection[int] = ()
) -> Spans:
    """As many whole paragraphs as fit; one alone too long is cut by sentences."""

    def finer(first: int, last: int) -> Spans:
        return by_sentences(text, first, last, budget, overlap, headings)

    return pack(text, paragraphs(text, start, end), budget, overlap, finer, headings)


def by_separators(text: str, start: int, end: int, budget: int, overlap: int = 0, level: int = 0) -> Spans:
    """Paragraphs that fit, put together; in place of one that does not, its lines, then sentences, then words.

    The method of LangChain's RecursiveCharacterTextSplitter, in tokens.
    """
    splits: tuple[Callable[[str, int, int], Spans], ...] = (paragraphs, _filled_lines, iter_sentences)
    if level == len(splits):
        return windows(text, start, end, budget, overlap)

    def finer(first: int, last: int) -> Spans:
        return by_separators(text, first, last, budget, overlap, level + 1)

    return pack(text, splits[level](text, start, end), budget, overlap, finer)


def by_sections(
    text: str, start: int, end: int, budget: int, overlap: int = 0, headings: Mapping[int, int] | None = None
) -> Spans:
    """The text under each heading, with the heading; a section too long is cut by sentences.

    A heading with no text of its own goes with the section after it. `headings` gives where each begins and ends.
    """
    headings = headings or {}
    for first, last in _sections(text, start, end, headings):
        if _count(text, first, last, budget) <= budget:
            yield first, last
        else:
            yield from by_sentences(text, first, last, budget, overlap, headings)


def pack(
    text: str,
    spans: Iterable[tuple[int, int]],
    budget: int,
    overlap: int,
    finer: Callable[[int, int], Spans],
    headings: Collection[int] = (),
) -> Spans:
    """Put neighbouring spans together as long as they fit; `finer` cuts one that alone does not.

    A piece begins again with the last spans of the one before it that fit the overlap, unless it begins with headings.
    """
    window: list[Piece] = []
    size = repeated = 0
    for start, end in spans:
        tokens = _count(text, start, end, budget)
        if window and size + tokens > budget:
            tail = _headings_at_end(window, budget - tokens, headings)
            done = window[: len(window) - len(tail)]
            if len(done) > repeated:
                yield done[0][0], done[-1][1]
            window = tail or _repeated(done, min(overlap, budget - tokens))
            repeated = 0 if tail else len(window)
            size = sum(piece[2] for piece in window)
        if tokens > budget:
            yield from finer(window[0][0] if window else start, end)
            window, size, repeated = [], 0, 0
        else:
            window.append((start, end, tokens))
            size += tokens
    if window:
        yield window[0][0], window[-1][1]


def _count(text: str, start: int, end: int, budget: int) -> int:
    """The tokens of a part, counted no further than one beyond the budget when it is long."""
    if end - start <= _SHORT:
        return count_tokens(text[start:end])
    return sum(1 for _ in islice(token_pattern().finditer(text, start, end), budget + 1))


def _headings_at_end(window: list[Piece], room: int, headings: Collection[int]) -> list[Piece]:
    """The headings that end a window, if what follows has room for them, or is to be cut anyway (negative room)."""
    first = len(window)
    while first and window[first - 1][0] in headings:
        first -= 1
    tail = window[first:]
    return tail if room < 0 or sum(piece[2] for piece in tail) <= room else []


def _repeated(window: list[Piece], room: int) -> list[Piece]:
    """The last spans that fit the room, never all of the window."""
    first = len(window)
    while first > 1 and window[first - 1][2] <= room:
        first -= 1
        room -= window[first][2]
    return window[first:]


def _sections(text: str, start: int, end: int, headings: Mapping[int, int]) -> Spans:
    first = heading = _skip(text, start, end)
    for mark in (*(mark for mark in headings if first < mark < end), end):
        last = _trim(text, heading, mark)
        if last > headings.get(heading, heading):
            yield first, last
            first = mark
        heading = mark
    if first < end:
        yield first, _trim(text, first, end)


def _filled_lines(text: str, start: int, end: int) -> Spans:
    return ((first, last) for first, last in lines(text, start, end) if first < last)


def _skip(text: str, place: int, end: int) -> int:
    """The first place from `place` on that is not white space, at most `end`."""
    found = _SPACE.match(text, place, end)
    return found.end() if found else place


def _trim(text: str, start: int, end: int) -> int:
    """`end` without the white space before it."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return end
