from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.normalise import clean, fold


def test_forms_of_one_word_fold_to_the_same() -> None:
    assert fold("STRASSE") == fold("Straße") == "strasse"
    assert fold("ﬁne") == "fine"
    assert fold("e\u0301") == fold("É") == "é"
    assert fold("co\u00adoperate") == "cooperate"


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_cleaning_removes_the_byte_order_mark_and_unifies_line_ends() -> None:
    assert clean("\ufeffone\r\ntwo\rthree\n") == "one\ntwo\nthree\n"


@given(st.text(st.characters()))
def test_a_cleaned_text_can_be_stored_and_is_clean(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert "\r" not in cleaned and "\0" not in cleaned
    assert clean(cleaned) == cleaned


def test_lone_surrogates_and_nul_become_replacement_characters_one_for_one() -> None:
    assert clean("a\ud800b\0c") == "a\ufffdb\ufffdc"
