"""What the trained predictor reads of a segment: itself, its place, its containers, its likes, its neighbours.

    first = first_features(page)
    first.matrix          # (segments, features) float32, in the order of first_names()

All columns are filled from whole arrays. Model files remember a hash of the columns' names. The second stage reads
these and what the first said: `secondstage.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from ragkit.extractors.html.columns import Table, log, rate, share_before, shifted, window
from ragkit.extractors.html.heuristic import Found, heuristic
from ragkit.extractors.html.lexicon import MARKS, TAG_NUMBER, WORD_NAMES
from ragkit.extractors.html.signals import DIGIT, FAR, KINDS, PUNCT, STOP, UPPER, WORD, Signals, signals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.signals import Ints
    from ragkit.extractors.html.types import Page

LEVELS = (0, 1, 2, 3, 5)  # containers around a segment that are described, wrappers not counted
SHARES = (0.4, 0.6, 0.8)  # of a page's running text, whose lowest container is looked for
ASIDE = (1, 2, 3)  # neighbours described on each side
WINDOWS = (1, 2, 4, 6)
AROUND = (0, 1, 2, 3, 4, 6)  # containers over which the first answer is averaged
UNDER = ("share", "subscribe", "comment", "copyright", "read", "related", "cart", "category", "photo")
SAYS = ("share", "comment", "login", "read", "related", "posted", "ago", "cart", "category")  # counted in containers
_UNDER, _SAYS = [WORD_NAMES.index(name) for name in UNDER], [WORD_NAMES.index(name) for name in SAYS]


@dataclass(frozen=True)
class First:
    """The features of the first stage and what the second needs again."""

    signals: Signals
    found: Found
    table: Table
    containers: Ints  # (deepest level + 1, segments): the containers around each

    @cached_property
    def matrix(self) -> NDArray[np.float32]:
        """(segments, `first_names`)."""
        return self.table.matrix()


def first_features(page: Page) -> First:
    """The features of the first stage."""
    s = signals(page)
    found = heuristic(s)
    table = Table(s.n)
    containers = _containers(s)
    _own(table, s)
    _place(table, s, found)
    _page(table, s, page)
    _ancestors(table, s)
    _around(table, s, found, containers)
    _regions(table, s, found)
    _likes(table, s, found)
    _neighbours(table, s, found)
    return First(s, found, table, containers)


@cache
def first_names() -> tuple[str, ...]:
    """The names of the first stage's features."""
    return tuple(first_features(blank()).table.names)


@cache
def page_names() -> tuple[str, ...]:
    """The names of those of the first stage's features that are the same for all segments of a page."""
    return tuple(name for name in first_names() if name.startswith(("page:", "heuristic:words")))


def page_features(first: First) -> NDArray[np.float32]:
    """(1, `page_names`): what is the same for all segments of a page; no row for a page without segments."""
    columns = [first_names().index(name) for name in page_names()]
    return first.matrix[:1, columns]


def blank() -> Page:
    """A page of nothing, which has all columns."""
    from ragkit.extractors.html.types import Page

    return Page("", ())


def _own(table: Table, s: Signals) -> None:
    """The segment's own text."""
    import numpy as np

    table.add("words", log(s.words))
    table.add("chars", log(s.chars))
    table.add("link_words", log(s.link_words))
    table.add("link_density", rate(s.link_words, s.words))
    table.add("word_length", rate(s.letters, s.words))
    for name in ("letters", "digits", "symbols", "unspaced"):
        table.add(f"{name}/char", rate(getattr(s, name), s.chars))
    table.add("upper/letter", rate(s.upper, s.letters))
    for name in ("capitals", "stops", "commas", "puncts", "common", "titled", "rare"):
        table.add(f"{name}/word", rate(getattr(s, name), s.words))
    for name in ("stops", "commas", "symbols", "years", "common"):
        table.add(name, getattr(s, name))
    table.add("titled/title", s.titled / max(1, s.title_words))
    for name, bit in (("stop", STOP), ("word", WORD), ("digit", DIGIT), ("punct", PUNCT)):
        table.add(f"ends:{name}", (s.ends & bit) > 0)
    for name, bit in (("upper", UPPER), ("digit", DIGIT), ("word", WORD)):
        table.add(f"begins:{name}", (s.begins & bit) > 0)
    table.block([f"says:{name}" for name in WORD_NAMES], rate(s.lexical.T, s.words[None, :]))
    for name in ("level", "depth_section", "repeats"):
        table.add(name, getattr(s, name))
    table.add("media", log(s.media))
    table.add("controls", log(s.controls))
    table.add("duplicate", s.duplicate)
    table.add("collapsed", s.collapsed)
    table.block([f"kind:{name}" for name in KINDS], s.kind[None, :] == np.arange(len(KINDS))[:, None])


