from __future__ import annotations

import numpy as np
import pytest
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever

from ragkit import KnowledgeBase
from ragkit.errors import InvalidValueError
from ragkit.evaluate import ChunkIndex, Dataset, DatasetError, SpanError, compare, evaluate, evaluate_rankings, joined
from ragkit.evaluate.locate import LocateError, locate_chunks, split_spans, trusted
from ragkit.types import Document, Span
from tests.evaluate.helpers import TEXT, spans, three_questions

CHUNKS = spans(*[(at, at + 20) for at in range(0, 100, 20)])


def test_a_function_is_asked_each_question_and_its_chunks_are_scored() -> None:
    asked = []

    def retriever(question: str, k: int) -> list[str]:
        asked.append((question, k))
        return ["d#0-20", "d#40-60"]

    report = evaluate(three_questions(), retriever, ChunkIndex.of(CHUNKS), k=2)
    assert [row["recall"] for row in report.rows] == [0.5, 1, 0]
    assert asked[0] == ("What stands at 10?", 20)
    assert report.runs[0].zero_recall == pytest.approx(1 / 3)
    assert report.runs[0].cost["milliseconds"] > 0


def test_a_retriever_may_be_asynchronous() -> None:
    async def retriever(question: str, k: int) -> list[Span]:
        return spans((0, 100))

    assert evaluate(three_questions(), retriever).runs[0].summary["recall"].mean == 1


def test_a_knowledge_base_is_a_retriever() -> None:
    text = "Ada built bridges in Bern. The Aare is a river."
    data = Dataset.of({"n": text}, [("Who built bridges?", [("n", 0, 26)])])
    with KnowledgeBase(":memory:", "chunk(by='tokens', tokens=8) >> bm25") as kb:
        kb.add(Document("n", text))
        report = evaluate(data, kb, k=1)
    assert report.rows[0]["recall"] > 0.5


def test_a_knowledge_base_of_other_texts_is_found_out() -> None:
    with KnowledgeBase(":memory:", "bm25") as kb:
        kb.add(Document("d", "What stands at 10? Not this."))
        with pytest.raises(InvalidValueError, match="is not that of the data set"):
            evaluate(three_questions(), kb)


def test_a_langchain_retriever_must_tell_places() -> None:
    class Notes(BaseRetriever):
        about: dict[str, object]

        def _get_relevant_documents(self, query: str, *, run_manager: object) -> list[LangChainDocument]:
            return [LangChainDocument("x", metadata=self.about)]

    report = evaluate(three_questions(), Notes(about={"doc_id": "d", "start": 10, "end": 30}))
    assert report.rows[0]["iou"] == 1
    with pytest.raises(InvalidValueError, match="put `doc_id`, `start` and `end`"):
        evaluate(three_questions(), Notes(about={}))


def test_a_question_that_raises_is_tried_again_then_left_out_and_counted() -> None:
    calls: list[str] = []

    def retriever(question: str, k: int) -> list[Span]:
        calls.append(question)
        if "40" in question or ("10" in question and len(calls) == 1):
            raise RuntimeError("the server is away")
        return spans((0, 100))

    report = evaluate(three_questions(), retriever)
    run = report.runs[0]
    assert run.ids == ("q1", "q3")
    assert run.errors == {"q2": "RuntimeError: the server is away"}
    assert len(calls) == 5
    assert run.summary["recall"].mean == 1
    assert "1 of 3 questions failed" in report.warnings[0]
    assert report.rows[-1]["error"] == "RuntimeError: the server is away"
    assert report.rows[-1]["recall"] is None


def test_when_all_questions_fail_the_first_reason_is_raised() -> None:
    def retriever(question: str, k: int) -> list[Span]:
        raise RuntimeError("no index")

    with pytest.raises(InvalidValueError, match="no index"):
        evaluate(three_questions(), retriever)


