"""The stage `chunk`: a document to its chunks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from ragkit.components import Between
from ragkit.errors import InvalidValueError
from ragkit.text import cuts
from ragkit.text.heads import Heading, headings, nearest, outlined
from ragkit.types import Chunk, Document

By = Literal["sentences", "recursive", "tokens", "paragraphs", "headings", "whole"]


class ChunkText:
    """Cuts documents into chunks: by sentences, recursive, by tokens, paragraphs, headings, or not at all.

    Ways to cut (`by`):

    - `sentences`: as many whole sentences as fit `tokens`;
    - `recursive`: whole paragraphs where they fit, else lines, else sentences, else words;
    - `tokens`: exactly as many tokens as fit, wherever a sentence ends;
    - `paragraphs`: as many whole paragraphs as fit;
    - `headings`: a chunk for each section of a Markdown, HTML or DOCX document, cut by sentences when too long;
    - `whole`: one chunk, however long.

    `tokens` are counted without a model (see `ragkit.text.tokens`): words and punctuation marks. The default, 200, fits
    the 256 word pieces that the packaged embedder reads. `overlap` is how many tokens of a chunk the next may repeat,
    in whole sentences where the cut is by sentences. It is 0 by default, so that no sentence is found, or cited, twice.

    A chunk's metadata get `heading`, the headings it stands under ("Guide > Install"), and in a PDF `page`.
    """

    def __init__(
        self,
        by: By = "sentences",
        tokens: Annotated[int, Between(8, 100_000)] = 200,
        overlap: Annotated[int, Between(0, 99_999)] = 0,
    ) -> None:
        if overlap >= tokens:
            raise InvalidValueError(
                f"chunk: overlap={overlap} must be less than tokens={tokens}, or chunks never advance"
            )
        self.by, self.tokens, self.overlap = by, tokens, overlap

    def chunk(self, document: Document) -> list[Chunk]:
        """The chunks in order. They hold every character of the document that is not white space."""
        found = _headings(document)
        pages = _pages(document)
        bare = replace(document, metadata={k: v for k, v in document.metadata.items() if k not in _structure(document)})
        chunks = []
        for start, end in self._spans(document.text, found):
            place: dict[str, Any] = {}
            if heading := nearest(found, start):
                place["heading"] = heading.section
            if pages:
                place["page"] = bisect_right(pages, start)
            chunks.append(bare.chunk(start, end, place))
        return chunks

    def _spans(self, text: str, found: list[Heading]) -> Iterator[tuple[int, int]]:
        marks: Mapping[int, int] = {heading.start: heading.end for heading in found}
        size = (text, 0, len(text), self.tokens, self.overlap)
        match self.by:
            case "sentences":
                return cuts.by_sentences(*size, marks)
            case "recursive":
                return cuts.by_separators(*size)
            case "tokens":
                return cuts.windows(*size)
            case "paragraphs":
                return cuts.by_paragraphs(*size, marks)
            case "headings":
                return cuts.by_sections(*size, marks)
            case "whole":
                return cuts.whole(text, 0, len(text))


def _headings(document: Document) -> list[Heading]:
    if document.media_type == "text/markdown":
        return headings(document.text)
    return outlined(document.text, document.metadata["outline"]) if "outline" in _structure(document) else []


def _pages(document: Document) -> list[int]:
    return list(document.metadata["pages"]) if "pages" in _structure(document) else []


def _structure(document: Document) -> list[str]:
    """The metadata in which loaders and extractors note what stands where: of the document, not of each chunk."""
    pages, outline = document.metadata.get("pages"), document.metadata.get("outline")
    named = []
    paged = document.media_type == "application/pdf" and isinstance(pages, list | tuple)
    if paged and pages and all(type(start) is int for start in pages):
        named.append("pages")
    if isinstance(outline, list | tuple) and outline and all(_is_entry(entry) for entry in outline):
        named.append("outline")
    if document.media_type == "text/html" and isinstance(document.metadata.get("segments"), list | tuple):
        named.append("segments")
    return named


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, list | tuple) and [type(part) for part in entry] == [int, int, str]
