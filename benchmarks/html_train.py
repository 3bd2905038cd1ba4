"""Rebuild the packaged models of main content from a folder of pages with hand-made text, or cross-validate them.

    python benchmarks/html_train.py --data DIR --output ragkit/extractors/html/data [--jobs 2]
    python benchmarks/html_train.py --data DIR --only-validate

DIR holds `html/ID.html` and `ground-truth/ID.json` (`url`, `ground_truth.main_content`, and a page type). Pages are put
into five folds by registrable domain, so a site is never on both sides. Stage 1 is fitted on four folds and answers for
the fifth; stage 2 reads these answers, never ones for pages its stage 1 was fitted on. What is written was fitted on
all pages with the same settings and seeds. Needs LightGBM, which using the models does not: `pip install lightgbm`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from html_samples import FOLDS, Sample, folds, read_samples
from numpy.typing import NDArray

from ragkit.extractors.html.features import First, first_features, first_names, page_features, page_names
from ragkit.extractors.html.labels import label_segments
from ragkit.extractors.html.scores import words
from ragkit.extractors.html.secondstage import second_features, second_names
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.trained import Settings, choose, file_name, mixed, packaged
from ragkit.extractors.html.trees import Trees, probability, save
from ragkit.extractors.html.types import Page

SEED = 20261124
PROFILES = ("general", "body")
ROUNDS = {"first": 200, "second": 160, "gate": 80}
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.08,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.25,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "use_missing": False,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
GATE = {"num_leaves": 8, "min_data_in_leaf": 15, "feature_fraction": 0.5}
GATES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1)  # the last: never
HEAVIEST = 0.2  # of a page's weight, that one segment may have
LIGHTEST = 0.3  # share of the lightest segments outside the text that are kept, each for several
THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the second stage
COSTS = (0.1, 0.2, 0.4)  # of an interval
LEAST = 0.001  # what a cost for intervals must gain


@dataclass
class Prepared:
    """What training needs of a page."""

    page: Page
    first: First
    matrix: NDArray[np.float32]
    labels: NDArray[np.bool_]
    weights: NDArray[np.float64]


def prepare(sample: Sample) -> Prepared:
    """Segments, labels, features and weights of a page."""
    page = segment_html(sample.data)
    first = first_features(page)
    labels = label_segments([segment.text for segment in page.segments], sample.gold)
    words = first.signals.words
    weights = np.minimum((words + 3) / max(1.0, float(words[labels].sum())), HEAVIEST)
    return Prepared(page, first, first.matrix, labels, weights)


def fit(parts: Iterable[tuple[NDArray[np.float32], Prepared]], stage: str, seed: int) -> Any:
    """A booster for one stage. Light segments outside the text are sampled, and weigh more for it."""
    import lightgbm

    pairs = list(parts)
    label = np.concatenate([one.labels for _, one in pairs])
    weight = np.concatenate([one.weights for _, one in pairs])
    usual = 2 * float(np.median(weight[~label]))
    chance = np.where(label, 1.0, np.clip(weight / usual, LIGHTEST, 1.0))
    kept = np.random.default_rng(seed).random(len(label)) < chance
    weight = (weight / chance)[kept]
    rows = np.concatenate([matrix for matrix, _ in pairs])[kept]
    data = lightgbm.Dataset(rows, label[kept].astype(np.float32), weight=weight / weight.mean())
    return lightgbm.train({**PARAMETERS, "seed": seed}, data, ROUNDS[stage])


@dataclass
class Forest:
    """Both stages of one profile: the held-out scores of each page, and the models of all pages when asked for."""

    early: dict[str, NDArray[np.float64]]
    scores: dict[str, NDArray[np.float64]]
    trees: dict[str, Trees] | None

    def mixed(self, name: str, settings: Settings) -> NDArray[np.floating[Any]]:
        """What both stages say of a page that neither has seen."""
        return mixed(self.early[name], self.scores[name], settings)


_SHARED: dict[str, Prepared] = {}  # read by forked workers


def _stage(job: tuple[str, list[str], list[str], dict[str, NDArray[np.float64]], int]) -> tuple[Trees, dict[str, Any]]:
    """Fit a stage on some pages and answer for others."""
    stage, fitted, asked, early, seed = job

    def matrix(name: str) -> NDArray[np.float32]:
        one = _SHARED[name]
        return one.matrix if stage == "first" else second_features(one.first, early[name])

    booster = fit(((matrix(name), _SHARED[name]) for name in fitted), stage, seed)
    trees = Trees.from_lightgbm(booster.dump_model(), first_names() if stage == "first" else second_names())
    return trees, {name: probability(trees.raw(matrix(name))) for name in asked}


def cross_validate(
    prepared: Mapping[str, Prepared],
    fold: Mapping[str, int],
    trained_on: Callable[[str], bool],
    *,
    jobs: int = 1,
    final: bool = False,
    log: Callable[[str], None] = lambda text: None,
) -> Forest:
    """Held-out scores for all pages from models of the pages `trained_on`; with `final`, models of all of these too."""
    _SHARED.update(prepared)
    names = sorted(prepared)
    own = [name for name in names if trained_on(name)]

    def stage(which: str, early: dict[str, NDArray[np.float64]]) -> tuple[dict[str, NDArray[np.float64]], Trees | None]:
        work = [
            (which, [n for n in own if fold[n] != k], [n for n in names if fold[n] == k], early, SEED + k)
            for k in range(FOLDS)
        ]
        if final:
            work.append((which, own, [], early, SEED + FOLDS))
        answers: dict[str, NDArray[np.float64]] = {}
        trees = None
        with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
            for number, (made, told) in enumerate(pool.map(_stage, work)):
                answers.update(told)
                trees = made if number == FOLDS else None
                log(f"{which} stage, fit {number + 1} of {len(work)}")
        return answers, trees

    early, first = stage("first", {})
    scores, second = stage("second", early)
    return Forest(early, scores, {"first": first, "second": second} if first and second else None)


def text_of(one: Prepared, chosen: NDArray[np.bool_]) -> str:
    """The chosen segments' text."""
    return "\n".join(segment.text for segment, kept in zip(one.page.segments, chosen, strict=True) if kept)


