"""Words as the full-text index holds them."""

import threading

import pytest

from ragkit.memory.stems import Stems, term_groups


@pytest.mark.parametrize(
    ("words", "groups"),
    [
        (["walked"], [("walk",)]),
        (["go"], [("go", "went", "gone")]),
        (["children"], [("children", "child")]),
        (["café"], [("cafe",)]),
        (["東京"], [("東京",)]),
        (["_", "…"], []),
        ([], []),
    ],
)
def test_a_word_is_looked_up_by_its_tokens_and_irregular_forms(words, groups):
    assert term_groups(words) == groups


def test_forms_of_one_word_are_one_group():
    assert term_groups(["go", "went"]) == [("go", "went", "gone")]
    assert term_groups(["walk", "walked"]) == [("walk",)]


def test_threads_get_the_same_tokens_as_one_alone():
    stems, found = Stems(), []
    words = [f"walking{number}" for number in range(50)]
    threads = [threading.Thread(target=lambda: found.append(stems.tokens(words))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Stems().tokens(words)] * 4
