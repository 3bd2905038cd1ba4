"""How dates are read whatever their form: the tense of a clause, counts, and the nearest of several days or periods."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from ragkit.memory import timewords as words
from ragkit.memory.periods import DAY_US, MINUTE_US, Calendar, Interval

Meaning = tuple[Interval, bool] | None

Match = re.Match[str]

_CLAUSE = 100  # characters looked at on each side for the tense of a clause


def sure(interval: Interval | None) -> Meaning:
    """A meaning without doubt; None for none."""
    return None if interval is None else (interval, False)


def doubtful(interval: Interval | None, ambiguous: bool) -> Meaning:
    """A meaning that is ambiguous, or not."""
    return None if interval is None else (replace(interval, ambiguous=ambiguous), False)


def lead(match: Match, length: int = 24) -> str:
    """The characters before a match."""
    return match.string[max(0, match.start() - length) : match.start()]


def tense(match: Match) -> Literal["past", "future", "unknown"]:
    """The tense of the clause a match stands in; "future" wins, as "I was told we will go on Friday" means one."""
    left = _clause(match.string[max(0, match.start() - _CLAUSE) : match.start()], before=True)
    clause = left + _clause(match.string[match.end() : match.end() + _CLAUSE], before=False)
    for before, word in zip(["", *clause], clause, strict=False):
        if word in words.FUTURE or word.endswith("'ll") or (word in words.GOING and before in words.IS):
            return "future"
    past = any(word in words.PAST or (word.endswith("ed") and word not in words.NOT_PAST) for word in clause)
    return "past" if past else "unknown"


def tense_of_date(match: Match) -> Literal["past", "future", "unknown"]:
    """The tense of the clause around a date; what "is on" a date or goes "until" it lies ahead."""
    found = tense(match)
    return "future" if found == "unknown" and words.AHEAD_LEAD.search(lead(match, 40)) else found


def _clause(text: str, before: bool) -> list[str]:
    """The words of the text up to the end of a clause: the last one before a place, or the first one after it."""
    found = words.CLAUSE_WORD.findall(text.lower().replace("’", "'"))
    ends = [place for place, word in enumerate(found) if word in ".!?;\n" or word == "but"]
    if not ends:
        return found
    return found[ends[-1] + 1 :] if before else found[: ends[0]]


def number(text: str) -> int:
    """The value of a count; "few" and "several" are 3, "a couple" is 2."""
    text = text.lower()
    if text.isdecimal():
        return int(text)
    if words.FEW.fullmatch(text):
        return 3
    if words.COUPLE.fullmatch(text):
        return 2
    return words.NUMBERS[text]


def weekday_of(day: Interval, calendar: Calendar) -> int:
    """0 (Monday) to 6, of an interval's first day."""
    return ((day.start_us + calendar.offset_minutes * MINUTE_US) // DAY_US + 3) % 7


def today_of(calendar: Calendar) -> Interval:
    """The day of the moment."""
    today = calendar.day(0)
    if today is None:  # the last day of the year 9999
        today = Interval(0, DAY_US, "day")
    return today


def closest(near: list[Interval], calendar: Calendar, clause: str) -> Meaning:
    """The closest past one within 11 months; in a clause about the future the next; else the nearest, ambiguous."""
    today = today_of(calendar)
    ahead = [one for one in near if one.end_us > today.start_us]
    if clause == "future" and ahead:
        return sure(ahead[0])
    limit = calendar.months_away(-11)
    floor = today.start_us - (calendar.today.toordinal() - limit.toordinal()) * DAY_US if limit else today.start_us
    past = [one for one in near if one.start_us < today.end_us and one.end_us > floor]
    if past:
        return sure(past[-1])
    nearest = min(near, key=lambda one: (abs(one.start_us - today.start_us), one.start_us))
    return doubtful(nearest, True)
