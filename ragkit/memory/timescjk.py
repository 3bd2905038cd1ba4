"""Chinese and Japanese dates: 昨天, 上周, 三天前, 5月8日, 2023年5月; 昨日, 先週, 3日前, 来年.

Read in a pass of its own, as these scripts put no blanks between words. What the characters 前, 后 and 上 mean
elsewhere (以前, 之前, 上海) is left alone by asking for the whole expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ragkit.memory.periods import Calendar, Granularity, Interval
from ragkit.memory.timesense import closest

Found = tuple[int, int, Interval, bool]

_DIGITS = {char: value for value, char in enumerate("〇一二三四五六七八九")} | {"两": 2, "零": 0}
_DAYS = {
    "大前天": -3, "前天": -2, "昨天": -1, "昨晚": -1, "今天": 0, "今晚": 0, "明天": 1, "后天": 2, "後天": 2,
    "一昨日": -2, "おととい": -2, "昨日": -1, "昨夜": -1, "きのう": -1, "今日": 0, "今夜": 0, "明日": 1, "明後日": 2,
    "あさって": 2,
}  # fmt: skip
_WEEKS = {
    "上上周": -2,
    "上周": -1,
    "这周": 0,
    "本周": 0,
    "下周": 1,
    "先々週": -2,
    "先週": -1,
    "今週": 0,
    "来週": 1,
    "再来週": 2,
}
_MONTHS = {"上个月": -1, "上個月": -1, "这个月": 0, "下个月": 1, "下個月": 1, "先月": -1, "今月": 0, "来月": 1}
_YEARS = {"前年": -2, "去年": -1, "今年": 0, "明年": 1, "昨年": -1, "一昨年": -2, "来年": 1}
_UNITS = {"天": "day", "日": "day", "周": "week", "週間": "week", "星期": "week", "个月": "month", "個月": "month"}
_UNITS |= {"か月": "month", "ヶ月": "month", "カ月": "month", "年": "year"}


def _any(words: dict[str, int]) -> str:
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


_NUMBER = r"(?:\d{1,4}|[一二三四五六七八九十两]{1,3})"
_PATTERN = re.compile(
    rf"(?P<date>(?:(?P<y>\d{{4}})年)?(?P<m>1[0-2]|0?[1-9])月(?P<d>3[01]|[12]\d|0?[1-9])[日号])"
    rf"|(?P<ym>(?P<y2>\d{{4}})年(?:(?P<m2>1[0-2]|0?[1-9])月)?)"
    rf"|(?P<ago>(?P<n>{_NUMBER})(?P<u>{'|'.join(sorted(_UNITS, key=len, reverse=True))})(?P<way>前|后|後)(?!的?[天年]))"
    rf"|(?P<day>{_any(_DAYS)})|(?P<week>(?:{_any(_WEEKS)})|上(?:个|個)?星期|下(?:个|個)?星期)"
    rf"|(?P<month>{_any(_MONTHS)})|(?P<year>{_any(_YEARS)})"
)
_SPOKEN = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def find_cjk_times(text: str, calendar: Calendar) -> Iterator[Found]:
    """The times in a text of these scripts, in order: start, end, interval, and whether it is only "about"."""
    if text.isascii() or not _SPOKEN.search(text):
        return
    for match in _PATTERN.finditer(text):
        kind = match.lastgroup or ""
        rule = _RULES.get(kind)
        meaning = rule(match, calendar) if rule is not None else None
        if meaning is not None:
            yield match.start(), match.end(), *meaning


Meaning = tuple[Interval, bool] | None


def _sure(interval: Interval | None) -> Meaning:
    return None if interval is None else (interval, False)


def _date(match: re.Match[str], calendar: Calendar) -> Meaning:
    month, day = int(match["m"]), int(match["d"])
    if match["y"]:
        return _sure(calendar.date(int(match["y"]), month, day))
    near = (calendar.date(calendar.today.year + shift, month, day) for shift in range(-4, 5))
    found = [one for one in near if one is not None]
    return closest(found, calendar, "unknown") if found else None


def _month_of_year(match: re.Match[str], calendar: Calendar) -> Meaning:
    year = int(match["y2"])
    return _sure(calendar.month_of(year, int(match["m2"])) if match["m2"] else calendar.year(year))


def _ago(match: re.Match[str], calendar: Calendar) -> Meaning:
    unit, sign = _UNITS[match["u"]], -1 if match["way"] == "前" else 1
    count = _number(match["n"])
    if unit == "day":
        return _sure(calendar.day(sign * count))
    middle = calendar.away(unit, sign * count)
    half = {"week": 3, "month": 15, "year": 182}[unit]
    interval = None if middle is None else calendar.span(middle - half, middle + half + 1, _GRAIN[unit])
    return None if interval is None else (interval, True)


_GRAIN: dict[str, Granularity] = {"week": "week", "month": "month", "year": "year"}


def _number(text: str) -> int:
    """三 is 3, 十二 is 12, 二十 is 20, 12 is 12."""
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return int("".join(str(_DIGITS[char]) for char in text))
    return 10 * (_DIGITS.get(tens, 1) if tens else 1) + (_DIGITS.get(ones, 0) if ones else 0)


def _week(match: re.Match[str], calendar: Calendar) -> Meaning:
    word = match["week"]
    return _sure(calendar.week(_WEEKS[word] if word in _WEEKS else -1 if word.startswith("上") else 1))


_RULES: dict[str, Callable[[re.Match[str], Calendar], Meaning]] = {
    "date": _date,
    "ym": _month_of_year,
    "ago": _ago,
    "day": lambda match, calendar: _sure(calendar.day(_DAYS[match["day"]])),
    "week": _week,
    "month": lambda match, calendar: _sure(calendar.month(_MONTHS[match["month"]])),
    "year": lambda match, calendar: _sure(calendar.year(calendar.today.year + _YEARS[match["year"]])),
}
