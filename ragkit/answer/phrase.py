"""Picking the answer phrase of the kind a question wants from the sentences chosen for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit.answer.dates import find_dates, find_numbers
from ragkit.answer.evidence import Evidence, Sentence
from ragkit.answer.kinds import defined_as, is_a, is_no_person
from ragkit.answer.names import fold, without_qualifier
from ragkit.answer.nations import find_nations, is_nationality
from ragkit.answer.question import Question, Wants
from ragkit.answer.support import predicate
from ragkit.answer.tagger import Tagger
from ragkit.answer.words import stem

_LABELS: dict[Wants, frozenset[str]] = {
    "person": frozenset({"PERSON"}),
    "place": frozenset({"GPE", "LOC", "FAC"}),
}
# Kinds of names that no "who" and no "where" asks for.
_FIGURES = frozenset({"DATE", "TIME", "CARDINAL", "ORDINAL", "QUANTITY", "MONEY", "PERCENT"})
_NEVER: dict[Wants, frozenset[str]] = {
    "person": _FIGURES | {"GPE", "LOC", "FAC", "LANGUAGE", "NORP"},
    "place": _FIGURES | {"PERSON", "LANGUAGE", "NORP"},
}
# What spaCy calls the things some nouns ask for.
_NOUN_LABELS = {
    "ORG": "company band team organization organisation university college school network station studio club party "
    "agency publisher label newspaper league association airline brand group",
    "WORK_OF_ART": "film movie song album book novel series show play poem magazine game episode",
    "LANGUAGE": "language",
    "NORP": "nationality tribe religion ethnicity party language",
    "EVENT": "war battle festival tournament event championship",
    "PERSON": "character name",
}
_LABELS_OF_NOUN = {
    noun: frozenset(label for label, nouns in _NOUN_LABELS.items() if noun in nouns.split())
    for nouns in _NOUN_LABELS.values()
    for noun in nouns.split()
}
_PLAIN = -0.3  # what a noun phrase is worth beside a name
_YEAR_ONLY = re.compile(r"\byear\b", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|an?|his|her|its|their)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A phrase that may be the answer: characters `start` to `end` of its sentence, and how likely it is."""

    text: str
    sentence: Sentence
    start: int
    end: int
    score: float
    sure: bool = False


def candidates(
    question: Question, sentences: Sequence[Sentence], evidence: Evidence, tagger: Tagger | None
) -> list[Candidate]:
    """Phrases of the wanted kind in these sentences, the likeliest first.

    `sure` tells those whose kind is known, by their form or by the tagger. A phrase made of the question's own words
    is none. It counts more the closer it stands to words of the question,
    the later its sentence in the chain, and when the noun asked for ("which university") stands in it or beside it.
    """
    stems = {stem(word) for word in question.words}
    asked = {stem(word) for word in predicate(question)}
    own = {s.number: {stem(word) for word in evidence.folded[s.number]} for s in sentences}
    found: list[Candidate] = []
    for order, sentence in enumerate(sentences):
        spots = [at for at, word in enumerate(evidence.folded[sentence.number]) if stem(word) in stems]
        spans = list(_spans(question, sentence, evidence, tagger))
        subject = list(_subject(question, sentence, evidence))
        for start, end, bonus in [*spans, *((first, last, 0.0) for first, last in subject)]:
            sure = bonus > 0.5 or question.wants in ("date", "number", "country")
            text = sentence.text[start:end]
            if (start, end) in subject:
                text = without_qualifier(evidence.pages[sentence.page].title)
            title = None if (start, end) in subject else _title_inside(text, evidence)
            if title is not None:
                start, end = start + title[0], start + title[1]
                text, bonus = sentence.text[start:end], bonus + 0.5
            text = _whole_title(text, sentence, evidence)
            words = [stem(word) for word in fold(text)]
            if not words or all(word in stems or word in _EMPTY for word in words):
                continue
            if question.wants == "person" and is_no_person(text, evidence):
                continue
            if bonus == _PLAIN and not asked & own[sentence.number]:
                continue
            if question.wants == "thing" and question.noun:
                bonus += _of_noun(text, question.noun, evidence)
            place = len(fold(sentence.text[:start]))
            near = sum(1.0 / (1 + abs(place - at)) for at in spots)
            noun = (
                0.5
                if question.noun
                and stem(question.noun) in {stem(word) for word in fold(sentence.text[max(0, start - 30) : end + 30])}
                else 0.0
            )
            beside = _fits_beside(question, sentence.text, start, end)
            told = 0.6 * len(asked & own[sentence.number]) / len(asked) if asked else 0.0
            repeated = 0.5 * sum(word in stems for word in words) / len(words)
            found.append(
                Candidate(
                    text, sentence, start, end, bonus + near + noun + beside + told + 0.3 * order - repeated, sure
                )
            )
    return sorted(found, key=lambda c: (-c.score, c.sentence.number, c.start))


_EMPTY = frozenset("the a an he she it they his her its their this that these those".split()) | {
    # What begins a sentence with a capital and is no name, as people talk: "My licence plate …", "Did the piano …".
    stem(word)
    for word in "i me my mine you your yours we our ours am is are was were do does did have has had can could will "
    "would should shall and but so now then there here if not".split()
}
_PRONOUN = re.compile(r"\b(?P<it>he|she|it|they)\b(?=\s+\w+)", re.IGNORECASE)


