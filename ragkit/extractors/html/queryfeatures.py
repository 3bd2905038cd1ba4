"""What is measured about each segment of a page for a query: the features the trained query predictor reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ragkit.extractors.html.outline import Outline
from ragkit.extractors.html.terms import Matches, match, stems
from ragkit.text.tokens import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.types import Page

    Floats = NDArray[np.float64]
    Features = dict[str, Floats]

UNKNOWN = -0.2  # the cosine of a segment that was not embedded: below nearly every real one
KINDS = ("paragraph", "list_item", "table_row", "table_cell", "definition", "code", "quote", "caption", "other")
_DIGIT = re.compile(r"\d")
_YES_NO = frozenset("yes no yeah nope absolutely definitely unfortunately generally usually typically not".split())
# The kinds of questions, by the word they begin with, or the word after "how".
_ASKED: Mapping[str, frozenset[str]] = {
    "how": frozenset({"how"}),
    "what": frozenset({"what", "whats"}),
    "why": frozenset({"why"}),
    "when": frozenset({"when"}),
    "where": frozenset({"where"}),
    "who": frozenset({"who", "whom", "whose"}),
    "which": frozenset({"which"}),
    "whether": frozenset(
        "can could is are was were do does did should will would may has have am if must shall isn aren don".split()
    ),
}
_AMOUNTS = frozenset("much many long often far old big fast soon late tall deep wide".split())


@dataclass(frozen=True)
class View:
    """A page as seen from a query.

    `usable` (n,) tells which segments may be chosen, `main` (n,) how likely each belongs to the main content.
    With an embedder, `vectors` (n, d) are the segments' unit vectors, zero where none was made, `asked_vector` (d,) the
    query's and `cosine` (n,) their products, `UNKNOWN` where there is no vector; without one they are None.
    """

    page: Page
    query: str
    outline: Outline
    matches: Matches
    usable: NDArray[np.bool_]
    main: Floats
    cosine: Floats | None = None
    vectors: NDArray[np.float32] | None = None
    asked_vector: NDArray[np.float32] | None = None

    def with_vectors(self, vectors: NDArray[np.float32], asked_vector: NDArray[np.float32]) -> View:
        """The same view with vectors (n, d) of the segments and (d,) of the query."""
        import numpy as np

        cosine = np.where(vectors.any(axis=1), vectors @ asked_vector, UNKNOWN).astype(np.float64)
        return replace(self, cosine=cosine, vectors=vectors, asked_vector=asked_vector)

    @cached_property
    def words(self) -> Floats:
        """(n,) words of each segment; 0 where it must not be chosen."""
        import numpy as np

        return np.where(self.usable, np.maximum(1.0, np.array(self.page.layout.words, dtype=np.float64)), 0.0)

    @cached_property
    def path_counts(self) -> Floats:
        """(n, terms) counts of the query's terms in the headings that govern each segment."""
        import numpy as np

        counts = np.zeros_like(self.matches.counts)
        for i, above in enumerate(self.outline.heading.tolist()):
            if above >= 0:
                counts[i] = counts[above] + self.matches.counts[above]
        return counts

    @cached_property
    def alike(self) -> Floats:
        """(n,) for headings, which share of its and the query's words are common to both (Jaccard); 0 for others."""
        import numpy as np

        result = np.zeros(len(self.page.segments))
        asked = set(self.matches.terms)
        for i in self.outline.headings.tolist():
            own = stems(self.page.segments[i].text, self.page.metadata.get("language", "")).keys()
            result[i] = len(asked & own) / max(1, len(asked | own))
        return result

    @cached_property
    def asked(self) -> dict[str, float]:
        """What kind of question it is, and how many of its words the page knows at all."""
        listed = words(self.query)
        first = listed[0] if listed else ""
        found = {f"asks_{name}": float(first in heads) for name, heads in _ASKED.items()}
        found["asks_amount"] = float(len(listed) > 1 and first == "how" and listed[1] in _AMOUNTS)
        weights = self.matches.weights
        held = (self.matches.counts > 0).any(axis=0) if len(self.page.segments) else weights > 0
        title = set(stems(self.page.title))
        found["asked_words"] = float(len(listed))
        found["asked_terms"] = float(len(weights))
        found["asked_known"] = float((held * weights).sum() / max(float(weights.sum()), 1e-9))
        found["asked_in_title"] = float(sum(term in title for term in self.matches.terms) / max(1, len(weights)))
        found["asked_rarity"] = float(weights.mean()) if len(weights) else 0.0
        return found


def view_of(
    page: Page,
    query: str,
    main: Floats,
    vectors: NDArray[np.float32] | None = None,
    asked_vector: NDArray[np.float32] | None = None,
) -> View:
    """The view of a page: outline and matches are made here."""
    import numpy as np

    usable = np.array(
        [
            may and "duplicate" not in segment.flags
            for segment, may in zip(page.segments, page.layout.usable, strict=True)
        ],
        dtype=bool,
    )
    view = View(page, query, Outline.of(page), match(page, query), usable, main)
    return view if vectors is None or asked_vector is None else view.with_vectors(vectors, asked_vector)


