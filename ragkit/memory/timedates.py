"""Dates as they are written: "8 May 2023", "the first Monday of June", "2019", "2 pm", in the forms of ISO 8601 or not.

Each rule gives an interval and whether it is only "about", or None when the words, where they stand, are no date.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

from ragkit.memory import timewords as words
from ragkit.memory.periods import DAY_US, MINUTE_US, Calendar, Interval
from ragkit.memory.timesense import (
    Match,
    Meaning,
    closest,
    doubtful,
    lead,
    sure,
    tense,
    tense_of_date,
    today_of,
    weekday_of,
)


def iso(match: Match, calendar: Calendar) -> Meaning:
    """2023-05-08, perhaps with a time and its own offset."""
    day = calendar.date(int(match["y"]), int(match["m"]), int(match["d"]))
    if day is None or match["hh"] is None:
        return sure(day)
    start = day.start_us + (int(match["hh"]) * 60 + int(match["mm"])) * MINUTE_US
    zone = match["zone"]
    if zone:
        minutes = 0 if zone in "Zz" else int(zone[1:3]) * 60 + int(zone[-2:])
        start += (calendar.offset_minutes - (-minutes if zone[0] == "-" else minutes)) * MINUTE_US
    return Interval(start, start + MINUTE_US, "minute"), False


def iso_week(match: Match, calendar: Calendar) -> Meaning:
    """2023-W18."""
    try:
        monday = dt.date.fromisocalendar(int(match["y"]), int(match["w"]), 1).toordinal()
    except ValueError:
        return None
    return sure(calendar.span(monday, monday + 7, "week"))


def iso_month(match: Match, calendar: Calendar) -> Meaning:
    """2023-05."""
    return sure(calendar.month_of(int(match["y"]), int(match["m"])))


def numeric(match: Match, calendar: Calendar) -> Meaning:
    """8.5.2023 is day first; 5/8/2023 is month first and ambiguous, unless one number can only be a day."""
    first, second, year = int(match["a"]), int(match["b"]), int(match["y"])
    if match["sep"] == "." or first > 12:
        return sure(calendar.date(year, second, first))
    return doubtful(calendar.date(year, first, second), first != second and second <= 12)


def day_month(match: Match, calendar: Calendar) -> Meaning:
    """8 May, May 8th 2023, 8-10 May; "may 8" and "march 5" only where they must be dates."""
    name = match["m"]
    before = lead(match)
    ordinal = re.search(r"\d(?:st|nd|rd|th)", match["d"], re.I) is not None
    if name.lower() in ("may", "march") and name[0].islower() and not match["y"]:
        if not (ordinal or words.DAY_LEAD.search(before)):
            return None
    days = [int(part) for part in re.findall(r"\d+", match["d"])]
    month = words.month_number(name)
    if match["y"]:
        return sure(_days(calendar, int(match["y"]), month, days))
    return _without_year(match, calendar, month, days)


def spelled_day(match: Match, calendar: Calendar) -> Meaning:
    """The first of June; "may" and "march" need their capital, or a year."""
    if match["m"] in ("may", "march") and not match["y"]:
        return None
    day, month = words.DAY_WORDS[match["d"].lower()], words.month_number(match["m"])
    if match["y"]:
        return sure(calendar.date(int(match["y"]), month, day))
    return _without_year(match, calendar, month, [day])


def _days(calendar: Calendar, year: int, month: int, days: list[int]) -> Interval | None:
    first, last = calendar.date(year, month, days[0]), calendar.date(year, month, days[-1])
    if first is None or last is None or last.start_us < first.start_us:
        return None
    return first if first == last else Interval(first.start_us, last.end_us, "days")


def _without_year(match: Match, calendar: Calendar, month: int, days: list[int]) -> Meaning:
    year = calendar.today.year
    near = [one for one in (_days(calendar, y, month, days) for y in range(year - 4, year + 5)) if one is not None]
    if not near:
        return None
    weekday = match.groupdict().get("wd")
    if weekday:  # "Monday, 8 May" settles the year
        wanted = words.weekday_number(weekday)
        fitting = [one for one in near if weekday_of(one, calendar) == wanted]
        if fitting:
            return sure(min(fitting, key=lambda one: abs(one.start_us - today_of(calendar).start_us)))
    return closest(near, calendar, tense_of_date(match))


DAY_BEFORE = re.compile(r"\d(?:st|nd|rd|th)?\s{1,3}(?:of\s{1,3})?$", re.I)  # of a date there is none such: 30 February


def month_year(match: Match, calendar: Calendar) -> Meaning:
    """May 2023."""
    if DAY_BEFORE.search(lead(match)):
        return None
    return sure(calendar.month_of(int(match["y"]), words.month_number(match["m"])))


def _month_meant(match: Match, calendar: Calendar) -> tuple[int, int, bool] | None:
    """Year and month of a rule that names a month and perhaps a year, and whether the year is doubtful."""
    month = words.month_number(match["m"])
    if match["y"]:
        return int(match["y"]), month, False
    year = calendar.today.year
    near = [one for one in (calendar.month_of(y, month) for y in (year - 1, year, year + 1)) if one is not None]
    meaning = closest(near, calendar, tense_of_date(match))
    if meaning is None:
        return None
    start = dt.date(1970, 1, 1) + dt.timedelta(
        days=(meaning[0].start_us + calendar.offset_minutes * MINUTE_US) // DAY_US
    )
    return start.year, month, meaning[0].ambiguous


def nth_day(match: Match, calendar: Calendar) -> Meaning:
    """The first Monday of June."""
    meant = _month_meant(match, calendar)
    month = calendar.month_of(meant[0], meant[1]) if meant else None
    if meant is None or month is None:
        return None
    wanted, place = words.weekday_number(match["d"]), words.ORDINAL_WORDS[match["n"].lower()]
    if place > 0:
        shift = (wanted - weekday_of(month, calendar)) % 7 + 7 * (place - 1)
    else:
        days = (month.end_us - month.start_us) // DAY_US
        last = replace(month, start_us=month.end_us - DAY_US)
        shift = days - 1 - (weekday_of(last, calendar) - wanted) % 7
    start = month.start_us + shift * DAY_US
    return Interval(start, start + DAY_US, "day", meant[2]), False


def nth_week(match: Match, calendar: Calendar) -> Meaning:
    """The first week of May is the one that holds its first Monday, the last the one that holds its last day."""
    meant = _month_meant(match, calendar)
    month = calendar.month_of(meant[0], meant[1]) if meant else None
    if meant is None or month is None:
        return None
    place, weekend = words.ORDINAL_WORDS[match["n"].lower()], match["u"].lower() == "weekend"
    wanted = 5 if weekend else 0
    shift = (wanted - weekday_of(month, calendar)) % 7 + 7 * (place - 1)
    if place < 0:
        days = (month.end_us - month.start_us) // DAY_US
        last = replace(month, start_us=month.end_us - DAY_US)
        shift = days - 1 - (weekday_of(last, calendar) - wanted) % 7
    start = month.start_us + shift * DAY_US
    return Interval(start, start + (2 if weekend else 7) * DAY_US, "weekend" if weekend else "week", meant[2]), False


def season_year(match: Match, calendar: Calendar) -> Meaning:
    """A winter (in the south a summer) of a year may begin or end in it: the one that begins, ambiguous."""
    interval = calendar.season(match["s"].lower(), int(match["y"]))
    if interval is None:
        return None
    turn = calendar.year(int(match["y"]))
    return doubtful(interval, turn is not None and interval.end_us > turn.end_us)


def year(match: Match, calendar: Calendar) -> Meaning:
    """2019, where a preposition or its loneliness makes it a year."""
    text, before = match.string, lead(match)
    after = text[match.end() : match.end() + 16]
    alone = not text[: match.start()].strip(" ([") and not after.strip(" .!?)]")
    if not (alone or words.YEAR_LEAD.search(before)) or words.NOT_A_YEAR.match(after):
        return None
    return sure(calendar.year(int(match["y"])))


def years(match: Match, calendar: Calendar) -> Meaning:
    """2019-2021."""
    first, last = int(match["y"]), int(match["z"])
    return sure(calendar.months(first, 1, 12 * (last - first + 1), "year")) if last > first else None


def decade(match: Match, calendar: Calendar) -> Meaning:
    """The 1990s, the '90s; not "in her 20s"."""
    digits = match["y"]
    if len(digits) == 2 and not re.search(r"(?:['’]|\bthe\s{1,3})$", lead(match), re.I):
        return None  # "in her 20s"
    first = int(digits) if len(digits) == 4 else (1900 if int(digits) >= 30 else 2000) + int(digits)
    return sure(calendar.months(first, 1, 120, "decade"))


