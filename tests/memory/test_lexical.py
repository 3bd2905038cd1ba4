"""How well units hold the words of a question, against numbers computed by hand."""

from datetime import UTC, datetime, timedelta
from math import log

import pytest

from ragkit.memory import Memory
from ragkit.memory.lexical import lexical_view
from ragkit.memory.stems import term_groups
from ragkit.memory.table import read_table

MONDAY = datetime(2023, 5, 8, tzinfo=UTC)


def view(memory, words, weights=(0.0, 1.0, 0.0, 0.0, 0.0)):
    scope_id = memory.store.scope_id(memory.scope)
    with memory.store.read() as connection:
        table = read_table(connection, scope_id, 60)
        return table, lexical_view(connection, scope_id, table, term_groups(words), weights)


@pytest.fixture
def memory():
    with Memory(":memory:", scope="a", embedder=None, worker=False) as made:
        for place, text in enumerate(["a red red boat", "a red house", "a green hill"]):
            # Sessions of their own, so that no unit has the words of another in its context.
            made.add(text, speaker="Ann", time=MONDAY + timedelta(days=place), session=str(place))
        yield made


def test_the_score_is_bm25_as_a_share_of_the_best(memory):
    table, lexical = view(memory, ["red"])
    size = [len(text) for text in ("Ann: a red red boat", "Ann: a red house", "Ann: a green hill")]
    mean = sum(size) / 3
    first, second = (
        frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * long / mean))
        for frequency, long in ((2, size[0]), (1, size[1]))
    )
    assert list(lexical.score) == pytest.approx([1.0, second / first, 0.0])
    assert len(table) == 3


def test_what_is_covered_counts_rare_words_more(memory):
    _, lexical = view(memory, ["red", "boat", "moon"])
    red, boat, moon = (log(1 + (3 - n + 0.5) / (n + 0.5)) for n in (2, 1, 0))
    total = red + boat + moon
    assert list(lexical.covered) == pytest.approx([(red + boat) / total, red / total, 0.0])


def test_columns_count_by_their_weights(memory):
    _, lexical = view(memory, ["May"], weights=(0.0, 1.0, 0.0, 0.0, 0.0))
    assert list(lexical.score) == [0.0, 0.0, 0.0]
    _, lexical = view(memory, ["May"], weights=(0.0, 1.0, 0.0, 0.3, 0.0))
    assert all(score > 0 for score in lexical.score)


def test_other_scopes_of_the_file_change_nothing(tmp_path):
    def scored(others):
        with Memory(tmp_path / f"{others}.db", scope="a", embedder=None, worker=False) as made:
            for place in range(3):
                made.add(f"red boat {place}", speaker="Ann", time=MONDAY + timedelta(days=place), session="s")
            with Memory(tmp_path / f"{others}.db", scope="b", embedder=None, worker=False) as other:
                for place in range(others):
                    other.add(f"red and red {place}", speaker="Bo", time=MONDAY + timedelta(days=place), session="s")
            return [(hit.id, hit.score) for hit in made.search("red boat", at=MONDAY)]

    assert scored(0) == scored(20)


def test_no_words_score_nothing(memory):
    _, lexical = view(memory, [])
    assert not lexical.score.any() and not lexical.covered.any()


def test_chinese_is_found_by_pairs_of_characters():
    with Memory(":memory:", scope="a", embedder=None, worker=False) as made:
        made.add("我昨天去了东京塔", speaker="安", time=MONDAY, session="1", id="tower")
        made.add("今天天气很好", speaker="安", time=MONDAY + timedelta(days=1), session="2", id="weather")
        assert [hit.id for hit in made.search("东京塔在哪里？", k=1)] == ["tower"]
