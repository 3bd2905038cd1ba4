"""Vectors to features and back, and the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError, SAEMismatchError
from ragkit.extractors.s3.sae import load, save
from tests.extractors.s3.helpers import D, exact_sae, random_sae


def some(n: int = 50, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)


def test_the_kept_features_are_the_largest_positive_ones_best_first():
    sae = random_sae()
    x = (some() - sae.mean) * sae.scale
    dense = np.maximum((x - sae.b_dec) @ sae.W_enc + sae.b_enc, 0)
    codes = sae.encode(some())
    for row, ids, values in zip(dense, codes.ids, codes.values, strict=True):
        best = sorted(((-value, id) for id, value in enumerate(row) if value > 0))[: sae.k]
        assert ids[ids >= 0].tolist() == [id for _, id in best]
        np.testing.assert_allclose(values[ids >= 0], [-value for value, _ in best], atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(1, 12))
def test_torch_and_numpy_agree(seed: int, k: int):
    import torch

    sae = random_sae(features=24, k=k, seed=seed)
    vectors = some(20, seed)
    before = torch.from_numpy(sae.scaled(vectors) - sae.b_dec) @ torch.from_numpy(sae.W_enc) + torch.from_numpy(
        sae.b_enc
    )
    values, ids = torch.sort(torch.relu(before), dim=1, descending=True, stable=True)
    values, ids = values[:, :k].numpy(), ids[:, :k].numpy()
    codes = sae.encode(vectors)
    assert (codes.ids == np.where(values > 0, ids, -1)).all()
    np.testing.assert_allclose(codes.values, values, atol=1e-5)


def test_ties_go_to_the_lower_id():
    sae = exact_sae(4)
    two = replace(sae, k=2)
    codes = two.encode(np.array([[1, 1, 1, -1]], dtype=np.float32))
    assert codes.ids.tolist() == [[0, 1]]


def test_fewer_positive_features_than_k_leave_places_empty():
    codes = exact_sae(4).encode(np.array([[2, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32))
    assert codes.ids[0].tolist() == [0] + [-1] * 7 and codes.ids[1].tolist() == [-1] * 8
    assert codes.values.sum() == 2


def test_an_exact_autoencoder_loses_nothing():
    sae, vectors = exact_sae(), some()
    np.testing.assert_allclose(sae.decode(sae.encode(vectors)), vectors, atol=1e-6)
    assert sae.unexplained(vectors) < 1e-9


def test_no_vectors_have_no_features():
    codes = random_sae().encode(np.zeros((0, D), dtype=np.float32))
    assert codes.ids.shape == (0, 4)


def test_vectors_of_another_size_are_refused():
    with pytest.raises(InvalidValueError, match=r"takes vectors of 16 numbers, not an array of shape \(3, 5\)"):
        random_sae(space="layer 3").encode(np.zeros((3, 5), dtype=np.float32))


def test_a_saved_autoencoder_gives_the_same_codes(tmp_path: Path):
    sae = random_sae(space="layer 1", fingerprint="model a")
    save(sae, tmp_path / "a.safetensors")
    again = load(tmp_path / "a.safetensors", fingerprint="model a", space="layer 1")
    before, after = sae.encode(some()), again.encode(some())
    assert (before.ids == after.ids).all() and (before.values == after.values).all()
    assert not list(tmp_path.glob("*.tmp"))


def test_a_file_of_half_precision_is_half_as_large_and_nearly_the_same(tmp_path: Path):
    sae = random_sae(features=512)
    save(sae, tmp_path / "a.safetensors")
    save(sae, tmp_path / "b.safetensors", half=True)
    assert (tmp_path / "b.safetensors").stat().st_size < 0.6 * (tmp_path / "a.safetensors").stat().st_size
    np.testing.assert_allclose(load(tmp_path / "b.safetensors").W_dec, sae.W_dec, atol=1e-3)


def test_the_file_holds_the_usual_names_and_what_it_is(tmp_path: Path):
    from safetensors import safe_open

    save(random_sae(space="s", fingerprint="f"), tmp_path / "a.safetensors")
    with safe_open(tmp_path / "a.safetensors", framework="np") as file:
        assert set(file.keys()) == {"W_enc", "b_enc", "W_dec", "b_dec", "mean", "scale"}
        assert file.get_tensor("W_enc").shape == (D, 64) and file.get_tensor("scale").shape == ()
        notes = file.metadata()
    assert {notes["format"], notes["kind"], notes["d"], notes["F"], notes["k"]} == {
        "ragkit.sae",
        "topk",
        "16",
        "64",
        "4",
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fingerprint": "model b"}, "was trained on 'model a'.*'model b'"),
        ({"space": "layer 2"}, "is of space 'layer 1', not 'layer 2'"),
    ],
)
def test_an_autoencoder_of_another_model_or_space_is_refused(tmp_path: Path, wrong: dict[str, str], said: str):
    save(random_sae(space="layer 1", fingerprint="model a"), tmp_path / "a.safetensors")
    with pytest.raises(SAEMismatchError, match=said):
        load(tmp_path / "a.safetensors", **wrong)


def test_another_model_is_only_warned_about_when_asked_so(tmp_path: Path):
    save(random_sae(fingerprint="model a"), tmp_path / "a.safetensors")
    with pytest.warns(UserWarning, match="model b"):
        load(tmp_path / "a.safetensors", fingerprint="model b", strict=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"b_enc": np.full(64, np.nan, dtype=np.float32)}, "b_enc holds numbers that are not finite"),
        ({"b_dec": np.zeros(D + 1, dtype=np.float32)}, "b_dec should be of shape"),
        ({"W_dec": np.ones((64, D), dtype=np.float32)}, "not of unit length"),
        ({"k": 65}, "k is 65, but there are 64 features"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, change: dict, said: str):
    save(replace(random_sae(), **change), tmp_path / "a.safetensors")
    with pytest.raises(SAEMismatchError, match=said):
        load(tmp_path / "a.safetensors")


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"\x80\x04K\x01."])
def test_another_file_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(SAEMismatchError, match="could not be read"):
        load(tmp_path / "a.safetensors")


def test_safetensors_of_another_kind_are_refused(tmp_path: Path):
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(3)}, tmp_path / "a.safetensors")
    with pytest.raises(SAEMismatchError, match="no autoencoder of this version"):
        load(tmp_path / "a.safetensors")
