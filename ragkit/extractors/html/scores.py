"""How well an extraction agrees with a hand-made one: shingles, words, snippets, segments.

    score = shingle_f1([(extracted, gold), …])    # precision, recall, f1, accuracy, empty
    word_f1(extracted, gold)                      # 0..1 for one page
    snippets(extracted, required, forbidden)      # shares present
    segment_prf(chosen, gold), token_f1(…), recall_at_budget(…)

Sources: `shingle_f1` is the measure of the article-extraction-benchmark (Zyte, 2020), `word_f1` that of WCXB (Foley,
2026).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w+")
_SPACE = re.compile(r"\s+")
SHINGLE = 4  # words in a shingle


@dataclass(frozen=True)
class Prf:
    """Precision, recall and their harmonic mean, each 0..1."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class ShingleScore(Prf):
    """Averages over pages; `accuracy` is the share of identical pages, `empty` the number of empty answers."""

    accuracy: float
    empty: int
    pages: int


def words(text: str) -> list[str]:
    r"""The words of a text in order, as `\w+` finds them, case kept."""
    return _WORD.findall(text)


def shingle_counts(extracted: str, gold: str) -> tuple[float, float, float]:
    """Right, wrong and missing shingles of one page, divided by their sum; three zeros when both texts are empty."""
    found, wanted = _shingles(words(extracted)), _shingles(words(gold))
    hit = sum((found & wanted).values())
    extra, missed = sum(found.values()) - hit, sum(wanted.values()) - hit
    total = hit + extra + missed
    return (hit / total, extra / total, missed / total) if total else (0.0, 0.0, 0.0)


def shingle_f1(pairs: Iterable[tuple[str, str]]) -> ShingleScore:
    """The score of (extracted, gold) texts, one pair a page.

    Precision is averaged over the pages where anything was extracted, recall over those with anything to extract, and
    F1 is the harmonic mean of these two averages, not the mean of the pages' F1. An empty answer therefore leaves the
    precision untouched: read `empty` beside it.
    """
    return pooled_shingles([(shingle_counts(extracted, gold), extracted, gold) for extracted, gold in pairs])


def pooled_shingles(pages: Sequence[tuple[tuple[float, float, float], str, str]]) -> ShingleScore:
    """The score from counts already made; each page is (counts, extracted, gold)."""
    precisions = [hit / (hit + extra) for (hit, extra, _), _, _ in pages if hit + extra > 0]
    recalls = [hit / (hit + missed) for (hit, _, missed), _, _ in pages if hit + missed > 0]
    precision, recall = _mean(precisions), _mean(recalls)
    same = _mean([float(words(extracted) == words(gold)) for _, extracted, gold in pages])
    empty = sum(not words(extracted) for _, extracted, _ in pages)
    return ShingleScore(precision, recall, _harmonic(precision, recall), same, empty, len(pages))


def word_f1(extracted: str, gold: str) -> float:
    """F1 of the two multisets of lower-cased words; 1 when both are empty."""
    return word_prf(extracted, gold).f1


def word_prf(extracted: str, gold: str) -> Prf:
    """Precision, recall and F1 of the two multisets of lower-cased words; all 1 when both are empty."""
    return _multiset_prf(Counter(words(extracted.lower())), Counter(words(gold.lower())))


def snippets(extracted: str, required: Sequence[str], forbidden: Sequence[str]) -> tuple[float, float]:
    """Share of the required snippets that are present, and of the forbidden ones; white space does not count.

    With none required the first is 1, with none forbidden the second 0.
    """
    text = _squeezed(extracted)
    present = [_squeezed(snippet) in text for snippet in required]
    wrong = [_squeezed(snippet) in text for snippet in forbidden]
    return (_mean(present) if present else 1.0, _mean(wrong) if wrong else 0.0)


def segment_prf(chosen: Collection[int], gold: Collection[int]) -> Prf:
    """Precision, recall and F1 of a set of segment indices; all 1 when both are empty."""
    return _multiset_prf(Counter(set(chosen)), Counter(set(gold)))


def token_f1(chosen: Collection[int], gold: Collection[int], texts: Mapping[int, str]) -> float:
    """F1 of the multisets of words of the chosen and the gold segments; `texts` maps an index to its text."""
    return token_prf(chosen, gold, texts).f1


def token_prf(chosen: Collection[int], gold: Collection[int], texts: Mapping[int, str]) -> Prf:
    """Precision, recall and F1 of the multisets of words of the chosen and the gold segments."""
    return _multiset_prf(_bag(chosen, texts), _bag(gold, texts))


def recall_at_budget(ranked: Sequence[int], gold: Collection[int], texts: Mapping[int, str], budget: int) -> float:
    """Share of the gold segments' words inside the first segments of a ranking that fit `budget` words; 1 with no gold.

    The segment that would pass the budget is cut at it.
    """
    if budget < 0:
        raise ValueError(f"a budget is a number of words, at least 0, not {budget}")
    wanted, seen, left = _bag(gold, texts), Counter[str](), budget
    if not wanted:
        return 1.0
    for index in dict.fromkeys(ranked):
        taken = words(texts[index].lower())[:left]
        seen.update(taken)
        left -= len(taken)
        if left <= 0:
            break
    return sum((seen & wanted).values()) / sum(wanted.values())


def _shingles(tokens: Sequence[str]) -> Counter[tuple[str, ...]]:
    # A text shorter than a shingle is one shingle of what there is; no text has none.
    if not tokens:
        return Counter()
    starts = range(max(1, len(tokens) - SHINGLE + 1))
    return Counter(tuple(tokens[start : start + SHINGLE]) for start in starts)


def _bag(indices: Collection[int], texts: Mapping[int, str]) -> Counter[str]:
    return Counter(word for index in sorted(set(indices)) for word in words(texts[index].lower()))


def _multiset_prf(found: Counter[str] | Counter[int], wanted: Counter[str] | Counter[int]) -> Prf:
    if not found and not wanted:
        return Prf(1.0, 1.0, 1.0)
    hit = sum((found & wanted).values())  # type: ignore[operator]
    precision = hit / sum(found.values()) if found else 0.0
    recall = hit / sum(wanted.values()) if wanted else 0.0
    return Prf(precision, recall, _harmonic(precision, recall))


def _harmonic(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _squeezed(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
