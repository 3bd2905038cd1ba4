"""Which elements of a page a reader would not see: by attributes, inline styles, class names and the page's own sheets.

Anything hidden may hold text that was written for programs, so it is dropped unless asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from ragkit.extractors.html import css
from ragkit.extractors.html.types import Limits

CLASSES = frozenset("sr-only visually-hidden screen-reader-text d-none is-hidden invisible".split())
_SCRIPTED = frozenset("hidden aria-hidden style:display style:visibility style:opacity".split()) | frozenset(
    ("class:d-none", "class:is-hidden", "class:invisible")
)
_FAR = -999.0  # a text moved this far left or up is off screen
_SMALL = ("0", "0px", "0em", "0rem", "0%", "0pt", "0vh", "0vw")
_ANCESTORS = 32  # that are asked for the background of a text
_CLIPPED = 1.0  # pixels: a box no larger, with overflow hidden, shows nothing
_SAME = 3  # colours whose channels differ by no more look the same

Element = Any


class Hiding:
    """Tells whether an element hides itself and all below it, by what it says and what the page's sheets say of it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.tags: set[str] = set()
        self.classes: set[str] = set()
        self.ids: set[str] = set()
        self.together: dict[str, list[frozenset[str]]] = {}
        self._styled: dict[Element, dict[str, str]] = {}
        self._names: dict[str, str | None] = {}

    def read_sheets(self, sheets: str) -> None:
        """Take in what the page's own style sheets hide."""
        by_mark = {"": self.tags, ".": self.classes, "#": self.ids}
        sheet = css.read_sheets(sheets[: self.limits.css])
        for mark, name in sheet.hidden:
            by_mark[mark].add(name)
        self.together = sheet.together

    def reason(self, element: Element) -> str | None:
        """Why an element is hidden, None when it is not. Ancestors are to be asked about before what they hold."""
        found = self._by_attributes(element) or self._by_colour(element)
        if found is None and (value := element.get("class")):
            found = self._by_class(value)
        if found is None and self.ids and (value := element.get("id")) in self.ids:
            found = f"rule:#{value}"
        if found is None and element.tag in self.tags:
            found = f"rule:{element.tag}"
        return found

    def elements(self, root: Element) -> dict[Element, str]:
        """All elements of a tree that hide themselves, with the reasons. Linear in the page."""
        found: dict[Element, str] = {}
        for element in _marked()(root):
            if reason := self._by_attributes(element):
                found[element] = reason
        for element in self._styled:
            if element not in found and (reason := self._by_colour(element)):
                found[element] = reason
        hiding = {value for value in set(_classes()(root)) if self._by_class(value)}
        if hiding or self.ids:
            for element in root.iter():
                if (value := element.get("class")) in hiding:
                    found.setdefault(element, self._by_class(value) or "")
                if self.ids and (value := element.get("id")) in self.ids:
                    found.setdefault(element, f"rule:#{value}")
        for tag in sorted(self.tags):
            for element in root.iter(tag):
                found.setdefault(element, f"rule:{tag}")
        return found

    def _by_attributes(self, element: Element) -> str | None:
        attributes = element.attrib
        style = attributes.get("style")
        reason = None
        if style:
            self._styled[element], reason = _judged(style[: self.limits.attribute])
        if attributes.get("hidden") is not None:
            return "hidden"
        aria = attributes.get("aria-hidden")
        if aria is not None and aria.strip().lower() == "true":
            return "aria-hidden"
        return reason

    def _by_colour(self, element: Element) -> str | None:
        style = self._styled.get(element)
        ink = style.get("color") if style else None
        return "style:color" if ink and _unreadable(element, ink, self._styled) else None

    def _shown(self, name: str, names: Sequence[str]) -> bool:
        return any(needed.issubset(names) for needed in self.together.get(name, ()))

    def _by_class(self, value: str) -> str | None:
        if value not in self._names:
            names = value[: self.limits.attribute].split()
            known = sorted(CLASSES.intersection(names))
            ruled = [name for name in sorted(self.classes.intersection(names)) if not self._shown(name, names)]
            self._names[value] = f"class:{known[0]}" if known else f"rule:.{ruled[0]}" if ruled else None
        return self._names[value]


def hidden_elements(root: Element, limits: Limits) -> dict[Element, str]:
    """The elements of a tree that hide themselves and all below them, with the reasons."""
    hiding = Hiding(limits)
    hiding.read_sheets("\n".join(element.text or "" for element in root.iter("style")))
    return hiding.elements(root)


def panels(root: Element, hidden: Mapping[Element, str]) -> set[Element]:
    """The hidden elements that a control of the page, itself not hidden, is there to unfold: tabs, answers, menus."""
    known = {id: one for one, reason in hidden.items() if is_scripted(reason) and (id := one.get("id"))}
    if not known:
        return set()
    found: set[Element] = set()
    for control in _controls()(root):
        named = " ".join(control.get(name) or "" for name in ("aria-controls", "data-target", "data-bs-target"))
        if control.get("role") or control.get("data-toggle") or control.get("data-bs-toggle"):
            named += " " + (control.get("href") or "")
        targets = [known[name] for each in named.split() if (name := each.removeprefix("#")) in known]
        if targets and not _is_below(control, hidden):
            found.update(targets)
    return found


