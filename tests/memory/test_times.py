"""The grammar of dates, as one table: text, the moment it was written, what it means."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.memory.periods import DAY_US
from ragkit.memory.times import Interval, date_text, find_times, hull, said, written

WEDNESDAY = "2023-05-10T13:00"


def us(moment: str, offset: int = 0) -> int:
    naive = dt.datetime.fromisoformat(moment)
    return int((naive - dt.datetime(1970, 1, 1)) / dt.timedelta(microseconds=1)) - offset * 60_000_000


def told(text: str, moment: str = WEDNESDAY, offset: int = 0, **options: str) -> list[str]:
    return [mention.written for mention in find_times(text, us(moment, offset), offset, **options)]


DAYS = [
    ("I slept today", "2023-05-10"),
    ("dinner tonight", "2023-05-10"),
    ("this morning I ran", "2023-05-10"),
    ("I ran yesterday", "2023-05-09"),
    ("yesterday evening", "2023-05-09"),
    ("we danced last night", "2023-05-09"),
    ("see you tomorrow", "2023-05-11"),
    ("the day before yesterday", "2023-05-08"),
    ("the day after tomorrow", "2023-05-12"),
    ("3 days ago", "2023-05-07"),
    ("ten days ago", "2023-04-30"),
    ("two nights ago", "2023-05-08"),
    ("we'll know in 4 days", "2023-05-14"),
    ("five days from now", "2023-05-15"),
    ("a few days ago", "2023-05-06 to 2023-05-08"),
    ("a couple of days ago", "2023-05-08"),
    ("a couple days back", "2023-05-08"),
    ("last Friday", "2023-05-05"),
    ("last Wednesday", "2023-05-03"),
    ("this Friday", "2023-05-12"),
    ("this Monday", "2023-05-08"),
    ("next Friday", "2023-05-12"),
    ("next Wednesday", "2023-05-17"),
    ("this past Sunday", "2023-05-07"),
    ("on Friday we played", "2023-05-05"),
    ("we'll play on Friday", "2023-05-12"),
    ("I am going to play on Friday", "2023-05-12"),
    ("let's meet Friday morning", "2023-05-12"),
    ("lunch Friday", "2023-05-05?"),
    ("monday was hard", "2023-05-08"),
    ("two Fridays ago", "2023-04-28"),
    ("Monday last week", "2023-05-01"),
    ("Friday of next week", "2023-05-19"),
    ("last week on Tuesday", "2023-05-02"),
    ("the Friday before last", "2023-04-28"),
    ("last Sat", "2023-05-06"),
]
PERIODS = [
    ("last week", "2023-05-01 to 2023-05-07"),
    ("this week", "2023-05-08 to 2023-05-14"),
    ("next week", "2023-05-15 to 2023-05-21"),
    ("the week before last", "2023-04-24 to 2023-04-30"),
    ("the week after next", "2023-05-22 to 2023-05-28"),
    ("last weekend", "2023-05-06 to 2023-05-07"),
    ("this weekend", "2023-05-13 to 2023-05-14"),
    ("next weekend", "2023-05-20 to 2023-05-21"),
    ("the weekend before last", "2023-04-29 to 2023-04-30"),
    ("two weekends ago", "2023-04-29 to 2023-04-30"),
    ("last month", "2023-04"),
    ("this month", "2023-05"),
    ("next month", "2023-06"),
    ("last year", "2022"),
    ("next year", "2024"),
    ("the year before last", "2021"),
    ("last summer", "2022-06-01 to 2022-08-31"),
    ("this summer", "2023-06-01 to 2023-08-31"),
    ("next winter", "2023-12-01 to 2024-02-29"),
    ("last winter", "2022-12-01 to 2023-02-28"),
    ("in the fall we moved", "2022-09-01 to 2022-11-30"),
    ("summer 2021", "2021-06-01 to 2021-08-31"),
    ("the autumn of 2021", "2021-09-01 to 2021-11-30"),
    ("last May", "2022-05"),
    ("this May", "2023-05"),
    ("next May", "2024-05"),
    ("last April", "2023-04"),
    ("in April", "2023-04"),
    ("in June we moved", "2022-06"),
    ("in June we will move", "2023-06"),
    ("3 weeks ago", "about 2023-04-19"),
    ("a couple of weeks ago", "about 2023-04-26"),
    ("a few weeks ago", "2023-04-12 to 2023-04-26"),
    ("two months ago", "about 2023-03"),
    ("two years ago", "about 2021"),
    ("a year and a half ago", "about 2021-11"),
    ("the past 3 days", "2023-05-07 to 2023-05-10"),
    ("the next two weeks", "2023-05-10 to 2023-05-24"),
    ("earlier this week", "2023-05-08 to 2023-05-10"),
    ("the first weekend of April", "2023-04-01 to 2023-04-02"),
    ("the last Friday of April 2023", "2023-04-28"),
]
PARTS = [
    ("end of May", "2023-05-22 to 2023-05-31"),
    ("at the beginning of May", "2023-05-01 to 2023-05-10"),
    ("the middle of May", "2023-05-11 to 2023-05-21"),
    ("mid-June 2022", "2022-06-11 to 2022-06-20"),
    ("late 2022", "2022-09-01 to 2022-12-31"),
    ("early last month", "2023-04-01 to 2023-04-10"),
    ("the end of the year", "2023-09-01 to 2023-12-31"),
    ("the end of the week", "2023-05-13 to 2023-05-14"),
    ("the start of last week", "2023-05-01 to 2023-05-02"),
    ("my licence expires at the end of March", "2024-03-22 to 2024-03-31"),
    ("the rent is due by early April", "2024-04-01 to 2024-04-10"),
    ("it expired at the end of March", "2023-03-22 to 2023-03-31"),
]
AS_WRITTEN = [
    ("the first of July", "2022-07-01"),
    ("we will meet on the twenty-first of May", "2023-05-21"),
    ("the Second of March 2021", "2021-03-02"),
    ("8 May", "2023-05-08"),
    ("May 8", "2023-05-08"),
    ("the 8th of May", "2023-05-08"),
    ("May 8th 2023", "2023-05-08"),
    ("8 May, 2021", "2021-05-08"),
    ("Monday, May 8, 2023", "2023-05-08"),
    ("Sept. 3 we left", "2022-09-03"),
    ("12 May", "2023-05-12?"),
    ("we'll meet on 12 May", "2023-05-12"),
    ("12 July", "2022-07-12"),
    ("8-10 May", "2023-05-08 to 2023-05-10"),
    ("May 8 to 10, 2022", "2022-05-08 to 2022-05-10"),
    ("in 2019", "2019"),
    ("2019", "2019"),
    ("2019-2021", "2019 to 2021"),
    ("the 1990s", "1990 to 1999"),
    ("the ’90s", "1990 to 1999"),
    ("2023-05-08", "2023-05-08"),
    ("2023-05", "2023-05"),
    ("2023-W18", "2023-05-01 to 2023-05-07"),
    ("2023-05-08T14:30Z", "2023-05-08 14:30"),
    ("8.5.2023", "2023-05-08"),
    ("25/12/2022", "2022-12-25"),
    ("5/8/2023", "2023-05-08?"),
    ("at 2pm", "2023-05-10 14:00"),
    ("at 14:30", "2023-05-10 14:30"),
    ("at noon", "2023-05-10 12:00"),
    ("12:05 am", "2023-05-10 00:05"),
    ("yesterday at 2pm", "2023-05-09 14:00"),
    ("2 p.m. on 8 May 2023", "2023-05-08 14:00"),
    ("half an hour ago", "2023-05-10 12:30"),
    ("2 hours ago", "2023-05-10 11:00"),
    ("on the 8th, we met", "2023-05-08"),
]


@pytest.mark.parametrize(("text", "expected"), DAYS + PERIODS + PARTS + AS_WRITTEN)
def test_an_expression_means_its_interval(text: str, expected: str) -> None:
    assert told(text) == [expected]


CJK = [
    ("我昨天去了杭州", ["2023-05-09"]),
    ("前天晚上我们去看电影", ["2023-05-08"]),
    ("上周我买了一只猫", ["2023-05-01 to 2023-05-07"]),
    ("下个月我们去青岛", ["2023-06"]),
    ("去年夏天", ["2022"]),
    ("三天前", ["2023-05-07"]),
    ("十二天前", ["2023-04-28"]),
    ("两年前", ["about 2021"]),
    ("2023年5月8日", ["2023-05-08"]),
    ("5月8日", ["2023-05-08"]),
    ("2022年5月", ["2022-05"]),
    ("昨日、京都に行きました", ["2023-05-09"]),
    ("先週、ギターを買いました", ["2023-05-01 to 2023-05-07"]),
    ("3日前に", ["2023-05-07"]),
    ("来年", ["2024"]),
    ("以前在上海，之前很好，前面有天空", []),
    ("2月30日", []),
]


@pytest.mark.parametrize(("text", "expected"), CJK)
def test_chinese_and_japanese_dates_mean_their_intervals(text: str, expected: list[str]) -> None:
    assert told(text) == expected


FALSE_FRIENDS = [
    "You may march on.",
    "it may be so, this may be enough",
    "we march to the sea",
    "May I come in?",
    "The second one and the first step",
    "the sun rose",
    "Sat down and wed",
    "we sat on the sun deck, the Sun",
    "the last step of the way",
    "2019 people came",
    "it cost $2019.50",
    "it weighs 2000 kg",
    "in her 20s",
    "version 2.5.2023.1 of it",
    "it took a few days",
    "for three weeks",
    "we built it in two weeks",
    "every Friday",
    "I love Fridays",
    "30 February",
    "29 Feb 2023",
    "by fall",
    "we fall",
    "spring in your step",
    "the score was 14:30",
    "room 405",
    "my phone is 0123-456-789",
    "Isaiah 40:31",
    "April and June said hello to May",
    "a minute, the hour, one day",
    "the end of the story",
    "next to last",
    "last but not least",
]


@pytest.mark.parametrize("text", FALSE_FRIENDS)
def test_words_that_only_look_like_times_tell_none(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    ("text", "moment", "expected"),
    [
        ("yesterday", "2024-03-01T00:00", "2024-02-29"),
        ("yesterday", "2023-03-01T00:00", "2023-02-28"),
        ("29 February", "2024-06-01T00:00", "2024-02-29"),
        ("a year ago", "2024-02-29T10:00", "about 2023"),
        ("29 Feb 2024", "2023-01-01T00:00", "2024-02-29"),
        ("this week", "2024-12-31T08:00", "2024-12-30 to 2025-01-05"),
        ("last week", "2025-01-01T08:00", "2024-12-23 to 2024-12-29"),
        ("next week", "2020-12-30T08:00", "2021-01-04 to 2021-01-10"),
        ("2020-W53", "2021-01-03T08:00", "2020-12-28 to 2021-01-03"),
        ("this weekend", "2022-01-01T08:00", "2022-01-01 to 2022-01-02"),
        ("last month", "2024-01-31T08:00", "2023-12"),
        ("next month", "2023-12-31T08:00", "2024-01"),
        ("last Friday", "2023-01-01T08:00", "2022-12-30"),
        ("last weekend", "2023-05-14T08:00", "2023-05-06 to 2023-05-07"),
        ("this winter", "2024-01-15T08:00", "2023-12-01 to 2024-02-29"),
        ("one month ago", "2024-03-31T08:00", "about 2024-02"),
    ],
)
def test_ends_of_months_years_and_weeks(text: str, moment: str, expected: str) -> None:
    assert told(text, moment) == [expected]


@pytest.mark.parametrize("offset", [-720, -300, 0, 60, 345, 840])
def test_days_are_those_of_the_writer_whatever_the_offset(offset: int) -> None:
    (mention,) = find_times("yesterday", us("2023-05-10T00:30", offset), offset)
    assert mention.written == "2023-05-09"
    assert mention.interval.start_us == us("2023-05-09T00:00", offset)
    assert mention.interval.end_us - mention.interval.start_us == DAY_US


@pytest.mark.parametrize("moment", ["2023-03-26T12:00", "2023-10-29T12:00", "2023-03-12T12:00", "2023-11-05T12:00"])
def test_days_on_which_clocks_change_still_have_24_hours_in_a_fixed_offset(moment: str) -> None:
    (mention,) = find_times("today", us(moment, 120), 120)
    assert mention.interval == Interval(us(moment[:10], 120), us(moment[:10], 120) + DAY_US, "day")


def test_seasons_turn_with_the_hemisphere() -> None:
    assert told("last summer", hemisphere="south") == ["2022-12-01 to 2023-02-28"]
    assert told("winter 2022", hemisphere="south") == ["2022-06-01 to 2022-08-31"]
    assert told("winter 2022") == ["2022-12-01 to 2023-02-28?"]


def test_several_times_come_in_order_and_point_at_their_words() -> None:
    text = "We met last Friday at noon, then again two weeks ago in (2019)."
    mentions = find_times(text, us(WEDNESDAY), 0)
    assert [text[one.start : one.end] for one in mentions] == ["last Friday at noon", "two weeks ago", "2019"]
    assert hull([one.interval for one in mentions]) is not None


def test_a_hull_holds_everything_and_of_nothing_there_is_none() -> None:
    first, second = Interval(0, 10, "day"), Interval(5, 20, "week", True)
    assert hull([first, second]) == Interval(0, 20, "part", True)
    assert hull([]) is None


def test_a_text_without_times_is_dated_by_its_day() -> None:
    assert said(us("2023-05-10T23:59"), 0) == Interval(us("2023-05-10"), us("2023-05-11"), "said")
    assert said(us("2023-05-10T23:59"), 60).start_us == us("2023-05-11", 60)


def test_dates_are_written_in_words_for_full_text_search() -> None:
    assert date_text(us("2023-05-08T12:00"), 0) == "8 May 2023, Monday"
    assert date_text(us("2023-12-31T23:30"), 60) == "1 January 2024, Monday"
    assert date_text(10**30, 0) == ""


def test_times_outside_the_calendar_give_nothing() -> None:
    assert find_times("yesterday", -(10**20), 0) == []
    assert told("9999 years ago and in 9999 years we will") == []
    assert told("tomorrow", "9999-12-31T12:00") == []
    assert told("yesterday", "0001-01-01T12:00") == []
    assert written(Interval(10**30, 10**30 + 1, "day")) == ""


@given(
    st.lists(
        st.sampled_from(
            "last next this in a few couple of 2 12 8th May may week s' ago , Friday \n 2019 the end - 5/".split(" ")
        ),
        max_size=40,
    ).map(" ".join)
    | st.text(max_size=60),
    st.integers(-(10**17), 2 * 10**17),
    st.integers(-840, 840),
)
@settings(max_examples=50)
def test_any_text_gives_sound_mentions(text: str, anchor: int, offset: int) -> None:
    done = 0
    for mention in find_times(text, anchor, offset):
        assert done <= mention.start < mention.end <= len(text)
        assert mention.interval.start_us < mention.interval.end_us
        assert mention.written
        done = mention.end


def test_scanning_takes_time_proportional_to_the_text() -> None:
    def seconds(text: str) -> float:
        begun = time.process_time()
        find_times(text, us(WEDNESDAY), 0)
        return time.process_time() - begun

    for part in ("last ", "a couple of ", "12 ", " ", "the first of ", "may "):
        seconds(part)
        assert seconds(part * 20_000) < 40 * (seconds(part * 2_000) + 0.002)
