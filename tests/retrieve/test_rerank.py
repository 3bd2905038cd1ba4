from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from ragkit.errors import InvalidValueError, ModelError
from ragkit.retrieve.rerank import Rerank
from ragkit.testing import check_reranker
from ragkit.types import Hit, Hits, Query
from tests.models.helpers import tiny_cross_encoder
from tests.retrieve.helpers import chunk, ids

TEXTS = {
    "a": "Whales are large. They live in the sea.",
    "b": "The wolf is grey. It howls at night.",
    "c": "Some say nothing. The red fox jumped over a fence.",
    "d": "A fox may be red or grey.",
}


def found(question: str, **texts: str) -> Hits:
    pairs = enumerate(texts.items())
    return Hits(
        Query(question),
        tuple(Hit(chunk(id, text), 1.0 - n / 100, {"bm25": {"rank": n + 1}}) for n, (id, text) in pairs),
    )


def test_the_hit_with_the_words_and_the_sentence_comes_first() -> None:
    hits = Rerank(embedder="hash").rerank(found("Did the red fox jump over a fence?", **TEXTS))
    assert ids(hits)[0] == "c"
    why = hits[0].why["rerank"]
    assert why["rank"] == 1
    assert why["score"] == hits[0].score
    assert why["sentence"] == "The red fox jumped over a fence."
    assert hits[0].why["bm25"] == {"rank": 3}


def test_the_score_is_the_mean_of_its_parts() -> None:
    hits = Rerank(embedder="hash", depth=2).rerank(found("grey wolf", a="grey wolf", b="red fox", c="grey wolf"))
    assert ids(hits) == ["a", "b", "c"]
    assert [hit.score for hit in hits] == pytest.approx([1.0, 11 / 12 / 3, 11 / 13 / 3])
    assert hits[0].why["rerank"]["words"] == pytest.approx(1.0)
    assert hits[0].why["rerank"]["cosine"] == pytest.approx(1.0)
    assert "words" not in hits[2].why["rerank"]


def test_rare_words_count_more_than_common_ones() -> None:
    hits = found("the zebra", a="the cat", b="the dog", c="zebra", d="the cow")
    assert ids(Rerank(embedder="hash", prior=0, semantic=0).rerank(hits))[0] == "c"


def test_the_prior_alone_keeps_the_order() -> None:
    hits = found("red fox", **TEXTS)
    assert ids(Rerank(lexical=0, semantic=0).rerank(hits)) == ids(hits)


def test_equal_hits_are_ordered_by_id() -> None:
    hits = found("red fox", c="x", b="x", a="x")
    assert ids(Rerank(embedder="hash", prior=0).rerank(hits)) == ["a", "b", "c"]


def test_a_question_without_words_and_chunks_without_sentences_break_nothing() -> None:
    hits = Rerank(embedder="hash").rerank(found("?!", a="x", b=" \n ", c="..."))
    assert sorted(ids(hits)) == ["a", "b", "c"]
    assert hits[2].why["rerank"]["sentence"] == ""


def test_sentences_are_read_under_the_title_of_their_document() -> None:
    titled = Hit(chunk("a", "She wrote programs.", title="Ada Lovelace"), 1.0)
    plain = Hit(chunk("b", "She wrote programs."), 2.0)
    hits = Rerank(embedder="hash").rerank(Hits(Query("ada lovelace programs"), (plain, titled)))
    assert ids(hits) == ["a", "b"]
    assert hits[0].why["rerank"]["cosine"] > hits[1].why["rerank"]["cosine"]


def test_sentences_are_embedded_once() -> None:
    class Counting:
        fingerprint, dim = "counting", 2

        def __init__(self) -> None:
            self.seen: list[str] = []

        def embed(self, texts: Any, *, query: bool = False) -> Any:
            import numpy as np

            self.seen += texts
            return np.array([[1.0, len(text)] for text in texts])

    model = Counting()
    stage = Rerank(embedder=model)
    for question in ("red fox", "grey wolf"):
        stage.rerank(found(question, **TEXTS))
    assert sorted(model.seen) == sorted(set(model.seen))


@pytest.mark.parametrize("given", [{"model": " "}, {"prior": 0, "lexical": 0, "semantic": 0}])
def test_settings_that_make_no_sense_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match="rerank"):
        Rerank(**given)


def test_the_stage_keeps_the_promises_of_a_reranker() -> None:
    check_reranker(lambda: Rerank(embedder="hash"))
    check_reranker(lambda: Rerank())


# -- cross-encoder ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of two thousand random numbers, in the files of a real one."""
    return tiny_cross_encoder(tmp_path_factory.mktemp("tiny"))


def test_a_cross_encoder_by_folder_orders_the_hits_by_its_scores(tiny: Path) -> None:
    from sentence_transformers import CrossEncoder

    hits = found("red fox", **TEXTS)
    reranked = Rerank(str(tiny)).rerank(hits)
    expected = CrossEncoder(str(tiny)).predict([("red fox", text) for text in TEXTS.values()])
    scores = dict(zip(TEXTS, expected, strict=True))
    assert {hit.chunk.id: hit.score for hit in reranked} == pytest.approx(scores, abs=1e-6)
    assert ids(reranked) == sorted(scores, key=lambda id: -scores[id])
    assert reranked[0].why["rerank"]["model"] == str(tiny)


def test_a_cross_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="could not be loaded: .*'lexical' needs no model"):
        Rerank(str(tmp_path)).rerank(found("red fox", **TEXTS))


def test_a_score_that_is_no_number_is_refused_with_its_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def predict(self, pairs: Any, show_progress_bar: bool) -> list[float]:
            return [0.5, math.nan, 0.5, 0.5]

    stage = Rerank("broken")
    monkeypatch.setattr(stage, "_loaded", Broken)
    with pytest.raises(ModelError, match="gave nan for chunk 'b'"):
        stage.rerank(found("red fox", **TEXTS))
