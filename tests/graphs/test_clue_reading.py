"""Paths and chunks read by a cross-encoder inside `clue`."""

import pickle

import pytest

from ragkit import Document, KnowledgeBase
from ragkit.errors import StageParameterError
from ragkit.graphs.clue import Clue
from ragkit.stages import chunk, clue
from tests.models.helpers import tiny_cross_encoder


def page(title, text, **metadata):
    return Document(title, f"{title}\n{text}", metadata={"title": title, **metadata})


PAGES = [
    page("Ada Byrne", "Ada Byrne is a painter. Her brother is Tom Hale."),
    page("Tom Hale", "Tom Hale played for FC Aare from 1950 to 1961."),
    page("FC Aare", "FC Aare is a football club. It plays in Thun."),
    page("Oslo", "Oslo has many clubs and a painter of note.", kind="town"),
]
QUESTION = "Which club did the brother of Ada Byrne play for?"


class Fake:
    """Likes texts by their own number of letters e, and remembers what it was shown."""

    def __init__(self, worth=lambda text: text.count("e") / 100):
        self.worth, self.calls = worth, []

    def predict(self, pairs):
        self.calls.append(pairs)
        return [self.worth(text) for _, text in pairs]


def base(documents=PAGES, **options):
    kb = KnowledgeBase(":memory:", chunk(by="whole") >> clue(model="hash", ner="", **options))
    kb.add(*documents)
    return kb


def test_a_path_is_worth_what_the_cross_encoder_makes_of_its_units_in_the_order_walked():
    kb = base(cross_encoder=Fake())
    for hit in kb.search(QUESTION):
        why = hit.why["clue"]
        if why["mode"] != "path":
            continue
        length = len(why["path"])
        read = " ".join(step["unit"] for step in why["path"]).count("e") / 100
        assert why["read"] == pytest.approx(read)
        bonus = 0.4 * why["homes"] / length - 0.15 * max(0, length - 2)
        assert why["path_score"] == pytest.approx(read + bonus + why["lifted"], abs=1e-5)


def test_the_order_of_the_units_reaches_the_model():
    fake = Fake()
    base(cross_encoder=fake, rounds=2).search(QUESTION)
    read = {text for pairs in fake.calls for _, text in pairs}
    assert "Ada Byrne: Her brother is Tom Hale. Tom Hale played for FC Aare from 1950 to 1961." in read
    assert all(question == QUESTION for pairs in fake.calls for question, _ in pairs)


def test_each_round_is_read_in_one_call():
    fake = Fake()
    kb = base(cross_encoder=fake, rounds=2)
    kb.search(QUESTION)
    assert len(fake.calls) == 2


def test_a_model_that_knows_the_answer_decides_the_way():
    fake = Fake(lambda text: float("Tom Hale played" in text))
    hits = base(cross_encoder=fake, rounds=2, final="path", home_path=0, far=0).search(QUESTION)
    assert "Tom Hale" in [hit.chunk.document_id for hit in hits.items[:2]]
    assert hits.items[0].score == 1.0


def test_the_final_order_may_be_that_of_the_cross_encoder_over_the_chunks_on_paths():
    fake = Fake(lambda text: -5.0 - text.count("e"))  # scores may be as low as they like
    hits = base(cross_encoder=fake, final="rerank").search(QUESTION)
    on_paths = [hit for hit in hits if hit.why["clue"]["mode"] == "path"]
    rest = [hit for hit in hits if hit.why["clue"]["mode"] == "fill"]
    assert [hit.score for hit in on_paths] == [-5.0 - hit.chunk.text.count("e") for hit in on_paths]
    assert [hit.why["clue"]["reread"] for hit in on_paths] == [hit.score for hit in on_paths]
    assert list(hits) == [*on_paths, *rest]
    assert [hit.chunk.document_id for hit in rest] == ["Oslo"]
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_a_filter_applies_before_chunks_are_read():
    fake = Fake()
    kb = base([*PAGES, page("Extra", "Tom Hale again.", kind="note")], cross_encoder=fake, final="rerank")
    hits = kb.search(QUESTION, filter={"kind": "note"})
    assert [hit.chunk.document_id for hit in hits] == ["Extra"]
    assert [text for _, text in fake.calls[-1]] == ["Extra\nTom Hale again."]
    assert len(kb.search(QUESTION, filter={"kind": "none such"})) == 0


def test_without_any_anchor_nothing_is_read():
    fake = Fake()
    hits = base([Document("a", "nothing here has a name")], cross_encoder=fake, final="rerank").search("what has?")
    assert [hit.why["clue"]["mode"] for hit in hits] == ["fallback"]
    assert fake.calls == []


def test_units_taken_alone_are_read_too():
    fake = Fake()
    hits = base(cross_encoder=fake, rounds=0).search(QUESTION)
    assert {hit.why["clue"]["read"] for hit in hits if "read" in hit.why["clue"]} <= {
        text.count("e") / 100 for _, text in fake.calls[0]
    }
    assert fake.calls


def test_reranking_needs_a_cross_encoder():
    with pytest.raises(StageParameterError, match="cross_encoder"):
        KnowledgeBase(":memory:", 'clue(final="rerank")')


def test_the_reference_reranks_when_it_has_a_cross_encoder():
    assert Clue.reference().final == "dense"
    assert Clue.reference(cross_encoder=Fake()).final == "rerank"
    assert Clue.reference(cross_encoder=Fake(), final="dense").final == "dense"


def test_a_real_model_by_its_folder_gives_the_same_whatever_the_order_of_adding(tmp_path):
    folder = str(tiny_cross_encoder(tmp_path))
    one, two = (base(pages, cross_encoder=folder, final="rerank") for pages in (PAGES, PAGES[::-1]))
    found = [[(hit.chunk.id, hit.score) for hit in kb.search(QUESTION)] for kb in (one, two)]
    assert found[0] == found[1]
    on_paths = [hit.score for hit in one.search(QUESTION) if "reread" in hit.why["clue"]]
    assert on_paths
    assert all(0 < score < 1 for score in on_paths)


def test_another_process_gets_the_stage_without_its_models():
    stage = base(cross_encoder=Fake(lambda text: 0.0)).stage("clue")
    assert pickle.loads(pickle.dumps(stage)).cross_encoder == ""
