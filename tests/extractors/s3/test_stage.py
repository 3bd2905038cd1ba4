"""The stage `s3` in a pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit import KnowledgeBase
from ragkit.errors import InvalidValueError, SAEMismatchError
from ragkit.extractors.s3.stage import S3
from ragkit.types import Document, Hit, Hits, Query
from tests.extractors.s3.helpers import WordBackend, random_sae

FILL = " ".join(f"Filler{number % 60} and more{number % 50}." for number in range(150))
TEXT = f"{FILL} The heron builds its nest in spring. {FILL}"


def words_stage(**options) -> S3:
    """The stage with a backend that needs no model."""
    made = S3(mode="keys", **options)
    made._ready = (WordBackend(), {"words": random_sae(features=256)})
    return made


def hits(document: Document, *places: tuple[int, int], query: str = "heron nest") -> Hits:
    return Hits(
        Query(query),
        tuple(
            Hit(document.chunk(*place), 1.0 / rank, {"bm25": {"rank": rank}}) for rank, place in enumerate(places, 1)
        ),
    )


DOCUMENT = Document("d", TEXT, source="d.txt", metadata={"title": "Birds"})


def test_spans_are_chunks_of_the_same_document_within_the_budget_best_first_and_say_why():
    middle = TEXT.index("The heron")
    found = words_stage(budget=30).rerank(hits(DOCUMENT, (0, 900), (middle - 300, middle + 300)))
    assert "heron builds its nest" in found[0].chunk.text
    assert sum(len(hit.chunk.text.split()) for hit in found) <= 30
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    for hit in found:
        DOCUMENT.check([hit.chunk])
        assert hit.chunk.source == "d.txt" and hit.chunk.head == "Birds"
    why = found[0].why
    assert why["bm25"] == {"rank": 2} and why["s3"]["rank"] == 1 and why["s3"]["source"] in ("feature", "bm25")
    assert why["s3"]["out_of"] == f"d#{middle - 300}-{middle + 300}" and why["s3"]["features"][0]["space"] == "words"


def test_overlapping_hits_give_spans_that_do_not_overlap():
    middle = TEXT.index("The heron")
    found = words_stage(budget=60).rerank(hits(DOCUMENT, (middle - 100, middle + 40), (middle - 5, middle + 300)))
    places = sorted((hit.chunk.start, hit.chunk.end) for hit in found)
    assert all(before[1] <= after[0] for before, after in zip(places, places[1:], strict=False))
    for hit in found:
        DOCUMENT.check([hit.chunk])


def test_no_hits_stay_no_hits():
    assert len(words_stage().rerank(Hits(Query("heron")))) == 0


def test_whole_documents_are_read_from_the_library():
    class Shelves:
        path, generation = ":memory:", 1

        def document(self, id: str) -> Document | None:
            return DOCUMENT if id == "d" else None

    stage = words_stage(budget=9, scope="documents", snap=False)
    with pytest.raises(InvalidValueError, match="knowledge base"):
        stage.rerank(hits(DOCUMENT, (0, 50)))
    stage.attach(Shelves())
    found = stage.rerank(hits(DOCUMENT, (0, 50)))
    assert "heron" in found[0].chunk.text and found[0].chunk.start > 50


def test_a_document_that_is_gone_leaves_its_hit():
    class Empty:
        path, generation = ":memory:", 1

        def document(self, id: str) -> Document | None:
            return None

    stage = words_stage(budget=9, scope="documents")
    stage.attach(Empty())
    assert stage.rerank(hits(DOCUMENT, (0, 50)))[0].why["s3"]["out_of"] == "d#0-50"


def test_a_text_asked_again_is_not_read_again(monkeypatch: pytest.MonkeyPatch):
    stage = words_stage()
    first = stage.rerank(hits(DOCUMENT, (0, 900)))
    monkeypatch.setattr(WordBackend, "scan", lambda *_: pytest.fail("read again"))
    assert stage.rerank(hits(DOCUMENT, (0, 900))) == first


def test_a_folder_without_autoencoders_is_an_error_that_says_how_to_make_some(tmp_path: Path):
    with pytest.raises(SAEMismatchError, match="ragkit s3 train"):
        S3(saes=str(tmp_path)).rerank(hits(DOCUMENT, (0, 900)))
    with pytest.raises(InvalidValueError, match="empty"):
        S3(model=" ")


PARAPHRASED = "What does the guardian of the beacon do at dawn?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("notes")
    (made / "harbour.txt").write_text(
        "The council repaired the quay in March. Fees for moorings rose by a tenth. "
        "Every morning the lighthouse keeper feeds a tame gull. The market sells eels on Fridays. "
        "Two cranes were sold to a museum. The fish hall closes at noon."
    )
    (made / "school.txt").write_text("The school has nine classes. Its roof is made of slate. Lessons begin at eight.")
    return made


@pytest.mark.parametrize("stage", ["s3(budget=30) % 6", "s3(scope='documents', budget=30) % 6"])
def test_it_works_out_of_the_box_in_a_pipeline(folder: Path, stage: str):
    with KnowledgeBase(":memory:", f"load >> chunk(tokens=30) >> bm25 + dense % 20 >> {stage} >> answer") as kb:
        kb.add(folder)
        found = kb.search(PARAPHRASED)
        assert "keeper feeds a tame gull" in " ".join(hit.chunk.text for hit in found)
        assert all("s3" in hit.why for hit in found)
        for citation in kb.ask("What does the lighthouse keeper feed every morning?").citations:
            assert (folder / Path(citation.source).name).read_text()[citation.start : citation.end] == citation.quote


def test_the_pipeline_of_the_manual_answers_without_any_training(folder: Path):
    with KnowledgeBase(":memory:", "load >> chunk >> bm25 % 20 >> s3 % 6 >> answer") as kb:
        kb.add(folder)
        assert "gull" in kb.ask("What does the lighthouse keeper feed every morning?").text
