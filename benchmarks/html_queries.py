"""What of a web page answers a question: this package's predictors for queries beside simple ways.

    python benchmarks/html_queries.py --data DIR [--json FILE] [--rows qe-hybrid,whole-page] [--limit 200]
                                      [--validate auto|yes|no] [--held-out FILE] [--cache DIR]

DIR holds `html/ID.html` and `ground-truth/ID.json`; the questions are made from its headings by `html_questions.py`,
each asked of the page as it is (visible) and of the page without the question (hidden). When most pages are of sites
the packaged model was trained on, the hybrid rows are cross-validated by domain (models are trained here, which takes
long; `--held-out` keeps their answers for another run); when some are, these pages are left out.

token_F1: mean F1 of the multisets of words of chosen and right segments. recall@N: share of the answer's words in the
first N words by score. out/in: words chosen to words of the page. empty: share of questions nothing was chosen for, and
of questions from other sites (none), which the page does not answer (not measured when cross-validated: the training
script prints it). cpu_ms: median processor time of a question.
…_low, …_high: 95 % interval of a bootstrap over pages.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from html_query_training import Choice, Embed, Example, cached_embedder, examples, train
from html_questions import VARIANTS, Question, Source, questions, sources
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from ragkit.extractors.html.heuristic import HeuristicME
from ragkit.extractors.html.hybrid import LEAST, MODEL, HybridQE, scores_of
from ragkit.extractors.html.lexical import LexicalQE
from ragkit.extractors.html.queryfeatures import view_of
from ragkit.extractors.html.scores import recall_at_budget, token_f1
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.semantic import EmbeddingQE
from ragkit.extractors.html.trees import load
from ragkit.extractors.html.types import Page
from ragkit.text.chunkers import ChunkText
from ragkit.types import Document

BUDGETS = (50, 100, 200, 400)
DRAWS = 2000
WINDOW = 5  # segments of the window baseline
HYBRID = ("qe-hybrid", "qe-hybrid-no-model")
FOREIGN = "none"  # the variant whose right answer is nothing


@dataclass(frozen=True)
class Given:
    """What a row gave: indices (or pieces of text of its own), best first, and which of them are its answer."""

    chosen: Sequence[int]
    ranked: Sequence[int]
    texts: Mapping[int, str] | None = None


Row = Callable[[Question], Given | None]  # None: no answer was kept for the question, it does not count
Asked = tuple[Source, Page, list[Question]]


def rows(
    pages: Iterable[Source],
    *,
    only: Sequence[str] = (),
    limit: int = 0,
    validate: str = "auto",
    held_out: Path | None = None,
    cache: Path | None = None,
) -> list[dict[str, Any]]:
    """A dictionary of metrics for each row (its name under "row"); see the top of this file."""
    made = _questioned(pages)
    known = _trained_sites()
    seen = [zlib.crc32(source.site.encode()) in known for source, _, _ in made]
    validated = validate == "yes" or (validate == "auto" and 2 * sum(seen) > len(seen))
    if not validated:
        made = [one for one, trained_on in zip(made, seen, strict=True) if not trained_on]
    listed, asked = [source for source, _, _ in made], _asked(made, limit)
    embed = cached_embedder(cache)
    ways = _others(embed)
    if not only or set(only) & set(HYBRID):  # a cross-validation takes long
        ways = {**_hybrid(listed, validated, held_out, embed), **ways}
    return [_measured(name, way, asked) for name, way in ways.items() if not only or name in only]


def _questioned(pages: Iterable[Source]) -> list[Asked]:
    """The pages that have questions."""
    found = []
    for source in pages:
        if "?" in source.gold:
            page = segment_html(source.html, url=source.url)
            if made := questions(page, source.gold, source.id):
                found.append((source, page, made))
    return found


def _asked(found: Sequence[Asked], limit: int) -> list[Question]:
    """All questions, and for every page one of another site."""
    asked = [question for _, _, made in found for question in made]
    of = [(source.site, page, made[0].text) for source, page, made in found]
    rng = random.Random(1)
    for number, (site, page, _) in enumerate(of):
        other, _, text = of[rng.randrange(len(of))]
        if other != site:
            asked.append(Question(f"{number}:{FOREIGN}", text, page, (), FOREIGN))  # type: ignore[arg-type]
    if limit and limit < len(asked):
        asked = [asked[int(i)] for i in np.unique(np.linspace(0, len(asked) - 1, limit))]
    return asked


# ---------------------------------------------------------------- our predictors


def predicted(predictor: Any) -> Row:
    """A predictor of this package."""

    def way(question: Question) -> Given:
        made = predictor.predict(question.page, question.text)
        return Given(tuple(made.indices), _order(made.scores, made.indices))

    return way


def _order(scores: Sequence[float], chosen: Iterable[int] = ()) -> list[int]:
    """Indices by score, those chosen before others of the same score, ties by place."""
    among = set(chosen)
    return sorted(range(1, len(scores) + 1), key=lambda i: (-scores[i - 1], i not in among, i))


def _hybrid(listed: Sequence[Source], validated: bool, held_out: Path | None, embed: Embed) -> dict[str, Row]:
    if not validated:
        return {
            "qe-hybrid": predicted(HybridQE(embed)),
            "qe-hybrid-no-model": predicted(HybridQE(None)),
        }
    kept = _held_out(listed, held_out, embed)

    def way(kind: str) -> Row:
        def told(question: Question) -> Given | None:
            one = kept[kind].get(_key(question.id, question.text))
            return None if one is None else Given(one["chosen"], one["ranked"])

        return told

    return {"qe-hybrid": way("near"), "qe-hybrid-no-model": way("plain")}


def _key(id: str, text: str) -> str:
    return f"{id}|{text}"


def _held_out(listed: Sequence[Source], path: Path | None, embed: Embed) -> dict[str, dict[str, Any]]:
    """By kind of model and question, what models that did not see its site answered."""
    if path and path.is_file():
        kept: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
        return kept
    made = examples(listed)
    kept = answers_of(made, train(made, embed).choices)
    if path:
        path.write_text(json.dumps(kept), "utf-8")
    return kept


def answers_of(made: Sequence[Example], choices: Mapping[str, Sequence[Choice]]) -> dict[str, dict[str, Any]]:
    """The choices of a cross-validation as indices, as `HybridQE` makes them of its values."""
    kept: dict[str, dict[str, Any]] = {}
    for kind, listed in choices.items():
        kept[kind] = {}
        for one, choice in zip(made, listed, strict=True):
            if one.variant not in VARIANTS:
                continue
            scores = scores_of(len(one.page.segments), choice.chance, choice.spans, choice.value)
            best = int(choice.value.argmax()) if len(choice.value) else -1
            words = one.view.words
            chosen: list[int] = []
            if best >= 0 and choice.value[best] >= LEAST:
                stretch = range(int(choice.spans.first[best]), int(choice.spans.last[best]))
                chosen = [i + 1 for i in stretch if words[i] > 0]
            kept[kind][_key(one.id, one.text)] = {"chosen": chosen, "ranked": _order(scores, chosen)[:200]}
    return kept


def _trained_sites() -> set[int]:
    header, _ = load(MODEL, {})
    return {int(site, 16) for site in header.get("sites", ())}


# ---------------------------------------------------------------- simple ways


def _others(embed: Embed) -> dict[str, Row]:
    return {
        "qe-lexical": predicted(LexicalQE()),
        "qe-embedding": predicted(EmbeddingQE(embed)),
        "whole-page": whole_page,
        "main-content": main_content,
        "bm25-top3": bm25_top3,
        "bm25-window": bm25_window,
        "bm25-section": bm25_section,
        "chunk-rerank": lambda question: chunk_rerank(question, embed),
    }


def whole_page(question: Question) -> Given:
    """Everything that can be chosen."""
    all_of = [s.index for s, may in zip(question.page.segments, question.page.layout.usable, strict=True) if may]
    return Given(all_of, all_of)


def main_content(question: Question) -> Given:
    """The main content by rule, whatever was asked."""
    main = tuple(HeuristicME().predict(question.page).indices)
    return Given(main, main)


def _bm25(question: Question) -> NDArray[np.float64]:
    view = view_of(question.page, question.text, np.ones(len(question.page.segments)))
    return np.where(view.usable, view.matches.bm25(view.matches.counts, view.matches.lengths), 0.0)


def bm25_top3(question: Question) -> Given:
    """The three segments of the highest BM25."""
    ranked = _order(_bm25(question).tolist())
    return Given(ranked[:3], ranked)


def bm25_window(question: Question) -> Given:
    """The five neighbouring segments with the greatest sum of BM25."""
    scores = _bm25(question)
    sums = np.convolve(scores, np.ones(WINDOW), "full")[WINDOW - 1 :]
    order = np.argsort(-sums, kind="stable").tolist()
    ranked = list(dict.fromkeys(i + 1 for at in order for i in range(at, min(at + WINDOW, len(scores)))))
    return Given(ranked[:WINDOW], ranked)


def bm25_section(question: Question) -> Given:
    """The heading section of the highest BM25 as one document, without its heading."""
    view = view_of(question.page, question.text, np.ones(len(question.page.segments)))
    outline, matches = view.outline, view.matches
    heads = [head for head in outline.headings.tolist() if view.words[head + 1 : outline.end[head]].any()]
    if not heads:
        return bm25_window(question)
    counts = np.array([matches.counts[head : outline.end[head]].sum(axis=0) for head in heads])
    lengths = np.array([matches.lengths[head : outline.end[head]].sum() for head in heads])
    order = np.argsort(-matches.bm25(counts, lengths), kind="stable").tolist()
    sections = [[i + 1 for i in range(heads[at] + 1, outline.end[heads[at]]) if view.words[i] > 0] for at in order]
    return Given(sections[0], list(dict.fromkeys(i for section in sections for i in section)))


def chunk_rerank(question: Question, embed: Embed) -> Given:
    """The page's text in chunks of 200 tokens, the one nearest to the question by the bi-encoder."""
    if not question.page.text.strip():
        return Given((), ())
    chunks = ChunkText(tokens=200).chunk(Document("page", question.page.text))
    vectors = embed([chunk.text for chunk in chunks] + [question.text])
    order = np.argsort(-(vectors[:-1] @ vectors[-1]), kind="stable").tolist()
    return Given(order[:1], order, {place: chunk.text for place, chunk in enumerate(chunks)})


