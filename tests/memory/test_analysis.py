"""A question taken apart, and made safe for full-text search."""

from __future__ import annotations

import datetime as dt
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.memory.analysis import MOST_TERMS, analyse, answer_type, complexity_of, fts_grams, fts_query
from ragkit.memory.times import written

AT = int(dt.datetime(2023, 5, 10, 13, tzinfo=dt.UTC).timestamp()) * 1_000_000
KNOWN = {"ann", "bob", "anna berg", "will", "小兰"}


def test_words_phrases_and_names_are_read() -> None:
    found = analyse('What did Ann say about "blue bowl" to Bob in New York?', AT, 0, KNOWN)
    assert found.persons == ("ann", "bob")
    assert found.entities == ("new york",)
    assert found.phrases == ("blue bowl",)
    assert found.words == ("ann", "say", "blue", "bowl", "bob", "new", "york")


@pytest.mark.parametrize(
    ("question", "persons"),
    [
        ("what did ann do", ("ann",)),
        ("When will they go?", ()),
        ("Did Will go?", ("will",)),
        ("Where is Anna Berg?", ("anna berg",)),
        ("小兰的猫叫什么", ("小兰",)),
        ("Annabel?", ()),
    ],
)
def test_persons_are_names_known_in_the_scope(question: str, persons: tuple[str, ...]) -> None:
    assert analyse(question, AT, 0, KNOWN).persons == persons


def test_times_are_anchored_where_the_question_is_asked() -> None:
    interval = analyse("What did we do yesterday?", AT, 0).interval
    assert interval is not None and written(interval) == "2023-05-09"
    later = analyse("What did we do yesterday?", AT + 86_400_000_000, 0).interval
    assert later is not None and written(later) == "2023-05-10"
    assert analyse("What did we do?", AT, 0).interval is None


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When did it start?", "when"),
        ("What year was it?", "when"),
        ("How many dogs?", "how many"),
        ("Which dog?", "which"),
        ("Whose dog is it?", "who"),
        ("Where is the dog?", "where"),
        ("Why did it bark?", "why"),
        ("Is it brown?", "yes/no"),
        ("What colour is it?", "what"),
        ("Tell me about it", "what"),
        ("他去了哪里？", "where"),
        ("いつ行きましたか", "when"),
    ],
)
def test_the_kind_of_answer_is_read_from_the_question(question: str, expected: str) -> None:
    assert answer_type(question) == expected


@pytest.mark.parametrize(
    ("question", "names", "expected"),
    [
        ("What is it?", 1, 0.0),
        ("How many dogs are there?", 1, 0.25),
        ("Which books did she read?", 1, 0.25),
        ("Which class does she like?", 1, 0.0),
        ("What did she do after that?", 1, 0.25),
        ("What do they share?", 2, 0.2),
        ("Why would she?", 1, 0.15),
        ("What are all the things that Ann and Bob would have done after they first met in Rome?", 2, 1.0),
    ],
)
def test_complexity_adds_up(question: str, names: int, expected: float) -> None:
    assert complexity_of(question, names) == pytest.approx(expected)


def test_depth_grows_with_complexity_unless_given() -> None:
    assert analyse("What is it?", AT).k == 6
    assert analyse("How many are there?", AT).k == 9
    assert analyse("How many are there?", AT, k=0).k == 0
    assert analyse("How many are there?", AT, k_max=7).k == 7
    assert analyse("What is it?", AT, k_base=1, k_min=3).k == 3


def test_a_question_about_how_things_were_is_one_about_the_past() -> None:
    assert analyse("Where did Ann live before?", AT).past
    assert analyse("Where did she use to work previously?", AT).past
    assert not analyse("Where does Ann live?", AT).past


def test_without_content_words_all_words_are_taken() -> None:
    assert analyse("Who are you?", AT).words == ("who", "are", "you")
    assert analyse("?!", AT).fts == ""


def test_a_query_is_any_of_its_quoted_words() -> None:
    assert fts_query(["blue", "bowl"], ["blue bowl", "x"]) == '"blue" OR "bowl" OR "blue bowl"'
    assert fts_query([]) == fts_query(["", "!!"]) == ""


def test_cjk_questions_ask_for_pairs() -> None:
    found = analyse("小兰的猫", AT)
    assert found.grams == ("小兰", "兰的", "的猫")
    assert fts_grams("小兰的猫") == '"小兰" OR "兰的" OR "的猫"'


def test_a_question_as_long_as_a_book_is_cut() -> None:
    assert analyse(" ".join(f"word{number}" for number in range(5_000)), AT).fts.count(" OR ") == MOST_TERMS - 1


@pytest.fixture(scope="module")
def index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(label, text, grams, tokenize='porter unicode61')")
    connection.execute("INSERT INTO t VALUES ('Ann', 'NEAR the sea AND the col', '小兰 兰的')")
    return connection


NASTY = [
    '"',
    "*",
    "NEAR(a b)",
    "-",
    "col:",
    "text : x",
    "AND",
    "OR NOT",
    "^a",
    "{a b}",
    "a + b",
    "'",
    "\0",
    "\ud800",
    "小兰",
    "(",
    ";--",
]


@given(st.lists(st.sampled_from(NASTY) | st.text(max_size=8), max_size=6).map(" ".join))
@settings(max_examples=50)
def test_no_question_is_a_syntax_error(index: sqlite3.Connection, question: str) -> None:
    found = analyse(question, AT, 0, KNOWN)
    for query in (found.fts, fts_grams(question), fts_query([question], [question])):
        if query:
            index.execute("SELECT rowid FROM t WHERE t MATCH ?", [query]).fetchall()


def test_words_that_are_operators_elsewhere_are_found_as_words(index: sqlite3.Connection) -> None:
    for question in ("near", "NEAR col", '"sea"', "sea*", "-sea", "col:sea"):
        query = analyse(question, AT).fts
        assert index.execute("SELECT count(*) FROM t WHERE t MATCH ?", [query]).fetchone() == (1,)
