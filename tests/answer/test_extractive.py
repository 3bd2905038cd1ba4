from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.answer.extractive import NOT_FOUND, Extractive
from ragkit.types import Answer, Hits, Query

from .helpers import WordCounts, assert_exact, hits

ROYALS = {
    "Lothair II": "Lothair II (835 – 869) was the king of Lotharingia. He was the second son of Emperor Lothair I and "
    "Ermengarde of Tours. He was married to Teutberga (died 875), daughter of Boso the Elder.",
    "Ermengarde of Tours": "Ermengarde of Tours (d. 20 March 851) was the daughter of Hugh of Tours. In 821 she "
    "married the Emperor Lothair I of the Franks.",
    "Teutberga": "Teutberga (died 11 November 875) was a queen of Lotharingia by marriage to Lothair II.",
    "Tours": "Tours is a city in France. It lies on the river Loire.",
}
FILMS = {
    "Broken Harbour": "Broken Harbour is a 1931 American drama film directed by Mira Solen, starring Frank Fay.",
    "Mira Solen": "Mira Solen (born 24 December 1886 in Tartu, Estonia – 11 April 1962, in Boston) was an Estonian "
    "film director.",
    "The Salt Road": "The Salt Road is a 1954 Norwegian film. It was written and directed by Edda Carl.",
    "Edda Carl": "Edda Carl (15 November 1911 – 17 May 2003) was a Norwegian actress and film director.",
    "Glass Orchard": "Glass Orchard is a 1946 Norwegian comedy film produced by Nils Aas and directed by Odd Berg.",
    "Odd Berg": "Odd Berg (born 1901) was a Norwegian director. He died in Bergen on 3 May 1970.",
}


def ask(question: str, pages: dict[str, str], *, meaning: bool = True) -> Answer:
    answer = Extractive(WordCounts() if meaning else None, None).answer(hits(question, pages))
    assert_exact(answer, pages)
    return answer


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("When did Lothair II's mother die?", "20 March 851"),
        ("when did lothair ii's mother die", "20 March 851"),
        ("Who is the mother of Lothair II?", "Ermengarde of Tours"),
        ("Who is the paternal grandfather of Lothair II?", ""),
        ("Who is Lothair II's maternal grandfather?", "Hugh of Tours"),
        ("When did the wife of Lothair II die?", "11 November 875"),
    ],
)
def test_family_relations_are_followed_from_page_to_page(question: str, short: str) -> None:
    answer = ask(question, ROYALS)

    assert answer.short == short
    assert answer.found == bool(short)


def test_a_bridge_answer_quotes_both_of_its_steps() -> None:
    answer = ask("When did Lothair II's mother die?", ROYALS)

    assert [citation.document_id for citation in answer.citations] == ["Lothair II", "Ermengarde of Tours"]
    assert answer.text.splitlines()[0] == "20 March 851"
    assert "[1]" in answer.text
    assert "[2]" in answer.text


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("Which film was released first, Broken Harbour or The Salt Road?", "Broken Harbour"),
        ("Which film came out later, Broken Harbour or The Salt Road?", "The Salt Road"),
        ("Which film has the director who was born first, The Salt Road or Broken Harbour?", "Broken Harbour"),
        ("Which film has the director who died later, The Salt Road or Glass Orchard?", "The Salt Road"),
        ("Who is older, Edda Carl or Mira Solen?", "Mira Solen"),
        ("Who is younger, Edda Carl or Mira Solen?", "Edda Carl"),
        ("Who died first, Edda Carl or Mira Solen?", "Mira Solen"),
        ("Who lived longer, Edda Carl or Mira Solen?", "Edda Carl"),
        ("Was Mira Solen or Odd Berg born first?", "Mira Solen"),
    ],
)
def test_comparisons_are_decided_by_the_dates_of_both_sides(question: str, short: str) -> None:
    answer = ask(question, FILMS)

    assert answer.short == short
    assert len(answer.citations) >= 2


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("Do Edda Carl and Odd Berg have the same nationality?", "yes"),
        ("Do Edda Carl and Mira Solen have the same nationality?", "no"),
        ("Are The Salt Road and Glass Orchard from the same country?", "yes"),
        ("Are the directors of The Salt Road and Broken Harbour from the same country?", "no"),
        ("Are Edda Carl and Mira Solen both film directors?", "yes"),
        ("Are Edda Carl and Mira Solen both actresses?", "no"),
    ],
)
def test_yes_and_no_are_said_of_two_pages(question: str, short: str) -> None:
    assert ask(question, FILMS).short == short


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("Where was the director of Broken Harbour born?", "Tartu, Estonia"),
        ("Where did the director of Broken Harbour die?", "Boston"),
        ("What is the place of death of the director of film Glass Orchard?", "Bergen"),
        ("When was the director of the film The Salt Road born?", "15 November 1911"),
        ("What nationality is the director of Broken Harbour?", "Estonian"),
        ("Who directed Glass Orchard?", "Odd Berg"),
        ("Who is the producer of Glass Orchard?", "Nils Aas"),
    ],
)
def test_facts_of_makers_are_found_through_their_works(question: str, short: str) -> None:
    assert ask(question, FILMS).short == short


def test_a_question_about_something_never_mentioned_is_not_found() -> None:
    answer = ask("When did Napoleon Bonaparte's mother die?", ROYALS)

    assert not answer.found
    assert answer.text == NOT_FOUND
    assert answer.citations == ()


