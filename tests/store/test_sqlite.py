"""The SQLite store: documents whole or not at all, texts and vectors shared, nothing left behind."""

import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.components import Derived, Shelf
from ragkit.errors import (
    InvalidValueError,
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreVersionError,
)
from ragkit.store import SQLiteStore, connection
from ragkit.store.codec import pack
from ragkit.store.sqlite import MissingVectorsError, Written
from ragkit.types import Document

BUILD = "test"


def words_of(chunk):
    words = dict.fromkeys(chunk.text.split())
    return Derived(tuple(words), data=tuple(chunk.text.split().count(word) for word in words), note=chunk.text[:3])


def put(store, id, text, index=None, vectors=None, **metadata):
    document = Document(id, text, f"{id}.txt", metadata=metadata)
    middle = max(1, len(text) // 2)
    chunks = [document.chunk(0, middle), document.chunk(middle, len(text))] if len(text) > 1 else [document.chunk(0, 1)]
    derived = {index.number: [words_of(chunk) for chunk in chunks]} if index else {}
    store.write(Written(document, "digest", BUILD, None, chunks, derived, vectors or {}))
    return chunks


@pytest.fixture
def store(tmp_path):
    store = SQLiteStore(tmp_path / "store.db")
    yield store
    store.close()


def test_a_document_comes_back_as_it_went_in(store):
    put(store, "a", "Grüße 🎉\r\n\0 end", year=1990, tags=["x"])
    document = store.document("a")
    assert document.text == "Grüße 🎉\r\n\0 end"
    assert document.metadata == {"year": 1990, "tags": ["x"]}
    assert store.document("b") is None


def test_chunks_are_exact_pieces_of_their_document(store):
    index = store.register("words", "v1", None)
    put(store, "a", "one two three four", index)
    shelf = store.shelf(index)
    assert isinstance(shelf, Shelf)
    for chunk in shelf.chunks(shelf.live()):
        assert store.document("a").text[chunk.start : chunk.end] == chunk.text
        assert chunk.source == "a.txt"


def test_rows_come_back_concatenated_in_slot_order(store):
    index = store.register("words", "v1", None)
    put(store, "a", "x y x|z z", index)
    put(store, "b", "y", index)
    shelf = store.shelf(index)
    rows = shelf.rows()
    assert rows.slots.tolist() == shelf.live().tolist()
    texts = shelf.texts(rows.texts)
    by_row = [texts[a:b] for a, b in zip(rows.text_starts, rows.text_starts[1:], strict=False)]
    assert by_row[-1] == ["y"]
    assert rows.data[rows.data_starts[0] : rows.data_starts[1]].tolist() == [1, 1]
    assert shelf.rows(rows.slots[-1:]).texts.tolist() == rows.texts[rows.text_starts[-2] :].tolist()
    assert shelf.find(["y", "nothing"]).tolist() == [rows.texts[-1], -1]
    assert shelf.notes(rows.slots[::-1])[0] == "y"


def test_a_text_keeps_its_number_and_is_stored_once(store):
    index = store.register("words", "v1", None)
    put(store, "a", "same", index)
    first = store.shelf(index).find(["sa"])
    put(store, "b", "same", index)
    assert store.shelf(index).find(["sa"]) == first
    assert store.rows("SELECT count(*) FROM texts WHERE text = 'sa'")[0][0] == 1


def test_replacing_a_document_gives_new_slots_and_removes_the_old_rows(store):
    index = store.register("words", "v1", None)
    put(store, "a", "old words", index)
    before = store.shelf(index).live()
    put(store, "a", "new words", index)
    after = store.shelf(index).live()
    assert not set(before) & set(after)
    assert store.rows("SELECT count(*) FROM derived")[0][0] == len(after)


def test_removing_collects_the_texts_and_vectors_nobody_else_uses(store):
    index = store.register("words", "v1", ("model", 2))
    vectors = {text: pack(np.array([[0.6, 0.8]], dtype=np.float32))[0] for text in ("on", "ly", "mi", "ne")}
    put(store, "a", "only", index, {index.model: vectors})
    put(store, "b", "mine", index, {index.model: vectors})
    store.remove(["a"])
    assert {row[0] for row in store.rows("SELECT text FROM texts")} == {"mi", "ne"}
    assert store.rows("SELECT count(*) FROM vectors")[0][0] == 2
    store.remove(["b"])
    for table in ("documents", "chunks", "derived", "texts", "vectors", "loose"):
        assert store.rows(f"SELECT count(*) FROM {table}")[0][0] == 0, table


def test_vectors_come_back_in_the_order_asked_for(store):
    index = store.register("words", "v1", ("model", 2))
    vectors = {"on": [1.0, 0.0], "ly": [0.0, 1.0]}
    packed = {text: pack(np.array([vector], dtype=np.float32))[0] for text, vector in vectors.items()}
    put(store, "a", "only", index, {index.model: packed})
    shelf = store.shelf(index)
    one, two = shelf.find(["on", "ly"])
    assert shelf.vectors([two, one, two]).tolist() == [[0, 1], [1, 0], [0, 1]]
    assert shelf.vectors([]).shape == (0, 2)
    assert store.with_vectors(index.model, ["on", "off"]) == {"on"}


def test_a_write_that_counts_on_vanished_vectors_changes_nothing(store):
    index = store.register("words", "v1", ("model", 2))
    with pytest.raises(MissingVectorsError) as caught:
        put(store, "a", "only", index)
    assert sorted(caught.value.texts) == ["ly", "on"]
    assert store.counts() == (0, 0, 0)


def test_the_generation_grows_with_each_write_and_another_reader_sees_it(store):
    other = SQLiteStore(store.path, read_only=True)
    before = other.generation
    put(store, "a", "text")
    assert other.generation > before
    other.close()


def test_a_snapshot_does_not_see_later_writes(store):
    other = SQLiteStore(store.path)
    put(store, "a", "text")
    with other.snapshot():
        assert other.counts()[0] == 1
        put(store, "b", "text")
        assert other.counts()[0] == 1
    assert other.counts()[0] == 2
    other.close()


def test_a_second_writer_is_told_to_wait(store, monkeypatch):
    other = SQLiteStore(store.path)
    other.db.execute("PRAGMA busy_timeout = 50")
    with store.writing(), pytest.raises(StoreBusyError, match="another process"):
        put(other, "a", "text")
    put(other, "a", "text")
    other.close()


def test_a_lone_surrogate_is_refused_by_name(store):
    with pytest.raises(InvalidValueError, match="'a'.*surrogate"):
        put(store, "a", "bad \ud800 text")
    assert store.counts()[0] == 0


def test_metadata_that_is_no_json_is_refused(store):
    with pytest.raises(InvalidValueError, match="metadata"):
        put(store, "a", "text", bad=object())


def test_a_read_only_store_refuses_writing(store):
    put(store, "a", "text")
    reader = SQLiteStore(store.path, read_only=True)
    with pytest.raises(StoreError, match="read-only"):
        put(reader, "b", "text")
    reader.close()


def test_a_missing_store_is_not_made_when_reading(tmp_path):
    with pytest.raises(StoreError, match="there is no store"):
        SQLiteStore(tmp_path / "none.db", create=False)
    assert not (tmp_path / "none.db").exists()


def test_a_store_from_a_newer_version_is_named(tmp_path):
    path = tmp_path / "store.db"
    SQLiteStore(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version = 999")
    with pytest.raises(StoreVersionError, match="999"):
        SQLiteStore(path)


def test_a_foreign_database_is_not_touched(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE mine (x)")
    before = path.read_bytes()
    with pytest.raises(StoreCorruptError, match="not a ragkit store"):
        SQLiteStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, None])
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "store.db"
    store = SQLiteStore(path)
    for number in range(50):
        put(store, f"d{number}", "some text " * 50)
    store.close()
    whole = path.read_bytes()
    path.write_bytes(damage if damage is not None else whole[: len(whole) // 2])
    with pytest.raises(StoreCorruptError, match=str(path)):
        broken = SQLiteStore(path)
        broken.rows("SELECT sum(length(text)) FROM documents")


def test_a_folder_or_a_missing_folder_as_store_is_explained(tmp_path):
    with pytest.raises(StoreError, match="folder"):
        SQLiteStore(tmp_path)
    with pytest.raises(StoreError, match="does not exist"):
        SQLiteStore(tmp_path / "no" / "store.db")


def test_a_full_disk_is_reported_and_what_was_committed_stays(store):
    put(store, "a", "text")
    pages = store.rows("PRAGMA page_count")[0][0]
    store.db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="disk is full"):
        put(store, "b", "much text " * 100_000)
    store.db.execute("PRAGMA max_page_count = 1000000")
    assert [info.id for info in store.sources()] == ["a"]
    put(store, "c", "text")


def test_two_processes_making_one_store_at_once_both_succeed(tmp_path):
    script = f"from ragkit.store import SQLiteStore; SQLiteStore({str(tmp_path / 's.db')!r}).close()"
    running = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    assert [process.wait() for process in running] == [0, 0, 0, 0]


def test_errors_of_sqlite_never_pass_untranslated(tmp_path):
    with pytest.raises(StoreError, match=r"x\.db"), connection.translated("x.db"):
        raise sqlite3.OperationalError("something odd")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text("xyz ", min_size=2, max_size=8) | st.none()), max_size=12))
