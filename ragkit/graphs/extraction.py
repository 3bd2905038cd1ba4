"""Chunks to passage records: sentences that carry their head, the entities each mentions, the words each uses.

One extraction serves every graph of a pipeline: records are remembered for the chunks of the batch at hand.
"""

from __future__ import annotations

import functools
import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.graphs.rows import PassageRecord
from ragkit.text.entities import Mention, entity_key, extract, heads, plain_title, subject
from ragkit.text.heads import indexed_text
from ragkit.text.recogniser import PACKAGED, recognise
from ragkit.text.sentences import sentence_spans
from ragkit.text.tokens import words
from ragkit.types import Chunk

SHORTEST = 3  # words; a shorter sentence joins its neighbour
REMEMBERED = 2048  # chunks whose extraction is kept: more than a batch of the build lane has


@dataclass(frozen=True, slots=True)
class Extracted:
    """What the rules and the recogniser found in one chunk, before any graph makes its records of it.

    `head` is what the chunk is about, `body` where its text goes on after that head; `mentions` come in order of place
    with their keys, `homes` are the keys of the head, `spans` the sentences, both as offsets into the chunk's text.
    """

    head: str
    body: int
    mentions: tuple[tuple[Mention, str], ...]
    homes: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


def extracted(chunks: Sequence[Chunk], *, ner: str = PACKAGED, sources: Sequence[str]) -> list[Extracted]:
    """What each chunk holds, in order; the recogniser reads a chunk once, however many graphs ask.

    `ner` names the spaCy model ("" for rules alone), `sources` the kinds of mentions kept (see `ragkit.text.entities`).
    """
    keys = [_Key(chunk.text, chunk.head, _opens(chunk), ner, tuple(sources)) for chunk in chunks]
    found = _memory.known(keys)
    new = list(dict.fromkeys(key for key in keys if key not in found))
    texts = [key.text for key in new]
    names = list(recognise(texts, ner)) if ner and "ner" in sources else [[] for _ in texts]
    for key, spans in zip(new, names, strict=True):
        found[key] = _extracted(key, spans)
    _memory.keep(found)
    return [found[key] for key in keys]


@dataclass(frozen=True, slots=True)
class _Key:
    """All that an extraction depends on."""

    text: str
    head: str
    opens: bool
    ner: str
    sources: tuple[str, ...]


class _Memory:
    """The latest extractions; threads take turns."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, Extracted] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, keys: Sequence[_Key]) -> dict[_Key, Extracted]:
        with self._lock:
            return {key: self._kept[key] for key in keys if key in self._kept}

    def keep(self, found: dict[_Key, Extracted]) -> None:
        with self._lock:
            for key, one in found.items():
                self._kept[key] = one
                self._kept.move_to_end(key)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)


_memory = _Memory()


def _extracted(key: _Key, ner: Sequence[tuple[int, int, str]]) -> Extracted:
    text, sources = key.text, frozenset(key.sources)
    head = key.head.strip() or (subject(text) if key.opens and "aliases" in sources else "")
    body = _after_head(text, head) if "title" in sources else 0  # else the title is text like any other
    mentions = tuple(
        (mention, name)
        for mention in extract(text, title=head, ner=ner, sources=sources)
        if mention.start >= body and (name := entity_key(mention.surface))
    )
    homes = tuple(heads(head, text[body:] if key.opens else "", sources=sources)) if head else ()
    spans = _merged(text, [(body + start, body + end) for start, end in sentence_spans(text[body:])])
    return Extracted(head, body, mentions, homes, tuple(spans))


def records(
    chunks: Sequence[Chunk],
    *,
    ner: str = PACKAGED,
    sources: Sequence[str],
    titled: bool = True,
) -> list[PassageRecord]:
    """The record of each chunk, in order; see `extracted`.

    With `titled` each sentence carries the chunk's head, unless it names it.
    """
    found = extracted(chunks, ner=ner, sources=sources)
    return [_record(chunk, one, titled) for chunk, one in zip(chunks, found, strict=True)]


def _record(chunk: Chunk, found: Extracted, titled: bool) -> PassageRecord:
    carried = plain_title(found.head) if titled else ""
    texts = [with_head(carried, " ".join(chunk.text[start:end].split())) for start, end in found.spans]
    keys = keys_of(found.spans, found.mentions, found.homes)
    return passage_record(chunk, found, texts, [tuple(dict.fromkeys(own)) for own in keys])


def passage_record(
    chunk: Chunk, found: Extracted, texts: Sequence[str], keys: Sequence[tuple[str, ...]]
) -> PassageRecord:
    """The record of a chunk whose sentences have these texts and mention these keys."""
    counts: Counter[str] = Counter(found.homes)
    counts.update(key for _, key in found.mentions)
    return PassageRecord(
        passage=indexed_text(chunk),
        sentences=tuple(texts),
        keys=tuple(keys),
        words=tuple(tuple(dict.fromkeys(words(text))) for text in texts),
        mentions={key: counts[key] for key in sorted(counts)},
        homes=found.homes,
        surfaces=_surfaces(found.mentions, found.homes, found.head),
    )


def keys_of(
    spans: Sequence[tuple[int, int]], mentions: Sequence[tuple[Mention, str]], homes: Sequence[str]
) -> list[list[str]]:
    """For each span its homes and then the key of every mention that begins in it; spans and mentions are in order."""
    keys = [list(homes) for _ in spans]
    place = 0
    for mention, key in mentions:
        while place < len(spans) and spans[place][1] <= mention.start:
            place += 1
        if place < len(spans) and spans[place][0] <= mention.start:
            keys[place].append(key)
    return keys


def _opens(chunk: Chunk) -> bool:
    """Whether the chunk begins its document, where the subject's other names stand."""
    return chunk.start == 0


def _after_head(text: str, head: str) -> int:
    """Where the text goes on after its head, when it begins with it on a line of its own."""
    line, _, rest = text.partition("\n")
    return len(line) + 1 if head and rest.strip() and line.strip("#=*_ \t") == head else 0


def _merged(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sentences of fewer than three words joined to the one before, else to the one after."""
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        short = len(words(text[start:end])) < SHORTEST
        if merged and (short or len(words(text[merged[-1][0] : merged[-1][1]])) < SHORTEST):
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def with_head(head: str, sentence: str) -> str:
    """The sentence after its head and a colon, unless it names the head already."""
    key, own = _folded(head), " ".join(words(sentence))
    return sentence if not key or f" {key} " in f" {own} " else f"{head}: {sentence}"


@functools.lru_cache(maxsize=256)
def _folded(head: str) -> str:
    return " ".join(words(head))


def _surfaces(mentions: Sequence[tuple[Mention, str]], homes: tuple[str, ...], head: str) -> dict[str, str]:
    """How each key is written: the most frequent surface, ties by the smaller string."""
    written: dict[str, Counter[str]] = {}
    for mention, key in mentions:
        written.setdefault(key, Counter())[mention.surface] += 1
    for key in homes:
        if entity_key(head) == key:
            written[key] = Counter([head])
    return {key: min(counts, key=lambda surface: (-counts[surface], surface)) for key, counts in written.items()}
