"""Segments for a query by meaning: the cosine of each segment, under its headings, with the query."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError, ModelError
from ragkit.extractors.html.fitting import asked, fitted
from ragkit.extractors.html.intervals import IntervalSet
from ragkit.extractors.html.types import Page, Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.models.embedders import TextEmbedder

    Vectors = NDArray[np.float32]

Embed = Callable[[Sequence[str]], Any]  # texts to an array (n, d)

OWN, BESIDE = 0.5, 0.25  # weights of a segment and of each neighbour when scores are smoothed
REMEMBERED = 4096  # texts whose vectors are kept
LONGEST = 60  # words of a segment that are embedded: more says little new and costs much


class EmbeddingQE:
    """Finds segments near a query by any `embed(texts) -> (n, d)`; by default the packaged MiniLM.

    A segment is embedded with the headings above it; its score is its cosine, smoothed with its neighbours'. Chosen are
    segments whose score is at least `threshold` and at most `slack` below the page's best.
    """

    name = "embedding"

    def __init__(self, embed: Embed | None = None, *, threshold: float = 0.25, slack: float = 0.06) -> None:
        if not -1 <= threshold <= 1 or slack < 0:
            raise InvalidValueError(
                f"EmbeddingQE: threshold is a cosine and slack at least 0, not {threshold} and {slack}"
            )
        self.embed, self.threshold, self.slack = embed, threshold, slack

    def predict(self, page: Page, query: str | None = None, *, budget_words: int | None = None) -> Prediction:
        """The nearest segments; empty when none is near. Raises `ModelError` when the embedder fails."""
        import numpy as np

        text = asked(query)
        usable = np.array(
            [may and "duplicate" not in s.flags for s, may in zip(page.segments, page.layout.usable, strict=True)],
            dtype=bool,
        )
        places = np.flatnonzero(usable)
        if not len(places):
            return Prediction(IntervalSet(), (0.0,) * len(page.segments))
        vectors = unit_vectors(self.embed, [_with_path(page, place) for place in places.tolist()] + [text])
        near = vectors[:-1] @ vectors[-1]
        padded = np.pad(near, 1, mode="edge")
        smooth = OWN * near + BESIDE * padded[:-2] + BESIDE * padded[2:]
        scores = np.zeros(len(page.segments))
        scores[places] = np.clip(smooth, 0.0, 1.0)
        text_only = usable & np.array([segment.kind != "heading" for segment in page.segments])
        best = float(scores[text_only].max(initial=0.0))
        picked = text_only & (scores >= max(self.threshold, best - self.slack))
        chosen = IntervalSet.of((np.flatnonzero(picked) + 1).tolist())
        rounded = tuple(scores.round(6).tolist())
        return Prediction(fitted(page, chosen, rounded, budget_words), rounded, detail={"best": best})


def unit_vectors(embed: Embed | None, texts: Sequence[str]) -> Vectors:
    """Unit vectors (n, d) of texts by an embedder, the packaged one when it is None.

    Raises `ModelError` when it gives another number of vectors, or numbers that are not finite.
    """
    import numpy as np

    from ragkit.models.embedders import load_embedder

    raw = np.asarray(_remembered(load_embedder(), texts) if embed is None else embed(texts), dtype=np.float32)
    if raw.ndim != 2 or len(raw) != len(texts) or not np.isfinite(raw).all():
        raise ModelError(f"the embedder gave an array of {raw.shape} for {len(texts)} texts, or numbers not finite")
    result: Vectors = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-12)
    return result


class _Memory:
    """The latest vectors of the packaged model: pages are often asked more than one question."""

    vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
    lock = threading.Lock()


def _remembered(embedder: TextEmbedder, texts: Sequence[str]) -> Vectors:
    import numpy as np

    with _Memory.lock:
        known = {text: _Memory.vectors[text] for text in texts if text in _Memory.vectors}
    new = [text for text in dict.fromkeys(texts) if text not in known]
    if new:
        # Copies, as a row would keep its whole batch in memory.
        known |= {text: vector.copy() for text, vector in zip(new, embedder.embed(new), strict=True)}
    with _Memory.lock:
        for text in known:
            _Memory.vectors[text] = known[text]
            _Memory.vectors.move_to_end(text)
        while len(_Memory.vectors) > REMEMBERED:
            _Memory.vectors.popitem(last=False)
    return np.array([known[text] for text in texts], dtype=np.float32).reshape(len(texts), embedder.dim)


def beginning(text: str, longest: int = LONGEST) -> str:
    """The first words of a text, as many as are embedded."""
    listed = text.split(None, longest)
    return " ".join(listed[:longest])


def _with_path(page: Page, place: int) -> str:
    segment = page.segments[place]
    path = " > ".join(page.segments[index - 1].text for index in segment.section[-2:])
    return f"{path}\n{beginning(segment.text)}" if path else beginning(segment.text)