def _place(table: Table, s: Signals, found: Found) -> None:
    """Where on the page: of all, of the running text, from the first main heading, from the longest paragraph."""
    import numpy as np

    n, place = s.n, np.arange(s.n)
    running = s.words * found.running
    table.add("place", place / max(1, n))
    table.add("from_start", log(place))
    table.add("from_end", log(n - 1 - place))
    table.add("words_before", share_before(s.words))
    table.add("running_before", share_before(running))
    top = np.flatnonzero((s.kind == 0) & (s.level == 1))
    titled = np.flatnonzero((s.titled >= 0.5 * max(1, s.title_words)) & (s.words <= 2 * s.title_words + 4))
    for name, at in (("h1", top), ("titled", titled)):
        distance = place - (at[0] if len(at) else 0)
        table.add(f"from_{name}", np.sign(distance) * log(np.abs(distance)))
    longest = int(np.argmax(running)) if n else 0
    table.add("from_longest", np.sign(place - longest) * log(np.abs(place - longest)))
    heading = s.kind == 0
    last = np.maximum.accumulate(np.where(heading, place, -1)) if n else place
    following = np.minimum.accumulate(np.where(heading, place, n)[::-1])[::-1] if n else place
    table.add("from_heading", log(place - last))
    table.add("to_heading", log(following - place))
    total = np.concatenate(([0.0], np.cumsum(running)))
    table.add("section_running", log(total[following] - total[np.maximum(last, 0)]))
    _heading(table, s, last)
    after = np.concatenate((following[1:], [n]))[:n]
    table.add("next_running", log(total[after] - total[np.minimum(place + 1, n)]))


def _heading(table: Table, s: Signals, last: Ints) -> None:
    """What the nearest heading before says."""
    under, at = last >= 0, last.clip(0)
    table.block([f"under:{name}" for name in UNDER], s.lexical[:, _UNDER][at].T * under)
    for name, values in (("words", log(s.words)), ("titled", s.titled), ("level", s.level), ("links", s.link_words)):
        table.add(f"under:{name}", values[at] * under)


def _page(table: Table, s: Signals, page: Page) -> None:
    """What is the same for all segments of a page."""
    import numpy as np

    words = float(s.words.sum())
    running = float(s.words[s.paragraph].sum())
    near = s.near[s.node] if s.n else np.full((1, s.near.shape[1]), FAR)
    table.page("page:segments", float(np.log1p(s.n)))
    table.page("page:words", float(np.log1p(words)))
    table.page("page:running", running / max(1.0, words))
    table.page("page:running_words", float(np.log1p(running)))
    table.page("page:links", float(s.link_words.sum()) / max(1.0, words))
    table.page("page:longest", float(np.log1p(s.words[s.paragraph].max(initial=0.0))))
    table.page("page:media", float(s.media.sum()) / max(1, s.n))
    table.page("page:controls", float(s.controls.sum()) / max(1, s.n))
    for kind in ("heading", "list_item", "table_row", "code", "definition"):
        table.page(f"page:{kind}", float((s.kind == KINDS.index(kind)).mean()) if s.n else 0.0)
    for name in ("symbols", "digits", "years", "stops"):
        table.page(f"page:{name}", float(getattr(s, name).sum()) / max(1.0, words))
    for group in ("comment", "cart", "posted", "ago"):
        at = WORD_NAMES.index(group)
        table.page(f"page:says:{group}", float(s.lexical[:, at].sum()) / max(1.0, words))
    for mark in (
        "forum",
        "product",
        "price",
        "comment",
        "article",
        "<article>",
        "<main>",
        "doc",
        "reply",
        "user",
        "card",
    ):
        inside = near[:, MARKS.index(mark)] < FAR
        table.page(f"page:in:{mark}", float((s.words * inside[: s.n]).sum()) / max(1.0, words))
    table.page("page:dated", float("date" in page.metadata))
    table.page("page:signed", float("author" in page.metadata))


def _ancestors(table: Table, s: Signals) -> None:
    """The tag of the owner, and how far up each class word and landmark is."""
    import numpy as np

    for name in ("div", "p", "li", "td", "h1", "h2", "h3", "h4", "section", "article"):
        table.add(f"tag:{name}", s.tag[s.node] == TAG_NUMBER[name])
    table.block([f"near:{name}" for name in MARKS], np.minimum(s.near, 16)[s.node].T)
    table.add("depth", s.depth[s.node])


def _containers(s: Signals) -> Ints:
    import numpy as np

    levels = [s.node]
    for _ in range(max(*LEVELS, *AROUND)):
        levels.append(s.up[levels[-1]])
    return np.stack(levels)


