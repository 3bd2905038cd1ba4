"""Main content of web pages: agreement with hand-made text, empty answers, and processor time, beside other extractors.

    python benchmarks/html.py --data DIR [--json FILE] [--task main|queries|both] [--rows ragkit,trafilatura]
                              [--timed 100] [--held-out FOLDER] [--jobs 1]

DIR holds `html/ID.html` and `ground-truth/ID.json` (`ground_truth.main_content`; pages without are left out). When most
pages are ones the packaged models were trained on, the rows of trained models are cross-validated by domain (models are
trained here, which takes long; `--held-out` keeps their answers for another run); when some are, these pages are left
out; else the packaged models answer. Times are always theirs. Query extraction is measured by `html_queries.py`.

F1, P, R: four-word shingles, precision and recall averaged over pages (the article-extraction-benchmark's measure).
word_F1: mean of the pages' word F1 (WCXB's). F1_article and so on: the same on pages of one type. empty: answers
without a word. required, forbidden: share of a page's snippets that an answer must and must not have. cpu_ratio: median
over pages of processor time against a bare `lxml.html` parse, best of 3, extractors interleaved. …_diff: against
`trafilatura`, with the 95 % interval of a paired bootstrap over the pages. What is not installed has no row.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.metadata
import io
import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from html_samples import Sample, read_samples
from html_train import PARAMETERS, ROUNDS, SEED, train
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from ragkit.errors import RagkitError
from ragkit.extractors.html.heuristic import HeuristicME
from ragkit.extractors.html.scores import shingle_counts, snippets, word_f1, words
from ragkit.extractors.html.secondstage import second_names
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.trained import TrainedME, load_model, packaged

Extract = Callable[[bytes], str]
DRAWS = 2000
REPEATS = 3
TRAINED = {"ragkit": "auto", "ragkit-general": "general", "ragkit-body": "body"}
AGAINST = "trafilatura"
PACKAGES = {
    "trafilatura": "trafilatura", "trafilatura-precision": "trafilatura", "trafilatura-nocomments": "trafilatura",
    "readability": "readability-lxml", "resiliparse": "resiliparse", "justext": "justext",
}  # fmt: skip


def bare(data: bytes) -> str:
    """What all times are compared with: a parse."""
    import lxml.html

    lxml.html.document_fromstring(data, parser=lxml.html.HTMLParser(encoding="utf-8"))
    return ""


def ours(predictor: Any) -> Extract:
    """A predictor of this package, as a user calls it."""
    from ragkit.extractors.html.api import extract_main

    return lambda data: extract_main(segment_html(data), predictor=predictor).text


def trafilatura(**options: bool) -> Extract:
    """Trafilatura, with options."""
    from trafilatura import extract

    return lambda data: extract(data, **options) or ""


def readability() -> Extract:
    """readability-lxml, and the text of the HTML it gives."""
    import lxml.html
    from readability import Document

    def run(data: bytes) -> str:
        found = Document(data.decode("utf-8", "replace")).summary(html_partial=True)
        return "\n".join(lxml.html.fromstring(found).itertext()) if found.strip() else ""

    return run


def resiliparse() -> Extract:
    """Resiliparse's main content."""
    from resiliparse.extract.html2text import extract_plain_text

    return lambda data: extract_plain_text(data.decode("utf-8", "replace"), main_content=True)


def justext() -> Extract:
    """What jusText keeps with its English stop words."""
    from justext import get_stoplist
    from justext import justext as paragraphs

    stop = get_stoplist("English")
    return lambda data: "\n".join(one.text for one in paragraphs(data, stop) if not one.is_boilerplate)


EXTRACTORS: dict[str, Callable[[], Extract]] = {
    **{name: (lambda profile=profile: ours(TrainedME(profile))) for name, profile in TRAINED.items()},
    "ragkit-heuristic": lambda: ours(HeuristicME()),
    "trafilatura": trafilatura,
    "trafilatura-precision": lambda: trafilatura(favor_precision=True),
    "trafilatura-nocomments": lambda: trafilatura(include_comments=False),
    "readability": readability,
    "resiliparse": resiliparse,
    "justext": justext,
}


