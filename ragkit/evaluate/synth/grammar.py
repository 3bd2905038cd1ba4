"""Questions from one parsed sentence: who, what, when, where, how many.

S is the subject, V the root verb, L what stands before the subject in a question (an auxiliary, a form of "be", or did,
does, do with V in its base form), REST what follows the subject up to the next clause, without the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_DO = {"VBD": "did", "VBZ": "does", "VBP": "do"}
_SUBJECTS = ("nsubj", "nsubjpass")
_DATED = ("in", "on", "at", "during", "since", "until", "by", "before", "after")
_PLACES = ("GPE", "LOC", "FAC")


@dataclass(frozen=True, slots=True)
class Made:
    """A question, its answer, its kind, and the tokens of the sentence it is made of."""

    question: str
    answer: str
    kind: str
    tokens: list[Any]


@dataclass(frozen=True)
class Clause:
    """The main clause of a parsed sentence that has just one subject, before its verb."""

    sentence: Any
    root: Any
    subject: Any

    @classmethod
    def of(cls, sentence: Any) -> Clause | None:
        """The clause, or None when the sentence is built otherwise."""
        root = sentence.root
        subjects = [child for child in root.children if child.dep_ in _SUBJECTS]
        clausal = any(child.dep_ in ("csubj", "csubjpass", "expl") for child in root.children)
        if root.pos_ not in ("VERB", "AUX") or len(subjects) != 1 or clausal or subjects[0].i > root.i:
            return None
        return cls(sentence, root, subjects[0])

    @cached_property
    def subject_tokens(self) -> list[Any]:
        """The subject phrase."""
        return list(self.root.doc[self.subject.left_edge.i : self.subject.right_edge.i + 1])

    @cached_property
    def lead(self) -> Any | None:
        """The token that moves before the subject, None when a form of "do" has to stand in."""
        auxiliaries = [child for child in self.root.children if child.dep_ in ("aux", "auxpass")]
        found = [token for token in auxiliaries if self.subject.i < token.i < self.root.i and token.lower_ != "to"]
        if found:
            return found[0]
        return self.root if self.root.lemma_ == "be" and self.root.tag_ in _DO else None

    @property
    def sound(self) -> bool:
        """Whether a question can be made: a finite verb that is not contracted."""
        if self.lead is not None:
            return self.lead.text.isalpha() and (self.lead.tag_ in (*_DO, "MD"))
        return self.root.tag_ in _DO and self.root.text.isalpha()

    @property
    def acts(self) -> bool:
        """Whether the subject does something to something, so that one can ask what."""
        return self.subject.dep_ == "nsubj" and any(child.dep_ in ("dobj", "ccomp") for child in self.root.children)

    @cached_property
    def end(self) -> int:
        """Where the clause ends: before the first coordinated clause, and without the full stop."""
        end: int = self.sentence.end
        for child in self.root.children:
            if child.dep_ == "conj" and child.i > self.root.i:
                end = min(end, child.left_edge.i)
            elif child.dep_ in ("cc", "parataxis") and child.i > self.root.i:
                end = min(end, child.left_edge.i)
        while end > self.root.i + 1 and (self.root.doc[end - 1].is_punct or self.root.doc[end - 1].dep_ == "cc"):
            end -= 1
        return end

    def inverted(self, word: str, without: set[int], middle: list[Any] | None = None) -> tuple[str, list[Any]]:
        """The question `word + L + S + V + REST` without these tokens, and the tokens it has."""
        after = self.root.doc[self.subject.right_edge.i + 1 : self.end]
        rest = [token for token in after if token.i not in without and token != self.lead]
        base = self.root if self.lead is None else None
        lead = self.lead.lower_ if self.lead is not None else _DO[self.root.tag_]
        parts = [word, *([joined(middle)] if middle else []), lead, lowered(self.subject_tokens), joined(rest, base)]
        tokens = [*(middle or []), *self.subject_tokens, *rest]
        return finished(" ".join(part for part in parts if part)), tokens


def joined(tokens: list[Any], base: Any = None) -> str:
    """The tokens with the spaces they had, `base` in its base form."""
    pieces = []
    for token, after in zip(tokens, [*tokens[1:], None], strict=False):
        gap = after is not None and after.i != token.i + 1  # something between them was left out
        text = token.lemma_ if token == base else token.text
        pieces.append(text + (" " if token.whitespace_ or gap else ""))
    return "".join(pieces).strip()


def lowered(tokens: list[Any]) -> str:
    """The subject phrase; its first word in small letters unless it is a name."""
    text = joined(tokens)
    first = tokens[0]
    if not text:
        return ""
    proper = first.pos_ == "PROPN" or (first.ent_type_ and first.lower_ != "the") or first.text.isupper()
    return text if proper and len(first.text) > 1 else text[0].lower() + text[1:]


def finished(text: str) -> str:
    """A question from its words: spaces mended, a capital, a question mark."""
    text = " ".join(text.split())
    for mark in (" ,", " ;", " :"):
        text = text.replace(mark, mark[1:])
    text = text.replace(",,", ",").rstrip(" ,;:.-–—")
    return text[0].upper() + text[1:] + "?"


def questions(clause: Clause) -> Iterator[Made]:
    """All questions of one clause, by kind."""
    yield from _subject(clause)
    if clause.sound:
        yield from _object(clause)
        yield from _adverbial(clause)


def _word(token: Any) -> str:
    return "Who" if token.ent_type_ == "PERSON" else "What"


def _subject(clause: Clause) -> Iterator[Made]:
    if clause.subject.left_edge.i != clause.sentence.start:
        return
    predicate = list(clause.root.doc[clause.subject.right_edge.i + 1 : clause.end])
    while predicate and predicate[0].is_punct:
        predicate.pop(0)
    if len(predicate) >= 4:
        text = finished(f"{_word(clause.subject)} {joined(predicate)}")
        yield Made(text, joined(clause.subject_tokens), "subject", predicate)


def _object(clause: Clause) -> Iterator[Made]:
    for child in clause.root.children:
        if child.dep_ not in ("dobj", "attr") or not clause.root.i < child.i < clause.end:
            continue
        phrase = [token for token in child.subtree if token.i < clause.end]
        without = {token.i for token in phrase}
        number = next((token for token in child.children if token.dep_ == "nummod" and token.like_num), None)
        if child.dep_ == "dobj" and number is not None and child.ent_type_ not in ("MONEY", "PERCENT"):
            noun = [token for token in phrase if token.i > number.right_edge.i and token.i <= child.i]
            word = "How many" if child.tag_ in ("NNS", "NNPS") else "How much"
            text, tokens = clause.inverted(word, without, noun)
            yield Made(text, joined([*number.subtree, *noun]), "quantity", tokens)
        else:
            text, tokens = clause.inverted(_word(child), without)
            yield Made(text, joined(phrase), "object", tokens)


def _adverbial(clause: Clause) -> Iterator[Made]:
    for prep in clause.root.children:
        if prep.dep_ != "prep" or prep == clause.lead:
            continue
        held = next((token for token in prep.children if token.dep_ == "pobj"), None)
        if held is None or not held.ent_type_:
            continue
        entity = next((one for one in clause.sentence.ents if one.start <= held.i < one.end), None)
        if entity is None:
            continue
        without = {token.i for token in prep.subtree}
        if held.ent_type_ == "DATE" and prep.lower_ in _DATED:
            text, tokens = clause.inverted("When", without)
            yield Made(text, entity.text, "when", tokens)
        elif held.ent_type_ in _PLACES and prep.lower_ in ("in", "at", "near"):
            text, tokens = clause.inverted("Where", without)
            yield Made(text, entity.text, "where", tokens)
