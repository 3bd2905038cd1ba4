"""Whether sentences speak of what a question asks: every word of its predicate stands in them, or one much like it.

The topics of a question are left out: a page about them is easily found, whether or not it says what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.answer.evidence import Evidence, Page, Sentence
from ragkit.answer.names import Folded, fold, places_of
from ragkit.answer.question import Question
from ragkit.answer.words import stem

if TYPE_CHECKING:
    from ragkit.components import Embedder

_YEAR = re.compile(r"\d{3,4}")


@dataclass(frozen=True, slots=True)
class Support:
    """How well sentences hold what a question says.

    `likeness` of each word of its predicate to the word most like it (1 for the word itself), `names` the share of its
    names they mention whole, `years` the years of the question that they lack.
    """

    likeness: dict[str, float]
    names: float
    years: tuple[str, ...]

    @property
    def share(self) -> float:
        """The mean likeness of the words of the predicate, 1 when it has none."""
        return sum(self.likeness.values()) / len(self.likeness) if self.likeness else 1.0

    @property
    def weakest(self) -> tuple[str, float]:
        """The word of the predicate held worst, and how well."""
        return min(self.likeness.items(), key=lambda item: (item[1], item[0]), default=("", 1.0))


def predicate(question: Question) -> tuple[str, ...]:
    """The question's words of substance that belong to none of its names."""
    inside = [(topic.start, topic.end) for topic in question.topics]
    text = question.text
    for name in question.names:
        inside += [match.span() for match in re.finditer(re.escape(name), text)]
    outside = "".join(" " if any(a <= at < b for a, b in inside) else letter for at, letter in enumerate(text))
    kept = set(fold(outside))
    return tuple(word for word in question.words if word in kept)


def support(
    question: Question, sentences: Sequence[Sentence], evidence: Evidence, embedder: Embedder | None
) -> Support:
    """How well these sentences, with the titles of their pages, hold the predicate of the question."""
    asked = predicate(question)
    pages = {sentence.page: evidence.pages[sentence.page] for sentence in sentences}
    held = [word for sentence in sentences for word in evidence.folded[sentence.number]]
    held += [word for page in pages.values() for word in fold(page.title)]
    stems = {stem(word) for word in held}
    missing = _likeness([word for word in asked if stem(word) not in stems], held, embedder)
    texts = [evidence.folded[sentence.number] for page in pages.values() for sentence in page.sentences]
    years = tuple(
        word for word in asked if _YEAR.fullmatch(word) and word not in held and not any(word in text for text in texts)
    )
    return Support({word: missing.get(word, 1.0) for word in asked}, _names_held(question, texts, pages), years)


def _names_held(question: Question, texts: Sequence[Folded], pages: Mapping[int, Page]) -> float:
    """The share of the question's names that these pages are about or mention whole."""
    texts = [*texts, *(name for page in pages.values() for name in page.names)]
    held = 0
    for topic in question.topics:
        on_page = any(page.number in pages for page in topic.pages)
        held += on_page or any(places_of(name, text) for page in topic.pages for name in page.names for text in texts)
    for name in question.names:
        folded = fold(re.sub(r"['’]s?$", "", name))
        held += any(places_of(folded, text) for text in texts) or any(page.named(folded) for page in pages.values())
    every = len(question.topics) + len(question.names)
    return held / every if every else 1.0


def joined(sentences: Sequence[Sentence], evidence: Evidence) -> list[list[Sentence]]:
    """Sentences in groups that belong together, in the order of their first sentences.

    Two belong together when they are of one page, when one's page names what the other's is about, or when both name
    the same thing by the same two words or more.
    """
    groups: list[list[Sentence]] = []
    for sentence in sentences:
        near = [group for group in groups if any(_belong(sentence, other, evidence) for other in group)]
        apart = [group for group in groups if group not in near]
        groups = [*apart, [*(other for group in near for other in group), sentence]]
    order = {sentence.number: place for place, sentence in enumerate(sentences)}
    ordered = [sorted(group, key=lambda sentence: order[sentence.number]) for group in groups]
    return sorted(ordered, key=lambda group: order[group[0].number])


def _belong(left: Sentence, right: Sentence, evidence: Evidence) -> bool:
    if left.page == right.page:
        return True
    own, other = _named([left], evidence), _named([right], evidence)
    if any(len(name) > 1 for name in own & other):
        return True
    pages = evidence.pages[left.page], evidence.pages[right.page]
    return any(page.named(name) for page, beside in (pages, pages[::-1]) for name in _named(beside.sentences, evidence))


def _named(sentences: Sequence[Sentence], evidence: Evidence) -> frozenset[Folded]:
    """The names sentences give, whole: "Varrin Cup" does not name Varrin."""
    return frozenset(
        fold(sentence.text[start:end]) for sentence in sentences for start, end in evidence.runs[sentence.number]
    )


def _likeness(missing: Sequence[str], held: Sequence[str], embedder: Embedder | None) -> dict[str, float]:
    """Of each word the cosine of the word most like it, 0 when there is no embedder to tell."""
    words = sorted({word for word in held if len(word) > 2 and not word.isdigit()})
    if not missing or not words or embedder is None:
        return dict.fromkeys(missing, 0.0)
    vectors = embedder.embed([*missing, *words])
    best = (vectors[: len(missing)] @ vectors[len(missing) :].T).max(axis=1).tolist()
    return dict(zip(missing, best, strict=True))
