"""Scores of tokens for a question: features weighted by rarity, spread over their postings, fused over spaces.

For each space, score[t] is the sum over the question's features that are active at token t of weight times rarity; the
document's own values are not used, which is better (docs/s3.md). Scores of spaces are standardised before they are
added, as each has its own scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.s3.index import Postings

    Scores = NDArray[np.float64]
    Weights = tuple[NDArray[np.int64], NDArray[np.float64]]  # feature ids ascending, and their weights

Rarity = Literal["bm25", "paper", "none"]
Fusion = Literal["zscore", "raw"]


def rarities(frequencies: NDArray[Any], tokens: int, kind: Rarity = "bm25", stop: float = 1.0) -> Scores:
    """The weight of each feature by how many of the tokens hold it; features in more than `stop` of them weigh 0.

    "bm25" is max(0, ln((T - df + ½) / (df + ½))), "paper" 1 / (1 + ln(1 + df)), "none" 1.
    """
    import numpy as np

    df = frequencies.astype(np.float64)
    if kind == "bm25":
        weights = np.maximum(0.0, np.log(np.maximum(tokens - df, 0) + 0.5) - np.log(df + 0.5))
    elif kind == "paper":
        weights = 1.0 / (np.log1p(df) + 1.0)
    else:
        weights = np.ones(len(df))
    weights[df > stop * tokens] = 0.0
    return np.asarray(weights, dtype=np.float64)


def scores(postings: Postings, weights: Weights, rarity: Scores, tokens: int, *, valued: bool = False) -> Scores:
    """The score of every token in one space, float64 (T,); summed in ascending order of features.

    `valued` multiplies by the document's values too, for comparison.
    """
    import numpy as np

    ids, given = weights
    both = given * rarity[ids]
    ids, both = ids[both != 0], both[both != 0]
    if not len(ids):
        return np.zeros(tokens)
    counts = postings.frequencies[ids]
    total = int(counts.sum())
    begin = postings.indptr[ids]
    places = np.arange(total) + np.repeat(begin - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    amounts = np.repeat(both, counts)
    if valued:
        amounts = amounts * postings.values[places]
    return np.bincount(postings.positions[places], weights=amounts, minlength=tokens).astype(np.float64, copy=False)


def contributions(
    postings: Postings, weights: Weights, rarity: Scores, start: int, end: int
) -> list[tuple[int, int, float]]:
    """What each of the question's features adds within rows `start` to `end`: (id, first row, sum), most first."""
    import numpy as np

    found = []
    ids, given = weights
    for id, weight in zip(ids.tolist(), (given * rarity[ids]).tolist(), strict=True):
        if weight:
            row = postings.positions[postings.indptr[id] : postings.indptr[id + 1]]
            low, high = np.searchsorted(row, [start, end])
            if high > low:
                found.append((id, int(row[low]), weight * float(high - low)))
    return sorted(found, key=lambda one: (-one[2], one[0]))


def standardised(values: Scores) -> Scores:
    """Mean 0 and deviation 1 over all tokens; zeros where all are equal."""
    import numpy as np

    spread = float(values.std()) if len(values) else 0.0
    if spread < 1e-12:
        return np.zeros(len(values))
    return np.asarray((values - values.mean()) / spread)


def fused(by_space: Mapping[str, Scores] | Sequence[Scores], how: Fusion = "zscore") -> Scores:
    """The sum over spaces, of standardised scores or ("raw") of the scores themselves."""
    import numpy as np

    parts = list(by_space.values()) if isinstance(by_space, Mapping) else list(by_space)
    ready = [standardised(one) for one in parts] if how == "zscore" else parts
    return np.asarray(np.sum(ready, axis=0))