def clock(match: Match, calendar: Calendar) -> Meaning:
    """2pm, at 14:30, noon: on the day of the text unless a date stands beside it."""
    if match["hour12"]:
        hour = int(match["hour12"]) % 12 + (12 if match["half"].lower().startswith("p") else 0)
        return calendar.moment(calendar.today, hour, int(match["minute12"] or 0)), False
    if match["name"]:
        return calendar.moment(calendar.today, 12 if match["name"].lower() == "noon" else 0, 0), False
    if match["oclock"]:
        hour = int(match["oclock"])
        interval = calendar.moment(calendar.today, hour % 12 + (12 if hour < 7 else 0), 0)
        return replace(interval, ambiguous=True), False
    if not words.CLOCK_LEAD.search(lead(match)):
        return None  # a score, a verse, a duration
    return calendar.moment(calendar.today, int(match["hour24"]), int(match["minute24"])), False


def nth(match: Match, calendar: Calendar) -> Meaning:
    """On the 8th: the closest, past or future as the clause says."""
    if not words.NTH_LEAD.search(lead(match)):
        return None
    today = calendar.today
    near = []
    for shift in (-2, -1, 0, 1, 2):
        year, month = divmod(today.year * 12 + today.month - 1 + shift, 12)
        near.append(calendar.date(year, month + 1, int(match["d"])))
    kept, clause = [one for one in near if one is not None], tense(match)
    now = today_of(calendar)
    if clause == "future":
        return sure(next((one for one in kept if one.start_us >= now.start_us), None))
    past = [one for one in kept if one.start_us <= now.start_us]
    return doubtful(past[-1], clause == "unknown") if past else None
