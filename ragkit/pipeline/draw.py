"""Pictures of a pipeline: a Mermaid flowchart, and a plain drawing for the terminal."""

from __future__ import annotations

from ragkit.pipeline.check import Plan, plan, steps_of
from ragkit.pipeline.expression import Best, Expression, Fused, Stage, Weighted
from ragkit.registry import lookup

_WIDTH = 60
_ESCAPES = str.maketrans({mark: f"#{ord(mark)};" for mark in '#"&<>[]{}|`\\;%'})


def to_mermaid(pipeline: Expression | str | Plan) -> str:
    """A Mermaid flowchart of both lanes, with each index as their hinge; stages that were left out are marked default.

    Raises `PipelineError` when the pipeline is wrong or incomplete.
    """
    drawn = pipeline if isinstance(pipeline, Plan) else plan(pipeline)
    return _Chart(drawn).text()


def to_text(pipeline: Expression | str | Plan) -> str:
    """The lanes as an indented list, each step with what it takes and gives.

    Raises `PipelineError` when the pipeline is wrong or incomplete.
    """
    drawn = pipeline if isinstance(pipeline, Plan) else plan(pipeline)
    rows: list[tuple[str, str]] = []
    if drawn.build:
        rows.append(("build: what add does with sources", ""))
        for stage in drawn.build:
            rows.append((f"  {stage}", _types(stage) + (" (default)" if stage in drawn.added else "")))
        rows += [(f"  {stage}", "Chunk -> index") for stage in drawn.indexes]
    rows.append(("ask: what ask does with a question", ""))
    for step in steps_of(drawn.ask):
        rows += _branches(step, "  ", "")
    width = max(len(left) for left, right in rows if right)
    return "\n".join(f"{left:<{width}}  {right}".rstrip() for left, right in rows)


def _branches(step: Expression, indent: str, child_indent: str) -> list[tuple[str, str]]:
    """A step as a row, and below it the sides of a fusion or the steps of a side."""
    core, notes = _peeled(step)
    note = "".join(f", {text}" for text in notes)
    if isinstance(core, Stage):
        return [(f"{indent}{core}{note}", _types(core, asked=True))]
    if isinstance(core, Fused):
        rows = [(f"{indent}fuse by {core.method}{note}", "Query -> Hits")]
        parts = core.sides
    else:
        rows = [(f"{indent}in turn{note}", "Query -> Hits")]
        parts = steps_of(core)
    below = child_indent or " " * len(indent)
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        rows += _branches(part, f"{below}{'└─ ' if last else '├─ '}", f"{below}{'   ' if last else '│  '}")
    return rows


def _peeled(step: Expression) -> tuple[Expression, list[str]]:
    """A step without weight and cuts, and these in words."""
    notes = []
    if isinstance(step, Weighted):
        notes.append(f"weight {step.weight:g}")
        step = step.expression
    cuts = []
    while isinstance(step, Best):
        cuts.append(f"best {step.k}")
        step = step.expression
    return step, notes + cuts[::-1]


def _types(stage: Stage, asked: bool = False) -> str:
    role = lookup(stage.name).role
    return f"{'Query' if asked and role.lane == 'both' else role.takes} -> {role.gives}"


class _Chart:
    """A Mermaid flowchart being written."""

    def __init__(self, drawn: Plan) -> None:
        self.plan = drawn
        self.nodes: list[str] = []
        self.edges: list[str] = []
        self.index_ids = {stage: f"index{place}" for place, stage in enumerate(drawn.indexes, 1)}

    def text(self) -> str:
        """The whole chart."""
        lines = ["flowchart LR"]
        if self.plan.build:
            self.build()
            lines += ['    subgraph build["build: add"]', *(f"        {node}" for node in self.nodes), "    end"]
            self.nodes = []
        lines += [f'    {name}[("{_label(stage)}")]' for stage, name in self.index_ids.items()]
        self.ask()
        lines += ['    subgraph ask["ask"]', *(f"        {node}" for node in self.nodes), "    end"]
        return "\n".join(lines + [f"    {edge}" for edge in self.edges]) + "\n"

    def node(self, shape: str, label: str) -> str:
        """A new node; `shape` is its brackets with a place for the label."""
        name = f"{'b' if self.building else 'a'}{len(self.nodes)}"
        self.nodes.append(name + shape.format(f'"{label}"'))
        return name

    def edge(self, start: str, end: str, notes: list[str]) -> None:
        label = f'|"{_escaped(", ".join(notes))}"|' if notes else ""
        edge = f"{start} -->{label} {end}"
        if edge not in self.edges:  # sides that share an index share its line
            self.edges.append(edge)

    building = False

    def build(self) -> None:
        self.building = True
        last = self.node("([{}])", "sources")
        for stage in self.plan.build:
            default = "<br>default" if stage in self.plan.added else ""
            name = self.node("[{}]", _label(stage) + default)
            self.edge(last, name, [])
            last = name
        for name in self.index_ids.values():
            self.edge(last, name, [])
        self.building = False

    def ask(self) -> None:
        end, notes = self.chain(self.plan.ask, self.node("([{}])", "question"), [])
        self.edge(end, self.node("([{}])", self.plan.gives.lower()), notes)

    def chain(self, expression: Expression, start: str, notes: list[str]) -> tuple[str, list[str]]:
        """Draw steps after `start`; the last node and what is to be written on the edge that leaves it."""
        for step in steps_of(expression):
            core, cuts = _peeled(step)
            start, notes = self.step(core, start, notes), cuts
        return start, notes

    def step(self, core: Expression, start: str, notes: list[str]) -> str:
        if isinstance(core, Stage):
            name = self.index_ids.get(core) or self.node("[{}]", _label(core))
            self.edge(start, name, notes)
            return name
        if not isinstance(core, Fused):
            return self.chain(core, start, notes)[0]
        ends = [self.side(side, start) for side in core.sides]
        name = self.node("{{{{{}}}}}", f"fuse {_escaped(core.method)}")
        for end, side_notes in ends:
            self.edge(end, name, side_notes)
        return name

    def side(self, side: Expression, start: str) -> tuple[str, list[str]]:
        inner, weight = (side.expression, [f"weight {side.weight:g}"]) if isinstance(side, Weighted) else (side, [])
        end, cuts = self.chain(inner, start, [])
        return end, weight + cuts


def _label(stage: Stage) -> str:
    text = str(stage)
    name, rest = stage.name, text[len(stage.name) + 1 : -1]
    short = rest if len(rest) <= _WIDTH else f"{rest[: _WIDTH - 1]}…"
    return _escaped(name) + (f"<br>{_escaped(short)}" if short else "")


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)
