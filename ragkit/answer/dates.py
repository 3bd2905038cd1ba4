"""Dates and numbers in running text."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}
_MONTH = "(?:" + "|".join(sorted(_MONTHS, key=lambda name: (-len(name), name))) + r")\.?"
_DATE = re.compile(
    rf"""(?:
        (?<![^\W\d_])(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m1>{_MONTH}),?\s+(?P<y1>\d{{3,4}})
      | (?<![^\W\d_])(?P<m2>{_MONTH})\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s*,\s*(?P<y2>\d{{3,4}})
      | (?<![^\W\d_])(?P<m3>{_MONTH}),?\s+(?:of\s+)?(?P<y3>\d{{3,4}})
      | (?<![\w.,/-])(?P<iy>\d{{4}})-(?P<im>\d\d)-(?P<id>\d\d)
      | (?<![\w.,/-])(?P<y4>[12]\d{{3}})(?=s?(?:[A-Z]|\b))
      | (?<![\w.,/-])(?P<y5>\d{{2,4}})(?=\s?(?:AD|CE|BC|BCE)\b)
    )(?P<era>\s?(?:BCE?|B\.C\.))?""",
    re.VERBOSE | re.IGNORECASE,
)
# Years of three digits count only where nothing but a date can stand: after these words, or inside a life in brackets.
_OLD_YEAR = re.compile(
    r"(?:\b(?:in|died|born|d\.|c\.|ca\.|circa|about|around|since|until|year|from|before|after)\s+"
    r"|[(–—-]\s*)(\d{3})(?=\s*[–—)\-,.;]|\s*$|\s+(?:to|and|until|or)\b)"
)
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|once|twice|dozens?|hundreds?"
)
_NUMBER = re.compile(
    rf"(?<![\w.])(?:[$€£¥]\s?)?(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?(?:\s?%|(?:\s(?:hundred|thousand|million|billion|trillion)\b))?"
    rf"|\b(?:{_NUMBER_WORDS})\b(?:[ -](?:{_NUMBER_WORDS}|hundred|thousand|million|billion)\b)*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, order=True)
class Date:
    """A date; month and day are 0 when unknown, the year is negative before Christ. Orders by time.

    `start` and `end` are the characters it was read from.
    """

    year: int
    month: int = 0
    day: int = 0
    start: int = 0
    end: int = 0

    @property
    def when(self) -> tuple[int, int, int]:
        """Year, month, day."""
        return self.year, self.month, self.day


def find_dates(text: str) -> list[Date]:
    """The dates and years in a text, in order: "20 March 851", "March 10, 2017", "May 1990", "1925", "44 BC"."""
    found = [date for match in _DATE.finditer(text) if (date := _read(match)) is not None]
    taken = [(date.start, date.end) for date in found]
    for match in _OLD_YEAR.finditer(text):
        start, end = match.span(1)
        if not any(a < end and start < b for a, b in taken):
            found.append(Date(int(match.group(1)), start=start, end=end))
    return sorted(found, key=lambda date: date.start)


def _read(match: re.Match[str]) -> Date | None:
    part = match.groupdict()
    year = int(next(part[key] for key in ("y1", "y2", "y3", "iy", "y4", "y5") if part[key]))
    month_name = part["m1"] or part["m2"] or part["m3"]
    month = _MONTHS[month_name.rstrip(".").lower()] if month_name else int(part["im"] or 0)
    day = int(part["d1"] or part["d2"] or part["id"] or 0)
    if day > 31 or month > 12:
        return None
    return Date(-year if part["era"] else year, month, day, match.start(), match.end())


@dataclass(frozen=True, slots=True)
class Number:
    """A number and where it stands; `value` is None for words such as "dozens"."""

    value: float | None
    start: int
    end: int


_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_VALUES = (
    {
        word: float(value)
        for value, word in enumerate(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen twenty".split()
        )
    }
    | {"once": 1.0, "twice": 2.0}
    | {
        word: float(value)
        for value, word in zip(
            range(30, 100, 10), "thirty forty fifty sixty seventy eighty ninety".split(), strict=True
        )
    }
)


def find_numbers(text: str) -> list[Number]:
    """The numbers in a text, in digits or English words, with their scale ("150 million") or currency sign."""
    return [Number(_value(match.group()), *match.span()) for match in _NUMBER.finditer(text)]


def _value(written: str) -> float | None:
    digits = re.search(r"\d[\d,]*(?:\.\d+)?", written)
    words = re.findall(r"[a-z]+", written.lower())
    if digits:
        base: float | None = float(digits.group().replace(",", ""))
    else:
        base = sum(_VALUES[word] for word in words if word in _VALUES) or None
    if base is None:
        return None
    for word in words:
        base *= _SCALES.get(word, 1.0)
    return base
