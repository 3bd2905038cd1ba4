"""How much a turn has to say."""

from __future__ import annotations

import math
import random

import pytest

from ragkit.errors import InvalidValueError
from ragkit.memory.salience import (
    Reservoir,
    gate_opens,
    idf,
    is_phatic,
    is_question,
    raw_salience,
    share_below,
    slot,
    window_entropy,
)


def raw(words: list[str], **options: object) -> float:
    return raw_salience(words, lambda word: 3 if word == "common" else 0, 10, **options)  # type: ignore[arg-type]


def test_the_raw_salience_is_the_formula() -> None:
    expected = math.log1p(math.log(11 / 0.5) + math.log(11 / 3.5)) + 0.5 * math.log1p(2) + 0.7 - 0.7 + 0.4
    found = raw(["rare", "common", "rare"], entities=2, captioned=True, question=True, answers=True)
    assert found == pytest.approx(expected)


def test_rare_words_names_and_captions_weigh_more_and_questions_less() -> None:
    assert raw(["rare"]) > raw(["common"]) > raw([]) == 0
    assert raw(["rare"], entities=1) > raw(["rare"])
    assert raw(["rare"], captioned=True) > raw(["rare"]) > raw(["rare"], question=True)


def test_a_word_in_every_message_has_no_negative_weight() -> None:
    assert idf(10, 11) == 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Why?", True), ("why? ", True), ('"Why?"', True), ("为什么？", True), ("Why? Because.", False)],
)
def test_a_question_ends_with_its_mark(text: str, expected: bool) -> None:
    assert is_question(text) is expected


def test_the_share_below_counts_only_smaller_values() -> None:
    assert share_below(2.0, [1.0, 2.0, 2.0, 3.0]) == 0.25
    assert share_below(9.0, [1.0, 2.0]) == 1.0
    assert share_below(1.0, []) == 0.5


def test_a_reservoir_is_a_fair_sample_of_fixed_size() -> None:
    sample = Reservoir(size=200)
    values = [float(number) for number in range(20_000)]
    random.Random(0).shuffle(values)
    for value in values:
        sample.offer(value)
    assert len(sample.values) == 200 and sample.seen == 20_000
    assert sample.values == sorted(sample.values)
    assert abs(sample.share_below(10_000.0) - 0.5) < 0.12


def test_the_same_values_give_the_same_sample() -> None:
    first, second = Reservoir(size=5), Reservoir(size=5)
    for value in range(100):
        first.offer(value)
        second.offer(value)
    assert first.values == second.values
    assert [slot(seen, 5) for seen in (1, 5)] == [0, 4]


def test_a_reservoir_refuses_what_it_cannot_order() -> None:
    with pytest.raises(InvalidValueError):
        Reservoir().offer(math.nan)
    with pytest.raises(InvalidValueError):
        Reservoir(size=0)


@pytest.mark.parametrize(
    ("text", "salience", "told", "expected"),
    [
        ("ok then", 0.05, {}, True),
        ("ok then", 0.5, {}, False),
        ("ok tomorrow", 0.05, {"dated": True}, False),
        ("ok 7", 0.05, {"numbered": True}, False),
        ("ok Zoe", 0.05, {"new_name": True}, False),
        ("🎉🎉", 1.0, {}, True),
        ("…", 1.0, {"new_name": True}, True),
    ],
)
def test_small_talk_has_little_to_say_and_no_date_number_or_new_name(
    text: str, salience: float, told: dict[str, bool], expected: bool
) -> None:
    assert is_phatic(text, salience, quantile=0.12, **told) is expected


def test_the_window_entropy_is_the_references() -> None:
    assert window_entropy(5, 10, 0.2) == pytest.approx(0.5 * 0.5 + 0.5 * 0.8)
    assert window_entropy(50, 10, -1.0) == 1.0
    assert window_entropy(0, 10, 1.0) == 0.0
    for size, cosine in ((0, 0.5), (1, math.nan)):
        with pytest.raises(InvalidValueError):
            window_entropy(1, size, cosine)


def test_the_gate_closes_for_the_scopes_own_dullest_windows() -> None:
    earlier = [0.1 * number for number in range(1, 11)]
    assert gate_opens(0.5, earlier, 0.10)
    assert not gate_opens(0.05, earlier, 0.10)
    assert gate_opens(0.0, [], 0.10)
