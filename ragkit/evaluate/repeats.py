"""Gold passages that occur more than once in their document: any of their places may be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ragkit.evaluate.scores import Gold
from ragkit.evaluate.spans import merge
from ragkit.evaluate.units import Line
from ragkit.types import Span


def occurrences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """All places of `text[start:end]`, from left to right without overlap; the given one is always among them.

    >>> occurrences("abcabcab", 3, 5)
    [(0, 2), (3, 5), (6, 8)]
    """
    passage, size = text[start:end], end - start
    found = [(start, end)]
    place = text.find(passage)
    while place >= 0:
        if place >= end or place + size <= start:
            found.append((place, place + size))
            place = text.find(passage, place + size)
        else:
            place = text.find(passage, max(place + 1, end))
    return sorted(found)


def with_repeats(gold: Gold, spans: Sequence[Sequence[Span]], texts: Mapping[str, str], line: Line) -> Gold:
    """The gold with all places of each merged span; `spans` are the gold spans of each question."""
    owners, lists, firsts = [], [], []
    for owner, own in enumerate(spans):
        for document, start, end in _merged(own):
            owners.append(owner)
            firsts.append(Span(document, start, end))
            lists.append([Span(document, *place) for place in occurrences(texts[document], start, end)])
    stride = gold.spans.stride
    shift = np.array(owners, np.int64) * stride
    places, ends = line.place(firsts, gold=True)
    number = np.searchsorted(gold.spans.cover.starts, places + shift, "right") - 1
    skipped = places + shift - gold.spans.cover.starts[number]  # 0 unless tokens joined spans that lay apart
    counts = [len(own) for own in lists]
    starts, stops = line.place([span for own in lists for span in own], gold=True)
    repeated = np.repeat(np.arange(len(lists)), counts)
    starts, stops = starts + shift[repeated] - skipped[repeated], stops + shift[repeated]
    return Gold(gold.spans, (number[repeated], starts, stops))


def _merged(spans: Sequence[Span]) -> Iterator[tuple[str, int, int]]:
    for document in sorted({span.document_id for span in spans}):
        for start, end in merge((span.start, span.end) for span in spans if span.document_id == document):
            yield document, start, end
