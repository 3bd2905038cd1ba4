"""Knowledge units without an LLM: a chunk's sentences that say what they are about, with their entities and places.

Source: Clue-RAG (arXiv 2507.08445) puts knowledge units between chunks and entities. Here a unit is a sentence, or
a part of an overlong one, after the chunk's head and a colon unless it names the head itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ragkit.components import Derived
from ragkit.graphs.extraction import Extracted, extracted, keys_of, passage_record, with_head
from ragkit.graphs.unithooks import NO_HOOKS, Hooks, Piece
from ragkit.text.entities import Mention, entity_key, plain_title
from ragkit.types import Chunk

if TYPE_CHECKING:
    from ragkit.graphs.rows import PassageRecord

Titled = Literal["each", "first", "no"]
RULE, LLM = 0, 1  # where a unit comes from
CERTAIN = 1000  # confidences are stored in thousandths
SHORTEST_PART = 8  # words on each side of a cut
UNLINKED = frozenset({"MONEY", "QUANTITY", "TIME", "ORDINAL", "CARDINAL", "PERCENT"})
_WORD = re.compile(r"\w+")
_SEMICOLON = re.compile(r"[;；؛]\s*")
_CLAUSE = re.compile(r",\s+(?=(?:and|but|or|nor|so|yet|while|whereas|although|because|which|who|where|when)\b)")


@dataclass(frozen=True, slots=True)
class Support:
    """Where a unit of a chunk comes from: characters of the document, `RULE` or `LLM`, confidence in thousandths."""

    start: int
    end: int
    origin: int = RULE
    confidence: int = CERTAIN


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """A chunk's units, for each one `Support` and its keys, one for each mention; the same text may recur."""

    passage: PassageRecord
    supports: tuple[Support, ...]
    mentions: tuple[tuple[str, ...], ...]

    def derived(self) -> Derived:
        """The row to store: that of `rows.PassageRecord`, then supports and the count of each link.

        Appended to its data are the number of supports, then for all of them the places of their units among the
        distinct ones, starts, ends, origins, confidences; then how often each (unit, entity) link is mentioned.
        """
        row = self.passage.derived()
        place = {text: number for number, text in enumerate(dict.fromkeys(self.passage.sentences))}
        links: dict[tuple[int, str], int] = {}
        for text, keys, mentioned in zip(self.passage.sentences, self.passage.keys, self.mentions, strict=True):
            for key in keys:
                links.setdefault((place[text], key), 0)
            for key in mentioned:
                links[place[text], key] += 1
        data = [len(self.supports), *(place[text] for text in self.passage.sentences)]
        for name in ("start", "end", "origin", "confidence"):
            data += [getattr(support, name) for support in self.supports]
        data += [max(1, count) for count in links.values()]
        return replace(row, data=(*row.data, *data))


def unit_records(
    chunks: Sequence[Chunk],
    *,
    ner: str,
    sources: Sequence[str],
    labels: Sequence[str] = (),
    titled: Titled = "each",
    longest: int = 80,
    hooks: Hooks = NO_HOOKS,
) -> list[UnitRecord]:
    """The units of each chunk, in order.

    `ner` and `sources` as in `extraction`; `labels` are the labels of mentions kept, () all but amounts and times;
    `titled` says which units of a chunk carry its head; a sentence of more than `longest` words is cut where it may be;
    `hooks` may change sentences before that.
    """
    found = [kept(one, labels) for one in extracted(chunks, ner=ner, sources=sources)]
    return [
        unit_record(chunk, one, rule_units(chunk.text, one, titled, longest, hooks))
        for chunk, one in zip(chunks, found, strict=True)
    ]


def kept(found: Extracted, labels: Sequence[str]) -> Extracted:
    """Without the mentions whose labels are not wanted."""
    wanted = frozenset(labels)
    mentions = tuple(pair for pair in found.mentions if _is_kept(pair[0], wanted))
    return found if len(mentions) == len(found.mentions) else replace(found, mentions=mentions)


def _is_kept(mention: Mention, wanted: frozenset[str]) -> bool:
    return mention.label in wanted if wanted else mention.label not in UNLINKED


@dataclass(frozen=True, slots=True)
class Unit:
    """A statement and the characters of the chunk it rests on.

    `keys` are the entities it names; None when they are those whose mentions begin in its span.
    """

    text: str
    start: int
    end: int
    origin: int = RULE
    confidence: int = CERTAIN
    keys: tuple[str, ...] | None = None


def rule_units(text: str, found: Extracted, titled: Titled, longest: int, hooks: Hooks = NO_HOOKS) -> list[Unit]:
    """The units of a chunk's text by rules alone; together they hold all of it but its head and white space."""
    head = plain_title(found.head)
    context = text if text.startswith(found.head) else f"{found.head}\n{text}"
    units: list[Unit] = []
    for span in found.spans:
        for start, end in pieces(text, *span, longest):
            carries = titled == "each" or (titled == "first" and not units)
            for piece in hooks.pieces(text, start, end, context):
                sentence = " ".join(unicodedata.normalize("NFC", piece.text).split())
                own = None if piece.text == text[start:end] else named_in(piece, found)
                units.append(Unit(with_head(head, sentence) if carries else sentence, piece.start, piece.end, keys=own))
    return units


def named_in(piece: Piece, found: Extracted) -> tuple[str, ...]:
    """The keys of what a changed sentence names: mentions that begin in its span, and those whose names it holds."""
    said = f" {entity_key(piece.text)} "
    own = [key for mention, key in found.mentions if piece.start <= mention.start < piece.end or f" {key} " in said]
    return tuple(dict.fromkeys((*found.homes, *own)))


def unit_record(chunk: Chunk, found: Extracted, units: Sequence[Unit]) -> UnitRecord:
    """The record of a chunk with these units, ordered by place; each is about the chunk's head."""
    by_place = keys_of([(unit.start, unit.end) for unit in units], found.mentions, ())
    mentions = [tuple(own) if unit.keys is None else unit.keys for unit, own in zip(units, by_place, strict=True)]
    keys = [
        tuple(dict.fromkeys((*(found.homes if unit.keys is None else ()), *own)))
        for unit, own in zip(units, mentions, strict=True)
    ]
    linked = {key for own in keys for key in own}
    counts = Counter(key for key in found.homes if key in linked)
    counts.update(key for own in mentions for key in own)
    passage = passage_record(chunk, found, [unit.text for unit in units], keys)
    homes = tuple(key for key in found.homes if key in linked)
    passage = replace(passage, mentions={key: counts[key] for key in sorted(counts)}, homes=homes)
    supports = tuple(
        Support(chunk.start + unit.start, chunk.start + unit.end, unit.origin, unit.confidence) for unit in units
    )
    return UnitRecord(passage, supports, tuple(mentions))


def pieces(text: str, start: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    """A span cut at semicolons, then before conjunctions, where it has more than `longest` words."""
    spans = [(start, end)]
    for mark in (_SEMICOLON, _CLAUSE):
        spans = [part for span in spans for part in _cut(text, *span, longest, mark)]
    return iter(spans)


def _cut(text: str, start: int, end: int, longest: int, mark: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    words = [match.end() for match in _WORD.finditer(text, start, end)]
    if len(words) <= longest:
        yield start, end
        return
    first, before, place = start, 0, 0
    for cut in mark.finditer(text, start, end):
        while place < len(words) and words[place] <= cut.start():
            place += 1
        if place - before >= SHORTEST_PART and len(words) - place >= SHORTEST_PART:
            yield first, cut.start() + 1
            first, before = cut.end(), place
    yield first, end
