"""What a stranger asks of the example documents, through the default pipeline with its real models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit import KnowledgeBase
from ragkit.types import Answer, check_citations

FOUND = [
    ("Who designed the Kestrel Point Lighthouse?", "Ada Marlowe"),
    ("Who beat the captain of the Grey Heron in the final of the Varrin Chess Open?", "Ilse Brandt"),
    ("Who beat the captain of the Grey Heron at chess?", "Ilse Brandt"),
    ("Who was mayor of the city where Jonas Petrel was born?", "Edith Crane"),
    ("Which is larger, Saltmere or Corrin?", "Saltmere"),
    ("how high is the lighthouse", "43"),
    ("how high is the kestrel point lighthouse", "43"),
    ("When was the Kestrel Point Lighthouse built?", "1931"),
    ("Who cast the lens of the lighthouse?", "Brandt & Sons"),
    ("How far does the beam of the lighthouse reach?", "24"),
    ("Who was the foreman at the lighthouse?", "Silas Orme"),
    ("Where was Jonas Petrel born?", "Saltmere"),
    ("when was jonas petrel born", "1889"),
    ("What club did Ada Marlowe's brother play for?", "Harbour Rovers"),
    ("In which city is the club Ada Marlowe's brother played for?", "Saltmere"),
    ("What is the name of Ada Marlowe's brother?", "Tobias Marlowe"),
    ("Who is Ada Marlowe's mother?", "Hester"),
    ("How many people lived in Saltmere in 1931?", "84,200"),
    ("What is the population of Corrin?", "23,500"),
    ("Who founded the polytechnic in Corrin?", "Agnes Holt"),
    ("Who won the Varrin Cup in 1933?", "Corrin United"),
    ("Who was the first president of Corrin United?", "Konrad Brandt"),
    ("Which ship is older, the White Tern or the Grey Heron?", "White Tern"),
    ("Was the White Tern built before the Grey Heron?", "yes"),
    ("Was the Grey Heron built before the White Tern?", "no"),
    ("Who died first, Ada Marlowe or Tobias Marlowe?", "Ada Marlowe"),
    ("Are Ada Marlowe and Ilse Brandt both engineers?", "no"),
    ("Which football club was founded first, Corrin United or the Harbour Rovers?", "Harbour Rovers"),
    ("Who was the captain of the Grey Heron during the great storm?", "Jonas Petrel"),
    ("Who founded Brandt & Sons?", "Matthias Brandt"),
    ("How many fishing boats were lost in the great storm?", "Thirty-four"),
    ("When did the great storm strike Varrin?", "17 January 1933"),
    ("Where does the Tamsel rise?", "Mount Harrow"),
    ("Who was the first woman to be mayor of Saltmere?", "Edith Crane"),
    ("Where was the Grey Heron built?", "Lower Ash"),
    ("Who bought the Hester?", "Ada Marlowe"),
]
NOT_FOUND = [
    "What instrument did Ada Marlowe play?",
    "Who is the president of Varrin?",
    "Who won the Varrin Cup in 1931?",
    "Who is the wife of Jonas Petrel?",
    "When did Silas Orme die?",
    "What language is spoken on Varrin?",
    "What is the capital of Varrin?",
    "Where did Ilse Brandt study?",
    "Who wrote the book about Kestrel Point?",
    "What is the email address of the Harbour Board?",
]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    folder = Path(__file__).resolve().parents[2] / "examples" / "documents"
    with KnowledgeBase(tmp_path_factory.mktemp("examples") / "examples.db") as kb:
        assert not kb.add(folder).failed
        yield kb


def assert_exact(answer: Answer, kb: KnowledgeBase) -> None:
    cited = {citation.document_id for citation in answer.citations}
    check_citations(answer.citations, {name: kb.document(name) for name in cited})


@pytest.mark.parametrize(("question", "wanted"), FOUND)
def test_what_the_examples_say_is_answered(question: str, wanted: str, examples: KnowledgeBase) -> None:
    answer = examples.ask(question)

    assert_exact(answer, examples)
    assert wanted.casefold() in answer.short.casefold()


@pytest.mark.parametrize("question", NOT_FOUND)
def test_what_the_examples_do_not_say_is_not_found(question: str, examples: KnowledgeBase) -> None:
    answer = examples.ask(question)

    assert not answer.found, answer.text


def test_a_negation_is_quoted(examples: KnowledgeBase) -> None:
    quotes = [citation.quote for citation in examples.ask("Did the railway reach Pellwick?").citations]

    assert any("the railway has never come" in quote for quote in quotes)


def test_headings_are_never_quoted(examples: KnowledgeBase) -> None:
    for question in ("What about the light?", "What about the storm?", "What work did Ada Marlowe do?"):
        for citation in examples.ask(question).citations:
            assert citation.quote.strip("# ") not in ("The light", "The storm", "Work", "Family")


def test_a_description_resolved_is_told_in_the_trace(examples: KnowledgeBase) -> None:
    answer = examples.ask("Who beat the captain of the Grey Heron at chess?")

    note = next(entry for entry in answer.trace if "way" in entry)
    assert note["way"] == "nested"
    assert note["resolved"] == "the captain of the Grey Heron = Jonas Petrel"
    assert {citation.document_id.rpartition("/")[2] for citation in answer.citations} >= {"ilse-brandt.md"}
