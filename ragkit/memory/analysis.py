"""What a question asks for, by its words alone: names, times, the kind of answer, and how many units it needs."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ragkit.memory.facets import names_in
from ragkit.memory.periods import Hemisphere
from ragkit.memory.times import Interval, TimeMention, find_times, hull
from ragkit.memory.words import all_words, cjk_pairs, content_words, fold

AnswerType = Literal["when", "how many", "which", "who", "where", "why", "yes/no", "what"]

MOST_TERMS = 400  # of a query; a question pasted with a whole document keeps its first ones
_PHRASE = re.compile(r"\"([^\"\n]{2,120})\"|“([^”\n]{2,120})”|«([^»\n]{2,120})»|「([^」\n]{1,120})」")
_ALL = re.compile(r"\b(?:how\s+many|all|every|list|both|in\s+common|each)\b", re.I)
_PLURAL = re.compile(r"\b(?:which|what)\s+(?:\w+\s+)?(\w{3,}s)\b", re.I)
_SINGULAR_S = re.compile(r"(?:ss|us|is|as)$|^(?:does|was|has|its|yes|always|sports|news|gives|makes|kinds?)$", re.I)
_ORDER = re.compile(r"\b(?:before|after|first|last|since|compare[ds]?|than)\b", re.I)
_WHY = re.compile(r"\b(?:why|would|likely|might)\b", re.I)
_EARLIER = re.compile(
    r"\b(?:used\s+to|before|previous(?:ly)?|former(?:ly)?|earlier|in\s+the\s+past|back\s+then|originally|at\s+first|old)\b",
    re.I,
)
# Names that are common words too: they must be written with a capital to be one.
_COMMON = frozenset(
    "will may mark bill grace hope joy rose june april august art jack sky dawn faith gene drew rob sue pat frank rich "
    "grant chance summer autumn ray max".split()
)
_TYPES: dict[AnswerType, str] = {
    "how many": r"\bhow\s+(?:many|much|often)\b|多少|几[个次]|何[人個回]|いくつ|몇",
    "when": (r"\bwhen\b|\bwhat\s+(?:date|day|year|month|time)\b|\bhow\s+long\b|什么时候|何时|几月|いつ|언제"),
    "who": r"\bwho(?:m|se)?\b|谁|誰|누구",
    "where": r"\bwhere\b|哪里|哪儿|どこ|어디",
    "why": r"\bwhy\b|为什么|なぜ|どうして|왜",
    "which": r"\bwhich\b|哪[个些]|どの|どれ|어느",
    "yes/no": (
        r"^\W*(?:is|are|am|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might)\b|吗[？?]?$"
    ),
}
_TYPE_PATTERNS = tuple((kind, re.compile(pattern, re.I)) for kind, pattern in _TYPES.items())


@dataclass(frozen=True, slots=True)
class Question:
    """A question taken apart.

    `words` are its content words once each (all its words when it has no others), `phrases` what it quotes, `persons`
    and `entities` folded names, `times` what it tells of time, resolved where it was asked, `complexity` 0 to 1, `k`
    how many units it needs, `grams` the character pairs of its CJK parts, `past` whether it asks how things were.
    """

    text: str
    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    times: tuple[TimeMention, ...] = ()
    answer_type: AnswerType = "what"
    complexity: float = 0.0
    k: int = 6
    grams: tuple[str, ...] = ()
    past: bool = False

    @property
    def interval(self) -> Interval | None:
        """The smallest interval that holds all times asked for; None without any."""
        return hull([mention.interval for mention in self.times])

    @property
    def fts(self) -> str:
        """The question for full-text search; "" when it has no letter or digit."""
        return fts_query(self.words, self.phrases)


def analyse(
    question: str,
    at_us: int,
    offset_minutes: int = 0,
    known_names: Collection[str] = (),
    *,
    k: int | None = None,
    k_base: int = 6,
    delta: float = 2.0,
    k_min: int = 3,
    k_max: int = 20,
    hemisphere: Hemisphere = "north",
) -> Question:
    """Take a question apart that is asked at `at_us` (microseconds UTC).

    `known_names` are the persons of the scope, folded (`words.fold`). Without `k` its depth grows with its complexity:
    floor(k_base * (1 + delta * C)), clamped to k_min and k_max.
    """
    persons = _persons(question, known_names)
    entities = tuple(
        dict.fromkeys(
            fold(name)
            for name, _ in names_in(question, known_names)
            if fold(name) not in persons and not set(fold(name).split()) <= set(persons)
        )
    )
    words = tuple(dict.fromkeys(content_words(question))) or tuple(dict.fromkeys(all_words(question)))
    complexity = complexity_of(question, len(persons) + len(entities))
    depth = max(k_min, min(k_max, math.floor(k_base * (1 + delta * complexity) + 1e-9)))
    return Question(
        text=question,
        words=words[:MOST_TERMS],
        phrases=tuple(next(part for part in match if part).strip() for match in _PHRASE.findall(question)),
        persons=persons,
        entities=entities,
        times=tuple(find_times(question, at_us, offset_minutes, hemisphere=hemisphere)),
        answer_type=answer_type(question),
        complexity=complexity,
        k=depth if k is None else k,
        grams=tuple(dict.fromkeys(cjk_pairs(question)))[:MOST_TERMS],
        past=_EARLIER.search(question) is not None,
    )


def answer_type(question: str) -> AnswerType:
    """The kind of answer a question wants."""
    return next((kind for kind, pattern in _TYPE_PATTERNS if pattern.search(question)), "what")


def complexity_of(question: str, names: int) -> float:
    """0 to 1: long, about all of something, about an order, about several names, about reasons."""
    plural = any(not _SINGULAR_S.search(match[1]) for match in _PLURAL.finditer(question))
    parts = (
        0.15 * (len(all_words(question)) > 12),
        0.25 * (plural or _ALL.search(question) is not None),
        0.25 * (_ORDER.search(question) is not None),
        0.20 * (names >= 2),
        0.15 * (_WHY.search(question) is not None),
    )
    return min(1.0, sum(parts))


def _persons(question: str, known: Collection[str]) -> tuple[str, ...]:
    """The known names a question names, longest first where they overlap, in order of place."""
    tokens = [(match.start(), match[0]) for match in re.finditer(r"[^\W_]+(?:[-.][^\W_]+)*", question)]
    found: list[str] = []
    place = 0
    while place < len(tokens):
        for length in (4, 3, 2, 1):
            if place + length > len(tokens):
                continue
            start, (end, last) = tokens[place][0], tokens[place + length - 1]
            shown = question[start : end + len(last)]
            name = fold(shown)
            if name in known and (name not in _COMMON or shown[0].isupper()):
                found.append(name)
                place += length
                break
        else:
            place += 1
    if not question.isascii():  # scripts without blanks between words
        folded = fold(question)
        inside = (name for name in known if not name.isascii() and len(name) > 1 and name in folded)
        found += sorted(inside, key=lambda name: (folded.index(name), name))
    return tuple(dict.fromkeys(found))


def fts_query(words: Iterable[str], phrases: Sequence[str] = ()) -> str:
    """An FTS5 query that holds any of the words or phrases; "" for none.

    Every term is quoted, so nothing in it is an operator or a column. A term FTS5 would find no token in is left out,
    and a run of CJK characters is asked for by its pairs.
    """
    terms: dict[str, None] = {}
    for word in [*words, *(phrase for phrase in phrases if len(all_words(phrase)) > 1)]:
        clean = " ".join(all_words(word))
        if clean:
            terms[clean] = None
    return " OR ".join('"' + term.replace('"', '""') + '"' for term in list(terms)[:MOST_TERMS])


def fts_grams(text: str) -> str:
    """An FTS5 query for any character pair of the CJK runs of a text; "" for none."""
    return fts_query(pair for pair in dict.fromkeys(cjk_pairs(text)))
