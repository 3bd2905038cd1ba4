"""What is measured about each candidate stretch of a page for a query: the features of the model that ranks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkit.extractors.html.outline import NO_LEVEL
from ragkit.extractors.html.queryfeatures import UNKNOWN, View
from ragkit.extractors.html.spans import NAMES, Spans

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Features = dict[str, Floats]


def span_features(view: View, spans: Spans, chance: Floats) -> Features:
    """Name to values (m,) of every feature of m stretches; `chance` (n,) is how likely each segment is an answer's."""
    import numpy as np

    features = {**_shape(view, spans), **_gain(view, spans, chance), **_lexical(view, spans)}
    if view.cosine is not None:
        features |= _semantic(view, spans, view.cosine)
    return features | {name: np.full(len(spans), value) for name, value in view.asked.items()}


class _Sums:
    """Sums, maxima and neighbours of values of the segments over stretches."""

    def __init__(self, spans: Spans, n: int) -> None:
        self.first, self.last, self.n = spans.first, spans.last, n

    def sum(self, values: NDArray[Any]) -> Floats:
        """The sum inside of each stretch."""
        import numpy as np

        total = np.concatenate((np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)))
        result: Floats = total[self.last] - total[self.first]
        return result

    def mean(self, values: Floats, weights: Floats) -> Floats:
        """The weighted mean inside of each stretch; 0 where nothing weighs."""
        import numpy as np

        result: Floats = self.sum(values * weights) / np.maximum(self.sum(weights), 1e-9)
        return result

    def most(self, values: Floats) -> Floats:
        """The largest value inside of each stretch."""
        import numpy as np

        if not len(self.first):
            return np.zeros(0)
        padded = np.append(values, values[-1])
        bounds = np.stack((self.first, self.last), axis=1).ravel()
        result: Floats = np.maximum.reduceat(padded, bounds)[::2]
        return result

    def at(self, values: Floats, by: int, fill: float) -> Floats:
        """The value `by` places from the edge: -1 the one before the first, +1 the one after the last."""
        import numpy as np

        place = self.first + by if by < 0 else self.last + by - 1
        inside = (place >= 0) & (place < self.n)
        return np.where(inside, values[np.clip(place, 0, max(0, self.n - 1))], fill) if self.n else np.zeros(0)


def _shape(view: View, spans: Spans) -> Features:
    import numpy as np

    page, outline, n = view.page, view.outline, len(view.page.segments)
    sums = _Sums(spans, n)
    head = np.zeros(n) + (outline.level < NO_LEVEL)
    kinds = [segment.kind for segment in page.segments]
    words = sums.sum(view.words)
    before, after = sums.at(head, -1, 1.0), sums.at(head, 1, 1.0)
    run = view.outline.run_start[spans.first]
    begins_run, ends_run = spans.first == run, spans.last == outline.run_end[np.maximum(spans.last - 1, 0)]
    lengths = _typical(view)
    features = {
        "words": words,
        "log_words": np.log1p(words),
        "segments": (spans.last - spans.first).astype(np.float64),
        "share": words / max(float((view.words * (view.main > 0.5)).sum()), 1.0),
        "words_to_typical": words / max(lengths, 1.0),
        "typical_words": np.full(len(spans), lengths),
        "after_heading": before,
        "before_heading": after,
        "begins_run": begins_run.astype(np.float64),
        "ends_run": ends_run.astype(np.float64),
        "to_run_start": (spans.first - run).astype(np.float64),
        "to_run_end": (outline.run_end[spans.first] - spans.last).astype(np.float64),
        "run_words": _run_words(view)[spans.first],
        "headings_inside": sums.sum(head),
        "position": spans.first / max(1, n),
        "main": sums.mean(view.main, view.words),
        "main_least": -sums.most(-view.main),
        "main_before": sums.at(view.main, -1, 0.0),
        "main_after": sums.at(view.main, 1, 0.0),
        "level": np.where(outline.heading[spans.first] >= 0, outline.level[outline.heading[spans.first]], 0).astype(
            float
        ),
    }
    links = np.array(page.layout.link_words, dtype=np.float64)
    features["link_share"] = sums.sum(links) / np.maximum(words, 1.0)
    for kind in ("list_item", "table_row", "paragraph", "definition"):
        features[f"share_{kind}"] = sums.mean(np.array([one == kind for one in kinds], dtype=np.float64), view.words)
    for place, name in enumerate(NAMES):
        features[f"from_{name}"] = ((spans.origin >> place) & 1).astype(np.float64)
    asks = np.array([segment.text.rstrip().endswith("?") for segment in page.segments], dtype=np.float64)
    features["question_before"] = sums.at(asks, -1, 0.0)
    features["question_after"] = sums.at(asks, 1, 0.0)
    features["questions_inside"] = sums.sum(asks)
    features["first_like_next"] = _same_look(view, spans.first, spans.first + 1)
    features["first_like_before"] = _same_look(view, spans.first, spans.first - 1)
    features["last_like_after"] = _same_look(view, spans.last - 1, spans.last)
    return features


def _typical(view: View) -> float:
    """The median number of words between two headings of the page."""
    import numpy as np

    starts = np.unique(view.outline.run_start[(view.outline.level == NO_LEVEL) & (view.main > 0.5)])
    total = np.concatenate(([0.0], np.cumsum(view.words)))
    lengths = total[view.outline.run_end[starts]] - total[starts]
    return float(np.median(lengths)) if len(lengths) else 0.0