def segment_features(view: View) -> Features:
    """Name to values (n,) of every feature of the segments; those of vectors are there only with an embedder."""
    features = {**_structure(view), **_lexical(view), **_query(view)}
    if view.cosine is not None:
        features |= _semantic(view, view.cosine)
    return features


# ---------------------------------------------------------------- structure


def _structure(view: View) -> Features:
    import numpy as np

    page, outline, layout = view.page, view.outline, view.page.layout
    n = len(page.segments)
    position = np.arange(n, dtype=np.float64)
    count = np.array(layout.words, dtype=np.float64)
    texts = [segment.text for segment in page.segments]
    run = (outline.run_end - outline.run_start).astype(np.float64)
    total = np.concatenate(([0.0], np.cumsum(view.words)))
    heading = outline.heading
    asks = np.array([text.rstrip().endswith("?") for text in texts], dtype=np.float64)
    under = np.where(heading >= 0, asks[np.maximum(heading, 0)], 0.0) if n else asks
    section_end = np.where(heading >= 0, outline.end[np.maximum(heading, 0)], n) if n else position
    features: Features = {
        "words": count,
        "link_share": np.array(layout.link_words, dtype=np.float64) / np.maximum(count, 1.0),
        "main": view.main,
        "main_before": _shifted(view.main, 1),
        "main_after": _shifted(view.main, -1),
        "position": position / max(1, n),
        "in_run": position - outline.run_start,
        "run": run,
        "run_left": outline.run_end - position - 1,
        "run_words": total[outline.run_end] - total[outline.run_start],
        "section_words": total[section_end.astype(np.int64)] - total[np.maximum(heading, 0)] if n else position,
        "level": np.where(heading >= 0, outline.level[np.maximum(heading, 0)], 0).astype(np.float64) if n else position,
        "own_level": outline.level.astype(np.float64),
        "under_question": under,
        "asks": asks,
        "colon": np.array([text.rstrip().endswith(":") for text in texts], dtype=np.float64),
        "digit": np.array([bool(_DIGIT.search(text[:2000])) for text in texts], dtype=np.float64),
        "yes_no": np.array([bool(_YES_NO & set(words(text[:40])[:2])) for text in texts], dtype=np.float64),
        "media": np.array(layout.media, dtype=np.float64),
        "nested": np.array([segment.level for segment in page.segments], dtype=np.float64),
        "bold": np.array(
            [segment.kind == "heading" and segment.level == 6 for segment in page.segments], dtype=np.float64
        ),
    }
    for kind in KINDS:
        features[f"is_{kind}"] = np.array([segment.kind == kind for segment in page.segments], dtype=np.float64)
    features["like_before"] = _like_before(view)
    return features


def _like_before(view: View) -> Floats:
    """1 where a segment's element has the tag and the parent of the one before, as the next of a list has."""
    import numpy as np

    layout = view.page.layout
    made = [
        (layout.parent[node], layout.tag[node]) if node >= 0 else (-2, str(place))
        for place, node in enumerate(layout.node)
    ]
    return np.array([place > 0 and made[place] == made[place - 1] for place in range(len(made))], dtype=np.float64)


def _shifted(values: Floats, by: int, fill: float = 0.0) -> Floats:
    """The values moved `by` places on (back when negative)."""
    import numpy as np

    moved = np.full(len(values), fill)
    if by > 0:
        moved[by:] = values[:-by]
    else:
        moved[:by] = values[-by:]
    return moved


# ---------------------------------------------------------------- words


def _lexical(view: View) -> Features:
    import numpy as np

    matches, outline = view.matches, view.outline
    counts, path = matches.counts, view.path_counts
    heading = np.maximum(outline.heading, 0)
    governed = (outline.heading >= 0).astype(np.float64)
    own = matches.bm25(counts, matches.lengths)
    with_path = matches.bm25(counts + 0.5 * path, matches.lengths)
    section, section_cover = _sections(view)
    cover, path_cover = matches.coverage(counts), matches.coverage(path)
    around = counts + _rows(counts, 1) + _rows(counts, -1)
    alike = view.alike
    head_alike = alike[heading] * governed if len(alike) else alike
    head_cover = matches.coverage(counts)[heading] * governed if len(alike) else alike
    features = {
        "bm25": own / max(float(matches.weights.sum()), 1e-9),
        "bm25_path": with_path / max(float(matches.weights.sum()), 1e-9),
        "bm25_section": section,
        "cover": cover,
        "cover_opening": matches.coverage(matches.openings),
        "cover_around": matches.coverage(around),
        "cover_all": matches.coverage(counts + path),
        "cover_new": matches.coverage(np.where(path > 0, 0.0, counts)),
        "cover_path": path_cover,
        "cover_heading": head_cover,
        "cover_section": section_cover,
        "cover_before": _shifted(cover, 1),
        "cover_after": _shifted(cover, -1),
        "alike_heading": head_alike,
        "alike_less": head_alike - float(alike.max(initial=0.0)),
        "alike_best": np.full(len(alike), float(alike.max(initial=0.0))),
    }
    for name, values in (("bm25", own), ("bm25_path", with_path), ("bm25_section", section)):
        features |= _relative(name, values, view.usable)
    return features


