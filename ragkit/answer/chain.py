"""Choosing sentences that answer together, in general: no knowledge of relations, only of words and meaning.

Each sentence is scored by the question's words it holds, its page's title counted in, weighed by their rarity in the
evidence, and by the similarity of its meaning. A beam then joins sentences that lead on from one another (one names
what the other's page is about), as long as each adds words of the question that the chain still lacks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.answer.evidence import Evidence, Sentence
from ragkit.answer.names import fold, places_of
from ragkit.answer.question import Question
from ragkit.answer.support import joined
from ragkit.answer.words import stem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.components import Embedder

_BEAM = 6
_LONGEST = 3
# What a further sentence must add to the score of a chain to be worth reading.
_COST = 0.10
_LINK = 0.08
_LEAST_WORDS = 4  # shorter ones are mostly scraps of a wrong split


@dataclass(frozen=True, slots=True)
class Scores:
    """Of each sentence: `words` its share of the question's words of substance, `meaning` its cosine with the question.

    `held` are the stems of the question it holds itself or in its page's title; `weight` is what each stem counts.
    """

    total: tuple[float, ...]
    words: tuple[float, ...]
    meaning: tuple[float, ...]
    held: tuple[frozenset[str], ...]
    weight: dict[str, float]


@dataclass(frozen=True, slots=True)
class Chain:
    """Sentences in the order they lead on, the score, and the share of the question's words they hold together."""

    sentences: tuple[Sentence, ...]
    score: float
    coverage: float
    meaning: float


def score(question: Question, evidence: Evidence, embedder: Embedder | None, *, embed_most: int) -> Scores:
    """Score every sentence; only the `embed_most` lexically best are embedded, so that long hits cost no more."""
    stems = {stem(word) for word in question.words}
    titles = [frozenset(stem(word) for word in fold(page.title)) for page in evidence.pages]
    own = [frozenset(stem(word) for word in words) for words in evidence.folded]
    held = [stems & (own[s.number] | titles[s.page]) for s in evidence.sentences]
    count = len(evidence.sentences)
    frequency = {word: sum(1 for words in held if word in words) for word in stems}
    weight = {word: math.log(1 + (count + 1) / (1 + frequency[word])) for word in stems}
    every = sum(weight.values()) or 1.0
    words = [sum(weight[word] for word in sorted(found)) / every for found in held]
    meaning = _meaning(question, evidence, embedder, words, embed_most)
    mix = 0.5 if embedder is not None else 0.0
    total = []
    for sentence in evidence.sentences:
        rank = evidence.pages[sentence.page].rank
        value = (1 - mix) * words[sentence.number] + mix * meaning[sentence.number] + 0.05 / (1 + rank)
        total.append(value if len(evidence.folded[sentence.number]) >= _LEAST_WORDS else 0.3 * value)
    return Scores(tuple(total), tuple(words), tuple(meaning), tuple(map(frozenset, held)), weight)


def _meaning(
    question: Question, evidence: Evidence, embedder: Embedder | None, words: Sequence[float], most: int
) -> list[float]:
    if embedder is None:
        return [0.0] * len(words)

    order = sorted(range(len(words)), key=lambda number: (-words[number], number))[:most]
    texts = [_with_title(evidence, evidence.sentences[number]) for number in order]
    asked: NDArray[np.float32] = embedder.embed([question.text], query=True)
    vectors: NDArray[np.float32] = embedder.embed(texts)
    meaning = [0.0] * len(words)
    for number, value in zip(order, (vectors @ asked[0]).tolist(), strict=True):
        meaning[number] = max(0.0, float(value))
    return meaning


def _with_title(evidence: Evidence, sentence: Sentence) -> str:
    title = evidence.pages[sentence.page].title
    return sentence.text if not title or sentence.text.startswith(title) else f"{title}: {sentence.text}"


def best_chain(
    question: Question, evidence: Evidence, scores: Scores, fits: Callable[[Sentence], float]
) -> Chain | None:
    """The best chain of one to three sentences; `fits` adds what a sentence is worth by the kind of answer it holds."""
    order = sorted(evidence.sentences, key=lambda s: (-scores.total[s.number], s.number))
    if not order:
        return None
    linked = _links(evidence)
    starts = order[:_BEAM]
    beam = [_chain((sentence,), scores, fits, linked) for sentence in starts]
    best = max(beam, key=_key)
    for _ in range(_LONGEST - 1):
        longer = [
            _chain((*chain.sentences, sentence), scores, fits, linked)
            for chain in beam
            for sentence in order[:40]
            if sentence not in chain.sentences
        ]
        if not longer:
            break
        beam = sorted(longer, key=_key, reverse=True)[:_BEAM]
        best = max(best, beam[0], key=_key)
    return best


def held_together(chain: Chain, question: Question, evidence: Evidence, scores: Scores) -> Chain:
    """The part of a chain whose sentences belong together and hold most of the question; the others prove nothing."""
    groups = joined(chain.sentences, evidence)
    if len(groups) == 1:
        return chain

    def part(group: Sequence[Sentence]) -> Chain:
        return _chain(tuple(group), scores, lambda _: 0.0, lambda _, __: False)

    return max((part(group) for group in groups), key=lambda found: (found.coverage, found.meaning))


def _key(chain: Chain) -> tuple[float, list[int]]:
    return chain.score, [-sentence.number for sentence in chain.sentences]


def _chain(
    sentences: tuple[Sentence, ...],
    scores: Scores,
    fits: Callable[[Sentence], float],
    linked: Callable[[Sentence, Sentence], bool],
) -> Chain:
    held = frozenset().union(*(scores.held[sentence.number] for sentence in sentences))
    every = sum(scores.weight.values()) or 1.0
    coverage = sum(scores.weight[word] for word in sorted(held)) / every
    meaning = max(scores.meaning[sentence.number] for sentence in sentences)
    mean = sum(scores.total[sentence.number] for sentence in sentences) / len(sentences)
    links = sum(1 for a, b in zip(sentences, sentences[1:], strict=False) if linked(a, b))
    total = coverage + mean + _LINK * links + max(map(fits, sentences)) - _COST * (len(sentences) - 1)
    return Chain(sentences, total, coverage, meaning)


def _links(evidence: Evidence) -> Callable[[Sentence, Sentence], bool]:
    """Whether one sentence names what the other's page is about."""
    known: dict[tuple[int, int], bool] = {}

    def names(sentence: Sentence, page: int) -> bool:
        key = (sentence.number, page)
        if key not in known:
            words = evidence.folded[sentence.number]
            known[key] = any(places_of(name, words) for name in evidence.pages[page].names)
        return known[key]

    def linked(left: Sentence, right: Sentence) -> bool:
        return left.page != right.page and (names(left, right.page) or names(right, left.page))

    return linked
