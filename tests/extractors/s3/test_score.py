"""Rarity, fusion over spaces, what each feature added."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ragkit.extractors.s3.index import sorted_postings
from ragkit.extractors.s3.score import contributions, fused, rarities, standardised


def test_rarity_follows_its_formulas():
    df = np.array([0, 1, 10, 60])
    np.testing.assert_allclose(rarities(df, 100)[1], math.log(99.5 / 1.5))
    assert rarities(df, 100)[3] == 0
    np.testing.assert_allclose(rarities(df, 100, "paper")[2], 1 / (1 + math.log(11)))
    assert rarities(df, 100, "none").tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("kind", ["bm25", "paper", "none"])
def test_features_of_many_tokens_are_stopped(kind: str):
    found = rarities(np.array([5, 6]), 100, kind, stop=0.05)
    assert found[0] > 0 and found[1] == 0


def test_standardised_scores_have_mean_zero_and_deviation_one_and_equal_ones_are_zero():
    found = standardised(np.array([1.0, 2.0, 6.0]))
    assert abs(found.mean()) < 1e-12 and abs(found.std() - 1) < 1e-12
    assert standardised(np.full(4, 3.0)).tolist() == [0, 0, 0, 0]
    assert len(standardised(np.zeros(0))) == 0


def test_spaces_of_any_scale_count_alike_unless_raw():
    one, two = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1000.0])
    assert fused([one, two])[1] == pytest.approx(fused([one, two])[2])
    assert fused({"a": one, "b": two}, "raw").tolist() == [0, 1, 1000]


def test_contributions_name_the_features_of_a_stretch():
    ids = np.array([[0, 1], [2, 1], [0, 2], [3, 2]], dtype=np.int32)
    postings = sorted_postings(ids, np.ones(ids.shape, dtype=np.float16), 4)
    weights = (np.array([0, 2]), np.array([1.0, 2.0]))
    assert contributions(postings, weights, np.ones(4), 1, 4) == [(2, 1, 6.0), (0, 2, 1.0)]