def is_scripted(reason: str) -> bool:
    """Whether text is hidden in a way that scripts undo, rather than one that keeps it from sight for good."""
    return reason in _SCRIPTED or reason.startswith("rule:")


def _is_below(element: Element, hidden: Mapping[Element, str]) -> bool:
    current: Element | None = element
    for _ in range(_ANCESTORS):
        if current is None or current in hidden:
            break
        current = current.getparent()
    return current is not None and current in hidden


@functools.cache
def _controls() -> Any:
    from lxml import etree

    return etree.XPath("//@aria-controls/..|//@data-target/..|//@data-bs-target/..|//@data-toggle/..|//a[@role]")


@functools.cache
def _marked() -> Any:
    from lxml import etree

    return etree.XPath("//@style/..|//@hidden/..|//@aria-hidden/..")


@functools.cache
def _classes() -> Any:
    from lxml import etree

    return etree.XPath("//@class", smart_strings=False)


@functools.lru_cache(maxsize=4096)
def _judged(style: str) -> tuple[dict[str, str], str | None]:
    parsed = css.declarations(style)
    return parsed, hiding_property(parsed)


def hiding_property(style: Mapping[str, str]) -> str | None:
    """The reason by which declarations hide an element, as "style:display"; None when they do not."""
    get = style.get
    if get("display") == "none":
        return "style:display"
    if get("visibility") in ("hidden", "collapse"):
        return "style:visibility"
    if _is_zero(get("opacity")):
        return "style:opacity"
    if _is_zero(get("font-size")) or _is_zero_font(get("font", "")):
        return "style:font-size"
    if _is_far(get("text-indent")):
        return "style:text-indent"
    if get("position") in ("absolute", "fixed") and any(_is_far(get(side)) for side in ("left", "top")):
        return "style:position"
    if _is_clipped(style):
        return "style:clip"
    if _is_scaled_away(style):
        return "style:transform"
    if _is_boxed_away(style):
        return "style:size"
    if "color" in style and css.alpha(style["color"]) == 0.0:
        return "style:color"
    return None


def _is_zero(value: str | None) -> bool:
    return value is not None and css.number(value) == 0.0


def _is_zero_font(value: str) -> bool:
    return any(part.split("/")[0] in _SMALL for part in value.split(" ")) if value else False


def _is_far(value: str | None) -> bool:
    found = css.number(value) if value else None
    if found is None or value is None:
        return False
    return found <= (_FAR if not value.endswith(("em", "rem", "%", "vw", "vh")) else _FAR / 10)


def _is_clipped(style: Mapping[str, str]) -> bool:
    rect = css.arguments(style.get("clip", ""), "rect")
    if rect and all(abs(css.number(part) or 0.0) <= _CLIPPED for part in rect):
        return True
    inset = css.arguments(style.get("clip-path", ""), "inset")
    if inset and all(part.endswith("%") and (css.number(part) or 0.0) >= 50 for part in inset if part != "round"):
        return True
    circle = css.arguments(style.get("clip-path", ""), "circle")
    return bool(circle) and css.number((circle or ["1"])[0]) == 0.0


def _is_scaled_away(style: Mapping[str, str]) -> bool:
    for name in ("scale", "scalex", "scaley", "scale3d"):
        values = css.arguments(style.get("transform", ""), name)
        if values and any(css.number(value) == 0.0 for value in values[:2]):
            return True
    return style.get("scale", "").split(" ")[0] in _SMALL


def _is_boxed_away(style: Mapping[str, str]) -> bool:
    overflow = style.get("overflow", "") or style.get("overflow-x", "") or style.get("overflow-y", "")
    if "hidden" not in overflow and "clip" not in overflow:
        return False
    for name in ("width", "height", "max-width", "max-height"):
        value = style.get(name, "")
        size = css.number(value)
        if size is not None and (size == 0.0 or (size <= _CLIPPED and value.endswith("px"))):
            return True
    return False


def _unreadable(element: Element, ink: str, styled: Mapping[Element, Mapping[str, str]]) -> bool:
    """Whether text has the colour of what is behind it, as far as inline styles of it and its ancestors say."""
    colour = css.colour(ink)
    if colour is None:
        return False
    current: Element | None = element
    for _ in range(_ANCESTORS):
        if current is None:
            return False
        style = styled.get(current)
        behind = css.background(style) if style else None
        if behind is None and current.get("bgcolor"):
            behind = css.colour(current.get("bgcolor").strip().lower()[:40])
        if behind is not None:
            return all(abs(one - other) <= _SAME for one, other in zip(colour, behind, strict=True))
        if style and ("background" in style or "background-image" in style):
            return False  # a picture or a colour this module does not know
        current = current.getparent()
    return False