def extractors(names: Sequence[str], console: Console) -> dict[str, Extract]:
    """Those of the names that can be run here."""
    found = {}
    for name in names:
        try:
            found[name] = EXTRACTORS[name]()
        except ImportError as error:
            console.print(f"[yellow]{name} is left out:[/] {error}")
    return found


def extracted(extract: Extract, data: bytes) -> str:
    """An answer; an extractor that fails gives none."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return extract(data)
    except Exception as error:  # other people's code, whatever it raises
        logging.getLogger(__name__).debug("an extractor failed: %s", error)
        return ""


@dataclass(frozen=True)
class Answers:
    """A row's answers: of each page its text, and what is counted of it."""

    texts: list[str]
    counts: NDArray[np.float64]  # (pages, 3): right, wrong, missing shingles
    word: NDArray[np.float64]
    empty: NDArray[np.bool_]
    snippet: NDArray[np.float64]  # (pages, 2): required present, forbidden present


def judged(samples: Sequence[Sample], texts: Sequence[str]) -> Answers:
    """The counts of each page."""
    return Answers(
        list(texts),
        np.array([shingle_counts(text, one.gold) for one, text in zip(samples, texts, strict=True)]),
        np.array([word_f1(text, one.gold) for one, text in zip(samples, texts, strict=True)]),
        np.array([not words(text) for text in texts]),
        np.array([snippets(text, one.required, one.forbidden) for one, text in zip(samples, texts, strict=True)]),
    )


def pooled(counts: NDArray[np.float64]) -> tuple[float, float, float]:
    """Precision, recall and F1 of pages' counts."""
    right, wrong, missing = counts.T
    found, wanted = right + wrong > 0, right + missing > 0
    precision = float((right[found] / (right + wrong)[found]).mean()) if found.any() else 0.0
    recall = float((right[wanted] / (right + missing)[wanted]).mean()) if wanted.any() else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def metrics(samples: Sequence[Sample], answers: Answers) -> dict[str, float]:
    """The metrics of a row but its time."""
    precision, recall, f1 = pooled(answers.counts)
    required = np.array([bool(sample.required) for sample in samples])
    forbidden = np.array([bool(sample.forbidden) for sample in samples])
    result = {
        "F1": f1, "P": precision, "R": recall, "word_F1": float(answers.word.mean()), "empty": int(answers.empty.sum()),
        "pages": len(samples),
    }  # fmt: skip
    if required.any():
        result["required"] = float(answers.snippet[required, 0].mean())
    if forbidden.any():
        result["forbidden"] = float(answers.snippet[forbidden, 1].mean())
    types = [sample.type for sample in samples]
    for kind in sorted(set(types)):
        at = np.array([one == kind for one in types])
        result[f"F1_{kind}"] = pooled(answers.counts[at])[2]
        result[f"word_F1_{kind}"] = float(answers.word[at].mean())
    return result


def differences(one: Answers, other: Answers) -> dict[str, float]:
    """How much more than another row, and the 95 % interval of it."""
    random, count = np.random.default_rng(0), len(one.word)
    draws = random.integers(0, count, (DRAWS, count))
    word = one.word - other.word
    words_drawn = word[draws].mean(axis=1)
    shingle = np.array([pooled(one.counts[draw])[2] - pooled(other.counts[draw])[2] for draw in draws])
    result = {"word_F1_diff": float(word.mean()), "F1_diff": pooled(one.counts)[2] - pooled(other.counts)[2]}
    for name, values in (("word_F1_diff", words_drawn), ("F1_diff", shingle)):
        result[f"{name}_low"], result[f"{name}_high"] = (float(np.quantile(values, q)) for q in (0.025, 0.975))
    return result


