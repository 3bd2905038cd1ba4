"""Training of the query predictor shipped as `ragkit/extractors/html/models/query.npz`, and its cross-validation.

    python benchmarks/html_query_training.py --data DIR [--write FILE] [--cache DIR] [--folds 5] [--threads 1]

DIR is a folder of pages with main text (`html/ID.html`, `ground-truth/ID.json`). Questions are made of it by
`html_questions.py`; besides both variants of each, a part is asked of the page as it is with some of the question's
words missing (`partial`: people do not ask in the words of a heading), of the page without its answer (`gone`) and of
pages of other sites (`foreign`), where the right answer is none. All folds are by registrable domain.

Four models are trained in this order, each on what the ones before predicted for pages they had not seen: segments and
then stretches without vectors, segments and then stretches with the vectors of the segments the first model found worth
embedding. The target of segments is whether they are of the answer, that of stretches the F1 they reach. `--cache`
keeps the vectors of all texts embedded (some minutes for 30,000 texts), in half precision, as all training reads them.
The same data, seed and versions give the same file.
"""

from __future__ import annotations

import argparse
import pickle
import random
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from html_questions import Question, Source, Variant, questions, sources, without, word_sequence
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from ragkit.extractors.html.hybrid import (
    LEAST,
    MODEL,
    feature_names,
    main_chance,
    segment_matrix,
    span_matrix,
    stretches,
    worth_embedding,
)
from ragkit.extractors.html.queryfeatures import View, view_of
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.semantic import beginning, unit_vectors
from ragkit.extractors.html.spans import Spans
from ragkit.extractors.html.terms import asked_terms
from ragkit.extractors.html.trees import Trees, save
from ragkit.extractors.html.types import Page

SEED = 7
GONE, FOREIGN = 0.4, 2  # share of the questions that lose their answer; questions of other sites asked of each page
NEGATIVES = 0.3  # share of the segments outside of answers that are trained on
SHOWN = (50, 40, 50)  # stretches of an example trained on: the likeliest, good ones, any
PARTIAL, KEPT = 0.5, 0.6  # share of the questions asked with missing words; of the words that stay
WEIGHT = {"visible": 0.6, "hidden": 1.0, "partial": 0.6, "gone": 0.6, "foreign": 0.4}
ROUNDS = {"segments": 110, "spans": 150}
PARAMETERS = {
    "num_leaves": 31, "learning_rate": 0.1, "min_data_in_leaf": 60, "bagging_fraction": 0.8, "bagging_freq": 1,
    "lambda_l2": 5, "max_bin": 127, "use_missing": False, "deterministic": True, "force_row_wise": True, "seed": 1,
    "verbose": -1,
}  # fmt: skip

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Any]


@dataclass(frozen=True)
class Example:
    """A question about a page; `gold` is empty when the page does not answer it."""

    id: str
    site: str
    variant: str
    text: str
    page: Page
    gold: frozenset[int]
    view: View = field(repr=False)


@dataclass(frozen=True)
class Choice:
    """What models that never saw the example's site chose: the stretch, its expected F1, a value for each stretch."""

    spans: Spans
    value: Floats
    chance: Floats


@dataclass
class Trained:
    """The four models of all examples, and the choices of cross-validation for each example by kind of model."""

    trees: dict[str, Trees] = field(default_factory=dict)
    choices: dict[str, list[Choice]] = field(default_factory=dict)


# ---------------------------------------------------------------- examples


def examples(pages: Iterable[Source]) -> list[Example]:
    """The questions of the pages in both variants, and those without an answer, in a fixed order."""
    made = []
    asked = []
    for source in pages:
        if "?" in source.gold:
            page = segment_html(source.html, url=source.url)
            listed = questions(page, source.gold, source.id)
            asked.append((source, page, listed))
    rng = random.Random(SEED)
    for source, page, listed in asked:
        for one in listed:
            made.append(_example(one.id, source.site, one.variant, one.text, one.page, one.gold))
            if one.variant == "visible" and rng.random() < GONE:
                made += _gone(source, page, one.text, one.gold)
            if one.variant == "visible" and rng.random() < PARTIAL:
                made += _partial(source, one, rng)
        if listed:
            for _ in range(FOREIGN):
                other, _, theirs = asked[rng.randrange(len(asked))]
                if other.site != source.site and theirs:
                    text = rng.choice(theirs).text
                    made.append(_example(f"{source.id}:foreign", source.site, "foreign", text, page, ()))
    return made


def _example(id: str, site: str, variant: Variant | str, text: str, page: Page, gold: Iterable[int]) -> Example:
    return Example(id, site, variant, text, page, frozenset(gold), view_of(page, text, main_chance(page)))


def _partial(source: Source, one: Question, rng: random.Random) -> list[Example]:
    """The question with some of its words; none when fewer than two are left that say what it is about."""
    kept = [word for word in one.text.rstrip("? ").split() if rng.random() < KEPT]
    text = " ".join(kept)
    if len(set(asked_terms(text)) & set(asked_terms(one.text))) < 2:
        return []
    return [_example(f"{one.id}:partial", source.site, "partial", text, one.page, one.gold)]


