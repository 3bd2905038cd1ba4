"""The splitter of the published tables, with offsets that are kept instead of looked for afterwards.

It cuts as LangChain's RecursiveCharacterTextSplitter does with separators kept at the start of the next piece and white
space stripped. `chunk(by="recursive")` is ragkit's own, which knows sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragkit.errors import InvalidValueError

SEPARATORS = ("\n\n", "\n", ".", "?", "!", " ", "")
Piece = tuple[int, int]


@dataclass(frozen=True)
class RecursiveSplitter:
    """Gives the places of a text's chunks of at most `size`, as `length` measures (default: characters).

    >>> text = "One two. Three four."
    >>> [text[start:end] for start, end in RecursiveSplitter(10)(text)]
    ['One two', '. Three', 'four', '.']
    """

    size: int
    overlap: int = 0
    separators: Sequence[str] = SEPARATORS
    length: Callable[[str], int] = len

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.size:
            raise InvalidValueError(f"the overlap must be from 0 to below the size {self.size}, it was {self.overlap}")
        if not self.separators:
            raise InvalidValueError("a splitter needs at least one separator")

    def __call__(self, text: str) -> list[Piece]:
        """Start and end of each chunk."""
        return self._split(text, 0, len(text), tuple(self.separators))

    def _split(self, text: str, start: int, end: int, separators: tuple[str, ...]) -> list[Piece]:
        separator, finer = separators[-1], tuple[str, ...]()
        for at, one in enumerate(separators):
            if not one or text.find(one, start, end) >= 0:
                separator, finer = one, separators[at + 1 :] if one else ()
                break
        found: list[Piece] = []
        small: list[tuple[int, int, int]] = []
        for first, last in _pieces(text, start, end, separator):
            measured = self.length(text[first:last])
            if measured < self.size:
                small.append((first, last, measured))
                continue
            found += self._merged(text, small)
            small = []
            found += self._split(text, first, last, finer) if finer else [(first, last)]
        return found + self._merged(text, small)

    def _merged(self, text: str, pieces: Sequence[tuple[int, int, int]]) -> list[Piece]:
        """Neighbouring pieces put together as long as they fit."""
        found: list[Piece] = []
        window: list[tuple[int, int, int]] = []
        total = 0
        for piece in pieces:
            if window and total + piece[2] > self.size:
                found += _stripped(text, window[0][0], window[-1][1])
                while total > self.overlap or (total + piece[2] > self.size and total > 0):
                    total -= window.pop(0)[2]
            window.append(piece)
            total += piece[2]
        return found + (_stripped(text, window[0][0], window[-1][1]) if window else [])


def _pieces(text: str, start: int, end: int, separator: str) -> list[Piece]:
    """The parts between separators, each with the separator before it."""
    if not separator:
        return [(at, at + 1) for at in range(start, end)]
    cuts = [start]
    at = text.find(separator, start, end)
    while at >= 0:
        cuts.append(at)
        at = text.find(separator, at + len(separator), end)
    return [(first, last) for first, last in zip(cuts, [*cuts[1:], end], strict=True) if first < last]


def _stripped(text: str, start: int, end: int) -> list[Piece]:
    piece = text[start:end]
    first, last = end - len(piece.lstrip()), start + len(piece.rstrip())
    return [(first, last)] if first < last else []
