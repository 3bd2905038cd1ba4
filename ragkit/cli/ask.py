"""`ragkit ask` and `search`: questions."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from ragkit.cli.app import NOT_FOUND, Session, UserError, store_option
from ragkit.cli.output import (
    LineOf,
    answer_table,
    answer_text,
    as_json,
    citations_text,
    hits_table,
    hits_text,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ragkit.knowledge_base import KnowledgeBase
    from ragkit.types import Answer, Citation

_PLAIN = ("text/plain", "text/markdown")


@click.command(short_help="Answer a question from the documents, with citations.")
@click.argument("question")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="PATH",
    help="Ask these files instead of a store; their index is cached.",
)
@click.option(
    "--pipeline", metavar="TEXT", help="How to search and answer (see 'ragkit pipeline'), or a name in ragkit.toml."
)
@click.option("--llm", metavar="MODEL", help="Let a chat model answer: provider:model, or openai-compatible:URL.")
@click.option("-k", "k", type=click.IntRange(1, 1000), help="Answer from this many passages.")
@click.option("--filter", "filters", multiple=True, metavar="KEY=VALUE", help="Only documents with this metadata.")
@click.option("--trace", is_flag=True, help="Show what each stage did, with times, and what a chat model was sent.")
@click.option("--json", "json_form", is_flag=True, help="Print the answer, citations and passages as JSON.")
@store_option
@click.pass_obj
def ask(
    session: Session,
    question: str,
    sources: tuple[str, ...],
    pipeline: str | None,
    llm: str | None,
    k: int | None,
    filters: tuple[str, ...],
    trace: bool,
    json_form: bool,
) -> None:
    """Answer QUESTION from the documents, quoting them ('-' reads the question from standard input).

    Exits with 3 when the documents do not hold the answer.
    """
    question = question_text(question)
    chosen = filter_of(filters)
    with session.asking(sources, pipeline, llm) as kb:
        most = k or session.config.k
        if json_form or not sys.stdout.isatty():
            said, answer = "", kb.ask(question, k=most, filter=chosen)
        else:
            said, answer = _as_it_comes(kb.stream(question, k=most, filter=chosen))
        line_of = lines_of(kb)
        if json_form:
            write(as_json(_with_segments(kb, answer_table(question, answer, line_of, trace=trace))))
        else:
            write(citations_text(answer, line_of) if said == answer.text else answer_text(answer, line_of))
            if trace:
                write("\n" + trace_text(answer))
    if not answer.found:
        raise click.exceptions.Exit(NOT_FOUND)


@click.command(short_help="List the passages found for a question.")
@click.argument("question")
@click.option("--source", "sources", multiple=True, metavar="PATH", help="Search these files instead of a store.")
@click.option(
    "--pipeline", metavar="TEXT", help="How to search, or a name in ragkit.toml; an answer stage is left out."
)
@click.option("-k", "k", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many passages.")
@click.option("--filter", "filters", multiple=True, metavar="KEY=VALUE", help="Only documents with this metadata.")
@click.option("--json", "json_form", is_flag=True, help="Print the passages as JSON.")
@store_option
@click.pass_obj
def search(
    session: Session,
    question: str,
    sources: tuple[str, ...],
    pipeline: str | None,
    k: int,
    filters: tuple[str, ...],
    json_form: bool,
) -> None:
    """List the passages found for QUESTION, best first, without answering it."""
    question = question_text(question)
    with session.asking(sources, pipeline) as kb:
        hits = kb.search(question, k=k, filter=filter_of(filters))
    write(as_json(hits_table(hits)) if json_form else hits_text(hits) or "nothing found")
    if not len(hits):
        raise click.exceptions.Exit(NOT_FOUND)


def _as_it_comes(pieces: Iterator[str | Answer]) -> tuple[str, Answer]:
    """Print the pieces of an answer as they come; return what was printed, and the answer."""
    said = ""
    for piece in pieces:
        if not isinstance(piece, str):
            click.echo()
            return said, piece
        said += piece
        write(piece, end="")
    raise UserError("the answer broke off before it was complete; ask again")


def question_text(question: str) -> str:
    """The question, read from standard input when it is `-`."""
    if question != "-":
        return question
    if sys.stdin is None:  # closed by whoever started us
        return ""
    return sys.stdin.buffer.read().decode("utf-8", "replace").strip()


def filter_of(pairs: tuple[str, ...]) -> dict[str, Any] | None:
    """`key=value` options as a metadata filter; values are read as JSON where they are JSON, else as text.

    >>> filter_of(("lang=en", "year=1934"))
    {'lang': 'en', 'year': 1934}
    """
    chosen: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"--filter takes KEY=VALUE, not {pair!r}")
        try:
            chosen[key.strip()] = json.loads(value)
        except json.JSONDecodeError:
            chosen[key.strip()] = value
    return chosen or None


def lines_of(kb: KnowledgeBase) -> LineOf:
    """A function that gives the line a citation starts on, or None where the document is not a text file as it is."""

    def line_of(citation: Citation) -> int | None:
        document = kb.document(citation.document_id)
        if document.media_type not in _PLAIN or document.id != document.source:
            return None
        return document.text.count("\n", 0, citation.start) + 1

    return line_of


def _with_segments(kb: KnowledgeBase, table: dict[str, Any]) -> dict[str, Any]:
    """The answer's JSON; citations of pages that the stage `html` read also name their segments and XPaths."""
    from ragkit.extractors.html.stored import addresses_at

    for row in table["citations"]:
        found = addresses_at(kb.document(row["document_id"]), row["start"], row["end"])
        if found:
            row["segments"] = [{"index": one.index, "kind": one.kind, "xpath": one.xpath} for one in found]
    return table


def trace_text(answer: Answer) -> str:
    """What each stage did, one line each; below it, in full, the texts that were sent to a model and came from it."""
    lines = []
    for entry in answer.trace:
        about = dict(entry)
        head = str(about.pop("stage", "?"))
        if "seconds" in about:
            head += f" ({about.pop('seconds') * 1000:.1f} ms)"
        long = {key: value for key, value in about.items() if key == "messages" or "\n" in str(value)}
        short = ", ".join(f"{key} {value}" for key, value in about.items() if key not in long)
        lines.append(f"{head}: {short}" if short else head)
        for key, value in long.items():
            lines += _messages(value) if key == "messages" else [f"  {key}:", textwrap.indent(str(value), "    ")]
    return "\n".join(lines)


def _messages(sent: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for message in sent:
        yield f"  sent as {message.get('role', '?')} ({message.get('tokens', '?')} tokens):"
        yield textwrap.indent(str(message.get("text", "")), "    ")
