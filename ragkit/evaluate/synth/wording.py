"""What makes a sentence fit to ask about, and a question fit to be asked."""

from __future__ import annotations

import re
from typing import Any

from ragkit.evaluate.dataset import normalised

_MARKUP = re.compile(r"[|<>{}\\`*=@\t#~^]|__|\.\.\.|…|https?:|www\.")
_DEMONSTRATIVES = frozenset("this that these those".split())
_ELSEWHERE = frozenset("here such above-mentioned aforementioned aforesaid foregoing".split())
_DANGLING = frozenset(
    "compared of in at on to for from by with without about into than as and or but that which who according due "
    "because including under over between among near after before during since until per via".split()
)
_PAIRS = ("()", "[]", "“”", "«»")
_MIXED = re.compile(r"[^\W\d_]\d|\d[^\W\d_]")
FEWEST, MOST = 6, 30  # words of a question
SENTENCE_WORDS = (7, 45)


def suitable(text: str) -> bool:
    """Whether a sentence can be asked about at all: 7 to 45 words, mostly letters, no question, no table or markup."""
    words = len(text.split())
    if not SENTENCE_WORDS[0] <= words <= SENTENCE_WORDS[1] or text.rstrip("\"'”’)").endswith("?"):
        return False
    visible = [char for char in text if not char.isspace()]
    letters = sum(char.isalpha() for char in visible)
    return letters >= 0.6 * len(visible) and not _MARKUP.search(text)


def fault(question: str, answer: str, tokens: list[Any]) -> str:
    """Why a question made of these spaCy tokens is not fit, "" when it is."""
    words = question.rstrip("?").split()
    if any(points(token) for token in tokens):
        return "pronoun"
    if not FEWEST <= len(words) <= MOST:
        return "length"
    if answer and f" {normalised(answer)} " in f" {normalised(question)} ":
        return "answer in question"
    if not balanced(question):
        return "unbalanced"
    if words[-1].lower() in _DANGLING:
        return "dangling end"
    if any(token.pos_ == "PROPN" and token.text.islower() for token in tokens) or _MIXED.search(question):
        return "odd word"
    return ""


def points(token: Any) -> bool:
    """Whether a spaCy token is a pronoun or demonstrative; "that" as a conjunction or relative is neither."""
    demonstrative = token.lower_ in _DEMONSTRATIVES and token.tag_ in ("DT", "PDT")
    return token.tag_ in ("PRP", "PRP$") or demonstrative or token.lower_ in _ELSEWHERE


def balanced(text: str) -> bool:
    """Whether brackets and quotation marks come in pairs."""
    return text.count('"') % 2 == 0 and all(text.count(pair[0]) == text.count(pair[1]) for pair in _PAIRS)


def points_elsewhere(question: str) -> bool:
    """Whether a question speaks of its text, or of something only the reader of its text knows."""
    lowered = question.casefold()
    if re.search(
        r"\b(?:this|the|given|above) (?:text|passage|document|excerpt|article|context|section|sentence|paragraph)s?\b",
        lowered,
    ):
        return True
    return bool(re.match(r"(?:what|who|when|where|why|how)\b.{0,12}\b(?:this|these|those|it|he|she|they)\b", lowered))