def _whole_title(text: str, sentence: Sentence, evidence: Evidence) -> str:
    """The title of the sentence's page for a word of it: "United" on the page "Corrin United"."""
    title = without_qualifier(evidence.pages[sentence.page].title)
    short, whole = fold(text), fold(title)
    return title if len(short) == 1 and len(whole) > 1 and short[0] == whole[-1] else text


def _of_noun(text: str, noun: str, evidence: Evidence) -> float:
    """What a name is worth when its page says that it is, or is not, what the question asks for."""
    page = evidence.page_of(text)
    if page is None or not defined_as(page):
        return 0.0
    if is_a(page, noun):
        return 0.8
    return -0.8 if noun in _LABELS_OF_NOUN else 0.0


def _subject(question: Question, sentence: Sentence, evidence: Evidence) -> Iterator[tuple[int, int]]:
    """The pronoun by which a sentence speaks of its page's subject, when the question wants who or what that is."""
    title = fold(without_qualifier(evidence.pages[sentence.page].title))
    if question.wants not in ("person", "thing") or not title or set(title) <= set(fold(question.text)):
        return
    found = _PRONOUN.search(sentence.text)
    if found and not any(end <= found.start() for _, end in evidence.runs[sentence.number]):
        yield found.span("it")


_ASKING = re.compile(r"\b(?:who(?:m|se)?|what|which|when|where|how\s+(?:many|much))\b", re.IGNORECASE)


def _fits_beside(question: Question, text: str, start: int, end: int) -> float:
    """How well a phrase stands where the question has its "what": "sold more than how many records", "more than 150".

    The share of the three words before and the three after that agree, each side counting up to 1; a question that
    begins with its "what" says nothing of what stands before.
    """
    asking = list(_ASKING.finditer(question.text))
    if not asking or len(fold(question.text[: asking[-1].start()])) < 2:
        return 0.0
    left = [stem(word) for word in fold(question.text[: asking[-1].start()])[-3:]]
    right = [stem(word) for word in fold(question.text[asking[-1].end() :])[:3]]
    before = [stem(word) for word in fold(text[max(0, start - 60) : start])[-3:]]
    after = [stem(word) for word in fold(text[end : end + 60])[:3]]
    score = len(set(left) & set(before)) / 3
    return score + (len(set(right) & set(after)) / 3 if right else 0.0)


def _title_inside(text: str, evidence: Evidence) -> tuple[int, int] | None:
    """Where a page's title stands in a phrase ("Senator Barnaby Joyce"): things with a page are likelier answers."""
    for page in evidence.pages:
        title = without_qualifier(page.title)
        at = text.find(title) if title else -1
        if at >= 0:
            return at, at + len(title)
    return None


def holds_kind(question: Question, sentence: Sentence, evidence: Evidence) -> bool:
    """Whether a sentence holds anything of the kind wanted that the question does not already say; no model asked."""
    stems = {stem(word) for word in question.words}
    return any(
        not all(stem(word) in stems for word in fold(sentence.text[start:end]))
        for start, end, _ in _spans(question, sentence, evidence, None)
    )


def _spans(
    question: Question, sentence: Sentence, evidence: Evidence, tagger: Tagger | None
) -> Iterator[tuple[int, int, float]]:
    text = sentence.text
    wants = question.wants
    if wants == "date":
        for date in find_dates(text):
            yield from _date_span(question, text, date.start, date.end)
    elif wants == "number":
        dates = find_dates(text)
        for number in find_numbers(text):
            dated = any(date.start <= number.start < date.end for date in dates)
            yield number.start, number.end, -0.6 if dated else 0.0
    elif wants == "country":
        for nation in find_nations(text):
            yield nation.start, nation.end, 0.0
    else:
        labels = _LABELS.get(wants) or _LABELS_OF_NOUN.get(question.noun)
        yield from _name_spans(wants, labels, sentence, evidence, tagger)


def _date_span(question: Question, text: str, start: int, end: int) -> Iterator[tuple[int, int, float]]:
    year = re.search(r"\d{3,4}(?=\D*$)", text[start:end]) if _YEAR_ONLY.search(question.text) else None
    yield (start + year.start(), start + year.end(), 0.0) if year else (start, end, 0.0)


def _name_spans(
    wants: Wants, labels: frozenset[str] | None, sentence: Sentence, evidence: Evidence, tagger: Tagger | None
) -> Iterator[tuple[int, int, float]]:
    text = sentence.text
    phrases = [] if tagger is None else tagger.phrases(text) if wants == "thing" else tagger.names(text)
    for start, end in evidence.runs[sentence.number]:
        end -= 2 if text[start:end].endswith(("'s", "’s")) else 0
        if is_nationality(text[start:end]):
            continue
        kinds = {
            phrase.label for phrase in phrases if phrase.start < end and start < phrase.end and phrase.label != "NOUN"
        }
        fits = 0.0
        if kinds and wants in _NEVER and kinds <= _NEVER[wants]:
            continue
        if labels and kinds:
            fits = 0.6 if kinds & labels else (-0.8 if wants != "thing" else -0.2)
        yield start, end, fits
    if wants == "thing" and not labels:
        runs = evidence.runs[sentence.number]
        for phrase in phrases:
            inside = any(a < phrase.end and phrase.start < b for a, b in runs)
            if phrase.label == "NOUN" and not inside and phrase.end - phrase.start > 3:
                article = _ARTICLE.match(text[phrase.start : phrase.end])
                yield phrase.start + (article.end() if article else 0), phrase.end, _PLAIN
