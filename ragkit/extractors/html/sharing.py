"""One budget of words over the chosen pieces of several pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offer:
    """A piece that may be kept: which page it is of (0 is the best), its words, and what it is worth."""

    page: int
    words: int
    worth: float


def share(offers: Sequence[Offer], budget: int | None) -> list[bool]:
    """Which pieces to keep: greedily by worth per word; of the best page at least its best piece, whatever its size.

    All of them without a budget. Ties go to the earlier piece.
    """
    if budget is None:
        return [True] * len(offers)
    kept = [False] * len(offers)
    room = budget
    best_page = min((offer.page for offer in offers), default=0)
    own = [at for at, offer in enumerate(offers) if offer.page == best_page]
    if own:
        first = max(own, key=lambda at: (offers[at].worth, -at))
        kept[first] = True
        room -= offers[first].words
    order = sorted(range(len(offers)), key=lambda at: (-offers[at].worth / max(1, offers[at].words), at))
    for at in order:
        if not kept[at] and offers[at].words <= room:
            kept[at] = True
            room -= offers[at].words
    return kept
