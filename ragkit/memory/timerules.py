"""What relative times mean on a calendar, and which rule of `ragkit.memory.timewords` has which meaning.

A rule gives an interval and whether it is only "about" (centred on a date), or None when the words, where they stand,
tell no time: "may" as a verb, "Sat down", "the last step".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from ragkit.memory import timedates as dates
from ragkit.memory import timewords as words
from ragkit.memory.periods import DAY_US, Calendar, Granularity, Interval, third
from ragkit.memory.timesense import (
    Match,
    Meaning,
    closest,
    doubtful,
    lead,
    number,
    sure,
    tense,
    tense_of_date,
    today_of,
)


def _day_word(match: Match, calendar: Calendar) -> Meaning:
    if match["y"] or match["l"]:
        return sure(calendar.day(-1))
    return sure(calendar.day(1 if match["o"] else 0))


def _day_before(match: Match, calendar: Calendar) -> Meaning:
    return sure(calendar.day(-2 if "yesterday" in match["w"].lower() else 2))


def _before_last(match: Match, calendar: Calendar) -> Meaning:
    unit, back = match["u"].lower(), match["w"].lower().startswith("before")
    if unit in ("week", "weekend", "month", "year"):
        return sure(_period(calendar, unit, -2 if back else 2))
    near = _named_near(unit, calendar)
    today = today_of(calendar)
    if back:
        past = [one for one in near if one.end_us <= today.start_us]
        return sure(past[-2]) if len(past) > 1 else None
    ahead = [one for one in near if one.start_us >= today.end_us]
    return sure(ahead[1]) if len(ahead) > 1 else None


def _named_near(unit: str, calendar: Calendar) -> list[Interval]:
    """The days of that weekday, the months of that name, or the seasons, around now, in order."""
    if unit in words.DAYS:
        near = [calendar.weekday(words.weekday_number(unit), shift) for shift in range(-3, 4)]
    elif unit in ("spring", "summer", "autumn", "fall", "winter"):
        near = [calendar.season(unit, calendar.today.year + shift) for shift in range(-3, 4)]
    else:
        near = [calendar.month_of(calendar.today.year + shift, words.month_number(unit)) for shift in range(-2, 3)]
    return [one for one in near if one is not None]


def _period(calendar: Calendar, unit: str, shift: int) -> Interval | None:
    if unit == "week":
        return calendar.week(shift)
    if unit == "weekend":
        return calendar.weekend(shift)
    if unit == "month":
        return calendar.month(shift)
    if unit == "decade":
        first = (calendar.today.year // 10 + shift) * 10
        return calendar.months(first, 1, 120, "decade")
    return calendar.year(calendar.today.year + shift)


_DIRECTION = {"last": -1, "previous": -1, "past": -1, "this past": -1, "this": 0}


def _shifted(match: Match, calendar: Calendar) -> Meaning:
    unit, word = match["u"].lower().rstrip("."), " ".join(match["w"].lower().split())
    direction = _DIRECTION.get(word, 1)
    if unit in ("week", "weekend", "month", "year", "decade"):
        if word in ("coming", "this coming", "upcoming") and unit == "weekend" and calendar.today.weekday() < 5:
            direction = 0
        if word == "this past" and unit == "weekend" and calendar.today.weekday() == 6:
            direction = 0
        return sure(_period(calendar, unit, direction))
    if not _is_a_name(match["u"], unit, word):
        return None
    if unit not in words.DAYS and any(day.startswith(unit[:3]) for day in words.DAYS):
        unit = words.DAYS[words.weekday_number(unit)]
    near, today = _named_near(unit, calendar), today_of(calendar)
    if direction < 0:
        return sure(next((one for one in reversed(near) if one.end_us <= today.start_us), None))
    if direction > 0:
        return sure(next((one for one in near if one.start_us >= today.end_us), None))
    if unit in words.DAYS:
        return sure(calendar.weekday(words.weekday_number(unit), 0))
    centre = today.start_us + DAY_US // 2
    return sure(min(near, key=lambda one: abs(one.start_us + one.end_us - 2 * centre)))


def _is_a_name(shown: str, unit: str, word: str) -> bool:
    """Whether "this may", "last march", "next sun" name a month or a day: only when written with a capital."""
    if unit in words.DAYS or len(unit) > 5 or unit in ("april", "june", "july", "spring", "winter", "fall"):
        return True
    return shown[0].isupper()


def _half_width(calendar: Calendar, unit: str, count: int, sign: int) -> Meaning:
    """The date `count` units away with half a unit on each side."""
    day = calendar.away(unit, sign * count)
    if day is None:
        return None
    half = {"week": 3, "month": 15, "year": 182}[unit]
    kind: Granularity = {"week": "week", "month": "month", "year": "year"}[unit]  # type: ignore[assignment]
    interval = calendar.span(day - half, day + half + 1, kind)
    return None if interval is None else (interval, True)


def _distance(calendar: Calendar, count: str, unit: str, sign: int, extra_half: bool = False) -> Meaning:
    unit = unit.lower().rstrip("s")
    unit = {"night": "day", "min": "minute"}.get(unit, unit)
    amount, few = number(count), words.FEW.fullmatch(count) is not None
    if unit in ("minute", "hour"):
        return _clock_distance(calendar, amount, unit, sign, extra_half)
    if unit == "weekend":
        return sure(calendar.weekend(sign * amount))
    if unit == "decade":
        unit, amount = "year", amount * 10 + (5 if extra_half else 0)
    elif extra_half and unit == "year":
        unit, amount = "month", amount * 12 + 6
    elif extra_half:
        unit, amount = (
            "day",
            round(amount * {"week": 7, "month": 30.4, "day": 1}[unit] + {"week": 3, "month": 15, "day": 0}[unit]),
        )
    if few:
        ends = sorted(one for one in (calendar.away(unit, sign * (amount + d)) for d in (-1, 1)) if one is not None)
        kind: Granularity = "days" if unit == "day" else unit  # type: ignore[assignment]
        return sure(calendar.span(ends[0], ends[1] + 1, kind)) if len(ends) == 2 else None
    if unit == "day":
        return sure(calendar.day(sign * amount))
    return _half_width(calendar, unit, amount, sign)


def _clock_distance(calendar: Calendar, amount: int, unit: str, sign: int, extra_half: bool) -> Meaning:
    minutes = amount * (60 if unit == "hour" else 1) + (30 if extra_half and unit == "hour" else 0)
    try:
        then = calendar.now + dt.timedelta(minutes=sign * minutes)
    except OverflowError:
        return None
    if unit == "minute" or extra_half:
        return calendar.moment(then.date(), then.hour, then.minute), False
    return calendar.moment(then.date(), then.hour, 0, "hour"), False


def _ago(match: Match, calendar: Calendar) -> Meaning:
    return _distance(calendar, match["n"], match["u"], -1, bool(match["andhalf"] or match["andhalf2"]))


def _half_ago(match: Match, calendar: Calendar) -> Meaning:
    unit = match["u"].lower()
    if unit == "hour":
        return _clock_distance(calendar, 30, "minute", -1, False)
    if unit == "day":
        return _clock_distance(calendar, 12, "hour", -1, False)
    return _half_width(calendar, "month" if unit == "year" else "year", 6 if unit == "year" else 5, -1)


def _weekdays_ago(match: Match, calendar: Calendar) -> Meaning:
    today = calendar.today
    wanted, count = words.weekday_number(match["d"]), number(match["n"])
    back = (today.weekday() - wanted - 1) % 7 + 1 + 7 * (count - 1)
    return sure(calendar.day(-back)) if count else None


def _from_now(match: Match, calendar: Calendar) -> Meaning:
    count, unit = match["n"] or match["n2"], match["u"] or match["u2"]
    meaning = _distance(calendar, count, unit, 1)
    if meaning is None or match["n2"] or "time" in match[0].lower().rpartition(" ")[2]:
        return meaning
    if re.match(r"\s{1,2}(?:a\s{1,2}row|total|advance|between)\b", match.string[match.end() : match.end() + 12], re.I):
        return None
    clause = tense(match)  # "we did it in two weeks" is how long it took
    if clause == "past" or (clause == "unknown" and meaning[0].granularity in ("minute", "hour")):
        return None
    return replace(meaning[0], ambiguous=clause != "future"), meaning[1]


def _last_n(match: Match, calendar: Calendar) -> Meaning:
    """The last N units end today, the next N begin today."""
    unit = match["u"].lower().rstrip("s")
    unit = {"night": "day", "weekend": "week", "min": "minute"}.get(unit, unit)
    amount = number(match["n"]) * (10 if unit == "decade" else 1)
    unit = "year" if unit == "decade" else unit
    if unit in ("minute", "hour"):
        return None
    back = match["w"].lower() in ("last", "past")
    other, today = calendar.away(unit, -amount if back else amount), calendar.today.toordinal()
    if other is None or other == today:
        return None
    kind: Granularity = "days" if unit == "day" else unit  # type: ignore[assignment]
    return sure(calendar.span(other, today + 1, kind) if back else calendar.span(today, other + 1, kind))


_PARTS: dict[str, Literal["beginning", "middle", "end"]] = {
    "beginning": "beginning", "start": "beginning", "middle": "middle", "end": "end",
}  # fmt: skip


def _part_of(match: Match, calendar: Calendar) -> Meaning:
    unit, part = match["u"].lower(), _PARTS[match["p"].lower()]
    if unit in ("week", "month", "year", "decade"):
        period = _period(calendar, unit, 0)
        return None if period is None else (third(period, part), False)
    meaning = closest(_named_near(unit, calendar), calendar, tense_of_date(match))
    return None if meaning is None else (third(meaning[0], part), False)


def _within(match: Match, calendar: Calendar) -> Meaning:
    period, today = _period(calendar, match["u"].lower(), 0), today_of(calendar)
    if period is None:
        return None
    if match["w"].lower() == "earlier":
        return replace(period, end_us=today.end_us, granularity="part"), False
    return replace(period, start_us=today.start_us, granularity="part"), False


def _season(match: Match, calendar: Calendar) -> Meaning:
    before = words.SEASON_LEAD.search(lead(match))
    if before is None or (match["s"].lower() == "fall" and "the" not in before[0].lower()):
        return None  # "in fall" is rare, and "by fall" not about a season
    return closest(_named_near(match["s"].lower(), calendar), calendar, tense_of_date(match))


def _month(match: Match, calendar: Calendar) -> Meaning:
    shown, before = match["m"], lead(match)
    name = shown.lower().rstrip(".")
    certain = words.SURE_LEAD.search(before) is not None
    if dates.DAY_BEFORE.search(before):
        return None
    if name in ("may", "march", "mar") and shown[0].islower() and not certain:
        return None
    if name in ("may", "march", "april", "june", "august", "mar", "jan", "dec", "sep", "jun", "nov"):
        if not (certain or words.MONTH_LEAD.search(before)):
            return None
        if (
            name in ("may", "april", "june")
            and not certain
            and re.search(r"\b(?:and|or|to|for|from|of|with)\s*$", before)
        ):
            return None  # "and May said", "for June": as likely a name
    elif shown[0].islower() and not (certain or words.MONTH_LEAD.search(before)):
        return None
    if shown.endswith(".") and match.end() == len(match.string) and len(name) > 4:
        return None
    near = [
        one
        for one in (calendar.month_of(calendar.today.year + shift, words.month_number(name)) for shift in (-1, 0, 1))
        if one is not None
    ]
    return closest(near, calendar, tense_of_date(match))


def _weekday_rule(match: Match, calendar: Calendar) -> Meaning:
    shown, before = match["d"], lead(match)
    if len(shown.rstrip(".")) <= 5 and (not shown[0].isupper() or not words.DAY_LEAD.search(before)):
        return None
    if words.HABIT_LEAD.search(before):
        return None
    wanted, today = words.weekday_number(shown), calendar.today.weekday()
    clause = tense(match)
    if clause == "future":
        return sure(calendar.day((wanted - today - 1) % 7 + 1))
    return doubtful(calendar.day(-((today - wanted - 1) % 7 + 1)), clause == "unknown")


def _weekday_of_week(match: Match, calendar: Calendar) -> Meaning:
    weekday, word = match["d"] or match["d2"], (match["w"] or match["w2"]).lower()
    return sure(calendar.weekday(words.weekday_number(weekday), {"last": -1, "this": 0, "next": 1}[word]))


MEANING: dict[str, Callable[[Match, Calendar], Meaning]] = {
    "iso": dates.iso,
    "iso_week": dates.iso_week,
    "iso_month": dates.iso_month,
    "numeric": dates.numeric,
    "day_month": dates.day_month,
    "month_day": dates.day_month,
    "spelled_day": dates.spelled_day,
    "month_year": dates.month_year,
    "nth_day": dates.nth_day,
    "nth_week": dates.nth_week,
    "before_last": _before_last,
    "day_before": _day_before,
    "weekday_of_week": _weekday_of_week,
    "ago": _ago,
    "half_ago": _half_ago,
    "weekdays_ago": _weekdays_ago,
    "from_now": _from_now,
    "last_n": _last_n,
    "part_of": _part_of,
    "within": _within,
    "season_year": dates.season_year,
    "shifted": _shifted,
    "day_word": _day_word,
    "decade": dates.decade,
    "clock": dates.clock,
    "season": _season,
    "month": _month,
    "weekday": _weekday_rule,
    "nth": dates.nth,
    "years": dates.years,
    "year": dates.year,
}