def _around(table: Table, s: Signals, found: Found, containers: Ints) -> None:
    """The containers at `LEVELS`."""
    import numpy as np

    words, links = s.below(s.words), s.below(s.link_words)
    running, paragraphs = s.below(s.words * found.running), s.below(found.running * 1.0)
    count = (s.last - s.first).astype(np.float64)
    headings = s.below((s.kind == 0) * 1.0)
    stats = np.stack(
        [
            log(words),
            rate(links, words),
            rate(running, words),
            running / max(1.0, float(running[0])),
            words / max(1.0, float(words[0])),
            log(count),
            words / np.maximum(1.0, count),
            paragraphs / np.maximum(1.0, count),
            headings / np.maximum(1.0, count),
            s.below(s.media) / np.maximum(1.0, count),
            s.below(s.controls) / np.maximum(1.0, count),
            rate(s.below(s.commas), words),
            rate(s.below(s.stops), words),
            rate(s.below(s.capitals), words),
            rate(s.below(s.common), words),
        ]
    ).astype(np.float32)
    said = np.stack([rate(s.below(s.lexical[:, word]), words) for word in _SAYS]).astype(np.float32)
    place = np.arange(s.n)
    for level in LEVELS:
        at = containers[level]
        if level in (1, 2):
            table.block([f"says:{name}@{level}" for name in SAYS], said[:, at])
        table.block([f"{name}@{level}" for name in _AROUND], stats[:, at])
        table.add(f"inside@{level}", (place - s.first[at]) / np.maximum(1, s.last[at] - s.first[at]))
        table.add(f"children@{level}", log(s.children[at]))


_AROUND = (
    "words", "links", "running", "share", "of_page", "count", "mean", "paragraphs", "headings", "media", "controls",
    "commas", "stops", "capitals", "common",
)  # fmt: skip


def _regions(table: Table, s: Signals, found: Found) -> None:
    """How far from the containers that hold most of the running text."""
    import numpy as np

    running = s.below(s.words * found.running)
    total = float(running[0])
    for name, share in (("best", None), *((f"{share}", share) for share in SHARES)):
        if share is None:
            target = found.container
        else:
            holding = np.flatnonzero(running >= share * max(total, 1.0))
            target = int(holding[np.argmax(s.depth[holding])]) if len(holding) else 0
        path = [target]
        while path[-1]:
            path.append(int(s.parent[path[-1]]))
        steps = _steps(s, path)[s.node]
        table.add(f"{name}:up", np.minimum(steps, 16))
        table.add(f"{name}:down", s.depth[target] - (s.depth[s.node] - steps))
        place = np.arange(s.n)
        first, last = int(s.first[target]), int(s.last[target])
        table.add(f"{name}:at", np.clip((place - first) / max(1, last - first), -1.0, 2.0))
    table.add("heuristic", found.chosen)
    table.add("heuristic:near", window(found.chosen * 1.0, np.ones(s.n), 3))
    table.page("heuristic:words", float(np.log1p(s.words[found.chosen].sum())))
    table.add("running", found.running)


def _steps(s: Signals, path: Sequence[int]) -> Ints:
    """For each node the steps up to the first one on a path from the root."""
    import numpy as np

    on = np.zeros(s.m, dtype=bool)
    on[list(path)] = True
    steps = np.zeros(s.m, dtype=np.int64)
    for nodes in s.by_depth[1:]:
        steps[nodes] = np.where(on[nodes], 0, steps[s.parent[nodes]] + 1)
    return steps


def _likes(table: Table, s: Signals, found: Found) -> None:
    """The segments whose last three steps have the same tags and classes, and those whose last step has."""
    _group(table, "likes", s.template[s.node], s, found)
    _group(table, "kin", s.kin[s.node], s, found)


def _group(table: Table, name: str, group: Ints, s: Signals, found: Found) -> None:
    import numpy as np

    size = int(group.max(initial=-1)) + 1
    count, words, links, running, squares, stops = (
        np.bincount(group, weights, size).astype(np.float64)
        for weights in (np.ones(s.n), s.words, s.link_words, s.words * found.running, s.words**2, s.stops)
    )
    mean = words / np.maximum(count, 1)
    spread = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0))
    stats = [log(count), log(mean), log(spread), rate(links, words), rate(running, words), rate(stops, words)]
    stats.append(words / max(1.0, float(words.sum())))
    table.block([f"{name}:{one}" for one in _GROUP], np.stack(stats)[:, group])


_GROUP = ("count", "mean", "spread", "links", "running", "stops", "of_page")


def _neighbours(table: Table, s: Signals, found: Found) -> None:
    """The segments before and after."""
    import numpy as np

    template = s.template[s.node]
    own = np.stack(
        [
            log(s.words),
            rate(s.link_words, s.words),
            rate(s.stops, s.words),
            rate(s.common, s.words),
            found.running,
            s.kind,
        ]
    ).astype(np.float32)
    for step in ASIDE:
        used = len(own) if step == 1 else 4
        for sign, name in ((-1, f"-{step}"), (1, f"+{step}")):
            table.block([f"{one}{name}" for one in _NEIGHBOUR[:used]], shifted(own[:used], sign * step, -1.0))
            table.add(f"like{name}", template == shifted(template[None, :], sign * step, -1)[0])
    for width in WINDOWS:
        table.add(f"running~{width}", window(found.running * 1.0, s.words, width))
        table.add(f"links~{width}", window(rate(s.link_words, s.words), s.words, width))
        table.add(f"words~{width}", log(window(s.words, np.ones(s.n), width)))


_NEIGHBOUR = ("words", "links", "stops", "common", "running", "kind")
