"""Names that units hold without their extractor having seen them: titles, and names recognised elsewhere.

They are looked up when the graph's arrays are made of the stored rows, and nothing of it is stored, so that a unit
names what the live chunks make known, whatever was added and removed before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragkit.text.entities import STOPWORDS
from ragkit.text.entities.keys import folded_words

if TYPE_CHECKING:
    from ragkit.components import Ints, Shelf
    from ragkit.graphs.rows import Decoded

SEEN = 2  # units that have to name an entity, unless it is a title, before it is looked for in others
Number = tuple[int, ...]  # the words of a key, numbered


class Gazetteer:
    """The names looked for, and which units hold them; follows a store, looking again only at units it must."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._numbers: dict[str, int] = {}  # of words
        self._words: dict[int, Ints] = {}  # of units, by text id
        self._names: dict[int, Number] = {}  # of the entities looked for, by text id
        self._held: dict[int, list[int]] = {}  # the entities found in units

    def links(self, found: Decoded) -> tuple[Ints, Ints]:
        """The text ids of units and of the entities they hold, pair by pair; those the rows have are among them."""
        units = np.unique(found.parts.columns)
        names = self._wanted(found)
        changed = {*names.items()} ^ {*self._names.items()}
        new = self._read(units)
        self._names = names
        again = self._holding({name for _, name in changed}, units)
        starts = _by_first_word(names)
        for unit in {*new, *again}:
            self._held[unit] = _matches(self._words[unit].tolist(), starts)
        counts = [len(self._held[unit]) for unit in units.tolist()]
        entities = [entity for unit in units.tolist() for entity in self._held[unit]]
        return np.repeat(units, counts), np.array(entities, dtype=np.int64)

    def _wanted(self, found: Decoded) -> dict[int, Number]:
        """Titles, and entities that several units name."""
        pairs = np.unique(np.stack([found.links.columns, found.links.rows]), axis=1)
        entities, uses = np.unique(pairs[0], return_counts=True)
        wanted = np.union1d(found.homes.columns, entities[uses >= SEEN])
        fresh = [entity for entity in wanted.tolist() if entity not in self._names]
        known = dict(zip(fresh, map(self._numbered, self.shelf.texts(fresh)), strict=True))
        return {entity: self._names.get(entity) or known[entity] for entity in wanted.tolist()}

    def _numbered(self, key: str) -> Number:
        """The numbers of a key's words; a key of stop words alone, such as a title "It", is never looked for."""
        words = key.split()
        if all(word in STOPWORDS for word in words):
            return (-1,)
        return tuple(self._numbers.setdefault(word, len(self._numbers)) for word in words)

    def _read(self, units: Ints) -> list[int]:
        """Read the words of units not seen before and forget those that are gone; the new ones."""
        live = set(units.tolist())
        for gone in self._words.keys() - live:
            del self._words[gone]
            self._held.pop(gone, None)
        new = sorted(live - self._words.keys())
        for unit, text in zip(new, self.shelf.texts(new), strict=True):
            words = [self._numbers.setdefault(word, len(self._numbers)) for word in folded_words(text)]
            self._words[unit] = np.array(words, dtype=np.int64)
        return new

    def _holding(self, names: set[Number], units: Ints) -> set[int]:
        """The units in which one of these names stands."""
        words = [self._words[unit] for unit in units.tolist()]
        owner = np.repeat(units, [len(one) for one in words])
        everything = np.concatenate(words) if words else np.zeros(0, dtype=np.int64)
        uses = np.bincount(everything, minlength=len(self._numbers) + 1)
        rarest = {min(name, key=lambda word: int(uses[word])): 0 for name in names if name[0] >= 0}
        maybe = np.unique(owner[np.isin(everything, np.array(list(rarest), dtype=np.int64))])
        starts = _by_first_word(dict(enumerate(names)))
        return {unit for unit in maybe.tolist() if _matches(self._words[unit].tolist(), starts)}


def _by_first_word(names: dict[int, Number]) -> dict[int, list[tuple[Number, int]]]:
    """For each word the names that begin with it, longest first."""
    starts: dict[int, list[tuple[Number, int]]] = {}
    for entity, name in names.items():
        starts.setdefault(name[0], []).append((name, entity))
    for own in starts.values():
        own.sort(key=lambda pair: -len(pair[0]))
    return starts


def _matches(words: Sequence[int], starts: dict[int, list[tuple[Number, int]]]) -> list[int]:
    """The entities whose names stand in a text, each once: from the left the longest, no overlap."""
    found: dict[int, None] = {}
    place = 0
    while place < len(words):
        for name, entity in starts.get(words[place], ()):
            if tuple(words[place : place + len(name)]) == name:
                found[entity] = None
                place += len(name) - 1
                break
        place += 1
    return list(found)
