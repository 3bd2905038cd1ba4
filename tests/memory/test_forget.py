"""What is forgotten is gone: from every table, from what was made of it, and from the bytes of the files."""

import random
import sqlite3
import string
from datetime import UTC, datetime, timedelta

import pytest

from ragkit.errors import InvalidValueError
from ragkit.knowledge_base import KnowledgeBase
from ragkit.memory import Filters, MemoryConfig, Message, jobs
from ragkit.memory.memory import Memory

MONDAY = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)


@pytest.fixture
def mem(tmp_path):
    with Memory(tmp_path / "m.db", scope="ana", embedder="hash", worker=False) as memory:
        yield memory


def raw(mem):
    """The bytes of the file, its write-ahead log and its shared memory."""
    from pathlib import Path

    return b"".join(path.read_bytes() for path in sorted(Path(mem.path).parent.glob(Path(mem.path).name + "*")))


class Secrets:
    """Words nobody else says; the full-text index stems them and leaves out what they share with the word before."""

    def __init__(self):
        self.chance = random.Random(11)

    def word(self):
        return "".join(self.chance.choice(string.ascii_lowercase) for _ in range(14)) + "ing"

    @staticmethod
    def left(words, data):
        """The words of which seven letters at the beginning or the end of their stem stand in the data."""
        import numpy as np

        stems = [word.removesuffix("ing").encode() for word in words]
        sevens = np.unique(_sevens(data))
        found = [np.isin(_sevens(b"".join(part(stem) for stem in stems))[::7], sevens) for part in (_first, _last)]
        return [stem for stem, one, other in zip(stems, *found, strict=True) if one or other]


def _first(stem):
    return stem[:7]


def _last(stem):
    return stem[7:]


def _sevens(data):
    """Each run of seven bytes as a number."""
    import numpy as np

    array = np.frombuffer(data, dtype=np.uint8).astype(np.uint64)
    return sum((array[place : len(array) - 6 + place] << np.uint64(8 * place) for place in range(7)), np.uint64(0))


def conversation(count, secrets, speakers=("Ann", "Bob")):
    common = [secrets.word()[:6] for _ in range(200)]
    messages, told = [], {}
    for number in range(count):
        own = [secrets.word() for _ in range(3)]
        words = [secrets.chance.choice(common) for _ in range(8)] + own
        secrets.chance.shuffle(words)
        id = f"m{number}"
        told[id] = own
        messages.append(
            Message(
                " ".join(words).capitalize() + f", said {own[0].title()} on 8 May",
                speakers[number % len(speakers)],
                time=MONDAY + timedelta(minutes=number),
                session=f"s{number // 40}",
                id=id,
                captions=[own[1]] if number % 5 == 0 else [],
            )
        )
    return messages, told


def test_no_byte_of_a_forgotten_message_nor_its_stems_is_left_while_others_have_the_file_open(tmp_path, mem):
    forget_in_rounds(tmp_path, mem, 150, rounds=3, each=20)


@pytest.mark.slow
@pytest.mark.timeout(1300)
def test_no_byte_is_left_of_six_hundred_of_fifteen_hundred_messages(tmp_path, mem):
    forget_in_rounds(tmp_path, mem, 1500, rounds=4, each=150)


def forget_in_rounds(tmp_path, mem, count, rounds, each):
    secrets = Secrets()
    messages, told = conversation(count, secrets)
    (tmp_path / "a.md").write_text("The lighthouse was built in 1890.")
    with (
        KnowledgeBase(mem.path, "chunk >> bm25") as kb,
        Memory(mem.path, scope="ana", embedder="hash", worker=False) as other,
    ):
        kb.add(tmp_path / "a.md")
        for start in range(0, count, 30):
            mem.add_many(messages[start : start + 30])
        assert len(Secrets.left(told["m7"], raw(mem))) == 3
        gone = []
        for _ in range(rounds):
            ids = secrets.chance.sample([id for id in told if id not in gone], each)
            assert other.search(told[ids[0]][0])[0].id == ids[0]
            report = mem.forget(ids)
            gone += ids
            assert (report.messages, report.units, report.pending) == (each, each, False)
            data = raw(mem)
            assert Secrets.left([word for id in gone for word in told[id]], data) == []
            assert other.search(told[ids[0]][0], k=1)[0].id not in gone
        kept = next(id for id in told if id not in gone)
        assert other.search(told[kept][2])[0].id == kept
        assert kb.search("lighthouse")
        assert mem.check().ok


