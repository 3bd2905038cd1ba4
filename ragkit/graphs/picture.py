"""A graph as one self-contained HTML page: inline SVG, a little script, nothing from the network.

The graph is a `networkx.Graph` whose nodes may carry `label` (what to print), `kind` ("entity", "sentence",
"passage", anything else) and `score` (how strongly a question activated it); edges may carry `weight` or `count`.
Positions come from networkx's Fruchterman-Reingold layout with a fixed seed, over nodes in the order of their
names, so the same graph gives the same picture.
"""

from __future__ import annotations

import html
import math
import string
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError

if TYPE_CHECKING:
    import networkx as nx

WIDTH, HEIGHT = 1200.0, 800.0  # of the drawing, in SVG units
MAX_NODES = 2000  # beyond this a picture shows nothing and the layout takes minutes
_MARGIN, _GAP = 90.0, 40.0
_COLUMNS, _ROW = 5, 26.0  # of the nodes without neighbours
_LABEL = 32  # characters shown; the full text is in the tooltip
_COLOURS = {
    "entity": "#c2570c",
    "sentence": "#4d7c0f",
    "unit": "#4d7c0f",
    "passage": "#1d4ed8",
    "chunk": "#1d4ed8",
}
_OTHER = "#6b7280"


@dataclass(frozen=True, slots=True)
class Mark:
    """One node as drawn: what it says, where it stands and how big it is."""

    number: int
    label: str
    kind: str
    score: float
    x: float
    y: float
    radius: float