@settings(max_examples=40, deadline=None)
def test_any_sequence_of_writes_and_removals_leaves_what_a_fresh_store_would_hold(steps):
    worn, fresh = SQLiteStore(":memory:"), SQLiteStore(":memory:")
    live = {}
    index = worn.register("words", "v1", None)
    for id, text in steps:
        if text is None:
            worn.remove([id])
            live.pop(id, None)
        else:
            put(worn, id, text, index)
            live[id] = text
    worn.collect()
    index = fresh.register("words", "v1", None)
    for id, text in sorted(live.items()):
        put(fresh, id, text, index)
    for sql in (
        "SELECT id, text FROM documents ORDER BY id",
        "SELECT id, text FROM chunks ORDER BY id",
        "SELECT text FROM texts ORDER BY text",
        "SELECT c.id, x.data, x.note FROM derived x JOIN chunks c ON c.slot = x.slot ORDER BY c.id",
    ):
        assert worn.rows(sql) == fresh.rows(sql)
    worn.close()
    fresh.close()


@pytest.mark.parametrize("damage", ["'{broken'", "'[1]'", "x'00ff'"])
def test_damaged_metadata_are_reported_as_damage(store, damage):
    index = store.register("words", "v1", None)
    put(store, "a", "some text", index)
    store.db.execute(f"UPDATE chunks SET metadata = {damage}")
    store.db.execute(f"UPDATE documents SET metadata = {damage}")
    shelf = store.shelf(index)
    for read in (lambda: shelf.chunks(shelf.live()), lambda: shelf.matching({"x": 1}), lambda: store.document("a")):
        with pytest.raises(StoreCorruptError, match="damaged"):
            read()
