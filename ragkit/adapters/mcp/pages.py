"""The extractor's tool on the MCP server."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ragkit.adapters.mcp.sdk import add_tool
from ragkit.adapters.page_toolbox import LONGEST_PAGE, LONGEST_URL, MOST_WORDS, PageToolbox
from ragkit.adapters.toolbox import LONGEST_QUESTION, Reply

Html = Annotated[str | None, Field(max_length=LONGEST_PAGE, description="The page's HTML.")]
Query = Annotated[str, Field(max_length=LONGEST_QUESTION, description="What to look for; empty: the main content.")]
Words = Annotated[int | None, Field(ge=1, le=MOST_WORDS, description="How many words it may be.")]
Address = Annotated[str | None, Field(max_length=LONGEST_URL, description="The page's address.")]


def offer_extraction(server: Any, *, fetch: bool) -> None:
    """Add the tool `extract`; with `fetch` it takes addresses too."""
    box = PageToolbox(fetch=fetch)

    def extract(html: Html, query: Query = "", budget_words: Words = None) -> Reply:
        return box.extract(html, None, query, budget_words)

    def extract_or_fetch(
        html: Html = None, url: Address = None, query: Query = "", budget_words: Words = None
    ) -> Reply:
        return box.extract(html, url, query, budget_words)

    description = "Extract what of a web page answers a query, or its main content, word for word, nothing invented."
    add_tool(server, "extract", description, extract_or_fetch if fetch else extract)
