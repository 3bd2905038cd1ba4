"""The trained predictor: with trees made by hand, and with the packaged models."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import InvalidValueError, ModelError
from ragkit.extractors.html.features import first_features, first_names, page_names
from ragkit.extractors.html.scores import word_f1
from ragkit.extractors.html.secondstage import second_names
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.trained import Settings, TrainedME, choose, file_name, load_model, packaged
from ragkit.extractors.html.trees import MAX_BYTES, Trees, save
from ragkit.extractors.html.types import Page, PartitionOptions, Predictor

PAGES = sorted((Path(__file__).parent / "pages").glob("*.html"))
TEXT = "<p>{}, and this is a sentence of more than ten words that a reader came to the page for.</p>"
BODY = "".join(TEXT.format(f"Number {i} of the story") for i in range(5))
MENU = "<ul>" + "".join(f"<li><a href='/{i}'>Link {i}</a></li>" for i in range(6)) + "</ul>"
PAGE = f"<body>{MENU}<div>{BODY}</div></body>"
NAMES = {"first": first_names, "second": second_names, "gate": page_names}


def stump(names, feature, threshold, low, high):
    """One split: `low` for values up to the threshold, `high` above it, as logarithms of odds."""
    split = {
        "split_feature": names.index(feature),
        "threshold": threshold,
        "left_child": {"leaf_value": low},
        "right_child": {"leaf_value": high},
    }
    return Trees.from_lightgbm({"tree_info": [{"tree_structure": split}]}, names)


def write(folder, profile, *, threshold=0.5, gate=0.5, second=("words", 2.0, -3.0, 3.0), article=3.0, **header):
    trees = {
        "first": stump(first_names(), "words", 2.0, -1.0, 1.0),
        "second": stump(second_names(), *second),
        "gate": stump(page_names(), "page:segments", 0.5, -9.0, article),
    }
    told = {"settings": {"threshold": threshold, "interval_cost": 0.0, "gate": gate}, "pages": [], **header}
    save(folder / file_name(profile), trees, told)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "general")
    write(tmp_path, "body", second=("words", 2.0, 3.0, -3.0))  # the other way round, to be told apart
    return tmp_path


def texts(page, prediction):
    return [page.segments[index - 1].text for index in prediction.indices]


def test_it_is_a_predictor_and_names_its_profile(folder):
    assert isinstance(TrainedME(folder=folder), Predictor)
    assert [TrainedME(profile).name for profile in ("auto", "general", "body")] == [
        "trained",
        "trained-general",
        "trained-body",
    ]


def test_it_chooses_what_its_second_stage_likes(folder):
    page = segment_html(PAGE)
    made = TrainedME("general", folder=folder).predict(page)
    assert all(text.startswith("Number") for text in texts(page, made))
    assert len(made.indices) == 5
    assert made.scores is not None
    assert made.scores[0] == pytest.approx(1 / (1 + np.exp(3)))
    assert made.detail["profile"] == "general"


def test_auto_takes_the_model_for_articles_where_the_page_looks_like_one(tmp_path, folder):
    page = segment_html(PAGE)
    assert TrainedME(folder=folder).predict(page).detail["profile"] == "body"
    other = tmp_path / "other"
    other.mkdir()
    write(other, "general")
    write(other, "body", article=-3.0)
    assert TrainedME(folder=other).predict(page).detail["profile"] == "general"


def test_a_page_of_nothing_gives_nothing(folder):
    made = TrainedME(folder=folder).predict(Page("", ()))
    assert len(made.indices) == 0
    assert made.scores == ()


def test_hidden_segments_and_copies_are_not_chosen(folder):
    copy = "a text of words that stands on the page two times, once for phones and once for all other readers " * 2
    page = segment_html(
        f"<div>{BODY}<p>{copy}</p><p>{copy}</p><p hidden>{'hidden words ' * 8}</p></div>",
        options=PartitionOptions(hidden="flag"),
    )
    made = TrainedME("general", folder=folder).predict(page)
    chosen = [page.segments[index - 1] for index in made.indices]
    assert sum(segment.text == copy.strip() for segment in chosen) == 1
    assert not any(segment.hidden for segment in chosen)


def test_a_budget_is_kept(folder):
    page = segment_html(PAGE)
    predictor = TrainedME("general", folder=folder)
    made, full = predictor.predict(page, budget_words=45), predictor.predict(page)
    assert 0 < sum(page.layout.words[index - 1] for index in made.indices) <= 45
    assert made.indices <= full.indices
    assert not predictor.predict(page, budget_words=0).indices


def test_the_threshold_gives_way_where_even_the_best_segment_is_doubtful():
    first = first_features(segment_html(PAGE))
    scores = np.where(first.signals.words > 10, 0.2, 0.01)
    choice = choose(first, scores, Settings(0.5))
    assert choice.threshold == pytest.approx(0.1)
    assert choice.chosen.sum() == 5


def test_much_less_than_the_heuristic_finds_is_united_with_it():
    first = first_features(segment_html(PAGE))
    scores = np.zeros(first.signals.n)
    scores[0] = 0.9
    choice = choose(first, scores, Settings(0.5))
    assert choice.united
    assert choice.chosen[0] and choice.chosen.sum() == 6


def test_a_model_of_other_features_is_refused_by_name(tmp_path):
    write(tmp_path, "general")
    path = tmp_path / file_name("general")
    trees = {name: stump(names(), names()[0], 0.0, 0.0, 1.0) for name, names in NAMES.items()}
    names = (*second_names()[:-1], "another feature")
    trees["second"] = dataclasses.replace(trees["second"], features=names)
    save(path, trees, {"settings": {"threshold": 0.5}})
    with pytest.raises(ModelError, match="second was trained on other features"):
        TrainedME("general", folder=tmp_path).predict(segment_html(PAGE))


def test_a_missing_model_and_one_without_settings_are_told(tmp_path):
    with pytest.raises(ModelError, match="could not be read"):
        TrainedME("general", folder=tmp_path).predict(Page("", ()))
    write(tmp_path, "body", settings={"thresh": 1})
    with pytest.raises(ModelError, match="no usable settings"):
        TrainedME("body", folder=tmp_path).predict(Page("", ()))


def test_an_unknown_profile_is_refused():
    with pytest.raises(InvalidValueError, match="auto, general, body"):
        TrainedME("forum")


# ------------------------------------------------------------ the packaged models


@pytest.mark.parametrize("profile", ["general", "body"])
def test_a_packaged_model_tells_what_it_was_trained_on_and_is_small(profile):
    header = load_model(packaged(profile)).header
    assert header["profile"] == profile
    assert header["trained_on"] and header["library"] and header["seed"] and header["pages"]
    assert packaged(profile).stat().st_size < MAX_BYTES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_packaged_model_finds_the_main_text_of_a_page(path):
    page, gold = segment_html(path.read_bytes()), path.with_suffix(".txt").read_text("utf-8")
    assert word_f1("\n".join(texts(page, TrainedME().predict(page))), gold) > 0.9


def test_the_packaged_model_gives_the_same_in_another_process():
    code = (
        "import sys; from ragkit.extractors.html.segmenting import segment_html;"
        "from ragkit.extractors.html.trained import TrainedME;"
        "made = TrainedME().predict(segment_html(open(sys.argv[1], 'rb').read()));"
        "print(made.indices.to_string(), made.scores)"
    )
    path = PAGES[0]
    made = TrainedME().predict(segment_html(path.read_bytes()))
    told = [
        subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert told == [f"{made.indices.to_string()} {made.scores}"] * 2


@pytest.mark.parametrize(
    "html", [b"\xff\xfe\x00", b"<p>one", b"<div>" * 400 + b"deep text of a few words", b"<table><tr><td>x", b"<p>\x00"]
)
def test_a_broken_page_gets_an_answer_of_usable_segments_and_sound_scores(html):
    page = segment_html(html)
    made = TrainedME().predict(page)
    assert len(made.scores) == len(page)
    assert all(0 <= score <= 1 for score in made.scores)
    assert all(page.layout.usable[index - 1] for index in made.indices)
