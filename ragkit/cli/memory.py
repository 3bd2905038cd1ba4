"""`ragkit remember`, `recall`, `forget` and `memory …`: agent memory from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from ragkit.cli.app import NOT_FOUND, Session, UserError, store_option
from ragkit.cli.ask import question_text
from ragkit.cli.output import as_json, columns, count, plain, write

if TYPE_CHECKING:
    from ragkit.memory import Filters, ForgetReport, MemoryHit
    from ragkit.memory.memory import Memory

_SHOWN = 76  # characters of a unit's text in a table


def scope_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--scope`, whose memory is meant."""
    return click.option(
        "--scope", default="default", show_default=True, metavar="LABEL[/LABEL…]", help="Whose memory: tenant/user."
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`."""
    return click.option("--json", "json_form", is_flag=True, help="Print JSON.")(command)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What units to keep to."""
    for option in (
        click.option("--before", metavar="TIME", help="Said before this time."),
        click.option("--after", metavar="TIME", help="Said at this time or later."),
        click.option("--person", "persons", multiple=True, metavar="NAME", help="Said by or about this person."),
        click.option("--speaker", "speakers", multiple=True, metavar="NAME", help="Said by this speaker."),
        click.option("--session", "sessions", multiple=True, metavar="NAME", help="Of this conversation."),
    ):
        command = option(command)
    return command


@click.command(short_help="Add what somebody said to a memory.")
@click.argument("text")
@click.option("--speaker", default="user", show_default=True, metavar="NAME", help="Who said it.")
@click.option("--role", default="user", show_default=True, help="user, assistant, system or tool.")
@click.option("--time", "time", metavar="TIME", help="When, as ISO 8601: 2023-05-08T14:00+02:00.  [default: now]")
@click.option("--session", metavar="NAME", help="In which conversation.")
@click.option("--id", "id", metavar="ID", help="The message's id; what has been added once is not added again.")
@click.option("--caption", "captions", multiple=True, metavar="TEXT", help="What an attached picture shows.")
@click.option("--embedder", default="auto", show_default=True, metavar="MODEL", help="minilm, static, …, or none.")
@scope_option
@json_option
@store_option
@click.pass_obj
def remember(
    session_: Session,
    text: str,
    speaker: str,
    role: str,
    time: str | None,
    session: str | None,
    id: str | None,
    captions: tuple[str, ...],
    embedder: str,
    scope: str,
    json_form: bool,
) -> None:
    """Add TEXT to a memory ('-' reads it from standard input); it is on disk when this returns."""
    with opened(session_, scope, create=True, embedder=embedder) as memory:
        result = memory.add(
            question_text(text),
            speaker=speaker,
            role=role,
            time=moment(time, "--time"),
            session=session,
            id=id,
            captions=captions,
        )
        if result.status == "empty":
            raise UserError("there is nothing to remember: the text is empty")
        memory.flush()
    if json_form:
        write(as_json(result))
    else:
        parts = f" in {len(result.parts)} parts" if result.parts else ""
        write(f"{result.status} {result.id}{parts}")


@click.command(short_help="Find what was said.")
@click.argument("question")
@click.option("-k", "k", type=click.IntRange(1, 1000), help="How many.  [default: as many as the question needs]")
@click.option("--at", metavar="TIME", help="When the question is asked, for words like yesterday.  [default: now]")
@click.option("--context", "as_context", is_flag=True, help="Print the text to put before a chat model.")
@click.option("--budget", type=click.IntRange(0), help="At most this many tokens, with --context.  [default: 600]")
@click.option("--explain", is_flag=True, help="Show what each view says to each hit, and outdated units too.")
@filter_options
@scope_option
@json_option
@store_option
@click.pass_obj
def recall(
    session: Session,
    /,
    question: str,
    k: int | None,
    at: str | None,
    as_context: bool,
    budget: int | None,
    explain: bool,
    scope: str,
    json_form: bool,
    **chosen: Any,
) -> None:
    """List what a memory holds on QUESTION, best first, with dates and ids.

    Exits with 3 when it holds nothing on it.
    """
    question = question_text(question)
    if budget is not None and not as_context:
        raise click.UsageError("--budget bounds the text of --context")
    with opened(session, scope) as memory:
        filters, asked = filters_of(**chosen), moment(at, "--at")
        if as_context:
            context = memory.context(question, budget_tokens=budget, k=k, at=asked, filters=filters)
            write(as_json(context) if json_form else context.text or "nothing found")
            found = context.found
        else:
            hits = memory.search(question, k=k, at=asked, filters=filters, explain=explain)
            write(as_json([hit_object(hit) for hit in hits]) if json_form else hits_text(hits, explain))
            found = bool(hits)
    if not found:
        raise click.exceptions.Exit(NOT_FOUND)


@click.command(short_help="Erase what was said, for good.")
@click.option("--id", "ids", multiple=True, metavar="ID", help="This message or unit.")
@click.option("--all", "everything", is_flag=True, help="The whole memory of the scope.")
@filter_options
@click.option("--soft", is_flag=True, help="Only hide it; 'memory restore' brings it back, for 30 days.")
@click.option("--yes", is_flag=True, help="Do it. Without this it is only said what would go.")
@scope_option
@json_option
@store_option
@click.pass_obj
def forget(
    session: Session,
    /,
    ids: tuple[str, ...],
    everything: bool,
    soft: bool,
    yes: bool,
    scope: str,
    json_form: bool,
    **chosen: Any,
) -> None:
    """Forget messages and all that was made of them; all conditions given must hold.

    Nothing is touched without --yes. What is forgotten leaves no byte in the file.
    """
    filters = filters_of(**chosen)
    if not ids and not everything and filters is None:
        raise click.UsageError(
            "say what to forget: --id, --session, --speaker, --person, --before, --after, or --all for the whole scope"
        )
    if everything and (ids or filters is not None):
        raise click.UsageError("--all forgets the whole scope; leave out the conditions, or --all")
    if ids and filters is not None:
        raise click.UsageError("--id names what goes; leave out the conditions, or --id")
    with opened(session, scope) as memory:
        report = memory.forget(ids, filters=filters, everything=everything, hard=not soft, dry_run=not yes)
    write(as_json(report) if json_form else forget_text(report))


@contextmanager
def opened(
    session: Session, scope: str, *, create: bool = False, embedder: str = "auto", write: bool = True
) -> Iterator[Memory]:
    """The memory of a scope in the session's store; without `create` the file must exist."""
    from ragkit.memory.memory import Memory

    labels = tuple(label.strip() for label in scope.split("/"))
    if not all(labels):
        raise click.UsageError(f"--scope takes one label, or several as in tenant/user, not {scope!r}")
    if not create and not session.path.is_file():
        raise UserError(f"there is no store {session.path}; `ragkit remember` makes one, --db names another")
    chosen = None if embedder == "none" else embedder
    with Memory(
        session.path, scope=labels, embedder=chosen, create=create, worker=False, read_only=not write
    ) as memory:
        yield memory


def moment(text: str | None, option: str) -> datetime | None:
    """An ISO date or time; without a zone it is UTC. None for None."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(
            f"{option} takes a time such as 2023-05-08 or 2023-05-08T14:00+02:00, not {text!r}"
        ) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def filters_of(
    *,
    sessions: tuple[str, ...],
    speakers: tuple[str, ...],
    persons: tuple[str, ...],
    after: str | None,
    before: str | None,
) -> Filters | None:
    """The options of `filter_options` as filters, None when none was given."""
    from ragkit.memory import Filters

    for option, names in (("--session", sessions), ("--speaker", speakers), ("--person", persons)):
        if not all(name.strip() for name in names):
            raise click.UsageError(f"{option} takes a name, not an empty text")
    first, last = moment(after, "--after"), moment(before, "--before")
    said = (first, last) if first is not None or last is not None else None
    filters = Filters(persons=persons, speakers=speakers, sessions=sessions, said=said)
    return None if filters.empty else filters


# -- what is printed --------------------------------------------------------------------------------------------------


def hit_object(hit: MemoryHit) -> dict[str, Any]:
    """A hit as the object `ragkit recall --json` prints; docs/cli.md says what each key means."""
    shown = plain(hit)
    del shown["number"]  # of a row, of no use outside
    return {
        **shown,
        "said": hit.said.isoformat(),
        "event": {**shown["event"], "start": hit.event.start.isoformat(), "end": hit.event.end.isoformat()},
    }


def hits_text(hits: list[MemoryHit], explain: bool = False) -> str:
    """The hits in columns: rank, score, when it happened, when it was said, who, id, text."""
    if not hits:
        return "nothing found"
    rows: list[tuple[object, ...]] = [("rank", "score", "event", "said", "speaker", "id", "text")]
    for rank, hit in enumerate(hits, 1):
        event = "" if hit.event.granularity == "said" else _days(hit)
        rows.append((str(rank), f"{hit.score:.3f}", event, hit.said.date(), hit.speaker, hit.id, _line(hit.text)))
    table = columns(rows)
    if not explain:
        return table
    views = [
        f"{rank}. {hit.kind}, {hit.tier}: " + ", ".join(f"{name} {value:.3f}" for name, value in hit.views.items())
        for rank, hit in enumerate(hits, 1)
    ]
    return "\n".join([table, "", *views])


def _days(hit: MemoryHit) -> str:
    """The days an event covers: one, or the first and the last."""
    from datetime import timedelta

    first, last = hit.event.start.date(), (hit.event.end - timedelta(microseconds=1)).date()
    return (f"{first}" if first == last else f"{first} to {last}") + ("?" if hit.event.ambiguous else "")


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 2].rstrip() + " …"


def forget_text(report: ForgetReport) -> str:
    """What went or would go."""
    what = f"{count(report.messages, 'message')} and {count(report.units, 'unit')}"
    if report.dry_run:
        return f"would {'forget' if report.hard else 'hide'} {what}; nothing was changed, add --yes to do it"
    if not report.hard:
        return f"hid {what}"
    later = "; another process is still reading, traces in the log go when it has ended" if report.pending else ""
    return f"forgot {what}{later}"
