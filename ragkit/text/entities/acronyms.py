"""Acronyms that a text explains: "World Health Organization (WHO)".

The letters are matched backwards from the bracket, after A. S. Schwartz and M. A. Hearst, "A simple algorithm for
identifying abbreviation definitions in biomedical text" (2003), but with first letters only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragkit.text.entities.spans import Mention, Word, word_at
from ragkit.text.entities.wordlists import JOINING

SHORTEST, LONGEST = 2, 10  # letters of the short form
_OPENING = re.compile(r"\( *")


def acronyms(text: str, tokens: Sequence[Word]) -> Iterator[tuple[Mention, Mention]]:
    """(long form, short form) for each acronym in brackets after the words whose first letters it is made of."""
    for opening in _OPENING.finditer(text):
        number = word_at(tokens, opening.end())
        if not number or not _is_short_form(text, tokens[number]):
            continue
        if text[tokens[number - 1].end : opening.start()].strip():
            continue
        first = _first_of_long_form(tokens, number)
        if first is not None:
            start, end = tokens[first].start, tokens[number - 1].end
            short = tokens[number]
            yield Mention(text[start:end], "NAME", start, end), Mention(short.text, "ACRONYM", short.start, short.end)


def _is_short_form(text: str, token: Word) -> bool:
    closed = text[token.end : token.end + 1] in (")", ",", ";", " ")
    return closed and SHORTEST <= len(token.text) <= LONGEST and token.text.isupper()


def _first_of_long_form(tokens: Sequence[Word], short: int) -> int | None:
    """The word that the first letter of word `short` stands for, going back word by word.

    Small words may be left out, but the last letter must stand for the last word.
    """
    letters = [letter.casefold() for letter in tokens[short].text if letter.isalpha()]
    if len(letters) < SHORTEST:
        return None
    furthest = max(-1, short - 1 - (2 * len(letters) + 3))
    for place in range(short - 1, furthest, -1):
        word = tokens[place].text
        if word[0].casefold() == letters[-1]:
            letters.pop()
            if not letters:
                return place
        elif place == short - 1 or word.casefold() not in JOINING:
            return None
    return None