def _run_words(view: View) -> Floats:
    import numpy as np

    total = np.concatenate(([0.0], np.cumsum(view.words)))
    result: Floats = total[view.outline.run_end] - total[view.outline.run_start]
    return result


def _same_look(view: View, one: Ints, other: Ints) -> Floats:
    """Whether two segments are of one kind and their elements have one parent."""
    import numpy as np

    layout, n = view.page.layout, len(view.page.segments)
    names: dict[tuple[str, int], int] = {}
    look = np.array(
        [
            names.setdefault((segment.kind, layout.parent[node] if node >= 0 else -2), len(names))
            for segment, node in zip(view.page.segments, layout.node, strict=True)
        ],
        dtype=np.int64,
    )
    inside = (one >= 0) & (one < n) & (other >= 0) & (other < n)
    a, b = np.clip(one, 0, max(0, n - 1)), np.clip(other, 0, max(0, n - 1))
    same: Floats = (inside & (look[a] == look[b])).astype(np.float64)
    return same


def _gain(view: View, spans: Spans, chance: Floats) -> Features:
    import numpy as np

    sums = _Sums(spans, len(chance))
    weights = view.words
    inside, words, total = sums.sum(chance * weights), sums.sum(weights), float((chance * weights).sum())
    expected = 2 * inside / np.maximum(words + total, 1e-9)
    return {
        "chance": inside / np.maximum(words, 1e-9),
        "chance_sum": inside,
        "chance_share": inside / max(total, 1e-9),
        "chance_most": sums.most(chance),
        "chance_least": -sums.most(-chance),
        "chance_first": chance[spans.first],
        "chance_last": chance[spans.last - 1],
        "chance_before": sums.at(chance, -1, 0.0),
        "chance_after": sums.at(chance, 1, 0.0),
        "chance_best": np.full(len(spans), float(chance.max(initial=0.0))),
        "chance_total": np.full(len(spans), total),
        "expected": expected,
        "expected_less": expected - float(expected.max(initial=0.0)),
    }


def _lexical(view: View, spans: Spans) -> Features:
    import numpy as np

    matches, outline, n = view.matches, view.outline, len(view.page.segments)
    sums = _Sums(spans, n)
    counts = sums.sum(matches.counts)
    head = outline.heading[spans.first]
    safe, has = np.maximum(head, 0), (head >= 0).astype(np.float64)
    alike, cover = view.alike, matches.coverage(matches.counts)
    path = view.path_counts[spans.first]
    before = spans.first - 1
    above = np.where(before >= 0, (outline.level[np.maximum(before, 0)] < NO_LEVEL), False).astype(np.float64)
    score = matches.bm25(counts, sums.sum(matches.lengths)) / max(float(matches.weights.sum()), 1e-9)
    with_path = matches.bm25(counts + path, sums.sum(matches.lengths)) / max(float(matches.weights.sum()), 1e-9)
    own_alike = alike[safe] * has
    return {
        "bm25": score,
        "bm25_path": with_path,
        "bm25_less": with_path - float(with_path.max(initial=0.0)),
        "cover": matches.coverage(counts),
        "cover_all": matches.coverage(counts + path),
        "cover_heading": cover[safe] * has,
        "cover_path": matches.coverage(path),
        "cover_new": matches.coverage(np.where(path > 0, 0.0, counts)),
        "cover_first": cover[spans.first],
        "opening_first": matches.coverage(matches.openings)[spans.first],
        "cover_before": sums.at(cover, -1, 0.0),
        "cover_after": sums.at(cover, 1, 0.0),
        "alike_heading": own_alike,
        "alike_before": sums.at(alike, -1, 0.0) * above,
        "alike_inside": sums.most(alike),
        "alike_less": own_alike - float(alike.max(initial=0.0)),
        "alike_best": np.full(len(spans), float(alike.max(initial=0.0))),
    }


def _semantic(view: View, spans: Spans, cosine: Floats) -> Features:
    import numpy as np

    assert view.vectors is not None and view.asked_vector is not None
    outline, n = view.outline, len(view.page.segments)
    sums = _Sums(spans, n)
    known = view.words * (cosine > UNKNOWN)
    weights = np.sqrt(known)
    head = outline.heading[spans.first]
    head_cosine = np.where(head >= 0, cosine[np.maximum(head, 0)], UNKNOWN)
    mean = sums.sum(view.vectors * weights[:, None])
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
    to_head = (mean * view.vectors[np.maximum(head, 0)]).sum(axis=1) * (head >= 0)
    first, last = np.maximum(spans.first - 1, 0), np.minimum(spans.last, max(0, n - 1))
    whole = mean @ view.asked_vector
    return {
        "cosine_whole": whole,
        "cosine_whole_less": whole - float(whole.max(initial=-1.0)),
        "cosine_mean": sums.mean(cosine, weights),
        "cosine_most": sums.most(cosine),
        "cosine_most_less": sums.most(cosine) - float(cosine.max(initial=-1.0)),
        "cosine_first": cosine[spans.first],
        "cosine_last": cosine[spans.last - 1],
        "cosine_before": sums.at(cosine, -1, UNKNOWN),
        "cosine_after": sums.at(cosine, 1, UNKNOWN),
        "cosine_heading": head_cosine,
        "cosine_heading_less": head_cosine - float(np.max(cosine[outline.headings], initial=-1.0)),
        "coherent_heading": to_head,
        "coherent_before": (mean * view.vectors[first]).sum(axis=1),
        "coherent_after": (mean * view.vectors[last]).sum(axis=1),
        "known": sums.sum(known) / np.maximum(sums.sum(view.words), 1e-9),
    }
