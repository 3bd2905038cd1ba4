"""Postings, and indexes that are saved, joined and thinned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import IndexMismatchError, InvalidValueError
from ragkit.extractors.s3.index import Index, sorted_postings
from ragkit.extractors.s3.scan import scan
from ragkit.extractors.s3.score import rarities, scores
from tests.extractors.s3.helpers import WordBackend, random_sae

TEXTS = ("one two three four", "five six two", "seven eight nine ten eleven")
SAES = {"words": random_sae()}


def codes(rng: np.random.Generator, tokens: int, features: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.full((tokens, k), -1, dtype=np.int32)
    for row in ids:
        kept = rng.integers(0, k + 1)
        row[:kept] = rng.choice(features, kept, replace=False)
    return ids, np.where(ids >= 0, rng.uniform(0.1, 3, ids.shape), 0).astype(np.float16)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), tokens=st.integers(0, 40), features=st.integers(5, 20), k=st.integers(1, 5))
def test_scores_equal_the_dense_product_and_frequencies_add_up(seed: int, tokens: int, features: int, k: int):
    rng = np.random.default_rng(seed)
    ids, values = codes(rng, tokens, features, k)
    postings = sorted_postings(ids, values, features)
    active = np.zeros((tokens, features))
    valued = np.zeros((tokens, features))
    for token, (row, amounts) in enumerate(zip(ids, values, strict=True)):
        active[token, row[row >= 0]] = 1
        valued[token, row[row >= 0]] = amounts[row >= 0]
    assert postings.frequencies.tolist() == active.sum(axis=0).tolist()
    assert postings.frequencies.sum() == len(postings.positions) == (ids >= 0).sum()
    assert postings.size == len(postings.positions) * 6 + 8 * (features + 1)
    asked = np.flatnonzero(rng.random(features) < 0.6)
    weights = rng.uniform(0, 2, len(asked))
    rarity = rarities(postings.frequencies, tokens)
    np.testing.assert_allclose(
        scores(postings, (asked, weights), rarity, tokens), active[:, asked] @ (weights * rarity[asked])
    )
    np.testing.assert_allclose(
        scores(postings, (asked, weights), rarity, tokens, valued=True), valued[:, asked] @ (weights * rarity[asked])
    )
    for feature in range(features):
        row = postings.positions[postings.indptr[feature] : postings.indptr[feature + 1]]
        assert (np.diff(row) > 0).all()


def made(*texts: str, names: tuple[str, ...] = ()) -> Index:
    return scan(WordBackend(chunk=3), SAES, texts, names=names, rows=True)


def same(one: Index, two: Index) -> bool:
    fields = [(one.starts, two.starts), (one.offsets, two.offsets)]
    for name in one.postings:
        a, b = one.postings[name], two.postings[name]
        fields += [(a.indptr, b.indptr), (a.positions, b.positions), (a.values, b.values)]
        fields += [(one.rows[name].ids, two.rows[name].ids), (one.rows[name].values, two.rows[name].values)]
    return one.texts == two.texts and one.names == two.names and all(np.array_equal(a, b) for a, b in fields)


def test_documents_appended_one_by_one_equal_all_at_once():
    assert same(made(*TEXTS), made(TEXTS[0], names=("1",)).appended(made(*TEXTS[1:], names=("2", "3"))))


def test_a_removed_document_is_ignored_and_gone_after_compacting():
    removed = made(*TEXTS).removed("2")
    assert removed.documents == [(0, 4), (7, 12)]
    assert same(removed.compact(), made(TEXTS[0], TEXTS[2], names=("1", "3")))


def test_removing_what_is_not_there_is_an_error():
    with pytest.raises(InvalidValueError, match="no document 'x'"):
        made(*TEXTS).removed("x")


def test_a_saved_index_is_the_same_and_holds_no_pickle(tmp_path: Path):
    index = made("smörgås\ud800 two", "three", names=("å", "b")).removed("b")
    index.save(tmp_path / "i.npz")
    again = Index.open(tmp_path / "i.npz")
    assert same(index, again) and again.gone == (False, True)
    assert (again.fingerprint, again.autoencoders, again.strides) == (
        index.fingerprint,
        index.autoencoders,
        index.strides,
    )
    with np.load(tmp_path / "i.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_a_damaged_file_is_refused(tmp_path: Path):
    made(*TEXTS).save(tmp_path / "i.npz")
    whole = (tmp_path / "i.npz").read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"no index"):
        (tmp_path / "i.npz").write_bytes(content)
        with pytest.raises(IndexMismatchError, match="make it anew"):
            Index.open(tmp_path / "i.npz")


def test_positions_outside_of_the_text_are_refused(tmp_path: Path):
    index = made(*TEXTS)
    one = index.postings["words"]
    wrong = replace(one, positions=one.positions + 100)
    replace(index, postings={"words": wrong}).save(tmp_path / "i.npz")
    with pytest.raises(IndexMismatchError, match="damaged"):
        Index.open(tmp_path / "i.npz")


def test_indexes_of_different_models_are_not_joined():
    other = replace(made(TEXTS[0]), fingerprint="another")
    with pytest.raises(IndexMismatchError, match="different models"):
        made(TEXTS[1]).appended(other)


def test_rows_of_a_stride_stand_for_several_tokens_of_one_document():
    index = replace(made(*TEXTS), strides={"words": 2})
    assert index.row_starts("words").tolist() == [0, 2, 4, 7]
    assert index.per_token(np.arange(7), "words").tolist() == [0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6]
    assert index.rows_of("words", 5, 7) == (2, 4)
    assert index.token_of("words", 3, 5) == 6
