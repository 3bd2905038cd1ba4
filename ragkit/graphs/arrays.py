"""Graphs of passages, sentences and entities as arrays: everything a query touches, made of the live rows.

Passages, sentences, entities and words are places 0…n-1 here. Matrices are CSR in the direction they are walked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragkit.errors import StoreCorruptError
from ragkit.graphs.pagerank import PassageGraph
from ragkit.graphs.rows import Decoded, Pairs, decode

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from ragkit.components import Ints, Rows, Shelf, Vectors

    Floats = NDArray[np.float64]
    Places = NDArray[np.int32] | NDArray[np.int64]


HIGHEST_ID = 500_000_000  # of a text; a store with more would not fit on a disk


class GraphArrays:
    """What every graph here has; see the module.

    `sentence_entities` (S x E) and its transpose, `entity_homes` (E x P), `sentence_passages` (S x P) and its
    transpose, `word_sentences` (words x S) are 0/1; `passage_entities` (P x E) counts mentions.
    """

    def __init__(self, rows: Rows, found: Decoded | None = None) -> None:
        found = found or decode(rows)
        self.slots = rows.slots
        self.passage_texts = found.passages
        self.sentences, sentence_at = numbered(found.parts.columns)
        self.entities, entity_at = numbered(found.mentions.columns)
        self.words, word_at = numbered(found.uses.columns)
        p, s, e = len(self.slots), len(self.sentences), len(self.entities)

        self.sentence_order = _orders(sentence_at, s, found.orders)
        self.entity_order = _orders(entity_at, e, found.orders)
        links = found.links
        self.sentence_entities = _matrix(sentence_at[links.rows], entity_at[links.columns], (s, e))
        self.entity_sentences: csr_matrix = self.sentence_entities.T.tocsr()
        mentions = found.mentions
        self.passage_entities = _matrix(mentions.rows, entity_at[mentions.columns], (p, e), mentions.values)
        self.entity_homes = _matrix(entity_at[found.homes.columns], found.homes.rows, (e, p))
        self.sentence_passages = _matrix(sentence_at[found.parts.columns], found.parts.rows, (s, p))
        self.passage_sentences: csr_matrix = self.sentence_passages.T.tocsr()
        self.home_sentences = _codes(self.sentence_passages, self.entity_homes)
        self.word_sentences = _matrix(word_at[found.uses.columns], sentence_at[found.uses.rows], (len(self.words), s))
        uses = np.diff(self.word_sentences.indptr)
        self.word_weight = np.log1p((s - uses + 0.5) / (uses + 0.5))

    def entity_places(self, ids: Ints) -> Ints:
        """Places of entities by text id, -1 for those that are not live."""
        return _places(self.entities, ids)

    def word_places(self, ids: Ints) -> Ints:
        """Places of words by text id, -1 for those no sentence uses."""
        return _places(self.words, ids)

    def best_of_passage(self, values: Floats) -> Floats:
        """For a value per sentence, the largest of each passage; 0 for a passage without sentences."""
        best = np.zeros(self.passage_sentences.shape[0])
        own = np.flatnonzero(np.diff(self.passage_sentences.indptr))
        if len(own):
            starts = self.passage_sentences.indptr[own]
            best[own] = np.maximum.reduceat(values[self.passage_sentences.indices], starts)
        return best


class TriGraphArrays(GraphArrays):
    """With what the personalised walk of the Tri-Graph needs; `entity_passages` (E x P) holds ln(1 + mentions)."""

    def __init__(self, rows: Rows, links: csr_matrix | None = None) -> None:
        super().__init__(rows)
        self.graph = PassageGraph(_row_normalised(self.passage_entities), links)
        logs = self.passage_entities.copy()
        logs.data = np.log1p(logs.data)
        self.entity_passages: csr_matrix = logs.T.tocsr()


class VectorTable:
    """Vectors of texts by place, fetched from the store when first asked for and then kept."""

    def __init__(self, ids: Ints, dim: int) -> None:
        self.ids = ids
        self.vectors: Vectors = np.zeros((len(ids), dim), dtype=np.float32)  # untouched pages cost no memory
        self.there = np.zeros(len(ids), dtype=np.bool_)

    def get(self, shelf: Shelf, places: Ints) -> Vectors:
        """The vectors of these places, float32 (n, d)."""
        missing = np.unique(places[~self.there[places]])
        if len(missing):
            self.vectors[missing] = shelf.vectors(self.ids[missing])
            self.there[missing] = True
        return self.vectors[places]

    def all(self, shelf: Shelf) -> Vectors:
        """All vectors, float32 (n, d)."""
        if not self.there.all():
            self.get(shelf, np.arange(len(self.ids)))
        return self.vectors

    def moved(self, ids: Ints) -> VectorTable:
        """A table for other ids that keeps what it has of them."""
        table = VectorTable(ids, self.vectors.shape[1])
        old = _places(self.ids, ids) if len(self.ids) else np.full(len(ids), -1)
        known = np.flatnonzero(old >= 0)
        known = known[self.there[old[known]]]
        table.vectors[known] = self.vectors[old[known]]
        table.there[known] = True
        return table


def at_home(arrays: GraphArrays, entities: Ints, sentences: Ints) -> NDArray[np.bool_]:
    """Whether the sentence belongs to a passage the entity is the home of; pair by pair."""
    pairs = arrays.home_sentences
    if not len(pairs):
        return np.zeros(len(sentences), dtype=np.bool_)
    wanted = sentences * np.int64(len(arrays.entities)) + entities
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    result: NDArray[np.bool_] = pairs[place] == wanted
    return result


def rank_in_group(groups: Ints) -> Ints:
    """For a sorted array of group numbers, each entry's place within its group, from 0."""
    if not len(groups):
        return np.zeros(0, dtype=np.int64)
    first = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    return np.arange(len(groups)) - np.repeat(first, np.diff(np.append(first, len(groups))))


