"""What a text can be found by besides its words: persons, names of things, quantities, links, keywords.

Rules only. A recogniser of names (spaCy, GLiNER, …) may be plugged in through one protocol, `FacetExtractor`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Protocol, runtime_checkable

from ragkit.memory.timewords import DAYS, MONTHS
from ragkit.memory.types import Facet, FacetKind
from ragkit.memory.words import STOP, content_words, fold

LONGEST = 200  # characters of a value; longer ones are no names
KEYWORDS = 8

_CAPITAL = r"(?:[^\W\d_a-zß-öø-ÿ][\w&]*(?:['’-][^\W\d_]\w*){0,3})"
_LINK = r"(?:\s(?:of|the|de|von|van|del|la|and\sthe|of\sthe))?"
_RUN = re.compile(rf"(?<![\w@./'’-]){_CAPITAL}(?:{_LINK}[ \t]{{1,2}}(?:{_CAPITAL}|\d{{1,4}}\b)){{0,6}}")
_SENTENCE_START = re.compile(r"(?:^|[.!?…:]['\"”’)\]]?\s{1,4}|\n\s{0,4}|[\"“(\[*•-]\s{0,2})$")
_POSSESSIVE = re.compile(r"['’]s$")
_SPEAKS = re.compile(r"(?:['’]s\b|\s{1,2}(?:said|says|told|asked|replied|wrote|thinks|thought|suggested|mentioned)\b)")
_QUOTED = re.compile(
    r"(?<!\w)(?:\"([^\"\n]{2,80})\"|“([^”\n]{2,80})”|«([^»\n]{2,80})»|「([^」\n]{1,80})」|《([^》\n]{1,80})》)"
)
_URL = re.compile(r"\bhttps?://[^\s<>\"'”)\]]{1,300}|\bwww\.[^\s<>\"'”)\]]{1,300}", re.I)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_QUANTITY = re.compile(
    r"(?<![\w.])(?P<sign>[$€£¥])\s?(?P<money>\d{1,12}(?:[.,]\d{1,3}){0,4})(?:\s?(?P<scale>k|m|million|billion|thousand)\b)?"
    r"|(?<![\w.,$€£¥])(?P<number>\d{1,12}(?:[.,]\d{1,3}){0,4})\s?(?P<unit>%|°[CF]?|percent|km|kilomet(?:er|re)s?|miles?|m|meters?|metres?|cm|mm"
    r"|kg|kilos?|grams?|g|lbs?|pounds|ounces|oz|litres?|liters?|l|ml|hours?|hrs?|minutes?|mins?|seconds?|days?|weeks?|months?"
    r"|years?|dollars|euros|bucks|usd|eur|people|pages|points|calories|kcal|gb|mb|mph|times|pieces)(?!\w)",
    re.I,
)
_NO_NAME = frozenset({*DAYS, *MONTHS}) | frozenset(
    "i ok okay yes yeah no hey hi hello wow thanks oh lol omg today tomorrow yesterday tonight let mr mrs ms dr "
    "everyone everything someone something nothing nobody one mon tue wed thu fri sat sun jan feb mar apr jun jul "
    "aug sep sept oct nov dec".split()
)
_PLACES = frozenset({"GPE", "LOC", "FAC"})
_UNNAMED = frozenset({"DATE", "TIME", "CARDINAL", "ORDINAL", "QUANTITY", "PERCENT", "MONEY"})


@runtime_checkable
class FacetExtractor(Protocol):
    """Finds facets in a text; what it finds is added to what the rules find."""

    def extract(self, text: str) -> Iterable[Facet]: ...


def facet(kind: FacetKind, shown: str) -> Facet | None:
    """The facet of a value as it is written, None when nothing of it is left to compare or it is too long."""
    shown = " ".join(shown.split())
    norm = fold(shown)
    return Facet(kind, norm, shown) if norm and len(norm) <= LONGEST else None


def facets_of(
    text: str,
    speaker: str,
    known_names: Collection[str] = (),
    *,
    weight: Callable[[str], float] | None = None,
    keywords: int = KEYWORDS,
    extractors: Iterable[FacetExtractor] = (),
) -> list[Facet]:
    """The facets of a message, each once, ordered by kind and norm.

    persons: the speaker, capitalised names among `known_names` (folded), and whoever has something or says it ("Bo's",
    "Bo said"); entities: other capitalised names inside a sentence, quoted titles, quantities, URLs, e-mail addresses;
    keywords: the `keywords` words with the highest count times `weight` (its rarity in the scope; 1 for all without).
    """
    found: dict[tuple[str, str], Facet] = {}

    def keep(kind: FacetKind, shown: str) -> None:
        one = facet(kind, shown)
        if one is not None:
            found.setdefault((one.kind, one.norm), one)

    keep("person", speaker)
    links = [*_URL.finditer(text), *_EMAIL.finditer(text)]
    for link in links:
        keep("entity", link[0].rstrip(".,;:!?"))
    for name, is_person in _names(text, known_names, [link.span() for link in links]):
        keep("person" if is_person else "entity", name)
    for quoted in _QUOTED.finditer(text):
        title = next(group for group in quoted.groups() if group)
        if not title.isascii() or title[0].isupper() or title[0].isdigit():
            keep("entity", title.strip(" .,;:!?"))
    for quantity in _QUANTITY.finditer(text):
        keep("entity", _quantity(quantity))
    for word in top_words(content_words(text), keywords, weight):
        keep("keyword", word)
    for extractor in extractors:
        for one in extractor.extract(text):
            found.setdefault((one.kind, one.norm), one)
    return sorted(found.values())


def persons_in(text: str, known_names: Collection[str]) -> list[str]:
    """The persons a text names, as written, in order; `known_names` are folded."""
    return [name for name, is_person in _names(text, known_names, []) if is_person]


def names_in(text: str, known_names: Collection[str] = ()) -> list[tuple[str, bool]]:
    """The capitalised names inside sentences, in order, and whether each is a person."""
    return _names(text, known_names, [])


def _names(text: str, known: Collection[str], taken: list[tuple[int, int]]) -> list[tuple[str, bool]]:
    names: list[tuple[str, bool]] = []
    for run in _RUN.finditer(text):
        if any(start <= run.start() < end for start, end in taken):
            continue
        first = _SENTENCE_START.search(text[max(0, run.start() - 8) : run.start()]) is not None
        shown = _POSSESSIVE.sub("", run[0])
        # "Life's hard" begins with no person: first in a sentence, only who is known has something.
        has = (shown != run[0] and not first) or _SPEAKS.match(text, run.end()) is not None
        names += _split_run(shown, first, has, known)
    return names


def _split_run(shown: str, first: bool, has: bool, known: Collection[str]) -> list[tuple[str, bool]]:
    """One run of capitals as names: known persons apart, no words that are merely first in a sentence."""
    if fold(shown) in known:
        return [(shown, True)]
    parts = shown.split()
    while parts and _empty(parts[0]):
        parts, first = parts[1:], False
    while parts and (_empty(parts[-1]) or parts[-1].islower()):
        parts = parts[:-1]
    if not parts:
        return []
    persons = [(part, True) for part in parts if fold(_POSSESSIVE.sub("", part)) in known]
    if persons and len(parts) <= 2:
        return (
            [(_POSSESSIVE.sub("", part), True) for part, _ in persons]
            if len(persons) == len(parts)
            else [(" ".join(parts), True)]
        )
    name = " ".join(parts)
    if len(parts) == 1 and (len(name) < 2 or (first and not has and not _is_acronym(name))):
        return persons
    return [*persons, (name, has and len(parts) <= 2 and not _is_acronym(name))]


def _empty(part: str) -> bool:
    word = _POSSESSIVE.sub("", part).lower().replace("’", "'")
    return word in STOP or word in _NO_NAME or word.partition("'")[0] in STOP or word[0].isdigit()


def _is_acronym(name: str) -> bool:
    return len(name) > 1 and name.isupper()


def _quantity(match: re.Match[str]) -> str:
    if match["sign"]:
        return match["sign"] + match["money"] + (" " + match["scale"] if match["scale"] else "")
    return f"{match['number']} {match['unit'].lower()}"


def top_words(words: Iterable[str], count: int, weight: Callable[[str], float] | None = None) -> list[str]:
    """The `count` words with the highest count times weight, heaviest first, ties in alphabetical order."""
    counts = Counter(word for word in words if len(word) > 1 and not word.isdecimal())
    scored = sorted(counts, key=lambda word: (-counts[word] * (weight(word) if weight else 1.0), word))
    return scored[: max(0, count)]


class SpacyFacets:
    """Persons, places and other names by spaCy's packaged English model, or any other installed one.

    Raises `ModelError` on first use when the model is not installed.
    """

    def __init__(self, model: str = "en") -> None:
        self.model = model

    def extract(self, text: str) -> list[Facet]:
        """The named entities of the text; dates and numbers are left to the rules."""
        from ragkit.text.recogniser import recognise

        found: list[Facet] = []
        for start, end, label in next(recognise([text], self.model), []):
            if label in _UNNAMED:
                continue
            kind: FacetKind = "person" if label in ("PERSON", "PER") else "location" if label in _PLACES else "entity"
            one = facet(kind, _POSSESSIVE.sub("", text[start:end]))
            if one is not None:
                found.append(one)
        return found
