"""Where a text may be cut without tearing apart what a reader sees as one character.

A stricter form of the extended grapheme clusters of Unicode Standard Annex 29: every place allowed here is allowed
there, a few more are refused (after any joiner and any virama).
"""

from __future__ import annotations

import unicodedata

# A cluster longer than this is noise, and is cut like any text.
LONGEST_CLUSTER = 32

_PREPENDED = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3"
    "\U000113d1\U0001193f\U00011941\U00011a3a\U00011a84\U00011a85\U00011a86\U00011a87\U00011a88\U00011a89\U00011d46\U00011f02"
)
_EXTENDING = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")


def may_cut(text: str, place: int, low: int = 0) -> bool:
    r"""Whether `text` may be cut before character `place`; `low` is a place at or before it where a cluster begins.

    >>> family = "👩\u200d👧 and e\u0301"
    >>> [place for place in range(len(family) + 1) if may_cut(family, place)]
    [0, 3, 4, 5, 6, 7, 8, 10]
    """
    if not low < place < len(text):
        return True
    before, after = text[place - 1], text[place]
    if before < "\u0300" and after < "\u0300":
        return not (before == "\r" and after == "\n")
    if before in _PREPENDED:
        return False
    if before.isspace() or after.isspace():
        return True
    if _extends(after) or before == "\u200d" or unicodedata.combining(before) == 9:
        return False
    if _is_regional(before) and _is_regional(after):
        return _regionals_before(text, place, low) % 2 == 0
    return not _is_syllable(before, after)


def cut_before(text: str, place: int, low: int) -> int:
    """The last place to cut at or before `place` and after `low`; the next one after it when there is none.

    A cluster of more than 32 characters is cut at `place`.
    """
    for nearer in range(place, max(low, place - LONGEST_CLUSTER), -1):
        if may_cut(text, nearer, low):
            return nearer
    for further in range(place + 1, min(len(text), place + LONGEST_CLUSTER) + 1):
        if place - low <= LONGEST_CLUSTER and may_cut(text, further, low):
            return further
    return place


def _extends(character: str) -> bool:
    if character in _EXTENDING or unicodedata.category(character)[0] == "M":
        return True
    # Skin tones, and the tags that spell the flags of regions.
    return "\U0001f3fb" <= character <= "\U0001f3ff" or "\U000e0020" <= character <= "\U000e007f"


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _regionals_before(text: str, place: int, low: int) -> int:
    first = place
    while first > low and _is_regional(text[first - 1]):
        first -= 1
    return place - first


def _is_syllable(before: str, after: str) -> bool:
    """Whether two parts of a Hangul syllable written in letters (jamo) belong together."""
    if not ("\u1160" <= after <= "\u11ff" or "\ud7b0" <= after <= "\ud7fb" or "\ua960" <= before <= "\ua97c"):
        return "\u1100" <= before <= "\u115f" and ("\u1100" <= after <= "\u115f" or "\uac00" <= after <= "\ud7a3")
    return "\u1100" <= before <= "\u11ff" or "\ua960" <= before <= "\ua97c" or "\uac00" <= before <= "\ud7fb"
