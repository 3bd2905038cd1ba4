"""The HTML extractor for LangChain: a loader of pages, and a compressor that keeps what of a page matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from langchain_core.documents.compressor import BaseDocumentCompressor
from pydantic import Field

from ragkit.errors import LoadError
from ragkit.extractors.html.api import extract_main, extract_relevant
from ragkit.extractors.html.reading import check_kind
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.types import Extraction


class HtmlLoader(BaseLoader):
    """Loads HTML files, and pages by address, as documents of their main content; with a `query`, of what answers it.

    Addresses (http, https) are fetched within limits of size, time and redirects, and never from private networks
    unless `allow_private`. A document's metadata have `source`, `title`, what the page says of itself, and `indices`,
    the segments kept. Pages without text of their own give none. Raises `LoadError` naming what cannot be read.
    """

    def __init__(
        self, sources: str | Path | Sequence[str | Path], *, query: str = "", allow_private: bool = False
    ) -> None:
        self.sources = [sources] if isinstance(sources, str | Path) else list(sources)
        self.query, self.allow_private = query, allow_private

    def lazy_load(self) -> Iterator[Document]:
        """The documents, one page at a time."""
        for source in self.sources:
            found = extract_relevant(self._page(str(source)), self.query)
            if found.indices:
                yield Document(page_content=found.text, metadata=_about(found, str(source)))

    def _page(self, source: str) -> Any:
        if "://" in source:
            from ragkit.extractors.html.fetch import Fetching, fetch

            fetched = fetch(source, Fetching(allow_private=self.allow_private))
            return segment_html(fetched.data, url=fetched.url, encoding=fetched.encoding)
        try:
            data = Path(source).read_bytes()
        except (OSError, ValueError) as error:
            raise LoadError(source, getattr(error, "strerror", None) or str(error)) from error
        check_kind(data, source)
        return segment_html(data, url=source)


class HtmlCompressor(BaseDocumentCompressor):
    """Keeps of each document whose text is HTML what helps to answer the question; others pass as they are.

    `budget_words` bounds each page, `main` keeps main content whatever the question. Pages where nothing helps are
    dropped. Metadata get `indices`, the segments kept, and `kept`, the share of the page's words.
    """

    budget_words: int | None = Field(default=None, ge=1)
    main: bool = False

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """The documents, each without what does not matter."""
        kept = []
        for document in documents:
            if not _is_html(document):
                kept.append(document)
                continue
            found = self._found(document.page_content, query)
            if found.indices:
                about = {"kept": round(found.words_out / max(1, found.words_in), 4), **_about(found, "")}
                metadata = {**about, **document.metadata, "indices": about["indices"], "kept": about["kept"]}
                kept.append(Document(id=document.id, page_content=found.text, metadata=metadata))
        return kept

    def _found(self, html: str, query: str) -> Extraction:
        if self.main:
            return extract_main(html, budget_words=self.budget_words)
        return extract_relevant(html, query, budget_words=self.budget_words)


def _is_html(document: Document) -> bool:
    kind = str(document.metadata.get("content_type") or document.metadata.get("media_type") or "")
    return "html" in kind or document.page_content.lstrip()[:1] == "<"


def _about(found: Extraction, source: str) -> dict[str, Any]:
    page = found.page
    own = {**page.metadata, "title": page.title or page.metadata.get("title", "")}
    given = {name: value for name, value in own.items() if value}
    return {**given, **({"source": source} if source else {}), "indices": found.indices.to_string()}
