"""The stages `html` and `segments` in a pipeline."""

import pickle

import pytest

from ragkit import KnowledgeBase
from ragkit.extractors.html import addresses_at, segment_html
from ragkit.extractors.html.stage import ExtractHTML
from ragkit.extractors.html.stored import addresses, stored_page
from ragkit.extractors.html.trimming import TrimSegments
from ragkit.text.loaders import Load
from ragkit.types import Document, Source, check_citations

from .test_api import ARTICLE

BUILD = "load >> html(predictor='heuristic') >> chunk >> bm25"
ASK = " >> segments(predictor='lexical') >> answer(embedder='', tagger='')"


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "bees.html").write_text(ARTICLE.replace("<head>", "<html lang=en><head><meta name=author content=Ann>"))
    (folder / "deep.html").write_text("<p>Otto the walrus eats forty clams a day in Bremen zoo.</p>" + "<div>" * 3000)
    (folder / "data.html").write_text(
        '<script type="application/ld+json">{"articleBody":"The lighthouse was built in 1871 by Anna Ferry."}</script>'
    )
    (folder / "empty.html").write_text("<script>x()</script>")
    (folder / "note.txt").write_text("Ferns have no flowers; they spread by spores.")
    return folder


def test_a_pipeline_reads_pages_others_cannot_and_cites_exactly(tmp_path, site):
    with KnowledgeBase(tmp_path / "kb.db", BUILD + ASK) as kb:
        report = kb.add(site)
        assert len(report.added) == 4
        assert [(one.source.rpartition("/")[2], "no text" in one.reason) for one in report.skipped] == [
            ("empty.html", True)
        ]
        assert not report.failed
        for question, quote in (
            ("How many wings does a bee have?", "four wings"),
            ("Who built the lighthouse?", "Anna Ferry"),
            ("What does Otto the walrus eat?", "clams"),
            ("How do ferns spread?", "spores"),
        ):
            answer = kb.ask(question)
            assert quote in " ".join(one.quote for one in answer.citations), question
            check_citations(answer.citations, {id: kb.document(id) for id in report.added})
        assert len(kb.add(site).unchanged) == 4


def test_the_document_is_the_main_content_with_what_the_page_says_of_itself(site):
    loader = Load()
    loader.raw = True
    (loaded,) = loader.load(Source(str(site / "bees.html")))
    made = ExtractHTML(predictor="heuristic").extract(loaded)
    assert made.text.startswith("Bees\n\nBees are insects")
    assert "Home" not in made.text
    assert {name: made.metadata[name] for name in ("title", "author", "language")} == {
        "title": "Bees",
        "author": "Ann",
        "language": "en",
    }
    assert [entry[1:] for entry in made.metadata["outline"]] == [[1, "Bees"], [2, "Legs"], [2, "Wings"]]
    assert made.raw is None


def test_a_citation_names_index_and_path(site):
    made = ExtractHTML(predictor="heuristic").extract(Document("d", "", media_type="text/html", raw=ARTICLE.encode()))
    start = made.text.index("six legs")
    (one,) = addresses_at(made, start, start + 8)
    page = segment_html(ARTICLE)
    assert page.segments[one.index - 1].text == made.text[one.start : one.end]
    assert one.xpath == page.segments[one.index - 1].xpath == "/html/body/main/article/p[2]"


def test_chunks_do_not_carry_the_addresses(tmp_path, site):
    with KnowledgeBase(tmp_path / "kb.db", BUILD) as kb:
        kb.add(site)
        for hit in kb.search("bee wings legs"):
            assert "segments" not in hit.chunk.metadata
            assert "outline" not in hit.chunk.metadata
        assert next(iter(kb.search("wings"))).chunk.metadata["heading"].startswith("Bees")


def test_other_documents_pass_unchanged():
    for document in (
        Document("a", "<p>not a page</p>"),
        Document("b", "plain words", media_type="text/html"),
        Document("c", "x", media_type="application/pdf", raw=b"<p>x"),
    ):
        assert ExtractHTML(predictor="heuristic").extract(document) is document


def test_html_given_as_text_is_read_too(tmp_path):
    with KnowledgeBase(tmp_path / "kb.db", BUILD) as kb:
        kb.add(Source("page", text=ARTICLE, media_type="text/html"))
        assert "Home" not in kb.document("page").text
        kb.add(Document("other", ARTICLE, media_type="text/html"))
        assert "Home" not in kb.document("other").text


def test_metadata_that_were_given_win():
    document = Document(
        "d", "", media_type="text/html", raw=ARTICLE.encode(), metadata={"title": "Mine", "author": "Me"}
    )
    made = ExtractHTML(predictor="heuristic").extract(document)
    assert (made.metadata["title"], made.metadata["author"]) == ("Mine", "Me")


