"""BM25 over short windows of a text: the lexical side of the hybrid.

Windows of 64 tokens begin every 32 tokens; words are runs of two or more word characters in lower case, without common
English function words. The arithmetic is that of the stage `bm25`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.s3.index import Index
    from ragkit.retrieve.postings import Postings

    Floats = NDArray[np.float64]

WIDTH, STEP = 64, 32
K1, B, EPSILON = 1.5, 0.75, 0.25
# What joins sentences and asks questions, in English, and says nothing of what they are about.
FUNCTION_WORDS = frozenset(
    """a about above after again against all also am among an and any are aren as at be because been before being below
    between both but by can cannot could couldn did didn do does doesn doing don down during each either etc ever every
    few for from further get gets got had hadn has hasn have haven having he her here hers herself him himself his how
    however if in into is isn it its itself just ll many may me might mine more most much must my myself nor no not now
    of off on once only onto or other our ours ourselves out over own per re same shall she should shouldn since so some
    such than that the their theirs them themselves then there these they this those though through thus to too under
    until up upon us ve very via was wasn we well were weren what when whenever where whether which while who whoever
    whom whose why will with within without would wouldn yet you your yours yourself yourselves""".split()
)
_WORD = re.compile(r"\w\w+")


def content_words(text: str) -> list[str]:
    """The words that count, lower-cased, in order.

    >>> content_words("Which harbour did the ferries use in 1954?")
    ['harbour', 'ferries', 'use', '1954']
    """
    return [word for word in _WORD.findall(text.lower()) if word not in FUNCTION_WORDS]


@dataclass(frozen=True, slots=True)
class Found:
    """What BM25 says of a question: the score of each window, and its part of all the question's rarity.

    `shares` is the score divided by the rarity of all the question's words, words that stand nowhere included: about
    the share of the question that a window covers, near 0 where BM25 is blind.
    """

    scores: Floats
    shares: Floats


class Windows:
    """The windows of an index's documents, ready to be asked."""

    def __init__(self, index: Index, width: int = WIDTH, step: int = STEP) -> None:
        import numpy as np

        self.total = len(index)
        self.bounds = np.array(list(_bounds(index.documents, width, step)), dtype=np.int64).reshape(-1, 2)
        self._vocabulary: dict[str, int] = {}
        self._postings = self._built([_text(index, start, end) for start, end in self.bounds.tolist()])

    def __len__(self) -> int:
        return len(self.bounds)

    def ask(self, question: str) -> Found:
        """BM25 of every window."""
        import numpy as np

        asked = Counter(content_words(question))
        known = [(self._vocabulary[word], n) for word, n in sorted(asked.items()) if word in self._vocabulary]
        if not known or not len(self):
            return Found(np.zeros(len(self)), np.zeros(len(self)))
        scores, _ = self._postings.scores([word for word, _ in known], [n for _, n in known])
        scores = np.maximum(scores, 0.0)
        unseen = sum(asked.values()) - sum(n for _, n in known)
        mass = sum(self._rarity(word) * n for word, n in known) + unseen * float(np.log(2 * len(self) + 1))
        return Found(scores, scores / max(mass, 1e-9))

    def per_token(self, values: Floats) -> Floats:
        """For each token the mean of its windows' values, 0 outside of all."""
        import numpy as np

        sums, counts = np.zeros(self.total + 1), np.zeros(self.total + 1)
        for edge, sign in ((self.bounds[:, 0], 1.0), (self.bounds[:, 1], -1.0)):
            sums += sign * np.bincount(edge, weights=values, minlength=self.total + 1)
            counts += sign * np.bincount(edge, minlength=self.total + 1)
        counts = np.cumsum(counts)[:-1]
        return np.where(counts > 0, np.cumsum(sums)[:-1] / np.maximum(counts, 1), 0.0)

    def _rarity(self, word: int) -> float:
        import numpy as np

        start, end = self._postings.starts[word : word + 2].tolist()
        return max(0.1, float(np.log(len(self) - (end - start) + 0.5) - np.log(end - start + 0.5)))

    def _built(self, texts: Sequence[str]) -> Postings:
        import numpy as np
        from scipy import sparse

        from ragkit.retrieve.postings import Counts, Postings

        rows, columns, times = [], [], []
        for row, text in enumerate(texts):
            for word, n in Counter(content_words(text)).items():
                rows.append(row)
                columns.append(self._vocabulary.setdefault(word, len(self._vocabulary)))
                times.append(n)
        shape = (len(texts), len(self._vocabulary))
        matrix = sparse.csr_matrix((np.array(times, dtype=np.int32), (rows, columns)), shape=shape, dtype=np.int32)
        words, slots = np.arange(shape[1]), np.arange(shape[0])
        return Postings.of(Counts(slots, words, matrix), K1, B, EPSILON)


def _bounds(documents: Sequence[tuple[int, int]], width: int, step: int) -> list[tuple[int, int]]:
    found = []
    for first, last in documents:
        for start in range(first, last, step):
            found.append((start, min(last, start + width)))
            if start + width >= last:
                break
    return found


def _text(index: Index, start: int, end: int) -> str:
    document, first, last = index.characters(start, end)
    return index.texts[document][first:last]
