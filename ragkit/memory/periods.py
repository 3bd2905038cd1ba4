"""Days, weeks, months, seasons and years around one moment, as half-open intervals in microseconds UTC.

Everything is reckoned in one fixed offset from UTC, that of the message: no time-zone data, no summer-time rules.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Granularity = Literal[
    "minute", "hour", "day", "days", "weekend", "week", "month", "season", "year", "decade", "part", "said"
]
Hemisphere = Literal["north", "south"]

MINUTE_US = 60_000_000
DAY_US = 24 * 60 * MINUTE_US
_EPOCH = dt.date(1970, 1, 1).toordinal()
_FIRST, _LAST = dt.date.min.toordinal(), dt.date.max.toordinal()
_SEASON_MONTH = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}  # meteorological, northern


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time [start_us, end_us) in microseconds UTC, and how finely it was told.

    `ambiguous` when the words allow another reading ("on Friday" without a tense). Granularity "said" means that the
    text names no time and the day of the message stands in for it.
    """

    start_us: int
    end_us: int
    granularity: Granularity
    ambiguous: bool = False

    def overlaps(self, other: Interval) -> bool:
        """Whether the two share a moment."""
        return self.start_us < other.end_us and other.start_us < self.end_us


def hull(intervals: Sequence[Interval]) -> Interval | None:
    """The smallest interval that holds all; its granularity is theirs if they agree, else "part". None for none."""
    if not intervals:
        return None
    kinds = {one.granularity for one in intervals}
    return Interval(
        min(one.start_us for one in intervals),
        max(one.end_us for one in intervals),
        kinds.pop() if len(kinds) == 1 else "part",
        any(one.ambiguous for one in intervals),
    )


def local(moment_us: int, offset_minutes: int) -> dt.datetime | None:
    """The wall-clock time of a moment at an offset from UTC, without zone; None outside the years 1 to 9999."""
    micros = moment_us + offset_minutes * MINUTE_US
    days, rest = divmod(micros, DAY_US)
    ordinal = days + _EPOCH
    if not _FIRST <= ordinal <= _LAST:
        return None
    return dt.datetime.combine(dt.date.fromordinal(ordinal), dt.time()) + dt.timedelta(microseconds=rest)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendar seen from one moment: `now` is the wall-clock time there, `offset_minutes` its offset from UTC."""

    now: dt.datetime
    offset_minutes: int
    hemisphere: Hemisphere = "north"

    @property
    def today(self) -> dt.date:
        """The day of the moment."""
        return self.now.date()

    # Methods give None where the result would leave the years 1 to 9999.

    def span(self, first: int, last: int, granularity: Granularity) -> Interval | None:
        """Day number `first` up to, not including, day number `last` (proleptic Gregorian ordinals)."""
        if not (_FIRST <= first < last <= _LAST):
            return None
        shift = self.offset_minutes * MINUTE_US
        return Interval((first - _EPOCH) * DAY_US - shift, (last - _EPOCH) * DAY_US - shift, granularity)

    def moment(self, day: dt.date, hour: int, minute: int, granularity: Granularity = "minute") -> Interval:
        """The minute (or hour) that begins at that time of that day."""
        start = (day.toordinal() - _EPOCH) * DAY_US + (hour * 60 + minute - self.offset_minutes) * MINUTE_US
        return Interval(start, start + (60 if granularity == "hour" else 1) * MINUTE_US, granularity)

    def day(self, shift: int) -> Interval | None:
        """The day `shift` days from today."""
        first = self.today.toordinal() + shift
        return self.span(first, first + 1, "day")

    def date(self, year: int, month: int, day: int) -> Interval | None:
        """A date, None when there is none such (30 February, 29 February of a common year)."""
        if not (1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
            return None
        first = dt.date(year, month, day).toordinal()
        return self.span(first, first + 1, "day")

    def monday(self, weeks: int = 0) -> int:
        """The ordinal of the Monday `weeks` weeks from this week's."""
        return self.today.toordinal() - self.today.weekday() + 7 * weeks

    def week(self, weeks: int) -> Interval | None:
        """The calendar week, Monday to Sunday."""
        return self.span(self.monday(weeks), self.monday(weeks) + 7, "week")

    def weekend(self, weeks: int) -> Interval | None:
        """Saturday and Sunday of the calendar week."""
        return self.span(self.monday(weeks) + 5, self.monday(weeks) + 7, "weekend")

    def weekday(self, weekday: int, weeks: int) -> Interval | None:
        """That weekday (0 is Monday) of the calendar week `weeks` from this one."""
        first = self.monday(weeks) + weekday
        return self.span(first, first + 1, "day")

    def month_of(self, year: int, month: int) -> Interval | None:
        """A calendar month; months outside 1 to 12 run into the neighbouring years."""
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        return self.months(year, month, 1, "month")

    def months(self, year: int, month: int, count: int, granularity: Granularity) -> Interval | None:
        """`count` calendar months from that one on."""
        last_year, last_month = year + (month + count - 1) // 12, (month + count - 1) % 12 + 1
        if not (1 <= year and last_year <= 9999):
            return None
        return self.span(
            dt.date(year, month, 1).toordinal(), dt.date(last_year, last_month, 1).toordinal(), granularity
        )

    def month(self, shift: int) -> Interval | None:
        """The calendar month `shift` months from this one."""
        return self.month_of(self.today.year, self.today.month + shift)

    def year(self, year: int) -> Interval | None:
        """A calendar year."""
        return self.months(year, 1, 12, "year")

    def season(self, name: str, year: int) -> Interval | None:
        """The meteorological season that begins in that year; a northern winter runs into the next."""
        month = _SEASON_MONTH[name]
        if self.hemisphere == "south":
            month = (month + 5) % 12 + 1
        return self.months(year, month, 3, "season")

    def months_away(self, shift: int) -> dt.date | None:
        """Today's day of the month, `shift` months away; the month's last day where it is shorter."""
        year, month = divmod(self.today.year * 12 + self.today.month - 1 + shift, 12)
        if not 1 <= year <= 9999:
            return None
        return dt.date(year, month + 1, min(self.today.day, calendar.monthrange(year, month + 1)[1]))

    def away(self, unit: str, count: int) -> int | None:
        """The ordinal of the day `count` units ("day", "week", "month", "year") from today."""
        if unit in ("day", "week"):
            ordinal = self.today.toordinal() + count * (7 if unit == "week" else 1)
            return ordinal if _FIRST <= ordinal <= _LAST else None
        date = self.months_away(count * (12 if unit == "year" else 1))
        return None if date is None else date.toordinal()


_THIRDS = {"beginning": 0, "middle": 1, "end": 2}


def third(interval: Interval, part: Literal["beginning", "middle", "end"]) -> Interval:
    """The first, middle or last third of an interval, cut between days."""
    days = (interval.end_us - interval.start_us) // DAY_US
    if days < 3:
        return interval
    cuts = (0, round(days / 3), round(2 * days / 3), days)
    place = _THIRDS[part]
    return replace(
        interval,
        start_us=interval.start_us + cuts[place] * DAY_US,
        end_us=interval.start_us + cuts[place + 1] * DAY_US,
        granularity="part",
    )
