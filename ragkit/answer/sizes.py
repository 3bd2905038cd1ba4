"""Comparing by figures: which of two is larger, higher, longer or heavier, by a figure of one kind on both pages."""

from __future__ import annotations

import re

from ragkit.answer.dates import find_dates, find_numbers
from ragkit.answer.evidence import Page, Sentence
from ragkit.answer.words import stem
from ragkit.text.tokens import words

# Adjectives, and the kinds of figures that settle them, the likeliest first; each kind is known by its words.
_POPULATION = "population inhabitants people residents souls citizens populous"
_AREA = "area square acres hectares km2 km²"
_HEIGHT = "high tall height metres meters feet ft elevation altitude storeys stories"
_LENGTH = "long length kilometres kilometers miles metres meters km mi feet"
_WEIGHT = "tons tonnes weight weighs kg kilograms pounds tonnage"
_SIZES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(rf"\b(?:{adjectives})\b", re.IGNORECASE), kinds)
    for adjectives, kinds in (
        (r"larger|largest|bigger|biggest|smaller|smallest|greater", (_POPULATION, _AREA, _WEIGHT, _LENGTH, _HEIGHT)),
        (r"(?:more|most|less|least|fewer) (?:populous|people|inhabitants|residents)|population", (_POPULATION,)),
        (r"higher|highest|taller|tallest|lower|lowest|shorter|shortest", (_HEIGHT, _LENGTH)),
        (r"longer|longest", (_LENGTH,)),
        (r"heavier|heaviest|lighter|lightest", (_WEIGHT,)),
    )
)
_NEAR = 4  # words between a figure and the word that says what it counts

Figure = tuple[float, Sentence]


def kinds_of_figure(text: str) -> tuple[str, ...]:
    """The kinds of figures that may settle a question's comparison; none when it compares by no size."""
    return next((kinds for pattern, kinds in _SIZES if pattern.search(text)), ())


def figure(kind: str, page: Page) -> Figure | None:
    """The first figure of a kind a page states, with its sentence."""
    wanted = {stem(word) for word in kind.split()}
    for sentence in page.sentences:
        dates = find_dates(sentence.text)
        for number in find_numbers(sentence.text):
            dated = any(date.start < number.end and number.start < date.end for date in dates)
            if number.value is None or dated:
                continue
            before = words(sentence.text[: number.start])[-_NEAR:]
            after = words(sentence.text[number.end :])[:2]
            if wanted & {stem(word) for word in (*before, *after)}:
                return number.value, sentence
    return None
