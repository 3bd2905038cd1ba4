"""Statements about a state that holds until another is told: where somebody lives, works, what a favourite is.

The later statement about the same slot of the same person, with another value, supersedes the earlier one, which stays
and is returned for questions about the past. Slots are few and read from fixed phrases: a wrong supersession hides
something true, a missed one leaves both in view, newest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ragkit.memory.words import STOP, content_words, fold

MOSTLY = 0.6  # of the content words of a turn, so that the turn as a whole counts as that statement

_WHO = r"(?:\b(?P<i>I)|(?<![\w'’])(?P<name>[^\W\d_a-z][\w-]{1,30}(?:\s[^\W\d_a-z][\w-]{1,30}){0,2}))"
_OWN = r"(?:\b(?P<i>[Mm]y)|(?<![\w'’])(?P<name>[^\W\d_a-z][\w-]{1,30})['’]s)"
_OFTEN = r"(?:\s(?:just|now|recently|finally|currently|still|have|has|am|is|actually|already))"
_BE = r"(?:['’](?:ve|m|s))?"
_OBJECT = r"(?P<object>[^.,;:!?\n()\[\]]{1,80})"
_PLACE = r"(?P<object>(?:the\s)?[^\W\d_a-z][^.,;:!?\n()\[\]]{0,60})"
_THING = (
    r"(?P<thing>(?:phone|mobile|cell|e-?mail|home|postal|work|office|delivery|shipping)\s(?:number|address)|number|address"
    r"|e-?mail|job|boss|manager|doctor|dentist|therapist|coach|teacher|username|birthday|car|bike|landlord|flatmate"
    r"|roommate|role|title|major|shoe\ssize|due\sdate|deadline|allergy|flight|appointment|bank|gym|school)"
)
_STATES = {
    "marital": "single married engaged divorced widowed",
    "diet": "vegan vegetarian pescatarian",
    "work": "unemployed retired employed freelance",
}
_STATE_OF = {word: slot for slot, words in _STATES.items() for word in words.split()}
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("live", rf"{_WHO}{_BE}{_OFTEN}{{0,2}}\s(?:live|lives|living|reside|resides)\s(?:in|at|near)\s{_PLACE}"),
    ("live", rf"{_WHO}{_BE}{_OFTEN}{{0,2}}\s(?:moved|relocated)\s(?:back\s)?(?:in)?to\s{_PLACE}"),
    ("work", rf"{_WHO}{_BE}{_OFTEN}{{0,2}}\s(?:work|works|working)\s(?:at|for)\s{_PLACE}"),
    (
        "work",
        rf"{_WHO}{_BE}{_OFTEN}{{0,2}}\s(?:started|got|took)\s(?:working|a\s(?:new\s)?(?:job|position))\s(?:at|for|with)\s{_PLACE}",
    ),
    ("drive", rf"{_WHO}{_BE}{_OFTEN}{{0,2}}\s(?:drive|drives)\san?\s{_OBJECT}"),
    (
        "favourite",
        rf"{_OWN}\s(?:new\s|current\s|all-time\s)?favou?rite\s(?P<thing>[^\W\d_]{{2,20}}(?:\s[^\W\d_]{{2,20}})?)"
        rf"(?:\sis|\sare|['’]s)\s(?:now\s)?{_OBJECT}",
    ),
    ("own", rf"{_OWN}\s(?:new\s|current\s)?{_THING}(?:\sis|\sare|['’]s|\s(?:has\s)?changed\sto)\s(?:now\s)?{_OBJECT}"),
    (
        "state",
        rf"{_WHO}(?:['’](?:m|s)|\sam|\sis){_OFTEN}?\s(?:an?\s)?(?P<object>{'|'.join(sorted(_STATE_OF))})\b",
    ),
)
_RULES = tuple((slot, re.compile(re.sub(r"\\s(?![{*+?])", r"\\s{1,3}", pattern))) for slot, pattern in _PATTERNS)
_END = re.compile(
    r"\s(?:and|but|because|since|with|for|now|which|who|where|when|while|so|these|right|at\sthe\smoment|instead|as|though"
    r"|if|last|this|next|on|in\s(?:\d|January|February|March|April|May|June|July|August|September|October|November|December))\b"
)
_STOP = re.compile(r"[.!?\n]+(?=\s|$)")
_QUESTION = re.compile(r"[^.!?\n]*\?")
_DENIED = re.compile(r"\s*(?:not|no|never|n['’]t)\b", re.I)
_EMPTY_OBJECT = frozenset("it that there here so very great good nice bad mine yours done over too a an the".split())


class Slot(NamedTuple):
    """A state of a person: `person` and `predicate` say of what, `value` what it is.

    `whole` when the text that tells it tells little else, so that nothing is hidden with it when it is outdated.
    """

    person: str
    predicate: frozenset[str]
    value: frozenset[str]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """A slot told in a unit: it began to hold between `since_us` and `until_us`, and was said at `said_us`."""

    unit: int
    uid: str
    slot: Slot
    since_us: int
    until_us: int
    said_us: int

    @property
    def order(self) -> tuple[int, int, str]:
        """Statements in the order in which they came to hold; what happened "last week" may have been its last day."""
        return min(self.until_us, self.said_us), self.said_us, self.uid


def slots_of(text: str, speaker: str) -> list[Slot]:
    """The states a text tells of, in order of place; questions tell none."""
    stated = _QUESTION.sub(lambda asked: " " * len(asked[0]), text) if "?" in text else text
    found: list[tuple[int, Slot]] = []
    for name, pattern in _RULES:
        for match in pattern.finditer(stated):
            groups = match.groupdict()
            person = fold(speaker if groups.get("i") else groups["name"] or "")
            value = _value(groups["object"])
            if not person or person in STOP or not value or _hedged(stated, match.start()):
                continue
            slot = Slot(person, _predicate(name, groups), value, _tells_little_else(text, match.start(), match.end()))
            found.append((match.start(), slot))
    return [slot for _, slot in sorted(found, key=lambda item: item[0])]


def _tells_little_else(text: str, start: int, end: int) -> bool:
    """Whether the sentence around a match holds most of a text's content words."""
    first = max((stop.end() for stop in _STOP.finditer(text, 0, start)), default=0)
    after = _STOP.search(text, end)
    sentence = text[first : after.start() if after else len(text)]
    return len(content_words(sentence)) >= MOSTLY * len(content_words(text))


