"""A scope can be written out and read in again without loss, and chats of other programs read in."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError, LoadError
from ragkit.memory import MemoryConfig, Message
from ragkit.memory.memory import Memory

MONDAY = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)


def memory(**more):
    return Memory(":memory:", embedder=None, worker=False, **{"clock": lambda: MONDAY, **more})


def exported(mem):
    file = io.StringIO()
    mem.export(file)
    return file.getvalue()


TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["I saw you yesterday", "last week in Bern", "hello", "[x] I [Ann] am", "昨日東京へ行った", "Zoe said 3 km", "🙂"]
)
MESSAGES = st.lists(
    st.builds(
        Message,
        text=TEXTS,
        speaker=st.sampled_from(["Ann", "Bob", "Cid"]),
        time=st.integers(0, 5_000).map(lambda minutes: MONDAY + timedelta(minutes=minutes)),
        session=st.sampled_from([None, "s", "t"]),
        captions=st.lists(st.sampled_from(["a boat", "a lake"]), max_size=1).map(tuple),
    ),
    max_size=12,
    unique_by=lambda message: message.time,
)
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(MESSAGES)
def test_export_and_import_are_each_others_opposite(messages):
    with memory(scope="a") as one, memory(scope="a") as two:
        one.add_many(messages)
        text = exported(one)
        two.import_(io.StringIO(text))
        assert exported(two) == text
        assert two.check().ok
        assert {result.status for result in two.add_many(messages)} <= {"duplicate", "empty"}


@QUICK
@given(MESSAGES)
def test_adding_twice_is_adding_once_for_any_messages(messages):
    with memory() as mem:
        mem.add_many(messages)
        text = exported(mem)
        mem.add_many(messages)
        assert exported(mem) == text


@QUICK
@given(MESSAGES, st.randoms())
def test_any_order_of_a_batch_gives_the_same_memory(messages, chance):
    shuffled = list(messages)
    chance.shuffle(shuffled)
    with memory() as one, memory() as two:
        one.add_many(messages)
        two.add_many(shuffled)
        assert exported(one) == exported(two)


@QUICK
@given(MESSAGES, st.randoms())
def test_messages_added_one_by_one_in_any_order_give_the_same_texts_contexts_and_intervals(messages, chance):
    shuffled = list(messages)
    chance.shuffle(shuffled)
    with memory() as one, memory() as two:
        one.add_many(messages)
        for message in shuffled:
            two.add_many([message])
        assert told(one, messages) == told(two, messages)
        assert two.check().ok


def told(mem, messages):
    """What the unit of each message says, for messages that are not merged with others."""
    with mem.store.read() as connection:
        return connection.execute(
            "SELECT m.uid, u.ev_start_us, u.ev_end_us, u.granularity, u.date_text, "
            "CASE WHEN u.mentions = 1 THEN u.text END, CASE WHEN u.mentions = 1 THEN u.ctx END "
            "FROM memory_message m JOIN memory_unit_source s ON s.message_id = m.id "
            "JOIN memory_unit u ON u.id = s.unit_id WHERE u.mentions = 1 ORDER BY m.uid"
        ).fetchall()


@QUICK
@given(MESSAGES, st.data())
def test_forgetting_leaves_what_would_be_there_without_the_message(messages, data):
    stored = [message for message in messages if message.text.strip() or message.captions]
    with memory(config=MemoryConfig(cold_start=1000)) as one, memory(config=MemoryConfig(cold_start=1000)) as two:
        results = one.add_many(messages)
        ids = [result.id for result in results if result.status in ("stored", "split")]
        if not ids or not stored:
            return
        gone = data.draw(st.sampled_from(ids))
        one.forget(gone)
        two.add_many([message for message, result in zip(messages, results, strict=True) if result.id != gone])
        assert told(one, messages) == told(two, messages)
        with one.store.read() as left, two.store.read() as right:
            terms = "SELECT term, df FROM memory_term_df ORDER BY term"
            assert left.execute(terms).fetchall() == right.execute(terms).fetchall()
        assert one.check().ok


def test_an_import_into_another_scope_knows_its_messages_again(tmp_path):
    with memory(scope="a") as one, memory(scope="b") as two:
        one.add("The lake is cold", speaker="Ann", time=MONDAY)
        one.add("The boat is red", speaker="Ann", time=MONDAY, id="x")
        two.import_(io.StringIO(exported(one)))
        assert two.add("The lake is cold", speaker="Ann", time=MONDAY).status == "duplicate"
        assert two.add("The boat is red", speaker="Ann", time=MONDAY, id="x").status == "duplicate"
        assert [result.status for result in two.import_(io.StringIO(exported(one)))] == ["duplicate"] * 2
        assert two.check().ok


def test_links_versions_and_what_is_hidden_travel_too(tmp_path):
    with Memory(tmp_path / "m.db", scope="a", embedder="hash", worker=False) as one:
        one.add("My cat is called Tom", speaker="Ann", id="a", time=MONDAY)
        one.add("The lake is cold", speaker="Ann", id="b", time=MONDAY)
        one.update("a", text="Ann's cat is called Tim")
        one.forget("b", hard=False)
        text = exported(one)
    with Memory(tmp_path / "n.db", scope="a", embedder="hash", worker=False) as two:
        two.import_(io.StringIO(text))
        assert exported(two) == text
        assert [unit.id for unit in two.history("a")] == ["a", "a~2"]
        assert two.get("b") is None
        assert two.flush(10)
        assert two.stats().without_vector == 0


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        (["nonsense"], "line 1 is no JSON"),
        ([], "does not begin"),
        (['{"format": "other"}'], "does not begin"),
        (["HEAD", '{"message": {"uid": "x"}}'], "line 2 is no line of an export"),
        (["HEAD", '{"unit": {"uid": "x", "sources": ["nobody"]}}'], "line 2"),
        (["HEAD", '{"gossip": {}}'], "line 2"),
        (["HEAD", "[]"], "line 2 is no JSON object"),
    ],
)
def test_a_line_that_is_no_export_is_named_and_nothing_is_added(lines, match):
    with memory() as mem:
        mem.add("The lake is cold", speaker="Ann", time=MONDAY)
        before = exported(mem)
        head = before.splitlines()[0]
        text = "\n".join(head if line == "HEAD" else line for line in lines)
        with pytest.raises(LoadError, match=match):
            mem.import_(io.StringIO(text))
        assert exported(mem) == before
        with pytest.raises(InvalidValueError, match="formats are"):
            mem.import_(io.StringIO(""), format="xml")


def test_a_chat_of_another_program_is_read(tmp_path):
    lines = [
        {"text": "The lake is cold", "speaker": "Ann", "time": "2023-05-08T13:56:00+02:00", "session": 7, "id": 1},
        {"role": "user", "content": "And the boat?", "timestamp": 1683554160},
        {"role": "assistant", "name": "Bot", "content": "It is red", "mood": "good", "metadata": {"a": 1}},
    ]
    with memory() as mem:
        results = mem.import_(io.StringIO("\n".join(map(json.dumps, lines)) + "\n\n"), format="chat.jsonl")
        first, second, third = (mem.get(result.id).sources[0] for result in results)
        assert (first.id, first.session, first.time.isoformat()) == ("1", "7", "2023-05-08T13:56:00+02:00")
        assert (second.speaker, second.time.isoformat()) == ("user", "2023-05-08T13:56:00+00:00")
        assert (third.speaker, third.role, third.metadata) == ("Bot", "assistant", {"a": 1, "mood": "good"})


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ('{"speaker": "Ann"}', "line 2: it has no text"),
        ('{"text": "x"}', "line 2: it has no speaker"),
        ('{"text": "x", "speaker": "Ann", "time": "soon"}', "line 2"),
        ('{"text": "x", "speaker": "Ann", "time": [1]}', "line 2: its time"),
        ('{"text": "x", "speaker": "Ann", "time": 1e40}', "line 2"),
        ("{", "line 2 is no JSON"),
    ],
)
def test_a_line_of_a_chat_that_cannot_be_read_is_named_and_nothing_is_added(line, match):
    with memory() as mem:
        with pytest.raises(LoadError, match=match):
            mem.import_(io.StringIO('{"text": "hello", "speaker": "Ann"}\n' + line), format="chat.jsonl")
        assert mem.stats().messages == 0


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ('{"text": "x", "speaker": " "}', "line 2: the speaker"),
        ('{"text": "x", "speaker": "Ann", "captions": [3]}', "line 2: the caption"),
        ('{"text": "x", "speaker": "Ann", "time": "0001-01-01"}', "line 2: the time"),
        ('{"text": "x", "speaker": "Ann", "metadata": {"n": NaN}}', "line 2: metadata"),
        (b'{"text": "caf\xe9", "speaker": "Ann"}'.decode("utf-8", "surrogateescape"), "line 2 is no UTF-8"),
    ],
)
def test_a_line_of_a_chat_that_no_message_can_be_made_of_is_named(line, match):
    with memory() as mem:
        with pytest.raises(LoadError, match=match):
            mem.import_(io.StringIO('{"text": "hello", "speaker": "Ann"}\n' + line), format="chat.jsonl")
        assert mem.stats().messages == 0


def test_a_byte_order_mark_before_a_chat_is_no_part_of_it():
    with memory() as mem:
        mem.import_(io.StringIO('\ufeff{"text": "hello", "speaker": "Ann"}'), format="chat.jsonl")
        assert mem.stats().messages == 1


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("message", "t_us", "x"), ("message", "t_us", 1e300), ("message", "t_us", 10**30),
        ("message", "t_us", 9 * 10**18),
        ("message", "tz_minutes", 999_999), ("message", "speaker", None), ("message", "captions", "{}"),
        ("message", "metadata", "[]"), ("message", "hidden_us", "x"), ("message", "text", 5), ("message", "start", -1),
        ("unit", "kind", "rumour"), ("unit", "tier", "gold"), ("unit", "ev_start_us", None), ("unit", "level", []),
        ("unit", "granularity", 5), ("unit", "said_tz", 10**6), ("unit", "annotations", '[["x", 1]]'),
        ("unit", "ev_end_us", 0), ("unit", "facets", [["rumour", "a", "a"]]), ("unit", "salience", "x"),
        ("saliences", "seen", -1),
    ],
)  # fmt: skip
def test_an_export_with_a_value_no_memory_has_is_refused(kind, name, value):
    with memory() as one, memory() as two:
        one.add("I saw the lake yesterday", speaker="Ann", time=MONDAY)
        lines = [json.loads(line) for line in exported(one).splitlines()]
        next(line for line in lines if kind in line)[kind][name] = value
        with pytest.raises(LoadError, match=r"line \d is no line of an export"):
            two.import_(io.StringIO("\n".join(map(json.dumps, lines))))
        assert two.stats().messages == 0
        assert two.check().ok
