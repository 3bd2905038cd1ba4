"""From a question to the score of every token, by one of four modes.

| mode | how the question is read |
|---|---|
| `keys` | its own key vectors become features, which vote for the tokens that have them |
| `shared` | the same with its query vectors, encoded by the autoencoder of the keys (as published) |
| `logits` | approximate attention: query vectors against what the tokens' features decode to, softmax over the text |
| `similarity` | approximate dot product of the question's vectors with what the tokens' features decode to |

`auto` is `similarity` for spaces of means, whose dot product is what the model was trained for, and `keys` for others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ragkit.errors import InvalidValueError, UnsupportedModelError
from ragkit.extractors.s3.score import Fusion, Rarity, fused, rarities, scores, standardised
from ragkit.extractors.s3.spans import smoothed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.s3.backend import QueryActs, SpaceInfo
    from ragkit.extractors.s3.index import Index, Rows
    from ragkit.extractors.s3.sae import Autoencoder
    from ragkit.extractors.s3.score import Scores, Weights

QueryMode = Literal["auto", "keys", "shared", "logits", "similarity"]
Head = tuple[str, int]  # space, query head within it
_FLOOR = 1e-9


@dataclass(frozen=True, slots=True)
class Scoring:
    """How tokens are scored. `stop` is the share of tokens above which a feature says nothing.

    `pool` joins a question's tokens, `spaces` are those that are used, all when empty, and `heads` those that `logits`
    uses: (space, number) pairs, all of the middle layers when empty.
    """

    mode: QueryMode = "auto"
    rarity: Rarity = "bm25"
    stop: float = 0.05
    pool: Literal["sum", "max"] = "sum"
    fusion: Fusion = "zscore"
    valued: bool = False
    spaces: tuple[str, ...] = ()
    heads: tuple[Head, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.stop <= 1:
            raise InvalidValueError(f"stop is a share of the tokens, above 0 and at most 1, not {self.stop}")


@dataclass(frozen=True, slots=True)
class TokenScores:
    """The smoothed score of every token (None when no feature says anything), and how each space read the question.

    `weights` are the features and weights that voted, by space; `worth` what one unit of each feature (F,) adds where
    values count; `stopped` tells whether common features had to be let in, as there were no others.
    """

    total: Scores | None
    weights: Mapping[str, Weights] = field(default_factory=dict)
    worth: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    stopped: bool = True


def token_scores(
    index: Index,
    spaces: Sequence[SpaceInfo],
    autoencoders: Mapping[str, Autoencoder],
    acts: QueryActs,
    scoring: Scoring,
    kernel: int = 17,
    background: Mapping[Head, Scores] | None = None,
) -> TokenScores:
    """The tokens' scores for a question; without a voting feature, again with the common ones.

    They are smoothed with a triangular kernel of so many tokens, means over a window with half of it. `background` is
    the mean of `head_scores` over background questions, for `logits`. Raises `UnsupportedModelError` when the mode
    needs query vectors and the model gives none.
    """
    if scoring.spaces:
        unknown = sorted(set(scoring.spaces) - {space.name for space in spaces})
        if unknown:
            raise InvalidValueError(f"no space {unknown[0]!r}; there are {', '.join(space.name for space in spaces)}")
        spaces = [space for space in spaces if space.name in scoring.spaces]
    if scoring.mode == "logits":
        return _by_attention(index, spaces, autoencoders, acts, scoring, kernel, background or {})
    found = _by_space(index, spaces, autoencoders, acts, scoring, kernel, scoring.stop)
    if found.total is None and scoring.stop < 1:
        again = _by_space(index, spaces, autoencoders, acts, scoring, kernel, 1.0)
        return TokenScores(again.total, again.weights, again.worth, stopped=False)
    return found


def _by_space(
    index: Index,
    spaces: Sequence[SpaceInfo],
    autoencoders: Mapping[str, Autoencoder],
    acts: QueryActs,
    scoring: Scoring,
    kernel: int,
    stop: float,
) -> TokenScores:
    parts: dict[str, Scores] = {}
    weights: dict[str, Weights] = {}
    worth: dict[str, NDArray[np.float32]] = {}
    for space in spaces:
        sae, name = autoencoders[space.name], space.name
        if scoring.mode == "similarity" or (scoring.mode == "auto" and space.smooth):
            worth[name] = decoded_worth(sae, acts.keys[name])
            parts[name] = index.per_token(gathered(_rows(index, name), worth[name]), name)
            continue
        weights[name] = query_weights(sae, acts, name, scoring)
        rows = int(index.row_starts(name)[-1])
        rarity = rarities(index.postings[name].frequencies, rows, scoring.rarity, stop)
        voted = scores(index.postings[name], weights[name], rarity, rows, valued=scoring.valued)
        parts[name] = index.per_token(voted, name)
    if not any(part.any() for part in parts.values()):
        return TokenScores(None, weights, worth)
    return TokenScores(_joined(index, spaces, parts, scoring.fusion, kernel), weights, worth)


def _joined(
    index: Index, spaces: Sequence[SpaceInfo], parts: Mapping[str, Scores], fusion: Fusion, kernel: int
) -> Scores:
    """Fused and smoothed; spaces of unlike smoothness are smoothed before, so that each counts alike."""
    import numpy as np

    half = kernel // 4 * 2 + 1
    smooth = {space.smooth for space in spaces}
    if len(smooth) == 1:
        return smoothed(fused(parts, fusion), index.documents, half if smooth == {True} else kernel)
    even = {
        space.name: smoothed(parts[space.name], index.documents, half if space.smooth else kernel) for space in spaces
    }
    inside = np.isfinite(next(iter(even.values())))
    out = np.full(len(index), -np.inf)
    out[inside] = fused({name: part[inside] for name, part in even.items()}, fusion)
    return out


def _by_attention(
    index: Index,
    spaces: Sequence[SpaceInfo],
    autoencoders: Mapping[str, Autoencoder],
    acts: QueryActs,
    scoring: Scoring,
    kernel: int,
    background: Mapping[Head, Scores],
) -> TokenScores:
    by_head = head_scores(index, spaces, autoencoders, acts, scoring)
    parts = [standardised(values - background.get(head, 0.0)) for head, values in by_head.items()]
    worth: dict[str, NDArray[np.float32]] = {}
    for name, head in by_head:
        summed = _queries(acts, name)[:, head].sum(axis=0)
        worth[name] = worth.get(name, 0.0) + autoencoders[name].W_dec @ summed
    if not any(part.any() for part in parts):
        return TokenScores(None, worth=worth)
    return TokenScores(smoothed(fused(parts, "raw"), index.documents, kernel), worth=worth)


def query_weights(sae: Autoencoder, acts: QueryActs, space: str, scoring: Scoring) -> Weights:
    """The weight of each feature in a question: its values summed (or the largest) over tokens and heads."""
    import numpy as np

    vectors = acts.keys[space]
    if scoring.mode == "shared":
        vectors = _queries(acts, space)
        vectors = vectors.reshape(-1, vectors.shape[-1])
    codes = sae.encode(vectors)
    full = codes.ids >= 0
    summed = np.zeros(sae.features)
    if scoring.pool == "sum":
        np.add.at(summed, codes.ids[full], codes.values[full])
    else:
        np.maximum.at(summed, codes.ids[full], codes.values[full])
    ids = np.flatnonzero(summed)
    return ids, summed[ids]


def decoded_worth(sae: Autoencoder, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """What one unit of each feature adds to the dot product with the mean question vector, (F,)."""
    import numpy as np

    asked = vectors.mean(axis=0, dtype=np.float64) if len(vectors) else np.zeros(sae.d)
    return np.asarray(sae.W_dec @ asked.astype(np.float32))


def head_scores(
    index: Index,
    spaces: Sequence[SpaceInfo],
    autoencoders: Mapping[str, Autoencoder],
    acts: QueryActs,
    scoring: Scoring,
) -> dict[Head, Scores]:
    """For each query head the logarithm of its attention, summed over the question's tokens, (T,) each.

    The logit of a token is its features' decoded key times the query vector times the layer's scaling; what is the same
    for all tokens falls out of the softmax. All features are used: a truncated list loses much.
    """
    import numpy as np

    found: dict[Head, Scores] = {}
    for name, head in scoring.heads or middle_heads(spaces):
        space = next((one for one in spaces if one.name == name and head < one.query_heads), None)
        if space is None:
            raise UnsupportedModelError(f"the model has no query head {head} in {name!r}; see spaces()")
        queries, sae = _queries(acts, name), autoencoders[name]
        total = np.zeros(len(index))
        for query in queries[:, head]:
            total += attention(_rows(index, name), sae, query, space.scaling)
        found[name, head] = np.log(total + _FLOOR)
    return found


def attention(rows: Rows, sae: Autoencoder, query: NDArray[np.float32], scaling: float) -> Scores:
    """Softmax over all tokens of query times decoded key times scaling."""
    import numpy as np

    logits = gathered(rows, sae.W_dec @ (query * np.float32(scaling / sae.scale))) if len(rows.ids) else np.zeros(0)
    weights = np.exp(logits - logits.max(initial=-np.inf)) if len(logits) else logits
    return np.asarray(weights / max(float(weights.sum()), 1e-300))


def middle_heads(spaces: Sequence[SpaceInfo]) -> list[Head]:
    """All query heads but those of the first and the last layer (of all, when there are fewer than three)."""
    layers = list(dict.fromkeys(_layer(space.name) for space in spaces))
    wanted = set(layers[1:-1] if len(layers) > 2 else layers)
    return [(one.name, head) for one in spaces if _layer(one.name) in wanted for head in range(one.query_heads)]


def _layer(name: str) -> str:
    return name.partition(" head")[0]


def gathered(rows: Rows, by_feature: NDArray[np.float32]) -> Scores:
    """For each token the sum over its features of value times what the feature is worth."""
    import numpy as np

    worth = np.append(by_feature, np.float32(0.0))  # where an id is -1
    out = np.empty(len(rows.ids))
    for start in range(0, len(rows.ids), 8192):
        part = slice(start, start + 8192)
        out[part] = np.einsum("tk,tk->t", worth[rows.ids[part]], rows.values[part].astype(np.float32))
    return out


def _rows(index: Index, space: str) -> Rows:
    if space not in index.rows:
        raise InvalidValueError(
            f"the index keeps no features by token for {space!r}, which this mode needs; scan again with rows=True"
        )
    return index.rows[space]


def _queries(acts: QueryActs, space: str) -> NDArray[np.float32]:
    if space not in acts.queries:
        raise UnsupportedModelError(
            f"the model gives no query vectors for {space!r}; use mode 'keys', or a causal language model"
        )
    return acts.queries[space]
