"""Trees as arrays: the evaluator against hand-made trees and LightGBM's own answers, and files that do not fit."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import ModelError
from ragkit.extractors.html.trees import FORMAT, Trees, feature_hash, load, probability, save

FEATURES = ("length", "links")


def leaf(value):
    return {"leaf_value": value}


def split(feature, threshold, left, right, decision="<="):
    return {
        "split_feature": feature,
        "threshold": threshold,
        "decision_type": decision,
        "left_child": left,
        "right_child": right,
    }


def trees(*roots, features=FEATURES):
    return Trees.from_lightgbm({"tree_info": [{"tree_structure": root} for root in roots]}, features)


SMALL = (split(0, 2.5, leaf(-1.0), split(1, 0.25, leaf(0.5), leaf(0.25))), leaf(0.125))


def test_rows_fall_into_the_leaves_their_values_lead_to():
    rows = np.array([[2.5, 9.0], [2.6, 0.25], [2.6, 0.3]], dtype=np.float32)
    assert trees(*SMALL).raw(rows).tolist() == [-0.875, 0.625, 0.375]


def test_a_value_at_a_threshold_that_float32_cannot_hold_goes_where_the_double_sends_it():
    at = np.float32(0.1)  # a little above the double 0.1
    assert trees(split(0, 0.1, leaf(1.0), leaf(2.0))).raw(np.array([[at, 0]], np.float32)).tolist() == [2.0]
    assert trees(split(0, float(at), leaf(1.0), leaf(2.0))).raw(np.array([[at, 0]], np.float32)).tolist() == [1.0]


def test_no_rows_and_no_trees_are_no_error():
    assert trees(*SMALL).raw(np.zeros((0, 2), np.float32)).tolist() == []
    assert trees().raw(np.zeros((2, 2), np.float32)).tolist() == [0.0, 0.0]


def test_more_rows_than_are_walked_together_give_what_each_gives_alone():
    rows = np.random.default_rng(0).normal(2.5, 1, (300, 2)).astype(np.float32)
    both = trees(*SMALL)
    assert both.raw(rows).tolist() == [float(both.raw(row[None, :])[0]) for row in rows]


def walked(root, row):
    while "left_child" in root:
        root = root["left_child"] if row[root["split_feature"]] <= root["threshold"] else root["right_child"]
    return root["leaf_value"]


VALUES = st.integers(-8, 8).map(lambda value: value / 4)
TREES = st.recursive(
    VALUES.map(leaf), lambda inner: st.builds(split, st.integers(0, 1), VALUES, inner, inner), max_leaves=12
)


@settings(max_examples=50, deadline=None)
@given(st.lists(TREES, min_size=1, max_size=5), st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6))
def test_any_trees_give_what_a_walk_from_the_root_gives(roots, rows):
    matrix = np.array(rows, dtype=np.float32)
    assert trees(*roots).raw(matrix).tolist() == [sum(walked(root, row) for root in roots) for row in rows]


@pytest.mark.filterwarnings("default")
def test_lightgbm_says_the_same_of_its_own_trees():
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is needed for training only")
    random = np.random.default_rng(1)
    rows = random.normal(size=(400, 5)).astype(np.float32)
    label = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(float)
    settings = {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1, "use_missing": False}
    booster = lightgbm.train(settings, lightgbm.Dataset(rows, label), num_boost_round=20)
    ours = trees_of(booster, 5)
    assert probability(ours.raw(rows)) == pytest.approx(booster.predict(rows), abs=1e-5)


def trees_of(booster, width):
    return Trees.from_lightgbm(booster.dump_model(), tuple(f"f{i}" for i in range(width)))


def test_a_split_that_is_no_threshold_is_refused():
    with pytest.raises(ModelError, match="only splits by <="):
        trees(split(0, 1.0, leaf(0), leaf(1), decision="=="))


def test_rows_with_another_number_of_features_are_refused():
    with pytest.raises(ModelError, match="2 features a row"):
        trees(*SMALL).raw(np.zeros((1, 3), np.float32))


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.npz"
    save(path, {"stage": trees(*SMALL)}, {"seed": 7})
    return path


def test_a_file_gives_back_what_was_saved(model):
    header, read = load(model, {"stage": FEATURES})
    assert header["seed"] == 7
    assert header["features"] == {"stage": feature_hash(FEATURES)}
    rows = np.array([[2.5, 9.0], [2.6, 0.25], [2.6, 0.3]], dtype=np.float32)
    assert read["stage"].raw(rows).tolist() == [-0.875, 0.625, 0.375]


def test_saving_twice_gives_the_same_bytes(model, tmp_path):
    again = tmp_path / "again.npz"
    save(again, {"stage": trees(*SMALL)}, {"seed": 7})
    assert again.read_bytes() == model.read_bytes()


@pytest.mark.parametrize("features", [("links", "length"), ("length",), ("length", "links", "more")])
def test_other_features_than_it_was_trained_on_are_an_error(model, features):
    with pytest.raises(ModelError, match="trained on other features"):
        load(model, {"stage": features})


def test_a_stage_that_is_not_in_the_file_is_an_error(model):
    with pytest.raises(ModelError, match="other features|has no"):
        load(model, {"other": FEATURES})


def test_a_missing_file_and_one_that_is_no_model_are_errors(tmp_path):
    with pytest.raises(ModelError, match="could not be read"):
        load(tmp_path / "none.npz", {})
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ModelError, match="not a model file"):
        load(tmp_path / "text.npz", {})


def rewritten(model, **changes):
    with np.load(model) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays.update({name: change(arrays[name]) for name, change in changes.items()})
    np.savez_compressed(model, **arrays)


def test_changed_arrays_are_noticed(model):
    rewritten(model, **{"stage/leaf": lambda leaf: leaf + np.int32(1)})
    with pytest.raises(ModelError, match="damaged"):
        load(model, {"stage": FEATURES})


def test_another_format_is_an_error(model):
    def newer(header):
        told = json.loads(header.tobytes()) | {"format": FORMAT + 1}
        return np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)

    rewritten(model, header=newer)
    with pytest.raises(ModelError, match=f"format {FORMAT + 1}"):
        load(model, {"stage": FEATURES})


def test_pickled_arrays_are_not_read(model):
    rewritten(model, **{"stage/leaf": lambda leaf: leaf.astype(object)})
    with pytest.raises(ModelError, match="not a model file"):
        load(model, {"stage": FEATURES})


def test_trees_that_point_outside_themselves_are_refused(tmp_path):
    wrong = trees(*SMALL)
    wrong.child[0] = 99
    save(tmp_path / "wrong.npz", {"stage": wrong}, {})
    with pytest.raises(ModelError, match="point outside"):
        load(tmp_path / "wrong.npz", {"stage": FEATURES})
