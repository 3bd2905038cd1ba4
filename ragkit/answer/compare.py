"""Questions that set two things side by side: which came first, are both of one country, is each of a kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragkit.answer.evidence import Evidence, Page, Sentence
from ragkit.answer.hops import Trail, follow
from ragkit.answer.names import fold
from ragkit.answer.nations import find_nations
from ragkit.answer.question import Question
from ragkit.answer.relation import Relation
from ragkit.answer.relations import BY_NAME
from ragkit.answer.sizes import figure, kinds_of_figure
from ragkit.answer.statements import statements
from ragkit.answer.words import stem

_SAME = re.compile(r"\b(?:same|share|shared|common)\b", re.IGNORECASE)
_THAN = re.compile(r"\bthan\b|\bbefore\b|\bafter\b", re.IGNORECASE)
_BOTH = re.compile(r"\b(?:both|each|all|and)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the things compared: how the question writes it, the pages about it."""

    label: str
    pages: tuple[Page, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison came to, the sentences it rests on, and how: for the trace."""

    short: str
    sentences: tuple[Sentence, ...]
    how: str


def sides_of(question: Question) -> tuple[Side, ...]:
    """The two things compared, those with pages; fewer than two when the evidence lacks one."""
    sides = [Side(topic.name, topic.pages) for topic in question.topics]
    if len(question.options) == 2:
        # a name the topics miss half of is still written whole in the answer
        matched = []
        for option in question.options:
            inside = [side for side in sides if side.label in option]
            matched.append(
                Side(option if inside and len(inside[0].label) * 2 < len(option) else inside[0].label, inside[0].pages)
                if inside
                else None
            )
        if all(matched):
            return tuple(side for side in matched if side)
    return tuple(sides[-2:]) if question.wants == "choice" else tuple(sides[:2])


def compare(question: Question, evidence: Evidence) -> Verdict | None:
    """Decide a comparison, or None when the evidence does not hold what it needs of each side."""
    sides = sides_of(question)
    if len(sides) < 2:
        return None
    if question.wants == "choice":
        return _first_or_last(question, sides, evidence) if question.measure else _fits_better(question, sides)
    if question.measure and _THAN.search(question.text):
        verdict = _first_or_last(question, sides, evidence)
        first = verdict is not None and verdict.short == sides[0].label
        return replace(verdict, short="yes" if first else "no") if verdict else None
    if _SAME.search(question.text) or any(relation.value == "country" for relation in question.asked):
        return _same(question, sides, evidence)
    if _BOTH.search(question.text):
        return _both(question, sides)
    return None


# ---------------------------------------------------------------- first, last, most


def _first_or_last(question: Question, sides: Sequence[Side], evidence: Evidence) -> Verdict | None:
    makers = tuple(relation for relation in question.asked if relation.value == "name")[:1]
    if question.measure == "number" and not makers:
        verdict = _by_size(question, sides)
        if verdict:
            return verdict
    measure = question.measure
    if measure == "birth date" and not re.search(r"\bborn\b|\bbirth", question.text, re.IGNORECASE):
        lives = [_measure(measure, makers, side, evidence, question) for side in sides]
        measure = measure if any(lives) else "founding date"  # things are as old as they were built or founded
    measured = []
    for side in sides:
        found = _measure(measure, makers, side, evidence, question)
        if found is None:
            return None
        measured.append(found)
    (left, left_from), (right, right_from) = measured
    if left == right:
        return None
    wins = 0 if (left < right) == question.least else 1
    if question.measure == "life length":
        wins = 0 if (left > right) == (not question.least) else 1
    sentences = tuple(dict.fromkeys((*left_from, *right_from)))
    return Verdict(sides[wins].label, sentences, f"{measure}: {_show(left)} against {_show(right)}")


def _by_size(question: Question, sides: Sequence[Side]) -> Verdict | None:
    """Which side has the greater (or smaller) figure, by the first kind of figure that both pages state."""
    for kind in kinds_of_figure(question.text):
        found = [figure(kind, side.pages[0]) for side in sides]
        left, right = found[0], found[1]
        if left and right and left[0] != right[0]:
            wins = 0 if (left[0] < right[0]) == question.least else 1
            how = f"{kind.split()[0]}: {left[0]:g} against {right[0]:g}"
            return Verdict(sides[wins].label, tuple(dict.fromkeys((left[1], right[1]))), how)
    return None


def _show(value: tuple[float, ...]) -> str:
    return "-".join(f"{part:g}" for part in value if part)


Measured = tuple[tuple[float, ...], tuple[Sentence, ...]]


def _measure(
    measure: str, makers: tuple[Relation, ...], side: Side, evidence: Evidence, question: Question
) -> Measured | None:
    if measure == "number":
        return _number(side, question)
    if measure == "life length":
        born = _date(BY_NAME["birth date"], makers, side, evidence)
        died = _date(BY_NAME["death date"], makers, side, evidence)
        if born is None or died is None:
            return None
        length = died[0][0] - born[0][0] + (died[0][1] - born[0][1]) / 12 + (died[0][2] - born[0][2]) / 365
        return (length,), (*born[1], *died[1])
    return _date(BY_NAME[measure], makers, side, evidence)


def _date(relation: Relation, makers: tuple[Relation, ...], side: Side, evidence: Evidence) -> Measured | None:
    # A maker may be known in one page only; what cannot be measured there may be measured for the work itself.
    trails, gone = follow((*makers, relation), side.pages, evidence)
    if gone <= len(makers):
        return None
    best = trails[0]
    if best.value is None or best.value.date is None:
        return None
    return tuple(float(part) for part in best.value.date.when), best.sentences


def _number(side: Side, question: Question) -> Measured | None:
    from ragkit.answer.dates import find_dates, find_numbers

    wanted = {stem(word) for word in question.extra}
    best: tuple[int, int, float, Sentence] | None = None
    for page in side.pages[:1]:
        for sentence in page.sentences:
            shared = len(wanted & {stem(word) for word in fold(sentence.text)})
            dates = find_dates(sentence.text)
            for number in find_numbers(sentence.text):
                dated = any(date.start <= number.start < date.end for date in dates)
                if number.value is not None and not dated and shared and (best is None or shared > best[0]):
                    best = (shared, -sentence.number, number.value, sentence)
    return None if best is None else ((best[2],), (best[3],))


def _fits_better(question: Question, sides: Sequence[Side]) -> Verdict | None:
    """Which side's page holds more of what the question says of it."""
    labels = {word for side in sides for word in fold(side.label)}
    wanted = [word for word in question.words if len(word) > 2 and word not in labels]
    held = [_held(wanted, side) for side in sides]
    scores = [len(words) for words, _ in held]
    if not wanted or scores[0] == scores[1]:
        return None
    wins = 0 if scores[0] > scores[1] else 1
    return Verdict(
        sides[wins].label,
        tuple(dict.fromkeys((*held[wins][1], *held[1 - wins][1]))),
        f"{scores[0]} against {scores[1]} words",
    )


def _held(wanted: Sequence[str], side: Side) -> tuple[set[str], tuple[Sentence, ...]]:
    """Which of the words a side's page holds, and the sentence that holds most (its first when none does)."""
    best: tuple[set[str], Sentence] | None = None
    everything: set[str] = set()
    for page in side.pages[:1]:
        for sentence in page.sentences:
            stems = {stem(word) for word in fold(sentence.text)}
            words = {word for word in wanted if stem(word) in stems}
            everything |= words
            if best is None or len(words) > len(best[0]):
                best = words, sentence
    return everything, (best[1],) if best else ()


# ---------------------------------------------------------------- the same, both


def _same(question: Question, sides: Sequence[Side], evidence: Evidence) -> Verdict | None:
    makers = tuple(relation for relation in question.asked if relation.value == "name")[:1]
    facts = [relation for relation in question.asked if relation.value in ("place", "country", "date")]
    fact = facts[0] if facts else _fact_asked(question.text)
    if fact.value == "place" and re.search(r"\bcountry\b", question.text, re.IGNORECASE):
        fact = BY_NAME["country"]
    values: list[set[str]] = []
    sentences: list[Sentence] = []
    for side in sides:
        trails, gone = follow(makers, side.pages, evidence) if makers else ([Trail((side.pages[0],))], 0)
        if gone < len(makers):
            return None
        page = trails[0].end
        found, where = _facts(fact, page, evidence)
        if not found:
            return None
        values.append(found)
        sentences += [*trails[0].sentences, *where]
    same = bool(values[0] & values[1])
    how = f"{fact.name}: {', '.join(sorted(values[0]))} against {', '.join(sorted(values[1]))}"
    return Verdict("yes" if same else "no", tuple(dict.fromkeys(sentences)), how)


def _fact_asked(text: str) -> Relation:
    """What two things are said to have in common when no relation names it: "born in the same place"."""
    when = re.search(r"\b(?:year|day|date|month|time)\b", text, re.IGNORECASE)
    where = re.search(r"\b(?:place|city|town|village|state)\b", text, re.IGNORECASE)
    for cue, life in ((r"\bborn\b|\bbirth", "birth"), (r"\bdie[ds]?\b|\bdeath\b", "death")):
        if (when or where) and re.search(cue, text, re.IGNORECASE):
            return BY_NAME[f"{life} date" if when else f"{life} place"]
    return BY_NAME["country"]


def _facts(fact: Relation, page: Page, evidence: Evidence) -> tuple[set[str], tuple[Sentence, ...]]:
    values = statements(fact, page, evidence)
    if not values:
        return set(), ()
    first = values[0]
    if fact.value != "country":
        parts = {part.strip().casefold() for part in first.text.split(",")}
        if first.date:
            parts = {str(first.date.year)}
        return parts, (first.sentence,)
    near = [value for value in values if value.sentence is first.sentence and value.doubt <= first.doubt + 0.06]
    return {nation.whole for value in near for nation in find_nations(value.text)}, (first.sentence,)


def _both(question: Question, sides: Sequence[Side]) -> Verdict | None:
    """Whether both pages hold every word of what the question says of them."""
    wanted = [word for word in (*question.extra, *_kind_words(question)) if len(word) > 2]
    if not wanted:
        return None
    held = [_held(wanted, side) for side in sides]
    everything = all(set(wanted) == words for words, _ in held)
    return Verdict(
        "yes" if everything else "no",
        tuple(dict.fromkeys(sentence for _, sentences in held for sentence in sentences)),
        "; ".join(
            f"{side.label}: {', '.join(sorted(words)) or 'nothing'}"
            for side, (words, _) in zip(sides, held, strict=True)
        ),
    )


def _kind_words(question: Question) -> tuple[str, ...]:
    """The words of the predicate that say a kind ("film directors"), which `extra` leaves out."""
    last = question.topics[-1].end if question.topics else 0
    return tuple(word for word in fold(question.text[last:]) if word in question.words and word not in question.extra)