def test_what_a_reader_of_an_older_state_holds_is_removed_when_it_ends(mem):
    mem.add("The quokkawalla sleeps", speaker="Ann", id="a", time=MONDAY)
    mem.add("The lake is cold", speaker="Ann", id="b", time=MONDAY)
    reader = sqlite3.connect(mem.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM memory_message").fetchone()
    assert mem.forget("a").pending
    assert [hit.id for hit in mem.search("quokkawalla lake")] == ["b"]
    assert mem.stats().jobs == {"erase/waiting": 1}
    reader.rollback()
    reader.close()
    assert mem._services.one(("erase",))
    assert b"quokkawall" not in raw(mem)
    assert mem.stats().jobs == {}


def test_what_could_not_be_removed_at_once_is_when_the_file_is_opened_next(tmp_path):
    path = tmp_path / "m.db"
    reader = sqlite3.connect(path, isolation_level=None)
    with Memory(path, embedder=None, worker=False) as mem:
        mem.add("The quokkawalla sleeps", speaker="Ann", id="a", time=MONDAY)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM memory_message").fetchone()
        assert mem.forget("a").pending
    reader.rollback()
    with Memory(path, embedder=None, worker=False) as mem:
        assert b"quokkawall" not in raw(mem)
        assert mem.stats().jobs == {}
    reader.close()


def test_the_neighbours_of_a_forgotten_message_do_not_keep_it_as_their_context(mem):
    for number, text in enumerate(["I sail", "The quokkawalla sleeps", "I see", "And the boat", "And the mill"]):
        mem.add(text, speaker="Ann", id=str(number), session="s", time=MONDAY + timedelta(minutes=number))
    mem.forget("1")
    assert b"quokkawall" not in raw(mem)
    with mem.store.read() as connection:
        contexts = dict(connection.execute("SELECT uid, ctx FROM memory_unit"))
    assert contexts == {"0": "", "2": "I sail", "3": "I sail\x1eI see", "4": "I see\x1eAnd the boat"}
    assert mem.check().ok


def test_a_unit_of_two_messages_is_made_again_from_the_one_that_stays(mem):
    for id, session in (("first-quokkawalla", "s"), ("b", "t")):
        mem.add("The lake is cold today", speaker="Ann", id=id, session=session, time=MONDAY)
    assert mem.stats().units == {"turn/active": 1}
    report = mem.forget("first-quokkawalla")
    assert (report.messages, report.units, report.rebuilt) == (1, 1, 1)
    unit = mem.get("b")
    assert (unit.id, unit.mentions, [source.id for source in unit.sources]) == ("b", 1, ["b"])
    assert b"quokkawall" not in raw(mem)
    assert mem.search("lake")[0].id == "b"
    assert mem.check().ok


def test_an_abstract_of_a_forgotten_message_goes_and_its_other_members_come_back(tmp_path):
    config = MemoryConfig(cluster_threshold=0.5, cold_start=1000)
    with Memory(tmp_path / "m.db", embedder="hash", config=config, worker=False) as mem:
        for number in range(4):
            text = f"Ann went jogging along the river quokkawalla near Bern with {'Zoe' if number % 2 else 'Zoe again'}"
            mem.add(
                text, speaker="Ann", id=str(number), session=str(number), time=MONDAY + number * timedelta(hours=26)
            )
        report = mem.consolidate()
        assert report.abstracts >= 1, report
        mem.forget("2")
        units = mem.list().units
        assert {unit.kind for unit in units} == {"turn"}
        assert {unit.tier for unit in units} == {"active"}
        assert mem.check().ok
        mem.forget(["0", "1", "3"])
        assert b"quokkawall" not in raw(mem)


def test_a_corrected_unit_goes_with_its_versions(mem):
    mem.add("The quokkawalla sleeps", speaker="Ann", id="a", time=MONDAY)
    mem.update("a", text="The quokkawalla wakes")
    mem.forget("a~2")
    assert mem.stats().units == {}
    assert b"quokkawall" not in raw(mem)


def test_a_dry_run_counts_and_removes_nothing(mem):
    mem.add("The lake is cold", speaker="Ann", id="a", session="s", time=MONDAY)
    plan = mem.forget("a", dry_run=True)
    assert (plan.dry_run, plan.messages, plan.units, plan.vectors) == (True, 1, 1, 1)
    assert mem.stats().messages == 1
    done = mem.forget("a")
    assert (done.messages, done.units, done.facets, done.vectors, done.terms) == (
        plan.messages,
        plan.units,
        plan.facets,
        plan.vectors,
        plan.terms,
    )


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (Filters(sessions=("s",)), ["c"]),
        (Filters(speakers=("Bob",)), ["a", "c"]),
        (Filters(persons=("bob",)), ["a"]),
        (Filters(said=(MONDAY + timedelta(days=1), None)), ["a", "b"]),
        (Filters(metadata={"private": True}), ["b", "c"]),
    ],
)
def test_forgetting_goes_by_session_speaker_person_time_and_metadata(mem, filters, left):
    mem.add("The lake is cold", speaker="Ann", id="a", session="s", time=MONDAY, metadata={"private": True})
    mem.add("The boat is red", speaker="Bob", id="b", session="s", time=MONDAY)
    mem.add("I met Bob at the mill", speaker="Ann", id="c", session="t", time=MONDAY + timedelta(days=2))
    mem.forget(filters=filters)
    assert [unit.id for unit in mem.list().units] == left
    assert mem.check().ok