def _sections(view: View) -> tuple[Floats, Floats]:
    """BM25 of the innermost section of each segment as one document, and how much of the query it covers."""
    import numpy as np

    matches, outline = view.matches, view.outline
    score, cover = np.zeros(len(view.page.segments)), np.zeros(len(view.page.segments))
    heads = outline.headings
    if len(heads):
        ends = outline.end[heads]
        sums = np.concatenate((np.zeros((1, len(matches.terms))), np.cumsum(matches.counts, axis=0)))
        sizes = np.concatenate(([0.0], np.cumsum(matches.lengths)))
        counts = sums[ends] - sums[heads]
        of = {head: place for place, head in enumerate(heads.tolist())}
        scores = matches.bm25(counts, sizes[ends] - sizes[heads]) / max(float(matches.weights.sum()), 1e-9)
        covers = matches.coverage(counts)
        inner = np.array([of[head] if head >= 0 else -1 for head in outline.heading.tolist()])
        score, cover = np.where(inner >= 0, scores[inner], 0.0), np.where(inner >= 0, covers[inner], 0.0)
    return score, cover


def _rows(values: Floats, by: int) -> Floats:
    import numpy as np

    moved = np.zeros_like(values)
    if by > 0:
        moved[by:] = values[:-by]
    else:
        moved[:by] = values[-by:]
    return moved


def _relative(name: str, values: Floats, usable: NDArray[np.bool_]) -> Features:
    """Values against the best of the page, and the share of segments that have a higher one."""
    import numpy as np

    among = np.sort(values[usable]) if usable.any() else np.zeros(1)
    above = len(among) - np.searchsorted(among, values, side="right")
    return {
        f"{name}_of_best": values / max(float(among[-1]), 1e-9),
        f"{name}_rank": np.minimum(above, 50).astype(np.float64),
    }


# ---------------------------------------------------------------- vectors


def _semantic(view: View, cosine: Floats) -> Features:
    import numpy as np

    outline = view.outline
    heading = np.maximum(outline.heading, 0)
    head = np.where(outline.heading >= 0, cosine[heading], UNKNOWN) if len(cosine) else cosine
    path = head.copy()
    for i, above in enumerate(outline.heading.tolist()):
        if above >= 0:
            path[i] = max(path[i], path[above])
    before, after = _shifted(cosine, 1, UNKNOWN), _shifted(cosine, -1, UNKNOWN)
    known = cosine[view.usable & (cosine > UNKNOWN)]
    best, mean = (float(known.max()), float(known.mean())) if len(known) else (0.0, 0.0)
    same = _together(view)
    features = {
        "cosine": cosine,
        "cosine_heading": head,
        "cosine_path": path,
        "cosine_before": before,
        "cosine_after": after,
        "cosine_around": 0.5 * cosine + 0.25 * before + 0.25 * after,
        "cosine_most": np.maximum(np.maximum(before, after), cosine),
        "cosine_less": cosine - best,
        "cosine_more": cosine - mean,
        "cosine_best": np.full(len(cosine), best),
        "coherent_before": same,
        "coherent_after": _shifted(same, -1),
        "coherent_heading": _to_heading(view),
    }
    return features | _relative("cosine", cosine, view.usable) | _relative("cosine_heading", head, view.usable)


def _together(view: View) -> Floats:
    """The cosine of each segment with the one before; 0 where either was not embedded."""
    import numpy as np

    assert view.vectors is not None
    result = np.zeros(len(view.vectors))
    result[1:] = (view.vectors[1:] * view.vectors[:-1]).sum(axis=1)
    return result


def _to_heading(view: View) -> Floats:
    """The cosine of each segment with its own heading: low where a text does not belong under it."""
    import numpy as np

    assert view.vectors is not None
    if not len(view.vectors):
        return np.zeros(0)
    found = (view.vectors * view.vectors[np.maximum(view.outline.heading, 0)]).sum(axis=1)
    return np.where(view.outline.heading >= 0, found, 0.0).astype(np.float64)


# ---------------------------------------------------------------- query


def _query(view: View) -> Features:
    import numpy as np

    return {name: np.full(len(view.page.segments), value) for name, value in view.asked.items()}
