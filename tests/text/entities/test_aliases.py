import pytest

from ragkit.errors import InvalidValueError
from ragkit.text.entities import extract, heads, subject


def found(text: str, title: str = "") -> list[str]:
    return [mention.surface for mention in extract(text, title=title, sources=("aliases",))]


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("Marilyn Monroe (born Norma Jeane Mortenson; 1926) was", "Norma Jeane Mortenson"),
        ("The city, also known as Auld Reekie, is", "Auld Reekie"),
        ('It is better known as "Big Ben".', "Big Ben"),
        ("It is commonly known as the Iron Lady.", "Iron Lady"),
        ("She was née Anna de Vries in", "Anna de Vries"),
        ("He (a.k.a. J. Smith) is", "J. Smith"),
    ],
)
def test_other_names_are_introduced_by_certain_words(text: str, alias: str) -> None:
    assert found(text) == [alias]


@pytest.mark.parametrize(
    "text", ["born March 1926", "born in Paris", "also known as the best", "alias X", "stubborn Ada"]
)
def test_other_words_after_them_are_no_names(text: str) -> None:
    assert found(text) == []


def test_other_names_are_looked_for_at_the_beginning_only() -> None:
    assert found("x " * 200 + "born Norma Jeane Mortenson") == []


def test_the_name_a_text_begins_with_is_an_alias_when_it_shares_words_with_the_title() -> None:
    text = "Ludwig Wilhelm Beethoven (1770) was a composer."
    assert found(text, title="Ludwig Beethoven") == ["Ludwig Wilhelm Beethoven"]
    assert found(text, title="Vienna") == []
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ada Lovelace (1815-1852) was a mathematician.", "Ada Lovelace"),
        ("The Battle of the Bulge was fought.", "Battle of the Bulge"),
        ("J. R. R. Tolkien, a writer", "J. R. R. Tolkien"),
        ("St. Louis is a city.", "St. Louis"),
        ("In Paris, he was", ""),
        ("It was there.", ""),
        ("May 1990 was warm.", ""),
        ("many people are", ""),
        ("Introduction. Ada was", ""),
        ("Ada", ""),
        ("", ""),
        ("東京は首都", ""),
    ],
)
def test_the_subject_is_the_name_a_text_begins_with(text: str, name: str) -> None:
    assert subject(text) == name


def test_a_document_is_at_home_under_its_title_and_its_subjects_names() -> None:
    text = "Marilyn Monroe (born Norma Jeane Mortenson; 1926) was an actress."
    assert heads("Monroe (actress)", text) == ["monroe actress", "monroe", "marilyn monroe", "norma jeane mortenson"]


def test_heads_come_from_the_sources_asked_for() -> None:
    text = "Marilyn Monroe (born Norma Jeane Mortenson) was"
    assert heads("Monroe", text, sources=["title"]) == ["monroe"]
    assert heads("Monroe", text, sources=["aliases"]) == ["marilyn monroe", "norma jeane mortenson"]
    assert heads("Monroe", text, sources=()) == []


@pytest.mark.parametrize("title", ["", "  ", "—"])
def test_without_a_title_of_letters_or_digits_there_is_no_head_from_it(title: str) -> None:
    assert heads(title, "Rain fell.") == []


def test_heads_refuse_unknown_sources() -> None:
    with pytest.raises(InvalidValueError, match="'titel'"):
        heads("Monroe", sources=["titel"])
