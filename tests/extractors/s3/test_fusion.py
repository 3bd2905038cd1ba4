"""Features and BM25 together: each mode, and either side blind."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.errors import InvalidValueError
from ragkit.extractors.s3.fusion import Settings, Sides, choose
from ragkit.extractors.s3.scan import scan
from ragkit.extractors.s3.spans import Selection
from ragkit.extractors.s3.windows import Windows, content_words
from tests.extractors.s3.helpers import WordBackend, random_sae

WORDS = [f"word{number}" for number in range(400)]
WORDS[300] = "zebra"
INDEX = scan(WordBackend(), {"words": random_sae()}, [" ".join(WORDS)])
WINDOWS = Windows(INDEX, 20, 10)
PEAK = 100


def features(peak: int = PEAK) -> np.ndarray:
    values = np.zeros(400)
    values[peak] = 5.0
    return values


def kept(mode: str, values: np.ndarray | None, question: str, budget: int = 60, **more: float) -> np.ndarray:
    selection = Selection(400, budget, INDEX.documents)
    sides = Sides(values, WINDOWS, WINDOWS.ask(question))
    choose(sides, selection, Settings(mode=mode, radius=8, **more))
    assert (selection.kept >= 0).sum() <= budget
    return selection.kept >= 0


@pytest.mark.parametrize("mode", ["adaptive", "union", "rrf", "minmax"])
def test_when_bm25_is_blind_the_features_spans_come_back(mode: str):
    assert kept(mode, features(), "nothing shared here")[PEAK]


@pytest.mark.parametrize("mode", ["adaptive", "union", "rrf", "minmax"])
def test_when_the_features_are_blind_bm25s_windows_come_back(mode: str):
    assert kept(mode, None, "zebra")[300]


@pytest.mark.parametrize("mode", ["adaptive", "union", "rrf", "minmax"])
def test_when_both_see_something_both_are_kept(mode: str):
    found = kept(mode, features(), "a zebra", alpha=0.5)
    assert found[PEAK] and found[300]


@pytest.mark.parametrize("mode", ["adaptive", "union", "rrf", "minmax", "features"])
def test_when_both_are_blind_nothing_is_kept(mode: str):
    assert not kept(mode, None, "nothing shared here").any()


def test_features_alone_know_no_words():
    assert not kept("features", features(), "zebra")[300]


def test_union_takes_turns_by_the_ratio():
    selection = Selection(400, 17 * 3 + 20, INDEX.documents)
    values = sum(features(peak) * (9 - number) for number, peak in enumerate((50, 100, 150, 200)))
    choose(Sides(values, WINDOWS, WINDOWS.ask("zebra")), selection, Settings(mode="union", radius=8, mix=2))
    assert [pick.source for pick in selection.picks[:4]] == ["feature", "feature", "bm25", "feature"]


def test_reciprocal_ranks_are_as_computed_by_hand():
    selection = Selection(400, 20, INDEX.documents)
    choose(Sides(features(), WINDOWS, WINDOWS.ask("zebra")), selection, Settings(mode="rrf"))
    # Token 100 stands in windows 9 and 10, token 300 in 29 and 30: of features ranks 1 and 2, then the others in the
    # order of the text, window 29 has rank 30; of BM25 it has rank 1. So window 9 has 1/61, window 29 1/90 + 1/61.
    assert selection.picks[0].start == 290
    assert selection.picks[0].score == pytest.approx(1 / 61 + 1 / 90)


def test_minmax_weighs_the_sides():
    one = kept("minmax", features(), "zebra", budget=20, alpha=1.0)
    other = kept("minmax", features(), "zebra", budget=20, alpha=0.0)
    assert one[PEAK] and not one[300] and other[300] and not other[PEAK]


def test_adaptive_trusts_bm25_less_the_smaller_the_share_it_found():
    values = features()
    values[::40] += 3.0  # a text never scores 0 everywhere else
    assert kept("adaptive", values, "zebra", budget=17)[300]
    assert kept("adaptive", values, "zebra qqq www eee rrr ttt yyy uuu iii ooo", budget=17)[PEAK]


@pytest.mark.parametrize("wrong", [{"radius": -1}, {"mix": 0}, {"alpha": 1.5}, {"lexical": -1.0}])
def test_settings_out_of_range_are_refused(wrong: dict):
    with pytest.raises(InvalidValueError):
        Settings(**wrong)


def test_windows_cover_every_token_and_never_two_documents():
    index = scan(WordBackend(), {"words": random_sae()}, [" ".join(WORDS[:50]), "", " ".join(WORDS[50:53])])
    bounds = Windows(index, 20, 10).bounds
    assert {token for start, end in bounds.tolist() for token in range(start, end)} == set(range(53))
    assert not any(start < 50 < end for start, end in bounds.tolist())


def test_bm25_of_windows_equals_that_of_rank_bm25():
    from rank_bm25 import BM25Okapi

    texts = ["red fox fox", "grey wolf", "red car", "blue bird", "a red bird"]
    index = scan(WordBackend(), {"words": random_sae()}, texts)
    oracle = BM25Okapi([content_words(text) for text in texts])
    np.testing.assert_allclose(Windows(index).ask("the red fox").scores, oracle.get_scores(["red", "fox"]))


def test_the_share_of_a_question_found_lies_between_nothing_and_about_all():
    assert WINDOWS.ask("qqq www").shares.max() == 0
    assert 0.8 < WINDOWS.ask("zebra word301 word302").shares.max() < 1.6
    assert WINDOWS.ask("zebra qqq www eee").shares.max() < 0.4


def test_the_value_of_a_token_is_the_mean_of_its_windows():
    values = np.zeros(len(WINDOWS))
    values[0], values[1] = 2.0, 4.0
    found = WINDOWS.per_token(values)
    assert found[0] == 2 and found[12] == pytest.approx(3) and found[25] == pytest.approx(2) and found[399] == 0
