"""What kind of thing a page is about, by the sentence that defines it: "X is a football club of …"."""

from __future__ import annotations

import re
from functools import lru_cache

from ragkit.answer.evidence import Evidence, Page
from ragkit.answer.names import Folded, fold
from ragkit.answer.words import stem

_DEFINING = re.compile(
    r"\b(?:is|was|are|were)\s+(?:(?:an?|the|one of the)\s+)?(?P<what>[^,.;()]{2,80}?)"
    r"(?=\s+(?:of|in|on|at|for|from|by|that|which|who|whose|where|with|near|based|founded|known|built|directed|written)\b"
    r"|[,.;()]|\s*$)"
)
_SUBJECT = 60  # characters from the beginning of a sentence in which its verb must stand, brackets left out
_BRACKETS = re.compile(r"\([^()]*\)")
_PLACES = frozenset(
    stem(word)
    for word in "city town village island country state county capital river lake mountain region province district "
    "municipality commune suburb neighborhood neighbourhood port peninsula continent valley street square park bay "
    "lighthouse bridge building castle church station airport harbour harbor hamlet borough settlement".split()
)
_THINGS = _PLACES | frozenset(
    stem(word)
    for word in "film movie song album single novel book magazine newspaper series show game ship ferry boat barge "
    "cutter vessel war battle storm award prize cup language plant animal species genus episode play opera poem "
    "aircraft car locomotive software award".split()
)


def defined_as(page: Page) -> Folded:
    """The words a page's first sentence says its subject to be, without what follows: "football club"; may be none."""
    if not page.sentences:
        return ()
    return _defined(page.sentences[0].text)


@lru_cache(maxsize=4096)
def _defined(text: str) -> Folded:
    plain = _BRACKETS.sub("", text)
    found = _DEFINING.search(plain)
    return fold(found["what"]) if found and found.start() <= _SUBJECT else ()


def is_a(page: Page, noun: str) -> bool:
    """Whether the page's subject is defined as this noun."""
    return stem(noun) in {stem(word) for word in defined_as(page)}


def is_no_person(name: str, evidence: Evidence) -> bool:
    """Whether a name is of a page about a place, a work or another thing that no "who" asks for."""
    page = evidence.page_of(name)
    if page is None or page.female is not None and not is_place(page):
        return False
    return any(stem(word) in _THINGS for word in defined_as(page)[-1:])


def is_place(page: Page) -> bool:
    """Whether the page's subject is defined as a place."""
    return any(stem(word) in _PLACES for word in defined_as(page)[-1:])
