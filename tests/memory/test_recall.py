"""Searching a memory: what is found, in which order, and what a filter never lets through."""

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ragkit.memory import Filters, Memory, MemoryConfig, Message, recall
from ragkit.memory.weights import Weights

MONDAY = datetime(2023, 5, 8, 12, tzinfo=UTC)
LATER = datetime(2023, 7, 1, tzinfo=UTC)
TALK = [
    ("1", "Ann", "I went to the pottery class yesterday and made a blue bowl."),
    ("1", "Bob", "Nice! How long did it take you?"),
    ("1", "Ann", "About three hours, but I loved every minute."),
    ("2", "Bob", "My sister Carla moved to Lisbon in June 2021."),
    ("2", "Ann", "Does she like the city?"),
    ("2", "Bob", "Very much, she works at a bakery there."),
    ("3", "Ann", "The dentist says I have to come back next Friday."),
    ("3", "Bob", "Did you read 'The Old Man and the Sea' for the book club?"),
    ("3", "Ann", "Not yet, the bowl and the dentist took all my time."),
]


def messages():
    return [
        Message(
            text,
            speaker,
            time=MONDAY + timedelta(days=7 * int(session), minutes=place),
            session=session,
            id=f"m{place}",
            metadata={"channel": "phone" if session == "2" else "mail"},
        )
        for place, (session, speaker, text) in enumerate(TALK)
    ]


@pytest.fixture(scope="module", params=[None, "hash"], ids=["words alone", "with vectors"])
def memory(request):
    with Memory(":memory:", scope="talk", embedder=request.param, worker=False) as made:
        made.add_many(messages())
        yield made


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Where did Bob's sister move?", "m3"),
        ("When did Ann go to the pottery class?", "m0"),
        ("How long did the pottery take?", "m1"),
        ('Who should read "the old man and the sea"?', "m7"),
        ("When does Ann see the dentist?", "m6"),
    ],
)
def test_a_question_finds_the_turn_that_answers(memory, question, answer):
    assert answer in [hit.id for hit in memory.search(question, k=2, at=LATER)]


def test_an_answer_is_found_by_the_words_of_its_question(memory):
    assert "m2" in [hit.id for hit in memory.search("How long did it take Ann?", k=3, at=LATER)]


def test_a_named_speaker_counts_more_than_another(memory):
    ranked = [hit.id for hit in memory.search("What did Ann say about the bowl?", k=9, at=LATER)]
    assert ranked.index("m0") < ranked.index("m7")


def test_a_time_in_the_question_is_reckoned_from_when_it_is_asked(memory):
    week = memory.search("What happened last week?", k=3, at=datetime(2023, 5, 31, tzinfo=UTC))
    assert {hit.session for hit in week} == {"2"}


def test_without_any_word_the_latest_units_come_first(memory):
    assert [hit.id for hit in memory.search("?!", k=3)] == ["m8", "m7", "m6"]


def test_nothing_that_fits_gives_no_hits():
    with Memory(":memory:", scope="s", embedder=None, worker=False) as made:
        made.add_many(messages())
        assert made.search("zebra", k=5) == []


@pytest.mark.parametrize(("k", "count"), [(0, 0), (1, 1), (4, 4), (100, len(TALK))])
def test_at_most_k_hits_come_best_first(memory, k, count):
    hits = memory.search("Ann and Bob read, loved, took, went, moved, works: dentist, city", k=k, at=LATER)
    assert len(hits) <= count
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_depth_follows_from_the_question(memory):
    plain = memory.search("Where is the bowl?", at=LATER)
    complex = memory.search("List all the things that Ann and Bob both did before June, and why?", at=LATER)
    assert 3 <= len(plain) <= 6 < len(complex)


def test_every_hit_leads_to_its_messages_word_for_word(memory):
    given_texts = {f"m{place}": text for place, (_, _, text) in enumerate(TALK)}
    hits = memory.search("Ann, Bob, Carla, bowl, dentist, bakery, book", k=20, at=LATER)
    assert hits
    for hit in hits:
        assert hit.source_ids and len(hit.source_ids) == len(hit.source_texts)
        assert [given_texts[id] for id in hit.source_ids] == list(hit.source_texts)


FILTERS = [
    (Filters(speakers=("Bob",)), lambda hit: hit.speaker == "Bob"),
    (Filters(sessions=("3",)), lambda hit: hit.session == "3"),
    (Filters(persons=("BOB",)), lambda hit: hit.speaker == "Bob"),
    (Filters(entities=("lisbon",)), lambda hit: "Lisbon" in hit.text),
    (Filters(metadata={"channel": "phone"}), lambda hit: hit.session == "2"),
    (Filters(said=(None, MONDAY + timedelta(days=8))), lambda hit: hit.said < MONDAY + timedelta(days=8)),
    (
        Filters(time=(datetime(2021, 6, 1, tzinfo=UTC), datetime(2021, 7, 1, tzinfo=UTC))),
        lambda hit: hit.event.start.year == 2021,
    ),
    (Filters(kinds=("abstract",)), lambda hit: False),
]


