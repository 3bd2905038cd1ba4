from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from ragkit.retrieve.bm25 import BM25, score_texts
from ragkit.testing import MemoryShelf, check_index
from ragkit.text.tokens import words
from ragkit.types import Query
from tests.retrieve.helpers import chunk, ids

FOXES = {"a": "red fox red", "b": "grey wolf", "c": "red car", "d": "blue bird sings", "e": "green frog"}


def opened(texts: dict[str, str], **settings: float) -> BM25:
    index = BM25(**settings)
    shelf = MemoryShelf(index)
    shelf.add([chunk(id, text) for id, text in texts.items()])
    index.open(shelf)
    return index


def oracle(texts: dict[str, str], question: str, **settings: float) -> dict[str, float]:
    """Scores by rank_bm25 of the texts that hold a word of the question."""
    asked = words(question)
    scores = BM25Okapi([words(text) for text in texts.values()], **settings).get_scores(asked)
    pairs = zip(texts, scores, strict=True)
    return {id: score for id, score in pairs if set(asked) & set(words(texts[id]))}


def test_a_score_is_the_one_worked_out_by_hand() -> None:
    # 5 chunks of 12 words; "red" is twice among the 3 words of a and once among the 2 of c.
    idf = math.log(5 - 2 + 0.5) - math.log(2 + 0.5)
    for_a = idf * 2 * 2.5 / (2 + 1.5 * (0.25 + 0.75 * 3 / (12 / 5)))
    for_c = idf * 1 * 2.5 / (1 + 1.5 * (0.25 + 0.75 * 2 / (12 / 5)))
    found = opened(FOXES).search(Query("red"), 10)
    assert [(hit.chunk.id, hit.score) for hit in found] == [("a", pytest.approx(for_a)), ("c", pytest.approx(for_c))]


def test_each_hit_says_its_rank_and_score() -> None:
    hit = opened(FOXES).search(Query("fox"), 1)[0]
    assert hit.why == {"bm25": {"rank": 1, "score": hit.score}}


def test_a_word_asked_twice_counts_twice() -> None:
    index = opened(FOXES)
    once, twice = index.search(Query("fox"), 1)[0].score, index.search(Query("fox fox"), 1)[0].score
    assert twice == pytest.approx(2 * once)


def test_only_chunks_with_a_word_of_the_question_are_found() -> None:
    assert ids(opened(FOXES).search(Query("blue zebra"), 10)) == ["d"]
    assert ids(opened(FOXES).search(Query("zebra ?!"), 10)) == []


def test_a_chunk_whose_words_weigh_nothing_is_found_all_the_same() -> None:
    found = opened({"a": "red fox", "b": "grey wolf"}).search(Query("fox"), 5)
    assert [(hit.chunk.id, hit.score) for hit in found] == [("a", 0.0)]


def test_the_title_is_searched_with_the_text() -> None:
    index = BM25()
    shelf = MemoryShelf(index)
    shelf.add([chunk("a", "She wrote programs.", title="Ada Lovelace"), chunk("b", "He did not.")])
    index.open(shelf)
    assert ids(index.search(Query("lovelace"), 5)) == ["a"]


def test_equal_scores_are_ordered_and_cut_by_chunk_id() -> None:
    texts = {f"{number:02}": "same words here" for number in random.Random(3).sample(range(40), 40)}
    index = opened({**texts, "x": "other", "y": "thing"})
    assert ids(index.search(Query("words"), 3)) == ["00", "01", "02"]
    assert ids(index.search(Query("words other"), 100)) == ["x", *sorted(texts)]


def test_the_filter_is_applied_before_the_cut() -> None:
    index = BM25()
    shelf = MemoryShelf(index)
    shelf.add([chunk(f"{n}", "red fox" + " pad" * n, lang="de" if n % 3 == 0 else "en") for n in range(1, 10)])
    shelf.add([chunk(f"other {n}", f"grey wolf {n}", lang="de") for n in range(12)])
    index.open(shelf)
    assert ids(index.search(Query("fox", {"lang": "de"}), 2)) == ["3", "6"]
    assert ids(index.search(Query("fox", {"lang": "fr"}), 2)) == []


