"""What a language model is asked for a batch of chunks, and what of its reply is believed.

Every statement has to be borne by its chunk: nearly all its words and all its numbers stand there. What a model
invents, or copies from an instruction in a text, does not pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib import resources
from typing import Any

from ragkit.text.entities import STOPWORDS
from ragkit.text.tokens import words

TEMPLATE = "units 1"  # raise it when prompts/units.txt changes, so that chunks are asked for again
SHORTEST, LONGEST = 3, 80  # words of a statement
SECOND = 0.25  # share of a statement's words that a second sentence has to add to support it too
COVERED = 0.5  # share of a sentence's words in statements from which on it needs no unit of its own
MOST_PER_SENTENCE = 4  # statements believed for each sentence of a chunk, and as many again
_FENCE = re.compile(r"^\s*```[\w-]*\s*\n?(.*?)\n?\s*```\s*$", re.S)
_NUMBER = re.compile(r"\d+")
_ENDINGS = ("ingly", "edly", "ings", "ing", "ers", "ies", "ed", "er", "es", "ly", "s", "e")


@dataclass(frozen=True, slots=True)
class Item:
    """A chunk as it is shown to the model."""

    head: str
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A believed statement: the places of its supporting sentences in the chunk, and the share of its words found."""

    text: str
    first: int
    last: int
    confidence: float


@dataclass(slots=True)
class Counted:
    """What was rejected, by reason."""

    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, times: int = 1) -> None:
        """Count one more."""
        if times:
            self.reasons[reason] = self.reasons.get(reason, 0) + times


def template() -> str:
    """The prompt, with `{items}` where the chunks go."""
    return resources.files("ragkit.graphs").joinpath("prompts", "units.txt").read_text(encoding="utf-8")


def prompt(items: Sequence[Item]) -> str:
    """The prompt for these chunks, each between lines with a key that no text can know."""
    whole = "\0".join(f"{item.head}\0{item.text}" for item in items)
    key = blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    blocks = []
    for number, item in enumerate(items, 1):
        head = " ".join(item.head.split())
        title = f"Title: {head}\n" if head else ""
        blocks.append(f"[[passage {number} {key}]]\n{title}{item.text.strip()}\n[[end {number} {key}]]")
    return template().replace("{items}", "\n\n".join(blocks), 1)


def parse(reply: str, count: int, counted: Counted) -> dict[int, list[str]] | None:
    """Lists of statements by item, from 0; None when the reply is no JSON object at all.

    Unknown items, values that are no lists, members that are no texts and empty ones are dropped and counted.
    """
    fenced = _FENCE.match(reply)
    try:
        value: Any = json.loads(fenced[1] if fenced else reply)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    found: dict[int, list[str]] = {}
    for name, members in value.items():
        if not (name.strip().isdecimal() and 1 <= int(name) <= count):
            counted.add("unknown item")
        elif not isinstance(members, list):
            counted.add("no list")
        else:
            texts = [member for member in members if isinstance(member, str) and member.strip()]
            counted.add("no text", len(members) - len(texts))
            found[int(name) - 1] = [" ".join(text.split()) for text in texts]
    counted.add("missing item", count - len(found))
    return found


def ground(
    statements: Sequence[str], head: str, sentences: Sequence[str], least: float, counted: Counted
) -> list[Statement]:
    """The statements that a chunk bears, each once; the others are counted by reason."""
    known = _content(head)
    by_sentence = [_content(sentence) for sentence in sentences]
    everything = known.union(*by_sentence)
    numbers = set(_NUMBER.findall(" ".join([head, *sentences])))
    found: dict[str, Statement] = {}
    for text in statements:
        reason, share = _doubt(text, everything, numbers, least)
        if not reason and text in found:
            reason = "repeated"
        if not reason and len(found) >= MOST_PER_SENTENCE * (len(sentences) + 1):
            reason = "too many"
        if reason:
            counted.add(reason)
            continue
        first, last = _support(_content(text), known, by_sentence)
        found[text] = Statement(text, first, last, share)
    return list(found.values())


def _doubt(text: str, known: set[str], numbers: set[str], least: float) -> tuple[str, float]:
    """Why a statement is not believed ("" if it is), and the share of its words that are known."""
    if not SHORTEST <= len(words(text)) <= LONGEST:
        return "too short or too long", 0.0
    own = _content(text)
    if not own:
        return "says nothing", 0.0
    share = len(own & known) / len(own)
    if share < least:
        return "not in the text", share
    if not set(_NUMBER.findall(text)) <= numbers:
        return "another number", share
    return "", share


def _support(own: set[str], head: set[str], sentences: Sequence[set[str]]) -> tuple[int, int]:
    """The sentence that shares most words, and the one that adds most when it adds enough; in order of place."""
    new = own - head
    best = max(
        range(len(sentences)), key=lambda place: (len(new & sentences[place]), len(own & sentences[place]), -place)
    )
    left = new - sentences[best]
    second = max(range(len(sentences)), key=lambda place: (len(left & sentences[place]), -place))
    if second == best or len(left & sentences[second]) < SECOND * len(own):
        return best, best
    return min(best, second), max(best, second)


def uncovered(sentences: Sequence[str], statements: Sequence[Statement]) -> list[int]:
    """The places of the sentences whose words the statements hold less than half of; they keep their own units."""
    said: set[str] = set().union(*(_content(statement.text) for statement in statements))
    kept = []
    for place, sentence in enumerate(sentences):
        own = _content(sentence)
        if not own or len(own & said) < COVERED * len(own):
            kept.append(place)
    return kept


def _content(text: str) -> set[str]:
    """The stems of the words that carry meaning."""
    return {_stem(word) for word in words(text) if word not in STOPWORDS}


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