def test_an_unrelated_question_is_not_found() -> None:
    assert not ask("How do I reset the password of my router?", ROYALS).found


def test_a_comparison_with_one_side_missing_is_not_found() -> None:
    assert not ask("Which film was released first, Broken Harbour or Unheard Melody?", FILMS).found


def test_no_hits_are_not_found() -> None:
    answer = Extractive(None, None).answer(Hits(Query("Who was it?")))

    assert not answer.found
    assert "no hits" in str(answer.trace[0]["reason"])


@pytest.mark.parametrize(
    ("question", "pages", "short"),
    [
        (
            "How many seats has the Orbel theatre?",
            {"Orbel theatre": "The Orbel theatre opened in 1907. It has 1,250 seats and two balconies."},
            "1,250",
        ),
        (
            "In what year did the Orbel theatre open?",
            {"Orbel theatre": "The Orbel theatre opened in May 1907. It has 1,250 seats and two balconies."},
            "1907",
        ),
        (
            "When was the Orbel theatre opened?",
            {"Orbel theatre": "The Orbel theatre was opened on 3 May 1907. It was rebuilt in 1950."},
            "3 May 1907",
        ),
    ],
)
def test_numbers_and_dates_are_picked_when_asked_for(question: str, pages: dict[str, str], short: str) -> None:
    assert ask(question, pages).short == short


def test_documents_without_titles_answer_too() -> None:
    pages = {"": "The warranty of the pump lasts three years. The pump must be cleaned each month with warm water."}
    text = pages[""]
    from ragkit.types import Document, Hit

    chunk = Document(id="manual", text=text).chunk(0, len(text))
    answer = Extractive(WordCounts(), None).answer(
        Hits(Query("How long does the warranty of the pump last?"), (Hit(chunk, 1.0),))
    )

    assert answer.found
    assert answer.citations[0].quote == "The warranty of the pump lasts three years."


def test_quotes_are_bounded() -> None:
    answer = Extractive(WordCounts(), None, sentences=1).answer(hits("When did Lothair II's mother die?", ROYALS))

    assert len(answer.citations) == 1


def test_doing_without_an_embedder_is_noted_in_the_trace() -> None:
    answer = ask("Who directed Glass Orchard?", FILMS, meaning=False)

    assert answer.short == "Odd Berg"
    assert "embedder=''" in str(answer.trace[0]["meaning"])


def test_the_order_of_the_hits_does_not_change_a_decided_comparison() -> None:
    turned = dict(reversed(FILMS.items()))
    question = "Which film has the director who was born first, The Salt Road or Broken Harbour?"

    assert ask(question, turned).short == ask(question, FILMS).short


def test_questions_in_other_languages_are_answered_by_quotes() -> None:
    pages = {"Berlin": "Berlin ist die Hauptstadt von Deutschland. Die Spree fließt durch Berlin."}

    answer = ask("Welcher Fluss fließt durch Berlin, die Spree?", pages)

    assert any("Spree" in citation.quote for citation in answer.citations)


@settings(max_examples=60, deadline=None)
@given(
    question=st.text(min_size=1, max_size=120).filter(str.strip),
    texts=st.lists(st.text(min_size=1, max_size=300), max_size=4),
)
def test_any_text_is_answered_or_not_found_with_exact_quotes(question: str, texts: list[str]) -> None:
    pages = {f"page {number}": text for number, text in enumerate(texts)}

    answer = Extractive(WordCounts(), None).answer(hits(question, pages))

    assert_exact(answer, pages)
    assert answer.found == bool(answer.citations)


_WORDS = st.sampled_from(
    "Ada Lovelace's film director born died in on 1901 (5 May 1820 – 1871) or and which who when where first, older "
    "? . “ ” ( ) of the same country mother's father Both is are London".split(" ")
)


@settings(max_examples=80, deadline=None)
@given(question=st.lists(_WORDS, min_size=1, max_size=14), text=st.lists(_WORDS, min_size=1, max_size=60))
def test_jumbled_english_never_fails(question: list[str], text: list[str]) -> None:
    pages = {"Ada Lovelace": " ".join(text), "London": "London " + " ".join(reversed(text))}

    answer = Extractive(WordCounts(), None).answer(hits(" ".join(question), pages))

    assert_exact(answer, pages)


def test_a_question_of_100_kilobytes_is_answered_in_time() -> None:
    question = "Which is older, A or B, out of this and that, " * 2500 + "and when did Lothair II's mother die?"

    began = time.perf_counter()
    ask(question, ROYALS)

    assert time.perf_counter() - began < 10


def test_text_without_ends_of_sentences_is_quoted_in_pieces() -> None:
    pages = {"Log": "Mira Solen directed Harbour and was born in Tartu to Ada of Tours " * 1000}

    answer = ask("Who directed Harbour in the log of Tartu and Tours?", pages)

    assert all(len(citation.quote) <= 1000 for citation in answer.citations)


def test_a_quote_that_does_not_name_its_subject_is_led_by_its_title() -> None:
    text = ask("When was the director of the film The Salt Road born?", FILMS).text

    assert "The Salt Road: “It was written and directed by Edda Carl.” [1]" in text
    assert "\n“Edda Carl (15 November 1911" in text
