"""`ragkit extract`: what matters of one web page, by the numbers of its segments."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ragkit.cli.app import UserError
from ragkit.cli.output import as_json, warn, write

if TYPE_CHECKING:
    from ragkit.extractors.html.types import Extraction, Page

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PREDICTORS = ("auto", "trained", "heuristic", "hybrid", "lexical", "embedding", "llm")


@click.command(short_help="Print what matters of a web page: its main content, or what helps to answer a query.")
@click.argument("page", metavar="FILE|URL|-")
@click.argument("query", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json", "indices"]),
    default="text",
    show_default=True,
    help="How to print it; indices are those of --segments.",
)
@click.option("--segments", "listed", is_flag=True, help="Print the numbered segments of the page instead.")
@click.option("--predictor", type=click.Choice(_PREDICTORS), default="auto", show_default=True, help="Who chooses.")
@click.option("--profile", type=click.Choice(["auto", "general", "body"]), default="auto", help="Kind of page.")
@click.option("--budget", type=click.IntRange(0), metavar="WORDS", help="Choose no more words than this.")
@click.option("--at-least", type=click.IntRange(0), default=0, metavar="N", help="For a query: at least N segments.")
@click.option("--cite", is_flag=True, help="Put its index before each segment.")
@click.option("--hidden", is_flag=True, help="Keep text that a reader would not see.")
@click.option("--llm", metavar="MODEL", default="", help="The chat model of --predictor llm.")
@click.option("--encoding", metavar="NAME", help="What the page is encoded in, whatever it says.")
@click.option("--max-mb", type=click.FloatRange(0.001, 1000), default=10, show_default=True, help="Largest page read.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=20, show_default=True, help="Seconds for a URL.")
@click.option("--allow-private", is_flag=True, help="Fetch from addresses of the own machine or network, too.")
def extract(
    page: str,
    query: str | None,
    form: str,
    listed: bool,
    predictor: str,
    profile: str,
    budget: int | None,
    at_least: int,
    cite: bool,
    hidden: bool,
    llm: str,
    encoding: str | None,
    max_mb: float,
    timeout: float,
    allow_private: bool,
) -> None:
    """Print what matters of a web page: with a QUERY what helps to answer it, else its main content.

    The page is a file, a URL (fetched only now, only over http and https, and not from private addresses), or - for
    standard input. Nothing chosen is no error.
    """
    data, url, named = _read(page, int(max_mb * 1e6), timeout, allow_private)
    cut = _segmented(data, url, encoding or named, hidden, int(max_mb * 1e6))
    if listed:
        write(_segments_json(cut) if form == "json" else _segments_text(cut))
        return
    made = _extracted(cut, query, predictor, profile, budget, at_least, llm)
    for code, about in made.warnings:
        warn(f"{code}: {about}")
    write(_shown(made, form, cite), end="\n" if made.indices or form in ("json", "indices") else "")


def _read(page: str, most: int, timeout: float, allow_private: bool) -> tuple[bytes, str, str | None]:
    """The bytes of a page, where it is from, and the encoding its server named."""
    if page == "-":
        stream = sys.stdin.buffer if sys.stdin is not None else None
        return (stream.read(most + 1) if stream else b""), "-", None
    if _URL.match(page):
        from ragkit.extractors.html.fetch import Fetching, fetch

        found = fetch(page, Fetching(bytes=most, seconds=timeout, allow_private=allow_private))
        return found.data, found.url, found.encoding
    path = Path(page)
    try:
        with path.open("rb") as file:
            return file.read(most + 1), path.as_posix(), None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"cannot read {page}: {reason or error}") from error


def _segmented(data: bytes, url: str, encoding: str | None, hidden: bool, most: int) -> Page:
    from ragkit.extractors.html import Limits, PartitionOptions, segment_html
    from ragkit.extractors.html.reading import check_kind

    check_kind(data, url)
    options = PartitionOptions(hidden="keep" if hidden else "drop")
    if len(data) > most:
        raise UserError(f"{url} is larger than {most / 1e6:g} MB; --max-mb raises the limit")
    return segment_html(data, url=url, encoding=encoding, options=options, limits=Limits(bytes=most))


def _extracted(
    page: Page, query: str | None, predictor: str, profile: str, budget: int | None, at_least: int, llm: str
) -> Extraction:
    from ragkit.extractors.html import extract_main, extract_relevant

    common: dict[str, Any] = {"predictor": predictor, "profile": profile, "budget_words": budget, "model": llm}
    if query is None or not query.strip():
        return extract_main(page, **common)
    return extract_relevant(page, query, at_least=at_least, **common)


def _shown(made: Extraction, form: str, cite: bool) -> str:
    from ragkit.extractors.html import as_dict, to_markdown, to_text

    if form == "json":
        return as_json({**as_dict(made), "markdown": made.markdown})
    if form == "indices":
        return made.indices.to_string()
    return (to_markdown if form == "markdown" else to_text)(made.page, made.shown, cite=cite)


def _segments_text(page: Page) -> str:
    return "\n".join(
        f"[{one.index}] {one.kind}{one.level or ''}"
        + (f" ({one.hidden})" if one.hidden else "")
        + f"  {' '.join(one.text.split())}"
        for one in page.segments
    )


def _segments_json(page: Page) -> str:
    from ragkit.extractors.html import as_dict

    return as_json(as_dict(page))
