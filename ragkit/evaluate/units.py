"""The unit of measure: characters, or the tokens of any tokenizer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.evaluate.line import Flat, Ints
from ragkit.evaluate.spans import SpanError, check_span
from ragkit.types import Span

Starts = Callable[[str], Sequence[int]]
Unit = str | Starts  # "char", "word", or a function from a text to the ascending start offsets of its tokens

_WORD = re.compile(r"\w+|[^\w\s]")


def word_starts(text: str) -> list[int]:
    r"""Where the tokens `\w+|[^\w\s]` of a text start."""
    return [match.start() for match in _WORD.finditer(text)]


def tiktoken_starts(encoding: Any) -> Starts:
    """The token starts of a tiktoken encoding; special tokens in the text are read as text."""

    def starts(text: str) -> list[int]:
        tokens = encoding.encode_ordinary(text)
        return sorted(encoding.decode_with_offsets(tokens)[1])

    return starts


def huggingface_starts(tokenizer: Any) -> Starts:
    """The token starts of a fast tokenizer of transformers, without the tokens it adds."""

    def starts(text: str) -> list[int]:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, truncation=False)
        return sorted(start for start, end in encoded["offset_mapping"] if start < end)

    return starts


@dataclass(frozen=True)
class Line:
    """All documents on one line, in order of their ids, with a gap of one unit after each.

    `tokens`, when set, holds the start of every token on the line of characters; then a span is the tokens that begin
    in it, so that neighbouring spans never share one.
    """

    documents: Mapping[str, int]
    lengths: Ints
    offsets: Ints
    tokens: Ints | None = None

    @classmethod
    def of(cls, texts: Mapping[str, str], unit: Unit = "char") -> Line:
        """The line of these documents. Raises `ValueError` for a unit that is neither "char", "word" nor a function."""
        names = sorted(texts)
        line = cls.of_lengths({name: len(texts[name]) for name in names})
        if unit == "char":
            return line
        if isinstance(unit, str) and unit != "word":
            raise ValueError(f"the unit must be 'char', 'word' or a function from text to token starts, not {unit!r}")
        starts_of = word_starts if isinstance(unit, str) else unit
        pieces = [np.asarray(starts_of(texts[name]), np.int64) + line.offsets[at] for at, name in enumerate(names)]
        tokens = np.concatenate([np.zeros(0, np.int64), *pieces])
        if (np.diff(tokens) < 0).any():
            raise ValueError("the tokenizer gave token starts that do not ascend, or lie outside the text")
        return cls(line.documents, line.lengths, line.offsets, tokens)

    @classmethod
    def of_lengths(cls, lengths: Mapping[str, int]) -> Line:
        """The line of characters of documents of these lengths."""
        names = sorted(lengths)
        sizes = np.array([lengths[name] for name in names], np.int64)
        offsets = np.append(0, np.cumsum(sizes + 1))[: len(names)]
        return cls({name: at for at, name in enumerate(names)}, sizes, offsets.astype(np.int64))

    @property
    def stride(self) -> int:
        """How long the line is, with a gap behind it."""
        if self.tokens is not None:
            return len(self.tokens) + len(self.documents) + 1
        return int(self.lengths.sum()) + len(self.lengths) + 1

    def place(self, spans: Sequence[Span], *, gold: bool = False, names: Sequence[str] = ()) -> tuple[Ints, Ints]:
        """Where spans start and end on the line.

        A `gold` span in which no token begins becomes the token that contains it. Raises `SpanError` for a span that
        does not lie in its document; `names` says for each span which question to name then.
        """
        numbers, starts, ends = self._checked(spans, names)
        starts, ends = starts + self.offsets[numbers], ends + self.offsets[numbers]
        if self.tokens is None:
            return starts, ends
        first, last = np.searchsorted(self.tokens, starts), np.searchsorted(self.tokens, ends)
        if gold:
            holder = np.searchsorted(self.tokens, starts, "right") - 1
            empty = first >= last
            self._check_holders(spans, numbers, holder, empty)
            first, last = np.where(empty, holder, first), np.where(empty, holder + 1, last)
        return first + numbers, last + numbers

    def _checked(self, spans: Sequence[Span], names: Sequence[str]) -> tuple[Ints, Ints, Ints]:
        known = self.documents
        numbers = np.array([known.get(span.document_id, -1) for span in spans], np.int64)
        starts = np.array([span.start for span in spans], np.int64)
        ends = np.array([span.end for span in spans], np.int64)
        wrong = numbers < 0
        if len(self.lengths):
            wrong |= (starts < 0) | (starts >= ends) | (ends > self.lengths[numbers])
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            span, name = spans[at], names[at] if names else ""
            if numbers[at] < 0:
                about = f"question {name!r}: " if name else ""
                raise SpanError(
                    f"{about}span [{span.start}:{span.end}] is of document {span.document_id!r}, which the data set "
                    "does not hold"
                )
            check_span(span.document_id, span.start, span.end, int(self.lengths[numbers[at]]), name)
        return numbers, starts, ends

    def _check_holders(self, spans: Sequence[Span], numbers: Ints, holder: Ints, empty: NDArray[np.bool_]) -> None:
        assert self.tokens is not None
        for at in np.flatnonzero(empty).tolist():
            if holder[at] < 0 or self.tokens[holder[at]] < self.offsets[numbers[at]]:
                span = spans[at]
                raise SpanError(
                    f"span [{span.start}:{span.end}] of document {span.document_id!r} holds no token of this unit"
                )

    def flat(self, lists: Sequence[Sequence[Span]], *, gold: bool = False, names: Sequence[str] = ()) -> Flat:
        """The spans of each question, placed on the line."""
        owner = np.repeat(np.arange(len(lists)), [len(spans) for spans in lists]).astype(np.int64)
        spans = [span for spans in lists for span in spans]
        named = [names[at] for at in owner.tolist()] if names else ()
        start, end = self.place(spans, gold=gold, names=named)
        return Flat(len(lists), owner, start, end, self.stride)


def lengths_of(spans: Iterable[Span]) -> dict[str, int]:
    """For each document the furthest place that spans reach: its length, as far as they can tell."""
    lengths: dict[str, int] = {}
    for span in spans:
        lengths[span.document_id] = max(lengths.get(span.document_id, 0), span.end)
    return lengths