def ratios(found: Mapping[str, Extract], samples: Sequence[Sample], count: int) -> dict[str, tuple[float, float]]:
    """For each extractor the median time of a page against a bare parse, and in milliseconds."""
    chosen = [samples[at] for at in np.unique(np.linspace(0, len(samples) - 1, min(count, len(samples))).astype(int))]
    everyone = {"": bare, **found}
    times = {name: np.full(len(chosen), np.inf) for name in everyone}
    for number, sample in enumerate(chosen):
        data = sample.data
        for _ in range(REPEATS):
            for name, extract in everyone.items():
                started = time.process_time()
                extracted(extract, data)
                times[name][number] = min(times[name][number], time.process_time() - started)
    floor = np.maximum(times[""], 1e-6)
    return {name: (float(np.median(times[name] / floor)), float(1000 * np.median(times[name]))) for name in found}


def trained_pages() -> set[str]:
    """What the packaged models remember of the pages they were trained on."""
    return {digest for profile in ("general", "body") for digest in load_model(packaged(profile)).header["pages"]}


def held_out(
    samples: Sequence[Sample], names: Sequence[str], keep: Path | None, jobs: int, console: Console
) -> dict[str, list[str]]:
    """The texts of pages by models that never saw their sites; from a file of an earlier run when it is of the same."""
    about = [[sample.digest for sample in samples], second_names(), PARAMETERS, ROUNDS, SEED]
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    if keep and keep.exists():
        kept = json.loads(keep.read_text("utf-8"))
        if kept["key"] == key and set(names) <= set(kept["texts"]):
            console.print(f"answers for held-out pages from {keep}")
            return {name: kept["texts"][name] for name in names}
    console.print("these pages trained the packaged models: training others by cross-validation; this takes long")
    trained = train(samples, jobs=jobs)
    texts = {name: [trained.text(TRAINED[name], sample.id) for sample in samples] for name in TRAINED}
    if keep:
        keep.write_text(json.dumps({"key": key, "texts": texts}), "utf-8")
    return {name: texts[name] for name in names}


def run(
    samples: Sequence[Sample], names: Sequence[str], arguments: argparse.Namespace, console: Console
) -> list[dict[str, Any]]:
    """The rows of main content."""
    found = extractors(names, console)
    known = {sample.id for sample in samples} if any(name in TRAINED for name in names) else set()
    if known:
        pages = trained_pages()
        known = {sample.id for sample in samples if sample.digest in pages}
    validate = arguments.validate == "yes" or (arguments.validate == "auto" and 2 * len(known) > len(samples))
    if known and not validate and arguments.validate == "auto":
        console.print(f"{len(known)} pages the packaged models were trained on are left out")
        samples = [sample for sample in samples if sample.id not in known]
    texts: dict[str, list[str]] = {}
    if validate:
        keep = arguments.held_out and arguments.held_out / "main.json"
        texts = held_out(samples, [name for name in names if name in TRAINED], keep, arguments.jobs, console)
    others = {name: extract for name, extract in found.items() if name not in texts}
    texts |= {name: [] for name in others}
    for sample in samples:
        data = sample.data
        for name, extract in others.items():
            texts[name].append(extracted(extract, data))
    answers = {name: judged(samples, texts[name]) for name in found}
    spent = ratios(found, samples, arguments.timed) if arguments.timed else {}
    rows = []
    for name in found:
        row: dict[str, Any] = {"row": name, **metrics(samples, answers[name])}
        if name in spent:
            row["cpu_ratio"], row["cpu_ms"] = spent[name]
        if AGAINST in answers and name != AGAINST:
            row |= differences(answers[name], answers[AGAINST])
        row["cross_validated"] = int(validate and name in TRAINED)
        rows.append(row)
    return rows


def shown(name: str, value: Any) -> str:
    """A number as it stands in the table."""
    return (
        f"{value:.{1 if name == 'cpu_ratio' else 4 if 'F1' in name else 3}f}"
        if isinstance(value, float)
        else str(value)
    )