def test_bytes_are_only_carried_where_an_extractor_follows(site):
    (loaded,) = Load().load(Source(str(site / "bees.html")))
    assert loaded.raw is None
    loader = Load()
    loader.raw = True
    item = next(iter(loader.discover(Source(str(site / "deep.html")))))
    (carried,) = pickle.loads(pickle.dumps(item)).documents()
    assert carried.raw == (site / "deep.html").read_bytes()
    assert carried.text == ""


def test_a_page_that_loses_its_text_leaves_the_store(tmp_path, site):
    with KnowledgeBase(tmp_path / "kb.db", BUILD) as kb:
        kb.add(site)
        (site / "bees.html").write_text("<script>gone()</script>")
        report = kb.add(site)
        assert [id.rpartition("/")[2] for id in report.removed] == ["bees.html"]


def test_a_page_whose_bytes_change_is_read_again(tmp_path):
    with KnowledgeBase(tmp_path / "kb.db", BUILD) as kb:
        said = '{"articleBody":"First words of this about bees in hives."}'
        page = f'<p>same</p><script type="application/ld+json">{said}</script>'
        kb.add(Source("page", text=page, media_type="text/html"))
        report = kb.add(Source("page", text=page.replace("First", "Other"), media_type="text/html"))
        assert report.changed == ("page",)
        assert "Other words" in kb.document("page").text


def stored(tmp_path):
    kb = KnowledgeBase(tmp_path / "kb.db", BUILD)
    kb.add(Source("bees", text=ARTICLE, media_type="text/html"))
    kb.add(Source("note", text="Wings of aeroplanes are no wings of bees."))
    return kb


def test_hits_of_pages_are_trimmed_and_others_left(tmp_path):
    with stored(tmp_path) as kb:
        hits = kb.search("how many wings has a bee")
        stage = TrimSegments(predictor="lexical", embedder="")
        stage.attach(kb._bound.store) if hasattr(kb, "_bound") else pytest.skip("the store is private")
        trimmed = stage.rerank(hits)
        (page,) = [hit for hit in trimmed if hit.chunk.document_id == "bees"]
        assert page.chunk.text.startswith("Wings\n\nA bee has four wings")
        assert "hives" not in page.chunk.text
        assert page.why["segments"]["words_out"] < page.why["segments"]["words_in"]
        assert page.chunk.metadata["xpath"] == "/html/body/main/article/h2[2]"
        document = kb.document("bees")
        document.check([page.chunk])
        assert [hit.chunk for hit in trimmed if hit.chunk.document_id == "note"] == [
            hit.chunk for hit in hits if hit.chunk.document_id == "note"
        ]


def test_the_stage_works_in_a_pipeline(tmp_path):
    with stored(tmp_path) as kb:
        kb.add([])
    with KnowledgeBase(tmp_path / "kb.db", BUILD + " >> segments(predictor='lexical')") as kb:
        hits = kb.search("how many wings has a bee")
        page = next(hit for hit in hits if hit.chunk.document_id == "bees")
        assert page.chunk.text.startswith("Wings\n\nA bee has four wings")
        assert "segments" in page.why


def test_where_nothing_is_chosen_the_hits_stay(tmp_path):
    with stored(tmp_path):
        pass
    with KnowledgeBase(tmp_path / "kb.db", BUILD + " >> segments(predictor='lexical')") as kb:
        hits = kb.search("bees quark gluon boson hadron lepton")
        assert "bees" in {hit.chunk.document_id for hit in hits}


def test_words_bound_all_pages_together(tmp_path):
    with stored(tmp_path):
        pass
    with KnowledgeBase(tmp_path / "kb.db", BUILD + " >> segments(predictor='lexical', words=5)") as kb:
        page = next(hit for hit in kb.search("how many wings has a bee") if hit.chunk.document_id == "bees")
        assert "four wings" in page.chunk.text, "the best page keeps a piece"


@pytest.mark.parametrize(
    "rows",
    [None, "x", [[0, 1]], [[0, 9999, 1, "paragraph", 0, ""]], [[5, 6, 1, "p", 0, ""]], [[-1, 2, 1, "other", 0, ""]]],
)
def test_metadata_that_are_no_addresses_are_passed_over(rows):
    document = Document("d", "some text", media_type="text/html", metadata={"segments": rows})
    assert addresses(document) == []
    assert stored_page(document) is None


def test_a_stored_page_is_like_the_one_it_came_from():
    made = ExtractHTML(predictor="heuristic").extract(Document("d", "", media_type="text/html", raw=ARTICLE.encode()))
    page = stored_page(made)
    assert [one.text for one in page.segments] == [made.text[one.start : one.end] for one in addresses(made)]
    assert [page.layout.tag[node] for node in page.layout.node] == ["h1", "p", "h2", "p", "h2", "p"]
    assert page.segments[-1].section == (1, 5)