def to_html(graph: nx.Graph, *, title: str = "ragkit graph", question: str | None = None) -> str:
    """The page. Raises `InvalidValueError` when the graph has more than `MAX_NODES` nodes.

    Everything that stems from documents is escaped, and the page forbids itself to load anything.
    """
    if len(graph) > MAX_NODES:
        raise InvalidValueError(
            f"{len(graph)} nodes are too many for a picture (at most {MAX_NODES}); ask for fewer, "
            "ask about one question, or export GraphML and open it in a graph program"
        )
    names = sorted(graph, key=str)
    marks = _marks(graph, names)
    numbers = {name: number for number, name in enumerate(names)}
    edges = sorted(
        (min(numbers[a], numbers[b]), max(numbers[a], numbers[b]), _number(data.get("weight", data.get("count")), 1.0))
        for a, b, data in graph.edges(data=True)
    )
    said = f"What the question activated: {question}" if question else "The whole graph"
    page = string.Template(Path(__file__).with_name("picture.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=html.escape(title),
        said=html.escape(said),
        counts=f"{len(marks)} nodes, {len(edges)} edges",
        legend=_legend(marks),
        width=f"{WIDTH:g}",
        height=f"{HEIGHT:g}",
        edges="\n".join(_edge(marks[a], marks[b], weight) for a, b, weight in edges),
        nodes="\n".join(_node(mark, anchor) for mark, anchor in zip(marks, _anchors(marks), strict=True)),
    )


def _marks(graph: nx.Graph, names: list[Any]) -> list[Mark]:
    places = _places(graph, names)
    scores = {name: _number(graph.nodes[name].get("score"), 0.0) for name in names}
    top = max(scores.values(), default=0.0)
    most = max((degree for _, degree in graph.degree()), default=0)
    marks = []
    for number, name in enumerate(names):
        data = graph.nodes[name]
        size = scores[name] / top if top > 0 else graph.degree(name) / most if most else 0.0
        x, y = places[name]
        marks.append(
            Mark(
                number=number,
                label=" ".join(str(data.get("label") or name).split()),
                kind=str(data.get("kind") or "node"),
                score=scores[name],
                x=x,
                y=y,
                radius=4.0 + 12.0 * math.sqrt(max(0.0, size)),
            )
        )
    return marks


def _places(graph: nx.Graph, names: list[Any]) -> dict[Any, tuple[float, float]]:
    """Where each node goes, in SVG units: those with neighbours by the layout, those without in rows below them."""
    joined = [name for name in names if set(graph[name]) - {name}]
    alone = [name for name in names if not set(graph[name]) - {name}]
    rows = math.ceil(len(alone) / _COLUMNS)
    bottom = HEIGHT - (min(rows * _ROW, HEIGHT / 2) if joined else HEIGHT - _MARGIN)
    places = _laid_out(graph, joined, bottom)
    step = (HEIGHT - bottom) / max(1, rows)
    for place, name in enumerate(alone):
        row, column = divmod(place, _COLUMNS)
        places[name] = (round(_GAP + column * WIDTH / _COLUMNS, 1), round(bottom + row * step, 1))
    return places


def _laid_out(graph: nx.Graph, names: list[Any], bottom: float) -> dict[Any, tuple[float, float]]:
    """Positions above `bottom`. The layout depends on the order of nodes and edges, so that is made one of names."""
    import networkx as nx

    if not names:
        return {}
    ordered = nx.Graph()
    ordered.add_nodes_from(names)
    pairs = (sorted(pair, key=str) for pair in graph.edges() if pair[0] != pair[1])
    ordered.add_edges_from(sorted(pairs, key=str))
    spots = nx.spring_layout(ordered, seed=7, iterations=120, k=2.2 / math.sqrt(len(names)))
    xs, ys = [spots[name][0] for name in names], [spots[name][1] for name in names]
    return {
        name: (
            _scaled(spots[name][0], xs, _MARGIN, WIDTH - _MARGIN),
            _scaled(spots[name][1], ys, _GAP, bottom - _GAP),
        )
        for name in names
    }


def _scaled(value: float, values: list[float], low: float, high: float) -> float:
    least, most = min(values), max(values)
    share = (value - least) / (most - least) if most > least else 0.5
    return round(float(low + share * (high - low)), 1)


def _anchors(marks: list[Mark]) -> list[tuple[float, float, str] | None]:
    """Where each label goes so that none covers another; None where there is no room (hovering shows it)."""
    taken: list[tuple[float, float, float, float]] = [
        (mark.x - mark.radius, mark.y - mark.radius, mark.x + mark.radius, mark.y + mark.radius) for mark in marks
    ]
    anchors: list[tuple[float, float, str] | None] = [None] * len(marks)
    for mark in sorted(marks, key=lambda mark: (-mark.radius, mark.number)):
        wide, high = 6.9 * len(_short(mark.label)), 15.0
        gap = mark.radius + 4
        for x, y, anchor, left in (
            (mark.x + gap, mark.y + 4, "start", mark.x + gap),
            (mark.x - gap, mark.y + 4, "end", mark.x - gap - wide),
            (mark.x, mark.y - gap, "middle", mark.x - wide / 2),
            (mark.x, mark.y + gap + 9, "middle", mark.x - wide / 2),
        ):
            box = (left, y - high + 3, left + wide, y + 3)
            if box[0] < 0 or box[2] > WIDTH or any(_overlap(box, other) for other in taken):
                continue
            taken.append(box)
            anchors[mark.number] = (round(x, 1), round(y, 1), anchor)
            break
    return anchors


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _short(label: str) -> str:
    return label if len(label) <= _LABEL else label[: _LABEL - 1].rstrip() + "…"


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else default


def _edge(a: Mark, b: Mark, weight: float) -> str:
    thick = min(4.0, 0.6 + math.log1p(max(0.0, weight)))
    return (
        f'<line data-a="{a.number}" data-b="{b.number}" x1="{a.x:g}" y1="{a.y:g}" x2="{b.x:g}" y2="{b.y:g}" '
        f'stroke-width="{thick:.2f}"/>'
    )


def _node(mark: Mark, anchor: tuple[float, float, str] | None) -> str:
    score = f" (score {mark.score:.4g})" if mark.score else ""
    x, y, side = anchor or (mark.x, mark.y - mark.radius - 4, "middle")
    return (
        f'<g class="node{"" if anchor else " quiet"}" data-n="{mark.number}" tabindex="0">'
        f"<title>{html.escape(f'{mark.kind}: {mark.label}{score}')}</title>"
        f'<circle cx="{mark.x:g}" cy="{mark.y:g}" r="{mark.radius:.1f}" fill="{_COLOURS.get(mark.kind, _OTHER)}"/>'
        f'<text x="{x:g}" y="{y:g}" text-anchor="{side}">{html.escape(_short(mark.label))}</text></g>'
    )


def _legend(marks: list[Mark]) -> str:
    kinds = sorted({mark.kind for mark in marks})
    return " ".join(
        f'<span><i style="background:{_COLOURS.get(kind, _OTHER)}"></i>{html.escape(kind)}</span>' for kind in kinds
    )
