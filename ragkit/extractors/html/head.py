"""What a page says about itself outside its text: title, language, author, date, and data for search engines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ragkit.extractors.html.clean import collapsed

_MOST = 200  # meta elements, or scripts of data, that are looked at


@dataclass(slots=True)
class Head:
    """`metas` are pairs of a lower-case name and its content, `data` the texts of JSON-LD scripts, in page order."""

    title: str = ""
    language: str = ""
    metas: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    bylines: list[str] = field(default_factory=list)


def read_head(root: Any, attribute: int) -> Head:
    """The head of a parsed page; attribute values are cut at `attribute` characters."""
    found = Head()
    for title in root.iter("title"):
        parent = title.getparent()
        if parent is None or parent.tag != "svg":
            found.title = collapsed(title.text or "")[:attribute]
            break
    language = root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    found.language = language.strip()[:35]
    for meta in root.iter("meta"):
        note_meta(found, meta, attribute)
        if len(found.metas) >= _MOST:
            break
    for script in root.iter("script"):
        if is_data(script.get("type")) and script.text and len(found.data) < _MOST:
            found.data.append(script.text)
    return found


def is_data(media_type: str | None) -> bool:
    """Whether a script's type says it is JSON-LD."""
    return media_type is not None and media_type.strip().lower().startswith("application/ld+json")


def note_meta(found: Head, attributes: Any, attribute: int) -> None:
    """Note what a `<meta>` element says; `attributes` is anything with `get`."""
    content = attributes.get("content")
    name = attributes.get("name") or attributes.get("property") or attributes.get("itemprop")
    if content and name:
        found.metas.append((name.strip().lower()[:80], collapsed(content[:attribute])))
