import pytest

from ragkit.text.entities import extract


def names(text: str) -> list[str]:
    return [mention.surface for mention in extract(text, sources=("caps",))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He heard Ludwig van Beethoven play.", ["Ludwig van Beethoven", "Ludwig", "Beethoven"]),
        ("It was made by Johnson & Johnson.", ["Johnson & Johnson"]),
        ("She lives in St. Louis now.", ["St. Louis"]),
        ("We read J. R. R. Tolkien there.", ["J. R. R. Tolkien"]),
        ("He fell in the Battle of the Bulge.", ["Battle of the Bulge", "Battle"]),
        ("They saw King's College there.", ["King's College", "King"]),
        ("it is by Jean-Luc Godard.", ["Jean-Luc Godard"]),
        ("we met Queen Victoria there.", ["Queen Victoria", "Victoria"]),
        ("they flew Apollo 11 there.", ["Apollo 11"]),
        ("It is written in C++ and C#.", ["C++", "C#"]),
        ("Er wohnt in Österreich.", ["Er", "Österreich"]),
    ],
)
def test_capitalised_words_are_joined_to_names(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_a_possessive_ends_a_name() -> None:
    assert names("Lothair II's mother was there.") == ["Lothair II"]


def test_names_are_not_joined_over_and_or_prepositions_of_place() -> None:
    assert names("with Ada and Bob in Paris") == ["Ada", "Bob", "Paris"]


def test_common_words_at_the_beginning_of_a_sentence_are_no_names() -> None:
    assert names("This was it. However, they went. Two came. When? Then!") == []


def test_a_word_that_the_text_has_in_lower_case_is_no_name_at_the_beginning_of_a_sentence() -> None:
    assert names("Rivers rise there. All rivers fall.") == []
    assert names("All rivers fall into Rivers.") == ["Rivers"]


def test_other_common_words_may_be_given() -> None:
    text = "Rivers rise there."
    assert [m.surface for m in extract(text, sources=["caps"])] == ["Rivers"]
    assert extract(text, sources=["caps"], common={"rivers"}) == []


def test_a_common_word_before_a_name_is_no_part_of_it() -> None:
    assert names("In Paris they met.") == ["Paris"]


def test_an_article_before_a_name_belongs_to_it() -> None:
    assert names("The Beatles played.") == ["The Beatles"]


def test_single_letters_and_months_are_no_names() -> None:
    assert names("plan B was made on May 12 and in June") == []


def test_a_line_end_ends_a_name() -> None:
    assert names("seen by Ada\nBob Smith") == ["Ada", "Bob Smith"]


def test_names_of_scripts_without_capitals_are_not_guessed() -> None:
    assert names("東京は日本の首都である。") == []
    assert names("القاهرة عاصمة مصر") == []


def test_latin_names_between_other_scripts_are_found() -> None:
    assert names("使用IBM计算机") == ["IBM"]
