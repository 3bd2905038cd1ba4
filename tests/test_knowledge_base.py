"""Adding, changing, removing and asking, through the one object most people use."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from ragkit import Answer, Document, Hits, KnowledgeBase, Source, stage
from ragkit.errors import (
    IndexMismatchError,
    InvalidValueError,
    PipelineError,
    RagkitError,
    StageFailedError,
    StoreError,
)
from ragkit.ingest import AddReport
from ragkit.registry import temporary_stages
from ragkit.types import check_citations

FAST = "bm25 >> answer(embedder='', tagger='')"
WITH_VECTORS = 'bm25 + dense(model="hash")'


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "ada.md").write_text("# Ada\n\nAda Byrne was born in Bern.\n")
    (folder / "tom.txt").write_text("Tom Hale played for FC Aare.\n")
    (folder / "list.jsonl").write_text(
        "".join(
            json.dumps({"id": f"r{n}", "title": f"Record {n}", "text": f"Fact number {n}."}) + "\n" for n in range(3)
        )
    )
    return folder


@pytest.fixture
def kb(tmp_path):
    with KnowledgeBase(tmp_path / "kb.db", FAST) as kb:
        yield kb


def names(report: AddReport, folder):
    prefix = f"{folder.as_posix()}/"
    return {
        kind: sorted(id.removeprefix(prefix) for id in getattr(report, kind))
        for kind in ("added", "changed", "unchanged", "removed")
    }


def test_a_folder_is_added_once_and_then_only_what_changed(kb, notes):
    assert names(kb.add(notes), notes)["added"] == ["ada.md", "r0", "r1", "r2", "tom.txt"]
    before = kb.status().generation
    assert names(kb.add(notes), notes) == {
        "added": [], "changed": [], "removed": [], "unchanged": ["ada.md", "r0", "r1", "r2", "tom.txt"]
    }  # fmt: skip
    assert kb.status().generation == before  # nothing was written
    (notes / "tom.txt").write_text("Tom Hale retired.\n")
    (notes / "new.txt").write_text("Something new.\n")
    report = names(kb.add(notes), notes)
    assert (report["added"], report["changed"]) == (["new.txt"], ["tom.txt"])
    assert kb.search("Who retired?", k=1).items[0].chunk.text == "Tom Hale retired."


def test_a_file_that_lost_a_record_loses_its_document(kb, notes):
    kb.add(notes)
    lines = (notes / "list.jsonl").read_text().splitlines(keepends=True)
    (notes / "list.jsonl").write_text(lines[0] + lines[2].replace("Fact", "Truth"))
    report = names(kb.add(notes), notes)
    assert (report["removed"], report["changed"]) == (["r1"], ["r2"])
    assert "r0" in report["unchanged"]


def test_vanished_files_stay_unless_pruned(kb, notes):
    kb.add(notes)
    (notes / "tom.txt").unlink()
    assert kb.add(notes).removed == ()
    assert names(kb.add(notes, prune=True), notes)["removed"] == ["tom.txt"]
    assert kb.search("Tom Hale").items == ()


def test_pruning_one_folder_leaves_the_others(kb, notes, tmp_path):
    other = tmp_path / "notes-other"
    other.mkdir()
    (other / "x.txt").write_text("Other.")
    kb.add(notes, other)
    (other / "x.txt").unlink()
    assert kb.add(notes, prune=True).removed == ()


def test_a_folder_that_cannot_be_listed_is_not_taken_for_empty(kb, notes, monkeypatch):
    kb.add(notes)
    real = os.listdir

    def refuse(path="."):
        if os.fspath(path) == os.fspath(notes):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os.path, "lexists", lambda path: not os.fspath(path).startswith(os.fspath(notes)))
    report = kb.add(notes, prune=True)
    assert report.removed == ()
    assert [failure.source for failure in report.failed] == [notes.as_posix()]


def test_failures_are_reported_by_path_and_stop_nothing(kb, notes):
    (notes / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    (notes / "empty.txt").write_bytes(b"")
    (notes / "image.bin").write_bytes(bytes(range(256)) * 10)
    with open(notes / "list.jsonl", "a") as file:
        file.write("{not json\n")
    report = kb.add(notes, notes / "missing.txt")
    assert len(report.added) == 5
    failed = {failure.source.rpartition("/")[2] for failure in report.failed}
    assert {"broken.pdf", "missing.txt", "list.jsonl:4"} <= failed
    assert {failure.source.rpartition("/")[2] for failure in report.skipped} == {"empty.txt", "image.bin"}
    assert "2 skipped" in str(report)


def test_a_file_with_a_bad_record_is_tried_again(kb, notes):
    with open(notes / "list.jsonl", "a") as file:
        file.write("{not json\n")
    assert len(kb.add(notes).failed) == 1
    assert len(kb.add(notes).failed) == 1


def test_two_files_with_the_same_record_id_are_told_apart(kb, notes):
    (notes / "more.jsonl").write_text(json.dumps({"id": "r1", "text": "Another."}) + "\n")
    report = kb.add(notes)
    assert [failure.source.rpartition("/")[2] for failure in report.failed] == ["more.jsonl"]
    assert "r1" in report.failed[0].reason
    assert "list.jsonl" in report.failed[0].reason


def test_documents_and_texts_are_added_as_they_are(kb):
    report = kb.add(Document("a", "Alpha."), [Document("b", "Beta."), Source("note", text="Gamma.")])
    assert report.added == ("a", "b", "note")
    assert kb.add(Document("a", "Alpha.")).unchanged == ("a",)
    assert kb.add(Document("a", "Alpha!")).changed == ("a",)
    assert kb.document("note").text == "Gamma."


def test_the_same_id_twice_in_one_call_is_reported(kb):
    report = kb.add(Document("a", "One."), Document("a", "Two."))
    assert report.added == ("a",)
    assert len(report.failed) == 1


def test_something_that_is_no_source_is_refused(kb):
    with pytest.raises(TypeError, match="int"):
        kb.add(3)


def test_the_store_in_the_added_folder_is_not_read(notes):
    with KnowledgeBase(notes / "kb.db", FAST) as kb:
        report = kb.add(notes)
    assert not report.failed
    assert not report.skipped


def test_an_empty_folder_is_said_to_be_empty(kb, tmp_path):
    (tmp_path / "void").mkdir()
    report = kb.add(tmp_path / "void")
    assert report.added == ()
    assert "no files" in report.skipped[0].reason


def test_removing_by_file_folder_source_and_id(kb, notes):
    kb.add(notes, Document("loose", "Loose.", source="elsewhere"))
    assert kb.remove("r1") == ("r1",)
    assert kb.remove("elsewhere") == ("loose",)
    assert len(kb.remove(notes / "list.jsonl")) == 2
    assert len(kb.remove(notes)) == 2
    assert kb.status().documents == 0


def test_removing_something_unknown_removes_nothing(kb, notes):
    kb.add(notes)
    with pytest.raises(InvalidValueError, match="nothing.txt"):
        kb.remove("r1", "nothing.txt")
    assert kb.status().documents == 5


def test_an_answer_cites_characters_of_its_sources(kb, notes):
    kb.add(notes)
    answer = kb.ask("Where was Ada Byrne born?")
    assert isinstance(answer, Answer)
    assert answer.found
    check_citations(answer.citations, {info.id: kb.document(info.id) for info in kb.sources()})
    assert any("Bern" in citation.quote for citation in answer.citations)
    assert [entry["stage"] for entry in answer.trace][0] == "bm25"


def test_many_questions_equal_the_questions_one_by_one(kb, notes):
    kb.add(notes)
    questions = ["Where was Ada Byrne born?", "Who played for FC Aare?"]
    assert [answer.text for answer in kb.batch(questions)] == [kb.ask(question).text for question in questions]
    assert kb.batch([]) == []


def test_streaming_ends_with_the_answer(kb, notes):
    kb.add(notes)
    *pieces, answer = kb.stream("Where was Ada Byrne born?")
    assert isinstance(answer, Answer)
    assert "".join(pieces) == answer.text


def test_asking_from_a_coroutine(kb, notes):
    kb.add(notes)
    assert asyncio.run(kb.aask("Where was Ada Byrne born?")).found


def test_explaining_lists_each_stage_with_its_time_and_top_items(kb, notes):
    kb.add(notes)
    explanation = kb.explain("Where was Ada Byrne born?")
    assert [record.stage.partition("(")[0] for record in explanation.stages] == ["bm25", "answer"]
    assert "items" in str(explanation)
    assert explanation.stages[0].items >= 1
    assert isinstance(explanation.hits, Hits)


def test_an_empty_store_does_not_find(kb):
    answer = kb.ask("Where was Ada Byrne born?")
    assert not answer.found
    assert answer.citations == ()


@pytest.mark.parametrize("question", ["", " \n"])
def test_an_empty_question_is_refused(kb, question):
    with pytest.raises(InvalidValueError, match="empty"):
        kb.ask(question)


@pytest.mark.parametrize("question", ["?!…", "x" * 100_000, "\0", "🎉"])
def test_odd_questions_get_an_answer(kb, notes, question):
    kb.add(notes)
    assert isinstance(kb.ask(question), Answer)


def test_a_pipeline_without_answer_says_so(tmp_path):
    with KnowledgeBase(tmp_path / "kb.db", "bm25") as kb, pytest.raises(PipelineError, match="hits, not answers"):
        kb.ask("Who?")


def test_a_wrong_pipeline_makes_no_store(tmp_path):
    with pytest.raises(PipelineError):
        KnowledgeBase(tmp_path / "kb.db", "bm52 >> answer")
    assert not (tmp_path / "kb.db").exists()


def test_a_store_remembers_its_pipeline_and_its_chunking(tmp_path, notes):
    with KnowledgeBase(tmp_path / "kb.db", f"chunk(tokens=50) >> {FAST}") as kb:
        kb.add(notes)
    with KnowledgeBase(tmp_path / "kb.db") as kb:
        assert "chunk(tokens=50)" in str(kb.pipeline)
        assert len(kb.add(notes).unchanged) == 5
    with KnowledgeBase(tmp_path / "kb.db", "bm25") as kb:  # the chunking goes without saying
        assert len(kb.add(notes).unchanged) == 5


def test_another_chunking_is_refused_until_rebuilt(tmp_path, notes):
    with KnowledgeBase(tmp_path / "kb.db", FAST) as kb:
        kb.add(notes)
    with KnowledgeBase(tmp_path / "kb.db", f"chunk(tokens=8) >> {FAST}") as kb:
        for call in (lambda: kb.ask("Who?"), lambda: kb.add(notes)):
            with pytest.raises(IndexMismatchError, match="--rebuild"):
                call()
        assert kb.add(rebuild=True).rebuilt
        assert kb.search("Where was Ada born?").items
        assert len(kb.add(notes).unchanged) == 5


def test_another_model_is_refused_by_both_names_until_rebuilt(tmp_path, notes):
    with KnowledgeBase(tmp_path / "kb.db", WITH_VECTORS) as kb:
        kb.add(notes)
        first = [hit.chunk.id for hit in kb.search("Where was Ada born?")]
    with KnowledgeBase(tmp_path / "kb.db", 'dense(model="static")') as kb:
        with pytest.raises(IndexMismatchError, match=r"(?s)hash.*static|wordllama.*--rebuild"):
            kb.search("Who?")
        kb.add(rebuild=True)
        assert kb.search("Who?").items
        assert list(kb.status().indexes) == ["dense"]
    with KnowledgeBase(tmp_path / "kb.db", WITH_VECTORS) as kb:
        kb.add(rebuild=True)
        assert [hit.chunk.id for hit in kb.search("Where was Ada born?")] == first


def test_a_new_index_is_completed_when_it_is_first_asked(tmp_path, notes):
    with KnowledgeBase(tmp_path / "kb.db", "bm25") as kb:
        kb.add(notes)
    with (
        KnowledgeBase(tmp_path / "kb.db", WITH_VECTORS, read_only=True) as kb,
        pytest.raises(StoreError, match="read-only"),
    ):
        kb.search("Who?")
    with KnowledgeBase(tmp_path / "kb.db", WITH_VECTORS) as kb:
        assert len(kb.search("Where was Ada born?")) == 5
    with KnowledgeBase(tmp_path / "kb.db", WITH_VECTORS, read_only=True) as kb:
        assert len(kb.search("Where was Ada born?")) == 5


def test_each_text_is_embedded_once(tmp_path, notes):
    from ragkit.stages import dense

    asked = []

    class Counting:
        fingerprint, dim = "counting", 3

        def embed(self, texts, *, query=False):
            import numpy as np

            if not query:
                asked.extend(texts)
            return np.tile(np.array([[1.0, 0.0, 0.0]], dtype=np.float32), (len(texts), 1))

    with KnowledgeBase(tmp_path / "kb.db", dense(model=Counting())) as kb:
        kb.add(notes)
        kb.add(Document("copy", "Tom Hale played for FC Aare."))
        (notes / "tom.txt").write_text("Tom Hale played for FC Aare.\n\n")
        kb.add(notes)
    assert len(asked) == len(set(asked)) == 5


@pytest.mark.parametrize("make", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_an_executor_does_not_change_the_result(tmp_path, notes, make):
    for n in range(150):
        (notes / f"n{n}.txt").write_text(f"Note {n} says that item {n * 7} is kept in box {n % 13}.")
    pipeline = 'bm25 + trigraph(model="hash", ner="")'
    contents = []
    for name, executor in (("serial", None), ("spread", make(2))):
        with KnowledgeBase(tmp_path / f"{name}.db", pipeline) as kb:
            report = kb.add(notes, executor=executor)
            assert len(report.added) == 155
            contents.append(kb.store.rows("SELECT id, text FROM chunks ORDER BY slot"))
            contents.append([(hit.chunk.id, hit.score) for hit in kb.search("Which box keeps item 70?")])
        if executor:
            executor.shutdown()
    assert contents[:2] == contents[2:]


def test_an_index_that_lives_in_memory_follows_the_store(tmp_path, notes):
    with temporary_stages():

        @stage("longest")
        class Longest:
            """The longest chunks."""

            def __init__(self):
                self.chunks = {}

            def add(self, chunks):
                self.chunks.update({chunk.id: chunk for chunk in chunks})

            def remove(self, chunk_ids):
                for id in chunk_ids:
                    del self.chunks[id]

            def search(self, query, k):
                from ragkit import Hit

                best = sorted(self.chunks.values(), key=lambda chunk: (-len(chunk.text), chunk.id))[:k]
                return Hits(query, tuple(Hit(chunk, float(len(chunk.text))) for chunk in best))

        with KnowledgeBase(tmp_path / "kb.db", "longest + bm25") as kb:
            kb.add(notes)
            assert len(kb.search("Who?")) == 5
            kb.remove("r0", "r1")
            kb.add(Document("long", "A very long document indeed. " * 5))
            with KnowledgeBase(tmp_path / "kb.db", "longest") as again:
                expected = [hit.chunk.id for hit in again.search("Who?")]
            assert [hit.chunk.id for hit in KnowledgeBase(tmp_path / "kb.db", "longest").search("Who?")] == expected
            assert expected[0].startswith("long#")
            assert len(kb.search("Who?")) == 4


def test_a_third_party_stage_that_fails_is_named(tmp_path, notes):
    with temporary_stages():

        @stage("picky")
        class Picky:
            """Refuses Tom."""

            def enrich(self, chunks):
                if any("Tom" in chunk.text for chunk in chunks):
                    raise RuntimeError("no Toms")
                return chunks

        with KnowledgeBase(tmp_path / "kb.db", "load >> chunk >> picky >> bm25") as kb:
            report = kb.add(notes)
            assert len(report.added) == 4
            assert "RuntimeError: no Toms" in report.failed[0].reason


def test_threads_may_share_a_knowledge_base(kb, notes):
    kb.add(notes)
    found, errors = [], []

    def ask():
        try:
            found.append(kb.search("Where was Ada Byrne born?").items[0].chunk.id)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(set(found)) == 1
    assert len(found) == 8


def test_two_processes_add_to_one_store_and_nothing_is_lost(tmp_path):
    script = (
        "import sys; from ragkit import Document, KnowledgeBase\n"
        "kb = KnowledgeBase(sys.argv[1], 'bm25 + dense(model=\"hash\")')\n"
        "report = kb.add([Document(f'{sys.argv[2]}{n}', f'Shared words and number {n}.') for n in range(200)])\n"
        "assert len(report.added) == 200, report\n"
    )
    path = str(tmp_path / "kb.db")
    running = [subprocess.Popen([sys.executable, "-c", script, path, name]) for name in "ab"]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    with KnowledgeBase(path) as kb:
        assert kb.status().documents == 400
        assert len(kb.search("number 7", k=500)) == 400


def test_a_reader_sees_what_another_process_wrote(tmp_path, notes):
    with (
        KnowledgeBase(tmp_path / "kb.db", FAST) as writer,
        KnowledgeBase(tmp_path / "kb.db", FAST, read_only=True) as reader,
    ):
        writer.add(notes)
        assert reader.search("Where was Ada Byrne born?").items
        writer.remove("r0")
        assert all(hit.chunk.document_id != "r0" for hit in reader.search("Fact number 0"))


def test_progress_is_told_after_each_document(kb, notes):
    told = []
    kb.add(notes, progress=told.append)
    assert [progress.done for progress in told] == [1, 2, 3, 4, 5]


def test_status_counts_what_is_there(kb, notes):
    kb.add(notes)
    status = kb.status()
    assert (status.documents, status.chunks) == (5, 5)
    assert status.bytes > 0
    assert list(status.indexes) == ["bm25"]
    assert [info.characters for info in kb.sources()] == [len(kb.document(info.id).text) for info in kb.sources()]


def test_an_unknown_document_or_stage_is_named(kb):
    with pytest.raises(InvalidValueError, match="'nope'"):
        kb.document("nope")
    with pytest.raises(InvalidValueError, match="trigraph"):
        kb.stage("trigraph")


def test_files_are_known_by_where_they_lie_not_by_where_add_was_called(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.md").write_text("Alpha.")
    (tmp_path / "sub" / "b.md").write_text("Beta.")
    with KnowledgeBase(tmp_path / "kb.db", FAST) as kb:
        monkeypatch.chdir(tmp_path)
        kb.add(".")
        monkeypatch.chdir(tmp_path / "sub")
        assert kb.add(".", prune=True).removed == ()
        assert kb.status().documents == 2  # b.md stays known by its first name
        assert kb.remove(tmp_path / "a.md") == ("a.md",)


@pytest.mark.parametrize("first", ["relative", "absolute"])
def test_a_file_is_one_document_whichever_way_its_path_is_spelt(tmp_path, monkeypatch, first):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.md"
    file.write_text("Alpha.")
    spelt = ["a.md", str(file), "./x/../a.md"]
    (tmp_path / "x").mkdir()
    if first == "absolute":
        spelt[:2] = spelt[1::-1]
    with KnowledgeBase(tmp_path / "kb.db", FAST) as kb:
        (id,) = kb.add(*spelt).added
        assert id == spelt[0]
        assert [kb.add(one).unchanged for one in spelt] == [(id,)] * 3
        file.write_text("Beta.")
        assert kb.add(spelt[1]).changed == (id,)
        assert (kb.document(id).text, kb.document(id).source) == ("Beta.", id)
        assert kb.status().documents == 1
        file.write_text("")
        assert kb.add(spelt[1]).removed == (id,)


def test_a_store_that_holds_a_file_under_two_names_keeps_both_up_to_date(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.md"
    file.write_text("Alpha.")
    with KnowledgeBase(tmp_path / "kb.db", FAST) as kb:
        kb.add("a.md")
        # As earlier versions stored it: one file, two names.
        kb.store.mark_files({str(file): (kb.store.file_state("a.md")[0], str(file).encode())}, kb._bound.build)
        file.write_text("Beta.")
        assert kb.add("a.md").changed == ("a.md",)
        assert kb.add(file).added == (file.as_posix(),)
        assert kb.add("a.md", file).unchanged == ("a.md", file.as_posix())


def test_a_file_of_the_same_name_elsewhere_does_not_replace_the_stored_one(tmp_path, monkeypatch):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "readme.md").write_text(f"This is {place}.")
    with KnowledgeBase(tmp_path / "kb.db", FAST) as kb:
        monkeypatch.chdir(tmp_path / "one")
        kb.add("readme.md")
        monkeypatch.chdir(tmp_path / "two")
        report = kb.add("readme.md")
        assert "absolute paths" in report.failed[0].reason
        assert kb.document("readme.md").text == "This is one."


@pytest.mark.parametrize("now", [b"", bytes(range(256)) * 8])
def test_a_file_that_became_empty_or_binary_loses_its_document(kb, notes, now):
    kb.add(notes)
    (notes / "tom.txt").write_bytes(now)
    assert names(kb.add(notes), notes)["removed"] == ["tom.txt"]
    assert kb.search("Tom Hale").items == ()


def test_a_file_that_became_a_folder_is_pruned(kb, notes):
    kb.add(notes)
    (notes / "tom.txt").unlink()
    (notes / "tom.txt").mkdir()
    assert names(kb.add(notes, prune=True), notes)["removed"] == ["tom.txt"]


def test_a_file_name_that_is_no_text_is_added_kept_and_removed(kb, notes):
    path = os.fsencode(notes) + b"/caf\xe9.md"
    with open(path, "wb") as file:
        file.write(b"Coffee.")
    assert len(kb.add(notes).added) == 6
    report = kb.add(notes, prune=True)
    assert (len(report.unchanged), report.removed) == (6, ())
    assert len(kb.remove(os.fsdecode(path))) == 1


def test_a_document_replaced_or_removed_by_id_comes_back_with_its_file(kb, notes):
    kb.add(notes)
    kb.remove("r1")
    assert kb.add(notes).added == ("r1",)
    kb.add(Document(f"{notes.as_posix()}/tom.txt", "Other."))
    kb.add(notes)
    assert "Tom Hale" in kb.document(f"{notes.as_posix()}/tom.txt").text


@pytest.mark.parametrize(
    "bad",
    [
        Document("bad", "text", metadata={"x": object()}),
        Document("bad", "text", metadata={1: 2, "a": 3}),
        Document("bad", None),
        Document("b\ud800d", "text"),
        Document("bad", "lone \ud800"),
    ],
    ids=["object", "mixed keys", "no text", "id", "text"],
)
def test_a_document_that_cannot_be_stored_stops_no_other(kb, bad):
    report = kb.add(Document("a", "Alpha."), bad, Document("b", "Beta."))
    assert report.added == ("a", "b")
    assert len(report.failed) == 1


class Answering:
    """An embedder that gives whatever it is told to."""

    fingerprint, dim = "odd", 3

    def __init__(self, gives):
        self.gives = gives

    def embed(self, texts, *, query=False):
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


@pytest.mark.parametrize("gives", [None, [[float("nan")] * 3], [[1.0, 0.0]], [], ValueError("no")], ids=str)
def test_an_embedder_that_gives_nonsense_fails_its_documents_by_name(tmp_path, gives):
    from ragkit.stages import dense

    with KnowledgeBase(tmp_path / "kb.db", dense(model=Answering(gives))) as kb:
        report = kb.add(Document("a", "Alpha."))
        assert [failure.source for failure in report.failed] == ["a"]
        assert "odd" in report.failed[0].reason or "Answering" in report.failed[0].reason


def garbage(kind, gives):
    def act(self, *_):
        if isinstance(gives, Exception):
            raise gives
        return gives

    return type("Garbage", (), {"__doc__": "Gives nonsense.", kind: act})


@pytest.mark.parametrize("kind", ["rerank", "search", "answer", "rewrite"])
@pytest.mark.parametrize("gives", [None, [], "text", RuntimeError("boom")], ids=str)
def test_a_stage_that_gives_nonsense_is_named(tmp_path, notes, kind, gives):
    shape = {"rerank": "bm25 >> odd", "search": "odd + bm25", "answer": "bm25 >> odd", "rewrite": "odd >> bm25"}
    with temporary_stages():
        stage("odd")(garbage(kind, gives))
        with KnowledgeBase(tmp_path / "kb.db", shape[kind]) as kb:
            kb.add(notes)
            with pytest.raises(StageFailedError, match="odd"):
                kb.ask("Who?") if kind == "answer" else kb.search("Who?")


def test_an_interrupt_while_waiting_for_a_writer_leaves_the_store_usable(kb, notes, monkeypatch):
    real = kb.store.db.execute

    def interrupted(sql, *rest):
        done = real(sql, *rest)
        if sql == "BEGIN IMMEDIATE":
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(kb.store.db, "execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kb.add(notes)
    monkeypatch.undo()
    assert len(kb.add(notes).added) == 5


def test_an_executor_serves_after_questions_were_asked(tmp_path, notes):
    with KnowledgeBase(tmp_path / "kb.db", WITH_VECTORS) as kb, ProcessPoolExecutor(1) as executor:
        kb.add(notes)
        kb.search("Who?")
        (notes / "new.txt").write_text("Something new.")
        assert len(kb.add(notes, executor=executor).added) == 1


def test_a_dead_worker_is_explained(kb, notes):
    class Dead(ThreadPoolExecutor):
        def submit(self, *_, **__):
            future = Future()
            future.set_exception(BrokenExecutor("gone"))
            return future

    with pytest.raises(RagkitError, match="a worker died"):
        kb.add(notes, executor=Dead(1))


def test_a_closed_knowledge_base_says_so(tmp_path):
    kb = KnowledgeBase(tmp_path / "kb.db", FAST)
    kb.close()
    with pytest.raises(StoreError, match="was closed"):
        kb.search("Who?")


@pytest.mark.parametrize("k", ["5", 2.5, -1])
def test_k_must_be_a_whole_number(kb, k):
    with pytest.raises(InvalidValueError, match="whole number"):
        kb.search("Who?", k=k)


def test_a_filter_must_be_a_mapping_and_a_question_a_text(kb):
    with pytest.raises(InvalidValueError, match="filter"):
        kb.search("Who?", filter=[1])
    with pytest.raises(InvalidValueError, match="a text"):
        kb.ask(None)
