"""The Tri-Graph's row of one chunk, and the arrays made of many rows.

A row holds the chunk's passage text, its sentences (texts, so they get vectors), its entities (texts) and the words of
its sentences (terms). `data` is five counts, then the flat lists below, all positions counted within the row:

    sentences, entities, homes, links, uses | order of each sentence and entity | mentions of each entity |
    entities the chunk is the home of | (sentence, entity) links | (sentence, word) uses

What a graph appends to `data` after these lists begins at `tails`.

An *order* is a number that follows from the text alone; ties are broken by it, so that results depend on what is
stored and not on when it was stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from ragkit.components import Derived, Rows
from ragkit.errors import StoreCorruptError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PassageRecord:
    """What was extracted from one chunk.

    `sentences` are the texts that are embedded, each with the keys it mentions and its words; `mentions` counts each
    key; `homes` are the keys of the thing the chunk is about; `surfaces` shows how each key was written.
    """

    passage: str
    sentences: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    words: tuple[tuple[str, ...], ...]
    mentions: dict[str, int]
    homes: tuple[str, ...]
    surfaces: dict[str, str]

    def derived(self) -> Derived:
        """The row to store."""
        sentences = list(dict.fromkeys(self.sentences))
        at_sentence = {text: place for place, text in enumerate(sentences)}
        entities = list(self.mentions)
        at_entity = {key: place for place, key in enumerate(entities)}
        words = list(dict.fromkeys(word for own in self.words for word in own))
        at_word = {word: place for place, word in enumerate(words)}
        links = dict.fromkeys(
            (at_sentence[text], at_entity[key])
            for text, keys in zip(self.sentences, self.keys, strict=True)
            for key in keys
        )
        uses = dict.fromkeys(
            (at_sentence[text], at_word[word])
            for text, own in zip(self.sentences, self.words, strict=True)
            for word in own
        )
        homes = [at_entity[key] for key in self.homes]
        data = [len(sentences), len(entities), len(homes), len(links), len(uses)]
        data += map(order_of, (*sentences, *entities))
        data += [*self.mentions.values(), *homes]
        for pairs in (links, uses):
            data += [one for one, _ in pairs]
            data += [two for _, two in pairs]
        note = json.dumps([self.surfaces.get(key, key) for key in entities], ensure_ascii=False)
        return Derived((self.passage, *sentences, *entities), tuple(words), tuple(data), note)


def order_of(text: str) -> int:
    """A number below 2^31 that stands for the text when ties are broken."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "little") >> 1


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of numbers, one per entry: a sparse matrix before it knows its shape."""

    rows: Ints
    columns: Ints
    values: Ints


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows as pairs. Passages are row places 0…n-1; sentences, entities and words are text ids of the store."""

    passages: Ints
    orders: Pairs
    mentions: Pairs
    homes: Pairs
    links: Pairs
    uses: Pairs
    parts: Pairs


def decode(rows: Rows) -> Decoded:
    """The rows as pairs, each kind for all passages at once; no Python loop over rows."""
    count = len(rows.slots)
    starts, data = rows.data_starts[:-1], rows.data
    header = data[starts[:, None] + np.arange(5)] if count else np.zeros((0, 5), dtype=np.int64)
    sentences, entities, homes, links, uses = header.T
    needed = 5 + sentences + 2 * entities + homes + 2 * (links + uses)
    whole = (needed <= np.diff(rows.data_starts)) & (1 + sentences + entities <= np.diff(rows.text_starts))
    if not (whole & (header >= 0).all(axis=1)).all():
        raise StoreCorruptError("a row of the graph does not hold what it says it holds; restore a copy of the store")
    first_text = rows.text_starts[:-1]
    first_sentence, first_entity = first_text + 1, first_text + 1 + sentences
    first_word = first_entity + entities
    at_orders = starts + 5
    at_counts = at_orders + sentences + entities
    at_homes = at_counts + entities
    at_links = at_homes + homes
    at_uses = at_links + 2 * links

    owner, place = spread(at_orders, sentences + entities)
    orders = Pairs(owner, rows.texts[first_sentence[owner] + place - at_orders[owner]], data[place])
    owner, place = spread(at_counts, entities)
    mentions = Pairs(owner, rows.texts[first_entity[owner] + place - at_counts[owner]], data[place])
    owner, place = spread(at_homes, homes)
    home_pairs = Pairs(owner, rows.texts[first_entity[owner] + data[place]], np.ones(len(owner), dtype=np.int64))
    owner, place = spread(at_links, links)
    link_pairs = Pairs(
        rows.texts[first_sentence[owner] + data[place]],
        rows.texts[first_entity[owner] + data[place + links[owner]]],
        owner,
    )
    owner, place = spread(at_uses, uses)
    use_pairs = Pairs(
        rows.texts[first_sentence[owner] + data[place]],
        rows.texts[first_word[owner] + data[place + uses[owner]]],
        owner,
    )
    owner, place = spread(first_sentence, sentences)
    parts = Pairs(owner, rows.texts[place], np.ones(len(owner), dtype=np.int64))
    return Decoded(rows.texts[first_text], orders, mentions, home_pairs, link_pairs, use_pairs, parts)


def tails(rows: Rows) -> Ints:
    """Where each row's data go on after the lists above, as places in `rows.data`."""
    starts, data = rows.data_starts[:-1], rows.data
    header = data[starts[:, None] + np.arange(5)] if len(starts) else np.zeros((0, 5), dtype=np.int64)
    sentences, entities, homes, links, uses = header.T
    places: Ints = starts + 5 + sentences + 2 * entities + homes + 2 * (links + uses)
    return places


def spread(starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """For runs of `counts` numbers from `starts` on: the run each number belongs to, and the numbers."""
    owner = np.repeat(np.arange(len(starts)), counts)
    ends = np.cumsum(counts)
    within = np.arange(len(owner)) - np.repeat(ends - counts, counts)
    return owner, starts[owner] + within
