"""Sets of spans: where several documents are covered, and by how many characters.

Pure Python, for one question at a time. `ragkit.evaluate.line` does the same for all questions at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ragkit.errors import InvalidValueError
from ragkit.types import Span

Pieces = list[tuple[int, int]]


class SpanError(InvalidValueError):
    """A span is reversed, empty or outside its document. The message names question, document and offsets."""


def check_span(document_id: str, start: object, end: object, length: int | None = None, question: str = "") -> None:
    """Raise `SpanError` unless 0 <= start < end <= length, all of them integers; `length` None is unbounded."""
    about = f"question {question!r}: " if question else ""
    if type(start) is not int or type(end) is not int:
        raise SpanError(f"{about}span [{start!r}:{end!r}] of document {document_id!r} needs whole numbers as offsets")
    if not 0 <= start < end:
        kind = "is empty" if 0 <= start == end else "runs backwards or is negative"
        raise SpanError(f"{about}span [{start}:{end}] of document {document_id!r} {kind}; offsets are 0 <= start < end")
    if length is not None and end > length:
        raise SpanError(
            f"{about}span [{start}:{end}] does not lie in document {document_id!r} of {length} characters; "
            "has the document changed since the span was taken?"
        )


def merge(pieces: Iterable[tuple[int, int]]) -> Pieces:
    """The pieces of one document sorted, those that overlap or touch joined.

    >>> merge([(4, 6), (0, 2), (2, 3)])
    [(0, 3), (4, 6)]
    """
    joined: Pieces = []
    last_start = last_end = -1
    for start, end in sorted(pieces):
        if start > last_end:
            if last_end >= 0:
                joined.append((last_start, last_end))
            last_start, last_end = start, end
        elif end > last_end:
            last_end = end
    if last_end >= 0:
        joined.append((last_start, last_end))
    return joined


@dataclass(frozen=True, slots=True)
class SpanSet:
    """Merged spans of any number of documents. `&`, `|`, `-` take time linear in their size.

    >>> gold, found = SpanSet.of([Span("d", 10, 30)]), SpanSet.of([Span("d", 0, 20), Span("d", 40, 60)])
    >>> (gold & found).measure, (gold | found).measure, (gold - found).measure
    (10, 50, 10)
    """

    pieces: Mapping[str, Pieces] = field(default_factory=dict)

    @classmethod
    def of(cls, spans: Iterable[Span]) -> SpanSet:
        """The union of the spans. Raises `SpanError` for an empty one."""
        grouped: dict[str, Pieces] = {}
        for span in spans:
            check_span(span.document_id, span.start, span.end)
            grouped.setdefault(span.document_id, []).append((span.start, span.end))
        return cls({document: merge(grouped[document]) for document in sorted(grouped)})

    @property
    def measure(self) -> int:
        """How many characters are covered."""
        return sum(end - start for pieces in self.pieces.values() for start, end in pieces)

    def __iter__(self) -> Iterator[Span]:
        return (Span(document, start, end) for document, pieces in self.pieces.items() for start, end in pieces)

    def __bool__(self) -> bool:
        return any(self.pieces.values())

    def __and__(self, other: SpanSet) -> SpanSet:
        return self._with(other, lambda ours, theirs: _intersection(ours, theirs))

    def __or__(self, other: SpanSet) -> SpanSet:
        return self._with(other, lambda ours, theirs: merge([*ours, *theirs]))

    def __sub__(self, other: SpanSet) -> SpanSet:
        return self._with(other, lambda ours, theirs: _difference(ours, theirs))

    def _with(self, other: SpanSet, combine: Callable[[Pieces, Pieces], Pieces]) -> SpanSet:
        documents = sorted({*self.pieces, *other.pieces})
        combined = {name: combine(self.pieces.get(name, []), other.pieces.get(name, [])) for name in documents}
        return SpanSet({name: pieces for name, pieces in combined.items() if pieces})


def _intersection(ours: Pieces, theirs: Pieces) -> Pieces:
    shared: Pieces = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        start, end = max(ours[i][0], theirs[j][0]), min(ours[i][1], theirs[j][1])
        if start < end:
            shared.append((start, end))
        if ours[i][1] < theirs[j][1]:
            i += 1
        else:
            j += 1
    return shared


def _difference(ours: Pieces, theirs: Pieces) -> Pieces:
    left: Pieces = []
    j = 0
    for start, end in ours:
        while j < len(theirs) and theirs[j][1] <= start:
            j += 1
        at = j
        while at < len(theirs) and theirs[at][0] < end:
            if start < theirs[at][0]:
                left.append((start, theirs[at][0]))
            start = max(start, theirs[at][1])
            at += 1
        if start < end:
            left.append((start, end))
    return left
