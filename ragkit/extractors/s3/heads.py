"""Which query heads find evidence, for mode `logits`: measured on questions whose evidence is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ragkit.errors import InvalidValueError
from ragkit.extractors.s3.features import Head, Scoring
from ragkit.extractors.s3.fusion import Settings

if TYPE_CHECKING:
    from ragkit.extractors.s3.longtext import LongText

LEAST = 20  # below that, the best of many heads is luck


def select_heads(
    text: LongText, labelled: Sequence[tuple[str, int, int]], *, budget: int = 512, most: int = 4
) -> list[Head]:
    """The `most` query heads that alone find the largest share of the evidence, best first.

    `labelled` are questions with the characters, first and last (exclusive), of their evidence in the text's only
    document. Raises `InvalidValueError` for fewer than 20 of them, as the choice would be luck.
    """
    if len(labelled) < LEAST:
        raise InvalidValueError(f"{len(labelled)} labelled questions are too few to choose heads by; give {LEAST}")
    heads = [(space.name, head) for space in text.backend.spaces() for head in range(space.query_heads)]
    recalls = {head: _recall(text, head, labelled, budget) for head in heads}
    return sorted(heads, key=lambda head: (-recalls[head], heads.index(head)))[:most]


def _recall(text: LongText, head: Head, labelled: Sequence[tuple[str, int, int]], budget: int) -> float:
    search = replace(
        text.search, scoring=Scoring(mode="logits", heads=(head,)), fusion=Settings(mode="features"), calibrate=False
    )
    found = 0.0
    for question, start, end in labelled:
        spans = text.find(question, budget, search=search)
        found += sum(max(0, min(end, span.end) - max(start, span.start)) for span in spans) / max(1, end - start)
    return found / len(labelled)
