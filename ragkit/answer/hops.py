"""Following relations from page to page: film -> director -> date of death."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.answer.evidence import Evidence, Page, Sentence
from ragkit.answer.relation import Relation
from ragkit.answer.statements import Value, statements

# How many readings of each hop are followed, and how many trails are kept.
_READINGS = 3
_TRAILS = 6


@dataclass(frozen=True, slots=True)
class Trail:
    """A way through the evidence: the pages passed, the sentences that led on, the value at the end."""

    pages: tuple[Page, ...]
    sentences: tuple[Sentence, ...] = ()
    value: Value | None = None
    doubt: float = 0.0

    @property
    def end(self) -> Page:
        """The page it has reached."""
        return self.pages[-1]


def follow(path: Sequence[Relation], starts: Sequence[Page], evidence: Evidence) -> tuple[list[Trail], int]:
    """All the ways along `path` from the starting pages, the surest first, and how many hops the best could go.

    A name without a page of its own is followed through the sentences that mention it.
    """
    trails = [Trail((page,), doubt=0.5 * order) for order, page in enumerate(starts)]
    for gone, relation in enumerate(path):
        onward = [longer for trail in trails for longer in _step(trail, relation, evidence)]
        if not onward:
            return trails, gone
        onward.sort(key=lambda trail: (trail.doubt, [sentence.number for sentence in trail.sentences]))
        trails = onward[:_TRAILS]
    return trails, len(path)


def _step(trail: Trail, relation: Relation, evidence: Evidence) -> list[Trail]:
    reached = []
    for order, value in enumerate(statements(relation, trail.end, evidence)[:_READINGS]):
        page = value.page or unwritten(value.text)
        if page in trail.pages:
            continue
        sentences = tuple(dict.fromkeys((*trail.sentences, value.sentence)))
        unknown = 0.0 if value.page is not None or relation.value != "name" else 0.3
        reached.append(Trail((*trail.pages, page), sentences, value, trail.doubt + value.doubt + 0.2 * order + unknown))
    return reached


def unwritten(name: str) -> Page:
    """A page without sentences for a name the evidence has no page about."""
    page = Page(-1, name, 10**6)
    page.call(name)
    return page
