"""The stage `html`: a web page to a document of its main content."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ragkit.components import Between
from ragkit.types import Document

if TYPE_CHECKING:
    from ragkit.extractors.html.types import Extraction, Predictor

_FACTS = ("author", "date", "language", "site")
_HTML = ("text/html", "application/xhtml+xml")


class ExtractHTML:
    """Keeps the main content of web pages, with title, date, author and language; other documents pass unchanged.

    `predictor` is "trained", "heuristic", or "llm" with a chat `model` (as `answer` takes it); "auto" is the first.
    `profile`: "general" for any kind of page, "body" for articles without readers' comments, "auto" by the page.
    `hidden` is "drop" to leave out what a reader would not see, or "keep". A page of more than `max_mb` is not read.

    The document's metadata get what the page says of itself, and under `segments` where each piece stands in the page.
    """

    def __init__(
        self,
        predictor: str | Predictor = "auto",
        profile: Literal["auto", "general", "body"] = "auto",
        hidden: Literal["drop", "keep"] = "drop",
        max_mb: Annotated[float, Between(0.001, 1000)] = 10,
        model: Any = "",
    ) -> None:
        self.predictor, self.profile, self.hidden, self.model = predictor, profile, hidden, model
        self.max_bytes = int(max_mb * 1e6)
        self._made: Predictor | None = None

    def extract(self, document: Document) -> Document:
        """The document of the main content. Raises `LoadError` for a page that is too large or has no text."""
        html = _html_of(document)
        if html is None:
            return document
        from ragkit.extractors.html.stored import KEY, stored_text
        from ragkit.text.loaders.items import SkippedError

        extraction = self._extraction(html, document)
        if not extraction.indices:
            raise SkippedError(document.source or document.id, "the page holds no text of its own; scripts may make it")
        page = extraction.page
        text, rows, outline = stored_text(page, extraction.indices)
        facts = {name: page.metadata[name] for name in _FACTS if name in page.metadata}
        title = page.title or page.metadata.get("title", "") or next((entry[2] for entry in outline), "")
        given = {key: value for key, value in document.metadata.items() if key not in ("outline", KEY)}
        metadata = {**facts, "title": title, **given, KEY: rows, **({"outline": outline} if outline else {})}
        if extraction.degraded:
            metadata["degraded"] = "; ".join(f"{code}: {about}" for code, about in extraction.warnings)[:500]
        if not metadata["title"]:
            del metadata["title"]
        return replace(document, text=text, media_type="text/html", metadata=metadata, raw=None)

    def _extraction(self, html: bytes | str, document: Document) -> Extraction:
        from ragkit.extractors.html.api import extract_main
        from ragkit.extractors.html.choosing import predictor_of
        from ragkit.extractors.html.types import Limits, PartitionOptions

        if self._made is None:
            self._made = predictor_of(self.predictor, "main", profile=self.profile, model=self.model)
        return extract_main(
            html,
            predictor=self._made,
            url=document.source or document.id,
            options=PartitionOptions(hidden=self.hidden),
            limits=Limits(bytes=self.max_bytes),
        )


def _html_of(document: Document) -> bytes | str | None:
    """The HTML a document was read from: its bytes, or its text when that is HTML; None when it is no page."""
    if document.media_type not in _HTML:
        return None
    if document.raw is not None:
        return document.raw
    head = document.text.lstrip()[:1]
    return document.text if head == "<" else None