def test_an_empty_filter_raises_and_deletes_nothing(mem):
    mem.add("The lake is cold", speaker="Ann")
    for given in ({}, {"filters": Filters()}, {"ids": []}, {"filters": Filters(time=(None, None))}):
        with pytest.raises(InvalidValueError, match="everything=True"):
            mem.forget(**given)
    with pytest.raises(InvalidValueError, match="'nobody'"):
        mem.forget(["nobody"])
    assert mem.stats().messages == 1


@pytest.mark.parametrize(
    "told",
    [
        {"ids": ["a"], "filters": Filters(sessions=("t",))},
        {"ids": ["a"], "everything": True},
        {"filters": Filters(sessions=("t",)), "everything": True},
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_two_ways_to_say_what_to_forget_are_refused(mem, told, dry_run):
    mem.add("The lake is cold", speaker="Ann", id="a", session="s")
    with pytest.raises(InvalidValueError, match="one of them alone"):
        mem.forget(**told, dry_run=dry_run)
    assert mem.stats().messages == 1


def test_a_soft_forget_hides_can_be_undone_and_is_purged_in_time(tmp_path):
    now = [MONDAY]
    with Memory(tmp_path / "m.db", embedder="hash", clock=lambda: now[0], worker=False) as mem:
        mem.add("The quokkawalla sleeps", speaker="Ann", id="a")
        mem.add("The lake is cold", speaker="Ann", id="b")
        assert mem.forget("a", hard=False).units == 1
        assert (mem.get("a"), [hit.id for hit in mem.search("quokkawalla")]) == (None, ["b"])
        assert (mem.stats().forgotten, mem.stats().messages) == (1, 1)
        assert mem.restore("a") == 1
        assert mem.search("quokkawalla")[0].id == "a"
        mem.forget("a", hard=False)
        now[0] += timedelta(days=31)
        with mem.store.write() as connection:
            connection.execute("UPDATE memory_job SET run_after_us = 0")
        while mem._services.one(("purge", "erase")):
            pass
        assert mem.restore() == 0
        assert b"quokkawall" not in raw(mem)
        assert mem.check().ok


def test_a_job_about_a_forgotten_message_forgets_it_too(mem):
    added = mem.add_many([Message("The lake is cold", "Ann", id="a"), Message("The boat is red", "Bob", id="b")])
    assert len(added) == 2
    scope = mem.store.scope_id(mem.scope)
    with mem.store.write() as connection:
        rows = dict(connection.execute("SELECT uid, id FROM memory_message"))
        jobs.enqueue(connection, scope, "extract", {"messages": sorted(rows.values())})
    assert mem.forget("a").jobs == 1
    with mem.store.read() as connection:
        payloads = [row[0] for row in connection.execute("SELECT payload FROM memory_job WHERE kind = 'extract'")]
    assert payloads == [f'{{"messages": [{rows["b"]}]}}']


def test_the_audit_tells_what_was_done_and_never_to_what(mem):
    mem.add("The quokkawalla sleeps", speaker="Ann", id="quokkawalla")
    mem.forget("quokkawalla")
    (entry,) = mem.audit()
    assert (entry["action"], entry["messages"]) == ("forget", 1)
    assert b"quokkawall" not in raw(mem)


def test_the_words_of_what_is_forgotten_count_no_more(mem):
    mem.add("The quokkawalla sleeps", speaker="Ann", id="a")
    mem.add("The lake sleeps", speaker="Ann", id="b")
    mem.forget("a")
    with mem.store.read() as connection:
        counts = dict(connection.execute("SELECT term, df FROM memory_term_df"))
        samples = connection.execute("SELECT count(*) FROM memory_sample").fetchone()[0]
    assert counts == {"lake": 1, "sleeps": 1}
    assert samples == 1


def test_adding_and_forgetting_one_session_at_once_leaves_nothing_half(tmp_path):
    import threading

    with Memory(tmp_path / "m.db", embedder="hash", worker=False) as mem:
        failed = []

        def add(who):
            for n in range(12):
                mem.add(f"{who} tells you of lake number {n}", speaker=who, session="s", id=f"{who}{n}")

        def forget():
            for _ in range(8):
                try:
                    mem.forget(filters=Filters(sessions=("s",)))
                except Exception as error:
                    failed.append(error)

        threads = [threading.Thread(target=add, args=(who,)) for who in ("Ann", "Bob")]
        threads.append(threading.Thread(target=forget))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert mem.check().ok
        mem.forget(filters=Filters(sessions=("s",)))
        assert (mem.stats().messages, mem.stats().units) == (0, {})


def test_a_job_of_a_process_that_died_is_taken_over_and_in_the_end_given_up(mem):
    mem.add("The lake is cold", speaker="Ann", id="a")
    scope = mem.store.scope_id(mem.scope)
    with mem.store.write() as connection:
        jobs.enqueue(connection, scope, "vectorise")
    for attempt in range(1, jobs.DEATHS + 1):
        job = jobs.claim(mem.store, scope, ["vectorise"], 60)
        assert job.attempts == attempt
        assert jobs.claim(mem.store, scope, ["vectorise"], 60) is None
        with mem.store.write() as connection:
            connection.execute("UPDATE memory_job SET lease_until_us = 0")
    assert jobs.claim(mem.store, scope, ["vectorise"], 60) is None
    assert mem.stats().jobs == {"vectorise/failed": 1}


def test_one_consolidation_at_a_time(mem):
    mem.add("The lake is cold", speaker="Ann", id="a")
    scope = mem.store.scope_id(mem.scope)
    with jobs.hold(mem.store, scope, "consolidate", 60) as mine:
        assert mine
        assert mem.consolidate().busy
        with mem.store.write() as connection:
            jobs.enqueue(connection, scope, "consolidate")
        assert jobs.claim(mem.store, scope, ["consolidate"], 60) is None
    assert jobs.claim(mem.store, scope, ["consolidate"], 60) is not None


def test_items_in_the_same_file_outlive_the_rewriting_of_its_tables(mem):
    from ragkit.memory.items import Items, Put

    items = Items(mem.store, ("ana",))
    items.put(
        [Put(("x",), "one", {"likes": "tea"}, ["likes tea"]), Put(("x",), "two", {"likes": "x"}, ["quokkawalla"])]
    )
    items.put([Put(("x",), "two", None)])
    mem.add("The lake is cold", speaker="Ann", id="a")
    mem.forget("a")
    assert [item.key for item in items.search((), "tea")] == ["one"]
    assert b"quokkawall" not in raw(mem)
