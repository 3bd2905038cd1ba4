"""Where the pieces of a foreign splitter stand in their text.

A splitter that tells offsets needs none of this, and one that tells wrong ones is found out: searching for a piece by
its text is a last resort, and wrong where passages repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ragkit.errors import InvalidValueError
from ragkit.types import Document, Span


class LocateError(InvalidValueError):
    """A piece is not in the text."""


def locate_chunks(text: str, pieces: Sequence[str], overlap: int = 0) -> list[tuple[int, int]]:
    """Start and end of each piece, in order.

    The search goes on from the last piece's end, or with an overlap from just behind its start; a piece is looked for
    exactly, then with any white space between its words. Raises `LocateError` for a piece that is not found.

    >>> locate_chunks("aXaXa", ["a", "Xa", "Xa"])
    [(0, 1), (1, 3), (3, 5)]
    """
    places: list[tuple[int, int]] = []
    begin = 0
    for number, piece in enumerate(pieces):
        place = _find(text, piece, begin)
        if place is None:
            raise LocateError(
                f"piece {number} ({piece[:60]!r}) does not stand in the text after character {begin}; "
                "does the splitter change the text, or overlap more than it says?"
            )
        places.append(place)
        begin = place[0] + 1 if overlap else place[1]
    return places


def _find(text: str, piece: str, begin: int) -> tuple[int, int] | None:
    if not piece.strip():
        return None
    start = text.find(piece, begin)
    if start >= 0:
        return start, start + len(piece)
    found = re.compile(r"\s+".join(map(re.escape, piece.split()))).search(text, begin)
    return found.span() if found else None


def split_spans(document: Document, splitter: Any, overlap: int | None = None) -> list[Span]:
    """The chunks of one document by a ragkit chunker, a LangChain text splitter, or a function from text to spans.

    LangChain's `start_index` is used where every piece really stands there, otherwise the pieces are looked for.
    """
    if hasattr(splitter, "chunk"):
        return [chunk.span for chunk in splitter.chunk(document)]
    if hasattr(splitter, "create_documents"):
        known = getattr(splitter, "_chunk_overlap", 0) if overlap is None else overlap
        return [document.span(*place) for place in _of_langchain(document.text, splitter, known)]
    return [document.span(*place) for place in splitter(document.text)]


def _of_langchain(text: str, splitter: Any, overlap: int) -> list[tuple[int, int]]:
    made = [one for one in splitter.create_documents([text]) if one.page_content.strip()]
    pieces = [one.page_content for one in made]
    starts = [one.metadata.get("start_index", -1) for one in made]
    return trusted(text, pieces, starts, overlap)


def trusted(text: str, pieces: Sequence[str], starts: Sequence[int], overlap: int = 0) -> list[tuple[int, int]]:
    """The places told by a splitter if they are right and ascend, else those found by looking."""
    places = [(start, start + len(piece)) for start, piece in zip(starts, pieces, strict=True)]
    right = all(0 <= start and text[start:end] == piece for (start, end), piece in zip(places, pieces, strict=True))
    if right and all(one[0] <= other[0] for one, other in zip(places, places[1:], strict=False)):
        return places
    return locate_chunks(text, pieces, overlap)


def chunk_spans(documents: Iterable[Document], splitter: Any, overlap: int | None = None) -> list[Span]:
    """The chunks of all documents, in order; see `split_spans`."""
    return [span for document in documents for span in split_spans(document, splitter, overlap)]


def spans_of_langchain(documents: Iterable[Any]) -> list[Span]:
    """The spans of LangChain documents whose metadata have `doc_id`, `start` and `end`.

    Raises `InvalidValueError` telling how to add them when they have not.
    """
    spans = []
    for document in documents:
        about = getattr(document, "metadata", {})
        if not all(key in about for key in ("doc_id", "start", "end")):
            raise InvalidValueError(
                "a retrieved document has no place: put `doc_id`, `start` and `end` (characters of its text) "
                "into its metadata when you index it, for example with ragkit.evaluate.locate.locate_chunks"
            )
        spans.append(Span(str(about["doc_id"]), int(about["start"]), int(about["end"])))
    return spans