def _gone(source: Source, page: Page, text: str, gold: Iterable[int]) -> list[Example]:
    asked = word_sequence(text)
    dropped = {segment.index for segment in page.segments if asked in word_sequence(segment.text)} | set(gold)
    rest, _ = without(page, dropped)
    return [_example(f"{source.id}:gone", source.site, "gone", text, rest, ())] if len(rest.segments) > 5 else []


def fold_of(site: str, folds: int) -> int:
    """The fold a site belongs to, the same in every run."""
    return zlib.crc32(site.encode()) % folds


# ---------------------------------------------------------------- training


def train(listed: Sequence[Example], embed: Embed, *, folds: int = 5, threads: int = 1) -> Trained:
    """Train and cross-validate all four models."""
    result = Trained()
    plain = _segments(listed, [one.view for one in listed], None, folds, threads, "plain_segments", result)
    _spans(listed, [one.view for one in listed], plain, folds, threads, "plain", result)
    views = _with_vectors(listed, plain, embed)
    near = _segments(listed, views, plain, folds, threads, "near_segments", result)
    _spans(listed, views, near, folds, threads, "near", result)
    return result


def _with_vectors(listed: Sequence[Example], chance: Sequence[Floats], embed: Embed) -> list[View]:
    """The views with vectors where the first look puts them; distinct texts are embedded once, by length."""
    places = [worth_embedding(one.view, seen) for one, seen in zip(listed, chance, strict=True)]
    shown = [[beginning(one.page.segments[i].text) for i in at] for one, at in zip(listed, places, strict=True)]
    texts = sorted({text for some in shown for text in some} | {one.text for one in listed}, key=lambda t: (len(t), t))
    vectors = embed(texts)
    row = {text: place for place, text in enumerate(texts)}
    views = []
    for one, at, some in zip(listed, places, shown, strict=True):
        own = np.zeros((len(one.page.segments), vectors.shape[1]), np.float32)
        own[at] = vectors[[row[text] for text in some]]
        views.append(one.view.with_vectors(own, vectors[row[one.text]]))
    return views


def _segments(
    listed: Sequence[Example],
    views: Sequence[View],
    first_look: Sequence[Floats] | None,
    folds: int,
    threads: int,
    name: str,
    result: Trained,
) -> list[Floats]:
    """The chances of each example's segments by models that did not see its site; the final model goes to `result`."""
    looks = first_look or [None] * len(listed)  # type: ignore[list-item]
    rows = [segment_matrix(view, look) for view, look in zip(views, looks, strict=True)]
    labels = [_labels(one) for one in listed]

    def picked(place: int) -> tuple[Matrix, Floats, Floats]:
        view, label = views[place], labels[place]
        some = np.random.default_rng([SEED, place]).random(len(label)) < NEGATIVES
        kept = view.usable & (label | some)
        weight = np.minimum(np.sqrt(view.words), 12) / np.where(label, 1.0, NEGATIVES)
        return rows[place][kept], label[kept].astype(np.float64), weight[kept]

    parameters = {**PARAMETERS, "objective": "binary", "feature_fraction": 0.6, "num_threads": threads}
    chances: list[Floats] = [np.zeros(0)] * len(listed)
    for model, places in _folds(listed, folds, picked, parameters, ROUNDS["segments"]):
        if places is None:
            result.trees[name] = Trees.from_lightgbm(model.dump_model(), feature_names()[name])
            continue
        for place in places:
            seen = model.predict(rows[place], num_threads=threads)
            chances[place] = np.where(views[place].usable, seen, 0.0)
    return chances


def _spans(
    listed: Sequence[Example],
    views: Sequence[View],
    chance: Sequence[Floats],
    folds: int,
    threads: int,
    kind: str,
    result: Trained,
) -> None:
    found = [stretches(view, seen) for view, seen in zip(views, chance, strict=True)]
    rows = [span_matrix(*parts) for parts in zip(views, found, chance, strict=True)]
    reached = [_reached(one, spans) for one, spans in zip(listed, found, strict=True)]
    column = feature_names()[f"{kind}_spans"].index("expected")

    def picked(place: int) -> tuple[Matrix, Floats, Floats]:
        kept = _shown(rows[place][:, column], reached[place], place)
        weight = np.full(len(kept), WEIGHT[listed[place].variant])
        return rows[place][kept], reached[place][kept], weight

    parameters = {**PARAMETERS, "objective": "regression", "feature_fraction": 0.5, "num_threads": threads}
    choices: list[Choice] = [Choice(found[0], np.zeros(0), np.zeros(0))] * len(listed)
    for model, places in _folds(listed, folds, picked, parameters, ROUNDS["spans"]):
        if places is None:
            name = f"{kind}_spans"
            result.trees[name] = Trees.from_lightgbm(model.dump_model(), feature_names()[name])
            continue
        for place in places:
            value = model.predict(rows[place], num_threads=threads) if len(rows[place]) else np.zeros(0)
            choices[place] = Choice(found[place], np.clip(value, 0, 1), chance[place])
    result.choices[kind] = choices


