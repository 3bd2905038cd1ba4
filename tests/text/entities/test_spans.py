from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.entities import Word, entity_key, words
from ragkit.text.entities.spans import begins_sentence, is_capital, word_at


def test_words_have_their_places() -> None:
    assert words("Zoë's 2nd") == [Word("Zoë", 0, 3), Word("s", 4, 5), Word("2nd", 6, 9)]


def test_combining_marks_and_joiners_stay_in_their_word() -> None:
    assert [word.text for word in words("Zoe\u0308 co\u00adop می\u200cخواهم")] == [
        "Zoe\u0308",
        "co\u00adop",
        "می\u200cخواهم",
    ]


def test_an_invisible_character_after_a_word_is_no_part_of_it() -> None:
    assert words("Paris\u200b!")[0] == Word("Paris", 0, 5)


def test_characters_of_scripts_without_spaces_are_words() -> None:
    assert [word.text for word in words("IBM社の東京")] == ["IBM", "社", "の", "東", "京"]


def test_plus_and_number_sign_belong_to_the_word_before() -> None:
    assert [word.text for word in words("C++, C# and rock+roll + é#")] == ["C++", "C#", "and", "rock", "roll", "é#"]


@given(st.text(st.characters(exclude_categories=[])))
def test_words_are_slices_of_the_text_in_order(text: str) -> None:
    last = 0
    for word in words(text):
        assert text[word.start : word.end] == word.text
        assert last <= word.start < word.end
        last = word.end


@given(st.text("aB1é東+# .'"))
def test_every_letter_and_digit_is_in_a_word(text: str) -> None:
    held = {place for word in words(text) for place in range(word.start, word.end)}
    assert {place for place, character in enumerate(text) if character.isalnum()} <= held
    assert all(entity_key(word.text) for word in words(text))


def test_a_word_is_found_by_its_start_only() -> None:
    tokens = words("one two")
    assert [word_at(tokens, start) for start in (0, 1, 4, 7)] == [0, None, 1, None]


def test_title_case_letters_are_capitals() -> None:
    assert is_capital("Ada") and is_capital("ǅep") and not is_capital("ada") and not is_capital("1st")


def test_a_sentence_begins_after_a_stop_or_nothing() -> None:
    text = '“One. "Two three'
    assert [begins_sentence(text, text.index(word)) for word in ("One", "Two", "three")] == [True, True, False]
