"""Names by their capital letters: runs of capitalised words, and the parts of such runs."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from ragkit.text.entities.spans import Mention, Word, begins_sentence, gap, is_capital
from ragkit.text.entities.wordlists import ABBREVIATIONS, JOINING, MONTHS, RANKS, STOPWORDS, WEAK

LONGEST_RUN = 16  # words; a run may go over it by the small words of its last step
MOST_SMALL_WORDS = 3  # between two capitalised words of one run
_APOSTROPHES = ("'", "’")
_TIGHT = frozenset({" ", "-", "'", "’", " & ", "&", "‑", "/"})  # joins two capitalised words
_AFTER_INITIAL = frozenset({". ", ".", ".-"})  # joins them after "J" or "St"
_AROUND_SMALL = frozenset({" ", "'", "’", "-"})  # stands around "of", "de", "al"


class _Run(NamedTuple):
    """Words `first` to `last` of a text. `joints` are the words that came in over small words or an "'s"."""

    first: int
    last: int
    joints: list[int]


def names(text: str, tokens: Sequence[Word], common: Container[str]) -> Iterator[Mention]:
    """Capitalised runs, and their parts where a run is joined over small words ("Battle of the Bulge", "Battle").

    `common` are words that are no names where they begin a sentence alone.
    """
    seen = -1
    for place in [number for number, token in enumerate(tokens) if token.text[0].istitle()]:
        if place <= seen:
            continue
        run = _run_from(text, tokens, place)
        seen = run.last
        for first, last in sorted(_spans(text, tokens, run, common)):
            trimmed = _without_small_end(tokens, first, last)
            if not _is_nothing(tokens, first, last, trimmed):
                start, end = tokens[first].start, tokens[trimmed].end
                yield Mention(text[start:end], "NAME", start, end)


def _run_from(text: str, tokens: Sequence[Word], first: int) -> _Run:
    """The longest run that begins with word `first`."""
    last, joints = first, list[int]()
    while last + 1 < len(tokens) and last + 1 - first < LONGEST_RUN:
        space = gap(text, tokens[last].end, tokens[last + 1].start)
        following = tokens[last + 1].text
        if space in _APOSTROPHES and following in ("s", "S", "t"):
            joint = _after_possessive(text, tokens, last + 1)
        elif _goes_on(tokens[last].text, space, following):
            last += 1
            continue
        else:
            joint = _after_small_words(text, tokens, last)
        if joint is None:
            break
        joints.append(joint)
        last = joint
    return _Run(first, last, joints)


def _goes_on(word: str, space: str, following: str) -> bool:
    """Whether the next word is the run's, with nothing but a space, a hyphen, an "&", an initial's stop between."""
    if is_capital(following):
        return space in _TIGHT or space in _AFTER_INITIAL and (len(word) == 1 or word.casefold() in ABBREVIATIONS)
    return following[0].isdigit() and space in (" ", "-")


def _after_possessive(text: str, tokens: Sequence[Word], ending: int) -> int | None:
    """The capitalised word after "'s", which goes on with the name: "King's College". Else the run ends."""
    joint = ending + 1
    if tokens[ending].text == "t" or joint >= len(tokens) or not is_capital(tokens[joint].text):
        return None
    return joint if gap(text, tokens[ending].end, tokens[joint].start) == " " else None


def _after_small_words(text: str, tokens: Sequence[Word], last: int) -> int | None:
    """The capitalised word that comes after one to three small words, of which the first must not be a weak one."""
    joint = last + 1
    if tokens[joint].text in WEAK:
        return None
    while tokens[joint].text in JOINING and _is_around_small(text, tokens, joint):
        joint += 1
        if joint == len(tokens) or joint - last > MOST_SMALL_WORDS:
            break
    if joint == last + 1 or joint == len(tokens) or not is_capital(tokens[joint].text):
        return None
    return joint if _is_around_small(text, tokens, joint) else None


def _is_around_small(text: str, tokens: Sequence[Word], place: int) -> bool:
    return gap(text, tokens[place - 1].end, tokens[place].start) in _AROUND_SMALL


def _spans(text: str, tokens: Sequence[Word], run: _Run, common: Container[str]) -> set[tuple[int, int]]:
    """The spans of words, first to last, that a run names: itself, its parts, a person without the rank."""
    first = _first_of_name(text, tokens, run, common)
    if first > run.last:
        return set()
    spans = {(first, run.last)}
    if first > run.first and run.last - run.first > 1 and not begins_sentence(text, tokens[run.first].start):
        spans.add((run.first, run.last))  # "Once Upon a Time" inside a sentence
    starts = [first, *(joint for joint in run.joints if joint > first)]
    ends = [joint - 1 for joint in starts[1:]] + [run.last]
    for start, end in zip(starts, ends, strict=True):
        last = _without_small_end(tokens, start, end)
        # a single word after "the" or "'s" is a name only together with what comes before: "College"
        if start == first or last > start or tokens[start - 1].text not in ("the", "s", "S"):
            spans.add((start, last))
    if first < run.last and tokens[first].text in RANKS and is_capital(tokens[first + 1].text):
        spans.add((first + 1, ends[0]))
    return {(start, end) for start, end in spans if start <= end}


def _first_of_name(text: str, tokens: Sequence[Word], run: _Run, common: Container[str]) -> int:
    """The first word of the run that can begin a name: no common word, and "The" only before a capital."""
    for place in range(run.first, run.last + 1):
        word = tokens[place].text
        folded = word.casefold()
        article = folded == "the" and place < run.last and is_capital(tokens[place + 1].text)
        if (folded in STOPWORDS and not article) or not is_capital(word):
            continue
        alone = run.first == run.last
        if alone and folded in common and begins_sentence(text, tokens[place].start):
            continue
        return place
    return run.last + 1


def _without_small_end(tokens: Sequence[Word], first: int, last: int) -> int:
    while last > first and not is_capital(tokens[last].text) and not tokens[last].text[0].isdigit():
        last -= 1
    return last


def _is_nothing(tokens: Sequence[Word], first: int, last: int, trimmed: int) -> bool:
    """A single letter or common word, or a date, which has a rule of its own."""
    word = tokens[first].text
    if first == last and (len(word) == 1 or word.casefold() in STOPWORDS):
        return True
    return word in MONTHS and all(token.text.isdigit() for token in tokens[first + 1 : trimmed + 1])