@pytest.mark.parametrize("foreign", ["x#0-1", 99, -1, Span("x", 0, 1), Span("d", 90, 120)])
def test_foreign_chunks_make_an_error_of_their_question(foreign: str | int | Span) -> None:
    rankings = {"q1": [foreign], "q2": ["d#40-60"], "q3": []}
    run = evaluate_rankings(three_questions(), ChunkIndex.of(CHUNKS), rankings).runs[0]
    assert set(run.errors) == {"q1"}
    assert "'q1'" in run.errors["q1"]
    assert list(run.columns["recall"]) == [1, 0]


def test_an_empty_ranking_scores_0_and_is_no_error() -> None:
    run = evaluate_rankings(three_questions(), ChunkIndex.of(CHUNKS), {"q1": [], "q2": [], "q3": []}).runs[0]
    assert not run.errors
    assert all(np.isfinite(values).all() for values in run.columns.values())
    assert {float(run.columns[name].sum()) for name in ("recall", "precision", "iou", "ndcg", "recall_min")} == {0}


def test_k_may_be_larger_than_the_index() -> None:
    report = evaluate_rankings(three_questions(), ChunkIndex.of(CHUNKS), {"q1": [0, 1], "q2": [2], "q3": [4]}, k=500)
    assert [row["recall"] for row in report.rows] == [1, 1, 1]


def test_a_chunk_retrieved_twice_counts_once_with_a_warning() -> None:
    rankings = {"q1": [0, 0, 1], "q2": [2], "q3": [4]}
    report = evaluate_rankings(three_questions(), ChunkIndex.of(CHUNKS), rankings)
    assert report.rows[0]["n"] == 40
    assert "was retrieved twice" in report.warnings[0]


def test_rankings_must_be_of_the_questions_of_the_data_set() -> None:
    index = ChunkIndex.of(CHUNKS)
    with pytest.raises(InvalidValueError, match="no ranking for 2 questions, the first is 'q2'"):
        evaluate_rankings(three_questions(), index, {"q1": [0]})
    with pytest.raises(InvalidValueError, match="'q9', which is no question"):
        evaluate_rankings(three_questions(), index, {"q1": [0], "q2": [0], "q3": [0], "q9": [0]})
    with pytest.raises(InvalidValueError, match="give the index"):
        evaluate_rankings(three_questions(), None, {"q1": [0], "q2": [0], "q3": [0]})


def test_minimal_retrieval_takes_as_many_chunks_as_the_oracle_needs() -> None:
    rankings = {"q1": [0, 1, 2], "q2": [0, 2], "q3": [4, 0]}
    run = evaluate_rankings(three_questions(), ChunkIndex.of(CHUNKS), rankings).runs[0]
    assert list(run.columns["oracle_k"]) == [2, 1, 1]
    assert list(run.columns["recall_min"]) == [1, 0, 1]
    assert list(run.columns["precision_min"]) == [0.5, 0, 1]


def test_gold_that_no_chunk_holds_has_an_oracle_of_nothing() -> None:
    index = ChunkIndex.of(spans((40, 60)))
    run = evaluate_rankings(three_questions(), index, {"q1": [0], "q2": [0], "q3": [0]}).runs[0]
    assert list(run.columns["oracle_k"]) == [0, 1, 0]
    assert list(run.columns["iou_min"]) == [0, 1, 0]
    assert list(run.columns["ceiling_recall"]) == [0, 1, 0]


def test_reports_are_joined_and_compared_on_common_questions() -> None:
    index = ChunkIndex.of(CHUNKS)
    good = evaluate_rankings(three_questions(), index, {"q1": [0, 1], "q2": [2], "q3": [4]}, name="good")
    bad = evaluate_rankings(three_questions(), index, {"q1": [0], "q2": [], "q3": ["none"]}, name="bad")
    both = joined([good, bad])
    found = compare(both.run("good"), both.run("bad"))
    assert (found.questions, found.difference, found.only_a) == (2, 0.75, ("q3",))
    with pytest.raises(InvalidValueError, match="no score 'speed'"):
        compare(both.runs[0], both.runs[1], "speed")
    with pytest.raises(InvalidValueError, match="different names"):
        joined([good, good])


