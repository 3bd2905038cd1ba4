"""Names in running text, without a model: runs of capitalised words, folded for comparison."""

from __future__ import annotations

import re
from functools import lru_cache

from ragkit.text.tokens import words

Folded = tuple[str, ...]

_WORD = re.compile(r"\w+(?:[-'’.]\w+)*\.?")
# Lower-case words that may stand inside a name.
_INSIDE = frozenset(
    "of de von van der den del della di da do dos du la le los las el al ibn bin bint mac ap y e zu zur und et the "
    "und af av ten ter".split()
)
_TITLES = frozenset(
    "Jr Jr. Sr Sr. II III IV Duke Duchess Count Countess King Queen Prince Princess Earl Baron Baroness Lord Lady "
    "Emperor Empress "
    "Landgrave Margrave Elector Archduke Archduchess Marquis Marquess Marchioness Viscount Viscountess Dauphin Holy "
    "Grand "
    "Hereditary Bishop Abbess Margravine Landgravine Electress".split()
)
_RANKS = frozenset(
    "king queen prince princess emperor empress duke duchess count countess lord lady sir dame saint st dr mr mrs "
    "miss captain "
    "general colonel major president professor bishop archbishop cardinal pope imam sheikh sultan rabbi rev "
    "reverend judge "
    "senator governor don archduke archduchess infante infanta baron baroness earl tsar grand".split()
)
_SHORT = frozenset("Jr. Sr. St. Dr. Mr. Mrs. Ms. Mt. Ft. Gen. Col. Capt. Prof. Rev. Hon. Lt. Sgt. Gov. Sen.".split())
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)$")
# Capitalised only because they begin a sentence.
_OPENERS = frozenset(
    "He She It They His Her Its Their In On At After Before During When While As By For From With This That These "
    "Those There "
    "Although Though Since Until Upon And But Or If Then Also Later However Both Born Died Married Directed Written "
    "Produced "
    "Music Released Based Located Founded Set Following Despite Another An A Where Who What Which".split()
)
_MONTHS = frozenset(
    "January February March April May June July August September October November December Jan Feb Mar Apr Jun Jul Aug "
    "Sep Sept Oct Nov Dec".split()
)
_NUMERAL = re.compile(r"[IVX]+\.?|[A-Z]\.")
_ROMAN = re.compile(r"[ivx]+")
_QUALIFIER = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")


@lru_cache(maxsize=8192)
def fold(text: str) -> Folded:
    """The words of a text, compatibility-folded and lower-cased, to compare names by."""
    return tuple(words(text))


def without_qualifier(title: str) -> str:
    """A title without a closing bracket: "Airheads (film)" gives "Airheads"."""
    return _QUALIFIER.sub("", title) or title


def places_of(needle: Folded, haystack: Folded) -> list[int]:
    """Where the words of `needle` stand in a row in `haystack`."""
    size = len(needle)
    if not size or size > len(haystack):
        return []
    first = needle[0]
    return [
        at
        for at, word in enumerate(haystack[: len(haystack) - size + 1])
        if word == first and haystack[at : at + size] == needle
    ]


def same_name(left: Folded, right: Folded) -> bool:
    """Whether two folded names may name one thing.

    Equal; or one is the other with words left out before its last word, initials counting for names
    ("J. Om Prakash" and "Jai Om Prakash"), where the first words agree but for initials and titles
    ("S. R. Puttanna Kanagal" and "Puttanna Kanagal", "King Æthelred of Mercia" and "Æthelred of Mercia").
    """
    if left == right:
        return bool(left)
    short, long = sorted((left, right), key=len)
    if len(short) < 2 or short[-1] != long[-1]:
        return False
    while len(long) > len(short) and not _agree(short[0], long[0]) and (len(long[0]) == 1 or long[0] in _RANKS):
        long = long[1:]
    if not _agree(short[0], long[0]):
        return False
    rest = iter(long[:-1])
    return all(any(_agree(word, other) for other in rest) for word in short[:-1])


def _agree(word: str, other: str) -> bool:
    if word == other:
        return True
    short, long = sorted((word, other), key=len)
    return len(short) == 1 and long.startswith(short) and not _ROMAN.fullmatch(long)


def core(name: Folded) -> Folded:
    """A name without the rank before it: "King Oswiu" gives "Oswiu"."""
    while len(name) > 1 and name[0] in _RANKS:
        name = name[1:]
    return name


def name_runs(text: str) -> list[tuple[int, int]]:
    """Spans of the runs of capitalised words, as `text[start:end]`, in order.

    Runs join over "of", "de", "von" and the like, over initials, and over a comma before a title
    ("Ernest, Duke of Bavaria"). Scripts without capitals have none. Linear in the length of the text.
    """
    tokens = [(match.start(), match.end(), match.group()) for match in _WORD.finditer(text)]
    runs: list[tuple[int, int]] = []
    at = 0
    while at < len(tokens):
        if not _opens(tokens[at][2]):
            at += 1
            continue
        last = _run_end(text, tokens, at)
        start, end = tokens[at][0], tokens[last][1]
        if text[end - 1] == "." and tokens[last][2] not in _SHORT and not _is_initial(tokens[last][2]):
            end -= 1
        if text[start:end].endswith(("'s", "’s")):
            end -= 2
        if not _NUMERAL.fullmatch(text[start:end]):
            runs.append((start, end))
        at = last + 1
    return runs


def _run_end(text: str, tokens: list[tuple[int, int, str]], first: int) -> int:
    last = first
    while True:
        word = tokens[last][2]
        if word.endswith(("'s", "’s")) or (word.endswith(".") and not (_is_initial(word) or word in _SHORT)):
            return last
        after = _next_in_run(text, tokens, first, last)
        if after is None:
            return last
        last = after


def _next_in_run(text: str, tokens: list[tuple[int, int, str]], first: int, last: int) -> int | None:
    inside = 0
    at = last + 1
    while at < len(tokens):
        gap = text[tokens[at - 1][1] : tokens[at][0]]
        word = tokens[at][2]
        if gap.strip() == "&" and _capital(word) and last == first and not inside:
            return at  # "Brandt & Sons", but not "Joel Coen & Ethan Coen"
        if gap.strip(" \u00a0"):
            joins = gap.strip() == "," and not inside and (word in _TITLES or _ORDINAL.match(word) is not None)
            return at if joins else None
        if _capital(word) and not (word in _MONTHS and _beside_number(tokens, at)):
            return at
        if word not in _INSIDE or inside == 3:
            return None
        inside += 1
        at += 1
    return None


def _beside_number(tokens: list[tuple[int, int, str]], at: int) -> bool:
    """Whether a month stands beside a day or a year; else it may be a name ("Christian August")."""
    return any(tokens[place][2][0].isdigit() for place in (at - 1, at + 1) if 0 <= place < len(tokens))


def _opens(word: str) -> bool:
    return _capital(word) and word not in _OPENERS and word.rstrip(".") not in _MONTHS


def _capital(word: str) -> bool:
    return word[0].isupper() or (word[0].isdigit() and _ORDINAL.match(word) is not None) or word.startswith("al-")


def _is_initial(word: str) -> bool:
    return word.endswith(".") and (len(word) == 2 or "." in word[:-1])