def _folds(
    listed: Sequence[Example],
    folds: int,
    picked: Callable[[int], tuple[Matrix, Floats, Floats]],
    parameters: dict[str, Any],
    rounds: int,
) -> Iterable[tuple[Any, list[int] | None]]:
    """A model for each fold with the examples it did not see, then one of everything, with None."""
    import lightgbm

    fold = np.array([fold_of(one.site, folds) for one in listed])
    for out in (*range(folds), -1):
        parts = [picked(place) for place in np.flatnonzero(fold != out).tolist()]
        rows, target, weight = (np.concatenate(some) for some in zip(*parts, strict=True))
        data = lightgbm.Dataset(rows, target, weight=weight, params={"max_bin": PARAMETERS["max_bin"], "verbose": -1})
        model = lightgbm.train(parameters, data, rounds)
        yield model, None if out < 0 else np.flatnonzero(fold == out).tolist()


def _labels(one: Example) -> NDArray[np.bool_]:
    labels = np.zeros(len(one.page.segments), dtype=bool)
    labels[[index - 1 for index in one.gold]] = True
    return labels


def _reached(one: Example, spans: Spans) -> Floats:
    """The F1 of each stretch, by the words of its segments."""
    words = one.view.words
    total, hit = (np.concatenate(([0.0], np.cumsum(part))) for part in (words, words * _labels(one)))
    size = total[spans.last] - total[spans.first] + max(float(hit[-1]), 1.0)
    reached: Floats = 2 * (hit[spans.last] - hit[spans.first]) / size
    return reached


def _shown(expected: Matrix, reached: Floats, place: int) -> NDArray[np.int64]:
    best, good, any_ = SHOWN
    rng = np.random.default_rng([SEED, place])
    if len(reached) <= best + good + any_:
        return np.arange(len(reached))
    well = rng.permutation(np.flatnonzero(reached > 0.3))[:good]
    return np.unique(
        np.concatenate((np.argsort(-expected, kind="stable")[:best], well, rng.permutation(len(reached))[:any_]))
    )


# ---------------------------------------------------------------- command


def summary(listed: Sequence[Example], trained: Trained) -> Table:
    """Mean F1 of what cross-validation chose, and how often that was nothing, by model, variant and threshold."""
    table = Table(title="Cross-validation by domain (F1 by words of segments; share of empty answers)")
    for name in ("model", "least", *WEIGHT):
        table.add_column(name)
    for kind, choices in trained.choices.items():
        for least in sorted({0.0, 0.1, 0.15, LEAST, 0.2, 0.3}):
            results: dict[str, list[tuple[float, bool]]] = defaultdict(list)
            for one, choice in zip(listed, choices, strict=True):
                best = int(choice.value.argmax()) if len(choice.value) else -1
                empty = best < 0 or choice.value[best] < least
                f1 = 0.0 if empty else float(_reached(one, choice.spans)[best])
                results[one.variant].append((f1, empty))
            cells = [
                f"{np.mean([f1 for f1, _ in results[name]]):.4f} ({np.mean([empty for _, empty in results[name]]):.3f})"
                for name in WEIGHT
            ]
            table.add_row(kind, str(least), *cells)
    return table


def cached_embedder(folder: Path | None) -> Embed:
    """The packaged MiniLM, remembering vectors in a file of the folder."""
    path = folder / "html_query_vectors.pkl" if folder else None
    known: dict[str, NDArray[np.float16]] = pickle.loads(path.read_bytes()) if path and path.is_file() else {}

    def embed(texts: Sequence[str]) -> Matrix:
        new = [text for text in texts if text not in known]
        if new:
            known.update(zip(new, unit_vectors(None, new).astype(np.float16), strict=True))
            if path:
                path.write_bytes(pickle.dumps(known))
        return np.array([known[text] for text in texts], dtype=np.float32)

    return embed


def main() -> None:
    """Train, print what cross-validation says, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", type=Path, default=MODEL)
    parser.add_argument("--cache", type=Path, help="a folder for vectors")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    listed = examples(sources(arguments.data))
    trained = train(listed, cached_embedder(arguments.cache), folds=arguments.folds, threads=arguments.threads)
    Console().print(summary(listed, trained))
    save(
        arguments.write,
        trained.trees,
        {
            "made_by": "benchmarks/html_query_training.py",
            "trained_on": [arguments.data.resolve().name],
            "examples": len(listed),
            "sites": sorted({f"{zlib.crc32(one.site.encode()):08x}" for one in listed}),
            "seed": SEED,
            "versions": {name: version(name) for name in ("lightgbm", "numpy")},
        },
    )


if __name__ == "__main__":
    main()
