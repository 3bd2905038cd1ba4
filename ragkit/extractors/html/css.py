"""The little of CSS that tells hidden text: declarations of a style attribute, simple rules of a page's own sheets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_COMMENT = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \t\n\r\f]?|(.))", re.S)
_SPACE = re.compile(r"\s+")
_DISPLAY = re.compile(r"display\s{0,20}:\s{0,20}([a-z-]{1,30})")
_VISIBILITY = re.compile(r"visibility\s{0,20}:\s{0,20}([a-z-]{1,30})")
_CLASSES = re.compile(r"(?:\.-?[a-zA-Z_][\w-]{0,100}){2,5}\Z")
_WIDTHS = re.compile(r"(min|max)-width\s{0,9}:\s{0,9}(\d{1,6})")
_WIDEST, _NARROWEST = 1920, 320  # pixels of screens that readers have
_SIMPLE = re.compile(r"([.#]?)(-?[a-z_][\w-]*)\Z", re.I)
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z%]*)")
_FUNCTION = re.compile(r"([a-z-]+)\(([^()]*)\)")
_SELECTOR = 500  # characters of a selector list that are looked at

_COLOURS = {
    "black": (0, 0, 0),
    "silver": (192, 192, 192),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "white": (255, 255, 255),
    "maroon": (128, 0, 0),
    "red": (255, 0, 0),
    "purple": (128, 0, 128),
    "fuchsia": (255, 0, 255),
    "magenta": (255, 0, 255),
    "green": (0, 128, 0),
    "lime": (0, 255, 0),
    "olive": (128, 128, 0),
    "yellow": (255, 255, 0),
    "navy": (0, 0, 128),
    "blue": (0, 0, 255),
    "teal": (0, 128, 128),
    "aqua": (0, 255, 255),
    "cyan": (0, 255, 255),
    "orange": (255, 165, 0),
    "whitesmoke": (245, 245, 245),
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
}
Colour = tuple[int, int, int]


def declarations(style: str) -> dict[str, str]:
    """The properties of a style attribute, names and values in lower case, without `!important` and comments.

    A later declaration of a property wins, unless the earlier one alone is important.

    >>> declarations("Display : NONE !important; display: block")
    {'display': 'none'}
    """
    if "\\" in style:
        style = _ESCAPE.sub(_unescaped, style)
    if "/*" in style:
        style = _COMMENT.sub("", style)
    found: dict[str, str] = {}
    important: set[str] = set()
    for part in style.lower().split(";"):
        name, colon, value = part.partition(":")
        name = name.strip()
        if not colon or not name:
            continue
        value, marked, _ = _SPACE.sub(" ", value).strip().partition("!")
        if marked:
            important.add(name)
        elif name in important:
            continue
        found[name] = value.strip()
    return found


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        code = int(match[1], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
    return match[2]


@dataclass(slots=True)
class Sheet:
    """What style sheets say of elements with one tag, class or id: which they hide, which classes together they show.

    `hidden` holds ("", tag), (".", class) and ("#", id). `together` has for a hidden class the sets of other classes
    that show an element which has them too (`.tab{display:none}` and `.tab.active{display:block}`).
    """

    hidden: dict[tuple[str, str], bool] = field(default_factory=dict)
    together: dict[str, list[frozenset[str]]] = field(default_factory=dict)


def read_sheets(sheets: str) -> Sheet:
    """The simple rules of style sheets about `display` and `visibility`; the last of equal selectors wins.

    Rules in `@media` hide nothing; on a screen of a size readers have they do show what another rule hides. Rules with
    several steps, as `.menu a`, are passed over. Linear in the text.
    """
    if "/*" in sheets:
        sheets = _COMMENT.sub(" ", sheets)
    found = Sheet()
    lowered = sheets.lower()
    if len(lowered) != len(sheets):  # a few letters have longer forms; such sheets are read by their own case
        lowered = sheets
    depth = reached = 0
    for match in sorted((*_DISPLAY.finditer(lowered), *_VISIBILITY.finditer(lowered)), key=_start):
        opened = sheets.rfind("{", reached, match.start())
        if opened < 0:  # text outside of rules, or the rule before again
            opened = reached
        else:
            depth += sheets.count("{", reached, opened) - sheets.count("}", reached, opened)
            reached = opened
        if depth > 1 or sheets.find("}", opened, match.start()) >= 0 or not sheets.startswith("{", opened):
            continue
        hides = match[1] in ("none", "hidden", "collapse")
        if depth and (hides or not _on_screens(lowered, opened)):
            continue
        first = max(opened - _SELECTOR, sheets.rfind("}", 0, opened) + 1, sheets.rfind(";", 0, opened) + 1)
        first = max(first, sheets.rfind("{", 0, opened) + 1)
        for selector in sheets[first:opened].split(","):
            _note(found, selector.strip(), hides, match[0].startswith("v"))
    return found


def _start(match: re.Match[str]) -> int:
    return match.start()


def _note(found: Sheet, selector: str, hides: bool, visibility: bool) -> None:
    if simple := _SIMPLE.match(selector):
        key = (simple[1], simple[2] if simple[1] else simple[2].lower())
        if hides or (key in found.hidden and found.hidden[key] == visibility):
            found.hidden[key] = visibility
            if not hides:
                del found.hidden[key]
    elif not hides and (classes := _CLASSES.match(selector)):
        names = frozenset(classes[0][1:].split("."))
        for name in names:
            found.together.setdefault(name, []).append(names)


def _on_screens(lowered: str, opened: int) -> bool:
    """Whether the block around a rule is `@media` for screens as readers have them."""
    at = lowered.rfind("@", 0, opened)
    prelude = lowered[at : lowered.find("{", at)] if at >= 0 else ""
    if not prelude.startswith("@media") or len(prelude) > _SELECTOR or any(no in prelude for no in ("print", "not ")):
        return False
    return all(
        (float(width) <= _WIDEST if side == "min" else float(width) >= _NARROWEST)
        for side, width in _WIDTHS.findall(prelude)
    )


def number(value: str) -> float | None:
    """The number a length, percentage or plain number begins with, else None.

    >>> number("-9999px"), number("auto")
    (-9999.0, None)
    """
    match = _NUMBER.match(value)
    return float(match[1]) if match else None


def arguments(value: str, function: str) -> list[str] | None:
    """The arguments of a function in a value, None when it is not there.

    >>> arguments("rotate(3deg) scale( 0 , 1 )", "scale")
    ['0', '1']
    """
    for match in _FUNCTION.finditer(value):
        if match[1] == function:
            return [part for part in re.split(r"[\s,/]+", match[2].strip()) if part]
    return None


def colour(value: str) -> Colour | None:
    """A colour as red, green, blue, None when it is none this module knows.

    >>> colour("#FFF".lower()), colour("rgb(255, 255, 255)"), colour("var(--x)")
    ((255, 255, 255), (255, 255, 255), None)
    """
    if value in _COLOURS:
        return _COLOURS[value]
    if value.startswith("#"):
        digits = value[1:]
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits)
        try:
            return (int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)) if len(digits) in (6, 8) else None
        except ValueError:
            return None
    for name in ("rgb", "rgba"):
        if parts := arguments(value, name):
            return _channels(parts)
    for name in ("hsl", "hsla"):
        if parts := arguments(value, name):
            return _from_hsl(parts)
    return None


def _channels(parts: list[str]) -> Colour | None:
    if len(parts) < 3:
        return None
    numbers = [number(part) for part in parts[:3]]
    if any(one is None for one in numbers):
        return None
    scaled = [
        (one or 0.0) * (2.55 if part.endswith("%") else 1.0) for one, part in zip(numbers, parts[:3], strict=True)
    ]
    red, green, blue = (min(255, max(0, round(one))) for one in scaled)
    return red, green, blue


def _from_hsl(parts: list[str]) -> Colour | None:
    import colorsys

    numbers = [number(part) for part in parts[:3]]
    if len(parts) < 3 or any(one is None for one in numbers):
        return None
    hue, saturation, light = (one or 0.0 for one in numbers)
    red, green, blue = colorsys.hls_to_rgb(
        hue % 360 / 360, min(1.0, max(0.0, light / 100)), min(1.0, max(0.0, saturation / 100))
    )
    return round(red * 255), round(green * 255), round(blue * 255)


def alpha(value: str) -> float:
    """How opaque a colour is, 0 to 1."""
    if value == "transparent":
        return 0.0
    if value.startswith("#") and len(value) in (5, 9):
        digits = value[4] * 2 if len(value) == 5 else value[7:9]
        try:
            return int(digits, 16) / 255
        except ValueError:
            return 1.0
    for name in ("rgba", "hsla", "rgb", "hsl"):
        parts = arguments(value, name)
        if parts and len(parts) >= 4:
            found = number(parts[3])
            return 1.0 if found is None else found / (100 if parts[3].endswith("%") else 1)
    return 1.0


def background(style: Mapping[str, str]) -> Colour | None:
    """The colour behind an element's text, as far as its own style says."""
    for name in ("background-color", "background"):
        value = style.get(name, "")
        if not value or alpha(value) == 0.0:
            continue
        if (found := colour(value)) is not None:
            return found
        for part in value.split(" "):
            if (found := colour(part)) is not None:
                return found
    return None
