"""What a page says about itself: date, author, language, description, site."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ragkit.extractors.html.clean import collapsed
from ragkit.extractors.html.embedded import objects, parsed_data
from ragkit.extractors.html.head import Head
from ragkit.extractors.html.types import Limits

_LONGEST = 300
# The names under which pages give a fact, the surest first.
_NAMES = {
    "date": (
        *("article:published_time", "og:published_time", "datepublished", "date", "dc.date", "dc.date.issued"),
        *("dcterms.date", "dcterms.created", "pubdate", "publish-date", "publishdate", "publication_date"),
        *("parsely-pub-date", "sailthru.date", "citation_publication_date", "citation_date", "article:modified_time"),
    ),
    "author": (
        *("author", "article:author_name", "dc.creator", "dcterms.creator", "parsely-author", "sailthru.author"),
        *("citation_author", "byl", "twitter:creator_name", "article:author"),
    ),
    "description": ("description", "og:description", "dc.description", "twitter:description"),
    "site": ("og:site_name", "application-name", "dc.publisher", "twitter:site_name"),
    "language": ("og:locale", "content-language", "dc.language", "language"),
    "title": ("og:title", "twitter:title", "dc.title", "citation_title", "headline"),
}
_WORKS = ("Article", "Posting", "Report", "Recipe", "Review", "Product", "WebPage", "Question", "Book", "Course")
_DATE = re.compile(r"(\d{4})[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}\Z")


def metadata_of(head: Head, limits: Limits) -> dict[str, str]:
    """The facts a page gives: `date` as YYYY-MM-DD, `author`, `language`, `description`, `site`, `title`.

    Its own `<meta>` elements come before its data for search engines. What it does not give is left out.
    """
    said: dict[str, str] = {}
    for name, content in head.metas:
        said.setdefault(name, content)
    found = {fact: value for fact, names in _NAMES.items() if (value := _first(said, names))}
    if head.language:
        found["language"] = head.language
    if not {"date", "author"} <= found.keys() or found["author"].startswith("http"):
        for fact, value in _from_data(head, limits).items():
            if fact not in found or found[fact].startswith("http"):
                found[fact] = value
    checked = {fact: _checked(fact, value) for fact, value in found.items()}
    return {fact: checked[fact] for fact in sorted(checked) if checked[fact]}


def _first(said: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((said[name] for name in names if said.get(name)), "")


def _checked(fact: str, value: str) -> str:
    """A fact in its form, empty when it has none."""
    if fact == "date":
        match = _DATE.search(value[:40])
        return "-".join(match.groups()) if match else ""
    if fact == "language":
        return value.replace("_", "-") if _LANGUAGE.match(value) else ""
    if fact == "author" and value.startswith(("http:", "https:")):
        return ""
    return value[:_LONGEST]


def _from_data(head: Head, limits: Limits) -> dict[str, str]:
    """Date and author of the first work that JSON-LD describes."""
    found: dict[str, str] = {}
    for value in parsed_data(head.data, limits):
        for one in objects(value):
            if not any(str(kind).endswith(_WORKS) for kind in _listed(one.get("@type"))):
                continue
            date = one.get("datePublished") or one.get("dateCreated") or one.get("dateModified")
            if isinstance(date, str):
                found.setdefault("date", date)
            if names := ", ".join(dict.fromkeys(_names(one.get("author")))):
                found.setdefault("author", names)
            if {"date", "author"} <= found.keys():
                return found
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(value: Any) -> Iterator[str]:
    for one in _listed(value)[:20]:
        name = one.get("name") if isinstance(one, Mapping) else one
        for each in _listed(name)[:20]:
            if isinstance(each, str) and (plain := collapsed(each[:_LONGEST])):
                yield plain
