"""Features and BM25 within one budget: which tokens to keep.

| mode | how |
|---|---|
| `features` | the spans around the highest feature scores, nothing else |
| `union` | turns: a feature span, a BM25 window, a feature span, … (the principle of the paper) |
| `rrf` | windows by the sum of 1 / (60 + rank) on both sides (Cormack, Clarke, Büttcher, SIGIR 2009) |
| `minmax` | windows by a weighted sum of scores scaled to 0..1 |
| `adaptive` | spans around the highest sum of both scores on scales of their own, see below |

In `adaptive` a token's feature score counts in deviations from the mean, its BM25 score as share of what a window with
all of the question's words would have, times a weight that falls with the best share in the text. So a side that is
blind says so itself: BM25 finds small shares only, features have no peak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ragkit.errors import InvalidValueError
from ragkit.extractors.s3.score import standardised
from ragkit.extractors.s3.spans import Pick, Selection, peaks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.s3.windows import Found, Windows

    Floats = NDArray[np.float64]

Mode = Literal["adaptive", "union", "rrf", "minmax", "features"]
RRF_CONSTANT = 60
ALPHA = 0.7
# Deviations of the feature score that a window with all of the question's words is worth, and the share of the question
# from which on BM25 is trusted that much; below, in proportion. Measured, see docs/s3.md.
LEXICAL, TRUSTED = 16.0, 0.5
Shape = Callable[[Pick], Pick]


@dataclass(frozen=True, slots=True)
class Sides:
    """What both sides say of one question: smoothed feature scores by token (None: blind), and BM25 by window."""

    features: Floats | None
    windows: Windows
    lexical: Found
    smooth: bool = False  # features are means already: a window's score is their mean, not their maximum


@dataclass(frozen=True, slots=True)
class Settings:
    """How both sides are joined.

    Spans reach `radius` tokens to both sides of a peak; none is taken whose score is below `floor` (in deviations, None
    for no floor). `alpha` is the weight of the features in `minmax`, `lexical` that of BM25 in `adaptive`, `mix` how
    many feature spans `union` takes for each BM25 window.
    """

    mode: Mode = "adaptive"
    radius: int = 24
    floor: float | None = None
    alpha: float = ALPHA
    lexical: float = LEXICAL
    mix: int = 1

    def __post_init__(self) -> None:
        if self.radius < 0 or self.mix < 1 or not 0 <= self.alpha <= 1 or self.lexical < 0:
            raise InvalidValueError(
                f"radius must be 0 or more, mix 1 or more, alpha in 0..1 and lexical 0 or more, not {self}"
            )


def choose(sides: Sides, selection: Selection, settings: Settings, shape: Shape = lambda pick: pick) -> None:
    """Fill the selection by the settings' mode; `shape` may widen each feature span before it is kept."""
    _MODES[settings.mode](sides, selection, settings, shape)


def _features(sides: Sides, selection: Selection, settings: Settings, shape: Shape) -> None:
    for pick in _spans(sides, selection, settings):
        if selection.left <= 0:
            return
        selection.add(shape(pick))


def _adaptive(sides: Sides, selection: Selection, settings: Settings, shape: Shape) -> None:
    import numpy as np

    shares = sides.windows.per_token(sides.lexical.shares)
    lexical = settings.lexical * min(1.0, float(shares.max(initial=0.0)) / TRUSTED) * shares
    own = np.zeros(selection.total) if sides.features is None else _level(sides.features)
    if sides.features is None and not lexical.any():
        return
    outside = np.ones(selection.total, dtype=bool)
    for start, end in selection.documents:
        outside[start:end] = False
    both = own + lexical
    both[outside] = -np.inf
    floor = 1e-9 if sides.features is None else settings.floor
    for pick in peaks(both, selection.documents, settings.radius, floor):
        if selection.left <= 0:
            return
        source = "bm25" if lexical[pick.peak] > own[pick.peak] else "feature"
        shaped = shape(pick)
        selection.add(Pick(shaped.start, shaped.end, shaped.peak, shaped.score, source))  # type: ignore[arg-type]


def _union(sides: Sides, selection: Selection, settings: Settings, shape: Shape) -> None:
    own, other = _spans(sides, selection, settings), _windows(sides)
    turns: list[Iterator[Pick]] = [*([own] * settings.mix), other]
    while selection.left > 0:
        spent = selection.left
        for side in turns:
            _turn(side, selection, shape if side is own else lambda pick: pick)
        if selection.left == spent:
            return


