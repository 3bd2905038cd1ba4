"""A question on its way into a data set, and the count of what became of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ragkit.evaluate.dataset import Question, Reference
from ragkit.types import Span


@dataclass(frozen=True)
class Candidate:
    """A question that filters have yet to judge. `group` is that of its document."""

    question: str
    spans: tuple[Span, ...]
    texts: tuple[str, ...]
    kind: str
    answer: str = ""
    group: str = ""
    flags: tuple[str, ...] = ()
    windows: tuple[Span, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)

    def as_question(self, id: str) -> Question:
        """As a question of a data set."""
        places = zip(self.spans, self.texts, strict=True)
        references = [Reference(one.document_id, one.start, one.end, text) for one, text in _ordered(places)]
        meta: dict[str, Any] = {"group": self.group} if self.group else {}
        if self.windows:
            meta["window"] = [[one.document_id, one.start, one.end] for one in self.windows]
        if self.scores:
            meta["scores"] = {name: round(value, 6) for name, value in sorted(self.scores.items())}
        if self.flags:
            meta["flags"] = sorted(self.flags)
        return Question(id, self.question, tuple(references), self.answer, self.kind, meta)


def _ordered(places: Any) -> list[tuple[Span, str]]:
    return sorted(set(places))


@dataclass
class Funnel:
    """How many questions each step took in and dropped, by reason; steps in the order they were done."""

    steps: list[tuple[str, int, dict[str, int]]] = field(default_factory=list)

    def note(self, step: str, taken: int, dropped: Mapping[str, int]) -> None:
        """Add a step."""
        self.steps.append((step, taken, dict(sorted(dropped.items()))))

    def table(self) -> list[dict[str, Any]]:
        """As a list of objects: step, taken, kept, dropped."""
        return [
            {"step": step, "taken": taken, "kept": taken - sum(dropped.values()), "dropped": dropped}
            for step, taken, dropped in self.steps
        ]

    def __str__(self) -> str:
        lines = []
        for row in self.table():
            reasons = ", ".join(f"{reason} {count}" for reason, count in row["dropped"].items())
            lines.append(f"{row['step']}: {row['taken']} -> {row['kept']}" + (f"  ({reasons})" if reasons else ""))
        return "\n".join(lines)
