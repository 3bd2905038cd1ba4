"""Segments for a query by everything known of them: words, meaning, structure, place; the default for queries.

Two models of boosted trees, trained on questions made from the headings of web pages. The first judges segments; the
second ranks the stretches that could be an answer (sections, containers, pieces between two headings) by the F1 they
are likely to reach. Without an embedder both read the features that need none. With one, a first look without it picks
the segments that are worth embedding, so a long page costs no more than a short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ragkit.errors import InvalidValueError
from ragkit.extractors.html.fitting import asked, fitted
from ragkit.extractors.html.intervals import IntervalSet
from ragkit.extractors.html.outline import NO_LEVEL
from ragkit.extractors.html.types import Page, Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.queryfeatures import Features, View
    from ragkit.extractors.html.semantic import Embed
    from ragkit.extractors.html.spans import Spans
    from ragkit.extractors.html.trees import Trees

    Floats = NDArray[np.float64]

MODEL = Path(__file__).with_name("models") / "query.npz"
LEAST = 0.18  # expected F1 below which no answer is better than this one; see benchmarks/html_queries.py
EMBEDDED, HEADS = 40, 20  # segments, and headings above them, that are embedded at most
SURE = 0.7  # share of a segment's score that its best stretch decides, the rest is its own


class HybridQE:
    """Finds the answer to a query on a page, or nothing when the page likely holds none.

    `embedder` is "minilm" for the packaged model, None for none, or any `embed(texts) -> (n, d)`; the trees were
    trained with MiniLM. Nothing is chosen when the best stretch's expected F1 is below `least`. `within_main` counts
    whether a segment belongs to the page's main content; without it all segments that can be chosen are alike in that.
    """

    name = "hybrid"

    def __init__(
        self,
        embedder: Literal["minilm"] | Embed | None = "minilm",
        *,
        least: float = LEAST,
        within_main: bool = True,
        model: Path | None = None,
    ) -> None:
        if not 0 <= least <= 1:
            raise InvalidValueError(f"HybridQE: least is an expected F1 from 0 to 1, not {least}")
        if isinstance(embedder, str) and embedder != "minilm":
            raise InvalidValueError(f"HybridQE: embedder is 'minilm', a function or None, not {embedder!r}")
        self.embedder, self.least, self.within_main, self.model = embedder, least, within_main, model or MODEL

    def predict(self, page: Page, query: str | None = None, *, budget_words: int | None = None) -> Prediction:
        """The best stretch, cut to the budget; empty when none is likely to answer.

        `detail["expected"]` is its expected F1. Raises `ModelError` when a model is missing or fails.
        """
        text = asked(query)
        models = load_models(self.model)
        main = main_chance(page) if self.within_main else _all_main(page)
        view, chance = self._looked(page, text, main, models)
        spans, value = rank(view, chance, models)
        scores = scores_of(len(page.segments), chance, spans, value)
        if not len(spans):
            return Prediction(IntervalSet(), scores, detail={"expected": 0.0, "reason": "nothing can be chosen"})
        best = int(value.argmax())
        detail = {"expected": round(float(value[best]), 4), "embedded": view.cosine is not None}
        if value[best] < self.least:
            return Prediction(IntervalSet(), scores, detail={**detail, "reason": "no stretch is likely an answer"})
        chosen = within(view, int(spans.first[best]), int(spans.last[best]))
        return Prediction(fitted(page, chosen, scores, budget_words), scores, detail=detail)

    def _looked(self, page: Page, text: str, main: Floats, models: Models) -> tuple[View, Floats]:
        from ragkit.extractors.html.queryfeatures import view_of

        view = view_of(page, text, main)
        chance = segment_chance(view, models)
        if self.embedder is None:
            return view, chance
        view = embedded(view, chance, None if self.embedder == "minilm" else self.embedder)
        return view, segment_chance(view, models, chance)


@dataclass(frozen=True)
class Models:
    """The trees for segments and for stretches, without (`plain`) and with vectors (`near`)."""

    plain_segments: Trees
    plain_spans: Trees
    near_segments: Trees
    near_spans: Trees


@cache
def load_models(path: Path = MODEL) -> Models:
    """The models of a file, read once. Raises `ModelError` when it is missing, damaged, or of other features."""
    from ragkit.extractors.html.trees import load

    names = feature_names()
    _, trees = load(path, names)
    return Models(**{name: trees[name] for name in names})


@cache
def feature_names() -> dict[str, tuple[str, ...]]:
    """The features of each of the four models, in order."""
    import numpy as np

    from ragkit.extractors.html.queryfeatures import segment_features, view_of
    from ragkit.extractors.html.segmenting import segment_html
    from ragkit.extractors.html.spanfeatures import span_features

    page = segment_html("<h2>a</h2><p>b</p><p>c</p>")
    zeros = np.zeros(3)
    plain = view_of(page, "b", zeros)
    near = view_of(page, "b", zeros, np.ones((3, 1), np.float32), np.ones(1, np.float32))
    spans = stretches(plain, zeros)
    return {
        "plain_segments": tuple(segment_features(plain)),
        "plain_spans": tuple(span_features(plain, spans, zeros)),
        "near_segments": (*segment_features(near), "first_look"),
        "near_spans": tuple(span_features(near, spans, zeros)),
    }


def main_chance(page: Page) -> Floats:
    """(n,) how likely each segment belongs to the main content, by rule; not by a model trained on the same pages."""
    from ragkit.extractors.html.heuristic import heuristic
    from ragkit.extractors.html.signals import signals

    found = heuristic(signals(page))
    result: Floats = 0.7 * found.chosen + 0.3 * found.running
    return result


def _all_main(page: Page) -> Floats:
    import numpy as np

    return np.ones(len(page.segments))


def segment_matrix(view: View, first_look: Floats | None = None) -> NDArray[np.float32]:
    """(n, features) of the segments; with vectors the first look's chances are the last column."""
    from ragkit.extractors.html.queryfeatures import segment_features

    features = segment_features(view)
    if view.cosine is not None and first_look is not None:
        features["first_look"] = first_look
    return matrix(features)


