import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.tokens import LONGEST_TOKEN, count_tokens, token_spans, words


def test_words_are_folded_runs_of_letters_digits_and_underscores() -> None:
    assert words("The CAFÉ, est. 1_984—and don't!") == ["the", "café", "est", "1_984", "and", "don", "t"]


def test_han_kana_and_thai_characters_are_words_of_their_own() -> None:
    assert words("東京タワー Tower") == ["東", "京", "タ", "ワ", "ー", "tower"]
    assert words("ไทย") == ["ไ", "ท", "ย"]
    assert words("中・日") == ["中", "日"]


def test_combining_marks_stay_in_their_word() -> None:
    assert words("हिन्दी भाषा") == ["हिन्दी", "भाषा"]
    assert words("می\u200cخواهم") == ["میخواهم"]


def test_a_word_is_the_same_composed_and_decomposed() -> None:
    assert words("Zoë") == words(unicodedata.normalize("NFD", "Zoë"))


def test_tokens_are_words_and_single_punctuation_marks() -> None:
    text = "It costs $3.50…"
    assert [text[start:end] for start, end in token_spans(text)] == ["It", "costs", "$", "3", ".", "50", "…"]


def test_a_long_run_of_letters_counts_one_token_for_every_24() -> None:
    assert LONGEST_TOKEN == 24
    assert count_tokens("a" * 24) == 1
    assert count_tokens("a" * 25) == 2
    assert count_tokens("é" * 49) == 3


def test_no_text_has_no_tokens() -> None:
    assert words("") == [] and token_spans(" \n\t") == [] and count_tokens("") == 0


@given(st.text(st.characters(exclude_categories=[])))
def test_tokens_hold_every_character_but_white_space_once(text: str) -> None:
    spans = token_spans(text)
    assert count_tokens(text) == len(spans)
    held = [place for start, end in spans for place in range(start, end)]
    assert held == [place for place, character in enumerate(text) if not character.isspace()]


@given(st.text(st.characters(max_codepoint=127)))
def test_words_of_ascii_text_are_those_of_a_plain_pattern(text: str) -> None:
    assert words(text) == re.findall(r"\w+", text.lower())


@pytest.mark.parametrize("character", ["a", "é", ".", "\n", "\u0301", "京", " "])
def test_many_like_characters_are_no_trouble(character: str) -> None:
    text = character * 300_000
    assert count_tokens(text) <= len(text)
    assert len(words(text)) <= len(text)
