"""`ragkit graph`: the entity graph of a store, whole or as a question activated it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ragkit.cli.app import Session, UserError, store_option
from ragkit.cli.output import as_json, count, warn, write

if TYPE_CHECKING:
    import networkx as nx

    from ragkit.knowledge_base import KnowledgeBase

_ALL = 1_000_000
_DRAWN = 150  # more cannot be told apart


@click.command(short_help="Export the entity graph, or draw it.")
@click.option("--question", metavar="TEXT", help="Only what this question activates.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["graphml", "json", "html"]),
    help="[default: by the ending of FILE, or graphml]",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write here.")
@click.option("--stage", metavar="NAME", help="The graph stage to show.  [default: the pipeline's first]")
@click.option("--pipeline", metavar="TEXT", help="The pipeline that has it (or a name in ragkit.toml).")
@click.option(
    "--max-nodes", type=click.IntRange(1, _ALL), help="Keep the strongest.  [default: 150 for html, else all]"
)
@store_option
@click.pass_obj
def graph(
    session: Session,
    question: str | None,
    form: str | None,
    output: Path | None,
    stage: str | None,
    pipeline: str | None,
    max_nodes: int | None,
) -> None:
    """Export the graph as GraphML or JSON, or draw it as a web page that needs no network."""
    form = form or _form_of(output)
    with session.reading(pipeline) as kb:
        most = max_nodes or (_DRAWN if form == "html" else _ALL)
        view = kb.stage(stage or _first_graph(kb)).view(question, max_nodes=most)
    text = _rendered(view, form, question)
    if output is None:
        write(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror or error}") from error
    warn(f"wrote {output}: {count(len(view), 'node')}, {count(view.number_of_edges(), 'edge')}")


def _first_graph(kb: KnowledgeBase) -> str:
    from ragkit.registry import lookup

    for stage in kb.pipeline.stages():
        if hasattr(lookup(stage.name).cls, "view"):
            return stage.name
    raise UserError(f"the pipeline `{kb.pipeline}` has no graph; name one that has: --pipeline 'clue >> answer'")


def _name(node: object) -> str:
    """A node's name in an export: `entity:bern` for ("entity", "bern")."""
    return ":".join(map(str, node)) if isinstance(node, tuple) else str(node)


def _form_of(output: Path | None) -> str:
    endings = {".html": "html", ".htm": "html", ".json": "json"}
    return endings.get(output.suffix.lower(), "graphml") if output else "graphml"


def _rendered(view: nx.Graph, form: str, question: str | None) -> str:
    if form == "html":
        from ragkit.graphs.picture import to_html

        return to_html(view, question=question)
    import networkx as nx

    view = nx.relabel_nodes(view, {node: _name(node) for node in view})
    if form == "json":
        return as_json(nx.node_link_data(view, edges="edges"))
    return "\n".join(nx.generate_graphml(view))
