"""Cutting a choice to a number of words, and what every query predictor does with its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit.errors import InvalidValueError
from ragkit.extractors.html.intervals import IntervalSet

if TYPE_CHECKING:
    from ragkit.extractors.html.types import Page

_LEAST = 1e-6  # what the worst chosen segment is worth: more than nothing


def fitted(page: Page, chosen: IntervalSet, scores: Sequence[float], budget_words: int | None) -> IntervalSet:
    """The best part of a choice that fits the budget: the segments with the greatest sum of sqrt(words) x score.

    Nothing when no chosen segment fits. Raises `InvalidValueError` for a negative budget.
    """
    from ragkit.extractors.html.decode import decode, intervals

    if budget_words is None:
        return chosen
    if budget_words < 0:
        raise InvalidValueError(f"a budget is a number of words, at least 0, not {budget_words}")
    words = [max(1, count) for count in page.layout.words]
    if sum(words[index - 1] for index in chosen) <= budget_words:
        return chosen
    allowed = [segment.index in chosen for segment in page.segments]
    worth = [max(score, 0.0) + _LEAST for score in scores]
    kept = decode(worth, words, 0.0, budget_words=budget_words, allowed=allowed).chosen
    return IntervalSet.spanning(intervals(kept))


def asked(query: str | None) -> str:
    """The query. Raises `InvalidValueError` when there is none: these predictors choose for a query only."""
    if query is None or not query.strip():
        raise InvalidValueError("this predictor needs a query; without one, extract the main content")
    return query
