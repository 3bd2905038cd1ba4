"""Main content without a trained model: the element with most running text, grown, and cleaned of what is not text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.extractors.html.types import Page, Prediction

if TYPE_CHECKING:
    from ragkit.extractors.html.signals import Bools, Floats, Signals

# Parts of a page that are not what it is about, by class words and landmarks, unless most of its text is in them.
BAD = (
    "<nav>", "<aside>", "<footer>", "nav", "footer", "sidebar", "breadcrumb", "cookie", "copyright", "newsletter",
    "related", "recommended", "share", "ad", "promo", "pagination", "modal", "login", "comment", "reply", "author",
    "gallery", "toc", "tag", "category",
)  # fmt: skip
MOST = 0.4  # share of the running text in a part from which its name does not count
OTHER = 0.5  # what a word outside running text takes from its container's score
COST = 0.3  # what a segment takes, in words
GROWTH = 0.4  # share of running text in what is added that lets a container grow
LINKS = 0.6  # share of words in links from which a segment is navigation
ENOUGH = 25  # words below which the container is given up


class HeuristicME:
    """Main content by rules: no model file, nothing learned.

    The scores are 1 for what it chose, 0.5 for other running text in no bad place, else 0.
    """

    name = "heuristic"

    def predict(self, page: Page, query: str | None = None, *, budget_words: int | None = None) -> Prediction:
        """The main content; a query is not looked at. `budget_words` limits the words chosen."""
        import numpy as np

        from ragkit.extractors.html.decode import decode, intervals
        from ragkit.extractors.html.intervals import IntervalSet
        from ragkit.extractors.html.signals import signals

        s = signals(page)
        found = heuristic(s)
        scores = np.where(found.chosen, 1.0, np.where(found.running, 0.5, 0.0))
        chosen = decode(scores, s.words, 0.75, budget_words=budget_words, allowed=found.chosen).chosen
        return Prediction(IntervalSet.spanning(intervals(chosen)), tuple(scores.tolist()))


@dataclass(frozen=True)
class Found:
    """`chosen` for each segment; the container; for each segment, whether it is running text in no bad place."""

    chosen: Bools
    container: int
    running: Bools


def heuristic(s: Signals) -> Found:
    """What `HeuristicME` chooses."""
    import numpy as np

    if not s.n:
        return Found(np.zeros(0, bool), 0, np.zeros(0, bool))
    able = s.usable & ~s.duplicate
    good = able & ~_bad(s, s.words * (s.paragraph & able))
    running = s.paragraph & good
    gain = s.below(np.where(running, s.words, -OTHER * s.words) * good - COST * good)
    best = _deepest(s, gain >= gain.max() - 1e-9)
    text, everything = s.below(s.words * running), s.below(s.words * good)
    while best:
        over = int(s.up[best])
        added = float(text[over] - text[best])
        if over == best or added <= 0 or added < GROWTH * (everything[over] - everything[best]):
            break
        best = over
    chosen = good & (s.link_words < LINKS * np.maximum(s.words, 1))
    chosen[: s.first[best]] = chosen[s.last[best] :] = False
    chosen = _headings(s, chosen)
    if float(s.words[chosen].sum()) < ENOUGH:
        chosen = able & (s.link_words < 0.5 * s.words) & (s.words >= 8)
    return Found(chosen, best, running)


def _bad(s: Signals, running: Floats) -> Bools:
    """The segments inside a part with a bad name that holds little of the running text."""
    from ragkit.extractors.html.lexicon import MARKS

    columns = [MARKS.index(name) for name in BAD]
    text = s.below(running)
    bad = (s.near[:, columns] == 0).any(axis=1) & (text < MOST * max(1.0, float(text[0]))) & (s.depth > 1)
    for nodes in s.by_depth[1:]:
        bad[nodes] |= bad[s.parent[nodes]]
    result: Bools = bad[s.node]
    return result


def _headings(s: Signals, chosen: Bools) -> Bools:
    """Without the headings that no kept text follows."""
    heading = s.kind == 0
    kept = chosen.copy()
    following = False
    for i in range(s.n - 1, -1, -1):
        if not chosen[i]:
            continue
        if heading[i]:
            kept[i] = following
        following = not heading[i]
    return kept


def _deepest(s: Signals, best: Bools) -> int:
    import numpy as np

    nodes = np.flatnonzero(best)
    return int(nodes[np.argmax(s.depth[nodes])])
