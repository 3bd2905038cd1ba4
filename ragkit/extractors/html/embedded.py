"""Text that a page keeps only in its data for search engines (JSON-LD)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ragkit.extractors.html.clean import collapsed, count_words, unescaped
from ragkit.extractors.html.partition import Record
from ragkit.extractors.html.runs import Run, split
from ragkit.extractors.html.types import Flag, Limits, PartitionOptions

_TEXTS = ("articleBody", "reviewBody", "recipeInstructions", "acceptedAnswer")
_MARKUP = re.compile(r"<(?:(script|style)\b[^>]{0,1000}>|/?[a-zA-Z][^<>]{0,2000}>|!--)", re.I)
_BREAKS = re.compile(r"\n\s*\n|\r\n\s*\r\n")
_MOST = 1000  # pieces of text that are taken


def parsed_data(texts: Sequence[str], limits: Limits) -> Iterator[Any]:
    """The values of JSON-LD scripts that can be read within the limits of size and depth; others are left out."""
    room = limits.json
    for text in texts:
        if len(text) > room:
            return
        room -= len(text)
        if nesting(text) > limits.json_depth:
            continue
        try:
            yield json.loads(text.strip().removesuffix(";"), strict=False)
        except ValueError:
            continue


def nesting(text: str) -> int:
    """How deep brackets are nested in a text, at most: an upper bound of the depth of its JSON."""
    depth = deepest = 0
    for match in re.finditer(r"[\[{\]}]", text):
        depth += 1 if match[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """All objects in a JSON value, outer ones first, without recursion."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, Mapping):
            yield one
            todo.extend(reversed([inner for inner in one.values() if isinstance(inner, Mapping | list)]))
        elif isinstance(one, list):
            todo.extend(reversed(one))


def embedded_texts(data: Sequence[str], options: PartitionOptions, limits: Limits) -> Iterator[Record]:
    """The texts of articles, reviews, recipes and answers in a page's JSON-LD, as records; each text once."""
    seen: set[str] = set()
    for value in parsed_data(data, limits):
        for one in objects(value):
            for name in _TEXTS:
                for text in _strings(one.get(name)):
                    for piece in _BREAKS.split(text):
                        plain = collapsed(without_markup(piece))
                        if not plain or plain in seen:
                            continue
                        seen.add(plain)
                        yield from _records(plain, options)
                        if len(seen) >= _MOST:
                            return


def described(metas: Sequence[tuple[str, str]], options: PartitionOptions) -> Iterator[Record]:
    """The longest description a page gives of itself, as records."""
    texts = [content for name, content in metas if name in ("description", "og:description", "twitter:description")]
    if texts:
        yield from _records(max(texts, key=len), options)


def _strings(value: Any) -> Iterator[str]:
    """The texts of a value: itself, its `text`, or those of its items."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            todo.extend(reversed(one))
        elif isinstance(one, Mapping):
            todo.extend([one[name] for name in ("itemListElement", "text") if name in one])


def without_markup(text: str) -> str:
    """HTML in a text reduced to its words; entities become their characters."""
    if "<" in text or "&" in text:
        text = _without_tags(unescaped(text) if "&lt;" in text and "<" not in text else text)
        text = unescaped(text)
    return text


def _without_tags(text: str) -> str:
    """Tags become spaces; scripts, styles and comments go with what they hold."""
    out: list[str] = []
    place = 0
    while match := _MARKUP.search(text, place):
        out.append(text[place : match.start()])
        place = match.end()
        if match[0] == "<!--":
            end = text.find("-->", place)
            place = len(text) if end < 0 else end + 3
        elif match[1]:
            end = text.lower().find(f"</{match[1].lower()}", place)
            place = len(text) if end < 0 else end
        else:
            out.append(" ")
    out.append(text[place:])
    return "".join(out)


def _records(text: str, options: PartitionOptions) -> Iterator[Record]:
    words = count_words(text)
    whole = words <= options.max_words
    pieces = [Run(text)] if whole else split(Run(text), options.max_words)
    flags: tuple[Flag, ...] = () if whole else ("split",)
    for piece in pieces:
        yield Record(None, 0, "embedded", 0, piece.text, [], count_words(piece.text), None, flags, 0, 0)
