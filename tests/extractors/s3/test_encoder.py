"""The packaged sentence encoder as a backend."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.errors import InvalidValueError, ModelError, UnsupportedModelError
from ragkit.extractors.s3.encoder import STRIDE, EncoderBackend
from ragkit.extractors.s3.loading import load_backend

TEXT = "The naïve café 🙂 serves e\u0301clairs, teas and coffees at nine in Łódź, 東京 and Bern. " * 30
BACKEND = EncoderBackend(reaches=(0, 3), batch=2)


def gathered(backend: EncoderBackend, text: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    parts = list(backend.scan(text))
    assert [part.start for part in parts] == np.cumsum([0, *map(len, parts)])[:-1].tolist()
    names = [space.name for space in backend.spaces()]
    return np.concatenate([part.offsets for part in parts]), {
        name: np.concatenate([part.arrays[name] for part in parts]) for name in names
    }


def test_every_token_comes_once_and_its_offsets_lead_back_to_the_text():
    offsets, arrays = gathered(BACKEND, TEXT)
    shown = [TEXT[start:end] for start, end in offsets.tolist()]
    assert len(arrays["layer last"]) == len(offsets)
    assert all(shown) and "".join(shown).replace("\u0301", "") == "".join(TEXT.split()).replace("\u0301", "")
    assert (np.diff(offsets[:, 0]) >= 0).all()


def test_means_are_means_of_the_states_around_every_fourth_token_whatever_the_batch():
    _, arrays = gathered(BACKEND, TEXT)
    states, means = arrays["layer last"], arrays["layer last mean 7"]
    assert len(means) == -(-len(states) // STRIDE)
    for row in (0, 1, len(means) // 2, len(means) - 1):
        centre = min(row * STRIDE + STRIDE // 2, len(states) - 1)
        mean = states[max(0, centre - 3) : centre + 4].mean(axis=0)
        np.testing.assert_allclose(means[row], mean / np.linalg.norm(mean), atol=1e-5)
    _, other = gathered(EncoderBackend(reaches=(0, 3), batch=7), TEXT)
    np.testing.assert_allclose(other["layer last mean 7"], means, atol=1e-5)


def test_states_of_a_window_equal_those_of_the_model_itself():
    from ragkit.models.embedders import load_embedder

    text = "Ferries leave at nine."
    mean = np.concatenate([BACKEND.encode_query(text).keys["layer last"]]).mean(axis=0)
    vector = load_embedder("minilm").embed([text])[0]
    assert mean @ vector / np.linalg.norm(mean) > 0.95  # the embedding also averages the two marks


def test_a_question_is_its_tokens_states_and_one_mean_of_all():
    acts = BACKEND.encode_query("Which café?")
    assert list(acts.tokens) == ["Which", "café", "?"]
    assert acts.keys["layer last"].shape == (3, 384) and acts.keys["layer last mean 7"].shape == (1, 384)
    assert not acts.queries


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_nothing_is_read_in_an_empty_text(text: str):
    assert list(BACKEND.scan(text)) == []
    assert BACKEND.encode_query(text).keys["layer last"].shape == (0, 384)


@pytest.mark.parametrize("text", ["x", "東", "🙂"])
def test_one_token_is_one_chunk(text: str):
    parts = list(BACKEND.scan(text))
    assert len(parts) == 1 and parts[0].offsets.tolist() == [[0, 1]]
    assert all(len(one) == 1 for one in parts[0].arrays.values())


def test_spaces_do_not_depend_on_each_other_so_the_fingerprint_is_that_of_the_model():
    assert EncoderBackend(reaches=(0,)).fingerprint() == BACKEND.fingerprint()
    assert "53aa51172d142c89" in BACKEND.fingerprint()


@pytest.mark.parametrize(
    "wrong", [{"reaches": ()}, {"reaches": (-1,)}, {"reaches": (2, 2)}, {"layer": 0}, {"batch": 0}]
)
def test_settings_out_of_range_are_refused(wrong: dict):
    with pytest.raises(InvalidValueError):
        EncoderBackend(**wrong)


def test_other_layers_are_read_by_transformers_and_the_last_is_the_same():
    other = EncoderBackend(reaches=(0,), layer=6)
    one, two = (used.encode_query("Ferries leave at nine.") for used in (other, EncoderBackend(reaches=(0,))))
    np.testing.assert_allclose(one.keys["layer 6"], two.keys["layer last"], atol=1e-4)
    with pytest.raises(UnsupportedModelError, match="layers 1 to 6, not 7"):
        EncoderBackend(layer=7).spaces()


def test_a_folder_without_a_model_and_a_file_are_errors_that_say_what_to_do(tmp_path):
    with pytest.raises(ModelError, match="no folder of a model"):
        load_backend(str(tmp_path))
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="convert_gguf"):
        load_backend(str(tmp_path / "m.gguf"))
    with pytest.raises(InvalidValueError, match="one layer"):
        load_backend("minilm", layers=(3, 4))


def test_a_slow_tokenizer_is_refused(tmp_path):
    from ragkit.extractors.s3.encoder import _bare

    class Slow:
        is_fast = False

    with pytest.raises(UnsupportedModelError, match="slow tokenizer"):
        _bare(Slow(), "a folder")
