"""Questions about web pages, made from the headings of pages with hand-made main text, and pages without a heading.

    for question in questions(page, gold_text, "0001"): question.text, question.gold, question.variant

A heading below the first level, a term of a definition list or a summary becomes a question when it belongs to the main
text, ends in "?", has four words or more, and 15 to 600 words of the main text stand in its section. The answer is the
section's main text without the heading. Each question is asked twice: of the page as it is (`visible`), which tests
whether structure is used, and of the page without that heading and every segment that repeats it (`hidden`), which
tests whether meaning is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from ragkit.extractors.html.labels import label_segments
from ragkit.extractors.html.types import Layout, Page, Segment

Variant = Literal["visible", "hidden"]
VARIANTS: tuple[Variant, Variant] = ("visible", "hidden")
SHORTEST_QUESTION = 4  # words
SHORTEST_ANSWER, LONGEST_ANSWER = 15, 600  # words
_WORD = re.compile(r"\w+")
# Endings under which anybody can register a name, beside those of one part. Only those that occur often.
_TWO_PART = frozenset(
    f"{second}.{country}"
    for country in "uk au nz za in jp kr br il tr sg my id th mx ar tw hk cn ua pl".split()
    for second in "co com org net ac gov edu or ne go nsw vic".split()
) | frozenset({"blogspot.com", "github.io", "wordpress.com", "substack.com", "medium.com", "herokuapp.com"})


@dataclass(frozen=True)
class Source:
    """One page of a folder: its bytes, its hand-made main text, and the site it comes from."""

    id: str
    html: bytes
    gold: str
    url: str
    type: str

    @property
    def site(self) -> str:
        """The registrable domain: pages of one site are never on both sides of a split."""
        return registrable(self.url) or self.id


@dataclass(frozen=True)
class Question:
    """A question about a page; `gold` are the indices of the answer's segments."""

    id: str
    text: str
    page: Page
    gold: tuple[int, ...]
    variant: Variant


