"""Reading the answer of a chat model that chose segments: `NA`, `3-7,12`, or the same as JSON.

    answer = "NA" | items          items = item *( "," item )        item = int | int "-" int        int = 1*5DIGIT

Answers come from models that read untrusted pages, so nothing but numbers is ever taken from one, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit.errors import InvalidValueError
from ragkit.extractors.html.intervals import EMPTY, IntervalSet

MAX_ITEMS = 64
MAX_CHARACTERS = 4096
DIGITS = 5
# For servers that decode under a regular expression, and for those that take a GBNF grammar (llama.cpp).
GUIDED_REGEX = r"NA|\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?){0,63}"
GBNF = 'root ::= "NA" | item ("," item){0,63}\nitem ::= int ("-" int)?\nint ::= [0-9]{1,5}\n'

Warnings = tuple[tuple[str, str], ...]

_SHOWN = 60  # characters of an unreadable answer that an error quotes
_LONGEST_LABEL = 80
_TOKEN = re.compile(
    r"(?P<int>[0-9]+)|(?P<range>\.\.|[-–—]|\bto\b)|(?P<sep>[,;])|(?P<space>\s+)|(?P<open>\[)|(?P<close>\])"
)
_STRICT_ITEM = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")

# Which kind of token may follow which in a JSON list ("[[3,7],[12,12]]").
_JSON_ORDER = frozenset(
    {("open", "start"), ("open", "open"), ("open", "sep"), ("int", "open"), ("int", "sep"), ("sep", "int")}
    | {("sep", "close"), ("close", "int"), ("close", "close"), ("close", "open")}
)

Token = tuple[str, str]
Item = tuple[int, int]


class IndexParseError(InvalidValueError):
    """A text is no answer in the grammar of segment numbers."""


def parse_indices(
    text: str, n: int, strict: bool = False, *, max_items: int | None = MAX_ITEMS
) -> tuple[IntervalSet, Warnings]:
    """The chosen numbers of 1..n, and what had to be mended, as (code, detail) pairs.

    Lenient reading takes one code fence and one leading label ("Segments:") away; it reads `[3]` as 3, `–`, `—`, `to`
    and `..` as range marks, `;` and white space as separators. A reversed range is turned (`reversed`), one partly
    outside of 1..n clipped (`clipped`), one wholly outside, or 0, dropped (`dropped`). The JSON forms `[[3,7],[12,12]]`
    and `[3,[5,9]]` are read too, `[]` as `NA`. Strict reading mends nothing.

    Raises `IndexParseError` for more than `max_items` items (None: any number) or 4,096 characters, for any other
    letter, a negative or decimal number, or when nothing valid is left.

    >>> parse_indices("Segments: [3] to [5]; 12", 20)[0].to_string()
    '3-5,12'
    """
    if max_items is not None and len(text) > MAX_CHARACTERS:
        raise IndexParseError(f"an answer of {len(text)} characters is no list of segments; {MAX_CHARACTERS} at most")
    read = text if strict else _bare(text)
    if read == EMPTY or (not strict and read.rstrip(".").upper() == EMPTY):
        return IntervalSet(), ()
    if strict:
        items = _strict_items(read)
    else:
        items = _lenient_items(read)
    if max_items is not None and len(items) > max_items:
        raise IndexParseError(f"{len(items)} items were given, {max_items} at most: {_brief(text)}")
    if not items and not _is_empty_list(read):
        raise IndexParseError(f"no segment is named in {_brief(text)}; answer {EMPTY} or numbers like 3-7,12")
    return _within(items, n, strict, text)


def _within(items: Sequence[Item], n: int, strict: bool, text: str) -> tuple[IntervalSet, Warnings]:
    warnings: list[tuple[str, str]] = []
    kept: list[Item] = []
    for first, last in items:
        shown = str(first) if first == last else f"{first}-{last}"
        if strict and not 1 <= first <= last <= n:
            raise IndexParseError(f"{shown} is no range of the segments 1 to {n}, in {_brief(text)}")
        if first > last:
            warnings.append(("reversed", shown))
            first, last = last, first
        if last < 1 or first > n:
            warnings.append(("dropped", shown))
            continue
        if first < 1 or last > n:
            warnings.append(("clipped", shown))
        kept.append((max(first, 1), min(last, n)))
    if items and not kept:
        raise IndexParseError(f"every number in {_brief(text)} lies outside of the segments 1 to {n}")
    return IntervalSet.spanning(kept), tuple(warnings)


# ---------------------------------------------------------------- strict


def _strict_items(text: str) -> list[Item]:
    if text.startswith("["):
        return _json_items(_tokens(text), text)
    items = []
    for part in text.split(","):
        match = _STRICT_ITEM.fullmatch(part)
        if match is None:
            raise IndexParseError(f"{_brief(part)} is neither a number nor a range, in {_brief(text)}")
        items.append((int(match[1]), int(match[2] or match[1])))
    return items


# ---------------------------------------------------------------- lenient


def _bare(text: str) -> str:
    """The answer without the fence and the label around it."""
    text = text.strip()
    fenced = _unfenced(text)
    inner = fenced if fenced is not None else text
    label, colon, rest = inner.partition(":")
    if colon and len(label) <= _LONGEST_LABEL and not any(char.isdigit() or char in "[]" for char in label):
        inner = rest.strip().removeprefix("**").strip()
        if fenced is None:
            unfenced = _unfenced(inner)
            inner = inner if unfenced is None else unfenced
    if inner.endswith(".") and not inner.endswith(".."):  # the end of a sentence, not a decimal
        inner = inner[:-1].rstrip()
    return inner


def _unfenced(text: str) -> str | None:
    """What stands inside of a code fence that surrounds the whole text, None when none does."""
    for fence in ("```", "`"):
        if len(text) >= 2 * len(fence) and text.startswith(fence) and text.endswith(fence):
            inner = text[len(fence) : -len(fence)]
            first, newline, rest = inner.partition("\n")
            named = newline and fence == "```" and (not first.strip() or first.strip().isalpha())
            return (rest if named else inner).strip()
    return None


def _lenient_items(text: str) -> list[Item]:
    tokens = _tokens(text)
    if _is_json(tokens):
        return _json_items(tokens, text)
    return _listed(_unbracketed(tokens, text), text)


def _tokens(text: str) -> list[Token]:
    """Kind and text of each token. Raises at the first character that belongs to none."""
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise IndexParseError(f"{text[place]!r} has no place in an answer of segment numbers: {_brief(text)}")
        tokens.append((str(match.lastgroup), match[0]))
        place = match.end()
    return tokens


def _is_empty_list(text: str) -> bool:
    return "".join(text.split()) == "[]"


def _is_json(tokens: Sequence[Token]) -> bool:
    """Whether one bracket spans all tokens and holds only numbers, commas and brackets."""
    depth = 0
    real = [token for token in tokens if token[0] != "space"]
    for place, (kind, text) in enumerate(real):
        depth += (kind == "open") - (kind == "close")
        if kind == "range" or text == ";" or (depth <= 0 and place < len(real) - 1):
            return False
    return bool(real) and real[0][0] == "open" and depth == 0


def _json_items(tokens: Sequence[Token], text: str) -> list[Item]:
    """The items of `[3,[5,9]]`: a list of numbers and of pairs of numbers."""
    items: list[Item] = []
    pair: list[int] = []
    depth, after = 0, "start"
    for kind, value in tokens:
        if kind == "space":
            continue
        if value == ";" or kind == "range" or (kind, after) not in _JSON_ORDER or (kind == "open" and depth == 2):
            raise IndexParseError(f"{_brief(text)} is no list of numbers and pairs of numbers like [3,[5,9]]")
        depth += (kind == "open") - (kind == "close")
        if kind == "int" and depth == 2:
            pair.append(_integer(value))
        elif kind == "int":
            items.append((_integer(value), _integer(value)))
        elif kind == "close" and depth == 1:
            if len(pair) != 2:
                raise IndexParseError(f"a pair of numbers has two, not {len(pair)}: {_brief(text)}")
            items.append((pair[0], pair[1]))
            pair = []
        after = "end" if depth == 0 else kind
    if after != "end":
        raise IndexParseError(f"a bracket is not closed in {_brief(text)}")
    return items


def _unbracketed(tokens: Sequence[Token], text: str) -> list[Token]:
    """The tokens without brackets. `[3]`, `[3-5]` and one bracket around everything may stand; others are unclear."""
    kept: list[Token] = []
    inside, filled, commas, groups = False, False, False, 0
    for kind, value in tokens:
        if kind not in ("open", "close"):
            kept.append((kind, value))
            filled, commas = filled or kind == "int", commas or (inside and kind == "sep")
            continue
        if inside == (kind == "open") or (kind == "close" and not filled):
            raise IndexParseError(f"the brackets in {_brief(text)} do not match; write 3-7,12")
        inside, filled = kind == "open", False
        groups += inside
    if inside or (commas and groups > 1):
        raise IndexParseError(f"the brackets in {_brief(text)} can be read in several ways; write 3-7,12")
    return kept


def _listed(tokens: Sequence[Token], text: str) -> list[Item]:
    """The items of numbers, range marks and separators."""
    items: list[Item] = []
    before = "sep"  # the kind of the last token that is not space; "end" is a number that ended a range
    for kind, value in tokens:
        if kind == "int" and before == "range":
            items[-1] = (items[-1][0], _integer(value))
        elif kind == "int":
            items.append((_integer(value), _integer(value)))
        elif kind != "space" and (before == "range" or (kind == "range" and before != "int")):
            raise IndexParseError(f"{value!r} stands where a number should, in {_brief(text)}")
        if kind != "space":
            before = "end" if kind == "int" and before == "range" else kind
    if before == "range":
        raise IndexParseError(f"a range without an end, in {_brief(text)}")
    return items


def _integer(digits: str) -> int:
    """The number; any with more than five digits is one that lies outside of every page."""
    short = digits.lstrip("0") or "0"
    return int(short) if len(short) <= DIGITS else 10**DIGITS


def _brief(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
