"""What commands print: JSON, columns, answers, a progress bar on a terminal."""

from __future__ import annotations

import dataclasses
import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ragkit.ingest import AddReport, Progress
    from ragkit.types import Answer, Chunk, Citation, Hits

_WIDTH = 100
_LISTED = 20  # problems named before "and N more"
LineOf = Callable[["Citation"], int | None]


def write(text: str, end: str = "\n") -> None:
    """Print to standard output. Characters its encoding lacks become escapes instead of an error."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding) + end, nl=False)


def warn(text: str) -> None:
    """Print to standard error."""
    click.echo(text, err=True)


def as_json(value: Any) -> str:
    """The value as indented JSON; dataclasses become objects, tuples lists, paths and other values texts."""
    return json.dumps(plain(value), ensure_ascii=False, indent=2, default=str)


def plain(value: Any) -> Any:
    """The value in dicts, lists, texts and numbers only; infinite numbers and NaN, which JSON lacks, become None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if number - number == 0 else None


def columns(rows: Sequence[Sequence[object]]) -> str:
    """The rows, the first of which is the heading, in aligned columns; numbers to the right."""
    cells = [[f"{cell:,}" if type(cell) is int else str(cell) for cell in row] for row in rows]
    numeric = [all(type(row[at]) is int for row in rows[1:]) and len(rows) > 1 for at in range(len(rows[0]))]
    widths = [max(len(row[at]) for row in cells) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(wide) if right else cell.ljust(wide)
            for cell, wide, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    )


def count(number: int, noun: str) -> str:
    """The number and its noun, in the plural when it takes it."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def bytes_text(number: int) -> str:
    """A number of bytes for people."""
    size = float(number)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}" if unit != "bytes" else f"{number} bytes"
        size /= 1000
    return f"{size:.3g} GB"


def answer_text(answer: Answer, line_of: LineOf) -> str:
    """The answer and its citations."""
    return "\n".join([answer.text, *([citations_text(answer, line_of)] if answer.citations else [])])


def citations_text(answer: Answer, line_of: LineOf) -> str:
    """The numbered citations: their places, and their quotes where the answer does not show them."""
    said = " ".join(answer.text.split())
    lines = []
    for number, citation in enumerate(answer.citations, 1):
        line = line_of(citation)
        quote = " ".join(citation.quote.split())
        if number == 1 or quote not in said:
            lines.append("")
        lines.append(f"[{number}] {place(citation)}" + (f" (line {line})" if line else ""))
        if quote not in said:
            lines.append(textwrap.fill(quote, _WIDTH, initial_indent="    ", subsequent_indent="    "))
    return "\n".join(lines)


def place(piece: Citation | Chunk) -> str:
    """Where a citation or chunk stands: source, id where the source holds several documents, characters."""
    within = "" if piece.document_id == piece.source else f"#{piece.document_id}"
    return f"{piece.source}{within}:{piece.start}-{piece.end}"


def answer_table(question: str, answer: Answer, line_of: LineOf, *, trace: bool) -> dict[str, Any]:
    """The answer as the object `ragkit ask --json` prints; docs/cli.md says what each key means."""
    table = {
        "question": question,
        "found": answer.found,
        "text": answer.text,
        "short": answer.short,
        "citations": [
            {"number": number, **plain(citation), "line": line_of(citation)}
            for number, citation in enumerate(answer.citations, 1)
        ],
        "hits": hits_table(answer.hits),
        "usage": plain(answer.usage),
    }
    return {**table, "trace": plain(answer.trace)} if trace else table


def hits_table(hits: Hits) -> list[dict[str, Any]]:
    """The hits as a list of objects, best first."""
    return [
        {
            "rank": rank,
            "score": plain(hit.score),
            "chunk_id": hit.chunk.id,
            "document_id": hit.chunk.document_id,
            "source": hit.chunk.source,
            "start": hit.chunk.start,
            "end": hit.chunk.end,
            "text": hit.chunk.text,
            "why": plain(hit.why),
        }
        for rank, hit in enumerate(hits, 1)
    ]


def hits_text(hits: Hits) -> str:
    """The hits for people: rank, score, place and the beginning of each."""
    return "\n\n".join(
        f"{rank}. {hit.score:.4g}  {place(hit.chunk)}\n"
        + textwrap.indent(textwrap.fill(textwrap.shorten(hit.chunk.text, 300, placeholder=" …"), _WIDTH - 4), "    ")
        for rank, hit in enumerate(hits, 1)
    )


def say_problems(report: AddReport, *, skipped: bool = True) -> None:
    """List on standard error what could not be added, and what was left out on purpose, with the reasons."""
    for word, problems in (("failed", report.failed), ("skipped", report.skipped if skipped else ())):
        for problem in problems[:_LISTED]:
            warn(f"{word}: {problem.source}: {problem.reason}")
        if len(problems) > _LISTED:
            warn(f"… and {len(problems) - _LISTED:,} more {word}; 'ragkit add --json' lists all")


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """A callback that shows on standard error how far `add` is, or None when that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    look = (SpinnerColumn(), TextColumn("indexing {task.completed:,}"), BarColumn(), TimeElapsedColumn())
    with Bar(
        *look, TextColumn("{task.fields[name]}", markup=False), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", total=None, name="")

        def advance(progress: Progress) -> None:
            bar.update(task, completed=progress.done, total=progress.total, name=Path(progress.source).name[:40])

        yield advance
