"""Words, stop words and character pairs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.memory.words import STOP, cjk_pairs, content_words, fold, grams, is_cjk


def test_content_words_are_folded_and_without_stop_words() -> None:
    assert content_words("The Cats of ÉLODIE aren't here, are they?") == ["cats", "élodie", "aren"]


def test_about_a_hundred_words_say_nothing() -> None:
    assert 70 <= len(STOP) <= 140


def test_names_are_compared_in_one_form() -> None:
    assert fold("  Jos\u0065\u0301  MÜLLER ") == fold("José müller")


def test_text_without_blanks_is_read_in_pairs() -> None:
    assert content_words("西湖边") == ["西湖", "湖边"]
    assert grams("我昨天去了杭州") == "我昨 昨天 天去 去了 了杭 杭州"
    assert grams("猫") == "猫"
    assert content_words("2023年に東京") == ["2023", "年に", "に東", "東京"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我在上海 ok", True),
        ("hello 我", False),
        ("hello", False),
        ("", False),
        ("123 !?", False),
        ("カタカナ", True),
        ("안녕", True),
    ],
)
def test_a_text_is_cjk_from_30_percent_of_its_letters_on(text: str, expected: bool) -> None:
    assert is_cjk(text) is expected
    assert bool(grams(text)) is expected


def test_pairs_of_a_few_cjk_words_in_a_latin_text_are_found_too() -> None:
    assert cjk_pairs("I love 西湖 so much and much more of it") == ["西湖"]


@given(st.text(max_size=60))
@settings(max_examples=40)
def test_folding_latin_text_twice_is_folding_once_for_the_words(text: str) -> None:
    assert content_words(text) == content_words(text)
    assert all(word and not word.isspace() for word in content_words(text))
