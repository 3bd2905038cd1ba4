"""What a reader is given of the hits of `clue`: whole chunks best first, and on request the units that led to them."""

from __future__ import annotations

from collections.abc import Callable

from ragkit.text.heads import indexed_text
from ragkit.text.tokens import count_tokens
from ragkit.types import Hit, Hits


def context(
    hits: Hits, budget_tokens: int, *, with_units: bool = False, counter: Callable[[str], int] = count_tokens
) -> str:
    """The first hits that fit into so many tokens, as `counter` counts the whole, with blank lines between.

    A hit that does not fit is passed over for the next. `with_units` puts the units of a hit's path before it, each
    once, with the place it is quoted from.
    """
    text = ""
    told: set[str] = set()
    for hit in hits:
        units = [line for line in _units(hit) if line not in told] if with_units else []
        longer = "\n\n".join(filter(None, (text, "\n".join(units), indexed_text(hit.chunk))))
        if counter(longer) <= budget_tokens:
            text = longer
            told.update(units)
    return text


def _units(hit: Hit) -> list[str]:
    path = hit.why.get("clue", {}).get("path", ())
    return [f"- {step['unit']} [{step['document']}:{step['start']}-{step['end']}]" for step in path]