def cosines(vectors: Vectors, vector: NDArray[np.float32]) -> Floats:
    """The product of each row with one vector, the same for a row whatever rows stand beside it.

    BLAS does not promise that; its last digit depends on a row's place, and so would the order of near ties.
    """
    products: NDArray[np.float32] = np.einsum("ij,j->i", vectors, vector)
    return products.astype(np.float64)


def gather(matrix: csr_matrix, rows: Ints) -> tuple[Ints, Ints]:
    """The stored columns of these rows: for each entry the place in `rows`, and the column."""
    starts, ends = matrix.indptr[rows].astype(np.int64), matrix.indptr[rows + 1].astype(np.int64)
    counts = ends - starts
    owner = np.repeat(np.arange(len(rows)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owner, matrix.indices[starts[owner] + within].astype(np.int64)


def numbered(ids: Ints) -> tuple[Ints, NDArray[np.int32]]:
    """The distinct ids, ascending, and a table that gives each id its place among them, -1 for ids between."""
    highest = int(ids.max(initial=-1))
    if int(ids.min(initial=0)) < 0 or highest > HIGHEST_ID:
        raise StoreCorruptError(f"text number {highest} cannot be; the store is damaged, restore a copy")
    present = np.zeros(highest + 1, dtype=np.bool_)
    present[ids] = True
    distinct = np.flatnonzero(present)
    at = np.full(len(present), -1, dtype=np.int32)
    at[distinct] = np.arange(len(distinct), dtype=np.int32)
    return distinct, at


def _places(known: Ints, ids: Ints) -> Ints:
    if not len(known):
        return np.full(len(ids), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[place] == ids, place, -1)


def _matrix(rows: Places, columns: Places, shape: tuple[int, int], values: Ints | None = None) -> csr_matrix:
    from scipy.sparse import csr_matrix

    data = np.ones(len(rows), dtype=np.int8) if values is None else values.astype(np.float64)
    matrix = csr_matrix((data, (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    if values is None:
        matrix.data[:] = 1
    return matrix


def _codes(sentence_passages: csr_matrix, entity_homes: csr_matrix) -> Ints:
    """Sorted codes `sentence * entities + entity`: the sentence stands in a passage the entity is the home of."""
    pairs = (sentence_passages.astype(np.int32) @ entity_homes.T.astype(np.int32)).tocoo()
    return np.sort(pairs.row.astype(np.int64) * entity_homes.shape[0] + pairs.col)


def _row_normalised(counts: csr_matrix) -> csr_matrix:
    from scipy.sparse import diags

    totals = np.asarray(counts.sum(axis=1)).ravel()
    return (diags(np.divide(1.0, totals, out=np.zeros_like(totals), where=totals > 0)) @ counts).tocsr()


def _orders(at: Places, count: int, orders: Pairs) -> Ints:
    result = np.zeros(count, dtype=np.int64)
    known = orders.columns < len(at)
    place = at[orders.columns[known]]
    result[place[place >= 0]] = orders.values[known][place >= 0]
    return result
