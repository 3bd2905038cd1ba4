import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.entities import Gazetteer, Mention, entity_key, extract


def found(gazetteer: Gazetteer, text: str, *, overlap: bool = False) -> list[str]:
    return [text[start:end] for _, start, end, _ in gazetteer.find(text, overlap=overlap)]


def test_the_longest_phrase_from_the_left_is_found() -> None:
    gazetteer = Gazetteer(["New York", "York Times", "New York Times", "Times Square"])
    assert found(gazetteer, "The New York Times Square") == ["New York Times"]
    assert found(gazetteer, "The New York Square") == ["New York"]


def test_with_overlap_phrases_inside_others_are_found_too() -> None:
    gazetteer = Gazetteer(["New York", "York Times", "New York Times"])
    assert found(gazetteer, "New York Times", overlap=True) == ["New York Times", "New York", "York Times"]


def test_only_whole_words_are_found() -> None:
    assert found(Gazetteer(["art", "C"]), "party art C++ C#") == ["art"]


@pytest.mark.parametrize(
    "text",
    [
        "the third man",
        "THE THIRD  MAN",
        "“Third-Man”",
        "Third Man's",
        "Ｔｈｉｒｄ Man",
        "Third\nMan",
        "Th\u00adird Man",
    ],
)
def test_case_punctuation_and_spacing_do_not_matter(text: str) -> None:
    assert len(found(Gazetteer(["The Third Man"]), text)) == 1


def test_phrases_of_scripts_without_spaces_are_found_inside_runs() -> None:
    assert found(Gazetteer(["東京", "ไทย", "ガス"]), "私は東京に住む。คนไทย ｶﾞｽ") == ["東京", "ไทย", "ｶﾞｽ"]


def test_a_character_that_folds_to_several_words_is_found_whole_or_not_at_all() -> None:
    assert found(Gazetteer(["1"]), "½") == []
    assert found(Gazetteer(["½"]), "a ½ b") == ["½"]


def test_it_says_the_phrase_and_whether_the_text_has_it_in_lower_case() -> None:
    gazetteer = Gazetteer(["Third Man"])
    assert list(gazetteer.find("third man, Third man")) == [("Third Man", 0, 9, True), ("Third Man", 11, 20, False)]


def test_phrases_of_the_same_words_are_found_together() -> None:
    gazetteer = Gazetteer(["The Hague", "hague"])
    assert [phrase for phrase, *_ in gazetteer.find("Hague")] == ["The Hague", "hague"]
    assert len(gazetteer) == 1


def test_phrases_of_any_length_are_found() -> None:
    phrase = " ".join(f"word{number}" for number in range(40))
    assert found(Gazetteer([phrase]), f"a {phrase} b") == [phrase]


def test_phrases_can_be_removed() -> None:
    gazetteer = Gazetteer(["New York", "New York Times"])
    gazetteer.discard("New York Times")
    assert "New York" in gazetteer and "New York Times" not in gazetteer
    assert found(gazetteer, "New York Times") == ["New York"]
    gazetteer.discard("NEW YORK")  # not added so
    gazetteer.discard("never there")
    assert len(gazetteer) == 1
    gazetteer.discard("New York")
    assert len(gazetteer) == 0 and found(gazetteer, "New York") == []


def test_a_phrase_without_letters_and_digits_is_never_found() -> None:
    gazetteer = Gazetteer(["—", ""])
    assert len(gazetteer) == 0 and found(gazetteer, "a — b") == []


def test_extract_finds_the_phrases_of_a_gazetteer_with_a_label_of_their_own() -> None:
    mentions = extract("the long march of Ada", sources=("caps",), gazetteer=Gazetteer(["long march", "Ada"]))
    assert mentions == [Mention("long march", "GAZETTEER", 4, 14), Mention("Ada", "GAZETTEER", 18, 21)]


@given(st.lists(st.text("abC éß東の-", max_size=8), max_size=5), st.text("abC éß東の-", max_size=30))
def test_what_is_found_has_the_words_of_its_phrase(phrases: list[str], text: str) -> None:
    before = (0, 0)
    for phrase, start, end, _ in Gazetteer(dict.fromkeys(phrases)).find(text):
        assert entity_key(phrase).replace(" ", "") == "".join(entity_key(f"x {text[start:end]}").split()[1:])
        assert start >= before[1] or (start, end) == before
        before = start, end


@given(st.text("abC éß東の-", max_size=12))
def test_a_phrase_is_found_in_itself(phrase: str) -> None:
    assert bool(found(Gazetteer([phrase]), f". {phrase}.")) == bool(entity_key(phrase))
