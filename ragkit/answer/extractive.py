"""Answers made of quotes: the sentences that answer, and the phrase in them when the question's kind lets it be picked.

Four ways are tried, the surest first: a comparison of two things; a path of known relations; the plainer question that
is left once a description in it is resolved; and the general way, a chain of sentences chosen by words and meaning,
which must belong together and hold what the question says. Each notes in the trace how it came to its answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragkit.answer.chain import Chain, Scores, best_chain, held_together, score
from ragkit.answer.compare import compare, sides_of
from ragkit.answer.evidence import Evidence, Page, Sentence
from ragkit.answer.hops import Trail, follow, unwritten
from ragkit.answer.names import fold, places_of, without_qualifier
from ragkit.answer.nations import find_nations
from ragkit.answer.nested import Description, descriptions, replaced
from ragkit.answer.phrase import candidates, holds_kind
from ragkit.answer.question import Question, understand
from ragkit.answer.recall import Remembering
from ragkit.answer.relation import Relation
from ragkit.answer.relations import BY_NAME
from ragkit.answer.statements import statements
from ragkit.answer.support import support
from ragkit.answer.tagger import Tagger
from ragkit.answer.words import stem
from ragkit.types import Answer, Hits, Metadata

if TYPE_CHECKING:
    from ragkit.components import Embedder

NOT_FOUND = "Not found in the sources."

# Below these the general way says that the sources do not hold the answer (measured by benchmarks/answers.py).
_LEAST_COVERAGE = 0.35
_LEAST_MEANING = 0.40
_LEAST_BOTH = 1.1  # coverage and meaning together
_LEAST_BOTH_STRANGE = 1.3  # the same for questions about names that no page is about
_SAME_MEANING = 0.8  # a sentence this close answers in other words
_LEAST_NOUN = 0.45  # likeness of the noun asked for ("which instrument") to a word of the sentences
_LEAST_LAST_HOP = 0.6
_LEAST_FOR_TWO_STEPS = 5  # words of substance; shorter questions have one step
_DEEPEST = 3  # descriptions resolved one after another
_SIMPLE = 2  # words of a question that neither its topics nor known relations account for


@dataclass(slots=True)
class Finding:
    """What was found, before it is worded."""

    sentences: tuple[Sentence, ...] = ()
    short: str = ""
    found: bool = True
    how: dict[str, object] = field(default_factory=dict)


class Extractive:
    """Answers from quotes alone, with no chat model."""

    def __init__(
        self, embedder: Embedder | None, tagger: Tagger | None, *, sentences: int = 4, embed_most: int = 64
    ) -> None:
        """`sentences` bounds the quotes of an answer, `embed_most` the sentences embedded for one question."""
        self._embedder = None if embedder is None else Remembering(embedder)
        self._tagger = tagger
        self._most, self._embed_most = sentences, embed_most

    def answer(self, hits: Hits) -> Answer:
        """Answer the hits' question from their sentences; `found` is False when they do not hold the answer."""
        evidence = Evidence(hits)
        question = understand(hits.query.text, evidence)
        finding = self.find(question, evidence)
        note: Metadata = {
            "stage": "answer",
            "model": "extractive",
            "wants": question.wants,
            "topics": [topic.name for topic in question.topics],
            "relations": [relation.name for relation in question.path],
            "meaning": self._embedder.fingerprint if self._embedder else "words only, as asked for by embedder=''",
            **finding.how,
        }
        return worded(finding, hits, note)

    def find(self, question: Question, evidence: Evidence, depth: int = 0) -> Finding:
        """The sentences and the phrase that answer, by the first way that holds."""
        if not evidence.sentences:
            return Finding(found=False, how={"way": "none", "reason": "there are no hits"})
        if question.unknown and 2 * len(question.unknown) >= len(question.topics) + len(question.names):
            return Finding(
                found=False, how={"way": "none", "reason": f"never mentioned: {', '.join(question.unknown)}"}
            )
        if question.wants in ("choice", "yes_no"):
            verdict = compare(question, evidence)
            if verdict:
                how: dict[str, object] = {"way": "comparison", "compared": verdict.how}
                return Finding(self._bounded(verdict.sentences), verdict.short, how=how)
        trail, left = (None, 0) if question.wants in ("choice", "yes_no") else self._trail(question, evidence)
        others = len(question.names) if question.topics else 0
        if trail and len(question.extra) + 2 * others <= (0 if left == 1 else _SIMPLE) and _agrees(question):
            return self._told(trail, left, question, evidence)
        plainer = self._plainer(question, evidence, depth)
        return plainer or self._general(question, evidence, None if left else trail)

    def _plainer(self, question: Question, evidence: Evidence, depth: int) -> Finding | None:
        """The answer to the question with a description in it resolved, or None when that leads nowhere."""
        if self._tagger is None or depth >= _DEEPEST or question.wants == "choice":
            return None
        document = self._tagger.parse(question.text)
        for description in () if document is None else descriptions(question, document, evidence):
            inner = self.find(understand(description.asks, evidence), evidence, _DEEPEST)
            if not self._describes(inner, description, question, evidence):
                continue
            outer = self.find(understand(replaced(question, description, inner.short), evidence), evidence, depth + 1)
            if outer.found and (outer.short or not question.topics) and outer.short != inner.short:
                way = {
                    "way": "nested",
                    "resolved": f"{question.text[description.start : description.end]} = {inner.short}",
                }
                sentences = tuple(dict.fromkeys((*inner.sentences[:2], *outer.sentences)))
                return Finding(self._bounded(sentences), outer.short, how={**outer.how, **way})
        return None

    def _describes(self, inner: Finding, description: Description, question: Question, evidence: Evidence) -> bool:
        """Whether the name found is surely what the description describes."""
        if not inner.found or not inner.short or _repeats(question, inner.short):
            return False
        if inner.how["way"] == "relations":
            return "last hop" not in inner.how
        page = evidence.page_of(inner.short)
        told = {stem(word) for sentence in inner.sentences for word in fold(sentence.text)}
        return page is not None and stem(description.noun) in told and float(str(inner.how.get("coverage", 0))) >= 0.9

    def _told(self, trail: Trail, left: int, question: Question, evidence: Evidence) -> Finding:
        """The end of a path of relations; when only its last hop is not stated in a known way, the closest sentence."""
        how: dict[str, object] = {
            "way": "relations",
            "doubt": round(trail.doubt, 2),
            "through": [page.title for page in trail.pages],
        }
        if not left and trail.value:
            return Finding(self._bounded(trail.sentences), self._spelled(trail, question), how=how)
        relation = question.path[-left]
        if left == 1 and trail.end.sentences:
            closest, likeness, short = self._last_hop(trail.end, relation, question, evidence)
            how |= {"last hop": round(likeness, 3)}
            if closest:
                return Finding(self._bounded((*trail.sentences, *closest)), short, how=how)
        reason = f"the sources do not say the {relation.name} of {trail.end.title}"
        return Finding(found=False, how={**how, "reason": reason})

    def _spelled(self, trail: Trail, question: Question) -> str:
        """The value of a trail as the question wants it: the name of a country where it asks for the country."""
        written = _called(trail, question.path[-1])
        nations = find_nations(written)
        if nations and question.path[-1].value == "country" and re.search(r"\bcountry\b", question.text, re.IGNORECASE):
            return nations[0].country
        return written

    def _last_hop(
        self, page: Page, relation: Relation, question: Question, evidence: Evidence
    ) -> tuple[tuple[Sentence, ...], float, str]:
        """The page's three sentences closest in meaning to the relation asked, and a phrase if its kind is sure."""
        if self._embedder is None:
            return (), 0.0, ""
        sentences = page.sentences[: self._embed_most]
        asked = self._embedder.embed([f"{relation.name} of {page.title}"], query=True)[0]
        likeness = self._embedder.embed([f"{page.title}: {sentence.text}" for sentence in sentences]) @ asked
        worth = [
            float(like) + (0.15 if holds_kind(question, s, evidence) else 0.0)
            for like, s in zip(likeness, sentences, strict=True)
        ]
        order = sorted(range(len(sentences)), key=lambda number: (-worth[number], number))[:3]
        closest = tuple(sentences[number] for number in order)
        if worth[order[0]] < _LEAST_LAST_HOP or not _may_state(relation, closest):
            return (), worth[order[0]], ""
        found = candidates(question, closest[:1], evidence, self._tagger)
        sure = [candidate for candidate in found if candidate.sure and not page.named(fold(candidate.text))]
        return closest, worth[order[0]], sure[0].text if sure else ""

    def _bounded(self, sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
        return tuple(sentences[: self._most])

    def _trail(self, question: Question, evidence: Evidence) -> tuple[Trail | None, int]:
        """The surest way along the question's path from any of its topics, and how many hops it could not go."""
        best: Trail | None = None
        left = len(question.path)
        starts = [topic.pages for topic in question.topics] or [(unwritten(name),) for name in question.names]
        for pages in starts if question.path else ():
            trails, gone = follow(question.path, pages, evidence)
            ahead = len(question.path) - gone
            if best is None or (ahead, trails[0].doubt) < (left, best.doubt):
                best, left = trails[0], ahead
        return best, left

    # ------------------------------------------------------------ the general way

    def _general(self, question: Question, evidence: Evidence, trail: Trail | None) -> Finding:
        scores = score(question, evidence, self._embedder, embed_most=self._embed_most)

        def fits(sentence: Sentence) -> float:
            return 0.1 if holds_kind(question, sentence, evidence) else 0.0

        chain = best_chain(question, evidence, scores, fits)
        if chain is None:
            return Finding(found=False, how={"way": "none", "reason": "the hits hold no sentence"})
        chain = held_together(chain, question, evidence, scores)
        how: dict[str, object] = {
            "way": "general",
            "coverage": round(chain.coverage, 3),
            "similarity": round(chain.meaning, 3),
        }
        reason = self._insufficient(question, chain, evidence)
        if reason:
            return Finding(found=False, how={**how, "reason": reason})
        beyond = self._beyond(question, chain, evidence, scores)
        short, sentence = self._phrase(question, chain, beyond, evidence, trail)
        if question.wants == "person" and self._tagger is not None and not short:
            return Finding(found=False, how={**how, "reason": "the best sentences name no one who could be meant"})
        chosen = chain.sentences if sentence is None else (*chain.sentences, sentence)
        return Finding(self._bounded(tuple(dict.fromkeys((*chosen, *beyond)))), short, how=how)

    def _beyond(self, question: Question, chain: Chain, evidence: Evidence, scores: Scores) -> tuple[Sentence, ...]:
        """One more step: the best sentences of pages the chain names but does not pass, and the question does not name.

        Only for chains that stay on one page; what a question of two steps asks mostly stands on such a page.
        """
        passed = {sentence.page for sentence in chain.sentences}
        named = {page.number for topic in question.topics for page in topic.pages}
        if len(passed) > 1 or len(question.words) < _LEAST_FOR_TWO_STEPS:
            return ()
        best = []
        for page in evidence.pages:
            if page.number not in passed | named and page.sentences and _names_page(chain, page, evidence):
                best.append(
                    max(
                        page.sentences,
                        key=lambda s: (holds_kind(question, s, evidence), scores.total[s.number], -s.number),
                    )
                )
        return tuple(sorted(best, key=lambda s: (-scores.total[s.number], s.number))[:2])

    def _insufficient(self, question: Question, chain: Chain, evidence: Evidence) -> str:
        """Why the sentences chosen do not answer the question, or an empty string when they may."""
        compared = question.wants == "choice" or len(question.options) == 2
        if question.wants in ("choice", "yes_no") and compared and len(sides_of(question)) < 2:
            return "the sources speak of one side only, or of neither"
        if question.wants == "choice" and question.measure not in ("", "number"):
            return f"the sources do not say the {question.measure} of both sides"
        if self._embedder is not None and chain.meaning >= _SAME_MEANING and question.wants != "thing":
            held = support(question, chain.sentences, evidence, self._embedder)
            if held.names == 1 and not held.years and any(holds_kind(question, s, evidence) for s in chain.sentences):
                return ""
        if chain.coverage < _LEAST_COVERAGE:
            return f"the best sentences hold {chain.coverage:.0%} of the question's words"
        if self._embedder is None:
            return ""
        reason = _unsupported(question, chain, evidence, self._embedder)
        if reason:
            return reason
        # Names that are no page's title are weak evidence where pages have titles.
        strange = bool(question.names) and not question.topics and all(page.title for page in evidence.pages)
        least = _LEAST_BOTH_STRANGE if strange else _LEAST_BOTH
        if chain.meaning < _LEAST_MEANING or chain.coverage + chain.meaning < least:
            return f"no sentence is close enough to the question in words and meaning (at most {chain.meaning:.2f})"
        return ""

    def _phrase(
        self,
        question: Question,
        chain: Chain,
        beyond: tuple[Sentence, ...],
        evidence: Evidence,
        trail: Trail | None,
    ) -> tuple[str, Sentence | None]:
        if question.wants in ("choice", "yes_no"):
            return "", None
        if trail and trail.value and _agrees(question):
            return _called(trail, question.path[-1]), trail.value.sentence
        stated = self._stated(question, chain, evidence)
        if stated:
            return stated
        found = candidates(question, (*chain.sentences, *beyond), evidence, self._tagger)
        return (found[0].text, found[0].sentence) if found else ("", None)

    def _stated(self, question: Question, chain: Chain, evidence: Evidence) -> tuple[str, Sentence] | None:
        """What is stated as the relation asked of a page the chain passes or names; the question's own pages last."""
        if not question.path or not _agrees(question):
            return None
        named = {page.number for topic in question.topics for page in topic.pages}
        passed = dict.fromkeys(sentence.page for sentence in chain.sentences)
        beside = [
            page.number for page in evidence.pages if page.number not in passed and _names_page(chain, page, evidence)
        ]
        for number in sorted((*passed, *beside), key=lambda number: number in named):
            found = statements(question.path[-1], evidence.pages[number], evidence)
            fresh = [value for value in found if not _repeats(question, value.text)]
            if fresh and fresh[0].doubt < 4:
                page = fresh[0].page
                text = without_qualifier(page.title) if page and page.title else fresh[0].text
                return text, fresh[0].sentence
        return None


def _may_state(relation: Relation, sentences: Sequence[Sentence]) -> bool:
    """Whether sentences may say whom a relation leads to: they hold its word or one of its patterns."""
    if relation.value != "name":
        return True
    both = [relation, *(BY_NAME[name] for name in (relation.inverse,) if name in BY_NAME)]
    cues = [cue for way in both for cue in (way.asks, *way.after, *way.before)]
    return any(cue.search(sentence.text) for sentence in sentences for cue in cues)


def _unsupported(question: Question, chain: Chain, evidence: Evidence, embedder: Embedder) -> str:
    """What the question says that no word of the chain comes near, or an empty string."""
    held = support(question, chain.sentences, evidence, embedder)
    if held.years:
        return f"the pages of the best sentences do not speak of {', '.join(held.years)}"
    if held.names == 0:
        return "the best sentences name nothing the question names"
    if question.wants == "thing" and question.noun and held.likeness.get(question.noun, 1.0) < _LEAST_NOUN:
        return f"the best sentences speak of no {question.noun}"
    return ""


def _names_page(chain: Chain, page: Page, evidence: Evidence) -> bool:
    return any(
        places_of(name, evidence.folded[s.number]) for s in chain.sentences for name in page.names if len(name) > 1
    )


def _repeats(question: Question, text: str) -> bool:
    """Whether a phrase says no more than the question does."""
    return set(fold(text)) <= set(fold(question.text))


_KIND_OF_VALUE = {"date": "date", "place": "place", "country": "country", "number": "number"}


def _agrees(question: Question) -> bool:
    """Whether the last relation of the path leads to the kind of answer the question wants."""
    if not question.path or question.wants in ("yes_no", "choice"):
        return not question.path and question.wants not in ("yes_no", "choice")
    relation = question.path[-1]
    if question.wants == "thing" and question.noun and not _names_relation(question.noun, relation):
        return False
    kind = _KIND_OF_VALUE.get(relation.value, "")
    if kind:
        return question.wants in (kind, "thing") or {kind, question.wants} <= {"place", "country"}
    return question.wants in ("person", "thing") or (relation.final and question.wants == "place")


_ANY_NOUN = frozenset("name names person people man woman one".split())


def _names_relation(noun: str, relation: Relation) -> bool:
    """Whether "which NOUN" may ask for what the relation leads to: "which director", not "which club" of a brother."""
    asks = relation.asks.search(noun) is not None or noun in _ANY_NOUN
    return asks or relation.name in ("education", "employer", "publisher", "owner") or relation.value != "name"


def _called(trail: Trail, relation: Relation) -> str:
    """How to write what a trail ends in: a name as the title of its page has it, all else as the sentence has it."""
    if trail.value is None:
        return ""
    page = trail.value.page
    return without_qualifier(page.title) if page and page.title and relation.value == "name" else trail.value.text


def worded(finding: Finding, hits: Hits, note: Metadata) -> Answer:
    """Write a finding out: the phrase, then the quotes, numbered as the citations are."""
    if not finding.found or not finding.sentences:
        return Answer(NOT_FOUND, (), hits, found=False, trace=(note,))
    citations = tuple(sentence.cite() for sentence in finding.sentences)
    return Answer(write(finding.short, finding.sentences), citations, hits, short=finding.short, trace=(note,))


def write(short: str, sentences: Sequence[Sentence]) -> str:
    """The text of an extractive answer: the phrase on a line, then each quote with its number.

    A quote that does not say what it speaks of ("It was directed by …") is led by the head of its chunk.
    """
    lines = [short.capitalize() if short in ("yes", "no") else short] if short else []
    for number, sentence in enumerate(sentences, 1):
        head = " ".join(sentence.chunk.head.split())
        named = not head or without_qualifier(head).casefold() in sentence.text.casefold()
        lines.append(f"{'' if named else f'{head}: '}“{' '.join(sentence.text.split())}” [{number}]")
    return "\n".join(lines)


__all__ = ["NOT_FOUND", "Extractive", "Finding", "Scores", "worded", "write"]
