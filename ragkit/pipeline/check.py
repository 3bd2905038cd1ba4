"""Is a pipeline right, and what belongs to which lane.

`check` looks at any expression, also a part of a pipeline: its stages exist, their parameters fit, and each step takes
what the one before gives. `plan` wants a whole pipeline and splits it into the build lane (Source -> Document -> Chunk
-> index) and the ask lane (Query -> Hits -> Answer).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from ragkit.components import Role
from ragkit.errors import PipelineError, StageParameterError, StageTypeError
from ragkit.pipeline.expression import (
    Best,
    Expression,
    Fused,
    Place,
    Stage,
    Then,
    Weighted,
)
from ragkit.pipeline.render import render
from ragkit.pipeline.values import located, thaw
from ragkit.registry import RegisteredStage, did_you_mean, lookup, names_in_role
from ragkit.retrieve.fuse import METHODS

_BUILD_ORDER = ("Loader", "Extractor", "Chunker", "Enricher", "Index")


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole pipeline by its lanes.

    `build` is the loader, extractors, chunker and enrichers in order, empty when nothing is indexed; `added` are those
    of them that were left out and are there with their defaults. `ask` is the ask lane, `indexes` the distinct
    indexes in it, `gives` what it ends with: "Hits" or "Answer".
    """

    build: tuple[Stage, ...]
    ask: Expression
    indexes: tuple[Stage, ...]
    gives: str
    added: tuple[Stage, ...] = ()

    @property
    def loader(self) -> Stage | None:
        """The stage that reads sources."""
        return next(iter(self.in_role("Loader")), None)

    @property
    def extractors(self) -> tuple[Stage, ...]:
        """The stages that make documents of documents."""
        return self.in_role("Extractor")

    @property
    def chunker(self) -> Stage | None:
        """The stage that cuts documents into chunks."""
        return next(iter(self.in_role("Chunker")), None)

    @property
    def enrichers(self) -> tuple[Stage, ...]:
        """The stages that add metadata to chunks."""
        return self.in_role("Enricher")

    @property
    def answerer(self) -> Stage | None:
        """The stage that answers, the last one."""
        last = steps_of(self.ask)[-1]
        return last if isinstance(last, Stage) and lookup(last.name).role.name == "Answerer" else None

    @property
    def expression(self) -> Expression:
        """The whole pipeline with the added stages."""
        return Then((*self.build, self.ask)) if self.build else self.ask

    def in_role(self, role: str) -> tuple[Stage, ...]:
        """The build stages of a role."""
        return tuple(stage for stage in self.build if lookup(stage.name).role.name == role)


def check(expression: Expression, text: str | None = None) -> None:
    """Raise a `PipelineError` unless the expression, whole or part, is right.

    `text` is what a placed expression was read from; without it the error shows the expression's own text.
    """
    if text is None:
        text, expression = render(expression)
    _Checker(text).part(expression)


def plan(pipeline: Expression | str) -> Plan:
    """The lanes of a whole pipeline. Raises `PipelineError` when it is wrong or incomplete."""
    if isinstance(pipeline, str):
        from ragkit.pipeline.parse import read  # parsing checks what it builds

        pipeline, text = read(pipeline)
        return _Planner(text).plan(pipeline)
    text, placed = render(pipeline)
    return _Planner(text).plan(placed)


def steps_of(expression: Expression) -> tuple[Expression, ...]:
    """The steps of a chain; anything else is its own only step."""
    return expression.steps if isinstance(expression, Then) else (expression,)


def core_of(step: Expression) -> Expression:
    """A step without its cuts."""
    while isinstance(step, Best):
        step = step.expression
    return step


@dataclass(slots=True)
class _Flow:
    """How far the two lanes have come while walking along a chain. Empty: not begun, so anything may come before."""

    built: str = ""  # Document or Chunk, or "index" once chunks have been taken
    build_step: int = -1
    asked: str = ""  # Query, Hits or Answer
    last: Expression | None = None