# ---------------------------------------------------------------- measuring


def _measured(name: str, way: Row, asked: Sequence[Question]) -> dict[str, Any]:
    values: dict[str, list[float]] = defaultdict(list)
    pages: dict[str, list[str]] = defaultdict(list)
    times: list[float] = []
    for question in asked:
        started = time.process_time()
        given = way(question)
        if given is None:
            continue
        times.append(1000 * (time.process_time() - started))
        variant = question.variant
        values[f"empty_{variant}"].append(float(not given.chosen))
        if variant == FOREIGN:
            continue
        texts = {segment.index: segment.text for segment in question.page.segments}
        f1, recalls, out = _scored(question, given, texts)
        pages[variant].append(question.id.partition(":")[0])
        values[f"token_F1_{variant}"].append(f1)
        values[f"out/in_{variant}"].append(out / max(1, sum(len(text.split()) for text in texts.values())))
        for budget, recall in zip(BUDGETS, recalls, strict=True):
            values[f"recall@{budget}_{variant}"].append(recall)
    row: dict[str, Any] = {"row": name}
    for metric, listed in values.items():
        row[metric] = round(float(np.mean(listed)), 4)
    for variant in pages:
        low, high = _interval(values[f"token_F1_{variant}"], pages[variant])
        row |= {f"token_F1_{variant}_low": low, f"token_F1_{variant}_high": high}
    row["cpu_ms"] = round(float(np.median(times)), 2) if times else 0.0
    row["questions"] = len(asked)
    return row


