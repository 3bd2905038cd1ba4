from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from ragkit.errors import InvalidValueError, ModelError
from ragkit.models import embedders
from ragkit.models.embedders import TextEmbedder, load_embedder
from ragkit.models.encoders import SentenceTransformerEncoder, StaticEncoder
from ragkit.models.packaged import static_files
from ragkit.testing import check_embedder


class Letters:
    """Encodes a text by how often it has each of four letters; notes what it was asked."""

    fingerprint, dim, batch = "letters", 4, 3

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str], query: bool) -> Any:
        self.calls.append(list(texts))
        return [[text.count(letter) + (0.5 if query else 0.0) for letter in "abcd"] for text in texts]


def test_vectors_are_unit_float32_in_the_order_of_the_texts() -> None:
    vectors = TextEmbedder(Letters()).embed(["bbb", "a", "aabb"])
    assert vectors.dtype == np.float32
    half = math.sqrt(0.5)
    assert vectors.tolist() == pytest.approx(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [half, half, 0, 0]]))


def test_each_distinct_text_is_encoded_once_shortest_first_in_batches() -> None:
    model = Letters()
    TextEmbedder(model).embed(["dddd", "a", "bb", "a", "ccc", "bb", "c"])
    assert model.calls == [["a", "c", "bb"], ["ccc", "dddd"]]


def test_batches_do_not_depend_on_the_order_of_the_texts() -> None:
    one, other = Letters(), Letters()
    TextEmbedder(one).embed(["b", "a", "dd", "cc"])
    TextEmbedder(other).embed(["cc", "b", "dd", "a"])
    assert one.calls == other.calls


def test_no_texts_give_an_empty_array_of_the_right_width() -> None:
    assert TextEmbedder(Letters()).embed([]).shape == (0, 4)
    assert TextEmbedder(Letters()).embed([], query=True).shape == (0, 4)


def test_queries_are_remembered_and_told_apart_from_documents() -> None:
    model = Letters()
    embedder = TextEmbedder(model)
    first = embedder.embed(["a", "b"], query=True)
    again = embedder.embed(["b", "a", "c"], query=True)
    assert model.calls == [["a", "b"], ["c"]]
    assert np.array_equal(first[::-1], again[:2])
    assert not np.array_equal(embedder.embed(["a"]), first[:1])


def test_only_the_latest_queries_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedders, "REMEMBERED_QUERIES", 2)
    model = Letters()
    embedder = TextEmbedder(model)
    for text in ("a", "b", "a", "c", "a", "b"):
        embedder.embed([text], query=True)
    assert model.calls == [["a"], ["b"], ["c"], ["b"]]


@pytest.mark.parametrize(
    ("bad", "named"),
    [([math.nan, 0, 0, 0], "NaN or infinite"), ([0, math.inf, 0, 0], "NaN or infinite"), ([0, 0, 0, 0], "zero vector")],
)
def test_a_vector_that_is_no_direction_is_refused_with_its_text(bad: list[float], named: str) -> None:
    class Broken(Letters):
        def encode(self, texts: Sequence[str], query: bool) -> Any:
            return [bad if "culprit" in text else [1, 0, 0, 0] for text in texts]

    with pytest.raises(ModelError, match=f"letters gave .*{named}.* for the text 'the culprit'"):
        TextEmbedder(Broken()).embed(["fine", "the culprit", "fine too"])


def test_a_wrong_number_of_vectors_is_refused() -> None:
    class Short(Letters):
        def encode(self, texts: Sequence[str], query: bool) -> Any:
            return [[1.0, 0, 0, 0]]

    with pytest.raises(ModelError, match=r"array of \(1, 4\) for 2 texts, not \(2, 4\)"):
        TextEmbedder(Short()).embed(["a", "b"])


def test_a_failure_of_the_model_is_a_model_error_with_its_cause() -> None:
    class Failing(Letters):
        def encode(self, texts: Sequence[str], query: bool) -> Any:
            raise ConnectionError("no route to host\nmore lines")

    with pytest.raises(ModelError, match="letters failed on 1 texts: no route to host$") as caught:
        TextEmbedder(Failing()).embed(["a"])
    assert isinstance(caught.value.__cause__, ConnectionError)


@pytest.mark.parametrize("texts", ["one text", ["a", None], [b"a"]])
def test_what_is_no_list_of_texts_is_refused(texts: Any) -> None:
    with pytest.raises(InvalidValueError, match="embed takes"):
        TextEmbedder(Letters()).embed(texts)


def test_one_name_gives_one_embedder_in_all_threads() -> None:
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: load_embedder("some/unused-name"), range(32)))
    assert len(found) == 1


def test_one_object_gives_one_embedder_and_an_embedder_is_itself() -> None:
    model = DeterministicFakeEmbedding(size=8)
    first = load_embedder(model)
    assert load_embedder(model) is first
    assert load_embedder(first) is first


@pytest.mark.parametrize("model", [None, 3, object(), ["minilm"]])
def test_what_is_no_model_is_refused(model: Any) -> None:
    with pytest.raises(InvalidValueError, match="is no embedding model"):
        load_embedder(model)


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="name is empty"):
        load_embedder(" ")