def show(rows: Sequence[Mapping[str, Any]], samples: Sequence[Sample], console: Console) -> None:
    """The rows as tables: all pages, then word F1 by page type."""
    table = Table(title=f"main content of {rows[0]['pages']} pages")
    columns = ("F1", "P", "R", "word_F1", "empty", "required", "forbidden", "cpu_ratio")
    for name in ("row", *columns, "word_F1 - trafilatura", "F1 - trafilatura"):
        table.add_column(name, justify="left" if name == "row" else "right", no_wrap=True)
    for row in rows:
        cells = [shown(name, row.get(name, "")) for name in columns]
        against = [
            f"{row[key]:+.3f} ({row[f'{key}_low']:+.3f} .. {row[f'{key}_high']:+.3f})" if key in row else ""
            for key in ("word_F1_diff", "F1_diff")
        ]
        table.add_row(f"{row['row']}{' *' if row['cross_validated'] else ''}", *cells, *against)
    console.print(table)
    types = sorted({sample.type for sample in samples})
    for metric in ("word_F1", "F1"):
        by_type = Table(
            "row",
            *(f"{kind} ({sum(s.type == kind for s in samples)})" for kind in types),
            title=f"{metric} by page type",
        )
        for row in rows:
            by_type.add_row(row["row"], *(f"{row.get(f'{metric}_{kind}', float('nan')):.4f}" for kind in types))
        console.print(by_type)
    if any(row["cross_validated"] for row in rows):
        console.print("* cross-validated: five folds by registrable domain; models of the other four answer for a fold")


def told(arguments: argparse.Namespace) -> str:
    """What the numbers depend on."""
    versions = []
    for package in sorted({PACKAGES[name] for name in PACKAGES}) + ["lxml", "numpy"]:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{package} {importlib.metadata.version(package)}")
    return f"data {arguments.data}; {arguments.timed} pages timed; {DRAWS} draws; {', '.join(versions)}"


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RAGKIT_DATA"), help="folder of pages")
    parser.add_argument("--json", type=Path, help="file for the rows")
    parser.add_argument("--task", choices=["main", "queries", "both"], default="both", help="what is measured")
    parser.add_argument("--rows", default="", help="names of rows, with commas; all by default")
    parser.add_argument("--pages", type=int, default=0, help="only so many pages, evenly spread")
    parser.add_argument("--timed", type=int, default=100, help="how many pages are timed, evenly spread; 0 for none")
    parser.add_argument("--validate", choices=["auto", "yes", "no"], default="auto", help="whether to cross-validate")
    parser.add_argument("--held-out", type=Path, help="folder that keeps the answers for held-out pages")
    parser.add_argument("--jobs", type=int, default=1, help="processes for training in a cross-validation")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data with --data or RAGKIT_DATA")
    warnings.simplefilter("ignore")  # of other extractors, on pages they cannot read
    logging.disable(logging.CRITICAL)
    if arguments.held_out:
        arguments.held_out.mkdir(parents=True, exist_ok=True)
    console, started = Console(width=200), time.time()
    asked = [name.strip() for name in arguments.rows.split(",") if name.strip()]
    names = [name for name in EXTRACTORS if name in asked or not asked]
    rows: list[dict[str, Any]] = []
    if arguments.task != "queries" and names:
        samples = read_samples(Path(arguments.data))
        if arguments.pages:
            step = np.unique(np.linspace(0, len(samples) - 1, min(arguments.pages, len(samples))).astype(int))
            samples = [samples[at] for at in step]
        rows += run(samples, names, arguments, console)
        show(rows, samples, console)
        console.print(f"{told(arguments)}; {time.time() - started:.0f} s", highlight=False)
    others = [name for name in asked if name not in EXTRACTORS]
    if arguments.task != "main" and (others or not asked):
        rows += about_queries(arguments, others, console)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), "utf-8")


def about_queries(arguments: argparse.Namespace, only: Sequence[str], console: Console) -> list[dict[str, Any]]:
    """The rows of query extraction, printed too; none, with the reason, where its models are not installed."""
    from html_queries import rows as query_rows
    from html_queries import show as show_queries
    from html_questions import sources

    keep = arguments.held_out and arguments.held_out / "queries.json"
    try:
        found = query_rows(
            sources(Path(arguments.data)), only=only, limit=0, validate=arguments.validate, held_out=keep
        )
    except (ImportError, RagkitError) as error:
        console.print(f"[yellow]queries are left out:[/] {error}")
        return []
    show_queries(found, console)
    return found


if __name__ == "__main__":
    main()