def segment_chance(view: View, models: Models, first_look: Floats | None = None) -> Floats:
    """(n,) how likely each segment is of the answer; 0 where it must not be chosen."""
    import numpy as np

    from ragkit.extractors.html.trees import probability

    trees = models.plain_segments if view.cosine is None else models.near_segments
    return np.where(view.usable, probability(trees.raw(segment_matrix(view, first_look))), 0.0)


def worth_embedding(view: View, chance: Floats) -> list[int]:
    """The positions to embed, ascending: the likeliest segments, and the headings above them."""
    import numpy as np

    outline = view.outline
    text = view.usable & (outline.level == NO_LEVEL)
    order = [i for i in np.argsort(-chance, kind="stable").tolist() if text[i]][:EMBEDDED]
    heads = [outline.heading[i] for i in order]
    likely = [i for i in np.argsort(-chance, kind="stable").tolist() if outline.level[i] < NO_LEVEL and view.usable[i]]
    above = list(dict.fromkeys([int(head) for head in heads if head >= 0] + likely))[:HEADS]
    return sorted({*order, *above})


def embedded(view: View, chance: Floats, embed: Embed | None) -> View:
    """The view with vectors of the segments that are worth it."""
    import numpy as np

    from ragkit.extractors.html.semantic import beginning, unit_vectors

    places = worth_embedding(view, chance)
    found = unit_vectors(embed, [beginning(view.page.segments[i].text) for i in places] + [view.query])
    vectors = np.zeros((len(view.page.segments), found.shape[1]), dtype=np.float32)
    vectors[places] = found[:-1]
    return view.with_vectors(vectors, found[-1])


def stretches(view: View, chance: Floats) -> Spans:
    """The candidate stretches, around the segments of the highest chance."""
    import numpy as np

    from ragkit.extractors.html.spans import ANCHORS, candidates

    text = chance * (view.outline.level == NO_LEVEL)
    anchors = np.sort(np.argsort(-text, kind="stable")[:ANCHORS])
    return candidates(view.page, view.outline, anchors, view.words)


def span_matrix(view: View, spans: Spans, chance: Floats) -> NDArray[np.float32]:
    """(m, features) of the stretches."""
    from ragkit.extractors.html.spanfeatures import span_features

    return matrix(span_features(view, spans, chance))


def rank(view: View, chance: Floats, models: Models) -> tuple[Spans, Floats]:
    """The candidate stretches and the F1 each is expected to reach, 0..1."""
    import numpy as np

    spans = stretches(view, chance)
    if not len(spans):
        return spans, np.zeros(0)
    trees = models.plain_spans if view.cosine is None else models.near_spans
    return spans, np.clip(trees.raw(span_matrix(view, spans, chance)), 0.0, 1.0)


def within(view: View, first: int, last: int) -> IntervalSet:
    """What of a stretch is chosen: all of it that may be."""
    return IntervalSet.of(i + 1 for i in range(first, last) if view.words[i] > 0)


def scores_of(n: int, chance: Floats, spans: Spans, value: Floats) -> tuple[float, ...]:
    """A score for each segment: mostly the best stretch that holds it, else its own chance."""
    import numpy as np

    best = np.zeros(n)
    for place in np.argsort(value, kind="stable").tolist():  # the best one writes last
        best[spans.first[place] : spans.last[place]] = value[place]
    return tuple((SURE * best + (1 - SURE) * chance).round(6).tolist())


def matrix(features: Features) -> NDArray[np.float32]:
    """The columns of all features, side by side, in their order."""
    import numpy as np

    columns: Sequence[Floats] = list(features.values())
    return np.stack(columns, axis=1).astype(np.float32)
