"""Telling headings and rows of tables from sentences; a heading says what a text is about, never what is so."""

from __future__ import annotations

import re

_MARKED = re.compile(r"\s*#{1,6}\s|\s*[=\-*_~]{3,}\s*$")
_UNDERLINE = re.compile(r"\s{0,3}(?:=+|-+)\s*$")
_ITEM = re.compile(r"\s*(?:[-*+•>|]|\d{1,9}[.)])(?:\s|$)|\s*\|")
_ENDED = re.compile(r"[.!?…:;,。！？؟|][\s\"'“”’)\]*_]*$|:\s|\t|\|")
_RULE = re.compile(r"[\s|:\-+=]+$")
_LONGEST_HEADING = 12  # words; what a person would set as a heading


def heading_spans(text: str) -> list[tuple[int, int]]:
    """The lines of a text that are headings or only draw lines, as `text[start:end]`, in order.

    Marked ones ("# …", underlined), and in plain text short lines without an end of a sentence that stand by themselves
    above a paragraph that does have one.
    """
    lines: list[tuple[int, int]] = []
    at = 0
    for line in text.split("\n"):
        lines.append((at, at + len(line)))
        at += len(line) + 1
    found = []
    for number, (start, end) in enumerate(lines):
        line = text[start:end]
        after = text[slice(*lines[number + 1])] if number + 1 < len(lines) else ""
        if not line.strip():
            continue
        underlined = bool(_UNDERLINE.match(after)) and not _ITEM.match(line)
        if _MARKED.match(line) or _RULE.match(line) or underlined or _stands_alone(text, lines, number):
            found.append((start, end))
    return found


def _stands_alone(text: str, lines: list[tuple[int, int]], number: int) -> bool:
    line = text[slice(*lines[number])]
    if not _title_like(line) or (number and text[slice(*lines[number - 1])].strip()):
        return False
    later = [text[slice(*span)] for span in lines[number + 1 : number + 4]]
    if not later or (later[0].strip() and number):
        return False  # the first line of a text may be its title without a gap below
    below = next((other for other in later if other.strip()), "")
    return bool(below) and not _title_like(below)


def _title_like(line: str) -> bool:
    words = len(line.split())
    return 0 < words <= _LONGEST_HEADING and not _ENDED.search(line) and not _ITEM.match(line)


def first_line_title(text: str) -> str:
    """The first line of a text when it is a heading by its form, without marks; else an empty string."""
    spans = heading_spans(text[:2000])
    body = text[:2000]
    if not spans or body[: spans[0][0]].strip():
        return ""
    return body[slice(*spans[0])].strip("#=*_ \t")
