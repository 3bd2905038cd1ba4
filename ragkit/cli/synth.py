"""`ragkit synth`: questions with exact references, made from your own documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ragkit.cli.app import Session, UserError
from ragkit.cli.output import count, warn, write

if TYPE_CHECKING:
    from ragkit.evaluate.synth import DryRun, Generated
    from ragkit.types import Document

_LEXICAL = (
    "These questions repeat their source's words: use them for regression tests and for comparing how sparing chunks "
    "are with tokens (IoU), not to state quality and not to choose a chunk size by recall."
)


@click.command(short_help="Make questions with exact references from documents.")
@click.argument("paths", nargs=-1, required=True, metavar="DOCS...")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="The data set to write."
)
@click.option("--n", type=click.IntRange(1, 1_000_000), default=200, show_default=True, help="Questions wanted.")
@click.option(
    "--mode",
    type=click.Choice(["rules", "llm"]),
    default="rules",
    show_default=True,
    help="By rules, or with a chat model.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same questions.")
@click.option(
    "--model",
    default="en",
    show_default=True,
    help="rules: the spaCy model; '' for none, which gives gapped sentences.",
)
@click.option("--llm", metavar="MODEL", help="llm: the chat model, for example ollama:qwen3.  [default: RAGKIT_LLM]")
@click.option(
    "--citations",
    type=click.Choice(["ids", "quotes"]),
    default="ids",
    show_default=True,
    help="llm: whether the model names sentences or quotes them.",
)
@click.option("--dry-run", is_flag=True, help="llm: say what it would ask for, and ask nothing.")
@click.option("--max-calls", type=click.IntRange(1), help="llm: the most requests of this run.")
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=1, show_default=True, help="llm: requests at a time."
)
@click.option("--critic", is_flag=True, help="llm: have the model judge each question once more.")
@click.option("--balanced", is_flag=True, help="llm: ask equally often about each document, however long.")
@click.option("--persona", default="", help="llm: who asks.")
@click.option("--style", default="", help="llm: how they ask.")
@click.option("--embedder", default="minilm", show_default=True, help="Judges relevance and likeness; '' for none.")
@click.option("--round-trip", is_flag=True, help="Keep only what bm25 finds again (makes the set easier).")
@click.option("--per-group", type=click.IntRange(1), help="The most questions of a document and kind.")
@click.pass_obj
def synth(
    session: Session,
    /,
    paths: tuple[str, ...],
    out: Path | None,
    n: int,
    mode: str,
    dry_run: bool,
    embedder: str,
    round_trip: bool,
    per_group: int | None,
    **options: Any,
) -> None:
    """Make a data set of questions with exact references from DOCS, for 'ragkit eval'.

    An interrupted run with a chat model goes on where it stopped when it is given again.
    """
    documents = _documents(paths)
    if dry_run:
        _say_plan(_planned(documents, n, mode, options))
        return
    if out is None:
        raise click.UsageError("say where to write the data set: --out DIR")
    going_on = mode == "llm" and (out / "attempts.jsonl").exists()
    if (out / "dataset.json").exists() and not going_on:
        raise UserError(f"{out} already holds a data set; name another folder, or remove it first")
    filters = _filters(embedder, round_trip, per_group)
    made = (
        _by_rules(documents, n, filters, out, options)
        if mode == "rules"
        else _by_model(session, documents, n, filters, out, options)
    )
    try:
        made.dataset.save(out)
    except OSError as error:
        raise UserError(f"cannot write {error.filename or out}: {error.strerror or error}") from error
    _say(made, out, mode)


def _documents(paths: tuple[str, ...]) -> list[Document]:
    from ragkit.errors import LoadError
    from ragkit.text.loaders import Load
    from ragkit.types import Source

    loader, documents = Load(), []
    for path in paths:
        try:
            documents += list(loader.load(Source(path)))
        except LoadError as error:
            warn(f"failed: {error}")
    if not documents:
        raise UserError(f"there is nothing to read in {', '.join(paths)}")
    return _short_ids(documents)


def _short_ids(documents: list[Document]) -> list[Document]:
    """The documents with ids and sources that do not tell in which folders of this machine they lie."""
    import os
    from dataclasses import replace

    places = [place for document in documents for place in (document.id, document.source) if os.path.isabs(place)]
    if not places:
        return documents
    base = os.path.commonpath([os.path.dirname(place) for place in places])

    def short(place: str) -> str:
        return os.path.relpath(place, base) if os.path.isabs(place) else place

    return [replace(document, id=short(document.id), source=short(document.source)) for document in documents]


def _filters(embedder: str, round_trip: bool, per_group: int | None) -> Any:
    from ragkit.evaluate.synth import Filters

    loaded = None
    if embedder:
        from ragkit.models.embedders import load_embedder

        loaded = load_embedder(embedder)
    return Filters(embedder=loaded, round_trip=round_trip, per_group=per_group)


def _by_rules(documents: list[Document], n: int, filters: Any, out: Path, options: dict[str, Any]) -> Generated:
    from ragkit.evaluate.synth import by_rules

    return by_rules(documents, n=n, seed=options["seed"], model=options["model"], filters=filters, name=out.name)


def _by_model(
    session: Session, documents: list[Document], n: int, filters: Any, out: Path, options: dict[str, Any]
) -> Generated:
    from ragkit.evaluate.synth import by_model

    llm = options["llm"] or session.config.llm
    if not llm:
        raise click.UsageError("--mode llm needs a chat model: --llm ollama:qwen3, or RAGKIT_LLM")
    names = ("seed", "citations", "max_calls", "concurrency", "critic", "balanced", "persona", "style")
    given = {name: options[name] for name in names}
    return by_model(documents, llm, n=n, filters=filters, folder=out, name=out.name, **given)


def _planned(documents: list[Document], n: int, mode: str, options: dict[str, Any]) -> DryRun:
    from ragkit.evaluate.synth import dry_run

    if mode != "llm":
        raise click.UsageError("--dry-run is for --mode llm; rules cost nothing")
    names = ("seed", "citations", "balanced")
    return dry_run(documents, n=n, **{name: options[name] for name in names})


def _say_plan(plan: DryRun) -> None:
    write(f"{count(plan.tasks, 'question')} to ask for, {plan.calls[0]:,} to {plan.calls[1]:,} calls")
    write(f"prompts: about {plan.prompt_tokens[0]:,} to {plan.prompt_tokens[1]:,} tokens")
    write(f"replies: about {plan.completion_tokens[0]:,} to {plan.completion_tokens[1]:,} tokens")


def _say(made: Generated, out: Path, mode: str) -> None:
    warn(str(made.funnel))
    write(f"{out}: {count(len(made.dataset.questions), 'question')} about {count(len(made.dataset.docs), 'document')}")
    write(f"words taken from the source: {100 * made.overlap:.0f} % (questions by people: about 50 %)")
    if mode == "rules":
        write(_LEXICAL)
        return
    used = made.usage
    write(f"{count(used.calls, 'call')}, {used.prompt_tokens:,} tokens in, {used.completion_tokens:,} out")
    if not made.complete:
        warn("the calls were used up before all questions were asked for; run it again with more --max-calls to go on")
