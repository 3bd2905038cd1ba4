"""A page in, what matters of it out: the main content, or what helps to answer a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError
from ragkit.extractors.html.choosing import Profile, predictor_of
from ragkit.extractors.html.intervals import IntervalSet
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.types import Extraction, Limits, Page, PartitionOptions, Prediction

if TYPE_CHECKING:
    from ragkit.extractors.html.types import Predictor

OUTSIDE = 0.2  # what a score outside the main content is still worth, at least
_WORTH = 0.25  # of the best chosen score that a choice outside the main content must be worth
# Phrases by which texts try to give orders to programs that read them.
_ORDERS = (
    *("ignore previous instructions", "ignore all previous", "ignore the above", "disregard previous"),
    *("disregard all previous", "disregard the above", "forget your instructions", "forget all previous"),
    *("new instructions:", "system prompt", "you are now a", "do not tell the user", "as an ai language model"),
)


def extract_main(
    page: Page | bytes | str,
    *,
    predictor: str | Predictor = "auto",
    profile: Profile = "auto",
    budget_words: int | None = None,
    model: Any = "",
    url: str | None = None,
    encoding: str | None = None,
    options: PartitionOptions | None = None,
    limits: Limits | None = None,
) -> Extraction:
    """The main content of a page, given as one or as HTML; see `segment_html` for the other parameters.

    `predictor` is "auto" (the trained one), "trained", "heuristic", "llm" (with a chat `model`), or a predictor.
    `profile` is "general", for any kind of page, "body", for articles without readers' comments, or "auto".
    """
    page = _page(page, url, encoding, options, limits)
    chosen = predictor_of(predictor, "main", profile=profile, model=model)
    made = chosen.predict(page, None, budget_words=budget_words)
    return _extraction(page, None, made, chosen.name, IntervalSet())


def extract_relevant(
    page: Page | bytes | str,
    query: str,
    *,
    predictor: str | Predictor = "auto",
    budget_words: int | None = None,
    within_main: bool = True,
    at_least: int = 0,
    context: bool = True,
    profile: Profile = "auto",
    embedder: Any = "minilm",
    model: Any = "",
    url: str | None = None,
    encoding: str | None = None,
    options: PartitionOptions | None = None,
    limits: Limits | None = None,
) -> Extraction:
    """What of a page helps to answer a query; its main content when the query is blank. Empty when nothing does.

    `predictor` is "auto" (hybrid), "hybrid", "lexical", "embedding", "llm" (with a chat `model`), or a predictor.
    `within_main` lets what stands outside the main content count less. `at_least` segments are given even when none is
    good enough. `context` shows the headings above what was chosen.
    """
    page = _page(page, url, encoding, options, limits)
    if not query.strip():
        return extract_main(
            page, predictor=_for_main(predictor), profile=profile, budget_words=budget_words, model=model
        )
    if at_least < 0:
        raise InvalidValueError(f"at_least is a number of segments, at least 0, not {at_least}")
    chosen = predictor_of(predictor, "query", profile=profile, embedder=embedder, within_main=within_main, model=model)
    made = chosen.predict(page, query, budget_words=budget_words)
    if within_main and made.scores is not None and not hasattr(chosen, "within_main"):
        made = _within_main(page, made, profile)
    if len(made.indices) < at_least and made.scores is not None:
        made = _topped_up(page, made, at_least)
    headings = _headings(page, made.indices) if context else IntervalSet()
    return _extraction(page, query, made, chosen.name, headings)


def _page(
    page: Page | bytes | str,
    url: str | None,
    encoding: str | None,
    options: PartitionOptions | None,
    limits: Limits | None,
) -> Page:
    if isinstance(page, Page):
        return page
    return segment_html(page, url=url, encoding=encoding, options=options, limits=limits)


def _for_main(predictor: str | Predictor) -> str | Predictor:
    """The predictor of the main content that goes with one for queries."""
    return "auto" if isinstance(predictor, str) and predictor != "llm" else predictor


def _within_main(page: Page, made: Prediction, profile: Profile) -> Prediction:
    """Scores times the chance to be main content, and without choices that are then worth little beside the best."""
    main = predictor_of("auto", "main", profile=profile).predict(page).scores
    assert made.scores is not None
    if main is None:
        return made
    scores = tuple(score * max(OUTSIDE, chance) for score, chance in zip(made.scores, main, strict=True))
    best = max((scores[index - 1] for index in made.indices), default=0.0)
    kept = [
        interval
        for interval in made.indices.to_list()
        if max(scores[index - 1] for index in range(interval[0], interval[1] + 1)) >= _WORTH * best
    ]
    return Prediction(IntervalSet.spanning(kept), scores, made.degraded, made.detail)


def _topped_up(page: Page, made: Prediction, count: int) -> Prediction:
    """The choice and the best other segments, until there are `count`."""
    assert made.scores is not None
    usable = page.layout.usable
    order = sorted(range(len(page.segments)), key=lambda at: (-made.scores[at], at))  # type: ignore[index]
    more = [at + 1 for at in order if usable[at] and at + 1 not in made.indices][: count - len(made.indices)]
    return Prediction(made.indices | IntervalSet.of(more), made.scores, made.degraded, made.detail)


def _headings(page: Page, indices: IntervalSet) -> IntervalSet:
    """The headings above the chosen segments that were not chosen themselves, as far as they may be shown."""
    above = {number for index in indices for number in page.segments[index - 1].section}
    return IntervalSet.of(number for number in above if page.layout.usable[number - 1] and number not in indices)


def _extraction(page: Page, query: str | None, made: Prediction, method: str, context: IntervalSet) -> Extraction:
    detail = dict(made.detail)
    warnings = (*page.warnings, *((str(code), str(about)) for code, about in detail.pop("warnings", ())))
    if orders := suspicious(page.segments[index - 1].text for index in made.indices | context):
        warnings = (*warnings, ("suspicious_instructions", ", ".join(orders)))
    return Extraction(
        page,
        "main" if query is None else "query",
        query,
        made.indices,
        context,
        made.scores,
        method,
        made.degraded,
        warnings,
        detail,
    )


def suspicious(texts: Sequence[str] | Any) -> list[str]:
    """The phrases in texts that read like orders to a program. A warning, never a filter."""
    whole = " ".join(texts).lower()
    return [phrase for phrase in _ORDERS if phrase in whole]
