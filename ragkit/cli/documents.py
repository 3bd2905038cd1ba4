"""`ragkit add`, `remove` and `status`: what is in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ragkit.cli.app import Session, store_option
from ragkit.cli.output import as_json, bytes_text, columns, count, plain, progress_bar, say_problems, write

if TYPE_CHECKING:
    from ragkit.ingest import AddReport
    from ragkit.knowledge_base import Status


@click.command(short_help="Index files and folders; only what has changed.")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--prune", is_flag=True, help="Remove documents below PATH whose files are gone.")
@click.option("--rebuild", is_flag=True, help="First build what is stored again, after a change of model or chunking.")
@click.option("--pipeline", metavar="TEXT", help="How to index (see 'ragkit pipeline'), or a name in ragkit.toml.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that do the work.")
@click.option("--strict", is_flag=True, help="Exit with 1 when any document failed, not only when all did.")
@click.option("--json", "json_form", is_flag=True, help="Print the report as JSON.")
@store_option
@click.pass_obj
def add(
    session: Session,
    paths: tuple[str, ...],
    prune: bool,
    rebuild: bool,
    pipeline: str | None,
    jobs: int,
    strict: bool,
    json_form: bool,
) -> None:
    """Index files and folders; only what is new or has changed.

    A document that cannot be read is reported and does not stop the others. What is done stays done when you
    interrupt; the next 'add' goes on from there.
    """
    if not paths and not rebuild:
        raise click.UsageError("name what to add: a file or a folder")
    from ragkit.cli.workers import workers
    from ragkit.knowledge_base import KnowledgeBase

    with (
        KnowledgeBase(session.path, session.pipeline(pipeline)) as kb,
        workers(jobs) as executor,
        progress_bar() as advance,
    ):
        report = kb.add(*paths, prune=prune, rebuild=rebuild, executor=executor, progress=advance)
    write(as_json(report) if json_form else f"{session.path}: {report_text(report, rebuild=rebuild)}")
    say_problems(report)
    fine = report.added or report.changed or report.unchanged or report.removed or report.rebuilt
    if report.failed and (strict or not fine):
        raise click.exceptions.Exit(1)


def report_text(report: AddReport, *, rebuild: bool = False) -> str:
    """What an `add` did, in a line."""
    done = ("rebuilt", "added", "changed", "unchanged", "removed", "skipped", "failed")
    counts = [f"{len(getattr(report, name)):,} {name}" for name in done if getattr(report, name)]
    nothing = "nothing to rebuild" if rebuild else "nothing to add"
    return f"{', '.join(counts) or nothing} ({count(report.chunks, 'new chunk')}, {report.seconds:.1f} s)"


@click.command(short_help="Remove documents.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--json", "json_form", is_flag=True, help="Print the ids of what was removed as JSON.")
@store_option
@click.pass_obj
def remove(session: Session, sources: tuple[str, ...], json_form: bool) -> None:
    """Remove documents by path, folder or id ('ragkit status --sources' lists them)."""
    from ragkit.knowledge_base import KnowledgeBase

    with KnowledgeBase(session.path, create=False) as kb:
        removed = kb.remove(*sources)
    write(as_json({"removed": removed}) if json_form else f"removed {count(len(removed), 'document')}")


@click.command()
@click.option("--sources", is_flag=True, help="List the documents too.")
@click.option("--json", "json_form", is_flag=True, help="Print as JSON.")
@store_option
@click.pass_obj
def status(session: Session, sources: bool, json_form: bool) -> None:
    """Show what the store holds and how it was built."""
    from ragkit.knowledge_base import KnowledgeBase

    with KnowledgeBase(session.path, create=False, read_only=True) as kb:
        state = kb.status()
        infos = kb.sources() if sources else []
    if json_form:
        table = plain(state)
        write(as_json({**table, "sources": infos} if sources else table))
        return
    write(_status_text(state))
    if sources and infos:
        rows = [(info.source, info.id, info.characters, info.chunks) for info in infos]
        write("\n" + columns([("source", "id", "characters", "chunks"), *rows]))


def _status_text(state: Status) -> str:
    held = f"{count(state.documents, 'document')}, {count(state.chunks, 'chunk')}, {state.characters:,} characters"
    rows = [("store", f"{state.path} ({bytes_text(state.bytes)})"), ("holds", held), ("pipeline", state.pipeline)]
    rows += [(f"index {name}", built) for name, built in sorted(state.indexes.items())]
    return columns(rows)
