r"""What can be counted on a page, as arrays: of its characters, its words, its segments, and the elements around them.

Everything is computed once for a page, on whole arrays; a page of some hundred segments takes about as long as its
parsing. A word is a maximal run of `\w` characters, known here by a hash of its lower-cased characters.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ragkit.extractors.html import lexicon

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.types import Page

    Ints = NDArray[np.integer[Any]]
    Floats = NDArray[np.floating[Any]]
    Bools = NDArray[np.bool_]

KINDS = (
    "heading", "paragraph", "list_item", "table_row", "table_cell", "code", "quote", "caption", "term", "definition",
    "summary", "embedded", "other",
)  # fmt: skip
WORD, UPPER, DIGIT, STOP, COMMA, PUNCT, SYMBOL, UNSPACED = (1 << bit for bit in range(8))
COMMON = 30  # of a page's short words, how many count as its stop words
SHORT = 4  # letters of a short word
RUNNING = 8  # words from which a segment is taken for running text when stop words are counted
PARAGRAPH = 10  # words from which a segment with few links is like a paragraph
FAR = 32  # steps to an ancestor that is not there
LINKED = 0.3  # share of words in links from which it is not
_BASE = 0x9E3779B97F4A7C15
_LONGEST = 64  # characters of a word that tell in its hash


@dataclass(frozen=True)
class Signals:
    """The arrays. `n` segments, `m` elements ("nodes"; at least one, the root, which holds all)."""

    n: int
    m: int
    # segments
    words: Floats
    link_words: Floats
    chars: Floats
    letters: Floats
    upper: Floats
    digits: Floats
    stops: Floats
    commas: Floats
    puncts: Floats
    symbols: Floats
    unspaced: Floats
    capitals: Floats
    common: Floats
    titled: Floats
    years: Floats
    rare: Floats
    lexical: Floats
    ends: Ints
    begins: Ints
    kind: Ints
    level: Ints
    depth_section: Ints
    repeats: Ints
    media: Floats
    controls: Floats
    usable: Bools
    duplicate: Bools
    collapsed: Bools
    paragraph: Bools
    node: Ints
    # nodes
    parent: Ints
    up: Ints
    depth: Ints
    first: Ints
    last: Ints
    children: Ints
    tag: Ints
    near: NDArray[np.uint8]
    template: Ints
    kin: Ints
    by_depth: tuple[Ints, ...]
    # page
    title_words: int
    text_chars: int

    def below(self, values: Floats) -> Floats:
        """For each node the sum of a value over the segments it holds."""
        import numpy as np

        total = np.concatenate(([0.0], np.cumsum(values)))
        result: Floats = total[self.last] - total[self.first]
        return result


def signals(page: Page) -> Signals:
    """Count a page."""
    import numpy as np

    layout, n = page.layout, len(page.segments)
    starts = np.fromiter((segment.start for segment in page.segments), np.int64, n)
    stops = np.fromiter((segment.end for segment in page.segments), np.int64, n)
    words = np.array(layout.words, dtype=np.float64)
    link_words = np.array(layout.link_words, dtype=np.float64)
    texts = [segment.text for segment in page.segments]
    seen = Counter(texts)
    flags = [segment.flags for segment in page.segments]
    kinds = {kind: number for number, kind in enumerate(KINDS)}
    return Signals(
        n=n,
        words=words,
        link_words=link_words,
        kind=np.fromiter((kinds[segment.kind] for segment in page.segments), np.int64, n),
        level=np.fromiter((segment.level for segment in page.segments), np.int64, n),
        depth_section=np.fromiter((len(segment.section) for segment in page.segments), np.int64, n),
        repeats=np.fromiter((seen[text] for text in texts), np.int64, n),
        media=np.array(layout.media, dtype=np.float64),
        controls=np.array(layout.controls, dtype=np.float64),
        usable=np.array(layout.usable, dtype=bool),
        duplicate=np.fromiter(("duplicate" in one for one in flags), bool, n),
        collapsed=np.fromiter(("collapsed" in one for one in flags), bool, n),
        paragraph=(words >= PARAGRAPH) & (link_words < LINKED * words),
        **_characters(page, starts, stops, words),
        **_nodes(page, n),
    )


def _characters(page: Page, starts: Ints, stops: Ints, words: Floats) -> dict[str, Any]:
    """Counts of characters and words for each segment."""
    import numpy as np

    n = len(starts)
    code = _codes(page.text)
    kind = _table()[0].take(code)
    edges = np.concatenate((starts, stops))
    found: dict[str, Any] = {"chars": (stops - starts).astype(np.float64), "text_chars": len(code)}
    for name, bit in _COUNTED:
        total = np.concatenate(([0], np.cumsum((kind & bit) != 0)))
        sums = total[edges]
        found[name] = (sums[n:] - sums[:n]).astype(np.float64)
    found["ends"] = kind[stops - 1].astype(np.int64) if n else np.zeros(0, np.int64)
    found["begins"] = kind[starts].astype(np.int64) if n else np.zeros(0, np.int64)

    first, length, hashed = _words(code, kind)
    owner = np.searchsorted(starts, first, "right") - 1

    def per(chosen: Bools) -> Floats:
        return np.bincount(owner[chosen], minlength=n).astype(np.float64)

    found["capitals"] = per((kind[first] & UPPER) != 0)
    unique, inverse, count = np.unique(hashed, return_inverse=True, return_counts=True)
    found["rare"] = per(count[inverse] == 1)
    running = words[owner] >= RUNNING
    short = running & (length <= SHORT) & ((kind[first] & DIGIT) == 0)
    often = np.bincount(inverse[short], minlength=len(unique))
    top = np.lexsort((unique, -often))[:COMMON]
    stop = np.zeros(len(unique), dtype=bool)
    stop[top[often[top] > 1]] = True
    found["common"] = per(stop[inverse])
    title = np.unique(hash_words(page.title))
    found["title_words"] = len(title)
    found["titled"] = per(np.isin(unique, title)[inverse])
    numeric = (kind[first] & DIGIT != 0) & (length == 4)
    century = np.zeros(len(first), dtype=bool)
    century[numeric] = np.isin(code[first[numeric]] * 256 + code[first[numeric] + 1], _CENTURIES)
    found["years"] = per(century)
    groups = lexicon.word_groups(unique)[inverse]
    told = np.flatnonzero(groups)
    bits, at = groups[told], owner[told]
    found["lexical"] = np.stack(
        [np.bincount(at[(bits >> g) & 1 == 1], minlength=n) for g in range(len(lexicon.WORDS))], axis=1
    ).astype(np.float64)
    return found


_COUNTED = (
    ("letters", WORD), ("upper", UPPER), ("digits", DIGIT), ("stops", STOP), ("commas", COMMA), ("puncts", PUNCT),
    ("symbols", SYMBOL), ("unspaced", UNSPACED),
)  # fmt: skip
_CENTURIES = (ord("1") * 256 + ord("9"), ord("2") * 256 + ord("0"))


def _codes(text: str) -> NDArray[np.int64]:
    """The code points, those beyond the first plane as one that is no word character."""
    import numpy as np

    code = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    return np.minimum(code, 0xFFFF)


def _words(code: Ints, kind: NDArray[np.uint8]) -> tuple[Ints, Ints, NDArray[np.uint64]]:
    """Start, length and hash of each word."""
    import numpy as np

    inside = (kind & WORD) != 0
    edges = np.diff(np.concatenate(([0], inside.view(np.int8), [0])))
    first, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(first):
        return first, first, np.zeros(0, np.uint64)
    length = end - first
    # The place of a character in its word, for word characters in order.
    total = np.cumsum(length)
    place = np.arange(total[-1]) - np.repeat(total - length, length)
    letters = _table()[1].take(code[inside])
    weighted = letters * _powers().take(np.minimum(place, _LONGEST - 1))
    return first, length, np.add.reduceat(weighted, total - length)


def hash_words(text: str) -> NDArray[np.uint64]:
    """The hashes of the words of a text, in order."""
    code = _codes(text)
    return _words(code, _table()[0].take(code))[2]


@cache
def _powers() -> NDArray[np.uint64]:
    import numpy as np

    return np.array([pow(_BASE, k + 1, 2**64) for k in range(_LONGEST)], dtype=np.uint64)


@cache
def _table() -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """For each code point of the first plane its classes and its lower case."""
    import numpy as np

    kind, lower = np.zeros(0x10000, dtype=np.uint8), np.arange(0x10000, dtype=np.uint64)
    for code in range(0x10000):
        char = chr(code)
        group = unicodedata.category(char)
        bits = WORD if char == "_" or char.isalnum() else 0
        if group == "Lu":
            bits |= UPPER
            small = char.lower()
            lower[code] = ord(small) if len(small) == 1 else code
        if group == "Nd":
            bits |= DIGIT
        elif char in ".!?…。！？؟।":
            bits |= STOP
        elif char in ",;:、，；：،":
            bits |= COMMA
        elif group.startswith("P") and char != "_":
            bits |= PUNCT
        elif group.startswith("S"):
            bits |= SYMBOL
        elif 0x0E00 <= code < 0x1000 or 0x1780 <= code < 0x1800 or 0x3040 <= code < 0xA4D0:
            bits |= UNSPACED
        kind[code] = bits
    return kind, lower


def _nodes(page: Page, n: int) -> dict[str, Any]:
    """The elements: a root that holds all is put before them when there is none."""
    import numpy as np

    layout = page.layout
    parent = np.array(layout.parent, dtype=np.int64)
    rooted = len(parent) > 0 and int((parent < 0).sum()) == 1 and layout.first[0] == 0 and layout.last[0] == n
    shift = 0 if rooted else 1
    tags, attributes = ([], []) if rooted else ([""], [("", "", "", "")])
    tags, attributes = tags + layout.tag, attributes + layout.attributes
    parent = np.concatenate((np.full(shift, 0), np.where(parent < 0, 0, parent + shift))).astype(np.int64)
    first = np.concatenate((np.zeros(shift), np.array(layout.first, dtype=np.int64))).astype(np.int64)
    last = np.concatenate((np.full(shift, n), np.array(layout.last, dtype=np.int64))).astype(np.int64)
    m = len(parent)
    depths = [0] * m
    for i, above in enumerate(parent.tolist()):
        depths[i] = depths[above] + 1 if i else 0
    depth = np.array(depths, dtype=np.int64)
    order = np.argsort(depth, kind="stable")
    by_depth = tuple(np.split(order, np.cumsum(np.bincount(depth))[:-1]))
    up = np.zeros(m, dtype=np.int64)
    same = (first == first[parent]) & (last == last[parent])
    for nodes in by_depth[1:]:
        over = parent[nodes]
        up[nodes] = np.where(same[nodes], up[over], over)
    tag = np.array([lexicon.TAG_NUMBER.get(name, 0) for name in tags], dtype=np.int64)
    known: dict[tuple[str, ...], int] = {}
    keys = np.array(
        [known.setdefault((name, *one[:1]), len(known)) for name, one in zip(tags, attributes, strict=True)]
    )
    triple = (keys * len(known) + keys[parent]) * len(known) + keys[parent[parent]]
    node = np.array(layout.node, dtype=np.int64)
    return {
        "m": m,
        "node": np.where(node < 0, 0, node + shift),
        "parent": parent,
        "up": up,
        "depth": depth,
        "first": first,
        "last": last,
        "children": np.bincount(parent, minlength=m),
        "tag": tag,
        "near": _nearest(lexicon.marks(tags, attributes), parent, by_depth),
        "template": np.unique(triple, return_inverse=True)[1].astype(np.int64),
        "kin": keys,
        "by_depth": by_depth,
    }


def _nearest(marks: Bools, parent: Ints, by_depth: tuple[Ints, ...]) -> NDArray[np.uint8]:
    """(nodes, marks): steps from a node to the nearest above, or itself, that carries the mark; `FAR` for none."""
    import numpy as np

    near = np.where(marks, 0, FAR).astype(np.uint8)
    for nodes in by_depth[1:]:
        near[nodes] = np.minimum(near[nodes], np.minimum(near[parent[nodes]], FAR - 1) + 1)
    return near