# -- LangChain --------------------------------------------------------------------------------------------------------


def test_langchain_embeddings_keep_the_promises_of_an_embedder() -> None:
    check_embedder(lambda: load_embedder(DeterministicFakeEmbedding(size=16)))


def test_the_fingerprint_of_langchain_embeddings_tells_models_apart_and_shows_no_secrets() -> None:
    class Remote(Embeddings):
        def __init__(self, model: str) -> None:
            self.model, self.api_key, self.dimensions = model, "hunter2", None

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[1.0, 2.0]] * len(texts)

        def embed_query(self, text: str) -> list[float]:
            return [2.0, 1.0]

    small, large = load_embedder(Remote("small")), load_embedder(Remote("large"))
    assert small.fingerprint != large.fingerprint
    assert "model=small" in small.fingerprint
    assert "hunter2" not in small.fingerprint
    assert "None" not in small.fingerprint
    assert small.dim == 2
    assert not np.array_equal(small.embed(["x"]), small.embed(["x"], query=True))


def test_a_langchain_model_that_cannot_be_reached_is_a_model_error() -> None:
    class Down(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            raise TimeoutError

        def embed_query(self, text: str) -> list[float]:
            raise TimeoutError

    with pytest.raises(ModelError, match="Down failed on a first text: TimeoutError"):
        _ = load_embedder(Down()).dim


# -- somebody's own ---------------------------------------------------------------------------------------------------


def test_somebodys_own_embedder_is_checked_like_the_others() -> None:
    class Own:
        fingerprint, dim = "own", 2

        def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
            return np.array([[3.0, 4.0]] * len(texts)) if "zero" not in texts else np.zeros((len(texts), 2))

    assert load_embedder(Own()).embed(["a"]).tolist() == pytest.approx(np.array([[0.6, 0.8]]))
    with pytest.raises(ModelError, match="zero vector for the text 'zero'"):
        load_embedder(Own()).embed(["zero"])


# -- static and hash --------------------------------------------------------------------------------------------------


def test_the_static_model_keeps_the_promises_of_an_embedder() -> None:
    check_embedder(lambda: load_embedder("static"))


def test_static_vectors_are_means_of_the_tokens_vectors() -> None:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    weights, settings = static_files()
    tokenizer, table = Tokenizer.from_file(str(settings)), load_file(weights)["embedding.weight"].astype(np.float64)
    texts = ["The capital of France", "x", "日本 のことば 👩‍👩‍👧", "word " * 500]
    expected = [table[tokenizer.encode(text, add_special_tokens=False).ids].mean(axis=0) for text in texts]
    assert np.abs(StaticEncoder().encode(texts, False) - expected).max() < 1e-5


def test_static_vectors_know_what_is_related() -> None:
    king, queen, tax = load_embedder("static").embed(["the king", "the queen", "income tax"])
    assert king @ queen > king @ tax + 0.2


def test_a_text_without_tokens_has_no_static_vector() -> None:
    with pytest.raises(ModelError, match="zero vector for the text ''"):
        load_embedder("static").embed(["", "word"])


def test_the_static_model_needs_neither_torch_nor_the_network_nor_its_own_package() -> None:
    program = (
        "import socket, sys\n"
        "def refuse(*args, **kwargs): raise AssertionError('the network was tried')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from ragkit.models.embedders import load_embedder\n"
        "print(load_embedder('static').embed(['one', 'two']).shape)\n"
        "print(sorted({'torch', 'transformers', 'wordllama', 'requests'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("(2, 256)\n[]\n", "")


def test_the_test_model_keeps_the_promises_of_an_embedder() -> None:
    check_embedder(lambda: load_embedder("hash"))


def test_the_test_model_puts_texts_with_common_words_near_each_other_in_every_process() -> None:
    program = (
        "from ragkit.models.embedders import load_embedder\n"
        "print(load_embedder('hash').embed(['red fox', '?!']).tobytes().hex())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}, check=True
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    fox, same, other = load_embedder("hash").embed(["red fox", "The red fox.", "blue whale"])
    assert fox @ same > 0.5 > 0.2 > abs(fox @ other)


# -- sentence-transformers --------------------------------------------------------------------------------------------


def test_making_an_embedder_by_name_loads_nothing() -> None:
    assert load_embedder("some/unused-name").fingerprint == "sentence-transformers some/unused-name"


def test_the_fingerprint_of_a_folder_follows_its_contents(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    first = SentenceTransformerEncoder(str(tmp_path)).fingerprint
    assert first == SentenceTransformerEncoder(str(tmp_path)).fingerprint
    assert tmp_path.name in first
    (tmp_path / "config.json").write_text("[]")
    assert SentenceTransformerEncoder(str(tmp_path)).fingerprint != first


def test_a_model_that_cannot_be_loaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="could not be loaded"):
        TextEmbedder(SentenceTransformerEncoder(str(tmp_path))).embed(["x"])
