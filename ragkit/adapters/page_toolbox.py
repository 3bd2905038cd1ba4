"""What an agent may do with a web page: have what matters of it extracted; see `ragkit.adapters.toolbox`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkit.adapters.fence import fenced
from ragkit.adapters.toolbox import LONGEST_QUESTION, Reply, count, text
from ragkit.errors import InvalidValueError

if TYPE_CHECKING:
    from ragkit.extractors.html.types import Extraction

LONGEST_PAGE = 5_000_000  # characters of HTML
LONGEST_URL = 4_000
MOST_WORDS = 50_000


class PageToolbox:
    """The extractor as a tool. With `fetch` pages may be named by their address instead of given as HTML."""

    def __init__(self, *, fetch: bool = False) -> None:
        self.fetch = fetch

    def extract(
        self, html: str | None = None, url: str | None = None, query: str = "", budget_words: int | None = None
    ) -> Reply:
        """What of a page helps to answer a query, or its main content without one; every piece with its address.

        Raises `InvalidValueError` for arguments that do not fit, `LoadError` for a page that cannot be had or read.
        """
        from ragkit.extractors.html.api import extract_relevant

        if not isinstance(query, str) or len(query) > LONGEST_QUESTION:
            raise InvalidValueError(f"query must be a text of at most {LONGEST_QUESTION} characters")
        budget = None if budget_words is None else count(budget_words, "budget_words", MOST_WORDS)
        page = self._page(html, url)
        found = extract_relevant(page, query, budget_words=budget)
        source = url or "the page given"
        shown = fenced([{"source": source, "segments": found.indices.to_string(), "text": found.text}])
        return Reply(shown if found.text else "Nothing on the page helps.", _data(found))

    def _page(self, html: str | None, url: str | None) -> Any:
        from ragkit.extractors.html import segment_html

        if html is not None:
            return segment_html(text(html, "html", LONGEST_PAGE), url=url)
        if url is None:
            raise InvalidValueError("give the page: html" + (", or url" if self.fetch else ""))
        if not self.fetch:
            raise InvalidValueError("pages are not fetched here; give the page's html")
        from ragkit.extractors.html.fetch import fetch

        fetched = fetch(text(url, "url", LONGEST_URL))
        return segment_html(fetched.data, url=fetched.url, encoding=fetched.encoding)


def _data(found: Extraction) -> dict[str, Any]:
    return {
        "title": found.page.title,
        "query": found.query,
        "indices": found.indices.to_string(),
        "text": found.text,
        "degraded": found.degraded,
        "warnings": [list(warning) for warning in found.warnings],
        "segments": [
            {"index": one.index, "kind": one.kind, "xpath": one.xpath, "start": one.start, "end": one.end}
            for one in found.segments
        ],
    }
