"""The predictors for queries: what they find, when they find nothing, and what they must never do."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError, ModelError
from ragkit.extractors.html.hybrid import MODEL, HybridQE, load_models
from ragkit.extractors.html.lexical import LexicalQE
from ragkit.extractors.html.scores import token_f1
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.semantic import EmbeddingQE, beginning, unit_vectors
from ragkit.extractors.html.types import PartitionOptions, Predictor
from ragkit.models.embedders import load_embedder

FOLDER = Path(__file__).with_name("questions")
QUESTIONS = json.loads((FOLDER / "questions.json").read_text("utf-8"))
HASHED = load_embedder("hash").embed  # vectors of no meaning, for what does not depend on meaning

PAGE = """<h1>Animals of the forest</h1>
<h2>What do foxes eat in winter?</h2><p>In winter they hunt mice under the snow, and take what people leave.</p>
<p>They also dig for roots when the ground is soft enough.</p>
<h2>Where do wolves sleep?</h2><p>A pack rests in the open, close together, and changes the place every night.</p>
<h2>How old do bears become?</h2><p>Thirty years is a great age for a bear, and few reach it.</p>"""

PREDICTORS = {
    "lexical": lambda: LexicalQE(),
    "embedding": lambda: EmbeddingQE(HASHED, threshold=-1),
    "hybrid without vectors": lambda: HybridQE(None),
    "hybrid": lambda: HybridQE(HASHED, least=0),
}
every = pytest.mark.parametrize("make", PREDICTORS.values(), ids=PREDICTORS.keys())


def texts(page, made):
    return [page.segments[index - 1].text for index in made.indices]


# ---------------------------------------------------------------- what all of them keep to


@every
def test_it_is_a_predictor(make):
    assert isinstance(make(), Predictor) and make().name


@every
@pytest.mark.parametrize("html", ["", "   ", "<h1>Only a title</h1>", "<p>x</p>", "<p hidden>secret fox</p>"])
def test_small_pages_are_no_trouble(make, html):
    page = segment_html(html)
    made = make().predict(page, "What do foxes eat?")
    assert made.scores is not None and len(made.scores) == len(page.segments)
    assert set(made.indices) <= set(range(1, len(page.segments) + 1))


@every
@pytest.mark.parametrize(
    "query",
    [
        "what is it",
        "the",
        "?",
        "!!!",
        "Was fressen Füchse im Winter?",
        "キツネは冬に何を食べますか",
        "лисы зимой",
        "a" * 5000,
    ],
)
def test_any_query_gives_the_same_answer_twice(make, query):
    page = segment_html(PAGE)
    one, other = make().predict(page, query), make().predict(segment_html(PAGE), query)
    assert (one.indices, one.scores) == (other.indices, other.scores)
    assert all(0 <= score <= 1 for score in one.scores)


@every
@pytest.mark.parametrize("query", [None, "", "  \n"])
def test_without_a_query_there_is_nothing_to_find(make, query):
    with pytest.raises(InvalidValueError, match="query"):
        make().predict(segment_html(PAGE), query)


@every
@pytest.mark.parametrize("budget", [0, 1, 5, 12, 25, 1000])
def test_the_budget_of_words_is_never_passed(make, budget):
    page = segment_html(PAGE)
    made = make().predict(page, "What do foxes eat in winter?", budget_words=budget)
    assert sum(page.layout.words[index - 1] for index in made.indices) <= budget
    assert budget > 1 or not made.indices


@every
def test_a_negative_budget_is_refused(make):
    with pytest.raises(InvalidValueError, match="budget"):
        make().predict(segment_html(PAGE), "What do foxes eat in winter?", budget_words=-1)


@every
def test_hidden_and_repeated_segments_are_never_chosen(make):
    answer = (
        "In winter foxes hunt mice under the snow and they take what people leave behind them in the villages at night."
    )
    html = f"<h2>Foxes in winter</h2><p>{answer}</p><p style='display:none'>{answer} Foxes!</p><p>{answer}</p>"
    page = segment_html(html, options=PartitionOptions(hidden="flag"))
    made = make().predict(page, "What do foxes hunt in winter?")
    assert page.segments[2].hidden and "duplicate" in page.segments[3].flags
    assert not {3, 4} & set(made.indices)


@every
@settings(max_examples=15, deadline=None)
@given(
    html=st.lists(
        st.sampled_from(["<h2>", "</h2>", "<p>", "<li>", "<dl><dt>", "<dd>", "</dl>", "<table><tr><td>", "fox ", "? "]),
        max_size=40,
    ).map("".join),
    query=st.text(alphabet="fox wolf?é狐 ", min_size=1).filter(str.strip),
)
def test_any_page_can_be_asked(make, html, query):
    page = segment_html(html)
    made = make().predict(page, query)
    assert all(page.layout.usable[index - 1] for index in made.indices)


# ---------------------------------------------------------------- each by itself


@pytest.mark.parametrize("make", [LexicalQE, lambda: HybridQE(None), HybridQE], ids=["lexical", "plain", "hybrid"])
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("What do foxes eat in winter?", ["In winter they hunt", "They also dig"]),
        ("how old do bears become", ["Thirty years"]),
        ("wolves sleep", ["A pack rests"]),
    ],
)
def test_the_section_under_the_question_is_found_without_its_heading(make, query, wanted):
    page = segment_html(PAGE)
    found = texts(page, make().predict(page, query))
    assert len(found) == len(wanted)
    assert all(text.startswith(start) for text, start in zip(found, wanted, strict=True))


@pytest.mark.parametrize("make", [LexicalQE, lambda: HybridQE(None), HybridQE], ids=["lexical", "plain", "hybrid"])
def test_a_question_about_something_else_finds_nothing(make):
    made = make().predict(segment_html(PAGE), "Which interest rate did the central bank decide on?")
    assert not made.indices and made.detail["reason"]


def test_meaning_finds_what_words_do_not():
    page = segment_html(
        "<p>The committee met on Tuesday to discuss the budget for the new school.</p>"
        "<p>A physician should be consulted when the temperature of a child stays high.</p>"
        "<p>Trains to the coast leave from the second platform every hour.</p>"
    )
    query = "Do I need to see a doctor because of fever?"
    assert EmbeddingQE(threshold=0).predict(page, query).indices.to_string() == "2"
    scores = HybridQE(least=0).predict(page, query).scores
    assert scores.index(max(scores)) == 1


def test_neighbours_share_their_score():
    def embed(texts):
        return np.array([[1.0, 0.0] if "fox" in text else [0.0, 1.0] for text in texts])

    page = segment_html("<p>one fox</p><p>two</p><p>three</p><p>four</p>")
    assert EmbeddingQE(embed).predict(page, "fox").scores == (0.75, 0.25, 0.0, 0.0)


def test_hybrid_tells_what_it_expects():
    detail = HybridQE(None).predict(segment_html(PAGE), "How old do bears become?").detail
    assert 0.5 < detail["expected"] <= 1 and detail["embedded"] is False
    assert HybridQE().predict(segment_html(PAGE), "How old do bears become?").detail["embedded"] is True


def test_hybrid_embeds_a_limited_number_of_texts_of_a_long_page():
    seen = []

    def embed(texts):
        seen.extend(texts)
        return HASHED(texts)

    html = "".join(f"<h3>Part {i}</h3><p>Foxes and number {i} of the long list of things.</p>" for i in range(800))
    page = segment_html(html)
    started = time.process_time()
    HybridQE(embed).predict(page, "What is number 700?")
    assert len(seen) <= 61 and time.process_time() - started < 10


def test_only_the_beginning_of_a_long_segment_is_embedded():
    assert beginning("a  b\nc " * 100, 4) == "a b c a"


@pytest.mark.parametrize("bad", [np.zeros((1, 3)), np.zeros(6), np.full((2, 3), np.nan)])
def test_an_embedder_that_gives_something_else_is_an_error(bad):
    with pytest.raises(ModelError, match="embedder"):
        unit_vectors(lambda texts: bad, ["one", "two"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: LexicalQE(least_cover=2),
        lambda: EmbeddingQE(threshold=3),
        lambda: EmbeddingQE(slack=-1),
        lambda: HybridQE(least=-1),
        lambda: HybridQE("static"),
    ],
)
def test_senseless_options_are_refused(make):
    with pytest.raises(InvalidValueError):
        make()


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match="none.npz"):
        HybridQE(None, model=tmp_path / "none.npz").predict(segment_html(PAGE), "foxes")


def test_the_packaged_model_is_small_and_of_this_version():
    assert MODEL.stat().st_size < 3_000_000
    models = load_models()
    assert {len(getattr(models, name).roots) for name in ("plain_segments", "near_segments")} == {110}


# ---------------------------------------------------------------- hand-written questions


@pytest.fixture(scope="module")
def pages():
    return {path.stem: segment_html(path.read_bytes()) for path in FOLDER.glob("*.html")}


def gold(page, question):
    found = [s.index for s in page.segments if any(s.text.startswith(start) for start in question["answer"])]
    assert len(found) == len(question["answer"]), question
    return found


def measured(predictor, pages):
    """Mean token F1 of the questions with an answer; share of the others for which nothing was chosen."""
    f1, empty = [], []
    for question in QUESTIONS:
        page = pages[question["page"]]
        made = predictor.predict(page, question["question"])
        if question["answer"]:
            shown = {segment.index: segment.text for segment in page.segments}
            f1.append(token_f1(list(made.indices), gold(page, question), shown))
        else:
            empty.append(not made.indices)
    return sum(f1) / len(f1), sum(empty) / len(empty)


def test_there_are_enough_questions_and_some_have_no_answer():
    assert len(QUESTIONS) >= 40 and sum(not question["answer"] for question in QUESTIONS) >= 12


@pytest.mark.parametrize(
    ("make", "least_f1", "least_empty"),
    [(HybridQE, 0.5, 0.7), (lambda: HybridQE(None), 0.4, 0.7), (LexicalQE, 0.4, 0.9)],
    ids=["hybrid", "hybrid without vectors", "lexical"],
)
def test_hand_written_questions_are_answered_or_left_open(pages, make, least_f1, least_empty):
    f1, empty = measured(make(), pages)
    assert f1 >= least_f1 and empty >= least_empty
