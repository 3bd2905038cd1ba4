"""What the evidence states about one page: who directed it, when it was founded, where she was born.

`statements` reads one relation of one page from sentences, by the patterns of `relations`; the values come best first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ragkit.answer.dates import Date, find_dates
from ragkit.answer.evidence import Evidence, Page, Sentence, female_name
from ragkit.answer.lives import life_brackets, lifespan
from ragkit.answer.names import fold, places_of
from ragkit.answer.nations import find_nations, is_nationality
from ragkit.answer.relation import Relation
from ragkit.answer.relations import BY_NAME

# Between a trigger and the name may stand lower-case words and nationalities ("by the American film-maker X").
_BETWEEN = re.compile(r"[\s\"“”'‘(]*(?:(?:[a-z][\w'’-]*|[A-Z][a-z]+-born)[,;]?\s+[\"“(]?){0,7}$")
_NO_LINK = re.compile(
    r"\b(?:is|was|were|who|which|that|has|had|when|where|while|after|before|but|starring|stars|features?)\b"
)
_AND = re.compile(
    r"^\s*(?:,|and|&|,\s*and|or|with|by|\([^)]*\)\s*and|\([^)]*\),?)\s*(?:(?:his|her|the|of|by"
    r"|a)\s+)?(?:[a-z-]+,?\s+){0,5}[\"“]?$"
)
_PLACE_JOIN = re.compile(r"^,\s*(?:in\s+)?$")
_BORN = re.compile(r"\b(?:born|birth)\b[^.;()]{0,70}", re.IGNORECASE)
_DIED = re.compile(
    r"\b(?:died|death|killed|assassinated|executed|passed away|murdered|dying|committed suicide)\b[^.;()]{0,70}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Value:
    """A value read from characters `start` to `end` of a sentence; `text` is how to write it.

    `page` is the page about it, when the evidence has one. `doubt` orders values, 0 being the surest;
    `step` is its place in an enumeration ("of A and B").
    """

    text: str
    sentence: Sentence
    start: int
    end: int
    page: Page | None = None
    date: Date | None = None
    doubt: float = 0.0
    step: int = 0


def statements(relation: Relation, page: Page, evidence: Evidence) -> list[Value]:
    """What the evidence states as this relation of the page, the surest first; empty when it states nothing."""
    if relation.value == "date":
        found = list(_dates(relation, page, evidence))
    elif relation.value == "country":
        found = list(_countries(page))
    elif relation.value == "place":
        found = list(_places(relation, page, evidence))
    elif relation.value == "phrase":
        found = list(_phrases(relation, page))
    else:
        found = list(_names(relation, page, evidence))
    return _once(sorted(found, key=lambda value: (value.doubt, value.sentence.number, value.start)))


def _once(values: list[Value]) -> list[Value]:
    seen: set[tuple[str, ...]] = set()
    kept = []
    for value in values:
        key = fold(value.text)
        if key and key not in seen:
            seen.add(key)
            kept.append(value)
    return kept


# ---------------------------------------------------------------- names


def _names(relation: Relation, page: Page, evidence: Evidence) -> Iterator[Value]:
    direct = list(_filled(relation, page, evidence))
    if relation.gender is not None:
        direct = _of_gender(direct, relation.gender)
    yield from direct
    if relation.inverse:
        yield from _inverse(relation, page, evidence)
    elif not direct and relation.value == "name":
        yield from _makers(relation, page, evidence)


def _filled(relation: Relation, page: Page, evidence: Evidence) -> Iterator[Value]:
    """Names beside the relation's patterns, in the page's own sentences and in those that name it."""
    for sentence in page.sentences:
        yield from _in_sentence(relation, sentence, page, evidence, own=True)
    for sentence in evidence.mentions(page):
        yield from _in_sentence(relation, sentence, page, evidence, own=False)


def _in_sentence(
    relation: Relation, sentence: Sentence, page: Page, evidence: Evidence, *, own: bool
) -> Iterator[Value]:
    text = sentence.text
    runs = evidence.runs[sentence.number]
    for order, pattern in enumerate(relation.after):
        for match in pattern.finditer(text):
            if own or _speaks_of(page, text, match.start()):
                doubt = order + 0.02 * sentence.number + (0 if own else 3) + _wrong_gender(page, match.group())
                yield from _following(text, runs, match.end(), sentence, page, evidence, doubt)
    for order, pattern in enumerate(relation.before):
        for match in pattern.finditer(text):
            if own or page.named(fold(text[match.end() : match.end() + 80])) or _follows(page, text, match.end()):
                doubt = 0.5 + order + 0.02 * sentence.number + (0 if own else 3)
                yield from _preceding(text, runs, match.start(), sentence, page, evidence, doubt)


_HERS = re.compile(r"\b(?:daughters?|sister|wife|widow|queen|granddaughter|empress|her)\b", re.IGNORECASE)
_HIS = re.compile(r"\b(?:sons?|brother|husband|widower|grandson|his)\b", re.IGNORECASE)


def _wrong_gender(page: Page, trigger: str) -> float:
    """Doubt when the words speak of a woman and the page of a man, or the other way round: they mean someone else."""
    hers, his = _HERS.search(trigger), _HIS.search(trigger)
    if page.female is None or bool(hers) == bool(his):
        return 0.0
    return 2.5 if page.female != bool(hers) else 0.0


def _speaks_of(page: Page, text: str, before: int) -> bool:
    """Whether a foreign sentence has named the page shortly before the trigger, and no one since."""
    words = fold(text[max(0, before - 90) : before])
    return any(at + len(name) >= len(words) - 4 for name in page.names for at in places_of(name, words))


def _is_subject(page: Page, text: str, before: int) -> bool:
    """Whether a foreign sentence names the page right before the trigger, with nothing but small verbs between."""
    words = fold(text[max(0, before - 90) : before])
    places = ((at, name) for name in page.names for at in places_of(name, words))
    return any(all(word in _SMALL for word in words[at + len(name) :]) for at, name in places)


_SMALL = frozenset("is was were are has had have been being first originally who which that also then".split())


def _follows(page: Page, text: str, after: int) -> bool:
    words = fold(text[after : after + 90])
    return any(at <= 4 for name in page.names for at in places_of(name, words))


def _following(
    text: str, runs: list[tuple[int, int]], at: int, sentence: Sentence, page: Page, evidence: Evidence, doubt: float
) -> Iterator[Value]:
    previous = at
    step = 0
    for start, end in runs:
        if end <= at:
            continue
        start = max(start, at)
        gap = text[previous:start]
        if is_nationality(text[start:end]):
            if len(text[at:start]) > 60:
                return
            continue
        linked = _linked(gap) if step == 0 else _AND.match(gap) is not None
        if not linked or step > 3:
            return
        value = replace(_value(text, start, end, sentence, evidence, doubt + 0.1 * step), step=step)
        if not page.named(fold(value.text)):
            yield value
        previous, step = end, step + 1


def _linked(gap: str) -> bool:
    plain = _strip_nationalities(gap)
    return len(gap) <= 80 and _BETWEEN.match(plain) is not None and not _NO_LINK.search(plain)


def _strip_nationalities(gap: str) -> str:
    for nation in reversed(find_nations(gap)):
        gap = gap[: nation.start] + gap[nation.end :].lstrip("-– ")
    return gap


def _preceding(
    text: str, runs: list[tuple[int, int]], at: int, sentence: Sentence, page: Page, evidence: Evidence, doubt: float
) -> Iterator[Value]:
    for start, end in runs:
        if end > at:
            return
        if re.fullmatch(
            r"\s*(?:,?\s*(?:who|also|has|have|had|was|is|\([^)]*\))\s*)*", text[end:at]
        ) and not is_nationality(text[start:end]):
            value = _value(text, start, end, sentence, evidence, doubt)
            if not page.named(fold(value.text)):
                yield value


def _value(text: str, start: int, end: int, sentence: Sentence, evidence: Evidence, doubt: float) -> Value:
    end = (
        start + len(re.sub(r"(?:['’]s?|\.)$", "", text[start:end]))
        if text[end - 1 : end] != "." or text[start:end].count(" ") < 1
        else end
    )
    return Value(text[start:end], sentence, start, end, evidence.page_of(text[start:end]), doubt=doubt)


def _of_gender(values: list[Value], female: bool) -> list[Value]:
    """Values that may be a woman (or a man): a known gender decides, else the first of a pair is the father."""
    kept = []
    for value in values:
        known = female_name(value.text)
        if known is None:
            known = _gender_beside(value)
        if known is None and value.page is not None:
            known = value.page.female
        if known is None:
            kept.append(replace(value, doubt=value.doubt + (0.0 if (value.step > 0) == female else 1.5)))
        elif known == female:
            kept.append(replace(value, doubt=value.doubt - 0.3))
    return kept


def _gender_beside(value: Value) -> bool | None:
    """What the words around a name say: "and his wife, X", "X and her husband"."""
    text = value.sentence.text
    before = re.search(r"\b(wife|mother|mistress|concubine|queen|husband|father)\b[\w\s,]{0,25}$", text[: value.start])
    after = re.match(
        r"[\s,]*(?:and|by|with)\s+(his|her)\s+(?:\w+\s+)?(?:wife|husband|consort|mistress|concubine)\b",
        text[value.end :],
    )
    if before and value.step:
        return before.group(1) not in ("husband", "father")
    return after.group(1) == "her" if after else None


def _inverse(relation: Relation, page: Page, evidence: Evidence) -> Iterator[Value]:
    """Pages that state the relation backwards: the father of X is the page with "father of X"."""
    backwards = (BY_NAME["father"], BY_NAME["mother"]) if relation.inverse == "parent" else (BY_NAME[relation.inverse],)
    for other in evidence.pages:
        if other is page or not other.title or (relation.gender is not None and other.female is (not relation.gender)):
            continue
        for back in backwards:
            for value in _filled(back, other, evidence):
                if value.page is page or page.named(fold(value.text)):
                    yield Value(other.title, value.sentence, 0, 0, other, doubt=1.2 + value.doubt)


def _makers(relation: Relation, page: Page, evidence: Evidence) -> Iterator[Value]:
    """Pages of people that name this work and speak of the trade asked for; the weakest reading."""
    for sentence in evidence.mentions(page):
        other = evidence.pages[sentence.page]
        if other.title and relation.asks.search(other.text):
            yield Value(other.title, sentence, 0, 0, other, doubt=8.0)


# ---------------------------------------------------------------- places, countries, phrases


_PLACE_OF = re.compile(r"\b(?:of|from)\s+(?:the\s+)?$")
_PLACE_LINK = re.compile(
    r"\b(?:in|at|near|on|off|outside)\s+(?:(?:the|a|an|his|her|their|nearby)\s+)?(?:[a-z-]+\s+){0,3}?(?:(?:of|in"
    r"|near|at|called|named)\s+)?$"
)
_HALF = re.compile(r"\s*[–—−]\s*|\s+-\s*|\s*;\s*|\s+died\s+")


def _places(relation: Relation, page: Page, evidence: Evidence) -> Iterator[Value]:
    """Where something happened: the place in the brackets of a life, else the first after the word for it."""
    for sentence in page.sentences:
        if sentence.lead and relation.name in ("birth place", "death place"):
            for start, end in _life_place(
                sentence.text, evidence.runs[sentence.number], relation.name == "death place"
            ):
                yield _whole_place(Value(sentence.text[start:end], sentence, start, end, doubt=0.25), page, evidence)
        yield from _after_place_cue(relation, sentence, page, evidence, 0.02 * sentence.number)
    for sentence in evidence.mentions(page):
        yield from _after_place_cue(relation, sentence, page, evidence, 3.0 + 0.02 * sentence.number)


def _after_place_cue(
    relation: Relation, sentence: Sentence, page: Page, evidence: Evidence, doubt: float
) -> Iterator[Value]:
    text = sentence.text
    for order, pattern in enumerate(relation.after):
        for cue in pattern.finditer(text):
            if sentence.page != page.number and not _speaks_of(page, text, cue.start()):
                continue
            for start, end in evidence.runs[sentence.number]:
                gap = text[cue.end() : start]
                if start < cue.end() or is_nationality(text[start:end]) or page.named(fold(text[start:end])):
                    continue
                if len(gap) > 110 or re.search(r"[.;]\s", gap):
                    break
                if _PLACE_LINK.search(gap) or (len(gap) < 14 and _PLACE_OF.search(gap)):
                    value = Value(text[start:end], sentence, start, end, doubt=doubt + 0.1 * order + len(gap) / 300)
                    yield _whole_place(value, page, evidence)
                    break


def _life_place(text: str, runs: list[tuple[int, int]], death: bool) -> Iterator[tuple[int, int]]:
    """The place in the half of a life's brackets that tells of birth, or death: "(1690, in Dornburg – 1747)"."""
    inside, offset = life_brackets(text)
    parts = list(_HALF.finditer(inside))
    if len(parts) > 1 or not inside or (death and not parts):
        return
    begin, end = (parts[0].end(), len(inside)) if death else (0, parts[0].start() if parts else len(inside))
    if not find_dates(inside[begin:end]):
        return
    for start, stop in runs:
        if offset + begin <= start and stop <= offset + end and not is_nationality(text[start:stop]):
            before = inside[max(0, start - offset - 12) : start - offset]
            if re.search(r"(?:\b(?:in|at|near)\s+|\d,?\s+|^)$", before):
                yield start, stop
                return


