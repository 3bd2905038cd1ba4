"""One statement for a cluster of units: quoted from its members, or written by a chat model and then checked.

What an abstract does not cover of a member's names, numbers and dates stays with the member, which then stays active.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING

from ragkit.memory.claims import Claim, claim_of
from ragkit.memory.periods import local
from ragkit.memory.words import all_words, content_words, fold

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

MOST_DATES = 8  # listed one by one; more become a range
MOST_EXTRA = 2  # members quoted besides the central one
LONGEST = 1_200  # characters of an abstract

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMES = re.compile(r" \(\d+ times: [\d, to-]+\)")


@dataclass(frozen=True, slots=True)
class Member:
    """What an abstract needs to know of a unit: `text` is what was said, without annotations.

    Of an abstract it is what it quotes or a model wrote, and `abstract` is set: its dates are then those of its event.
    """

    uid: str
    text: str
    speaker: str
    names: frozenset[str]  # folded persons and entities
    start_us: int
    end_us: int
    offset_minutes: int
    mentions: int = 1
    abstract: bool = False

    @property
    def claim(self) -> Claim:
        """Its numbers and whether it denies; the dates an abstract lists are no numbers of it."""
        return claim_of(_DATE.sub(" ", self.text) if self.abstract else self.text)

    @property
    def dates(self) -> frozenset[str]:
        """The days its event begins and ends on, as ISO dates."""
        first, last = local(self.start_us, self.offset_minutes), local(self.end_us - 1, self.offset_minutes)
        return frozenset(moment.date().isoformat() for moment in (first, last) if moment is not None)


@dataclass(frozen=True, slots=True)
class Abstract:
    """The text of an abstract, how it was made ("extractive" or "llm"), and which members (by place) it covers.

    `problem` says why a model's text was not taken, "" when it was or none was asked.
    """

    text: str
    method: str
    covered: tuple[bool, ...]
    problem: str = ""


def abstract_id(members: Sequence[Member], level: int) -> str:
    """The id of the abstract of these members, the same whenever they are joined."""
    told = json.dumps([level, sorted(member.uid for member in members)])
    return "abstract-" + blake2b(told.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()


def made(
    members: Sequence[Member],
    central: int,
    persons: Sequence[str],
    idf: Callable[[str], float],
    llm: BaseChatModel | None = None,
) -> Abstract:
    """The abstract of a cluster whose most central member stands at `central`.

    With a model its text is taken when it adds no name, number or date of its own; otherwise members are quoted.
    """
    text, problem = _written(members, llm) if llm is not None else ("", "")
    method = "llm" if text else "extractive"
    if not text:
        text = extractive(members, central, persons, idf)
    return Abstract(text, method, tuple(covers(text, member) for member in members), problem)


def extractive(members: Sequence[Member], central: int, persons: Sequence[str], idf: Callable[[str], float]) -> str:
    """Quotes of members: "Ann: I went jogging (3 times: 2023-05-01, 2023-05-03, 2023-05-07) / We ran by the river".

    The central member, then up to two that say most that is new.
    """
    main = members[central]
    seen = set(content_words(main.text))
    quotes: list[str] = []
    rest = [place for place in range(len(members)) if place != central]
    while rest and len(quotes) < MOST_EXTRA:
        gain = {place: _gain(members[place].text, seen, idf) for place in rest}
        best = min(rest, key=lambda place: (-round(gain[place], 9), members[place].uid))
        if gain[best] <= 0:
            break
        rest.remove(best)
        seen |= set(content_words(members[best].text))
        quotes.append(_said(members[best], main.speaker))
    times = sum(member.mentions for member in members)
    head = f"{', '.join(persons)}: " if persons else ""
    text = f"{head}{_quoted(main.text)} ({times} times: {_dates(members)})"
    for quote in quotes:
        if len(text) + len(quote) + 3 <= LONGEST:
            text += f" / {quote}"
    return text


def quotes_of(text: str, persons: str) -> str:
    """What an extractive abstract quotes: without the persons before it and the dates it counts."""
    return _TIMES.sub("", text.removeprefix(f"{persons}: "))


def _gain(text: str, seen: set[str], idf: Callable[[str], float]) -> float:
    return sum(idf(word) for word in sorted(set(content_words(text)) - seen))


def _said(member: Member, speaker: str) -> str:
    said = _quoted(member.text)
    return said if member.speaker == speaker or not member.speaker else f"{member.speaker}: {said}"


def _quoted(text: str) -> str:
    """A member's text on one line, cut at a word when it is long."""
    line = " ".join(text.split())
    if len(line) <= LONGEST // 3:
        return line
    return line[: LONGEST // 3].rsplit(" ", 1)[0] + " …"


def _dates(members: Sequence[Member]) -> str:
    days = sorted({day for member in members for day in member.dates})
    return ", ".join(days) if len(days) <= MOST_DATES else f"{days[0]} to {days[-1]}"


def covers(text: str, member: Member) -> bool:
    """Whether a text holds every name, number and date of a member."""
    folded = " " + " ".join(all_words(text)) + " "
    if any(f" {' '.join(all_words(name))} " not in folded for name in member.names if all_words(name)):
        return False
    return member.claim.numbers <= claim_of(text).numbers and all(day in text for day in member.dates)


_OBJECT = re.compile(r"\{.*\}", re.DOTALL)


def _written(members: Sequence[Member], llm: BaseChatModel) -> tuple[str, str]:
    """What the model wrote, or "" and why it is not taken."""
    notes = [
        {"id": member.uid, "speaker": member.speaker, "dates": sorted(member.dates), "text": member.text}
        for member in members
    ]
    prompt = files("ragkit.memory").joinpath("prompts/abstract.txt").read_text(encoding="utf-8")
    asked = [("system", prompt), ("human", json.dumps(notes, ensure_ascii=False, indent=1))]
    try:
        reply = llm.invoke(asked).text
    except Exception as error:  # whatever a user's model raises; the abstract is then quoted, and the report says why
        return "", f"llm raised {type(error).__name__}"
    text = _text_of(str(reply))
    if not text:
        return "", "llm gave no text"
    return (text, "") if _grounded(text, members) else ("", "llm told what its notes do not")


def _text_of(reply: str) -> str:
    """The text in a reply, "" when it is not the JSON asked for or too long."""
    found = _OBJECT.search(reply[: 20 * LONGEST])
    try:
        answer = json.loads(found[0]) if found else None
    except (ValueError, RecursionError):
        return ""
    text = answer.get("text") if isinstance(answer, dict) else None
    text = " ".join(text.split()) if isinstance(text, str) else ""
    return text if len(text) <= LONGEST else ""


def _grounded(text: str, members: Sequence[Member]) -> bool:
    sources = " ".join([*(member.text for member in members), *(member.speaker for member in members)])
    days = {day for member in members for day in member.dates}
    if not set(_DATE.findall(text)) <= days | set(_DATE.findall(sources)):
        return False
    told = claim_of(_DATE.sub(" ", text)).numbers
    if not told <= claim_of(sources).numbers | {str(len(members)), str(sum(member.mentions for member in members))}:
        return False
    known = set(all_words(sources)) | {word for member in members for name in member.names for word in all_words(name)}
    names = re.findall(r"(?<=[a-z,;] )[^\W\d_a-z][\w'’-]+", text)
    return all(set(all_words(fold(name))) <= known | {"s"} for name in names)


def common(values: Sequence[str]) -> str:
    """The value all share, else ""."""
    return values[0] if values and len(set(values)) == 1 else ""


def by_frequency(groups: Sequence[Sequence[str]]) -> list[str]:
    """The distinct values of many lists, the most frequent first, ties in alphabetical order."""
    counts = Counter(value for group in groups for value in set(group))
    return sorted(counts, key=lambda value: (-counts[value], value))
