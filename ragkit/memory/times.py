"""Times told in a text: "yesterday", "last weekend", "a few weeks ago", "end of May", "8 May 2023 at 2pm".

Each is resolved against the moment the text was written, in the writer's own offset from UTC; weeks begin on Monday.
A grammar and nothing else: no model, no library, the same text always gives the same intervals, in linear time.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace

from ragkit.memory.periods import DAY_US, Calendar, Hemisphere, Interval, hull, local, third
from ragkit.memory.timerules import MEANING
from ragkit.memory.timescjk import find_cjk_times
from ragkit.memory.timewords import DIGIT, JOIN, JOIN_BACK, PART_LEAD, RULES, WORD

__all__ = ["Interval", "TimeMention", "date_text", "find_times", "hull", "said", "written"]

_MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PART = {"beginning": "beginning", "start": "beginning", "early": "beginning", "middle": "middle", "mid": "middle"}
_DIVISIBLE = ("week", "month", "season", "year", "decade")


@dataclass(frozen=True, slots=True)
class TimeMention:
    """Characters `start` to `end` of a text tell `interval`; `written` is the interval as an ISO date or range."""

    start: int
    end: int
    interval: Interval
    written: str


def find_times(
    text: str, anchor_us: int, offset_minutes: int = 0, *, hemisphere: Hemisphere = "north"
) -> list[TimeMention]:
    """The times a text tells, in order of place, never overlapping.

    `anchor_us` is when it was written (microseconds UTC), `offset_minutes` the writer's offset from UTC; seasons are
    meteorological ones of `hemisphere`. An anchor outside the years 1 to 9999 gives no times.
    """
    now = local(anchor_us, offset_minutes)
    if now is None:
        return []
    calendar = Calendar(now, offset_minutes, hemisphere)
    found: list[tuple[int, int, Interval, bool]] = []
    done = 0
    for word in WORD.finditer(text):
        if word.start() < done:
            continue
        key = word[0].lower()
        rules = RULES.get(DIGIT if key[0].isdecimal() else key)
        if rules is None:
            continue
        mention = _at(text, word.start(), rules, calendar)
        if mention is not None:
            found.append(_with_part(text, mention, done))
            done = mention[1]
    found = _apart([*found, *find_cjk_times(text, calendar)])
    return [
        TimeMention(start, end, interval, written(interval, offset_minutes, about=about))
        for start, end, interval, about in _joined(text, found, calendar)
    ]


def _apart(found: list[tuple[int, int, Interval, bool]]) -> list[tuple[int, int, Interval, bool]]:
    """In order of place; of two that overlap ("2023-05-08日") the one that begins first."""
    kept: list[tuple[int, int, Interval, bool]] = []
    for mention in sorted(found, key=lambda mention: (mention[0], -mention[1])):
        if not kept or mention[0] >= kept[-1][1]:
            kept.append(mention)
    return kept


def _at(
    text: str, place: int, rules: tuple[tuple[str, re.Pattern[str]], ...], calendar: Calendar
) -> tuple[int, int, Interval, bool] | None:
    for name, pattern in rules:
        match = pattern.match(text, place)
        meaning = MEANING[name](match, calendar) if match is not None else None
        if match is not None and meaning is not None:
            return match.start(), match.end(), *meaning
    return None


def _with_part(text: str, mention: tuple[int, int, Interval, bool], floor: int) -> tuple[int, int, Interval, bool]:
    """Narrow a period to its third when "end of", "early", "mid-" stands before it."""
    start, end, interval, about = mention
    if about or interval.granularity not in _DIVISIBLE:
        return mention
    match = PART_LEAD.search(text, max(floor, start - 32), start)
    if match is None:
        return mention
    word = (match["of"] or match["adj"]).lower()
    part = _PART.get(word, "end")
    return match.start(), end, third(interval, part), False  # type: ignore[arg-type]


def _joined(
    text: str, found: list[tuple[int, int, Interval, bool]], calendar: Calendar
) -> list[tuple[int, int, Interval, bool]]:
    """Make one of a day and a time of day that stand side by side: "yesterday at 2pm", "2pm on 8 May"."""
    joined: list[tuple[int, int, Interval, bool]] = []
    for mention in found:
        if joined:
            before = joined[-1]
            kinds = (before[2].granularity, mention[2].granularity)
            between = text[before[1] : mention[0]]
            if len(between) <= 12:
                if kinds == ("day", "minute") and JOIN.fullmatch(between):
                    joined[-1] = (before[0], mention[1], _on(before[2], mention[2], calendar), False)
                    continue
                if kinds == ("minute", "day") and JOIN_BACK.fullmatch(between):
                    joined[-1] = (before[0], mention[1], _on(mention[2], before[2], calendar), False)
                    continue
        joined.append(mention)
    return joined


def _on(day: Interval, clock: Interval, calendar: Calendar) -> Interval:
    today = calendar.day(0)
    assert today is not None
    shift = day.start_us - today.start_us
    return replace(clock, start_us=clock.start_us + shift, end_us=clock.end_us + shift, ambiguous=day.ambiguous)


def said(moment_us: int, offset_minutes: int = 0) -> Interval:
    """The local day of a moment, with granularity "said": the event interval of a text that tells no time."""
    now = local(moment_us, offset_minutes)
    day = Calendar(now, offset_minutes).day(0) if now is not None else None
    if day is None:
        return Interval(moment_us, moment_us + DAY_US, "said")
    return replace(day, granularity="said")


def written(interval: Interval, offset_minutes: int = 0, *, about: bool = False) -> str:
    """An interval as people and models read it: "2023-05-07", "2023-05", "2023-05-01 to 2023-05-07", "about 2022".

    `about` for a centred one ("three years ago"); a question mark closes an ambiguous one.
    """
    first, after = local(interval.start_us, offset_minutes), local(interval.end_us - 1, offset_minutes)
    if first is None or after is None:
        return ""
    kind = interval.granularity
    if kind in ("minute", "hour"):
        text = f"{first.date().isoformat()} {first:%H:%M}"
    elif about:
        middle = local((interval.start_us + interval.end_us) // 2, offset_minutes) or first
        text = "about " + _short(middle.date(), kind)
    elif kind in ("month", "year"):
        one, other = _short(first.date(), kind), _short(after.date(), kind)
        text = one if one == other else f"{one} to {other}"
    elif first.date() == after.date():
        text = first.date().isoformat()
    elif kind == "decade":
        text = f"{first.year:04} to {after.year:04}"
    else:
        text = f"{first.date().isoformat()} to {after.date().isoformat()}"
    return text + ("?" if interval.ambiguous else "")


def _short(date: dt.date, kind: str) -> str:
    return date.isoformat()[: {"year": 4, "month": 7}.get(kind, 10)]


def date_text(moment_us: int, offset_minutes: int = 0) -> str:
    """The local day of a moment in words, for full-text search: "8 May 2023, Monday". Empty outside years 1 to 9999."""
    now = local(moment_us, offset_minutes)
    if now is None:
        return ""
    return f"{now.day} {_MONTH_NAMES[now.month - 1]} {now.year}, {_DAY_NAMES[now.weekday()]}"