class Words:
    """The word F1 of any choice of a page's segments, quickly; equal to `scores.word_f1` of their text."""

    def __init__(self, one: Prepared, gold: str) -> None:
        numbers: dict[str, int] = {}
        wanted = [numbers.setdefault(word, len(numbers)) for word in words(gold.lower())]
        texts = [words(segment.text.lower()) for segment in one.page.segments]
        self.segment = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
        self.word = np.array(
            [numbers.setdefault(word, len(numbers)) for text in texts for word in text], dtype=np.int64
        )
        self.wanted = np.bincount(np.array(wanted, dtype=np.int64), minlength=len(numbers))

    def f1(self, chosen: NDArray[np.bool_]) -> float:
        """The score of the chosen segments."""
        found = np.bincount(self.word[chosen[self.segment]], minlength=len(self.wanted))
        size = int(found.sum() + self.wanted.sum())
        return 2 * int(np.minimum(found, self.wanted).sum()) / size if size else 1.0


def tune(samples: Sequence[Sample], prepared: Mapping[str, Prepared], forest: Forest) -> tuple[Settings, float]:
    """The threshold, weight of the second stage and cost of an interval with the best mean word F1, and that.

    A cost for intervals must gain `LEAST`, as it changes more than the measure sees.
    """
    measures = {sample.id: Words(prepared[sample.id], sample.gold) for sample in samples}

    def value(settings: Settings) -> float:
        scored = ((measure, prepared[name].first, forest.mixed(name, settings)) for name, measure in measures.items())
        return float(np.mean([measure.f1(choose(first, scores, settings).chosen) for measure, first, scores in scored]))

    best, reached = Settings(THRESHOLDS[0]), -1.0
    for tried in (Settings(threshold, second=weight) for weight in WEIGHTS for threshold in THRESHOLDS):
        if (found := value(tried)) > reached:
            best, reached = tried, found
    for tried in (replace(best, interval_cost=cost) for cost in COSTS):
        if (found := value(tried)) > reached + LEAST:
            best, reached = tried, found
    return best, reached


def fit_gate(samples: Sequence[Sample], prepared: Mapping[str, Prepared], seed: int) -> Trees:
    """What tells articles from other pages, of what is the same for all segments of a page."""
    import lightgbm

    rows = [(page_features(prepared[sample.id].first), sample.type == "article") for sample in samples]
    rows = [(row, label) for row, label in rows if len(row)]
    data = lightgbm.Dataset(np.concatenate([row for row, _ in rows]), [float(label) for _, label in rows])
    booster = lightgbm.train({**PARAMETERS, **GATE, "seed": seed}, data, ROUNDS["gate"])
    return Trees.from_lightgbm(booster.dump_model(), page_names())


def gate_answers(
    samples: Sequence[Sample], prepared: Mapping[str, Prepared], fold: Mapping[str, int]
) -> dict[str, float]:
    """For each page its chance to be an article, by trees of other sites."""
    answers = {}
    for k in range(FOLDS):
        trees = fit_gate([sample for sample in samples if fold[sample.id] != k], prepared, SEED + k)
        for sample in samples:
            if fold[sample.id] == k:
                raw = trees.raw(page_features(prepared[sample.id].first))
                answers[sample.id] = float(probability(raw).max(initial=0.0))
    return answers


