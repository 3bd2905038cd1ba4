from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ragkit.models.embedders import load_embedder
from ragkit.retrieve.dense import Dense
from ragkit.testing import MemoryShelf, check_index
from ragkit.types import Query
from tests.retrieve.helpers import chunk, ids

ANIMALS = {"a": "red fox", "b": "grey wolf", "c": "red car", "d": "blue bird", "e": "green frog red"}


class Counting:
    """The test embedder, counting the texts it is given."""

    fingerprint, dim = "counting", 256

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        self.seen += texts
        return load_embedder("hash").embed(texts, query=query)


def opened(texts: dict[str, str], model: Any = "hash") -> tuple[Dense, MemoryShelf]:
    index = Dense(model)
    shelf = MemoryShelf(index)
    shelf.add([chunk(id, text) for id, text in texts.items()])
    index.open(shelf)
    return index, shelf


def test_hits_are_the_nearest_chunks_with_their_cosines() -> None:
    index, _ = opened(ANIMALS)
    found = index.search(Query("red fox"), 3)
    vectors = load_embedder("hash").embed([*ANIMALS.values(), "red fox"]).astype(float)
    cosines = dict(zip(ANIMALS, (vectors[:-1] @ vectors[-1]).round(6), strict=True))
    assert [(hit.chunk.id, hit.score) for hit in found] == sorted(cosines.items(), key=lambda pair: -pair[1])[:3]
    assert found[0].why == {"dense": {"rank": 1, "score": pytest.approx(1.0)}}


def test_a_batch_finds_what_single_questions_find() -> None:
    numbers = np.random.default_rng(0).integers(0, 50, size=(300, 6))
    index, _ = opened({f"{n:03}": " ".join(f"w{word}" for word in row) for n, row in enumerate(numbers)})
    queries = [Query(f"w{n} w{n + 1} w{n * 7 % 50}") for n in range(40)]
    for query, found in zip(queries, index.search_batch(queries, 7), strict=True):
        assert found == index.search(query, 7)


def test_equal_similarities_are_ordered_and_cut_by_chunk_id() -> None:
    index, _ = opened({f"{n:02}": "same words" for n in reversed(range(30))})
    assert ids(index.search(Query("same"), 3)) == ["00", "01", "02"]


def test_the_filter_is_applied_before_the_cut() -> None:
    index = Dense("hash")
    shelf = MemoryShelf(index)
    shelf.add([chunk(f"{n}", f"red fox {n}", lang="de" if n > 6 else "en") for n in range(9)])
    index.open(shelf)
    assert sorted(ids(index.search(Query("red fox 1", {"lang": "de"}), 5))) == ["7", "8"]
    assert ids(index.search(Query("red fox 1", {"lang": "fr"}), 5)) == []


def test_changes_of_the_store_are_seen_and_only_new_rows_read() -> None:
    index, shelf = opened(ANIMALS)
    shelf.remove(["a", "b"])
    shelf.add([chunk("f", "red fox again"), chunk("c", "silver fox")])
    index.open(shelf)
    fresh, _ = opened({"d": "blue bird", "e": "green frog red", "f": "red fox again", "c": "silver fox"})
    assert index.search(Query("red fox"), 10).items == fresh.search(Query("red fox"), 10).items
    assert shelf.rows_read == len(ANIMALS) + 2


def test_each_distinct_text_and_question_is_embedded_once() -> None:
    model = Counting()
    index, _ = opened({"a": "twin", "b": "twin", "c": "other"}, model)
    assert sorted(model.seen) == ["other", "twin"]
    again, _ = opened({}, model)
    for _ in range(2):
        index.search(Query("who?"), 2)
        again.search(Query("who?"), 2)
    assert model.seen.count("who?") == 1


def test_the_title_is_embedded_with_the_text() -> None:
    derived = Dense("hash").derive([chunk("a", "She wrote programs.", title="Ada Lovelace")])
    assert derived[0].texts == ("Ada Lovelace\nShe wrote programs.",)


def test_the_fingerprint_names_the_model() -> None:
    assert load_embedder("hash").fingerprint in Dense("hash").fingerprint
    assert Dense("hash").fingerprint != Dense("static").fingerprint


def test_making_a_stage_loads_no_model() -> None:
    Dense("no such folder or model")


def test_searching_before_opening_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"open\(shelf\)"):
        Dense("hash").search(Query("x"), 1)


def test_an_empty_store_has_no_hits() -> None:
    index, _ = opened({})
    assert ids(index.search(Query("x"), 5)) == []


def test_the_index_keeps_the_promises_of_an_index() -> None:
    check_index(lambda: Dense("hash"))
