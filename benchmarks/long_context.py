"""Evidence recall of S³ retrieval in long texts, beside BM25 and dense chunks at the same budget of tokens.

    python benchmarks/long_context.py --data DIR --json FILE [--plot FILE]
    python benchmarks/long_context.py --data DIR --backend FOLDER --saes FOLDER    (a causal model; see docs/s3.md)
    python benchmarks/long_context.py --data DIR --ablations --work FOLDER

Recall is the share of the evidence's tokens among those kept. Question sets: `shared` and `paraphrase`, needles hidden
in real texts and asked for with their own words and with others; `real`, the questions of the token evaluation set;
`hotpot`, two-paragraph questions on documents made of HotpotQA paragraphs. DIR holds `tokeniou/` and
`multihop/hotpotqa-100/`. All settings were chosen on the other half of texts and needles (`--half develop`). Rows of a
backend other than `minilm` end with its folder's name, and its budgets count its own tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from longtexts import NEEDLES, SETS, LongDocument, Question, documents
from rich.console import Console
from rich.table import Table

from ragkit.extractors.s3.backend import Backend
from ragkit.extractors.s3.features import Scoring, TokenScores
from ragkit.extractors.s3.fusion import Settings
from ragkit.extractors.s3.index import Index
from ragkit.extractors.s3.loading import load_backend
from ragkit.extractors.s3.longtext import LongText, Search, prepared
from ragkit.extractors.s3.sae import Autoencoder
from ragkit.extractors.s3.scan import scan
from ragkit.extractors.s3.spans import Pick, Selection
from ragkit.extractors.s3.windows import Found

BUDGETS = (128, 256, 512)
Method = Callable[["Text", str, int], np.ndarray]


class Asked(LongText):
    """Remembers what the last question scored, as every budget and method asks the same."""

    def find(self, question: str, budget: int = 512, *, search: Search | None = None) -> Any:
        """As ever."""
        if self.__dict__.get("question") != question:
            self.__dict__.update(question=question, remembered={}, acts=None)
        return super().find(question, budget, search=search)

    def scores(self, question: str, search: Search | None = None) -> TokenScores:
        """Computed once for each way of scoring."""
        how = search or self.search
        if self.__dict__.get("question") != question:  # a background question
            return super().scores(question, search)
        key = (how.scoring, how.kernel, how.calibrate)
        if key not in self.remembered:
            self.remembered[key] = super().scores(question, search)
        return self.remembered[key]

    def lexical(self, question: str) -> Found:
        """Computed once."""
        if self.__dict__.get("asked") != question:
            self.__dict__.update(asked=question, found=super().lexical(question))
        return self.found


@dataclass(slots=True)
class Text:
    """A document made ready: its index, and its windows' vectors where dense rows are wanted."""

    document: LongDocument
    long: LongText
    vectors: np.ndarray | None = None

    def evidence(self, question: Question) -> np.ndarray:
        """The tokens of a question's evidence."""
        places = self.long.index.offsets
        found = [np.flatnonzero((places[:, 0] < end) & (places[:, 1] > start)) for start, end in question.evidence]
        return np.unique(np.concatenate(found))


def searched(search: Search) -> Method:
    """Spans found by these settings."""

    def method(text: Text, question: str, budget: int) -> np.ndarray:
        kept = np.zeros(len(text.long), dtype=bool)
        for span in text.long.find(question, budget, search=search):
            kept[span.start_token : span.end_token] = True
        return kept

    return method


def by_windows(score: Callable[[Text, str], np.ndarray], *, positive: bool = False) -> Method:
    """The best windows of 64 tokens, the last one cut at the budget."""

    def method(text: Text, question: str, budget: int) -> np.ndarray:
        selection = Selection(len(text.long), budget, text.long.index.documents)
        values, bounds = score(text, question), text.long.windows.bounds
        for place in np.argsort(-values, kind="stable").tolist():
            if selection.left <= 0 or (positive and values[place] <= 0):
                break
            start, end = bounds[place].tolist()
            selection.add(Pick(start, end, start, float(values[place]), "bm25"))
        return np.asarray(selection.kept >= 0)

    return method


def lexical(text: Text, question: str) -> np.ndarray:
    """BM25 of the windows."""
    return text.long.lexical(question).scores