def _scored(question: Question, given: Given, texts: Mapping[int, str]) -> tuple[float, list[float], int]:
    """Token F1, recall at each budget, words given. Texts of a row's own get numbers below all segments'."""
    own = {-1 - place: text for place, text in (given.texts or {}).items()}
    both = {**texts, **own}
    chosen = [-1 - place for place in given.chosen] if own else list(given.chosen)
    ranked = [-1 - place for place in given.ranked] if own else list(given.ranked)
    recalls = [recall_at_budget(ranked, question.gold, both, budget) for budget in BUDGETS]
    return token_f1(chosen, question.gold, both), recalls, sum(len(both[i].split()) for i in chosen)


def _interval(values: Sequence[float], pages: Sequence[str]) -> tuple[float, float]:
    """95 % of the means of draws of pages, with all their questions."""
    names = sorted(set(pages))
    place = {name: number for number, name in enumerate(names)}
    sums, counts = np.zeros(len(names)), np.zeros(len(names))
    for value, page in zip(values, pages, strict=True):
        sums[place[page]] += value
        counts[place[page]] += 1
    picks = np.random.default_rng(0).integers(0, len(names), (DRAWS, len(names)))
    means = sums[picks].sum(axis=1) / counts[picks].sum(axis=1)
    return round(float(np.quantile(means, 0.025)), 4), round(float(np.quantile(means, 0.975)), 4)


