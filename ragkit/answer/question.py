"""What a question asks: about which pages, along which relations, for which kind of answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ragkit.answer.evidence import Evidence, Page
from ragkit.answer.names import Folded, core, fold, name_runs, places_of
from ragkit.answer.nations import is_nationality
from ragkit.answer.relation import Relation
from ragkit.answer.relations import BY_NAME, KINSHIP, RELATIONS

Wants = Literal["yes_no", "choice", "date", "place", "person", "number", "country", "thing"]

GAP = "\u25a1"  # stands for a name taken out of the question

_WORD = re.compile(r"\w+")
_STOP = frozenset(
    "a an the of in on at to for from by with and or as is are was were be been being do does did has have had can "
    "could will would "
    "should may might must that this these those which what who whom whose when where why how it its he she his her "
    "they their them "
    "there than then so such both either each other one ones same name named called s t also not into about out up "
    "over between "
    "during after before while i you we me my your our if".split()
)
# Words saying what kind of thing a name is; they add nothing a page about it must contain.
_KINDS = frozenset(
    "film films movie movies song songs album albums single band bands group book books novel magazine magazines "
    "person people man woman "
    "show series company companies business businesses place work works school university actor actress place date "
    "year".split()
)
_AUXILIARY = frozenset("is are was were do does did has have had can could will would should".split())
_MIN = re.compile(
    r"\b(?:first|earlier|earliest|older|oldest|elder|eldest|before|smaller|smallest|fewer|fewest|less|least|lower"
    r"|lowest|shorter|shortest)\b",
    re.IGNORECASE,
)
_MAX = re.compile(
    r"\b(?:later|latest|last|younger|youngest|newer|newest|(?:more )?recent(?:ly)?|longer|longest|larger|largest"
    r"|bigger|biggest|more|most|higher|highest|greater|greatest|taller|tallest|after)\b",
    re.IGNORECASE,
)
_MEASURES = (
    ("life length", re.compile(r"\blived? (?:longer|shorter)|\blonger life", re.IGNORECASE)),
    ("death date", re.compile(r"\bdie[ds]?\b|\bdeath\b|passed away", re.IGNORECASE)),
    (
        "birth date",
        re.compile(r"\bborn\b|\bolder\b|\boldest\b|\byounger\b|\byoungest\b|\bbirth|\belde(?:r|st)\b", re.IGNORECASE),
    ),
    (
        "release date",
        re.compile(r"\breleased?\b|\bc[ao]me out\b|\bpremiered?\b|\baired\b|\bnewer\b|\brecorded\b", re.IGNORECASE),
    ),
    (
        "founding date",
        re.compile(
            r"\bfounded\b|\bestablished\b|\bformed\b|\bstarted\b|\bcreated\b|\bopened\b"
            r"|\bbuilt\b|\bbegan\b|\blaunched\b|\bcompleted\b|\bpublished\b|\bintroduced\b",
            re.IGNORECASE,
        ),
    ),
)
_MIDDLE = re.compile(r"\s*(?:,\s*)?(?:\bor\b|\band\b)\s*", re.IGNORECASE)


LONGEST = 1200


@dataclass(frozen=True, slots=True)
class Topic:
    """A name of the question that some page is about: characters `start` to `end`, and those pages, best first."""

    name: str
    start: int
    end: int
    pages: tuple[Page, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question understood, as far as its words allow.

    `path` leads from the topics to the answer by the names of relations; `measure` and `least` say what a comparison
    compares and whether the least wins. `words` are its words of substance, `extra` those that neither a topic nor a
    relation accounts for, and `unknown` the names in it that the evidence never mentions.
    """

    text: str
    wants: Wants
    noun: str
    topics: tuple[Topic, ...]
    path: tuple[Relation, ...]
    asked: tuple[Relation, ...]
    measure: str
    least: bool
    options: tuple[str, ...]
    words: tuple[str, ...]
    extra: tuple[str, ...]
    names: tuple[str, ...]
    unknown: tuple[str, ...]