@pytest.mark.parametrize(("filters", "fits"), FILTERS)
def test_a_filter_lets_nothing_else_through(memory, filters, fits):
    for question in ("What did Ann say about the bowl?", "Carla dentist city read", "?"):
        hits = memory.search(question, k=20, filters=filters, at=LATER)
        assert all(fits(hit) for hit in hits)
    everything = memory.search("?", k=20, at=LATER)
    assert {hit.id for hit in memory.search("?", k=20, filters=filters, at=LATER)} == {
        hit.id for hit in everything if fits(hit)
    }


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80))
@example('"')
@example('NEAR(bowl dentist, 2) AND -label:Ann OR text^2 * "')
@example("\x00\ud800 ' ; DROP TABLE memory_unit; --")
@example("a" * 10_000)
@example("({[")
def test_no_question_is_an_error(memory, question):
    hits = memory.search(question, k=3, at=LATER)
    assert len(hits) <= 3 and all(math.isfinite(hit.score) for hit in hits)


def test_the_order_of_adding_changes_nothing():
    found = []
    for seed in range(3):
        given_messages = messages()
        random.Random(seed).shuffle(given_messages)
        with Memory(":memory:", scope="talk", embedder="hash", worker=False) as made:
            made.add_many(given_messages)
            hits = made.search("Where did Ann make the bowl, and when did she read?", k=9, at=LATER)
            found.append([(hit.id, hit.score) for hit in hits])
    assert found[0] == found[1] == found[2]


def test_equal_scores_put_the_newer_event_first_and_then_the_id():
    with Memory(":memory:", scope="s", embedder=None, worker=False) as made:
        # Sessions of their own, and the same length, so that nothing but day and id differ.
        for day, id in ((1, "b"), (1, "a"), (2, "c")):
            made.add(f"red boat {id}", speaker="Ann", time=MONDAY + timedelta(days=day), session=id, id=id)
        hits = made.search("red boat", k=3, at=LATER)
    assert [hit.id for hit in hits] == ["c", "a", "b"]
    assert len({hit.score for hit in hits}) == 1


def test_explained_views_add_up_to_the_score(memory):
    for hit in memory.search("When did Ann go to the pottery class?", k=9, at=LATER, explain=True):
        tier = {"phatic": memory.config.w_phatic}.get(hit.tier, 1.0)
        assert hit.views
        assert sum(hit.views.values()) * tier == pytest.approx(hit.score, abs=1e-6)


def test_unexplained_hits_carry_no_views(memory):
    assert all(not hit.views for hit in memory.search("pottery", k=3, at=LATER))


def test_weights_of_the_configuration_decide():
    config = MemoryConfig(weights=Weights(lexical=0.0, person=1.0))
    with Memory(":memory:", scope="s", embedder=None, worker=False, config=config) as made:
        made.add_many(messages())
        hits = made.search("Did Bob mention the bowl?", k=9, at=LATER)
    assert {hit.speaker for hit in hits if hit.score > 0} == {"Bob"}


def test_what_was_superseded_is_found_when_asked_for(memory):
    with Memory(":memory:", scope="s", embedder=None, worker=False) as made:
        made.add("I live in Bern", speaker="Ann", time=MONDAY, id="old")
        made.update("old", text="Ann lives in Zurich")
        assert all(hit.tier != "superseded" for hit in made.search("Where does Ann live?", k=5, at=LATER))
        assert "superseded" in {hit.tier for hit in made.search("Where did Ann live before?", k=5, at=LATER)}
        assert "superseded" in {hit.tier for hit in made.search("Where does Ann live?", k=5, at=LATER, explain=True)}
        only = made.search("Ann live Bern", k=5, at=LATER, tiers=["superseded"])
        assert {hit.tier for hit in only} == {"superseded"}


def test_further_questions_find_what_the_first_does_not():
    with Memory(":memory:", scope="s", embedder=None, worker=False) as made:
        made.add_many(messages())
        scope_id = made.store.scope_id(made.scope)
        common = {"config": made.config, "at_us": 0, "k": 9}
        alone = recall.search(made.store, scope_id, "pottery", **common)
        more = recall.search(made.store, scope_id, "pottery", more=["Lisbon"], **common)
    assert "m3" not in [hit.id for hit in alone]
    assert {"m0", "m3"} <= {hit.id for hit in more}


def test_what_is_forgotten_is_not_found_again():
    with Memory(":memory:", scope="s", embedder="hash", worker=False) as made:
        made.add_many(messages())
        assert "m3" in [hit.id for hit in made.search("Lisbon", k=9)]
        made.forget("m3")
        assert "m3" not in [hit.id for hit in made.search("Lisbon", k=9)]


def test_units_without_a_vector_are_found_by_their_words():
    class Failing:
        name, kind, fingerprint, dim = "failing", "static", "failing", 4

        def embed(self, texts, *, query=False):
            import numpy as np

            if any("Lisbon" in text for text in texts) and not query:
                raise ValueError("no")
            return np.ones((len(texts), 4), dtype=np.float32) / 2

    with Memory(":memory:", scope="s", embedder=Failing(), worker=False) as made:
        made.add_many([one for one in messages() if one.id != "m3"])
        made.add_many([one for one in messages() if one.id == "m3"])
        assert made.search("Who moved to Lisbon?", k=1, at=LATER)[0].id == "m3"


def test_dropped_caches_are_read_anew(memory):
    before = [hit.id for hit in memory.search("bowl", k=3, at=LATER)]
    recall.drop_caches(memory.store)
    assert [hit.id for hit in memory.search("bowl", k=3, at=LATER)] == before