class _Checker:
    """Walks a placed expression; every error shows `text` with a caret."""

    def __init__(self, text: str) -> None:
        self.text = text

    def part(self, expression: Expression) -> None:
        """Check any expression."""
        if isinstance(expression, Weighted):
            self.side(expression)
        else:
            self.chain(expression, _Flow())

    def chain(self, expression: Expression, flow: _Flow) -> _Flow:
        """Check the steps one after the other, beginning where the flow stands."""
        for step in steps_of(expression):
            self.step(step, flow)
            flow.last = step
        return flow

    def step(self, step: Expression, flow: _Flow) -> None:
        core = core_of(step)
        if isinstance(core, Weighted):
            self.fail(
                core, "a weight counts only among the sides of a sum", f"write {core} + …, or leave the weight out"
            )
        if isinstance(core, Fused):
            self.fusion(core)
            self.ask(core, "a sum", "Query", "Hits", flow)
            if any(self.registered(stage).role.lane == "both" for stage in core.stages()):
                self.index(core, flow)
            return
        if not isinstance(core, Stage):
            self.fail(core, f"{core} cannot be a step")
        found = self.stage(core)
        if step is not core and found.role.gives != "Hits":
            self.fail(
                step,
                f"% keeps the best of Hits, but {core.name} gives {found.role.gives}",
                "put it behind a stage that gives Hits: " + next(_some(names_in_role("Index"))) + " % 8",
            )
        if found.role.lane == "build":
            self.build(core, found.role, flow)
            return
        takes = "Query" if found.role.lane == "both" else found.role.takes
        self.ask(core, core.name, takes, found.role.gives, flow)
        if found.role.lane == "both":
            self.index(core, flow)

    def stage(self, stage: Stage) -> RegisteredStage:
        """Check that a stage exists and its parameters fit."""
        found = self.registered(stage)
        marks = {name: (start, end) for name, start, end in _place(stage).parameters}
        for name, value in stage.parameters:
            try:
                found.check(name, thaw(value))
            except PipelineError as error:
                raise located(error, self.text, *marks[name]) from None
        try:
            found.check_all(stage.options)
        except PipelineError as error:
            raise located(error, self.text, _place(stage).start, _place(stage).name_end) from None
        return found

    def registered(self, stage: Stage) -> RegisteredStage:
        try:
            return lookup(stage.name)
        except PipelineError as error:
            raise located(error, self.text, _place(stage).start, _place(stage).name_end) from error.__cause__

    def build(self, stage: Stage, role: Role, flow: _Flow) -> None:
        """A stage of the build lane: loader, extractors, chunker, enrichers, in this order, before the index."""
        order = _BUILD_ORDER.index(role.name)
        once = role.name in ("Loader", "Chunker")
        if flow.asked in ("Hits", "Answer"):
            self.fail(
                stage,
                f"{stage.name} takes {role.takes} but gets {flow.asked}",
                f"it prepares what is indexed, so put it before {_named(flow.last)}",
            )
        if once and order == flow.build_step:
            self.fail(
                stage,
                f"{stage.name} takes {role.takes} but gets {flow.built}",
                f"a pipeline has one {role.name.lower()}; leave {stage.name} or {_named(flow.last)} out",
            )
        if order < flow.build_step:
            self.fail(
                stage, f"{stage.name} takes {role.takes} but gets {flow.built}", f"put it before {_named(flow.last)}"
            )
        flow.build_step, flow.built = order, role.gives

    def ask(self, node: Expression, name: str, takes: str, gives: str, flow: _Flow) -> None:
        """A step of the ask lane takes what the lane has reached."""
        reached = flow.asked or (flow.built if takes != "Query" else "")
        if reached and reached != takes:
            self.fail(node, f"{name} takes {takes} but gets {reached}", self.mend(name, takes, gives, reached, flow))
        flow.asked = gives

    def index(self, node: Expression, flow: _Flow) -> None:
        flow.built = "index"

    def mend(self, name: str, takes: str, gives: str, reached: str, flow: _Flow) -> str:
        """What would make a step of the ask lane fit."""
        before = _named(flow.last)
        if takes == "Hits" and reached != "Answer":
            return between_hint("between them" if flow.last else "before it")
        if gives == reached == "Answer":
            return f"a pipeline answers once; leave {name} or {before} out"
        if reached == "Answer":
            return f"{before} gives the answer and stands last; put {name} before it"
        if gives == "Query":
            return f"put {name} before {before}"
        if name == "a sum":
            return f"make {before} a side of the sum: {before} + …"
        return f"put them side by side, {before} + {name}"

    def fusion(self, node: Fused) -> None:
        for side in node.sides:
            self.side(side)
        if node.method not in METHODS:
            start, end = next(((s, e) for name, s, e in _place(node).parameters if not name), (0, 0))
            meant = did_you_mean(node.method, list(METHODS))
            raise StageParameterError(
                f"no fusion method {node.method!r}{meant}",
                text=self.text,
                start=start,
                end=end,
                hint=f"methods: {', '.join(METHODS)}",
            )
        for name, start, end in _place(node).parameters:
            if name:
                raise StageParameterError(
                    f"fuse has no option {name!r}", text=self.text, start=start, end=end, hint='write .fuse("zscore")'
                )

    def side(self, side: Expression) -> None:
        """A side of a sum finds Hits for a Query and prepares nothing for the index itself."""
        inner = side.expression if isinstance(side, Weighted) else side
        for step in steps_of(inner):
            core = core_of(step)
            role = self.registered(core).role if isinstance(core, Stage) else None
            if role is not None and role.lane == "build":
                hint = f"put it before the whole sum: {core} >> … + …"
                self.fail(core, f"{_named(core)} belongs to the build lane, and sides of a sum share it", hint)
        flow = self.chain(inner, _Flow())
        first = core_of(steps_of(inner)[0])
        takes = self.registered(first).role.takes if isinstance(first, Stage) else "Query"
        if takes == "Hits":
            reason = f"a side of a sum takes a Query, but {_named(first)} takes Hits"
            self.fail(first, reason, between_hint("before it"))
        if flow.asked != "Hits":
            last = core_of(steps_of(inner)[-1])
            reason = f"a side of a sum gives Hits, but {_named(last)} gives {flow.asked}"
            self.fail(last, reason, "put it after the sum: a + b >> …" if flow.asked == "Answer" else "")

    def fail(self, node: Expression, reason: str, hint: str = "") -> NoReturn:
        """Raise a `StageTypeError` with the caret under the node."""
        place = _place(node)
        raise StageTypeError(reason, text=self.text, start=place.start, end=place.name_end, hint=hint)