def _whole_place(value: Value, page: Page, evidence: Evidence) -> Value:
    """Extend "Saint James" to "Saint James, Port of Spain"."""
    text = value.sentence.text
    end = value.end
    for start, last in evidence.runs[value.sentence.number]:
        if start >= end and _PLACE_JOIN.match(text[end:start]) and not _of_name(page, fold(text[start:last])):
            end = last
        elif start > end:
            break
    return replace(value, text=text[value.start : end], end=end)


def _of_name(page: Page, words: tuple[str, ...]) -> bool:
    return any(set(words) <= set(name) for name in page.names)


def _countries(page: Page) -> Iterator[Value]:
    for sentence in page.sentences:
        opening = re.search(r"\b(?:is|was|are|were)\b", sentence.text)
        begin = opening.end() if opening and sentence.lead else 0
        for nation in find_nations(sentence.text):
            doubt = {"adjective": 0.0, "name": 1.0, "part": 2.0}[nation.how] if nation.start - begin > 12 else 0.0
            doubt += 0.5 * (sentence.number - page.sentences[0].number) + (0.0 if nation.start >= begin else 3.0)
            text = sentence.text[nation.start : nation.end]
            yield Value(text, sentence, nation.start, nation.end, doubt=doubt + nation.start / 1000)


def _phrases(relation: Relation, page: Page) -> Iterator[Value]:
    for sentence in page.sentences:
        for order, pattern in enumerate(relation.after):
            for match in pattern.finditer(sentence.text):
                rest = re.match(
                    r"[^,.;()]{2,80}?(?=\s+(?:in|on|at|for|from|when|while|and|with|by)\b|[,.;()]|$)",
                    sentence.text[match.end() :],
                )
                if rest and not find_dates(rest.group()):
                    start = match.end()
                    yield Value(rest.group(), sentence, start, start + rest.end(), doubt=order + 0.1 * sentence.number)