def sources(folder: Path) -> Iterator[Source]:
    """The pages of a folder with `html/ID.html` and `ground-truth/ID.json`, by id, but those without main text.

    A folder that holds one such folder, as archives unpack, will do. Raises `FileNotFoundError` for any other.
    """
    places = [place for place in (folder, *sorted(folder.iterdir())) if (place / "ground-truth").is_dir()]
    if not places:
        raise FileNotFoundError(f"{folder} holds no folder ground-truth with a JSON file for each page of html")
    for path in sorted((places[0] / "ground-truth").glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        gold = str(told["ground_truth"].get("main_content") or "")
        page = places[0] / "html" / f"{path.stem}.html"
        if gold.strip() and page.is_file():
            kind = str(told.get("_internal", {}).get("page_type", {}).get("primary", ""))
            yield Source(path.stem, page.read_bytes(), gold, str(told.get("url", "")), kind)


def registrable(url: str) -> str:
    """The part of a URL's host that its owner registered: "example.co.uk"."""
    parts = (urlsplit(url if "//" in url else f"//{url}").hostname or "").split(".")
    return ".".join(parts[-3:] if ".".join(parts[-2:]) in _TWO_PART else parts[-2:])


def questions(page: Page, gold_text: str, id: str = "") -> list[Question]:
    """The questions of a page in both variants, in page order, each text once."""
    labels = label_segments([segment.text for segment in page.segments], gold_text)
    made: list[Question] = []
    asked: set[tuple[str, ...]] = set()
    for segment in page.segments:
        words = _words(segment.text)
        if tuple(words) in asked or not labels[segment.index - 1] or not _asks(segment, words):
            continue
        gold = tuple(i for i in _section(page, segment) if labels[i - 1])
        if not SHORTEST_ANSWER <= sum(len(_words(page.segments[i - 1].text)) for i in gold) <= LONGEST_ANSWER:
            continue
        asked.add(tuple(words))
        name = f"{id}:{segment.index}"
        made.append(Question(f"{name}:visible", segment.text, page, gold, "visible"))
        hidden = _hidden(page, segment, gold)
        if hidden is not None:
            made.append(Question(f"{name}:hidden", segment.text, *hidden, "hidden"))
    return made


def without(page: Page, dropped: Collection[int]) -> tuple[Page, dict[int, int]]:
    """The page as if some segments were not there, and the new index of each that stays."""
    kept = [segment for segment in page.segments if segment.index not in dropped]
    renamed = {segment.index: place for place, segment in enumerate(kept, 1)}
    segments: list[Segment] = []
    governing: list[tuple[int, int]] = []  # (level, index)
    start = 0
    for place, segment in enumerate(kept, 1):
        if segment.kind == "heading":
            while governing and governing[-1][0] >= segment.level:
                governing.pop()
        end = start + len(segment.text)
        section = tuple(index for _, index in governing)
        segments.append(replace(segment, index=place, start=start, end=end, section=section))
        if segment.kind == "heading":
            governing.append((segment.level, place))
        start = end + 1
    text = "\n".join(segment.text for segment in segments)
    return replace(page, text=text, segments=tuple(segments), layout=_thinned(page.layout, kept)), renamed


def word_sequence(text: str) -> str:
    """The words of a text with a space before, between and after: one holds another when it is part of it."""
    return f" {' '.join(_words(text))} "


def _thinned(layout: Layout, kept: Sequence[Segment]) -> Layout:
    """The layout with only these segments, and only the elements that still hold one."""
    places = [segment.index - 1 for segment in kept]
    before = [0] * (len(layout.node) + 1)  # kept segments before a position
    for place in places:
        before[place + 1] = 1
    for i in range(len(layout.node)):
        before[i + 1] += before[i]
    first, last = [before[i] for i in layout.first], [before[i] for i in layout.last]
    live = [node for node in range(len(layout.parent)) if last[node] > first[node]]
    renamed = {node: new for new, node in enumerate(live)} | {-1: -1}
    thin = Layout(
        parent=[renamed[layout.parent[node]] for node in live],
        tag=[layout.tag[node] for node in live],
        attributes=[layout.attributes[node] for node in live],
        first=[first[node] for node in live],
        last=[last[node] for node in live],
        node=[renamed[layout.node[place]] for place in places],
    )
    for name in ("words", "link_words", "media", "controls", "usable"):
        setattr(thin, name, [getattr(layout, name)[place] for place in places])
    return thin


def _asks(segment: Segment, words: Sequence[str]) -> bool:
    below = (segment.kind == "heading" and segment.level > 1) or segment.kind in ("term", "summary")
    return below and segment.text.rstrip().endswith("?") and len(words) >= SHORTEST_QUESTION


def _section(page: Page, head: Segment) -> range:
    """The indices of what stands under a heading, term or summary."""
    following = range(head.index + 1, len(page.segments) + 1)
    if head.kind == "heading":
        ends = (
            i for i in following if page.segments[i - 1].kind == "heading" and page.segments[i - 1].level <= head.level
        )
        return range(head.index + 1, next(ends, len(page.segments) + 1))
    box = _box(page, head)
    ends = (i for i in following if i > box or page.segments[i - 1].kind in (head.kind, "heading"))
    return range(head.index + 1, next(ends, len(page.segments) + 1))


def _box(page: Page, head: Segment) -> int:
    """The last index inside of the list or the `details` that a term or summary belongs to."""
    layout, wanted = page.layout, ("dl",) if head.kind == "term" else ("details",)
    node = layout.node[head.index - 1]
    while node >= 0 and layout.tag[node] not in wanted:
        node = layout.parent[node]
    return layout.last[node] if node >= 0 else len(page.segments)


def _hidden(page: Page, head: Segment, gold: Sequence[int]) -> tuple[Page, tuple[int, ...]] | None:
    """The page and the answer without the question; None when nothing of the answer is left."""
    asked = word_sequence(head.text)
    dropped = {segment.index for segment in page.segments if asked in word_sequence(segment.text)} | {head.index}
    rest, renamed = without(page, dropped)
    left = tuple(renamed[index] for index in gold if index in renamed)
    return (rest, left) if left else None


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
