import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.entities import entity_key, name_words, plain_title

any_text = st.text(st.characters(exclude_categories=[]), max_size=40)
# What keys treat in a way of their own, mixed so that it meets.
marked_text = st.lists(
    st.sampled_from(
        "a A b s S the The an 1 é e\u0301 \u0301 \u0345 ' ’ ´ `s 's + # & &amp; &nbsp; &#39; ; . - _".split()
        + ["™", "ß", "İ", "Ω", "ﬁ", "½", "東", "ไทย", "\u200d", "\u00ad", " ", "\n"]
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize(
    ("surface", "key"),
    [
        ("Ludwig van  Beethoven", "ludwig van beethoven"),
        ("U.S.", "u s"),
        ("Johnson & Johnson", "johnson johnson"),
        ("AT&amp;T", "at t"),
        ("snake_case", "snake case"),
        ("  “The Third Man”, ", "third man"),
        ("Straße", "strasse"),
        ("हिन्दी", "हिन्दी"),
        ("東京タワー", "東京タワー"),
        ("レオナルド・ダ・ヴィンチ", "レオナルド ダ ヴィンチ"),
        ("Acme™", "acme"),
        ("", ""),
        ("—!?", ""),
        ("\u0301", ""),
    ],
)
def test_a_key_is_the_folded_words_joined_by_single_spaces(surface: str, key: str) -> None:
    assert entity_key(surface) == key


@pytest.mark.parametrize("surface", ["Ada's", "Ada’s", "Ada 's", "Ada´s", "Ada&#39;s", "(Ada's)", "Ada's,"])
def test_a_possessive_ending_is_removed(surface: str) -> None:
    assert entity_key(surface) == "ada"


def test_an_s_with_an_apostrophe_inside_a_name_is_a_word() -> None:
    assert entity_key("St. Maurice's Abbey") == "st maurice s abbey"
    assert entity_key("Lothair II's mother") == "lothair ii s mother"


def test_an_apostrophe_after_a_plural_is_removed() -> None:
    assert entity_key("the Beatles'") == "beatles"


def test_a_leading_article_is_removed() -> None:
    assert [entity_key(name) for name in ("The Hague", "An Ideal Husband", "a Boeing 747")] == [
        "hague",
        "ideal husband",
        "boeing 747",
    ]


def test_an_article_that_is_all_there_is_stays() -> None:
    assert [entity_key(name) for name in ("The", "The The", "A")] == ["the", "the", "a"]


def test_an_initial_is_no_article() -> None:
    assert entity_key("A. A. Milne") == "a a milne"
    assert entity_key("A.C. Milan") == "a c milan"


def test_plus_and_number_sign_after_a_word_stay() -> None:
    assert [entity_key(name) for name in ("C", "C++", "C#", "C++11", "F#.")] == ["c", "c++", "c#", "c++ 11", "f#"]


def test_plus_and_number_sign_elsewhere_are_spaces() -> None:
    assert [entity_key(name) for name in ("rock+roll", "#metoo", "+1", "1 + 2")] == ["rock roll", "metoo", "1", "1 2"]


def test_the_key_of_a_key_is_that_key_for_every_character_that_folding_or_composing_changes() -> None:
    for character in map(chr, range(sys.maxunicode + 1)):
        mark = unicodedata.category(character)[0] == "M"
        if mark or unicodedata.normalize("NFKD", character) != character or character.casefold() != character:
            key = entity_key(f"x{character}e\u0301")
            assert entity_key(key) == key, hex(ord(character))


@given(any_text | marked_text)
def test_the_key_of_a_key_is_that_key(text: str) -> None:
    key = entity_key(text)
    assert entity_key(key) == key
    assert key == " ".join(key.split())


@given(any_text | marked_text)
def test_name_words_are_the_words_of_the_key(text: str) -> None:
    assert name_words(text) == tuple(entity_key(text).split())


@given(any_text | marked_text)
def test_a_key_is_empty_only_without_letters_and_digits(text: str) -> None:
    key = entity_key(text)
    assert bool(key) == any(character.isalnum() for character in key)
    if re.search("[A-Za-z0-9]{2}", text) and "&" not in text:
        assert key


@given(any_text | marked_text)
def test_a_key_is_the_same_in_every_case(text: str) -> None:
    assert entity_key(unicodedata.normalize("NFC", text).casefold()) == entity_key(text)


@given(st.text(st.characters(max_codepoint=0x17F, exclude_characters="ı"), max_size=40))
def test_a_key_is_the_same_in_capitals(text: str) -> None:
    assert entity_key(text.upper()) == entity_key(text)


@given(any_text | marked_text)
def test_a_key_is_the_same_composed_and_decomposed(text: str) -> None:
    for form in ("NFC", "NFD"):
        assert entity_key(unicodedata.normalize(form, text)) == entity_key(text)


@given(marked_text | st.text(max_size=40), st.sampled_from(["  ", "\t", "\n", "\u00a0", "\u3000"]))
def test_a_key_is_the_same_however_words_are_spaced(text: str, space: str) -> None:
    assert entity_key(f"{space}{space.join(text.split(' '))}{space}") == entity_key(text)


@given(st.text(st.characters(max_codepoint=126), max_size=40) | marked_text)
def test_a_key_is_the_same_in_full_width_characters(text: str) -> None:
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
    assert entity_key(text.translate(wide)) == entity_key(text)


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("Lilu (mythology)", "Lilu"),
        ("Lilu", "Lilu"),
        ("(500) Days of Summer", "(500) Days of Summer"),
        ("(untitled)", "(untitled)"),
        ("  The Third Man (film) ", "The Third Man"),
        ("", ""),
    ],
)
def test_a_plain_title_has_no_final_bracket(title: str, plain: str) -> None:
    assert plain_title(title) == plain
