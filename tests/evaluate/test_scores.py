"""The worked examples of the method, edge cases, and agreement with a brute-force scorer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.evaluate import ChunkIndex, Dataset, SpanError, evaluate_rankings, oracle, score
from ragkit.evaluate.gain import ndcg_all
from ragkit.evaluate.units import Line, huggingface_starts, tiktoken_starts
from ragkit.types import Span
from tests.evaluate.helpers import TEXT, brute, spans

places = st.tuples(st.integers(0, 45), st.integers(1, 15)).map(lambda one: (one[0], one[0] + one[1]))
golds = st.lists(places, min_size=1, max_size=5)
rankings = st.lists(places, max_size=6, unique=True)


def test_example_1_half_of_the_gold_in_one_of_two_chunks() -> None:
    found = score(spans((10, 30)), spans((0, 20), (40, 60)))
    assert (found.h, found.n, found.gold) == (10, 40, 20)
    assert (found.recall, found.precision, found.iou, found.f1) == (0.5, 0.25, 0.2, 20 / 60)
    best = oracle(spans((10, 30)), spans((0, 20), (20, 40), (40, 60)))
    assert (best.precision_omega, best.oracle_k) == (0.5, 2)


def test_example_2_redundancy_costs_precision_and_iou_but_not_their_unique_forms() -> None:
    found = score(spans((10, 30)), spans((0, 20), (10, 30)))
    assert (found.recall, found.precision, found.iou) == (1, 0.5, 0.5)
    assert (found.precision_unique, found.jaccard, found.redundancy) == (20 / 30, 20 / 30, 0.25)
    best = oracle(spans((10, 30)), spans((0, 20), (10, 30), (20, 40)))
    assert (best.precision_omega, best.oracle_precision) == (0.5, 20 / 60)


def test_example_3_a_chunk_that_only_touches_counts_when_asked() -> None:
    gold, chunks = spans((20, 40)), spans((0, 20), (20, 40), (40, 60))
    best = oracle(gold, chunks)
    assert (best.precision_omega, best.oracle_k) == (1, 1)
    best = oracle(gold, chunks, touching=True)
    assert (best.precision_omega, best.oracle_k) == (20 / 60, 3)


def test_example_4_overlapping_gold_is_merged() -> None:
    found = score(spans((0, 10), (5, 15), (50, 60)), spans((0, 12)))
    assert (found.gold, found.recall, found.precision, found.iou) == (25, 0.48, 1, 12 / 25)
    assert found.span_recall == 2 / 3


def test_example_5_chunks_of_other_documents_cost_precision() -> None:
    found = score(spans((0, 10), document="A"), [*spans((0, 10), document="A"), *spans((0, 30), document="B")])
    assert (found.recall, found.precision, found.iou) == (1, 0.25, 0.25)


def test_example_6_text_that_no_chunk_holds_lowers_the_ceiling() -> None:
    best = oracle(spans((8, 24)), spans((0, 10), (12, 24)))
    assert best.precision_omega == pytest.approx(14 / 24, abs=1e-15)
    assert best.ceiling_recall == 0.875


def test_example_7_a_budget_cuts_the_last_chunk() -> None:
    data = Dataset.of({"d": TEXT}, [("What?", [("d", 10, 30)])])
    report = evaluate_rankings(data, None, {"q1": spans((0, 20), (40, 60), (20, 40))}, budgets=(0, 30, 50))
    row = report.rows[0]
    assert (row["recall@30u"], row["recall@50u"], row["iou@50u"]) == (0.5, 1, 20 / 50)
    assert row["iou@30u"] == 10 / 40
    assert (row["recall@0u"], row["iou@0u"]) == (0, 0)


def test_example_8_a_token_belongs_to_the_span_with_its_first_character() -> None:
    texts = {"d": "ab cd ef gh"}
    found = score(spans((3, 8)), spans((0, 7)), texts=texts, unit="word")
    assert (found.recall, found.precision, found.iou) == (1, 2 / 3, 2 / 3)
    found = score(spans((3, 8)), spans((0, 7)), texts=texts)
    assert (found.h, found.recall, found.precision, found.iou) == (4, 0.8, 4 / 7, 0.5)


def test_example_9_any_place_of_a_repeated_passage_counts_when_asked() -> None:
    letters = list("." * 100)
    letters[10:13] = letters[50:53] = "abc"
    texts = {"d": "".join(letters)}
    assert score(spans((10, 13)), spans((45, 60)), texts=texts).recall == 0
    found = score(spans((10, 13)), spans((45, 60)), texts=texts, occurrences="all")
    assert (found.recall, found.precision, found.iou) == (1, 3 / 15, 3 / 15)
    found = score(spans((10, 13)), spans((45, 52)), texts=texts, occurrences="all")
    assert (found.recall, found.precision, found.iou) == (2 / 3, 2 / 7, 2 / 8)


def test_example_11_the_gain_of_a_chunk_is_the_gold_it_adds() -> None:
    line = Line.of_lengths({"d": 100})
    gold = line.flat([spans((0, 10), (20, 30))], gold=True)
    chunks = spans((0, 10), (10, 20), (20, 30))
    ranked = line.flat([[chunks[1], chunks[0], chunks[2]]])
    value = ndcg_all(gold, ranked, *line.place(chunks), k=3)[0]
    found, best = 0.5 / math.log2(3) + 0.25, 0.5 + 0.5 / math.log2(3)
    assert value == pytest.approx(found / best, abs=1e-12)
    assert value == pytest.approx(0.693426, abs=1e-6)
    assert score(spans((0, 10), (20, 30)), [chunks[1], chunks[0]]).rr == 0.5


def test_the_ideal_order_of_overlapping_chunks_counts_gold_once() -> None:
    line = Line.of_lengths({"d": 100})
    gold = line.flat([spans((0, 30))], gold=True)
    chunks = spans((0, 20), (5, 25), (20, 30))
    best = ndcg_all(gold, line.flat([[chunks[0], chunks[2], chunks[1]]]), *line.place(chunks), k=3)
    worse = ndcg_all(gold, line.flat([[chunks[1], chunks[0], chunks[2]]]), *line.place(chunks), k=3)
    assert best[0] == pytest.approx(1)
    assert 0 < worse[0] < 1


@settings(max_examples=150, deadline=None)
@given(golds, rankings)
def test_scores_agree_with_a_brute_force_scorer(gold, retrieved) -> None:
    found = score(spans(*gold), spans(*retrieved))
    for name, value in brute(gold, retrieved).items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-12), name
    assert found.iou <= min(found.recall, found.precision) + 1e-12
    assert found.jaccard >= found.iou
    assert all(
        0 <= getattr(found, name) <= 1 for name in ("recall", "precision", "iou", "f1", "hit", "rr", "redundancy")
    )


@settings(max_examples=60, deadline=None)
@given(golds, rankings, st.randoms())
def test_splitting_a_gold_span_changes_nothing_but_span_recall(gold, retrieved, random) -> None:
    start, end = gold[0]
    middle = random.randint(start + 1, end) if end - start > 1 else end
    parts = [(start, middle), *([(middle, end)] if middle < end else []), *gold[1:]]
    one, other = score(spans(*gold), spans(*retrieved)), score(spans(*parts), spans(*retrieved))
    for name in ("recall", "precision", "iou", "jaccard", "f1", "hit", "rr"):
        assert getattr(one, name) == getattr(other, name)


@settings(max_examples=60, deadline=None)
@given(golds, st.lists(places, min_size=1, max_size=6, unique=True))
def test_another_chunk_never_lowers_recall_nor_does_a_bigger_budget(gold, retrieved) -> None:
    recalls = [score(spans(*gold), spans(*retrieved[:k])).recall for k in range(len(retrieved) + 1)]
    assert recalls == sorted(recalls)
    line = Line.of_lengths({"d": 100})
    ranked, placed = line.flat([spans(*retrieved)]), line.flat([spans(*gold)], gold=True)
    shares = [int(ranked.within(budget).shared(placed)[0]) for budget in range(0, 95, 7)]
    assert shares == sorted(shares)


@settings(max_examples=60, deadline=None)
@given(golds, rankings)
def test_gold_that_is_not_repeated_scores_the_same_with_all_occurrences(gold, retrieved) -> None:
    text = "".join(chr(0x4E00 + at) for at in range(60))  # no passage occurs twice
    plain = score(spans(*gold), spans(*retrieved), texts={"d": text})
    assert score(spans(*gold), spans(*retrieved), texts={"d": text}, occurrences="all") == plain


def test_nothing_retrieved_scores_zero_everywhere() -> None:
    found = score(spans((0, 5)), [])
    assert {found.recall, found.precision, found.iou, found.f1, found.hit, found.rr, found.redundancy} == {0.0}


def test_gold_at_both_ends_of_a_document_and_in_a_document_of_one_character() -> None:
    found = score(spans((0, 1), (99, 100)), spans((0, 50), (50, 100)), texts={"d": TEXT})
    assert (found.recall, found.precision) == (1, 0.02)
    assert score(spans((0, 1)), spans((0, 1)), texts={"d": "x"}).iou == 1


def test_neighbouring_documents_do_not_touch_on_the_line() -> None:
    best = oracle(
        spans((0, 10), document="b"), [*spans((0, 10), document="a"), *spans((0, 10), document="b")], touching=True
    )
    assert best.oracle_k == 1


@pytest.mark.parametrize("text", ["a😀b e\u0301 c", "one\r\ntwo\r\n", "a\0b\0c", "שלום עולם"])
def test_offsets_are_code_points_of_the_text_as_it_is(text: str) -> None:
    end = len(text)
    found = score(spans((1, end)), spans((0, end)), texts={"d": text})
    assert (found.recall, found.n, found.gold) == (1, end, end - 1)


def test_a_gold_span_inside_one_token_takes_that_token() -> None:
    texts = {"d": "unbelievable things"}
    found = score(spans((2, 5)), spans((0, 12)), texts=texts, unit="word")
    assert (found.gold, found.recall, found.precision) == (1, 1, 1)


def test_a_gold_span_without_any_token_is_refused() -> None:
    with pytest.raises(SpanError, match="holds no token"):
        score(spans((0, 2)), spans((0, 5)), texts={"d": "   words"}, unit="word")


def test_a_unit_may_be_any_function_to_token_starts() -> None:
    halves = score(spans((0, 4)), spans((2, 4)), texts={"d": "abcdef"}, unit=lambda text: range(0, len(text), 2))
    assert (halves.gold, halves.n, halves.recall) == (2, 1, 0.5)
    with pytest.raises(ValueError, match="do not ascend"):
        score(spans((0, 4)), [], texts={"d": "abcdef"}, unit=lambda text: [3, 1])
    with pytest.raises(ValueError, match="'char', 'word'"):
        score(spans((0, 4)), [], texts={"d": "abcdef"}, unit="byte")


def test_tokenizers_of_tiktoken_and_transformers_are_adapted() -> None:
    class Tiktoken:
        def encode_ordinary(self, text: str) -> list[int]:
            return [1, 2]

        def decode_with_offsets(self, tokens: list[int]) -> tuple[str, list[int]]:
            return "ab cd", [0, 2]

    def fast(text: str, **options: bool) -> dict[str, list[tuple[int, int]]]:
        assert options == {"add_special_tokens": False, "return_offsets_mapping": True, "truncation": False}
        return {"offset_mapping": [(0, 2), (3, 5)]}

    assert tiktoken_starts(Tiktoken())("ab cd") == [0, 2]
    assert huggingface_starts(fast)("ab cd") == [0, 3]


@pytest.mark.parametrize("retrieved", [Span("d", 90, 101), Span("x", 0, 1)])
def test_a_retrieved_span_outside_the_documents_is_refused(retrieved: Span) -> None:
    with pytest.raises(SpanError):
        score(spans((0, 5)), [retrieved], texts={"d": TEXT})


def test_a_question_without_gold_cannot_be_scored() -> None:
    with pytest.raises(ValueError, match="without gold"):
        score([], spans((0, 5)))


def test_ties_between_identical_chunks_keep_the_order_of_the_index() -> None:
    index = ChunkIndex.of(spans((0, 10), (0, 10), (20, 30)))
    assert index.ids == ("d#0-10", "d#0-10~2", "d#20-30")
    data = Dataset.of({"d": TEXT}, [("What?", [("d", 0, 10)])])
    report = evaluate_rankings(data, index, {"q1": ["d#0-10", "d#0-10~2"]})
    row = report.rows[0]
    assert (row["precision"], row["oracle_k"], row["ndcg"]) == (0.5, 2, 1)
    assert not report.runs[0].warnings
    assert np.isfinite(list(report.runs[0].columns.values())).all()