words_drawn = st.lists(st.sampled_from("the cat sat on a mat with red fox and its hat".split()), max_size=12)
steps = st.lists(
    st.tuples(st.dictionaries(st.integers(0, 7), words_drawn, max_size=3), st.sets(st.integers(0, 7), max_size=3)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=80, deadline=None)
@given(steps, words_drawn, st.sampled_from([(1.5, 0.75, 0.25), (0.01, 0.5, 0.0), (2.0, 1.0, 1.0), (1.2, 0.0, 0.25)]))
def test_scores_equal_rank_bm25_after_any_additions_and_removals(
    steps: Sequence[tuple[dict[int, list[str]], set[int]]], asked: list[str], given: tuple[float, float, float]
) -> None:
    parameters = dict(zip(("k1", "b", "epsilon"), given, strict=True))
    index = BM25(**parameters)
    shelf = MemoryShelf(index)
    live: dict[str, str] = {}
    question = " ".join(["zebra", *asked])
    for added, removed in steps:
        texts = {f"{id}": "mat " + " ".join(some) for id, some in added.items()}
        shelf.add([chunk(id, text) for id, text in texts.items()])
        live.update(texts)
        shelf.remove(f"{id}" for id in removed)
        live = {id: text for id, text in live.items() if int(id) not in removed}
        index.open(shelf)
        found = {hit.chunk.id: hit.score for hit in index.search(Query(question), 100)}
        assert found == pytest.approx(oracle(live, question, **parameters) if live else {}, abs=1e-9)
    order = [(-hit.score, hit.chunk.id) for hit in index.search(Query(question), 100)]
    assert order == sorted(order)
    for k in range(len(order)):
        assert ids(index.search(Query(question), k)) == [id for _, id in order[:k]]


def test_scores_equal_rank_bm25_on_a_larger_corpus() -> None:
    numbers = np.random.default_rng(7).zipf(1.3, size=(400, 60)) % 3000
    texts = {f"{row:03}": " ".join(f"w{n}" for n in numbers[row]) for row in range(400)}
    question = " ".join(f"w{n}" for n in [1, 2, *numbers[5][:10]])
    found = {hit.chunk.id: hit.score for hit in opened(texts).search(Query(question), 400)}
    assert found == pytest.approx(oracle(texts, question), abs=1e-9)


def test_opening_again_reads_only_the_new_rows() -> None:
    index = BM25()
    shelf = MemoryShelf(index)
    shelf.add([chunk(id, text) for id, text in FOXES.items()])
    index.open(shelf)
    shelf.add([chunk("f", "one red fox more"), chunk("g", "two")])
    shelf.remove(["a"])
    index.open(shelf)
    assert shelf.rows_read == len(FOXES) + 2
    assert ids(index.search(Query("fox"), 5)) == ["f"]


def test_opening_with_another_shelf_forgets_the_first() -> None:
    index = opened(FOXES)
    other = MemoryShelf(index)
    other.add([chunk("z", "purple fox"), chunk("y", "grey"), chunk("w", "white")])
    index.open(other)
    assert ids(index.search(Query("red fox"), 5)) == ["z"]


def test_searching_before_opening_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"open\(shelf\)"):
        BM25().search(Query("x"), 1)


def test_the_settings_of_the_formula_may_change_without_building_again() -> None:
    assert BM25(k1=0.9, b=0.4, epsilon=0).fingerprint == BM25().fingerprint


def test_the_index_keeps_the_promises_of_an_index() -> None:
    check_index(BM25)


def test_texts_are_scored_among_themselves() -> None:
    texts = list(FOXES.values())
    expected = BM25Okapi([text.split() for text in texts]).get_scores(["red", "fox"])
    assert score_texts("red fox", texts) == pytest.approx(expected)


def test_sets_without_words_score_nothing() -> None:
    assert score_texts("red", []) == []
    assert score_texts("red", ["", "?!"]) == [0.0, 0.0]
