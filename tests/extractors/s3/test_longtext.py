"""One text, many questions: exact slices, budgets, and every kind of odd input."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import IndexMismatchError, InvalidValueError, SAEMismatchError, UnsupportedModelError
from ragkit.extractors.s3.background import QUESTIONS
from ragkit.extractors.s3.encoder import EncoderBackend
from ragkit.extractors.s3.features import Scoring
from ragkit.extractors.s3.fusion import Settings
from ragkit.extractors.s3.longtext import LongText, Search
from tests.extractors.s3.helpers import WordBackend, exact_sae, random_sae

SAES = {"words": random_sae(features=256, k=4)}
FILL = " ".join(f"Filler{number % 60} and more{number % 50}." for number in range(300))
TEXT = f"{FILL} The heron builds its nest in spring. {FILL}"
FEATURES = Search(scoring=Scoring(mode="keys"), fusion=Settings(mode="features", radius=4), kernel=5)


def text_of(text: str | dict[str, str] = TEXT, search: Search | None = FEATURES, **options) -> LongText:
    return LongText(text, backend=WordBackend(**options), autoencoders=SAES, search=search)


def test_the_span_that_answers_is_an_exact_slice_and_says_why():
    (span,) = text_of().find("heron nest", budget=9)
    assert "heron" in span.text and TEXT[span.start : span.end] == span.text
    assert span.start_token <= span.peak < span.end_token and span.source == "feature"
    assert 1 <= len(span.features) <= 5
    amounts = [cause.contribution for cause in span.features]
    assert amounts == sorted(amounts, reverse=True) and amounts[-1] > 0
    assert all(span.start_token <= cause.token < span.end_token and cause.space == "words" for cause in span.features)


@settings(max_examples=30, deadline=None)
@given(
    texts=st.dictionaries(st.text("ab", min_size=1, max_size=3), st.text("abc 🙂é\u0301.", max_size=60), max_size=3),
    question=st.text("abc ?", max_size=12),
    budget=st.integers(1, 40),
    mode=st.sampled_from(["adaptive", "union", "rrf", "minmax", "features"]),
    lead=st.integers(0, 3),
    snap=st.booleans(),
)
def test_whatever_is_asked_of_whatever_text_spans_are_slices_within_the_budget(
    texts, question, budget, mode, lead, snap
):
    search = Search(scoring=Scoring(mode="keys"), fusion=Settings(mode=mode, radius=2), kernel=3, lead=lead, snap=snap)
    long = text_of(texts, search)
    spans = long.find(question, budget)
    assert spans == long.find(question, budget)
    assert sum(span.end_token - span.start_token for span in spans) <= budget
    for span in spans:
        assert texts[span.document][span.start : span.end] == span.text and span.text
    order = [(list(texts).index(span.document), span.start) for span in spans]
    assert order == sorted(order)


def test_an_empty_text_has_no_spans():
    assert text_of("").find("anything", 10) == []
    assert text_of({}).find("anything", 10) == []


def test_one_token_is_found_whole():
    assert [span.text for span in text_of("heron").find("heron", 10)] == ["heron"]


def test_a_budget_that_holds_the_text_gives_one_span_for_each_document():
    found = text_of({"a": "one two", "b": "", "c": "three"}).find("three", 10)
    assert [(span.document, span.text) for span in found] == [("a", "one two"), ("c", "three")]
    assert found[1].score > found[0].score


@pytest.mark.parametrize("budget", [0, -1])
def test_a_budget_of_nothing_is_an_error(budget: int):
    with pytest.raises(ValueError, match="budget"):
        text_of().find("heron", budget)


def test_a_question_of_common_words_only_is_asked_again_without_the_stop_rule():
    long = text_of()
    assert long.scores("heron").stopped
    found = long.scores(FILL.split()[0] + " and", Search(scoring=Scoring(mode="keys", stop=0.0001)))
    assert found.total is not None and not found.stopped


@pytest.mark.parametrize("question", ["", "  ", "?!"])
def test_a_question_without_tokens_is_left_to_bm25_and_finds_nothing(question: str):
    for mode in ("adaptive", "union", "rrf", "minmax", "features"):
        assert text_of().find(question, 20, search=Search(fusion=Settings(mode=mode))) == []


def test_a_duplicate_text_scores_alike_and_the_first_comes_first():
    long = text_of({"a": TEXT, "b": TEXT})
    (span,) = long.find("heron nest", budget=9)
    assert span.document == "a"
    total = long.scores("heron nest").total
    assert (total[: len(total) // 2] == total[len(total) // 2 :]).all()


def test_lead_and_tail_are_always_kept():
    search = Search(scoring=Scoring(mode="keys"), fusion=Settings(mode="features"), lead=3, tail=2)
    spans = text_of().find("heron nest", 20, search=search)
    assert (spans[0].start, spans[0].source) == (0, "bias") and spans[-1].end_token == len(text_of())


def test_snapping_widens_to_the_sentence():
    search = Search(scoring=Scoring(mode="keys"), fusion=Settings(mode="features", radius=1), kernel=3, snap=True)
    (span,) = text_of().find("nest", 7, search=search)
    assert span.text == "The heron builds its nest in spring"


def test_calibration_takes_off_what_the_text_gives_to_any_question():
    plain = Search(scoring=Scoring(mode="keys"), fusion=Settings(mode="features"))
    calibrated = Search(scoring=Scoring(mode="keys"), fusion=Settings(mode="features"), calibrate=True)
    long = text_of(TEXT + " " + QUESTIONS[0] * 2)
    one, two = (long.scores(QUESTIONS[0], search).total for search in (plain, calibrated))
    background = sum(long.scores(question, plain).total for question in QUESTIONS) / len(QUESTIONS)
    assert len(QUESTIONS) >= 16 and two == pytest.approx(one - background, abs=1e-4)


def test_a_saved_text_answers_alike_and_another_model_is_refused(tmp_path: Path):
    long = text_of()
    long.save(tmp_path / "t.npz")
    again = LongText.open(tmp_path / "t.npz", backend=WordBackend(), autoencoders=SAES, search=FEATURES)
    assert again.find("heron nest", 9) == long.find("heron nest", 9)
    with pytest.raises(IndexMismatchError, match="other autoencoders"):
        LongText.open(tmp_path / "t.npz", backend=WordBackend(), autoencoders={"words": random_sae(seed=5)})

    class Other(WordBackend):
        def fingerprint(self) -> str:
            return "another model"

    with pytest.raises(IndexMismatchError, match="another model"):
        LongText.open(tmp_path / "t.npz", backend=Other(), autoencoders=SAES)


def test_a_removed_document_is_never_found():
    long = text_of({"a": TEXT, "b": TEXT})
    left = LongText.of(long.index.removed("a"), backend=WordBackend(), autoencoders=SAES, search=FEATURES)
    assert {span.document for span in left.find("heron nest", 40)} == {"b"}


def test_modes_that_need_what_is_not_there_say_so():
    search = Search(scoring=Scoring(mode="shared"))
    with pytest.raises(UnsupportedModelError, match="use mode 'keys'"):
        text_of().find("heron", 9, search=search)
    with pytest.raises(InvalidValueError, match="rows=True"):
        text_of().find("heron", 9, search=Search(scoring=Scoring(mode="similarity")))
    with pytest.raises(InvalidValueError, match="no space 'x'"):
        text_of().find("heron", 9, search=Search(scoring=Scoring(spaces=("x",))))


def test_shared_queries_that_equal_the_keys_find_what_keys_find():
    long = LongText(TEXT, backend=WordBackend(heads=1), autoencoders=SAES, search=FEATURES)
    shared = Search(scoring=Scoring(mode="shared"), fusion=Settings(mode="features", radius=4), kernel=5)
    assert long.find("heron nest", 9, search=shared) == long.find("heron nest", 9)


def test_a_backend_without_shipped_autoencoders_says_how_to_get_some(tmp_path: Path):
    with pytest.raises(SAEMismatchError, match="ragkit s3 train"):
        LongText("a text", backend=EncoderBackend(reaches=(5,)))
    with pytest.raises(SAEMismatchError, match="is missing"):
        LongText("a text", backend=EncoderBackend(), autoencoders=tmp_path)


def test_heads_are_chosen_by_what_they_find():
    from ragkit.extractors.s3.heads import select_heads
    from ragkit.extractors.s3.scan import scan

    backend, saes = WordBackend(heads=2), {"words": exact_sae()}
    facts = [f"The heron{number} builds nest{number} here." for number in range(20)]
    text = " ".join(f"{FILL[:400]} {fact}" for fact in facts)
    long = LongText.of(scan(backend, saes, [text], rows=True), backend=backend, autoencoders=saes)
    labelled = [
        (f"heron{number} nest{number}", text.index(fact), text.index(fact) + len(fact))
        for number, fact in enumerate(facts)
    ]
    assert select_heads(long, labelled, budget=60, most=1) == [("words", 0)]
    with pytest.raises(InvalidValueError, match="too few"):
        select_heads(long, labelled[:19])
    found = long.find(
        "heron7 nest7", 60, search=Search(scoring=Scoring(mode="logits"), fusion=Settings(mode="features"))
    )
    assert any("heron7" in span.text and span.features for span in found)


@pytest.mark.parametrize("wrong", [{"kernel": 4}, {"lead": -1}, {"gap": -1}])
def test_settings_out_of_range_are_refused(wrong: dict):
    with pytest.raises(InvalidValueError):
        Search(**wrong)
    with pytest.raises(InvalidValueError):
        Scoring(stop=0)


OTHER = {
    "German": "Der Leuchtturmwärter füttert jeden Morgen eine zahme Möwe. " * 3,
    "Japanese": "東京の灯台守は毎朝カモメに餌をやる。" * 4,
    "Hindi": "प्रकाशस्तंभ का रखवाला हर सुबह एक पालतू पक्षी को खिलाता है। " * 3,
    "Arabic": "يطعم حارس المنارة طائر نورس أليفًا كل صباح. " * 3,
    "emoji": "👩‍👩‍👧 ship 🚢 e\u0301 " * 12,
}


@pytest.mark.parametrize("language", OTHER)
def test_other_languages_and_scripts_give_exact_slices(language: str):
    text = OTHER[language]
    for budget in (7, 20):
        for span in LongText(text).find("Which bird does the keeper feed?", budget):
            assert text[span.start : span.end] == span.text
            assert not span.text.startswith(("\u0301", "\u200d"))
