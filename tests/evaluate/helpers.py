"""Small data sets, and a brute-force scorer on sets of integers to compare with."""

from __future__ import annotations

from ragkit.evaluate import Dataset
from ragkit.types import Span

TEXT = "".join(chr(ord("a") + at % 26) for at in range(100))

Places = list[tuple[int, int]]


def spans(*places: tuple[int, int], document: str = "d") -> list[Span]:
    return [Span(document, start, end) for start, end in places]


def three_questions() -> Dataset:
    """Questions whose gold is [10, 30), [40, 60) and [80, 100) of one document."""
    places = [(10, 30), (40, 60), (80, 100)]
    asked = [(f"What stands at {start}?", [("d", start, end)]) for start, end in places]
    return Dataset.of({"d": TEXT}, asked, name="three")


def brute(gold: Places, retrieved: Places) -> dict[str, float]:
    """The scores by their definitions, unit by unit."""
    e = {unit for start, end in gold for unit in range(start, end)}
    r = {unit for start, end in retrieved for unit in range(start, end)}
    n, h, u = sum(end - start for start, end in retrieved), len(e & r), len(r)
    return {
        "recall": h / len(e),
        "precision": h / n if n else 0.0,
        "iou": h / (n + len(e) - h),
        "precision_unique": h / u if u else 0.0,
        "jaccard": h / (u + len(e) - h),
        "f1": 2 * h / (n + len(e)),
        "redundancy": 1 - u / n if n else 0.0,
        "span_recall": sum(2 * len(r & set(range(*one))) >= one[1] - one[0] for one in gold) / len(gold),
    }