# ---------------------------------------------------------------- dates


def _dates(relation: Relation, page: Page, evidence: Evidence) -> Iterator[Value]:
    if relation.name in ("birth date", "death date"):
        yield from _life_dates(relation.name == "death date", page, evidence)
        return
    for sentence in page.sentences:
        yield from _dates_after(relation, sentence, 0.1 * sentence.number)
    for sentence in evidence.mentions(page):
        yield from _dates_after(relation, sentence, 4.0, page)
    if relation.name == "release date":
        yield from _dates_of_works(page)


def _dates_after(relation: Relation, sentence: Sentence, doubt: float, page: Page | None = None) -> Iterator[Value]:
    """Dates soon after the relation's words; in a sentence of another page only when those speak of `page`."""
    dates = find_dates(sentence.text)
    for order, pattern in enumerate(relation.after):
        for match in pattern.finditer(sentence.text):
            date = next((date for date in dates if 0 <= date.start - match.end() <= 25), None)
            if date and (page is None or _is_subject(page, sentence.text, match.start())):
                yield _dated(date, sentence, 0.1 * order + doubt)


def _dates_of_works(page: Page) -> Iterator[Value]:
    """The first date of the first sentence: "… is a 1961 Hindi movie"."""
    for sentence in page.sentences[:2]:
        for date in find_dates(sentence.text)[:1]:
            yield _dated(date, sentence, (0.5 if sentence.lead else 1.5) + 0.1 * sentence.number)


