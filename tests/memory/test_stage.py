"""The stage `memory`: messages as passages, beside documents, cited to the character."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit import KnowledgeBase
from ragkit.components import role_of
from ragkit.errors import InvalidValueError, RagkitError
from ragkit.memory.memory import Memory
from ragkit.memory.stage import MemoryStage
from ragkit.types import Hits, Query, check_citations

START = dt.datetime(2023, 5, 8, 14, tzinfo=dt.UTC)
SAID = [
    ("Ann", "I adopted a cat called Miso yesterday."),
    ("Bob", "  How lovely!\nI still play chess with my brother Carl.  "),
    ("Ann", "The vet of Miso charges 40 euros."),
]
ANSWER = "answer(embedder='', tagger='')"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with three messages of acme/ana and two documents."""
    path = tmp_path / "kb.db"
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "tower.md").write_text("# Tower\n\nThe tower of Varn is 368 metres tall.\n")
    (tmp_path / "docs" / "cats.md").write_text("# Cats\n\nA cat sleeps sixteen hours a day.\n")
    with KnowledgeBase(path, f"bm25 >> {ANSWER}") as kb:
        kb.add(tmp_path / "docs")
    with Memory(path, scope=("acme", "ana"), embedder=None, worker=False) as memory:
        for number, (speaker, text) in enumerate(SAID):
            time = START + dt.timedelta(days=number)
            memory.add(
                text, speaker=speaker, time=time, session=f"s{number}", id=f"m{number}", metadata={"room": number}
            )
    return path


@pytest.fixture
def stage(file: Path) -> Iterator[MemoryStage]:
    one = MemoryStage("acme/ana", db=str(file))
    yield one
    one.memory.close()


def sources(hits: Hits) -> list[str]:
    return [chunk.source for chunk in hits.chunks]


def test_it_is_a_retriever_with_a_cheap_constructor() -> None:
    role = role_of(MemoryStage)
    assert role is not None and role.name == "Retriever"
    assert MemoryStage("nobody", db="no/such/file").scope == "nobody"


def test_a_hit_is_the_message_word_for_word(stage: MemoryStage) -> None:
    hits = stage.search(Query("With whom does Bob play chess?"), 1)
    (chunk,) = hits.chunks
    assert chunk.text == SAID[1][1]
    assert (chunk.source, chunk.head) == ("memory: Bob, 9 May 2023", "Bob, 9 May 2023")
    document = stage.document(chunk.document_id)
    assert document is not None and document.text[chunk.start : chunk.end] == chunk.text
    assert hits[0].why["memory"]["unit"] == "m1"
    assert chunk.metadata["said"] == "2023-05-09T14:00:00+00:00"


def test_the_day_something_happened_is_among_the_metadata(stage: MemoryStage) -> None:
    (chunk,) = stage.search(Query("Which cat was adopted?"), 1).chunks
    assert chunk.metadata["event"] == "2023-05-07"


def test_no_more_than_k_hits_come_best_first(stage: MemoryStage) -> None:
    assert len(stage.search(Query("Miso chess vet"), 2)) == 2
    assert len(stage.search(Query("Miso"), 0)) == 0


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"speaker": "Bob"}, {"memory: Bob, 9 May 2023"}),
        ({"room": {"gte": 2}}, {"memory: Ann, 10 May 2023"}),
        ({"said": {"lt": "2023-05-09"}}, {"memory: Ann, 8 May 2023"}),
        ({"source": {"prefix": "memory: Ann"}}, {"memory: Ann, 8 May 2023", "memory: Ann, 10 May 2023"}),
        ({"session": "nowhere"}, set()),
    ],
)
def test_a_filter_is_put_to_the_message(stage: MemoryStage, chosen: dict[str, object], expected: set[str]) -> None:
    assert set(sources(stage.search(Query("Miso chess vet", chosen), 10))) == expected


def test_another_scope_sees_nothing(file: Path) -> None:
    for scope in ("acme", "acme/bob", "ana"):
        other = MemoryStage(scope, db=str(file))
        assert len(other.search(Query("Miso"), 5)) == 0
        assert other.document("memory:acme/ana/m0") is None
        other.memory.close()


def test_documents_of_others_are_none(stage: MemoryStage) -> None:
    assert stage.document("docs/tower.md") is None
    assert stage.document("memory:acme/ana/m99") is None


def test_what_is_forgotten_is_no_longer_found(file: Path, stage: MemoryStage) -> None:
    assert len(stage.search(Query("Miso"), 5)) > 0
    with Memory(file, scope=("acme", "ana"), embedder=None, worker=False) as memory:
        memory.forget(["m0", "m2"])
    assert "Miso" not in "".join(chunk.text for chunk in stage.search(Query("Miso"), 5).chunks)


def test_memory_and_documents_answer_with_exact_citations(file: Path) -> None:
    with KnowledgeBase(file, f"memory(scope='acme/ana') + bm25 % 20 >> {ANSWER}") as kb:
        for question, said, source in (
            ("What is the name of the cat Ann adopted?", "Miso", "memory: Ann, 8 May 2023"),
            ("How tall is the tower of Varn?", "368", "tower.md"),
        ):
            answer = kb.ask(question)
            assert said in answer.text
            assert answer.citations[0].source.endswith(source)
            documents = {one.document_id: kb.document(one.document_id) for one in answer.citations}
            check_citations(answer.citations, documents)


def test_memory_alone_is_a_pipeline(file: Path) -> None:
    with KnowledgeBase(file, f"memory(scope='acme/ana') >> {ANSWER}") as kb:
        assert "Carl" in kb.ask("With whom does Bob play chess?").text
        with pytest.raises(InvalidValueError, match="no document"):
            kb.document("memory:acme/ana/nothing")


def test_yesterday_in_a_question_is_reckoned_from_at(file: Path) -> None:
    stage = MemoryStage("acme/ana", db=str(file), at="2023-05-08T20:00+00:00")
    (chunk,) = stage.search(Query("What happened yesterday?"), 1).chunks
    assert chunk.source == "memory: Ann, 8 May 2023"
    stage.memory.close()


def test_a_knowledge_base_without_memory_finds_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The tower is tall.")
    with KnowledgeBase(tmp_path / "kb.db", f"memory + bm25 >> {ANSWER}") as kb:
        kb.add(tmp_path / "a.txt")
        assert len(kb.search("tower")) == 1


@pytest.mark.parametrize(("scope", "at"), [("", ""), ("a//b", ""), ("a", "noon")])
def test_parameters_that_make_no_sense_are_refused(scope: str, at: str) -> None:
    with pytest.raises(InvalidValueError, match="memory: "):
        MemoryStage(scope, at=at)


def test_a_missing_file_is_said() -> None:
    with pytest.raises(InvalidValueError, match="no file"):
        MemoryStage().search(Query("x"), 1)
    with pytest.raises(InvalidValueError, match="ragkit remember"):
        MemoryStage(db="no/such.db").search(Query("x"), 1)


def test_a_store_in_memory_has_no_memory_to_share() -> None:
    with (
        KnowledgeBase(":memory:", f"memory >> {ANSWER}") as kb,
        pytest.raises(RagkitError, match=":memory:"),
    ):
        kb.ask("Anything?")