def dense(text: Text, question: str) -> np.ndarray:
    """The cosine of the windows."""
    assert text.vectors is not None
    return np.asarray(text.vectors @ embedder().embed([question], query=True)[0])


def hybrid(text: Text, question: str) -> np.ndarray:
    """Reciprocal ranks of both."""
    worth = np.zeros(len(text.long.windows))
    for values in (lexical(text, question), dense(text, question)):
        order = np.argsort(-values, kind="stable")
        worth[order] += 1 / (60.0 + 1 + np.arange(len(order))) * (values[order] > 0)
    return worth


def embedder() -> Any:
    """The packaged MiniLM."""
    from ragkit.models.embedders import load_embedder

    return load_embedder("minilm")


def features(scoring: Scoring, **more: Any) -> Search:
    """Features alone."""
    return Search(scoring=scoring, fusion=Settings(mode="features"), **more)


def methods(backend: Backend, *, light: bool) -> dict[str, Method]:
    """The rows of a backend."""
    plain = tuple(space.name for space in backend.spaces() if not space.smooth)
    keys = Scoring(mode="keys", spaces=plain)
    rows: dict[str, Method] = {
        "s3-keys": searched(features(keys)),
        "s3-keys-calibrated": searched(features(keys, calibrate=True)),
    }
    if any(space.query_heads for space in backend.spaces()):
        rows["s3-shared"] = searched(features(Scoring(mode="shared")))
        rows["s3-logits"] = searched(features(Scoring(mode="logits")))
    else:
        rows["s3-features"] = searched(features(Scoring()))
    for mode in ("union", "rrf", "minmax"):
        rows[f"s3-{mode}"] = searched(Search(fusion=Settings(mode=mode)))  # type: ignore[arg-type]
    rows["s3-hybrid"] = searched(Search())
    rows["bm25"] = by_windows(lexical, positive=True)
    if light:
        rows |= {"dense": by_windows(dense), "hybrid-chunks": by_windows(hybrid)}
    return rows


def measured(texts: Sequence[Text], rows: Mapping[str, Method]) -> dict[str, dict[str, dict[int, list[float]]]]:
    """Recalls of each method by question set and budget."""
    found: dict[str, dict[str, dict[int, list[float]]]] = {name: {} for name in rows}
    for text in texts:
        for question in text.document.questions:
            evidence = text.evidence(question)
            for name, method in rows.items():
                own = found[name].setdefault(question.kind, {})
                for budget in BUDGETS:
                    kept = method(text, question.text, budget)
                    assert kept.sum() <= budget
                    own.setdefault(budget, []).append(float(kept[evidence].mean()))
    return found


def ready(
    given: Sequence[LongDocument],
    backend: Backend,
    autoencoders: Mapping[str, Autoencoder],
    name: str,
    work: Path | None,
    light: bool,
) -> tuple[list[Text], float]:
    """The documents scanned, or read from `work`, and the tokens scanned in a second of process time (0: none were)."""
    texts, tokens, spent = [], 0, 0.0
    for document in given:
        path = work / name / f"{document.name}.npz" if work else None
        if path is not None and path.exists():
            index = Index.open(path)
        else:
            started = time.process_time()
            index = scan(backend, autoencoders, [document.text], names=[document.name], rows=True)
            spent += time.process_time() - started
            tokens += len(index)
            if path is not None:
                index.save(path)
        text = Text(document, Asked.of(index, backend=backend, autoencoders=autoencoders))
        if light:
            places = (index.characters(start, end) for start, end in text.long.windows.bounds.tolist())
            text.vectors = embedder().embed([document.text[start:end] for _, start, end in places])
        texts.append(text)
    return texts, tokens / spent if spent else 0.0


def table_rows(name: str, found: Mapping[str, Mapping[int, Sequence[float]]]) -> list[dict[str, Any]]:
    """A row of means over the question sets, and one for each set."""
    sets = [kind for kind in SETS if kind in found]
    rows = []
    for kind in sets:
        means = {f"recall@{budget}": round(float(np.mean(found[kind][budget])), 4) for budget in BUDGETS}
        rows.append({"row": f"{name} ({kind})", **means, "questions": len(found[kind][BUDGETS[0]])})
    whole = {
        f"recall@{budget}": round(float(np.mean([row[f"recall@{budget}"] for row in rows])), 4) for budget in BUDGETS
    }
    return [{"row": name, **whole, "questions": sum(row["questions"] for row in rows)}, *rows]


