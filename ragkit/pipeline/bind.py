"""A pipeline bound to a store: stage instances made, indexes registered, opened, completed and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ragkit.components import StoredIndex, role_of
from ragkit.errors import IndexMismatchError, PipelineError, RagkitError, StoreError
from ragkit.pipeline.build import Builder, BuildLane, Recipe
from ragkit.pipeline.check import Plan, plan, steps_of
from ragkit.pipeline.expression import Expression, Stage, Then
from ragkit.pipeline.parse import parse
from ragkit.registry import lookup
from ragkit.store.shelf import SQLiteShelf
from ragkit.store.sqlite import IndexEntry, SQLiteStore

BUILD_VERSION = 1  # raise it when chunking or deriving changes meaning, so that stores are built again


@dataclass
class Bound:
    """An expression with its stages made for one store. Making it loads no model."""

    store: SQLiteStore
    expression: Expression
    plan: Plan
    instances: Mapping[Stage, Any]
    _opened: dict[Stage, Any] = field(default_factory=dict)
    _completed: int = -1
    _checked: int = -1

    @property
    def loader(self) -> Any:
        """The stage that reads sources."""
        return self._made(self.plan.loader)

    @property
    def answerer(self) -> Any:
        """The stage that answers, None when the pipeline ends with hits."""
        return self.instances[self.plan.answerer] if self.plan.answerer else None

    @property
    def retrieval(self) -> Expression:
        """The ask lane without its answerer."""
        steps = steps_of(self.plan.ask)
        steps = steps[:-1] if self.plan.answerer else steps
        return steps[0] if len(steps) == 1 else Then(steps)

    @property
    def build_text(self) -> str:
        """The build lane as an expression, its defaults written out."""
        build = self.plan.build
        return str(Then(build)) if len(build) > 1 else "".join(map(str, build))

    def _made(self, stage: Stage | None) -> Any:
        if stage is None:
            raise PipelineError(
                "this pipeline has no index, so there is nothing to add to",
                text=str(self.expression),
                hint="put an index in it: bm25, dense, trigraph",
            )
        return self.instances[stage]

    @property
    def build(self) -> str:
        """Names what decides how a document is cut; stored with every document."""
        return f"{BUILD_VERSION}: {self.build_text}"

    @cached_property
    def stored_indexes(self) -> list[tuple[Stage, StoredIndex]]:
        """The indexes whose rows live in the store."""
        return [(stage, self.instances[stage]) for stage in self.plan.indexes if is_stored(self.instances[stage])]

    @cached_property
    def fingerprints(self) -> dict[Stage, str]:
        """What names the settings of each stored index."""
        return {stage: index.fingerprint for stage, index in self.stored_indexes}

    def builder(self, executor: Executor | None = None) -> Builder:
        """What writes documents for this pipeline; registers its indexes in the store."""
        indexes = self.stored_indexes
        entries = tuple(self._entry(stage, index) for stage, index in indexes)
        lane = BuildLane(
            extractors=tuple(self.instances[stage] for stage in self.plan.extractors),
            chunker=self._made(self.plan.chunker),
            enrichers=tuple(self.instances[stage] for stage in self.plan.enrichers),
            indexes=tuple(index for _, index in indexes),
            recipe=self._recipe(),
        )
        return Builder(self.store, lane, entries, self.build, executor)

    def _recipe(self) -> Recipe | None:
        """How another process makes the build lane; None without a chunker."""
        if self.plan.chunker is None:
            return None
        stored = tuple(stage for stage, _ in self.stored_indexes)
        return Recipe(self.plan.extractors, self.plan.chunker, self.plan.enrichers, stored)

    def _entry(self, stage: Stage, index: StoredIndex) -> IndexEntry:
        embedder = index.embedder
        model = None if embedder is None else (embedder.fingerprint, embedder.dim)
        return self.store.register(stage.name, self.fingerprints[stage], model)

    def check(self) -> None:
        """Raise `IndexMismatchError` when the store was built with another model or another build lane."""
        generation = self.store.generation
        if self._checked == generation:
            return
        stored: dict[str, set[str]] = {}
        for entry in self.store.indexes():
            stored.setdefault(entry.stage, set()).add(entry.fingerprint)
        asked: dict[str, set[str]] = {}
        for stage, fingerprint in self.fingerprints.items():
            asked.setdefault(stage.name, set()).add(fingerprint)
        for name, fingerprints in asked.items():
            built = stored.get(name, set())
            if built and not built & fingerprints:
                raise IndexMismatchError(
                    f"{self.store.path}: index `{name}` was built with {_list(built)}, but the pipeline asks for "
                    f"{_list(fingerprints)}; build it again with `ragkit add --rebuild`, or ask with the old settings"
                )
        if self.plan.indexes and self.store.built_otherwise(self.build, most=1):
            last = self.store.setting("build_text")
            why = "because a rebuild was interrupted" if last == self.build_text else f"the last was `{last}`"
            raise IndexMismatchError(
                f"{self.store.path} holds documents built by another pipeline than `{self.build_text}`, {why}; "
                "build them again with `ragkit add --rebuild`"
            )
        self._checked = generation

    def open(self, progress: Callable[[int], None] | None = None) -> None:
        """Make every index ready for searches: complete its rows, then let it read what changed."""
        if self.stored_indexes and not self.store.read_only:
            self._complete(progress)
        for stage, index in self.stored_indexes:
            if hasattr(index, "settle"):
                index.settle(self._shelf(stage, index))
        with self.store.snapshot():
            for stage in self.plan.indexes:
                instance = self.instances[stage]
                try:
                    if is_stored(instance):
                        instance.open(self._shelf(stage, instance))
                    else:
                        self._fill(stage, instance)
                except RagkitError:
                    raise
                except Exception as error:
                    raise StoreError(
                        f"index `{stage}` could not be opened from {self.store.path} "
                        f"({type(error).__name__}: {error}); if it is ragkit's own, the store is damaged: "
                        "restore a copy, or run `ragkit add --rebuild`"
                    ) from error
        self.flush()

    def flush(self) -> None:
        """Write what indexes left to be written while the store showed one state."""
        for shelf in self._opened.values():
            if isinstance(shelf, SQLiteShelf):
                shelf.flush()

    def _complete(self, progress: Callable[[int], None] | None) -> None:
        if self._completed != self.store.generation:
            self.builder().complete(progress)
            self._completed = self.store.generation

    def _shelf(self, stage: Stage, index: StoredIndex) -> Any:
        if stage not in self._opened:
            entry = self.store.index(stage.name, self.fingerprints[stage])
            if entry is None:
                raise IndexMismatchError(
                    f"{self.store.path} has no index `{stage}` and was opened read-only; "
                    "open it for writing once to build it"
                )
            self._opened[stage] = self.store.shelf(entry)
        return self._opened[stage]

    def _fill(self, stage: Stage, index: Any) -> None:
        """Feed an index that lives in memory with what was added and removed since the last time."""
        shelf = self.store.shelf(IndexEntry(0, stage.name, "", None))
        held: dict[int, str] = self._opened.setdefault(stage, {})
        live = set(shelf.live().tolist())
        gone = [slot for slot in held if slot not in live]
        if gone:
            index.remove([held.pop(slot) for slot in gone])
        new = sorted(live - held.keys())
        for start in range(0, len(new), 1000):
            chunks = shelf.chunks(new[start : start + 1000])
            index.add(chunks)
            held.update(zip(new[start : start + 1000], (chunk.id for chunk in chunks), strict=True))


def is_stored(instance: Any) -> bool:
    """Whether an instance is a `StoredIndex`."""
    role = role_of(type(instance))
    return role is not None and "derive" in role.methods


def bind(store: SQLiteStore, expression: Expression) -> Bound:
    """Make the stages of an expression for a store; build stages it leaves out are those the store was built with."""
    planned = plan(expression)
    remembered = store.setting("build_text")
    if remembered and planned.indexes and planned.added == planned.build:
        planned = plan(Then((parse(remembered), planned.ask)))
    nodes = dict.fromkeys((*planned.build, *planned.ask.stages()))
    instances = {node: lookup(node.name).make(node.options) for node in nodes}
    for instance in instances.values():
        if hasattr(instance, "attach"):
            instance.attach(store)
    if planned.extractors and planned.loader and hasattr(instances[planned.loader], "raw"):
        instances[planned.loader].raw = True
    return Bound(store, expression, planned, instances)


def _list(names: set[str]) -> str:
    return " and ".join(repr(name) for name in sorted(names))
