"""What of a chat model's statements is believed: only what the messages it names bear out.

Every number, date and proper name of a statement has to stand in its sources or follow from their dates, and most of
its words too. What is not believed is counted by reason; the turns themselves are there all the same.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.memory.claims import claim_of
from ragkit.memory.facets import facet, top_words
from ragkit.memory.periods import Calendar, Interval, hull
from ragkit.memory.times import find_times
from ragkit.memory.types import Facet, FacetKind
from ragkit.memory.words import STOP, all_words, content_words, fold

KINDS = ("event", "state", "preference", "plan", "relation")
SHORTEST, LONGEST = 3, 80  # words of a statement
KNOWN = 0.5  # share of a statement's content words that its sources must hold
STEM = 4  # letters by which two words are taken for forms of one
MOST_FACETS = 20
_CAPITAL = re.compile(r"[^\W\d_a-zß-öø-ÿ][\w'’-]*")
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


@dataclass(frozen=True, slots=True)
class Source:
    """A message a statement may rest on: `rendered` is its unit's text, with days and persons resolved."""

    row: int
    uid: str
    speaker: str
    text: str
    rendered: str
    intervals: tuple[Interval, ...]  # the times it tells, and the day it was said
    t_us: int
    tz_minutes: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A believed statement."""

    text: str
    kind: str
    sources: tuple[Source, ...]
    facets: tuple[Facet, ...]
    event: Interval | None


def believed(items: Sequence[Any], window: Mapping[str, Source], counted: Counter[str]) -> list[Fact]:
    """The items of a reply that their sources bear out, each once; the others are counted by reason."""
    facts: dict[tuple[str, tuple[str, ...]], Fact] = {}
    for item in items:
        fact = _fact(item, window, counted)
        if isinstance(fact, str):
            counted[fact] += 1
            continue
        key = (fold(fact.text), tuple(source.uid for source in fact.sources))
        if key in facts:
            counted["repeated"] += 1
        facts.setdefault(key, fact)
    return list(facts.values())


def _fact(item: Any, window: Mapping[str, Source], counted: Counter[str]) -> Fact | str:
    """An item as a fact, or why it is not believed."""
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        return "no statement"
    text = " ".join(item["text"].split())
    ids = item.get("source_ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(id, str) and id in window for id in ids):
        return "unknown source"
    if not SHORTEST <= len(all_words(text)) <= LONGEST:
        return "too short or too long"
    if item.get("kind") not in KINDS:
        return "unknown kind"
    sources = tuple(sorted({window[id].uid: window[id] for id in ids}.values(), key=lambda one: (one.t_us, one.row)))
    said = " ".join(part for source in sources for part in (source.speaker, source.text, source.rendered))
    reason = _doubt(text, said, sources)
    if reason:
        return reason
    event = _event(item.get("event") or "", sources)
    if isinstance(event, str):
        return event
    return Fact(text, item["kind"], sources, tuple(_facets(item, text, said, counted)), event)


def _doubt(text: str, said: str, sources: Sequence[Source]) -> str:
    """Why the sources do not bear out a statement, "" when they do."""
    known = set(all_words(said))
    stems = {word[:STEM] for word in known}
    own = set(content_words(text))
    if not own:
        return "says nothing"
    if sum(word in known or word[:STEM] in stems for word in own) < KNOWN * len(own):
        return "not in the sources"
    newest = sources[-1]
    times = find_times(text, newest.t_us, newest.tz_minutes)
    told = [interval for source in sources for interval in source.intervals]
    if not all(any(time.interval.overlaps(interval) for interval in told) for time in times):
        return "another date"
    bare = text
    for time in reversed(times):
        bare = bare[: time.start] + " " * (time.end - time.start) + bare[time.end :]
    if not claim_of(bare).numbers <= claim_of(said).numbers:
        return "another number"
    if claim_of(text).denies and not any(claim_of(source.text).denies for source in sources):
        return "denies what was not denied"
    for name in _CAPITAL.findall(bare):
        words = all_words(name)
        first = bare.startswith(name) or re.search(rf"[.!?]\s+{re.escape(name)}", bare) is not None
        if not all(
            word in known or word in STOP or (first and word[:STEM] in stems) for word in words if len(word) > 1
        ):
            return "another name"
    return ""


def _event(written: Any, sources: Sequence[Source]) -> Interval | str | None:
    """The interval of an event as the model writes it, None for "", or what is wrong with it."""
    if written == "":
        return None
    if not isinstance(written, str):
        return "no date"
    tz = sources[-1].tz_minutes
    ends = [_period(part.strip(), tz) for part in written.split("/")]
    if len(ends) > 2 or any(end is None for end in ends):
        return "no date"
    event = hull([end for end in ends if end is not None])
    if event is None or event.start_us >= event.end_us:
        return "no date"
    told = [interval for source in sources for interval in source.intervals]
    return event if any(event.overlaps(interval) for interval in told) else "another date"


def _period(written: str, tz_minutes: int) -> Interval | None:
    match = _DATE.fullmatch(written)
    if match is None:
        return None
    calendar = Calendar(dt.datetime(2000, 1, 1), tz_minutes)
    year = int(match[1])
    if not 1 < year < 9999:
        return None
    try:
        if match[3]:
            return calendar.date(year, int(match[2]), int(match[3]))
        return calendar.month_of(year, int(match[2])) if match[2] else calendar.year(year)
    except ValueError:
        return None


def _facets(item: Mapping[str, Any], text: str, said: str, counted: Counter[str]) -> list[Facet]:
    """The facets of an item whose words its sources hold, and its keywords by our own count."""
    known = set(all_words(said))
    found: dict[tuple[str, str], Facet] = {}
    wanted: list[tuple[FacetKind, Any]] = [("person", name) for name in _texts(item.get("persons"))]
    wanted += [("entity", name) for name in _texts(item.get("entities"))]
    wanted += [("location", name) for name in _texts([item.get("location")])]
    wanted += [("keyword", word) for word in _texts(item.get("keywords"))]
    for kind, shown in wanted:
        one = facet(kind, shown)
        if one is None or not set(all_words(shown)) <= known:
            counted["facet not in the sources"] += 1
            continue
        found[one.kind, one.norm] = one
    topic = facet("topic", item["topic"][:60]) if isinstance(item.get("topic"), str) else None
    if topic is not None and set(all_words(topic.shown)) <= known:
        found[topic.kind, topic.norm] = topic
    for word in top_words(content_words(text), 8):
        one = facet("keyword", word)
        if one is not None:
            found.setdefault((one.kind, one.norm), one)
    return sorted(found.values())


def _texts(value: Any) -> list[str]:
    return (
        [one for one in value if isinstance(one, str) and one.strip()][:MOST_FACETS] if isinstance(value, list) else []
    )