def _life_dates(death: bool, page: Page, evidence: Evidence) -> Iterator[Value]:
    cue = _DIED if death else _BORN
    for sentence in page.sentences:
        if sentence.lead:
            date = lifespan(sentence.text)[1 if death else 0]
            if date:
                yield _dated(date, sentence, 0.0 if date.day else 0.4)
        yield from _after_cue(cue, sentence, 0.2 + 0.02 * sentence.number)
    for sentence in evidence.mentions(page):
        yield from _after_cue(cue, sentence, 4.0, page)


def _after_cue(cue: re.Pattern[str], sentence: Sentence, doubt: float, page: Page | None = None) -> Iterator[Value]:
    """Dates after a cue; in a sentence of another page only when the cue speaks of `page`."""
    for match in cue.finditer(sentence.text):
        if page is not None and not _is_subject(page, sentence.text, match.start()):
            continue
        dates = [date for date in find_dates(sentence.text) if match.start() < date.start < match.end()]
        for date in dates[:1]:
            yield _dated(date, sentence, doubt + (0.0 if date.day else 0.3))


def _dated(date: Date, sentence: Sentence, doubt: float) -> Value:
    text = sentence.text[date.start : date.end].rstrip(" ,")
    return Value(text, sentence, date.start, date.start + len(text), date=date, doubt=doubt)