@pytest.mark.parametrize(
    "setting", [{"k": 0}, {"budgets": (-1,)}, {"groups": "x"}, {"occurrences": "some"}, {"draws": 0}]
)
def test_settings_out_of_range_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(InvalidValueError):
        evaluate_rankings(three_questions(), None, {"q1": [], "q2": [], "q3": []}, **setting)


def test_two_chunks_with_one_id_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="two chunks have the id 'a'"):
        ChunkIndex(("a", "a"), tuple(spans((0, 1), (1, 2))))


def test_example_13_pieces_are_looked_for_from_the_end_of_the_last() -> None:
    assert locate_chunks("aXaXa", ["a", "Xa", "Xa"], overlap=0) == [(0, 1), (1, 3), (3, 5)]


def test_a_piece_with_other_white_space_is_found_and_a_missing_one_raises() -> None:
    assert locate_chunks("one\n two  three", ["one two", "three"]) == [(0, 8), (10, 15)]
    assert locate_chunks("abcabc", ["abc", "bca"], overlap=2) == [(0, 3), (1, 4)]
    with pytest.raises(LocateError, match="piece 1"):
        locate_chunks("one two", ["one", "three"])


def test_wrong_start_indexes_are_found_out() -> None:
    assert trusted("a b a b", ["a b", "a b"], [0, 4]) == [(0, 3), (4, 7)]
    assert trusted("a b a b", ["a b", "a b"], [0, -1]) == [(0, 3), (4, 7)]
    assert trusted("a b a b", ["a b", "a b"], [4, 0]) == [(0, 3), (4, 7)]


def test_chunks_come_from_a_stage_a_langchain_splitter_or_a_function() -> None:
    from ragkit.text.chunkers import ChunkText

    class Splitter:
        _chunk_overlap = 0

        def create_documents(self, texts: list[str]) -> list[LangChainDocument]:
            return [LangChainDocument(texts[0][at : at + 50]) for at in (0, 50)]

    document = Document("d", TEXT)
    assert split_spans(document, Splitter()) == spans((0, 50), (50, 100))
    assert split_spans(document, lambda text: [(0, 10), (10, len(text))]) == spans((0, 10), (10, 100))
    assert split_spans(document, ChunkText(by="whole")) == spans((0, 100))
    assert len(ChunkIndex.from_splitter(three_questions(), ChunkText(by="whole"))) == 1


def test_the_recursive_splitter_cuts_as_langchain_does_and_keeps_offsets() -> None:
    from ragkit.evaluate.recursive import RecursiveSplitter

    text = "One two. Three four!\n\nFive   six seven eight? " + "x" * 25
    pieces = [text[start:end] for start, end in RecursiveSplitter(10)(text)]
    words = ["One two", ". Three", "four", "!", "Five", "six seven", "eight", "?"]
    assert pieces == [*words, "x" * 9, "x" * 10, "x" * 6]
    overlapping = RecursiveSplitter(10, 4)("aa bb cc dd ee ff")
    assert all(one[1] > other[0] for one, other in zip(overlapping, overlapping[1:], strict=False))
    with pytest.raises(InvalidValueError, match="overlap"):
        RecursiveSplitter(10, 10)


def test_a_data_set_with_two_questions_of_one_id_is_not_scored() -> None:
    from dataclasses import replace

    data = three_questions()
    twice = replace(data, questions=(data.questions[0], replace(data.questions[1], id="q1")))
    with pytest.raises(DatasetError, match="duplicate_id"):
        evaluate_rankings(twice, None, {"q1": []})


def test_gold_outside_its_document_is_named_with_its_question() -> None:
    from dataclasses import replace

    data = three_questions()
    far = replace(data.questions[0].references[0], start=90, end=200)
    broken = replace(data, questions=(replace(data.questions[0], references=(far,)),))
    with pytest.raises(SpanError, match=r"question 'q1': span \[90:200\] does not lie in document 'd'"):
        evaluate_rankings(broken, None, {"q1": []})
