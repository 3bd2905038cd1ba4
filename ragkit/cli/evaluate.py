"""`ragkit eval` and `ragkit tune`: how well pipelines find the gold passages of a data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ragkit.cli.app import Session, UserError, default_pipeline
from ragkit.cli.output import as_json, count, warn, write

if TYPE_CHECKING:
    from ragkit.evaluate import Dataset, Report

_FORMS = ("text", "markdown", "csv", "latex", "json")


class Numbers(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """Whole numbers with commas between them."""

    name = "N,N,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in str(value).split(",") if part.strip())
        except ValueError:
            self.fail(f"{value!r} are no whole numbers with commas between them", param, ctx)


def _scoring(command: Any) -> Any:
    """The options `eval` and `tune` share."""
    for option in reversed(
        (
            click.option(
                "--k", type=click.IntRange(1, 1000), default=5, show_default=True, help="Chunks that are scored."
            ),
            click.option("--budget", "budgets", type=Numbers(), default=(), help="Also score so many units of text."),
            click.option(
                "--unit",
                type=click.Choice(["char", "word"]),
                default="char",
                show_default=True,
                help="What is counted.",
            ),
            click.option(
                "--occurrences",
                type=click.Choice(["first", "all"]),
                default="first",
                show_default=True,
                help="Whether any place of a repeated gold passage counts.",
            ),
            click.option(
                "--groups",
                type=click.Choice(["auto", "doc", "none"]),
                default="auto",
                show_default=True,
                help="What intervals are stratified by; auto: by document when each has 5 questions or more.",
            ),
            click.option("--seed", type=int, default=0, show_default=True, help="Seed of the intervals."),
            click.option(
                "--stores",
                type=click.Path(file_okay=False, path_type=Path),
                help="Keep the indexes here for the next time.",
            ),
            click.option(
                "-o",
                "--out",
                type=click.Path(file_okay=False, path_type=Path),
                metavar="DIR",
                help="Write report.md, report.html, rows.csv, summary.json and plots here.",
            ),
            click.option("--no-plots", is_flag=True, help="Draw no plots."),
        )
    ):
        command = option(command)
    return command


@click.command("eval", short_help="Measure how well pipelines find the gold passages of a data set.")
@click.argument("dataset", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--pipeline",
    "pipelines",
    multiple=True,
    metavar="TEXT",
    help="A pipeline to measure; give several to compare them.",
)
@_scoring
@click.option(
    "--format", "form", type=click.Choice(_FORMS), default="text", show_default=True, help="How the table is printed."
)
@click.option("--check", is_flag=True, help="Only say what is wrong with the data set.")
@click.option("--trec", is_flag=True, help="With --out: also write qrels and runs for pytrec_eval, ranx and the like.")
@click.pass_obj
def evaluate(
    session: Session,
    /,
    dataset: Path,
    pipelines: tuple[str, ...],
    form: str,
    check: bool,
    out: Path | None,
    no_plots: bool,
    trec: bool,
    stores: Path | None,
    **settings: Any,
) -> None:
    """Measure how well pipelines find the gold passages of DATASET.

    DATASET is a folder with dataset.json, questions.jsonl and docs/ ('ragkit synth' makes one), or one with Chroma's
    questions_df.csv and corpora/. No language model judges: all scores are sizes of overlaps.
    """
    from ragkit.evaluate import evaluate_pipelines

    data = load_dataset(dataset, strict=not check)
    if check:
        _say_problems(data)
        return
    settings["groups"] = _groups(data, settings["groups"])
    chosen = [session.pipeline(one) or one for one in pipelines] or [session.pipeline(None) or default_pipeline()]
    report = evaluate_pipelines(data, chosen, stores=stores, progress=_progress(), **settings)
    write(as_json(report.summary()) if form == "json" else report.table(form))
    _say_differences(report, form)
    for warning in report.warnings:
        warn(f"note: {warning}")
    _save(report, out, no_plots)
    if trec:
        if out is None:
            raise click.UsageError("--trec needs --out")
        _write_trec(report, out)


@click.command(short_help="Try chunk sizes, retrievers and fusions on a data set.")
@click.argument("dataset", type=click.Path(exists=True, path_type=Path))
@click.option("--tokens", type=Numbers(), help="Chunk sizes to try.  [default: 60,120,200,400]")
@click.option(
    "--retriever",
    "retrievers",
    multiple=True,
    metavar="TEXT",
    help="A retriever to try, such as 'bm25 + dense'; may be given several times.",
)
@click.option(
    "--fusion",
    "fusions",
    multiple=True,
    metavar="NAME",
    help="A fusion method to try: rrf, minmax, zscore, …; may be given several times.",
)
@click.option("--metric", help="What decides.  [default: recall within the largest budget]")
@_scoring
@click.option("--json", "json_form", is_flag=True, help="Print as JSON.")
@click.pass_obj
def tune(
    session: Session,
    /,
    dataset: Path,
    tokens: tuple[int, ...] | None,
    retrievers: tuple[str, ...],
    fusions: tuple[str, ...],
    metric: str | None,
    json_form: bool,
    out: Path | None,
    no_plots: bool,
    stores: Path | None,
    **settings: Any,
) -> None:
    """Try chunk sizes, retrievers and fusions on DATASET and name the best, with its interval and cost.

    Bigger chunks buy more text, so recall within a budget of text decides unless you say otherwise.
    """
    from ragkit.evaluate.tuning import FUSIONS, RETRIEVERS, TOKENS, grid
    from ragkit.evaluate.tuning import tune as run

    data = load_dataset(dataset)
    settings["groups"] = _groups(data, settings["groups"])
    tried = grid(tokens or TOKENS, retrievers or RETRIEVERS, fusions or FUSIONS)
    tuned = run(data, tried, metric=metric, stores=stores, progress=_progress(), **settings)
    if json_form:
        names = {"metric": tuned.metric, "best": tuned.best.name, "quickest": tuned.quickest.name}
        write(as_json({**tuned.report.summary(), **names, "comparisons": tuned.comparisons}))
    else:
        write(tuned.report.table("text"))
        write(f"\n{tuned}")
    for warning in tuned.report.warnings:
        warn(f"note: {warning}")
    _save(tuned.report, out, no_plots)


def _progress() -> Callable[[str], None] | None:
    """Tells what is being done, on a terminal only."""
    import sys

    return warn if sys.stderr.isatty() else None


def load_dataset(folder: Path, *, strict: bool = True) -> Dataset:
    """A data set's folder, or that of Chroma's questions."""
    from ragkit.evaluate import Dataset

    csv = folder if folder.suffix == ".csv" else folder / "questions_df.csv"
    if csv.is_file() and not (folder / "dataset.json").exists():
        return Dataset.from_chroma_csv(csv, csv.parent / "corpora")
    return Dataset.load(folder, strict=strict)


def _groups(data: Dataset, asked: str) -> str:
    from ragkit.evaluate.report import few_by_group

    return ("none" if few_by_group(data) else "doc") if asked == "auto" else asked


def _say_problems(data: Dataset) -> None:
    problems = data.validate()
    for problem in problems:
        write(f"{'error' if problem.error else 'note'}  {problem}")
    errors = sum(problem.error for problem in problems)
    held = f"{count(len(data.questions), 'question')}, {count(len(data.docs), 'document')}"
    write(f"{data.name}: {held}, {count(errors, 'error')}, {count(len(problems) - errors, 'note')}")
    if errors:
        raise click.exceptions.Exit(1)


def _say_differences(report: Report, form: str) -> None:
    if form != "text" or not report.comparisons:
        return
    write(f"\nDifferences to {report.runs[0].name}, in points [95 % interval]:")
    for one in report.comparisons:
        sure = "" if one.low <= 0 <= one.high else "  *"
        write(
            f"  {one.metric:<14} {100 * one.difference:+6.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"
            f"  p {one.holm:.4f}  {one.a}{sure}"
        )


def _save(report: Report, out: Path | None, no_plots: bool) -> None:
    if out is None:
        return
    from importlib.util import find_spec

    plots = not no_plots
    if plots and find_spec("matplotlib") is None:
        warn("no plots: they need matplotlib (pip install 'ragkit[plots]')")
        plots = False
    try:
        files = report.save(out, plots=plots)
    except OSError as error:
        raise UserError(f"cannot write {error.filename or out}: {error.strerror or error}") from error
    warn(f"wrote {count(len(files), 'file')} to {out}; open {out / 'report.html'}")


def _write_trec(report: Report, out: Path) -> None:
    from ragkit.evaluate.exports import to_qrels_run, write_trec

    for number, run in enumerate(report.runs, 1):
        folder = out / "trec" / str(number)
        write_trec(*to_qrels_run(report, run.name), folder, tag=f"config{number}")
    warn(f"wrote qrels and runs to {out / 'trec'}")
