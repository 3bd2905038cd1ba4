from __future__ import annotations

import numpy as np
import pytest

from ragkit.errors import InvalidValueError
from ragkit.evaluate.statistics import holm, paired, summarise


def one(values: list[float], groups: list[str] | None = None, **options: int):
    ids = [f"q{number}" for number in range(len(values))]
    return summarise({"x": np.array(values)}, ids, groups or [""] * len(values), **options)["x"]


def test_example_10_the_deviation_is_that_of_the_population() -> None:
    found = one([0.2, 0.5, 1.0])
    assert found.mean == pytest.approx(0.566667, abs=1e-6)
    assert found.std == pytest.approx(0.329983, abs=1e-6)


def test_example_10_macro_is_the_mean_of_group_means() -> None:
    found = one([1, 0, 1, 0], ["X", "X", "X", "Y"])
    assert (found.mean, found.macro) == (0.5, pytest.approx(1 / 3))


def test_the_interval_is_reproducible_and_depends_on_the_seed() -> None:
    values = list(np.random.default_rng(1).random(50))
    assert one(values, seed=3) == one(values, seed=3)
    assert one(values, seed=3) != one(values, seed=4)


def test_the_interval_does_not_depend_on_the_order_of_questions() -> None:
    values, groups = list(np.random.default_rng(1).random(20)), ["a", "b"] * 10
    ids = [f"q{number:02}" for number in range(20)]
    forward = summarise({"x": np.array(values)}, ids, groups)
    backward = summarise({"x": np.array(values[::-1])}, ids[::-1], groups[::-1])
    assert forward["x"].low == backward["x"].low
    assert forward["x"].macro_high == backward["x"].macro_high


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1.0])
def test_constant_scores_have_an_interval_of_width_0(value: float) -> None:
    found = one([value] * 37, ["a"] * 17 + ["b"] * 20)
    assert found.low == found.high == value
    assert found.std == 0
    assert found.macro_low == found.macro_high


def test_the_interval_has_the_width_theory_gives() -> None:
    values = list(np.random.default_rng(5).normal(0, 1, 400))
    found = one(values)
    expected = 2 * 1.96 * np.std(values) / 20
    assert found.high - found.low == pytest.approx(expected, rel=0.1)
    assert found.low < found.mean < found.high


def test_draws_are_those_of_the_documented_generator() -> None:
    values = np.array([0.0, 1.0, 5.0, 2.0])
    rng = np.random.Generator(np.random.PCG64(7))
    means = []
    for _ in range(2):
        first, second = rng.integers(0, 3, (1000, 3)), rng.integers(0, 1, (1000, 1))
        means.append((values[:3][first].sum(axis=1) + values[3:][second].sum(axis=1)) / 4)
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    found = one(list(values), ["a", "a", "a", "b"], seed=7, draws=2000)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_one_question_gives_an_interval_that_is_its_value_and_says_so() -> None:
    found = one([0.4])
    assert (found.low, found.high, found.single) == (0.4, 0.4, True)


def test_no_question_cannot_be_summarised() -> None:
    with pytest.raises(InvalidValueError, match="no scored questions"):
        one([])


def test_example_12_a_difference_that_flips_always_reach_has_p_1() -> None:
    ids = [f"q{number}" for number in range(5)]
    found = paired(("a", ids, np.array([0.5, 0, 0, 0, 0])), ("b", ids, np.zeros(5)), {}, "recall")
    assert (found.difference, found.p) == (pytest.approx(0.1), 1)


def test_a_clear_difference_has_a_small_p_and_an_interval_without_0() -> None:
    ids = [f"q{number}" for number in range(40)]
    found = paired(("a", ids, np.full(40, 0.5)), ("b", ids, np.zeros(40)), {}, "recall", draws=1000)
    assert found.p == pytest.approx(1 / 1001)
    assert (found.low, found.high) == (0.5, 0.5)


def test_only_common_questions_are_compared_and_the_others_are_named() -> None:
    a, b = ("a", ["q1", "q2"], np.array([1.0, 0.5])), ("b", ["q2", "q3"], np.array([0.25, 0.0]))
    found = paired(a, b, {}, "recall")
    assert (found.questions, found.difference, found.only_a, found.only_b) == (1, 0.25, ("q1",), ("q3",))
    with pytest.raises(InvalidValueError, match="no question in common"):
        paired(a, ("b", ["q3"], np.array([0.0])), {}, "recall")


def test_holm_corrects_a_family_in_order_of_p() -> None:
    from dataclasses import replace

    base = paired(("a", ["q"], np.array([1.0])), ("b", ["q"], np.array([0.0])), {}, "recall")
    family = holm([replace(base, p=p) for p in (0.04, 0.01, 0.03)])
    assert [one.holm for one in family] == [pytest.approx(0.06), pytest.approx(0.03), pytest.approx(0.06)]
