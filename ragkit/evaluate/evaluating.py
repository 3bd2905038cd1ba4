"""Evaluating any retriever on a data set."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

from ragkit.errors import InvalidValueError
from ragkit.evaluate.dataset import Dataset
from ragkit.evaluate.locate import spans_of_langchain
from ragkit.evaluate.report import Report
from ragkit.evaluate.runs import Item, Run, score_run
from ragkit.evaluate.settings import ChunkIndex, Placed, Settings
from ragkit.types import Hits

ATTEMPTS = 2


def evaluate(
    dataset: Dataset,
    retriever: Any,
    index: ChunkIndex | None = None,
    *,
    name: str = "retriever",
    progress: Callable[[int], None] | None = None,
    **settings: Any,
) -> Report:
    """Ask a retriever every question and score what it finds.

    `retriever` is a function (question, k) to chunk ids, numbers or spans, best first; an object with
    `search(question, k=…)`, such as a `KnowledgeBase`; or a LangChain retriever whose documents tell their place. It
    may be asynchronous. `index` has all chunks, for chunk ids and oracle scores. `settings` are those of `Settings`.
    A question that fails twice is left out of all means and counted in `errors`. Raises `InvalidValueError` when all
    fail, or a LangChain retriever does not tell places.
    """
    placed = Placed(dataset, Settings(**settings))
    started = perf_counter()
    rankings: dict[str, Sequence[Item]] = {}
    errors: dict[str, str] = {}
    texts = dataset.texts
    for number, question in enumerate(dataset.questions, 1):
        try:
            rankings[question.id] = _asked(retriever, question.text, placed.settings.depth, texts)
        except InvalidValueError:
            raise  # what it gave back can never be scored
        except Exception as error:
            errors[question.id] = f"{type(error).__name__}: {error}"
        if progress:
            progress(number)
    cost = {"milliseconds": (perf_counter() - started) * 1000 / max(1, len(dataset.questions))}
    return Report(dataset, placed.settings, (score_run(placed, name, rankings, index, errors=errors, cost=cost),))


def evaluate_rankings(
    dataset: Dataset,
    index: ChunkIndex | None,
    rankings: Mapping[str, Sequence[Item]],
    *,
    name: str = "rankings",
    **settings: Any,
) -> Report:
    """Score stored rankings: for each question id, chunk ids, numbers in the index, or spans, best first.

    Raises `InvalidValueError` when a question has none.
    """
    placed = Placed(dataset, Settings(**settings))
    return Report(dataset, placed.settings, (score_run(placed, name, rankings, index),))


def joined(reports: Sequence[Report]) -> Report:
    """One report of the configurations of several, on the same data set with the same settings."""
    runs: list[Run] = [run for report in reports for run in report.runs]
    if len({report.dataset.digest for report in reports}) != 1:
        raise InvalidValueError("only reports on the same data set can be joined")
    if len({run.name for run in runs}) != len(runs):
        raise InvalidValueError("the configurations of joined reports need different names")
    return Report(reports[0].dataset, reports[0].settings, tuple(runs))


def _asked(retriever: Any, question: str, k: int, texts: Mapping[str, str]) -> list[Item]:
    for attempt in range(ATTEMPTS):
        try:
            return _items(_once(retriever, question, k), texts)
        except InvalidValueError:
            raise
        except Exception:
            if attempt + 1 == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _once(retriever: Any, question: str, k: int) -> Any:
    if hasattr(retriever, "search"):
        found = retriever.search(question, k=k)
    elif hasattr(retriever, "invoke"):
        found = retriever.invoke(question)
    else:
        found = retriever(question, k)
    if inspect.isawaitable(found):
        import asyncio

        return asyncio.run(_awaited(found))
    return found


async def _awaited(found: Any) -> Any:
    return await found


def _items(found: Any, texts: Mapping[str, str]) -> list[Item]:
    if isinstance(found, Hits):
        for chunk in found.chunks:
            held = texts.get(chunk.document_id)
            if held is not None and held[chunk.start : chunk.end] != chunk.text:
                raise InvalidValueError(
                    f"the retriever's document {chunk.document_id!r} is not that of the data set: at "
                    f"[{chunk.start}:{chunk.end}] they differ; index the data set's documents"
                )
        return [chunk.span for chunk in found.chunks]
    items = list(found)
    if items and hasattr(items[0], "page_content"):
        return list(spans_of_langchain(items))
    return items
