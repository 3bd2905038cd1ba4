"""Finding a model's quote inside the window it was shown, and nowhere else.

First exactly; then with case, quotation marks, dashes and white space taken as equal; then allowing a few wrong
characters. Offsets are always those of the text as it is.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

LEAST = 95.0  # per cent of the quote's characters that must fit
RATIO = (0.8, 1.25)
_SAME = str.maketrans({**dict.fromkeys("‘’‚‛`´", "'"), **dict.fromkeys("“”„‟«»", '"'), **dict.fromkeys("‐‑‒–—―−", "-")})


@dataclass(frozen=True, slots=True)
class Aligned:
    """Where a quote stands; `flags` may hold "ambiguous" (found more than once) and "fuzzy"."""

    start: int
    end: int
    flags: tuple[str, ...] = ()


def align(text: str, start: int, end: int, quote: str) -> Aligned | None:
    """The place of a quote within `text[start:end]`, None when it is not there."""
    quote = quote.strip()
    if not quote:
        return None
    window = text[start:end]
    at = window.find(quote)
    if at >= 0:
        flags = ("ambiguous",) if window.find(quote, at + 1) >= 0 else ()
        return Aligned(start + at, start + at + len(quote), flags)
    plain, places = _plain(window)
    wanted = _plain(quote)[0]
    at = plain.find(wanted)
    if at >= 0 and wanted:
        flags = ("ambiguous",) if plain.find(wanted, at + 1) >= 0 else ()
        return Aligned(start + places[at], start + places[at + len(wanted) - 1] + 1, flags)
    return _fuzzy(window, plain, places, wanted, start)


def _plain(text: str) -> tuple[str, list[int]]:
    """The text as compared, and for each of its characters the place of the one it came from."""
    plain: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for one in unicodedata.normalize("NFKC", char).casefold().translate(_SAME):
            if one.isspace():
                if not plain or plain[-1] == " ":
                    continue
                one = " "
            plain.append(one)
            places.append(place)
    while plain and plain[-1] == " ":
        plain.pop()
        places.pop()
    return "".join(plain), places


def _fuzzy(window: str, plain: str, places: list[int], wanted: str, shift: int) -> Aligned | None:
    if not wanted or not plain:
        return None
    errors = _distances(wanted, plain)
    end = int(np.argmin(errors))
    if 100 * (1 - errors[end] / len(wanted)) < LEAST:
        return None
    backwards = _distances(wanted[::-1], plain[:end][::-1])
    length = int(np.argmin(backwards))
    if not RATIO[0] <= length / len(wanted) <= RATIO[1]:
        return None
    first, last = places[end - length], places[end - 1] + 1
    while first > 0 and window[first - 1].isalnum() and window[first].isalnum():
        first -= 1
    while last < len(window) and window[last - 1].isalnum() and window[last].isalnum():
        last += 1
    return Aligned(shift + first, shift + last, ("fuzzy",))


def _distances(wanted: str, text: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each end in `text` the fewest edits that make some part ending there equal to `wanted` (Sellers, 1980)."""
    letters = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    steps = np.arange(len(text) + 1)
    row = np.zeros(len(text) + 1, np.int64)
    for number, char in enumerate(wanted, 1):
        replaced = row[:-1] + (letters != ord(char))
        best = np.append(number, np.minimum(replaced, row[1:] + 1))
        row = np.minimum.accumulate(best - steps) + steps
    return row
