from __future__ import annotations

import pytest

from ragkit.answer.evidence import Evidence
from ragkit.answer.extractive import Extractive
from ragkit.answer.kinds import defined_as, is_a, is_no_person
from ragkit.answer.layout import first_line_title, heading_spans
from ragkit.answer.names import name_runs
from ragkit.answer.nested import descriptions, replaced
from ragkit.answer.question import understand
from ragkit.answer.sizes import figure, kinds_of_figure
from ragkit.answer.support import joined, predicate, support
from ragkit.answer.tagger import Tagger

from .helpers import WordCounts, hits

TOWNS = {
    "Bellmoor": "Bellmoor is a market town of the north. In the census of 1951 it had 12,400 inhabitants.",
    "Tarn": "Tarn is a fishing village on the lake. The population was 310 in 1951.",
    "Nell Osk": "Nell Osk is the mayor of Bellmoor. She plays the cello.",
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# The light\n\nIt shines.", ["# The light"]),
        ("Title\n=====\nIt shines.", ["Title", "====="]),
        ("Jonas Petrel\n\nHe was a captain.", ["Jonas Petrel"]),
        ("It shone.\n\nThe storm\n\nIt blew for days.", ["The storm"]),
        ("It shone.\n\nThe last line without an end", []),
        ("Eggs\n\nMilk\n\nFlour", []),
        ("- Eggs\n\nBuy them fresh.", []),
        ("Price: 30\n\nIt is cheap.", []),
    ],
)
def test_headings_are_told_from_lines_that_say_something(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in heading_spans(text)] == found


def test_a_text_without_title_is_about_its_first_line() -> None:
    assert first_line_title("Jonas Petrel\n\nHe was a captain.") == "Jonas Petrel"
    assert first_line_title("He was a captain.\n\nNo title.") == ""


def test_a_page_is_what_its_first_sentence_says_it_is() -> None:
    evidence = Evidence(hits("?", TOWNS))

    assert defined_as(evidence.pages[0]) == ("market", "town")
    assert is_a(evidence.pages[1], "villages")
    assert is_no_person("Bellmoor", evidence)
    assert not is_no_person("Nell Osk", evidence)


def test_the_predicate_is_what_no_name_accounts_for() -> None:
    evidence = Evidence(hits("What instrument does Nell Osk play?", TOWNS))

    assert predicate(understand("What instrument does Nell Osk play?", evidence)) == ("instrument", "play")


def test_support_tells_missing_words_names_and_years() -> None:
    evidence = Evidence(hits("Who was mayor of Bellmoor in 1933?", TOWNS))
    question = understand("Who was mayor of Bellmoor in 1933?", evidence)

    held = support(question, evidence.pages[2].sentences, evidence, WordCounts())

    assert held.likeness["mayor"] == 1.0
    assert held.years == ("1933",)
    assert held.names == 1.0


def test_sentences_belong_together_when_a_page_names_the_other() -> None:
    evidence = Evidence(hits("?", TOWNS))
    bellmoor, tarn, osk = (page.sentences[0] for page in evidence.pages)

    assert joined([bellmoor, tarn, osk], evidence) == [[bellmoor, osk], [tarn]]


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("Which is larger, Bellmoor or Tarn?", "Bellmoor"),
        ("Which is smaller, Bellmoor or Tarn?", "Tarn"),
        ("Is Bellmoor larger than Tarn?", "yes"),
        ("Is Tarn larger than Bellmoor?", "no"),
    ],
)
def test_sizes_are_compared_by_a_figure_of_one_kind(question: str, short: str) -> None:
    assert Extractive(WordCounts(), None).answer(hits(question, TOWNS)).short == short


def test_a_year_is_no_size() -> None:
    evidence = Evidence(hits("?", {"Tarn": "Tarn is a village. In 1951 inhabitants left."}))

    assert figure(kinds_of_figure("Which is larger?")[0], evidence.pages[0]) is None


def test_a_year_the_pages_never_mention_is_not_answered_with_another() -> None:
    pages = {"Rovers": "The Rovers won the Lake Cup in 1934. They play at Tarn."}

    assert not Extractive(WordCounts(), None).answer(hits("Who won the Lake Cup in 1931?", pages)).found


@pytest.mark.parametrize(
    ("text", "plainer"),
    [
        ("Who beat the mayor of Bellmoor?", "Who beat X?"),
        ("Where does the village where Nell Osk lives lie?", "Where does X lie?"),
        ("Who is the mayor of Bellmoor?", None),
        ("Which town is Nell Osk from?", None),
    ],
)
def test_descriptions_are_found_but_for_what_is_asked(text: str, plainer: str | None) -> None:
    evidence = Evidence(hits(text, TOWNS))
    question = understand(text, evidence)
    document = Tagger().parse(text)
    assert document is not None

    found = [replaced(question, description, "X") for description in descriptions(question, document, evidence)]

    assert found == ([plainer] if plainer else [])


def test_firms_keep_their_ampersand_but_pairs_of_people_do_not_merge() -> None:
    def names(text: str) -> list[str]:
        return [text[start:end] for start, end in name_runs(text)]

    assert names("cast by Brandt & Sons in 1920") == ["Brandt & Sons"]
    assert names("by Joel Coen & Ethan Coen") == ["Joel Coen", "Ethan Coen"]