def show(listed: Sequence[Mapping[str, Any]], console: Console) -> None:
    """The rows as a table."""
    columns = [
        "token_F1_visible", "token_F1_hidden", *(f"recall@{budget}_hidden" for budget in BUDGETS),
        "recall@100_visible", "out/in_visible", "out/in_hidden", f"empty_{FOREIGN}", "empty_hidden", "cpu_ms",
    ]  # fmt: skip
    table = Table(title="Questions about web pages")
    for name in ("row", *columns):
        table.add_column(name, justify="left" if name == "row" else "right")
    for row in listed:
        cells = []
        for name in columns:
            text = f"{row[name]:.3f}" if name in row and name != "cpu_ms" else str(row.get(name, ""))
            if f"{name}_low" in row:
                text += f" ({row[f'{name}_low']:.3f}–{row[f'{name}_high']:.3f})"
            cells.append(text)
        table.add_row(str(row["row"]), *cells)
    console.print(table)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RAGKIT_DATA"), help="folder of pages")
    parser.add_argument("--json", type=Path, help="file for the rows")
    parser.add_argument("--rows", default="", help="names of rows, with commas; all by default")
    parser.add_argument("--limit", type=int, default=0, help="only so many questions, evenly spread")
    parser.add_argument("--validate", choices=["auto", "yes", "no"], default="auto", help="whether to cross-validate")
    parser.add_argument("--held-out", type=Path, help="file that keeps the cross-validated answers")
    parser.add_argument("--cache", type=Path, help="folder for vectors")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data with --data or RAGKIT_DATA")
    started = time.time()
    listed = rows(
        sources(Path(arguments.data)),
        only=[name for name in arguments.rows.split(",") if name],
        limit=arguments.limit,
        validate=arguments.validate,
        held_out=arguments.held_out,
        cache=arguments.cache,
    )
    console = Console(width=220)
    show(listed, console)
    console.print(
        f"data {arguments.data}; least {LEAST}; {DRAWS} draws; {time.time() - started:.0f} s", highlight=False
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(listed, indent=1), "utf-8")


if __name__ == "__main__":
    main()
