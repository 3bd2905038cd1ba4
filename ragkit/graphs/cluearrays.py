"""The multipartite graph of Clue-RAG as arrays: chunks, units, entities, and where each unit stands.

The parts are those of `arrays.GraphArrays`, whose passages are chunks here and whose sentences are units.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ragkit.errors import StoreCorruptError
from ragkit.graphs.arrays import GraphArrays, gather
from ragkit.graphs.cluegazetteer import Gazetteer
from ragkit.graphs.rows import Decoded, Pairs, decode, spread, tails
from ragkit.graphs.state import GraphState

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from ragkit.components import Ints, Rows, Shelf

    Floats = NDArray[np.float64]

K1, B = 1.2, 0.75  # of the lexical likeness of chunks (BM25)


class ClueArrays(GraphArrays):
    """See the module.

    Supports are sorted by unit: `supports` holds (chunk, start, end, origin, confidence) and those of unit u are rows
    `support_starts[u]` to `support_starts[u + 1]`. `mention_counts` (U x E) and `chunk_lengths` (words of its units).
    With a gazetteer units also name what it finds in them; `looked_up` are these (unit, entity) pairs, as text ids.
    """

    def __init__(self, rows: Rows, gazetteer: Gazetteer | None = None) -> None:
        found, at = decode(rows), tails(rows)
        more = _looked_up(found, gazetteer) if gazetteer is not None else np.zeros((2, 0), dtype=np.int64)
        if gazetteer is not None:
            self.looked_up: Ints = more
        super().__init__(rows, replace(found, links=_with(found.links, more)))
        self.entity_chunks: csr_matrix = self.passage_entities.T.tocsr()
        data = rows.data
        counts = data[at] if len(at) else np.zeros(0, dtype=np.int64)
        if (counts < 0).any() or (at + 1 + 5 * counts > rows.data_starts[1:]).any():
            raise StoreCorruptError(
                "a row of the graph does not hold what it says it holds; restore a copy of the store"
            )
        owner, place = spread(at + 1, counts)
        columns = [data[place + number * counts[owner]] for number in range(5)]
        first = rows.text_starts[:-1] + 1
        unit = np.searchsorted(self.sentences, rows.texts[first[owner] + columns[0]])
        order = np.lexsort((columns[1], owner, unit))
        self.supports: Ints = np.stack([owner, *columns[1:]], axis=1)[order]
        self.support_starts: Ints = np.searchsorted(unit[order], np.arange(len(self.sentences) + 1))
        links = found.links
        linked = np.bincount(links.values, minlength=len(at)) if len(at) else np.zeros(0, dtype=np.int64)
        _, place = spread(at + 1 + 5 * counts, linked)
        counts = np.append(data[place], np.ones(more.shape[1], dtype=np.int64))
        self.mention_counts = self._counts(np.append(links.rows, more[0]), np.append(links.columns, more[1]), counts)
        words = np.bincount(self.word_sentences.indices, minlength=len(self.sentences))
        lengths = np.zeros(len(self.slots))
        owner, chunk = gather(self.sentence_passages, np.arange(len(self.sentences)))
        np.add.at(lengths, chunk, words[owner].astype(np.float64))
        self.chunk_lengths: Floats = lengths

    def _counts(self, units: Ints, entities: Ints, counts: Ints) -> csr_matrix:
        from scipy.sparse import csr_matrix

        places = (np.searchsorted(self.sentences, units), np.searchsorted(self.entities, entities))
        matrix = csr_matrix((counts, places), shape=(len(self.sentences), len(self.entities)))
        matrix.sum_duplicates()
        return matrix

    def lexical(self, words: Ints) -> Floats:
        """BM25 of every chunk for these words; a word counts once for each unit of the chunk that holds it."""
        chunks = len(self.slots)
        if not len(words) or not chunks:
            return np.zeros(chunks)
        word, unit = gather(self.word_sentences, words)
        owner, chunk = gather(self.sentence_passages, unit)
        times = np.bincount(word[owner] * chunks + chunk, minlength=len(words) * chunks).reshape(len(words), chunks)
        held = (times > 0).sum(axis=1)
        weight = np.log1p((chunks - held + 0.5) / (held + 0.5))
        norm = K1 * (1 - B + B * self.chunk_lengths / max(1.0, float(self.chunk_lengths.mean())))
        scores: Floats = np.round((weight[:, None] * times * (K1 + 1) / (times + norm)).sum(axis=0), 9)
        return scores


def _looked_up(found: Decoded, gazetteer: Gazetteer) -> Ints:
    """What units name by the gazetteer and not by their rows, (2, pairs) text ids."""
    units, entities = gazetteer.links(found)
    width = max(int(entities.max(initial=0)), int(found.links.columns.max(initial=0))) + 1
    new = ~np.isin(units * width + entities, found.links.rows * width + found.links.columns)
    return np.stack([units[new], entities[new]])


def _with(links: Pairs, more: Ints) -> Pairs:
    none = np.full(more.shape[1], -1)  # such a pair is of no row
    return Pairs(np.append(links.rows, more[0]), np.append(links.columns, more[1]), np.append(links.values, none))


class ClueState(GraphState[ClueArrays]):
    """The opened graph."""

    def __init__(self, shelf: Shelf, dim: int, gazetteer: bool = False) -> None:
        self.gazetteer = Gazetteer(shelf) if gazetteer else None
        super().__init__(shelf, dim)

    def build(self, rows: Rows) -> ClueArrays:
        """The arrays of these rows."""
        return ClueArrays(rows, self.gazetteer)
