"""Questions within questions: "Who beat the captain of the Grey Heron?" asks first who that captain is.

A description in the question ("the captain of the Grey Heron", "the city where Ada was born", "Ada's brother") is a
noun with a name below it in the sentence's syntax. Once it is known what it describes, that name takes its place and
the plainer question is answered instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.answer.evidence import Evidence
from ragkit.answer.names import name_runs
from ragkit.answer.question import Question

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_BELOW = frozenset({"relcl", "acl", "prep", "poss", "appos"})
_WH = frozenset({"WDT", "WP", "WP$", "WRB"})
_LONGEST = 25  # words of a description


@dataclass(frozen=True, slots=True)
class Description:
    """Characters `start` to `end` of the question describe something; `asks` is the question for what that is."""

    start: int
    end: int
    noun: str
    asks: str


def descriptions(question: Question, document: Doc, evidence: Evidence) -> Iterator[Description]:
    """The descriptions in a question, the shortest first; each holds a name and is not itself what is asked for."""
    names = [(topic.start, topic.end) for topic in question.topics] + name_runs(question.text)
    found = []
    for token in document:
        if token.pos_ != "NOUN" or not any(child.dep_ in _BELOW for child in token.children):
            continue
        words = list(token.subtree)
        start, end = words[0].idx, words[-1].idx + len(words[-1].text)
        below = [(a, b) for a, b in names if start <= a and b <= end and not a <= token.idx < b]
        if not below or len(words) > _LONGEST or _asked_for(token):
            continue
        plain = " ".join(question.text[_without_article(words) : end].split()).rstrip("?.! ")
        found.append(Description(start, end, token.lemma_ or token.text, f"Which {plain}?"))
    yield from sorted(found, key=lambda description: (description.end - description.start, description.start))


def _without_article(words: list[Token]) -> int:
    first = words[1] if len(words) > 1 and words[0].tag_ in ("DT", "PRP$") else words[0]
    return int(first.idx)


def _asked_for(token: Token) -> bool:
    """Whether the noun is what the question asks for: "which city …", "who is the captain …"."""
    if any(child.tag_ in _WH and child.dep_ in ("det", "poss") for child in token.children):
        return True
    if token.dep_ not in ("attr", "nsubj") or token.head.lemma_ not in ("be", "is", "was", "are", "were"):
        return token.dep_ == "ROOT"
    if token.doc[0].pos_ != "ADP" and any(
        child.tag_ in _WH and child.dep_ == "det" for other in token.head.children for child in other.children
    ):
        return True  # "what country is the birth place of …"; but "in which city is the club …"
    return any(
        other.tag_ in ("WP", "WRB") and other.dep_ in ("nsubj", "attr", "advmod") for other in token.head.children
    )


def replaced(question: Question, description: Description, name: str) -> str:
    """The question with a name instead of the description."""
    return question.text[: description.start] + name + question.text[description.end :]
