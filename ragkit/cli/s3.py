"""`ragkit s3`: autoencoders for S³ retrieval, and evidence from one long text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ragkit.cli.app import UserError
from ragkit.cli.output import as_json, count, warn, write

if TYPE_CHECKING:
    from ragkit.extractors.s3.backend import SpaceInfo
    from ragkit.extractors.s3.fitting import Report, Stage
    from ragkit.extractors.s3.longtext import EvidenceSpan
    from ragkit.extractors.s3.train import SAEConfig


@click.group(short_help="Evidence from long texts by a model's sparse features.")
def s3() -> None:
    """Evidence from long texts by a model's own sparse features (S³-Attention)."""


@s3.command(short_help="Fit autoencoders to a model and to texts like those to be searched.")
@click.option(
    "--model", default="minilm", show_default=True, help="minilm, or the folder of an encoder or causal model."
)
@click.option(
    "--texts", "paths", multiple=True, required=True, metavar="PATH", help="Files or folders to read; may be repeated."
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to write.",
)
@click.option("--layers", default="", metavar="N,N", help="The layers to read.  [default: by the depth of the model]")
@click.option("--features", type=click.IntRange(1), help="Features of each autoencoder.  [default: by the model]")
@click.option("--k", type=click.IntRange(1), help="Features kept for each token.  [default: by the model]")
@click.option("--steps", type=click.IntRange(1), help="Steps of the training.  [default: by the model]")
@click.option("--samples", type=click.IntRange(1000), default=200_000, show_default=True, help="Vectors kept of all.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same result.")
@click.option("--threads", type=click.IntRange(0), default=0, show_default=True, help="Threads of torch; 0 as it is.")
@click.option("--half", is_flag=True, help="Write matrices in float16: half the size.")
@click.option("--json", "json_", is_flag=True, help="Print what was made as JSON.")
def train(
    model: str,
    paths: tuple[str, ...],
    out: Path,
    layers: str,
    features: int | None,
    k: int | None,
    steps: int | None,
    samples: int,
    seed: int,
    threads: int,
    half: bool,
    json_: bool,
) -> None:
    """Fit one sparse autoencoder to each space of a model.

    It writes a safetensors file and a picture of the curves for each. A training that was interrupted goes on when it
    is started again with the same options, to the same result.
    """
    from dataclasses import replace

    from ragkit.extractors.s3.fitting import config_for, fit
    from ragkit.extractors.s3.loading import load_backend

    backend = load_backend(model, layers=_numbers(layers), threads=threads)

    def config(space: SpaceInfo) -> SAEConfig:
        usual = config_for(space)
        return replace(usual, features=features or usual.features, k=k or usual.k, steps=steps or usual.steps)

    texts = _texts(paths)
    with _bar() as progress:
        reports = fit(backend, texts, out, config=config, samples=samples, seed=seed, half=half, progress=progress)
    if any(report.picture is None for report in reports):
        warn("no pictures of the curves: they need matplotlib (pip install 'ragkit[plots]')")
    if json_:
        write(as_json([_row(report) for report in reports]))
        return
    for report in reports:
        stats = report.stats
        write(
            f"{report.file}: {report.space}, lost variance {stats['fvu']:.3f}, dead features {stats['dead']:.1%}, "
            f"{stats['active']:.1f} active, the commonest 32 take {stats['common']:.1%}"
        )


@s3.command(short_help="The spans of a text that bear on a question.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("question")
@click.option("--budget", type=click.IntRange(1), default=512, show_default=True, help="Tokens in all.")
@click.option(
    "--model", default="minilm", show_default=True, help="minilm, or the folder of an encoder or causal model."
)
@click.option("--saes", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Its autoencoders.")
@click.option(
    "--mode",
    type=click.Choice(["auto", "keys", "shared", "logits", "similarity"]),
    default="auto",
    show_default=True,
    help="How the question is read.",
)
@click.option(
    "--fusion",
    type=click.Choice(["adaptive", "union", "rrf", "minmax", "features"]),
    default="adaptive",
    show_default=True,
    help="How features and BM25 are joined.",
)
@click.option("--snap", is_flag=True, help="Widen spans to whole sentences.")
@click.option("--json", "json_", is_flag=True, help="Print the spans as JSON.")
def find(
    file: Path,
    question: str,
    budget: int,
    model: str,
    saes: Path | None,
    mode: Any,
    fusion: Any,
    snap: bool,
    json_: bool,
) -> None:
    """List the spans of FILE, a text, that bear on QUESTION, in the order of the text."""
    from ragkit.extractors.s3.features import Scoring
    from ragkit.extractors.s3.fusion import Settings
    from ragkit.extractors.s3.loading import load_backend
    from ragkit.extractors.s3.longtext import LongText, Search

    search = Search(scoring=Scoring(mode=mode), fusion=Settings(mode=fusion), snap=snap)
    documents = _documents((str(file),))
    text = LongText(documents, backend=load_backend(model), autoencoders=saes, search=search)
    spans = text.find(question, budget)
    if json_:
        write(as_json(spans))
    else:
        write("\n\n".join(_shown(span) for span in spans) or "nothing found")
    if not spans:
        raise click.exceptions.Exit(3)


def _shown(span: EvidenceSpan) -> str:
    return f"{span.start}-{span.end}  {span.score:.2f}  {span.source}\n    {' '.join(span.text.split())}"


def _row(report: Report) -> dict[str, Any]:
    return {"space": report.space, "file": report.file, "picture": report.picture, **report.stats}


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no list of layers; write for example 0,5,8") from error


def _texts(paths: tuple[str, ...]) -> list[str]:
    return list(_documents(paths).values())


def _documents(paths: tuple[str, ...]) -> dict[str, str]:
    from ragkit.errors import LoadError
    from ragkit.text.loaders import Load
    from ragkit.types import Source

    found: dict[str, str] = {}
    for path in paths:
        try:
            found |= {document.id: document.text for document in Load().load(Source(path))}
        except LoadError as error:
            warn(f"failed: {error}")
    if not found:
        raise UserError(f"there is nothing to read in {', '.join(paths)}")
    return found


@contextmanager
def _bar() -> Iterator[Callable[[Stage], None] | None]:
    """A callback that shows on standard error how far a training is, or None when that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    look = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    with Progress(*look, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def advance(stage: Stage) -> None:
            if stage.doing not in tasks:
                tasks[stage.doing] = bar.add_task(stage.doing, total=stage.all, note="")
            now = stage.training
            note = f"loss {now.loss:.3f}, dead {now.dead:.1%}" if now else f"{count(stage.done, 'character')}"
            bar.update(tasks[stage.doing], completed=stage.done, total=stage.all, note=note)

        yield advance
