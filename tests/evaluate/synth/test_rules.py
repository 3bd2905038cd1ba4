"""Questions from parsed sentences, with the packaged spaCy model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ragkit.errors import InvalidValueError, ModelError
from ragkit.evaluate import Dataset
from ragkit.evaluate.dataset import DatasetError
from ragkit.evaluate.synth import Candidate, by_rules
from ragkit.evaluate.synth.parsing import paragraphs, parsed_sentences, ruled_sentences
from ragkit.evaluate.synth.rules import cloze, from_parsed
from ragkit.evaluate.synth.wording import balanced, points_elsewhere, suitable
from ragkit.types import Document


def candidates(*texts: str) -> list[Candidate]:
    documents = [(f"d{at}", f"d{at}", text) for at, text in enumerate(texts)]
    return list(from_parsed(parsed_sentences(documents), Counter()))


def asked(*texts: str) -> dict[str, tuple[str, str]]:
    return {one.question: (one.kind, one.answer) for one in candidates(*texts)}


@pytest.mark.parametrize(
    ("sentence", "question", "kind", "answer"),
    [
        (
            "Marie Curie discovered two new elements in a shed behind the school.",
            "Who discovered two new elements in a shed behind the school?",
            "subject",
            "Marie Curie",
        ),
        (
            "The city council opened a new museum of art near the old harbour.",
            "What opened a new museum of art near the old harbour?",
            "subject",
            "The city council",
        ),
        (
            "Marie Curie moved to the city of Paris with two friends in 1891.",
            "When did Marie Curie move to the city of Paris with two friends?",
            "when",
            "1891",
        ),
        (
            "The city council opened a new museum of art near the old harbour.",
            "What did the city council open near the old harbour?",
            "object",
            "a new museum of art",
        ),
        (
            "The old shipyard of Saltmere employed 400 workers before the great war.",
            "How many workers did the old shipyard of Saltmere employ before the great war?",
            "quantity",
            "400 workers",
        ),
        (
            "The old football club has played in Berlin since the end of the war.",
            "Where has the old football club played since the end of the war?",
            "where",
            "Berlin",
        ),
    ],
)
def test_each_kind_of_question_is_made(sentence: str, question: str, kind: str, answer: str) -> None:
    made = asked(sentence)
    assert made.get(question) == (kind, answer), made


def test_the_reference_is_the_whole_sentence_at_its_place() -> None:
    text = "Short title\n\nIt rained.  Marie Curie discovered two new elements in a shed behind the school.  It rained."
    for one in candidates(text):
        assert one.texts == ("Marie Curie discovered two new elements in a shed behind the school.",)
        assert text[one.spans[0].start : one.spans[0].end] == one.texts[0]


@pytest.mark.parametrize(
    "sentence",
    [
        "He discovered two new elements in a shed behind the old school.",
        "This engineer built a long wooden bridge over the wide river Aare.",
        "Did Marie Curie discover two new elements in a shed behind the school?",
        "| Marie Curie | discovered | two new elements | in a shed | behind the school |",
        "Marie Curie discovered (in a shed two new elements behind the old school.",
    ],
)
def test_sentences_that_point_ask_or_are_tables_give_no_question(sentence: str) -> None:
    assert asked(sentence) == {}


def test_a_generic_subject_is_dropped_only_when_there_are_several_documents() -> None:
    sentence = "The company built three new factories in the north of Germany in 1999."
    assert asked(sentence)
    assert not asked(sentence, "Nothing much.")


SCATTERED = (
    "The lawyer John Hartley founded the museum of glass in the old town. The museum is open every day of the week.\n"
    "Many people visit the harbour in the summer months of the year.\n"
    "The first exhibition was opened by John Hartley himself in the spring of 1931.\n"
)


def test_a_name_in_scattered_sentences_is_asked_about_with_all_of_them() -> None:
    found = [one for one in candidates(SCATTERED) if one.kind == "mentions"]
    assert [one.question for one in found] == ["What is known about John Hartley?"]
    assert len(found[0].spans) == 2
    assert all("John Hartley" in text for text in found[0].texts)


def test_a_subject_and_verb_in_scattered_sentences_are_gathered() -> None:
    text = (
        "The northern shipyard of Saltmere built two large ferries for the islands.\n"
        "Many people visit the harbour in the summer months of the year.\n"
        "The northern shipyard of Saltmere built a fast steamer for the navy.\n"
    )
    found = [one for one in candidates(text) if one.kind == "gather"]
    assert [one.question for one in found] == ["What did the northern shipyard of Saltmere build?"]
    assert len(found[0].spans) == 2


def test_without_a_parser_sentences_get_a_gap() -> None:
    documents = [("d", "d", "The great storm of the winter sank two boats near Saltmere harbour in 1933.")]
    found = list(cloze(ruled_sentences(documents), Counter()))
    assert [(one.question, one.answer) for one in found] == [
        ('What is missing in "The great storm of the winter sank two boats near ____ harbour in 1933."?', "Saltmere")
    ]


def test_paragraphs_are_lines_of_more_than_forty_characters_and_endless_ones_are_cut() -> None:
    text = "short\r\n" + "x" * 41 + "\n" + "y" * 120_000
    assert list(paragraphs(text)) == [(7, 48), (49, 50_049), (50_049, 100_049), (100_049, 120_049)]


def test_sentences_are_suitable_by_length_letters_and_marks() -> None:
    assert suitable("The old shipyard of Saltmere employed many workers.")
    assert not suitable("Too short to ask about.")
    assert not suitable("one two three 44444 55555 66666 77777 88888 99999 10101")
    assert not suitable("The old {shipyard} of Saltmere employed many workers.")
    assert balanced('a "b" (c)')
    assert not balanced('a "b (c)')
    assert points_elsewhere("What is said in this passage?")
    assert points_elsewhere("What did he build?")
    assert not points_elsewhere("What did Ada build?")


@pytest.fixture(scope="module")
def isle() -> list[Document]:
    folder = Path(__file__).resolve().parents[3] / "examples" / "documents"
    return [Document(path.stem, path.read_text(), path.name) for path in sorted(folder.rglob("*.md"))]


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(isle: list[Document], tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        by_rules(isle, n=8, seed=seed, name="isle").dataset.save(tmp_path / name)
    one, two, three = (
        [path.read_bytes() for path in sorted((tmp_path / name).rglob("*")) if path.is_file()]
        for name in ("one", "two", "three")
    )
    assert one == two
    assert one != three


def test_the_set_is_valid_says_how_it_was_made_and_how_much_it_repeats(isle: list[Document], tmp_path: Path) -> None:
    made = by_rules(isle, n=10)
    made.dataset.save(tmp_path)
    read = Dataset.load(tmp_path)
    assert len(read.questions) == 10
    assert read.generator["mode"] == "rules"
    assert "en_core_web_sm" in read.generator["model"]
    assert read.generator["funnel"] == made.funnel.table()
    assert 0.8 < made.overlap <= 1
    assert made.funnel.table()[-1]["kept"] == 10
    assert "rules: " in str(made.funnel)


def test_without_a_model_gapped_sentences_are_made(isle: list[Document]) -> None:
    made = by_rules(isle, n=5, model="")
    assert {question.kind for question in made.dataset.questions} == {"cloze"}
    assert all(question.answer in question.references[0].text for question in made.dataset.questions)


def test_a_missing_model_no_documents_or_no_questions_are_told() -> None:
    with pytest.raises(ModelError, match="'no_such_model' cannot be loaded"):
        by_rules([Document("d", "Text.")], model="no_such_model")
    with pytest.raises(InvalidValueError, match="no documents"):
        by_rules([])
    with pytest.raises(InvalidValueError, match="two documents have the id 'd'"):
        by_rules([Document("d", "a"), Document("d", "b")])
    with pytest.raises(DatasetError, match="no question is left"):
        by_rules([Document("d", "Too short.")])


def test_that_as_a_relative_or_conjunction_is_no_demonstrative() -> None:
    sentence = "Marie Curie opened a laboratory that trained many young chemists in the city of Warsaw."
    assert "Who opened a laboratory that trained many young chemists in the city of Warsaw?" in asked(sentence)


def test_authors_of_citations_are_no_names_to_ask_about() -> None:
    text = SCATTERED.replace("The lawyer John Hartley", "The lawyer Hartley JR").replace(
        "John Hartley himself", "Hartley JR"
    )
    assert not [one for one in candidates(text) if one.kind == "mentions"]


def test_what_was_done_to_a_subject_is_not_gathered() -> None:
    text = (
        "The northern shipyard of Saltmere was closed by the navy after the war.\n"
        "Many people visit the harbour in the summer months of the year.\n"
        "The northern shipyard of Saltmere was closed once again in the spring.\n"
    )
    assert not [one for one in candidates(text) if one.kind == "gather"]
