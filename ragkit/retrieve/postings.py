"""Which chunk holds which word how often, as matrices; the arithmetic of BM25.

The formula is that of `rank_bm25.BM25Okapi` (Robertson and Zaragoza, 2009, with its own floor for the weights of words
that stand in more than half of the chunks), computed over the live chunks only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit.errors import StoreError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.components import Ints, Rows

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counts:
    """`matrix[row, column]` is how often the word of text id `words[column]` stands in the chunk in `slots[row]`."""

    slots: Ints
    words: Ints
    matrix: Any  # scipy CSR, int32

    @classmethod
    def of(cls, rows: Rows) -> Counts:
        """Rows whose texts are distinct words and whose data are their counts."""
        words, columns = _numbered(rows.texts)
        return cls(rows.slots, words, _matrix(rows, columns, len(words)))

    def refreshed(self, live: Ints, rows: Rows) -> Counts:
        """Without the rows that are not live, and with these new ones after the others."""
        import numpy as np
        from scipy import sparse

        stay = np.isin(self.slots, live, assume_unique=True)
        old = self.matrix if stay.all() else self.matrix[np.flatnonzero(stay)]
        words, columns = self._extended(rows.texts)
        old = sparse.csr_matrix((old.data, old.indices, old.indptr), shape=(old.shape[0], len(words)))
        matrix = sparse.vstack([old, _matrix(rows, columns, len(words))], format="csr")
        return Counts(np.concatenate([self.slots[stay], rows.slots]), words, matrix)

    def _extended(self, texts: Ints) -> tuple[Ints, Ints]:
        """The words with any new ones at the end, and the columns of these texts."""
        import numpy as np

        own, place = np.unique(texts, return_inverse=True)
        order = np.argsort(self.words, kind="stable")
        found = np.minimum(np.searchsorted(self.words, own, sorter=order), max(0, len(order) - 1))
        columns = order[found] if len(order) else np.zeros(len(own), dtype=np.int64)
        new = self.words[columns] != own if len(order) else np.ones(len(own), dtype=bool)
        columns[new] = len(self.words) + np.arange(int(new.sum()))
        return np.concatenate([self.words, own[new]]), columns[place]


@dataclass(frozen=True, slots=True)
class Postings:
    """What a query needs: for each word the rows it stands in and what it adds to their scores."""

    slots: Ints
    starts: Ints  # of each column in `rows` and `weights`
    rows: NDArray[np.int32]
    weights: Floats
    columns: Mapping[int, int]  # text id -> column

    @classmethod
    def of(cls, counts: Counts, k1: float, b: float, epsilon: float) -> Postings:
        """Weigh the counts."""
        import numpy as np

        matrix = counts.matrix.tocsc()
        frequencies = np.diff(matrix.indptr)
        lengths = np.asarray(counts.matrix.sum(axis=1), dtype=np.float64).ravel()
        mean = lengths.mean() if len(lengths) else 1.0
        norm = k1 * (1 - b + b * lengths / (mean or 1.0))
        idf = inverse_frequencies(frequencies, len(lengths), epsilon)
        weights = matrix.data.astype(np.float64)
        weights /= weights + norm[matrix.indices]
        weights *= np.repeat(idf * (k1 + 1), frequencies)
        columns = dict(zip(counts.words.tolist(), range(len(counts.words)), strict=True))
        return cls(counts.slots, matrix.indptr.astype(np.int64), matrix.indices, weights, columns)

    def scores(self, texts: Sequence[int], times: Sequence[int]) -> tuple[Floats, NDArray[np.int_]]:
        """The score of every row, and the rows that hold any of these words: text ids, with their counts in a query."""
        import numpy as np

        columns = [(self.columns[text], n) for text, n in zip(texts, times, strict=True) if text in self.columns]
        spans = [(slice(self.starts[column], self.starts[column + 1]), n) for column, n in columns]
        if not spans:
            return np.zeros(len(self.slots)), np.zeros(0, dtype=np.int64)
        rows = np.concatenate([self.rows[span] for span, _ in spans])
        weights = np.concatenate([self.weights[span] * n if n > 1 else self.weights[span] for span, n in spans])
        scores: Floats = np.bincount(rows, weights, minlength=len(self.slots)).astype(np.float64, copy=False)
        touched = np.zeros(len(self.slots), dtype=bool)
        touched[rows] = True
        return scores, np.flatnonzero(touched)


def inverse_frequencies(frequencies: NDArray[Any], chunks: int, epsilon: float) -> Floats:
    """The weight of each word that stands in `frequencies` of the chunks; 0 for words in none.

    Weights below zero become `epsilon` times the mean weight of all words, as in `rank_bm25`.
    """
    import numpy as np

    # Summed by frequency, so that the mean does not depend on the order in which words were met.
    distinct, place, times = np.unique(frequencies, return_inverse=True, return_counts=True)
    present = distinct > 0
    idf = np.where(present, np.log(np.maximum(chunks - distinct, 0) + 0.5) - np.log(distinct + 0.5), 0.0)
    words = times[present].sum()
    mean = (idf * times).sum() / words if words else 0.0
    idf[idf < 0] = epsilon * mean
    return np.asarray(idf[place], dtype=np.float64)


def _matrix(rows: Rows, columns: Ints, width: int) -> Any:
    import numpy as np
    from scipy import sparse

    if len(rows.texts) != len(rows.data):
        raise StoreError(f"the rows of bm25 hold {len(rows.texts)} words but {len(rows.data)} counts; add --rebuild")
    parts = (rows.data.astype(np.int32), columns.astype(np.int32), rows.text_starts)
    return sparse.csr_matrix(parts, shape=(len(rows.slots), width))


def _numbered(texts: Ints) -> tuple[Ints, Ints]:
    """The distinct text ids, ascending, and the place of each text among them."""
    import numpy as np

    highest = int(texts.max(initial=-1))
    if highest > 4 * len(texts) + 1_000_000:  # a table over all ids would be mostly empty
        words, place = np.unique(texts, return_inverse=True)
        return words, place
    present = np.zeros(highest + 1, dtype=bool)
    present[texts] = True
    words = np.flatnonzero(present)
    table = np.cumsum(present, dtype=np.int64) - 1
    return words, table[texts]