def show(console: Console, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Recall at each budget, a line for each method, a column for each question set."""
    table = Table("row", *("mean", *SETS), title=title)
    byname = {row["row"]: row for row in rows}
    for name in [row["row"] for row in rows if "(" not in row["row"] and "recall@256" in row]:
        cells = [byname.get(f"{name} ({kind})") for kind in SETS]
        shown = [
            " / ".join(f"{row[f'recall@{b}']:.3f}" for b in BUDGETS) if row else "" for row in (byname[name], *cells)
        ]
        table.add_row(name, *shown)
    console.print(table)


def run_backend(arguments: argparse.Namespace, model: str, console: Console) -> list[dict[str, Any]]:
    """All rows of one backend."""
    light = model == "minilm"
    name = "minilm" if light else Path(model).resolve().name
    backend, autoencoders = prepared(load_backend(model, threads=1), _saes(arguments, model, name))
    given = documents(arguments.data, arguments.half, arguments.needles, arguments.sections)
    if not given:
        raise SystemExit(f"{arguments.data} holds neither tokeniou/ nor multihop/hotpotqa-100/; see --help")
    texts, pace = ready(given, backend, autoencoders, name, arguments.work, light)
    tokens = sum(len(text.long) for text in texts)
    counts = {kind: sum(q.kind == kind for text in texts for q in text.document.questions) for kind in SETS}
    console.print(f"{name}: {len(texts)} documents of {tokens:,} tokens, questions {counts}, {pace:,.0f} tokens/CPU-s")
    for advice in texts[0].long.probe(texts[0].document.text).advice:
        console.print(f"probe: {advice}")
    rows: list[dict[str, Any]] = []
    for row, found in measured(texts, methods(backend, light=light)).items():
        rows += table_rows(row if light else f"{row} [{name}]", found)
    rows.append({"row": f"scan [{name}]", "tokens_per_cpu_s": round(pace, 1), "tokens": tokens})
    show(console, f"{name}, half {arguments.half}: recall at {' / '.join(map(str, BUDGETS))} tokens", rows)
    return rows


def _saes(arguments: argparse.Namespace, model: str, name: str) -> Path | None:
    if model == "minilm":
        return None
    if arguments.saes is not None:
        return Path(arguments.saes)
    folder = Path(arguments.work or ".") / f"saes-{name}"
    if not folder.exists() or (folder / "unfinished").exists():
        from ragkit.extractors.s3.fitting import fit

        print(f"fitting autoencoders for {name} on the other half of the texts, into {folder}")
        other = {"report": "develop", "develop": "report"}.get(arguments.half, "develop")
        texts = [one.text for one in documents(arguments.data, other, arguments.needles, arguments.sections)]
        fit(load_backend(model, threads=1), texts, folder)
    return folder


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RAGKIT_DATA"), help="folder of the corpora")
    parser.add_argument("--backend", default="minilm", help="minilm, or folders of models, with commas")
    parser.add_argument("--saes", type=Path, help="autoencoders of a backend that is a folder; else they are fitted")
    parser.add_argument(
        "--needles", type=Path, default=NEEDLES, help="a file of needles like the one beside this script"
    )
    parser.add_argument("--half", choices=["report", "develop", "all"], default="report")
    parser.add_argument("--sections", type=int, default=7, help="sections of real texts in a half")
    parser.add_argument("--work", type=Path, help="folder that keeps scans and autoencoders for further runs")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--plot", type=Path, help="draw memory against context length here")
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory runs")
    parser.add_argument("--ablations", action="store_true", help="also vary layer, k, width and training size (slow)")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data with --data or RAGKIT_DATA")
    arguments.data = Path(arguments.data)
    console = Console(width=160)
    rows: list[dict[str, Any]] = []
    for model in arguments.backend.split(","):
        rows += run_backend(arguments, model.strip(), console)
    if not arguments.no_memory:
        from longmemory import memory_rows

        found = memory_rows(arguments.data, arguments.plot, console)
        rows = [{**row, **found[0]} if row["row"] == "s3-hybrid" else row for row in rows] + found[1]
    if arguments.ablations:
        from longablations import ablation_rows

        rows += ablation_rows(arguments, console)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
