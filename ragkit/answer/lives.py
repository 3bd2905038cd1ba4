"""The brackets after a person's name: when, and where, a life began and ended."""

from __future__ import annotations

import re
from dataclasses import replace

from ragkit.answer.dates import Date, find_dates

_CUE_DEATH = re.compile(r"(?:\bdied|\bd\.|†|\bdeath|\bkilled|\bassassinated|\bexecuted)\D{0,40}$", re.IGNORECASE)
_CUE_BIRTH = re.compile(r"(?:\bborn|\bb\.|\bbirth|\*)\D{0,60}$", re.IGNORECASE)
_DASH = re.compile(r"[–—−-]|\bto\b|\buntil\b")


def lifespan(text: str) -> tuple[Date | None, Date | None]:
    """The dates of birth and death in the first brackets of a biography's first sentence, where it has them.

    Reads "(born 8 May 1982)", "(1143 – 15 November 1184)", "(d. 20 March 851)", "(6 April 1920 in Winnetka – 1997)".
    """
    inside, offset = life_brackets(text)
    dates = [replace(date, start=date.start + offset, end=date.end + offset) for date in find_dates(inside)]
    full = [date for date in dates if date.day]
    dates = full if len(full) >= 2 or (full and len(dates) == 1) else dates
    if not dates:
        return None, None
    first, last = dates[0], dates[-1]
    if len(dates) == 1:
        before = text[offset : first.start]
        if _CUE_DEATH.search(before) or (_DASH.search(before) and not _CUE_BIRTH.search(before)):
            return None, first
        return first, None
    between = text[first.end : last.start]
    if _CUE_DEATH.search(text[offset : first.start]):
        return None, first
    if _DASH.search(between) or _CUE_DEATH.search(between) or not between.strip():
        return first, last
    return first, None


def life_brackets(text: str) -> tuple[str, int]:
    """The first bracket of the first 400 characters that holds a date, nested brackets and all, and where it begins."""
    depth, begin = 0, -1
    for at, character in enumerate(text[:600]):
        if character == "(":
            begin = at + 1 if depth == 0 else begin
            depth += 1
        elif character == ")" and depth:
            depth -= 1
            if depth == 0 and find_dates(text[begin:at]):
                return text[begin:at], begin
    return "", 0