@dataclass
class Trained:
    """All that a training gives: held-out scores, what was tuned with them, and models of all pages when asked for."""

    prepared: Mapping[str, Prepared]
    forests: dict[str, Forest]
    settings: dict[str, Settings]
    articles: dict[str, float]
    reached: dict[str, float]

    def chosen(self, profile: str, name: str) -> NDArray[np.bool_]:
        """The held-out choice on a page."""
        if profile == "auto":
            profile = "body" if self.articles[name] >= self.settings["body"].gate else "general"
        one = self.prepared[name]
        scores = self.forests[profile].mixed(name, self.settings[profile])
        return choose(one.first, scores, self.settings[profile]).chosen

    def text(self, profile: str, name: str) -> str:
        """The text of it."""
        return text_of(self.prepared[name], self.chosen(profile, name))


def train(
    samples: Sequence[Sample], *, jobs: int = 1, final: bool = False, log: Callable[[str], None] = lambda text: None
) -> Trained:
    """Both profiles, the gate between them, and their settings."""
    fold, prepared = folds(samples), {sample.id: prepare(sample) for sample in samples}
    log(f"{len(samples)} pages, {sum(len(one.labels) for one in prepared.values())} segments")
    forests = {}
    for profile in PROFILES:
        names = {sample.id for sample in samples if for_profile(profile, sample)}
        log(f"{profile}: {len(names)} pages")
        forests[profile] = cross_validate(prepared, fold, names.__contains__, jobs=jobs, final=final, log=log)
    return settled(samples, prepared, fold, forests)


def settled(
    samples: Sequence[Sample],
    prepared: Mapping[str, Prepared],
    fold: Mapping[str, int],
    forests: dict[str, Forest],
) -> Trained:
    """The settings, tuned on held-out scores: those of `body` on articles, the gate by all pages."""
    settings, reached = {}, {}
    for profile in PROFILES:
        own = [sample for sample in samples if for_profile(profile, sample)]
        settings[profile], reached[profile] = tune(own, prepared, forests[profile])
    trained = Trained(prepared, forests, settings, gate_answers(samples, prepared, fold), reached)
    measures = {sample.id: Words(prepared[sample.id], sample.gold) for sample in samples}
    by = {p: {name: measure.f1(trained.chosen(p, name)) for name, measure in measures.items()} for p in PROFILES}
    for gate in GATES:
        value = float(np.mean([by["body" if trained.articles[n] >= gate else "general"][n] for n in measures]))
        if value > reached.get("auto", -1.0):
            reached["auto"] = value
            trained.settings = {profile: replace(one, gate=gate) for profile, one in settings.items()}
    return trained


def for_profile(profile: str, sample: Sample) -> bool:
    """Whether a profile is trained and judged on a page: `body` on articles, `general` on all."""
    return profile == "general" or sample.type == "article"


def write(folder: Path, name: str, samples: Sequence[Sample], trained: Trained) -> Iterable[Path]:
    """The model files."""
    gate = fit_gate(samples, trained.prepared, SEED + FOLDS)
    folder.mkdir(parents=True, exist_ok=True)
    for profile in PROFILES:
        trees = trained.forests[profile].trees
        assert trees is not None, "the models of all pages were not asked for"
        header = {
            "profile": profile,
            "trained_on": name,
            "pages": [sample.digest for sample in samples if for_profile(profile, sample)],
            "library": f"lightgbm {importlib.metadata.version('lightgbm')}",
            "ragkit": importlib.metadata.version("ragkit"),
            "seed": SEED,
            "parameters": PARAMETERS,
            "rounds": ROUNDS,
            "settings": asdict(trained.settings[profile]),
            "held_out_word_f1": round(trained.reached[profile], 4),
        }
        path = folder / file_name(profile)
        save(path, {**trees, "gate": gate}, header)
        yield path


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RAGKIT_DATA"), help="folder of pages")
    parser.add_argument("--output", type=Path, default=packaged("general").parent, help="folder for the model files")
    parser.add_argument("--name", default="wcxb-dev", help="what the files call the pages")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--only-validate", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data with --data or RAGKIT_DATA")
    started = time.time()

    def log(text: str) -> None:
        sys.stderr.write(f"{time.time() - started:6.0f} s  {text}\n")

    samples = read_samples(Path(arguments.data))
    trained = train(samples, jobs=arguments.jobs, final=not arguments.only_validate, log=log)
    for profile, reached in trained.reached.items():
        settings = trained.settings.get(profile, "as its profiles")
        print(f"{profile}: word F1 {reached:.4f} on held-out pages, {settings}")
    if not arguments.only_validate:
        for path in write(arguments.output, arguments.name, samples, trained):
            print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
