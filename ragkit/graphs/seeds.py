"""From a question to the entities it starts from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragkit.graphs.arrays import cosines
from ragkit.text.entities import SOURCES, STOPWORDS, entity_key, extract, words
from ragkit.text.recogniser import recognise

if TYPE_CHECKING:
    from ragkit.components import Embedder, Shelf
    from ragkit.graphs.arrays import GraphArrays, VectorTable

MONTHS = frozenset("january february march april may june july august september october november december".split())
LONGEST_NAME = 12  # words
LONGEST_QUESTION = 400  # words looked at; a question longer than this names its things before


@dataclass(frozen=True, slots=True)
class Seed:
    """An entity a question starts from: how it was found (`exact` or `nearest`), for which words, and how well."""

    entity: int
    key: str
    name: str
    score: float
    how: str


def question_names(question: str, sources: Sequence[str] = SOURCES, ner: str = "") -> list[tuple[str, str]]:
    """The names a question mentions, as (surface, key), in order of place.

    They come from the sources the index was built with; the recogniser is asked only where capitals do not count, as
    it takes longer than the rest of a search.
    """
    head = _head(question)
    recognised = next(recognise([head], ner)) if ner and "ner" in sources and "caps" not in sources else []
    found = {entity_key(mention.surface): mention.surface for mention in extract(head, ner=recognised, sources=sources)}
    return [(surface, key) for key, surface in found.items() if key]


def is_number(key: str) -> bool:
    """Whether a key is a date or a number: digits and months alone."""
    return all(part.isdigit() or part in MONTHS for part in key.split())


def known_names(question: str, shelf: Shelf, arrays: GraphArrays) -> list[Seed]:
    """Live entities whose names stand in the question, whatever their case: the longest from the left, no overlap."""
    grams = list(_grams(_head(question)))
    keys = list(dict.fromkeys(gram.key for gram in grams))
    places = dict(zip(keys, arrays.entity_places(shelf.find(keys)).tolist(), strict=True))
    live = {(gram.first, gram.last): gram for gram in grams if places[gram.key] >= 0}
    seeds: dict[int, Seed] = {}
    first = 0
    while live:
        here = [gram for (start, _), gram in live.items() if start >= first]
        if not here:
            break
        gram = min(here, key=lambda one: (one.first, -one.last))
        place = places[gram.key]
        seeds.setdefault(place, Seed(place, gram.key, gram.surface, 1.0, "exact"))
        first = gram.last + 1
    return list(seeds.values())


@dataclass(frozen=True, slots=True)
class _Gram:
    first: int
    last: int
    surface: str
    key: str


def _grams(text: str) -> Iterator[_Gram]:
    """Runs of words that may be a name: not of stop words alone; in lower case not one word, nor after a stop word."""
    found = words(text)
    for first in range(len(found)):
        for last in range(first, min(first + LONGEST_NAME, len(found))):
            surface = text[found[first].start : found[last].end]
            key = entity_key(surface)
            if key and _may_name([word.text for word in found[first : last + 1]]):
                yield _Gram(first, last, surface, key)


def _may_name(parts: list[str]) -> bool:
    if all(part.casefold() in STOPWORDS for part in parts):
        return any(len(part) > 1 and part.isupper() for part in parts)  # "US", "WHO"
    if any(not part[0].islower() for part in parts):
        return True
    return len(parts) > 1 and parts[0] not in STOPWORDS and parts[-1] not in STOPWORDS


def _head(question: str) -> str:
    found = words(question[: 20 * LONGEST_QUESTION])
    return question[: found[:LONGEST_QUESTION][-1].end] if found else ""


def nearest(
    names: list[tuple[str, str]],
    arrays: GraphArrays,
    vectors: VectorTable,
    shelf: Shelf,
    embedder: Embedder,
    threshold: float,
    most: int = 1,
) -> list[Seed]:
    """For each name the `most` live entities of highest cosine of at least `threshold`."""
    if not names or not len(arrays.entities):
        return []
    wanted = embedder.embed([key for _, key in names], query=True)
    seeds = []
    for (surface, _), vector in zip(names, wanted, strict=True):
        row = np.round(cosines(vectors.all(shelf), vector), 6)
        bound = max(threshold, float(np.partition(row, -most)[-most]) if most < len(row) else -np.inf)
        near = np.flatnonzero(row >= bound)
        near = near[np.lexsort((arrays.entity_order[near], -row[near]))][:most]
        keys = shelf.texts(arrays.entities[near])
        seeds += [
            Seed(entity, key, surface, float(row[entity]), "nearest")
            for entity, key in zip(near.tolist(), keys, strict=True)
        ]
    return seeds
