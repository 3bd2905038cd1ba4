"""Calls of language models in the store, and stores made before there were any."""

import sqlite3

from ragkit import Document, KnowledgeBase
from ragkit.store.ledger import Call, Run, Said
from ragkit.store.schema import APPLICATION_ID, migrations


def shelf_of(path=":memory:"):
    kb = KnowledgeBase(path, 'chunk(by="whole") >> clue(model="hash", ner="")')
    kb.add(Document("a", "Ada Byrne left Oslo."), Document("b", "Tom Hale stayed."))
    return kb, kb.stage("clue")._state.shelf


def call(prompted, completed, status="ok", **more):
    return Call(("a#0-20",), "model", "units 1", prompted, completed, "provider", status, **more)


def test_calls_add_up():
    _, shelf = shelf_of()
    for one in (
        call(100, 20),
        call(50, 0, "error"),
        call(60, 9, "invalid", attempt=2),
        call(0, 0, "cached", saved=120),
    ):
        shelf.ledger.record(one)
    told = shelf.ledger.usage()
    assert (told.calls, told.prompt_tokens, told.completion_tokens) == (3, 210, 29)
    assert (told.failed, told.cached, told.saved, told.spent) == (2, 1, 120, 239)
    assert [one.status for one in shelf.ledger.calls()] == ["ok", "error", "invalid", "cached"]


def test_a_run_that_was_broken_off_is_what_was_charged_since_the_last_whole_one():
    _, shelf = shelf_of()
    ledger = shelf.ledger
    ledger.record(call(100, 20))
    ledger.finish(Run(budget=500, spent=120, rejected={"repeated": 2}))
    assert ledger.unfinished() == 0
    ledger.record(call(30, 3))
    assert ledger.unfinished() == 33
    assert ledger.usage().runs == (Run(budget=500, spent=120, rejected={"repeated": 2}),)


def test_calls_noted_while_a_question_is_answered_are_written_down_after_it():
    kb, shelf = shelf_of()
    part = shelf.ledger.under("controller")
    before = kb.store.generation
    with kb.store.snapshot():
        part.note(call(10, 2))
        assert part.usage().calls == 0
    shelf.flush()
    part.note(call(20, 3))
    assert (part.usage().calls, part.usage().spent) == (2, 35)
    assert shelf.ledger.usage().calls == shelf.ledger.unfinished() == 0
    assert kb.store.generation == before


def test_noted_calls_wait_for_a_store_that_is_busy(tmp_path, caplog):
    kb, shelf = shelf_of(tmp_path / "kb.db")
    kb.store.db.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "kb.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    shelf.ledger.note(call(10, 2))
    assert "not written down yet" in caplog.text
    other.execute("ROLLBACK")
    other.close()
    shelf.flush()
    assert shelf.ledger.usage().spent == 12


def test_what_was_said_is_kept_until_its_document_goes():
    kb, shelf = shelf_of()
    shelf.ledger.keep([Said(b"one", "a", ("Ada left.",), 7), Said(b"two", "b", None)])
    assert shelf.ledger.said([b"one", b"two", b"three"]) == {
        b"one": Said(b"one", "a", ("Ada left.",), 7),
        b"two": Said(b"two", "b", None),
    }
    kb.remove("a")
    assert list(shelf.ledger.said([b"one", b"two"])) == [b"two"]


def test_rows_replaced_in_place_are_seen_by_an_index_that_was_open(tmp_path):
    writer, shelf = shelf_of(tmp_path / "kb.db")
    with KnowledgeBase(tmp_path / "kb.db", read_only=True) as reader:
        before = [hit.score for hit in reader.search("Who left Oslo?")]
        index = writer.stage("clue")
        row = index.derive([Document("a", "Nothing of that kind.").chunk(0, 21)])
        shelf.ledger.replace([int(shelf.live()[0])], row, index.embedder)
        after = [hit.score for hit in reader.search("Who left Oslo?")]
    assert before != after


def test_a_store_of_the_first_version_is_brought_up_to_date(tmp_path):
    from sqlite_utils import Database

    path = tmp_path / "old.db"
    db = Database(sqlite3.connect(path))
    migrations().apply(db, stop_before="2_language_model_calls")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("PRAGMA user_version = 1")
    db.conn.commit()
    db.close()
    kb, shelf = shelf_of(path)
    assert shelf.ledger.usage().calls == 0
    assert len(kb.search("Who left Oslo?")) == 2
