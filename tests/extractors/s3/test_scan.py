"""One pass: memory bounded by the chunk, every token once, mismatches refused."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from ragkit.errors import InvalidValueError, NonFiniteActivationError, SAEMismatchError
from ragkit.extractors.s3.backend import PIECE, Scanned, checked, tokenised
from ragkit.extractors.s3.scan import scan
from tests.extractors.s3.helpers import WordBackend, random_sae

SAES = {"words": random_sae()}
TEXT = " ".join(f"w{number % 97}" for number in range(1000))


class Watched(WordBackend):
    """Keeps weak references to what it gave, and notes how many arrays were alive whenever it was asked for more."""

    def __init__(self, chunk: int) -> None:
        super().__init__(chunk)
        self.given: list[weakref.ref[np.ndarray]] = []
        self.alive: list[int] = []
        self.largest = 0

    def scan(self, text: str) -> Iterator[Scanned]:
        for chunk in super().scan(text):
            fresh = chunk.arrays["words"].copy()
            self.given.append(weakref.ref(fresh))
            self.largest = max(self.largest, len(fresh))
            out = Scanned(chunk.start, chunk.offsets, {"words": fresh}, chunk.total)
            del fresh, chunk
            yield out
            del out
            self.alive.append(sum(one() is not None for one in self.given))


@pytest.mark.parametrize("chunk", [16, 64])
def test_at_most_one_chunk_of_activations_is_alive_and_none_is_larger(chunk: int):
    backend = Watched(chunk)
    scan(backend, SAES, [TEXT])
    assert len(backend.alive) == -(-1000 // chunk) and max(backend.alive) <= 1
    assert backend.largest == chunk


@pytest.mark.parametrize("known", [True, False])
def test_the_index_does_not_depend_on_chunks_nor_on_knowing_the_length(known: bool):
    one = scan(WordBackend(chunk=1000), SAES, [TEXT])
    two = scan(WordBackend(chunk=7, known=known), SAES, [TEXT])
    assert (one.postings["words"].positions == two.postings["words"].positions).all()
    assert (one.offsets == two.offsets).all() and len(two) == 1000


def test_the_size_of_the_index_is_as_promised():
    index = scan(WordBackend(), SAES, [TEXT])
    postings = index.postings["words"]
    assert len(postings.positions) <= 1000 * SAES["words"].k
    assert postings.size <= 1000 * SAES["words"].k * 6 + 8 * (SAES["words"].features + 1)


def test_a_space_without_an_autoencoder_or_with_one_of_another_size_is_refused():
    with pytest.raises(SAEMismatchError, match="no autoencoder for the space 'words'"):
        scan(WordBackend(), {}, [TEXT])
    with pytest.raises(SAEMismatchError, match="vectors of 8 numbers, the model gives 16"):
        scan(WordBackend(), {"words": random_sae(d=8)}, [TEXT])


def test_activations_that_are_not_finite_are_an_error_that_says_where():
    vectors = np.zeros((5, 3), dtype=np.float32)
    vectors[3, 1] = np.inf
    with pytest.raises(NonFiniteActivationError, match="layer 4 .* first at token 103"):
        checked(vectors, "layer 4", 100)
    assert checked(np.zeros((0, 3)), "layer 4", 0).shape == (0, 3)


def test_texts_need_different_names():
    with pytest.raises(InvalidValueError, match="different names"):
        scan(WordBackend(), SAES, ["a", "b"], names=["x", "x"])


def test_a_backend_that_loses_tokens_is_noticed():
    class Losing(WordBackend):
        def scan(self, text: str) -> Iterator[Scanned]:
            for chunk in super().scan(text):
                yield Scanned(chunk.start + 1, chunk.offsets, chunk.arrays, chunk.total)

    with pytest.raises(InvalidValueError, match="tokens from 1 on, expected 0"):
        scan(Losing(), SAES, [TEXT])


class _Tokenizer:
    """Cuts at spaces; every other token of a pair has no characters of its own."""

    def encode(self, text: str, add_special_tokens: bool):
        import re

        class Found:
            offsets = [match.span() for match in re.finditer(r"\S+", text) for _ in (0, 1)]
            ids = list(range(len(offsets)))

        Found.offsets = [place if number % 2 == 0 else (0, 0) for number, place in enumerate(Found.offsets)]
        return Found


def test_tokens_without_characters_take_their_neighbours_and_long_texts_are_cut_into_pieces():
    text = ("abc de\n" * (PIECE // 7 + 1000)).strip()
    ids, offsets = tokenised(_Tokenizer(), text)
    assert len(ids) == 2 * len(text.split())
    assert [text[start:end] for start, end in offsets[::2].tolist()] == text.split()
    assert (offsets[1::2][:100] == offsets[::2][:100]).all()
