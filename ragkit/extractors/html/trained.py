"""Main content by two stages of boosted trees, read from data files of the package."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ragkit.errors import InvalidValueError, ModelError
from ragkit.extractors.html.types import Page, Prediction

if TYPE_CHECKING:
    from ragkit.extractors.html.features import First
    from ragkit.extractors.html.signals import Bools, Floats
    from ragkit.extractors.html.trees import Trees

Profile = Literal["auto", "general", "body"]
DATA = Path(__file__).parent / "data"
LONG = 10  # words of the segments whose best score the threshold follows
RELAX = 0.5  # the threshold is at most this share of it, so a page with text gets an answer
FEW, LESS = 120, 0.4  # words, and share of the heuristic's, below which both answers are united


@dataclass(frozen=True)
class Settings:
    """How scores become a choice, tuned with the model and written in its file.

    `gate` is the chance to be an article from which "auto" takes the model for articles; `second` the weight of the
    second stage's answer, the rest being the first's.
    """

    threshold: float
    interval_cost: float = 0.0
    gate: float = 0.5
    second: float = 1.0


@dataclass(frozen=True)
class Model:
    """Two stages, what tells articles from other pages, and what the file says of them."""

    first: Trees
    second: Trees
    gate: Trees
    settings: Settings
    header: dict[str, Any]

    def scores(self, first: First) -> Floats:
        """The probability of each segment to be main content."""
        from ragkit.extractors.html.secondstage import second_features
        from ragkit.extractors.html.trees import probability

        early = probability(self.first.raw(first.matrix))
        late = probability(self.second.raw(second_features(first, early)))
        return mixed(early, late, self.settings)

    def article(self, first: First) -> float:
        """The probability of the page to be an article; 0 for a page without segments."""
        from ragkit.extractors.html.features import page_features
        from ragkit.extractors.html.trees import probability

        return float(probability(self.gate.raw(page_features(first))).max(initial=0.0))


class TrainedME:
    """Main content by a trained model: which segments a reader came for.

    `profile`: "general" for pages of all kinds (forum posts and product texts count as content), "body" for the text of
    articles, without their readers' comments, "auto" for whichever the page looks like. `folder` holds the model files,
    the package's own by default.
    """

    def __init__(self, profile: Profile = "auto", *, folder: Path | str | None = None) -> None:
        if profile not in get_args(Profile):
            raise InvalidValueError(f"profile is one of {', '.join(get_args(Profile))}, not {profile!r}")
        self.profile, self.folder = profile, DATA if folder is None else Path(folder)

    @property
    def name(self) -> str:
        return "trained" if self.profile == "auto" else f"trained-{self.profile}"

    def predict(self, page: Page, query: str | None = None, *, budget_words: int | None = None) -> Prediction:
        """The main content; a query is not looked at. `budget_words` limits the words chosen.

        `detail` names the profile used, the threshold, and whether the heuristic's answer was added. Raises
        `ModelError` when a model file is missing, damaged, or trained on other features.
        """
        from ragkit.extractors.html.decode import intervals
        from ragkit.extractors.html.features import first_features
        from ragkit.extractors.html.intervals import IntervalSet

        first = first_features(page)
        profile, model = self._model(first)
        scores = model.scores(first)
        choice = choose(first, scores, model.settings, budget_words)
        return Prediction(
            IntervalSet.spanning(intervals(choice.chosen)),
            tuple(scores.tolist()),
            detail={"profile": profile, "threshold": choice.threshold, "with_heuristic": choice.united},
        )

    def _model(self, first: First) -> tuple[str, Model]:
        if self.profile != "auto":
            return self.profile, load_model(self.folder / file_name(self.profile))
        body = load_model(self.folder / file_name("body"))
        if body.article(first) >= body.settings.gate:
            return "body", body
        return "general", load_model(self.folder / file_name("general"))


@dataclass(frozen=True)
class Choice:
    """The segments chosen, by which threshold, and whether the heuristic's were added."""

    chosen: Bools
    threshold: float
    united: bool


def mixed(early: Floats, late: Floats, settings: Settings) -> Floats:
    """What both stages say together."""
    return (1.0 - settings.second) * early + settings.second * late


def choose(first: First, scores: Floats, settings: Settings, budget_words: int | None = None) -> Choice:
    """The decision for given scores: visible segments that do not repeat an earlier one.

    Where even the best segment is doubtful the threshold gives way; where much less is chosen than by the heuristic,
    and little, both answers are united.
    """
    import numpy as np

    from ragkit.extractors.html.decode import decode

    s = first.signals
    allowed = s.usable & ~s.duplicate
    best = float(scores[(s.words >= LONG) & allowed].max(initial=0.0))
    threshold = min(settings.threshold, RELAX * best) if best else settings.threshold
    chosen = decode(scores, s.words, threshold, interval_cost=settings.interval_cost, allowed=allowed).chosen
    words, by_heuristic = float(s.words[chosen].sum()), float(s.words[first.found.chosen].sum())
    united = words < FEW and words < LESS * by_heuristic
    if united:
        chosen = chosen | (first.found.chosen & allowed)
    if budget_words is not None:
        worth = np.maximum(scores, 1e-6)
        chosen = decode(worth, s.words, 0.0, budget_words=budget_words, allowed=chosen).chosen
    return Choice(chosen, threshold, united)


def file_name(profile: str) -> str:
    """The model file of a profile, in its folder."""
    return f"main_{profile}.npz"


def packaged(profile: Literal["general", "body"]) -> Path:
    """The file of a packaged model."""
    return DATA / file_name(profile)


def load_model(path: Path) -> Model:
    """The model in a file, read once in a process. Raises `ModelError`."""
    return _loaded(path)


@lru_cache(maxsize=4)
def _loaded(path: Path) -> Model:
    from ragkit.extractors.html.features import first_names, page_names
    from ragkit.extractors.html.secondstage import second_names
    from ragkit.extractors.html.trees import load

    header, trees = load(path, {"first": first_names(), "second": second_names(), "gate": page_names()})
    try:
        settings = Settings(**header["settings"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path} has no usable settings ({error}); train it again") from error
    return Model(trees["first"], trees["second"], trees["gate"], settings, header)