def understand(text: str, evidence: Evidence) -> Question:
    """Read a question against the evidence: which of its names are pages there, and what it asks of them.

    Of a question longer than `LONGEST` characters only its beginning and its end are read.
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} {text[-LONGEST // 2 :]}"
    topics = find_topics(text, evidence)
    rest = _without(text, topics)
    asked, spans = find_relations(rest)
    comparison = _comparison(rest, text, topics)
    options = _options(text)
    wants, noun = _wants(text, rest, _sets_side_by_side(rest, topics, options), bool(topics) and topics[0].start == 0)
    names, unknown = _names(text, topics, evidence)
    words = tuple(word for word in dict.fromkeys(fold(text)) if word not in _STOP)
    spent = [*spans, *name_runs(rest)]
    outside = "".join(" " if any(a <= at < b for a, b in spent) else letter for at, letter in enumerate(rest))
    extra = tuple(word for word in dict.fromkeys(fold(outside)) if word not in _STOP and word not in _KINDS)
    measure, least = comparison if comparison and wants in ("choice", "yes_no") else ("", True)
    return Question(
        text,
        wants,
        noun,
        topics,
        _path(asked, spans, rest),
        asked,
        measure,
        least,
        options,
        words,
        extra,
        names,
        unknown,
    )


# ---------------------------------------------------------------- topics


def find_topics(text: str, evidence: Evidence) -> tuple[Topic, ...]:
    """The pages a question names, in the order it names them; the longest names win where they overlap."""
    spans, words = _words(text)
    cased = any(letter.isupper() for letter in text[1:])
    runs = name_runs(text)
    found: dict[tuple[int, int], list[tuple[int, Page]]] = {}
    for page in evidence.pages:
        for order, name in enumerate(page.names):
            for at in places_of(name, words):
                first, last = spans[at][0], spans[at + len(name) - 1][1]
                if _may_name(text[first:last], name, cased) and not _part_of_longer(text, first, last, runs):
                    found.setdefault((first, last), []).append((order, page))
    taken: list[Topic] = []
    for (first, last), pages in sorted(found.items(), key=lambda item: (item[0][0] - item[0][1], item[0])):
        if not any(first < topic.end and topic.start < last for topic in taken):
            ordered = tuple(
                dict.fromkeys(page for _, page in sorted(pages, key=lambda pair: (pair[0] > 1, pair[1].rank)))
            )
            if "(" in text[first:last] and text[last : last + 1] == ")":
                last += 1
            taken.append(Topic(text[first:last], first, last, ordered))
    return tuple(sorted(taken, key=lambda topic: topic.start))


def _words(text: str) -> tuple[list[tuple[int, int]], Folded]:
    spans: list[tuple[int, int]] = []
    words: list[str] = []
    for match in _WORD.finditer(text):
        for word in fold(match.group()):
            spans.append(match.span())
            words.append(word)
    return spans, tuple(words)


def _may_name(written: str, name: Folded, cased: bool) -> bool:
    if cased and written.islower():
        return False
    if all(word in _STOP or word in _KINDS for word in name):
        return len(name) > 1 and written[0].isupper() and written[-1:] != "s" and cased
    return len(name) > 1 or len(name[0]) > 2 or not written.isascii() or written.isupper()


def _part_of_longer(text: str, first: int, last: int, runs: Sequence[tuple[int, int]]) -> bool:
    """Whether a name is only part of a longer one: "Only You" in "I Like Only You"; ranks, nationalities aside."""
    for start, end in runs:
        if start <= first and last <= end:
            for rest in (text[start:first], text[last:end]):
                words = [word for word in fold(rest) if word not in _STOP and word not in _KINDS]
                if words and core((*words, "x")) != ("x",) and not is_nationality(rest.strip()):
                    return True
    return False


def _without(text: str, topics: tuple[Topic, ...]) -> str:
    rest = text
    for topic in reversed(topics):
        rest = rest[: topic.start] + GAP * (topic.end - topic.start) + rest[topic.end :]
    return rest


# ---------------------------------------------------------------- relations


def find_relations(rest: str) -> tuple[tuple[Relation, ...], list[tuple[int, int]]]:
    """The relations a question (its topics taken out) asks, in the order of its words, and where."""
    found: list[tuple[int, int, tuple[str, ...]]] = []
    for pattern, steps in KINSHIP:
        for match in pattern.finditer(rest):
            if not _overlaps(match.span(), found):
                found.append((*match.span(), steps))
    facts = [relation for relation in RELATIONS if relation.value not in ("name", "phrase")]
    _ask(facts, rest, found)
    found = _one_fact(sorted(found))
    _ask([relation for relation in RELATIONS if relation not in facts], rest, found)
    found.sort()
    relations = tuple(BY_NAME[step] for _, _, steps in found for step in steps)
    spans = [(start, end) for start, end, steps in found for _ in steps]
    return relations, spans


def _ask(relations: Sequence[Relation], rest: str, found: list[tuple[int, int, tuple[str, ...]]]) -> None:
    """Add the relations these words ask for where nothing else was found."""
    for relation in relations:
        for match in relation.asks.finditer(rest):
            # "where … born" spans the words between; only its last word is spent, so that others may ask there too
            start = match.start() if match.end() - match.start() < 24 else match.end() - len(match.group().split()[-1])
            span = (start, match.end())
            if not _overlaps(span, found):
                found.append((*span, (relation.name,)))


def _one_fact(found: list[tuple[int, int, tuple[str, ...]]]) -> list[tuple[int, int, tuple[str, ...]]]:
    """Of several plain facts keep the one asked last: founding in "when was the company that published X founded"."""
    facts = [item for item in found if BY_NAME[item[2][0]].value not in ("name", "phrase")]
    last = max(facts, key=lambda item: item[1], default=None)
    return [item for item in found if item not in facts or item is last]


def _overlaps(span: tuple[int, int], found: list[tuple[int, int, tuple[str, ...]]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end, _ in found)


_POINTS_BACK = re.compile(r"\s*(?:of|to)\s+(?:which|what|who)", re.IGNORECASE)


def _path(asked: tuple[Relation, ...], spans: list[tuple[int, int]], rest: str) -> tuple[Relation, ...]:
    """The relations in the order to follow them: the nearest to the topic first, plain facts last."""
    gaps = [at for at, letter in enumerate(rest) if letter == GAP]
    if not gaps:
        return asked

    def distance(number: int) -> tuple[bool, int, int]:
        start, end = spans[number]
        near = min(abs(at - start) if at < start else abs(at - end) for at in gaps)
        return asked[number].final, near, number

    ordered = sorted(range(len(asked)), key=distance)
    steps = []
    for number in ordered:
        relation = asked[number]
        if relation.inverse and _POINTS_BACK.match(rest, spans[number][1]):
            relation = BY_NAME[relation.inverse]
        steps.append(relation)
    return tuple(steps)


# ---------------------------------------------------------------- the kind of answer


def _comparison(rest: str, text: str, topics: tuple[Topic, ...]) -> tuple[str, bool] | None:
    """What a question compares and whether the least wins, or None when it compares nothing."""
    if not re.search(r"\bor\b|\band\b|\bthan\b", rest, re.IGNORECASE) and len(topics) < 2:
        return None
    least, most = _MIN.search(rest), _MAX.search(rest)
    if not (least or most):
        return None
    measure = next((name for name, cue in _MEASURES if cue.search(rest)), "number")
    wins = least is not None and (most is None or least.start() < most.start())
    if measure == "birth date" and re.search(r"\byounge", rest, re.IGNORECASE):
        wins = False
    return measure, wins


_NOUN = re.compile(
    r"\b(?:which|what)\s+((?:[\w'’-]+\s+){0,3}?[\w'’-]+?)(?=\s+(?:is|are|was|were|did|do|does|has"
    r"|have|had|can|that|which|who|whose|in|of|by|for|to|on|from|with|□|[a-z]{2,}ed|made|won|wrote|sang|came|took"
    r"|gave|led|beat|built|became|lies|holds)\b|[?,]|\s*$)",
    re.IGNORECASE,
)
_WH: tuple[tuple[Wants, str], ...] = (
    (
        "date",
        r"\bwhen\b|\b(?:what|which)\s+(?:\w+\s+)?(?:year|date|day|month|decade|century)\b|\bdate of\b"
        r"|\bbirthday\b",
    ),
    ("country", r"\b(?:(?:what|which)\s+)?nationality\b|\b(?:what|which)\s+country\b"),
    (
        "number",
        r"\bhow (?:many|much|old|long|tall|far|large|big|high|fast|often)\b|\b(?:what"
        r"|which)\s+(?:\w+\s+)?(?:number|population|percentage|amount|distance|age|height|length|price"
        r"|capacity)\b|\bnumber of\b|\bpopulation\b",
    ),
    (
        "place",
        r"\bwhere\b|\bplace of\b|\b(?:what|which)\s+(?:\w+\s+){0,2}(?:city|town|village|state|county|place"
        r"|island|region|province|district|continent|location|river|neighbou?rhood|borough|capital|suburb)\b",
    ),
    (
        "person",
        r"\bwho(?:m|se)?\b|\b(?:what|which)\s+(?:[\w'’-]+\s+){0,3}(?:actor|actress|singer|author|writer"
        r"|director|person|man|woman|president|king|queen|player|politician|musician|artist|composer|producer"
        r"|rapper|senator|poet|coach|scientist|philosopher|comedian|model|prince|emperor|general|footballer"
        r"|boxer|driver|guitarist|drummer|painter|novelist|journalist|architect|inventor|explorer|wrestler"
        r"|mathematician)\b",
    ),
)


def _sets_side_by_side(rest: str, topics: tuple[Topic, ...], options: tuple[str, ...]) -> bool:
    """Whether a question asks to choose between two names: "A or B", "out of A and B"."""
    if len(topics) >= 2 and re.search(rf"{GAP}[^{GAP}]{{0,12}}\bor\b[^{GAP}]{{0,12}}{GAP}", rest):
        return True
    named = len(options) == 2 and all(
        option[:1].isupper() or option[:1].isdigit() or option.islower() for option in options
    )
    return named and re.search(r"\bor\b|\bout of\b|\bbetween\b", rest, re.IGNORECASE) is not None


def _wants(text: str, rest: str, side_by_side: bool, name_first: bool) -> tuple[Wants, str]:
    first = "" if name_first else (fold(text) or ("",))[0]
    noun = _NOUN.search(rest)
    word = noun.group(1).split()[-1].lower() if noun else ""
    asks = re.search(r"\b(?:who|what|which|whom|whose|when|where|how)\b", text, re.IGNORECASE)
    if side_by_side:
        return "choice", word
    if first in _AUXILIARY and not (asks and asks.start() < 12):
        return "yes_no", word
    # The question word that comes first asks, relative pronouns after all others: "Who was mayor of the city where …",
    # "… was Chiang, who died on which date?"
    asking = [
        (_is_relative(rest, found), found.start(), order, wants)
        for order, (wants, pattern) in enumerate(_WH)
        if (found := re.search(pattern, rest, re.IGNORECASE))
    ]
    return (min(asking)[3], word) if asking else ("thing", word)


_RELATIVE = re.compile(r"(?:who(?:m|se)?|where|when)$", re.IGNORECASE)


def _is_relative(text: str, found: re.Match[str]) -> bool:
    """Whether a question word stands inside the question, where it mostly begins a clause."""
    return _RELATIVE.match(found.group()) is not None and len(fold(text[: found.start()])) > 1


def _options(text: str) -> tuple[str, ...]:
    """The two things a question sets side by side: "…, A or B?", "out of A and B", "Was A or B … first?"."""
    plain = text.strip().rstrip("?").strip()
    for pattern in (
        r"\b(?:between|out of)\s+(?P<a>.+?),?\s+(?:or|and)\s+(?P<b>[^,]+(?:,[^,]+)?)$",
        r"(?:,|:|\bfirst|\blater|\bearlier|\bolder|\byounger)\s+(?P<a>.+?),?\s+(?:or|and)\s+(?P<b>[^,]+(?:,[^,]+)?)$",
        r"^(?:was|were|is|are|did|do|does|has|have)\s+(?:both\s+)?(?P<a>.+?),?\s+(?:or|and)\s+(?P<b>.+?),?\s+(?:both"
        r"|born|the|from|of|located|have|share|in|released|come|an?|older|younger|died?|founded|published)\b",
    ):
        match = re.search(pattern, plain, re.IGNORECASE)
        if match:
            return match["a"].strip(" ,"), match["b"].strip(" ,")
    return ()


# ---------------------------------------------------------------- names


def _names(text: str, topics: tuple[Topic, ...], evidence: Evidence) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The question's names that are no page's, and of these the ones whose words the evidence never holds."""
    names: list[str] = []
    unknown: list[str] = []
    for start, end in [*name_runs(text), *(match.span(1) for match in re.finditer(r'["“]([^"“”]+)["”]', text))]:
        if any(start < topic.end and topic.start < end for topic in topics):
            continue
        folded = fold(re.sub(r"['’]s?$", "", text[start:end]))
        words = [word for word in folded if word not in _STOP]
        if (
            not words
            or all(word in _KINDS for word in words)
            or (start == 0 and len(folded) == 1 and folded[0] in _STOP)
        ):
            continue
        names.append(text[start:end])
        if not _mentioned(frozenset(words), evidence):
            unknown.append(text[start:end])
    return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(unknown))


def _mentioned(words: frozenset[str], evidence: Evidence) -> bool:
    """Whether some sentence, with the title of its page, holds two thirds of the words of a name."""
    if not all(evidence.frequency[word] for word in words) and len(words) == 1:
        return False
    return any(
        3 * len(words & held) >= 2 * len(words)
        for held in (evidence.words_of(number) for number in range(len(evidence.sentences)))
    )
