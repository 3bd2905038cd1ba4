"""How an evaluation is done, and the chunks it is done on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ragkit.errors import InvalidValueError
from ragkit.evaluate.dataset import Dataset
from ragkit.evaluate.scores import Occurrences
from ragkit.evaluate.statistics import DRAWS
from ragkit.evaluate.units import Line, Unit
from ragkit.types import Chunk, Span

MIN_CAP = 20  # "min" retrieval takes as many chunks as the oracle needs, but no more than this


@dataclass(frozen=True)
class Settings:
    """What is scored and how.

    `k` chunks are scored, and for each of `budgets` the first chunks that fill so many units. `unit` is "char", "word"
    or a function from a text to its token starts; `occurrences` "all" lets any place of a repeated gold passage count.
    `groups` is "doc" or "none": what stratifies the intervals. `touching` lets chunks that merely touch gold count in
    the oracle, as the reference does.
    """

    k: int = 5
    budgets: tuple[int, ...] = ()
    unit: Unit = "char"
    occurrences: Occurrences = "first"
    groups: str = "doc"
    touching: bool = False
    min_overlap: int = 1
    seed: int = 0
    draws: int = DRAWS

    def __post_init__(self) -> None:
        object.__setattr__(self, "budgets", tuple(sorted(set(self.budgets))))
        if self.k < 1:
            raise InvalidValueError(f"k must be 1 or more, it was {self.k}")
        if any(budget < 0 for budget in self.budgets):
            raise InvalidValueError(f"a budget must be 0 or more units, they were {self.budgets}")
        if self.groups not in ("doc", "none"):
            raise InvalidValueError(f"groups must be 'doc' or 'none', not {self.groups!r}")
        if self.occurrences not in ("first", "all"):
            raise InvalidValueError(f"occurrences must be 'first' or 'all', not {self.occurrences!r}")
        if self.min_overlap < 1 or self.draws < 1:
            raise InvalidValueError("min_overlap and draws must be 1 or more")

    @property
    def unit_name(self) -> str:
        """The unit for people."""
        return self.unit if isinstance(self.unit, str) else getattr(self.unit, "__name__", type(self.unit).__name__)

    @property
    def depth(self) -> int:
        """How many chunks a retriever is asked for."""
        return max(self.k, MIN_CAP, 50 if self.budgets else 0)

    def table(self) -> dict[str, Any]:
        """As an object for `summary.json`."""
        return {
            "k": self.k,
            "budgets": list(self.budgets),
            "unit": self.unit_name,
            "occurrences": self.occurrences,
            "groups": self.groups,
            "touching": self.touching,
            "min_overlap": self.min_overlap,
            "seed": self.seed,
            "draws": self.draws,
        }


@dataclass(frozen=True)
class ChunkIndex:
    """All chunks of an index, in its order, by id."""

    ids: tuple[str, ...]
    spans: tuple[Span, ...]
    numbers: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.spans):
            raise InvalidValueError(f"{len(self.ids)} ids for {len(self.spans)} chunks")
        numbers = {id: number for number, id in enumerate(self.ids)}
        if len(numbers) != len(self.ids):
            twice = next(id for number, id in enumerate(self.ids) if numbers[id] != number)
            raise InvalidValueError(f"two chunks have the id {twice!r}; ids must differ")
        object.__setattr__(self, "numbers", numbers)

    @classmethod
    def of(cls, spans: Iterable[Span]) -> ChunkIndex:
        """An index of spans; ids are `document#start-end`, as in ragkit, with `~2` for a second of a kind."""
        kept = tuple(spans)
        ids: list[str] = []
        seen: dict[str, int] = {}
        for span in kept:
            id = f"{span.document_id}#{span.start}-{span.end}"
            seen[id] = seen.get(id, 0) + 1
            ids.append(id if seen[id] == 1 else f"{id}~{seen[id]}")
        return cls(tuple(ids), kept)

    @classmethod
    def of_chunks(cls, chunks: Iterable[Chunk]) -> ChunkIndex:
        """An index of ragkit's chunks."""
        kept = list(chunks)
        return cls(tuple(chunk.id for chunk in kept), tuple(chunk.span for chunk in kept))

    @classmethod
    def from_splitter(cls, dataset: Dataset, splitter: Any) -> ChunkIndex:
        """The chunks a splitter cuts a data set's documents into, see `ragkit.evaluate.locate.split_spans`."""
        from ragkit.evaluate.locate import chunk_spans

        return cls.of(chunk_spans((doc.document for doc in dataset.docs.values()), splitter))

    def __len__(self) -> int:
        return len(self.spans)


@dataclass(frozen=True)
class Placed:
    """A data set's questions placed on the line of the unit, once for all configurations."""

    dataset: Dataset
    settings: Settings

    @cached_property
    def line(self) -> Line:
        """The line of the documents."""
        return Line.of(self.dataset.texts, self.settings.unit)

    def group_of(self) -> dict[str, str]:
        """The group of each question."""
        return {question.id: self.dataset.group(question, self.settings.groups) for question in self.dataset.questions}

    def gold(self, numbers: Sequence[int]) -> Any:
        """The gold of these questions."""
        from ragkit.evaluate.repeats import with_repeats
        from ragkit.evaluate.scores import Gold

        questions = [self.dataset.questions[number] for number in numbers]
        spans = [question.gold for question in questions]
        gold = Gold(self.line.flat(spans, gold=True, names=[question.id for question in questions]))
        if self.settings.occurrences == "all":
            return with_repeats(gold, spans, self.dataset.texts, self.line)
        return gold