def _predicate(name: str, groups: dict[str, str | None]) -> frozenset[str]:
    if name == "state":
        return frozenset({"state", _STATE_OF[(groups["object"] or "").lower()]})
    thing = fold(groups.get("thing") or "").replace("favorite", "favourite").replace("e-mail", "email")
    return frozenset({name, *(word.rstrip("s") for word in thing.split())})


def _value(shown: str) -> frozenset[str]:
    if _DENIED.match(shown):
        return frozenset()
    end = _END.search(shown)
    words = re.findall(r"[^\W_]+", fold(shown[: end.start()] if end else shown))
    kept = [word for word in words if word not in STOP and word not in _EMPTY_OBJECT]
    return frozenset(kept[:6])


_HEDGE = re.compile(r"\b(?:if|when|wish|until|before|used\sto|whether|imagine|once)\s{1,3}(?:that\s)?$", re.I)


def _hedged(text: str, start: int) -> bool:
    return _HEDGE.search(text[max(0, start - 24) : start]) is not None


def same_slot(one: Slot, other: Slot) -> bool:
    """Whether two slots are of the same person and at least half of their predicates' words are the same."""
    common, both = one.predicate & other.predicate, one.predicate | other.predicate
    return one.person == other.person and 2 * len(common) >= len(both)


def other_value(one: Slot, other: Slot) -> bool:
    """Whether the values differ: neither says all that the other says."""
    return not (one.value <= other.value or other.value <= one.value)


def superseded(told: Iterable[Told]) -> list[tuple[Told, Told]]:
    """Pairs (newer, older) of which the newer replaces the older: the next later statement with another value.

    Ordered by the older's time; what was begun earlier never replaces what was begun later.
    """
    slots: dict[tuple[str, frozenset[str]], list[Told]] = {}
    for one in sorted(told, key=lambda one: one.order):
        slots.setdefault((one.slot.person, one.slot.predicate), []).append(one)
    pairs: list[tuple[Told, Told]] = []
    for group in slots.values():
        pairs += _replaced(group)
    return sorted(pairs, key=lambda pair: (pair[1].order, pair[0].order))


def _replaced(group: Sequence[Told]) -> list[tuple[Told, Told]]:
    pairs = []
    for place, older in enumerate(group):
        for newer in group[place + 1 :]:
            if newer.unit != older.unit and newer.order[0] > older.order[0] and other_value(newer.slot, older.slot):
                pairs.append((newer, older))
                break
    return pairs