class _Planner(_Checker):
    """Splits a placed pipeline into its lanes."""

    def plan(self, pipeline: Expression) -> Plan:
        """The plan. Raises `StageTypeError` when something is missing."""
        if isinstance(pipeline, Weighted):
            self.fail(pipeline, "a weight counts only among the sides of a sum", "leave it out, or add a second side")
        build, ask = self.lanes(pipeline)
        if not ask:
            last = build[-1]
            reason = f"the pipeline ends with {self.registered(last).role.gives} and finds nothing"
            self.fail(last, reason, between_hint("after it"))
        expression = Then(tuple(ask)) if len(ask) > 1 else ask[0]
        flow = self.chain(expression, _Flow(asked="Query"))
        indexes = tuple(dict.fromkeys(s for s in expression.stages() if self.registered(s).role.lane == "both"))
        if flow.asked == "Query":
            self.fail(ask[-1], "the pipeline ends with a Query and finds nothing", between_hint("after it"))
        if build and not indexes:
            self.fail(
                build[-1],
                f"{build[-1].name} prepares what is indexed, but the pipeline has no index",
                between_hint(f"after it, or leave {build[-1].name} out"),
            )
        whole, added = self.completed(build) if indexes else ((), ())
        for stage in pipeline.stages():
            self.construct(stage)
        return Plan(whole, expression, indexes, flow.asked, added)

    def construct(self, stage: Stage) -> None:
        """Try the constructor, which is cheap: it may refuse values that fit one by one but not together."""
        try:
            self.registered(stage).make(stage.options)
        except StageParameterError as error:
            raise located(error, self.text, _place(stage).start, _place(stage).end) from error.__cause__

    def lanes(self, pipeline: Expression) -> tuple[list[Stage], list[Expression]]:
        """The steps of either lane, in order, once the whole is checked."""
        self.part(pipeline)
        build: list[Stage] = []
        ask: list[Expression] = []
        for step in steps_of(pipeline):
            if isinstance(step, Stage) and self.registered(step).role.lane == "build":
                build.append(step)
            else:
                ask.append(step)
        return build, ask

    def completed(self, build: list[Stage]) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
        """The build lane with `load` and `chunk` where they were left out, and those added."""
        by_role: dict[str, list[Stage]] = {role: [] for role in _BUILD_ORDER}
        for stage in build:
            by_role[self.registered(stage).role.name].append(stage)
        added = []
        for role, name in (("Loader", "load"), ("Chunker", "chunk")):
            if not by_role[role]:
                stage = Stage(name)
                lookup(name).check_all({})
                by_role[role].append(stage)
                added.append(stage)
        return tuple(stage for role in _BUILD_ORDER for stage in by_role[role]), tuple(added)


def between_hint(where: str) -> str:
    """The mend of a missing index, naming the indexes there are."""
    return f"put an index {where}: {', '.join(_some(names_in_role('Index')))}"


def _some(names: tuple[str, ...]) -> Iterator[str]:
    yield from names or ("none is installed, pip install ragkit",)


def _named(node: Expression | None) -> str:
    if node is None:
        return "the rest"
    core = core_of(node)
    return core.name if isinstance(core, Stage) else "the sum" if isinstance(core, Fused) else str(core)


def _place(node: Expression) -> Place:
    """The place of a node; one made by putting a cut where it belongs has that of what it cuts."""
    while node.place is None and node.children():
        node = node.children()[0]
    return node.place or Place(0, 0, 0)
