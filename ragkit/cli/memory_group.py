"""`ragkit memory …`: looking into a memory, checking it, moving it."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from ragkit.cli.app import Session, UserError, store_option
from ragkit.cli.memory import json_option, opened, scope_option
from ragkit.cli.output import as_json, columns, count, plain, warn, write


@click.group(short_help="Look into a memory, check it, move it.")
def memory() -> None:
    """What a memory holds and did, and its way in and out of files."""


@memory.command()
@scope_option
@json_option
@store_option
@click.pass_obj
def stats(session: Session, scope: str, json_form: bool) -> None:
    """How much the memory holds, what waits to be done, what failed."""
    with opened(session, scope) as memory:
        found = memory.stats()
    if json_form:
        write(as_json(found))
        return
    rows: list[tuple[object, object]] = [("what", "how much")]
    for name, value in plain(found).items():
        if isinstance(value, dict):
            rows += [(f"{name} {key}", number) for key, number in value.items()]
        elif isinstance(value, list):
            rows += [(name, item) for item in value]
        elif value not in (None, "", 0) or name in ("messages", "vectors"):
            rows.append((name, value))
    write(columns(rows))


@memory.command()
@json_option
@store_option
@click.pass_obj
def check(session: Session, json_form: bool) -> None:
    """Look for anything inconsistent in the file; exits with 1 when there is something."""
    with opened(session, "default") as memory:
        report = memory.check()
    write(as_json(report) if json_form else "\n".join(report.problems) or "all is well")
    if not report.ok:
        raise click.exceptions.Exit(1)


@memory.command()
@click.argument("file", default="-", metavar="[FILE]")
@scope_option
@store_option
@click.pass_obj
def export(session: Session, file: str, scope: str) -> None:
    """Write the memory of a scope to FILE as JSON lines ('-', the default, is standard output)."""
    with opened(session, scope) as memory:
        if file == "-":
            memory.export(sys.stdout)
            return
        with open(file, "w", encoding="utf-8", newline="\n") as out:
            lines = memory.export(out)
    warn(f"{count(lines, 'line')} written to {file}")


@memory.command("import")
@click.argument("file", default="-", metavar="[FILE]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["memory", "chat.jsonl"]),
    default="memory",
    show_default=True,
    help="What 'memory export' wrote, or a chat: one JSON object with text and speaker on each line.",
)
@click.option("--embedder", default="auto", show_default=True, metavar="MODEL", help="minilm, static, …, or none.")
@scope_option
@json_option
@store_option
@click.pass_obj
def import_(session: Session, file: str, form: str, embedder: str, scope: str, json_form: bool) -> None:
    """Add to a memory from FILE ('-' is standard input); what is there already stays as it is."""
    with opened(session, scope, create=True, embedder=embedder) as memory:
        with reading(file) as lines:
            results = memory.import_(lines, format=form)
        memory.flush()
    counts = {
        status: sum(one.status == status for one in results) for status in ("stored", "duplicate", "split", "empty")
    }
    if json_form:
        write(as_json(counts))
    else:
        write(", ".join(f"{number:,} {status}" for status, number in counts.items() if number) or "nothing to import")


@memory.command()
@click.option("-n", "limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many entries.")
@scope_option
@json_option
@store_option
@click.pass_obj
def audit(session: Session, limit: int, scope: str, json_form: bool) -> None:
    """What was done to the memory, newest first: never what was in it."""
    with opened(session, scope) as memory:
        entries = memory.audit(limit)
    if json_form:
        write(as_json([{**entry, "time": entry["time"].isoformat()} for entry in entries]))
        return
    rows = [(entry["time"].strftime("%Y-%m-%d %H:%M:%S"), entry["action"], _counts(entry)) for entry in entries]
    write(columns([("when", "what", "how much"), *rows]) if rows else "nothing was done yet")


@memory.command()
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only this message or unit.  [default: all]")
@scope_option
@json_option
@store_option
@click.pass_obj
def restore(session: Session, ids: tuple[str, ...], scope: str, json_form: bool) -> None:
    """Bring back what 'ragkit forget --soft' has hidden."""
    with opened(session, scope) as memory:
        back = memory.restore(ids)
    write(as_json({"restored": back}) if json_form else f"{count(back, 'unit')} restored")


@memory.command()
@click.option("--most", type=click.IntRange(1), help="Make at most this many abstracts.")
@scope_option
@json_option
@store_option
@click.pass_obj
def consolidate(session: Session, most: int | None, scope: str, json_form: bool) -> None:
    """Join what says much the same into abstracts, and mark what is outdated."""
    with opened(session, scope, write=True) as memory:
        report = memory.consolidate(most)
    if json_form:
        write(as_json(report))
    elif report.busy:
        raise UserError("another process is consolidating this memory; try again when it is done")
    else:
        write(
            f"{count(report.abstracts, 'abstract')} made, {count(report.archived, 'unit')} archived below them, "
            f"{report.superseded:,} marked as outdated"
        )


# -- from options to values -------------------------------------------------------------------------------------------


@contextmanager
def reading(file: str) -> Iterator[IO[str]]:
    """The lines of a file, or of standard input for `-`."""
    if file == "-":
        given = b"" if sys.stdin is None else sys.stdin.buffer.read()
        yield io.StringIO(given.decode("utf-8", "surrogateescape"))
        return
    # What is no UTF-8 is kept as it is, so that the import can name its line.
    with Path(file).open(encoding="utf-8", errors="surrogateescape") as lines:
        yield lines


def _counts(entry: Mapping[str, Any]) -> str:
    """The numbers of an entry that are not zero."""
    return ", ".join(f"{key} {value}" for key, value in entry.items() if key not in ("time", "action") and value)
