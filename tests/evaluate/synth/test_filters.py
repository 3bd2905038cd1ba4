from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ragkit.errors import InvalidValueError
from ragkit.evaluate.synth import Candidate, Filters, Funnel
from ragkit.evaluate.synth.filters import (
    answer_in_gold,
    balance,
    exact_duplicate,
    near_duplicate,
    relevance,
    round_trip,
    schema,
    wording,
)
from ragkit.types import Span

TEXT = "Ada built a bridge. The bears live in a park. Boats are rare here. " * 3


def one(
    question: str = "What did Ada build in town?", place: tuple[int, int] = (0, 19), **changed: object
) -> Candidate:
    values = {"kind": "object", "group": "d", **changed}
    return Candidate(question, (Span("d", *place),), (TEXT[slice(*place)],), **values)  # type: ignore[arg-type]


class Bag:
    """Embeds a text as its counts of a few words."""

    fingerprint, dim = "bag", 6
    embedded = 0
    words = ("ada", "bridge", "bears", "park", "boats", "rare")

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        self.embedded += len(texts)
        counts = np.array([[text.lower().count(word) + 1e-3 for word in self.words] for text in texts])
        return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (one(), ""),
        (Candidate("What?", (), (), "object"), "number of references"),
        (Candidate("What?", (Span("d", 0, 3),), ("xyz",), "object"), "reference not at its place"),
    ],
)
def test_references_must_stand_where_they_say(candidate: Candidate, reason: str) -> None:
    assert schema(candidate, {"d": TEXT}) == reason


def test_too_much_gold_is_dropped() -> None:
    text = "x" * 3000
    long = Candidate("What?", (Span("d", 0, 2500),), (text[:2500],), "object")
    assert schema(long, {"d": text}) == "too much gold"


@pytest.mark.parametrize(
    ("question", "by_model", "reason"),
    [
        ("What did Ada build in town?", True, ""),
        ("What did Ada build in town.", False, "no question mark"),
        ("What is it?", False, "length"),
        ("What is said about Ada in this passage?", False, "points elsewhere"),
        ("What did Ada build and who saw her?", True, "two questions"),
        ("What did Ada build and who saw her?", False, ""),
        ("What did Brandt and Sons build there?", True, ""),
    ],
)
def test_wording_is_judged(question: str, by_model: bool, reason: str) -> None:
    assert wording(one(question), by_model) == reason


def test_the_same_question_is_kept_once() -> None:
    assert exact_duplicate([one("What did Ada do?"), one("what did  Ada do"), one("What did Bea do?")]) == [
        "",
        "duplicate",
        "",
    ]


def test_a_question_nearer_to_other_passages_than_to_its_own_is_dropped() -> None:
    about = one("Did Ada build a bridge?")
    off = one("Where do the bears live in the park?")
    assert relevance([about, off], Bag(), 0) == ["", "not about its reference"]


def test_with_enough_other_passages_their_similarity_is_the_measure() -> None:
    text = " ".join(f"Ada and her bridge number {at} stood." for at in range(30))
    sentences = [part + "." for part in text.split(".")[:-1]]
    others = [
        Candidate(f"What about {at}?", (Span("d", 0, 1),), (part,), "object") for at, part in enumerate(sentences)
    ]
    bears = Candidate("Where do the bears live?", (Span("d", 0, 1),), ("A bridge of Ada.",), "object")
    assert relevance([*others, bears], Bag(), 0)[-1] == "not about its reference"


def test_near_duplicates_are_dropped_in_order_and_within_a_group_only() -> None:
    asked = [
        one("What bridge did Ada build?"),
        one("Which bridge has Ada built?"),
        one("What bridge did Ada build here?", group="e"),
        one("Where do bears live?"),
    ]
    assert near_duplicate(asked, Bag()) == ["", "near duplicate", "", ""]
    words = [
        one("What did the old Ada build in the town?"),
        one("What did the old Ada build in the town, then?"),
        one("Who is Ada?"),
    ]
    assert near_duplicate(words, None) == ["", "near duplicate", ""]


def test_the_answer_must_stand_in_the_gold() -> None:
    assert answer_in_gold(one(answer="A BRIDGE")) == ""
    assert answer_in_gold(one(answer="")) == ""
    assert answer_in_gold(one(answer="a bridg")) == "answer not in the gold"


def test_the_round_trip_keeps_what_bm25_finds() -> None:
    texts = {f"d{at}": f"This is about the letter {chr(97 + at) * 4} and nothing else." for at in range(8)}
    good = Candidate("What is about the letter eeee?", (Span("d4", 0, 10),), (texts["d4"][:10],), "object")
    bad = Candidate("What is about the letter eeee?", (Span("d6", 0, 10),), (texts["d6"][:10],), "object")
    assert round_trip([good, bad], texts)[0] == ""
    assert round_trip([bad, good], texts)[0] in ("", "not found by bm25")
    assert round_trip([], texts) == []


def test_no_more_than_so_many_of_a_group_and_kind_are_kept() -> None:
    asked = [one(f"What did Ada do {at}?", group="ab"[at % 2]) for at in range(10)]
    reasons = balance(asked, 2, 0)
    assert reasons.count("") == 4
    assert balance(asked, 2, 0) == reasons
    with pytest.raises(InvalidValueError, match="at least one"):
        balance(asked, 0, 0)


def test_filters_run_in_order_and_the_funnel_counts_what_each_drops() -> None:
    asked = [one(), one(), one("What is it?"), one("Where do the bears live now?")]
    funnel = Funnel()
    filters = Filters(embedder=Bag(), per_group=5)
    kept = filters.run(asked, {"d": TEXT}, funnel)
    assert [row["step"] for row in funnel.table()] == filters.names()
    assert filters.names() == [
        "schema",
        "wording",
        "exact_duplicate",
        "relevance",
        "near_duplicate",
        "answer_in_gold",
        "balance",
    ]
    assert [candidate.question for candidate in kept] == ["What did Ada build in town?"]
    assert kept[0].scores["relevance"] > 0.27
    assert filters.embedder.embedded == 3  # two questions and the one passage they share, each once
    assert funnel.table()[1] == {"step": "wording", "taken": 4, "kept": 3, "dropped": {"length": 1}}
    assert sum(sum(row["dropped"].values()) for row in funnel.table()) == 3
