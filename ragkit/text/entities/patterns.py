"""What its writing marks, whatever the words: quoted titles, dates, quantities."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragkit.text.entities.spans import EDGE, UNSPACED, Mention
from ragkit.text.entities.wordlists import MONTHS

LONGEST_QUOTE = 80  # characters
_EDGE_OF_QUOTE = 4  # characters more for spaces and commas at its edges
_QUOTE_MARKS_AHEAD = 6  # an apostrophe or two may lie inside
_CLOSING = {
    '"': '"',
    "“": "”",
    "«": "»",
    "„": "“",
    "‘": "’",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
}
_QUOTE_MARK = re.compile("[" + "".join(sorted({*_CLOSING, *_CLOSING.values()})) + "]")


def quotes(text: str) -> Iterator[Mention]:
    """Texts of at most 80 characters in quotation marks or title brackets, on one line and not begun in lower case."""
    marks = [match.start() for match in _QUOTE_MARK.finditer(text)]
    place = 0
    while place < len(marks):
        closing = _closing_mark(text, marks, place)
        place += 1
        if closing is None:
            continue
        start, end = _without_edges(text, marks[place - 1] + 1, marks[closing])
        body = text[start:end]
        if body and "\n" not in body and not body[0].islower():
            yield Mention(body, "TITLE", start, end)
            place = closing + 1


def _closing_mark(text: str, marks: list[int], opening: int) -> int | None:
    """The number of the mark that closes mark `opening`, if it is near; an apostrophe inside a word closes none."""
    close = _CLOSING.get(text[marks[opening]])
    if close is None:
        return None
    for number in range(opening + 1, min(opening + 1 + _QUOTE_MARKS_AHEAD, len(marks))):
        mark = marks[number]
        if mark - marks[opening] > LONGEST_QUOTE + _EDGE_OF_QUOTE:
            return None
        if text[mark] == close and not (close == "’" and text[mark + 1 : mark + 2].isalnum()):
            return number
    return None


def _without_edges(text: str, start: int, end: int) -> tuple[int, int]:
    inner = text[start:end]
    start += len(inner) - len(inner.lstrip(EDGE))
    return start, start + len(inner.strip(EDGE))


_MONTH = "|".join(MONTHS)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"\b(?:{_DAY}[ ](?:{_MONTH})(?:,?[ ]\d{{3,4}})?"
    rf"|(?:{_MONTH})[ ]{_DAY}(?:,?[ ]\d{{3,4}})?"
    rf"|(?:{_MONTH})[ ]\d{{3,4}}"
    r"|\d{4}-\d{2}-\d{2}"
    r"|1[0-9]{3}s?|20[0-9]{2}s?)\b"
)


def dates(text: str) -> Iterator[Mention]:
    """Days, months with a year, and years from 1000 to 2099, as English writes them, and ISO dates."""
    for match in _DATE.finditer(text):
        yield Mention(match[0], "DATE", *match.span())


_UNITS = (
    "million|billion|trillion|percent|%|km|kilometres?|kilometers?|miles?|mi|m|metres?|meters?|feet|ft|inches|kg|tons?"
    "|tonnes?|acres?|hectares?|mph|MHz|GHz|kHz|MW|kW|years?|minutes?|hours?|days?|inhabitants|people"
)
# Characters of scripts without spaces bound a word as a space does: "使用B-52轰炸机".
_BEFORE, _AFTER = rf"(?<![^\W{UNSPACED}])", rf"(?![^\W{UNSPACED}])"
_QUANTITY = re.compile(
    rf"{_BEFORE}(?:(?<!\.)(?:[$€£¥][ ]?)?\d{{1,15}}(?:[.,]\d{{1,9}}){{0,5}}[ -]?(?:{_UNITS})"
    rf"|[A-Za-z]{{1,5}}-?\d{{1,6}}[A-Za-z]{{0,3}}|\d{{1,6}}-?[A-Z]{{1,5}}){_AFTER}"
)


def numbers(text: str) -> Iterator[Mention]:
    """Numbers with a unit, with or without a currency sign, and words mixed of letters and digits."""
    for match in _QUANTITY.finditer(text):
        yield Mention(match[0], "QUANTITY", *match.span())
