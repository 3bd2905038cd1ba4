"""`ragkit stages`, `pipeline` and `version`: what there is to build with."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from ragkit.cli.app import Session, default_pipeline
from ragkit.cli.output import as_json, columns, write

if TYPE_CHECKING:
    from ragkit.parameters import Parameter
    from ragkit.registry import StageInfo

# The libraries whose versions matter for a report of a defect.
_REPORTED = (
    "numpy",
    "scipy",
    "networkx",
    "spacy",
    "torch",
    "transformers",
    "sentence-transformers",
    "langchain-core",
    "sqlite-utils",
)


@click.command(short_help="List the stages, or show one with its parameters.")
@click.argument("name", required=False)
@click.option("--json", "json_form", is_flag=True, help="Print as JSON.")
def stages(name: str | None, json_form: bool) -> None:
    """List the stages a pipeline can be made of, or show one with its parameters."""
    from ragkit.errors import UnknownStageError
    from ragkit.registry import describe, stage_names

    try:
        infos = [describe(each) for each in ([name] if name else stage_names())]
    except UnknownStageError as error:
        raise click.UsageError(" ".join(part for part in (error.reason, error.hint) if part)) from error
    if json_form:
        write(as_json([stage_table(info) for info in infos]))
    else:
        write("\n\n".join(stage_text(info) for info in sorted(infos, key=_place)))


def stage_table(info: StageInfo) -> dict[str, object]:
    """The stage as the object `ragkit stages --json` prints."""
    return {
        "name": info.name,
        "role": info.role,
        "takes": info.takes,
        "gives": info.gives,
        "lane": info.lane,
        "summary": info.summary,
        "package": info.package,
        "problem": info.problem,
        "parameters": [
            {
                "name": parameter.name,
                "type": parameter.annotation,
                "required": parameter.required,
                "default": parameter.default,
                "low": parameter.low,
                "high": parameter.high,
                "choices": parameter.choices,
            }
            for parameter in info.parameters
        ],
    }


def stage_text(info: StageInfo) -> str:
    """The stage for people: its name and types, one line of help, its parameters."""
    if info.problem:
        return f"{info.name}  (cannot be used)\n" + textwrap.indent(info.problem, "    ")
    takes = "Chunk, then Query" if info.role == "Index" else info.takes
    origin = "" if info.package == "ragkit" else f"  [{info.package}]"
    rows = [(f"{parameter.name}", f"= {_default(parameter)}", parameter.expected) for parameter in info.parameters]
    lines = [f"{info.name}  {takes} -> {info.gives}{origin}", *([f"    {info.summary}"] if info.summary else [])]
    return "\n".join([*lines, *([textwrap.indent(columns(rows), "    ")] if rows else [])])


def _default(parameter: Parameter) -> str:
    return "(required)" if parameter.required else repr(parameter.default)


def _place(info: StageInfo) -> tuple[int, str]:
    """Stages in the order in which values flow through them."""
    roles = ("Loader", "Extractor", "Chunker", "Enricher", "Rewriter", "Index", "Retriever", "Reranker", "Answerer")
    return (roles.index(info.role) if info.role in roles else len(roles), info.name)


@click.command(short_help="Check a pipeline and draw it.")
@click.argument("text", required=False)
@click.option("--mermaid", is_flag=True, help="Print a Mermaid flowchart, which GitHub and editors draw.")
@click.pass_obj
def pipeline(session: Session, text: str | None, mermaid: bool) -> None:
    """Check a pipeline and draw it; without TEXT the configured one, or the default.

    \b
    a >> b      then
    a + b       side by side, fused by rank; (a + b).fuse("minmax") for another method
    0.3 * a     weight of a side
    a % 8       keep the best 8
    """  # noqa: D301 (click wants the character itself)
    from ragkit.pipeline import plan, to_mermaid, to_text

    planned = plan(session.pipeline(text) or default_pipeline())
    write(to_mermaid(planned).rstrip() if mermaid else f"{planned.expression}\n\n{to_text(planned)}")


@click.command(short_help="Print versions, for reports of defects.")
def version() -> None:
    """Print the versions of ragkit, Python, SQLite and the libraries it stands on."""
    import platform
    import sqlite3
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    rows = [("python", platform.python_version()), ("sqlite", sqlite3.sqlite_version)]
    for package in _REPORTED:
        try:
            rows.append((package, version_of(package)))
        except PackageNotFoundError:
            rows.append((package, "not installed"))
    write(columns([("ragkit", version_of("ragkit")), *rows]))