def _turn(side: Iterator[Pick], selection: Selection, shape: Shape) -> None:
    """One turn: the side's next span that adds something."""
    for pick in side:
        if selection.left <= 0 or selection.add(shape(pick)):
            return


def _rrf(sides: Sides, selection: Selection, settings: Settings, shape: Shape) -> None:
    import numpy as np

    worth = np.zeros(len(sides.windows))
    for scores, found in _rankings(sides):
        order = np.argsort(-scores, kind="stable")
        order = order[found[order]]
        worth[order] += 1.0 / (RRF_CONSTANT + 1.0 + np.arange(len(order)))
    _take(sides, worth, selection)


def _minmax(sides: Sides, selection: Selection, settings: Settings, shape: Shape) -> None:
    import numpy as np

    worth = np.zeros(len(sides.windows))
    weights = (settings.alpha, 1 - settings.alpha)
    for (scores, found), weight in zip(_rankings(sides), weights, strict=True):
        if found.any():
            low, high = float(scores[found].min()), float(scores[found].max())
            low = min(low, 0.0) if not found.all() else low
            scaled = (scores - low) / (high - low) if high > low else np.ones(len(scores))
            worth += np.where(found, weight * scaled, 0.0)
    _take(sides, worth, selection)


_MODES = {"features": _features, "adaptive": _adaptive, "union": _union, "rrf": _rrf, "minmax": _minmax}


def _spans(sides: Sides, selection: Selection, settings: Settings) -> Iterator[Pick]:
    if sides.features is None:
        return iter(())
    return peaks(sides.features, selection.documents, settings.radius, settings.floor)


def _windows(sides: Sides) -> Iterator[Pick]:
    """Windows with a word of the question, best first (ties: the earliest)."""
    import numpy as np

    scores = sides.lexical.scores
    for place in np.argsort(-scores, kind="stable").tolist():
        if scores[place] <= 0:
            return
        start, end = sides.windows.bounds[place].tolist()
        yield Pick(start, end, (start + end) // 2, float(scores[place]), "bm25")


def _rankings(sides: Sides) -> list[tuple[Floats, NDArray[np.bool_]]]:
    """For both sides the scores of the windows, and which windows it found at all."""
    import numpy as np

    count = len(sides.windows)
    lexical = sides.lexical.scores
    if sides.features is None or not count:
        features, seen = np.zeros(count), np.zeros(count, dtype=bool)
    else:
        starts = sides.windows.bounds[:, 0]
        if sides.smooth:
            sums = np.concatenate([[0.0], np.cumsum(np.where(np.isfinite(sides.features), sides.features, 0.0))])
            ends = sides.windows.bounds[:, 1]
            features = (sums[ends] - sums[starts]) / (ends - starts)
        else:
            features = np.array([sides.features[start:end].max() for start, end in sides.windows.bounds.tolist()])
        seen = np.ones(count, dtype=bool)
    return [(features, seen), (lexical, lexical > 0)]


def _take(sides: Sides, worth: Floats, selection: Selection) -> None:
    """Keep windows, best first, skipping those that do not fit, until less than half a window is left."""
    import numpy as np

    half = int((sides.windows.bounds[:, 1] - sides.windows.bounds[:, 0]).max(initial=0)) // 2
    if half and selection.left < 2 * half:  # not even one fits: the best is cut
        half = 0
    for place in np.argsort(-worth, kind="stable").tolist():
        if worth[place] <= 0 or selection.left <= 0 or (half and selection.left < half):
            return
        start, end = sides.windows.bounds[place].tolist()
        new = int((selection.kept[start:end] < 0).sum())
        if half and new > selection.left:
            continue
        source = "bm25" if sides.lexical.scores[place] > 0 else "feature"
        selection.add(Pick(start, end, (start + end) // 2, float(worth[place]), source))  # type: ignore[arg-type]


def _level(values: Floats) -> Floats:
    """Standardised over the tokens that have a score."""
    import numpy as np

    inside = np.isfinite(values)
    out = np.full(len(values), -np.inf)
    out[inside] = standardised(values[inside])
    return out
