"""The Tri-Graph stage: what it finds, why, and that it depends on what is stored alone."""

import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import Document, KnowledgeBase
from ragkit.errors import InvalidValueError, ModelError
from ragkit.graphs.trigraph import PAPER, TriGraph
from ragkit.pipeline.expression import Stage

RULES = 'trigraph(model="hash", ner="")'
NAMES = ["Ada Byrne", "Tom Hale", "FC Aare", "Bern", "Thun", "Oslo", "Lake Mirror", "Ida Falk"]


def base(*documents, pipeline=RULES):
    kb = KnowledgeBase(":memory:", f'chunk(by="whole") >> {pipeline}')
    report = kb.add(*documents)
    assert not report.failed, report.failed
    return kb


def page(title, text, id=None, **metadata):
    return Document(id or title, f"{title}\n{text}", metadata={"title": title, **metadata})


def found(kb, question, k=10, **options):
    return [(hit.chunk.document_id, hit.score) for hit in kb.search(question, k=k, **options)]


def ids(kb, question, k=10, **options):
    return [id for id, _ in found(kb, question, k, **options)]


@pytest.fixture
def pages():
    return [
        page("Ada Byrne", "Ada Byrne is a painter. Her brother is Tom Hale."),
        page("Tom Hale", "Tom Hale played for FC Aare from 1950 to 1961."),
        page("FC Aare", "FC Aare is a football club. It plays in Thun."),
        page("Oslo", "Oslo has many clubs and a painter of note."),
        page("Lake Mirror", "Lake Mirror freezes in winter."),
    ]


def test_a_question_reaches_passages_two_hops_away(pages):
    kb = base(*pages, pipeline='trigraph(model="hash", ner="", fusion="none", iteration_threshold=0.1)')
    assert set(ids(kb, "Which club did the brother of Ada Byrne play for?", k=3)) == {
        "Ada Byrne",
        "Tom Hale",
        "FC Aare",
    }


def test_each_hit_says_how_the_question_reached_it(pages):
    kb = base(*pages)
    hits = {hit.chunk.document_id: hit.why["trigraph"] for hit in kb.search("Who is the brother of Ada Byrne?")}
    assert hits["Tom Hale"]["mode"] == "graph"
    assert hits["Tom Hale"]["seeds"] == ["Ada Byrne"]
    path = hits["Tom Hale"]["path"]
    assert [hop["entity"] for hop in path] == ["Ada Byrne", "Tom Hale"]
    assert path[0]["sentence"] == "Ada Byrne: Her brother is Tom Hale."


def test_names_are_matched_whatever_their_case_spacing_or_width(pages):
    kb = base(*pages, page("Zürich", "Zürich lies on a lake."))
    for question in ("who is ada byrne?", "Who is ADA  BYRNE?", "Who is Ａｄａ Ｂｙｒｎｅ?"):
        assert ids(kb, question, k=1) == ["Ada Byrne"], question
    assert ids(kb, "Where is Zu\u0308rich?", k=1) == ["Zürich"]


def test_an_entity_is_not_found_inside_a_longer_word():
    kb = base(page("US", "The US is a country."), page("House", "A house has a roof."))
    assert kb.search("Is there a barn in the US?", k=2).items[0].why["trigraph"]["seeds"] == ["the US"]
    assert "seeds" not in kb.search("Does it house us?", k=2).items[0].why["trigraph"]
    graph = kb.stage("trigraph").view()
    assert ("passage", "House#0-25") in graph
    assert not graph.has_edge(("passage", "House#0-25"), ("entity", "us"))


def test_unknown_names_fall_back_to_similarity_and_say_so(pages):
    kb = base(*pages, pipeline='trigraph(model="hash", ner="", seed_threshold=0.999)')
    hits = kb.search("What did Xyzzy Quux do?")
    assert len(hits) == 5
    assert {hit.why["trigraph"]["mode"] for hit in hits} == {"dense"}


def test_an_empty_store_gives_nothing():
    assert ids(base(), "Who is Ada Byrne?") == []


def test_a_corpus_without_entities_is_ranked_by_similarity():
    kb = base(Document("a", "nothing here has a name"), Document("b", "nor has this"))
    hits = kb.search("what has no name?")
    assert {hit.why["trigraph"]["mode"] for hit in hits} == {"dense"}
    assert len(hits) == 2


@pytest.mark.parametrize("question", ["", "   ", "\n\t"])
def test_an_empty_question_is_refused(pages, question):
    with pytest.raises(InvalidValueError, match="empty"):
        base(*pages).search(question)


@pytest.mark.parametrize("question", ["?!… —", "the of and", "12:30", "😀", "x" * 100_000, "Ada Byrne " * 10_000])
def test_odd_questions_are_answered_all_the_same(pages, question):
    assert len(base(*pages).search(question, k=3)) == 3


def test_k_bounds_the_hits(pages):
    kb = base(*pages)
    assert len(kb.search("Ada Byrne", k=100)) == 5
    assert len(kb.search("Ada Byrne", k=0)) == 0
    with pytest.raises(InvalidValueError, match="-1"):
        kb.search("Ada Byrne", k=-1)


def test_one_passage_of_one_word():
    kb = base(Document("a", "Bern"))
    assert ids(kb, "Bern") == ["a"]


def test_a_passage_without_entities_is_reached_by_its_prior(pages):
    kb = base(*pages, Document("plain", "some words that name nothing at all"))
    assert "plain" in ids(kb, "Ada Byrne", k=6)


def test_all_similarities_equal_is_no_trouble():
    kb = base(*(Document(f"d{n}", "Ada Byrne lives in Bern.") for n in range(4)))
    assert ids(kb, "Ada Byrne") == ["d0", "d1", "d2", "d3"]


def test_the_same_text_under_two_ids_is_two_passages_that_share_sentences():
    kb = base(Document("a", "Ada Byrne met Tom Hale."), Document("b", "Ada Byrne met Tom Hale."))
    assert ids(kb, "Ada Byrne") == ["a", "b"]
    kb.remove("a")
    assert ids(kb, "Ada Byrne") == ["b"]
    assert kb.search("Ada Byrne").items[0].why["trigraph"]["mode"] == "graph"


@pytest.mark.parametrize(
    "text",
    [
        "Emoji 🎉 Ada Byrne 👩‍👩‍👧 met Tom",
        "لقاء آدا في برن. ثم عادت.",
        "อาด้าอยู่ที่เบิร์น",
        "艾达住在伯尔尼。她喜欢这里。",
        "エイダはベルンに住んでいます。",
        "Ze\u0301 Ko\u0301vacs e\u0301 de Sa\u0303o Paulo",
        "a\0b Ada\0Byrne",
        "Ada Byrne\r\nmet\r\nTom Hale",
        "12:30 Ada Byrne left.",
        "Ada Byrne met Tom Hale. " * 45_000,
    ],
    ids=["emoji", "arabic", "thai", "chinese", "japanese", "combining", "nul", "crlf", "time", "megabyte"],
)
def test_any_text_can_be_indexed(text):
    kb = base(Document("a", text), page("Bern", "Bern is a city."))
    assert set(ids(kb, "Ada Byrne in Bern")) == {"a", "Bern"}


def test_a_very_frequent_entity_does_not_hide_the_one_passage_that_answers():
    pages = [
        page(f"Report {n}", f"The Long Bridge was inspected by team {n} and nothing was found.") for n in range(200)
    ]
    pages[117] = page("Report 117", "The Long Bridge was born from an idea of Ida Falk and opened in 1931.")
    kb = base(*pages, pipeline='trigraph(model="hash", ner="")')
    assert "Report 117" in ids(kb, "When was the Long Bridge opened and whose idea was it?", k=5)


@pytest.mark.parametrize(
    "options",
    [
        "max_iterations=1",
        "iteration_threshold=1.5",
        "passage_ratio=0",
        "damping=0",
        "damping=0.99",
        'propagation="matrix"',
        'prior_scope="top", prior_top_n=2',
        'fusion="none"',
        'fusion="rrf"',
        "link_neighbors=True",
        "passage_node_weight=0",
        "titled=False",
        "coverage=0, home=0, home_pick=0",
    ],
)
def test_every_setting_ranks_all_passages(pages, options):
    kb = base(*pages, pipeline=f'trigraph(model="hash", ner="", {options})')
    hits = ids(kb, "Which club did the brother of Ada Byrne play for?")
    assert sorted(hits) == sorted(page.id for page in pages)
    assert "Ada Byrne" in hits[:3]


def test_without_rounds_only_seeds_are_active(pages):
    kb = base(*pages, pipeline='trigraph(model="hash", ner="", max_iterations=1)')
    activation = kb.stage("trigraph").activation("Who is Ada Byrne?").activation
    assert activation.tier.max() == 1
    assert activation.steps == []


def test_a_filter_applies_to_candidates(pages):
    kb = base(*pages, page("Extra", "Ada Byrne again.", kind="note"))
    assert ids(kb, "Ada Byrne", filter={"kind": "note"}) == ["Extra"]
    assert ids(kb, "Ada Byrne", filter={"kind": "none such"}) == []


def test_the_papers_settings_differ_from_ours_where_the_specification_says():
    paper = TriGraph.paper()
    assert (paper.fusion, paper.seed_threshold, paper.exact_seed, paper.link_neighbors) == ("none", -1.0, False, True)
    assert (paper.home, paper.coverage, paper.titled, paper.sources) == (0.0, 0.0, False, ("ner",))
    assert (paper.passage_ratio, paper.passage_node_weight, paper.damping) == (0.05, 0.05, 0.5)


def test_the_papers_settings_can_be_written_as_a_pipeline(pages):
    settings = {**PAPER, "model": "hash", "ner": "", "sources": ("caps",)}
    kb = base(*pages, pipeline=str(Stage("trigraph", tuple(settings.items()))))
    assert "Ada Byrne" in ids(kb, "Who is Ada Byrne?", k=2)


def test_neighbours_of_one_document_are_linked_and_those_of_two_are_not():
    text = "Ada Byrne came.\n\nNothing else was said here.\n\nTom Hale left."
    pipeline = 'chunk(by="paragraphs", tokens=8, overlap=0) >> trigraph(model="hash", ner="", link_neighbors=True)'
    kb = KnowledgeBase(":memory:", pipeline)
    kb.add(Document("a", text), Document("b", text.replace("Ada Byrne", "Ida Falk")))
    links = kb.stage("trigraph")._state.arrays.graph.links
    starts = [
        chunk.document_id
        for chunk in kb.stage("trigraph")._state.shelf.chunks(kb.stage("trigraph")._state.arrays.slots)
    ]
    rows, columns = links.nonzero()
    assert len(rows) == 8  # two links each way in each document of three paragraphs
    assert all(starts[row] == starts[column] for row, column in zip(rows, columns, strict=True))


def test_a_constant_added_to_every_prior_changes_no_order():
    kb = base(*(page(name, f"{name} knows {other}.") for name, other in zip(NAMES, NAMES[1:] + NAMES[:1], strict=True)))
    stage = kb.stage("trigraph")
    search = stage.activation("Who does Ada Byrne know?")
    graph = search.arrays.graph
    passages, entities = search.reset()
    plain = graph.rank(passages[:, None], entities[:, None]).passages[:, 0]
    lifted = graph.rank(passages[:, None] + 0.3, entities[:, None]).passages[:, 0]
    assert (
        np.argsort(-np.round(plain, 12), kind="stable").tolist()
        == np.argsort(-np.round(lifted, 12), kind="stable").tolist()
    )


def test_delete_everything_then_add_again_equals_the_first_time(pages):
    kb = base(*pages)
    first = found(kb, "Who is Ada Byrne?")
    kb.remove(*(page.id for page in pages))
    assert ids(kb, "Who is Ada Byrne?") == []
    kb.add(*pages)
    assert found(kb, "Who is Ada Byrne?") == first


class Faulty:
    """Embeds "bad" texts as NaN."""

    fingerprint, dim = "faulty", 4

    def embed(self, texts, *, query=False):
        if any("bad" in text for text in texts):
            raise ModelError("the vector of 'a bad text' is NaN")
        return np.tile(np.array([[0.5, 0.5, 0.5, 0.5]], dtype=np.float32), (len(texts), 1))


def test_a_failing_embedder_names_the_document_and_leaves_the_rest():
    from ragkit.stages import chunk, trigraph

    kb = KnowledgeBase(":memory:", chunk(by="whole") >> trigraph(model=Faulty(), ner=""))
    report = kb.add(
        Document("a", "Ada Byrne is fine."), Document("b", "Tom Hale is bad."), Document("c", "Bern is old.")
    )
    assert report.added == ("a", "c")
    assert [failure.source for failure in report.failed] == ["b"]
    assert "NaN" in report.failed[0].reason
    assert ids(kb, "Ada Byrne") == ["a", "c"]


QUESTIONS = [
    "Who is Ada Byrne?",
    "Which club is in Thun?",
    "Did Tom Hale meet Ida Falk at Lake Mirror in 1920?",
    "nothing known",
]


def written(choice):
    return " ".join(
        f"{NAMES[one % 8]} {['met', 'left', 'saw'][two % 3]} {NAMES[two % 8]} in {1900 + one}." for one, two in choice
    )


texts = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=0, max_size=4).map(written)
steps = st.lists(
    st.tuples(st.sampled_from("abcdefg"), st.none() | st.tuples(st.sampled_from([*NAMES, ""]), texts)), max_size=10
)


@given(steps, st.integers(0, 1000), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_sequence_of_add_update_delete_equals_a_fresh_build(tmp_path_factory, history, seed, reopen):
    path = tmp_path_factory.mktemp("kb") / "worn.db"
    worn = KnowledgeBase(path, f'chunk(by="whole") >> {RULES}')
    live = {}
    for id, content in history:
        if content is None or not " ".join(content).strip():
            if id in live:
                worn.remove(id)
                del live[id]
        else:
            title, text = content
            live[id] = page(title, text, id) if title else Document(id, text)
            worn.add(live[id])
        if seed % 3 == 0:
            worn.search("Who is Ada Byrne?")  # an index that was opened before follows as well
    if reopen:
        worn.close()
        worn = KnowledgeBase(path, f'chunk(by="whole") >> {RULES}')
    documents = list(live.values())
    random.Random(seed).shuffle(documents)
    fresh = base(*documents)
    for question in QUESTIONS:
        one, two = found(worn, question), found(fresh, question)
        assert [id for id, _ in one] == [id for id, _ in two]
        np.testing.assert_allclose([score for _, score in one], [score for _, score in two], rtol=1e-9)
        whys = [[hit.why["trigraph"] for hit in kb.search(question)] for kb in (worn, fresh)]
        assert [why.get("path") for why in whys[0]] == [why.get("path") for why in whys[1]]
    worn.close()


def test_processes_with_different_hash_seeds_agree(tmp_path):
    script = (
        "from ragkit import Document, KnowledgeBase\n"
        f"kb = KnowledgeBase(':memory:', 'chunk(by=\"whole\") >> {RULES}')\n"
        f"names = {NAMES!r}\n"
        "kb.add(*(Document(n, f'{n} met {m}. {m} saw {n}.') for n in names for m in names if n < m))\n"
        "print([(h.chunk.id, h.score, dict(h.why)) for h in kb.search('Did Ada Byrne meet Tom Hale?')])\n"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert "Ada Byrne" in outputs[0]


def test_what_was_kept_at_one_opening_serves_the_next_and_never_outlives_a_change(tmp_path, monkeypatch, pages):
    monkeypatch.setattr("ragkit.graphs.state.WORTH_KEEPING", 1)
    path, pipeline, question = tmp_path / "kb.db", f'chunk(by="whole") >> {RULES}', "Who is the brother of Ada Byrne?"
    with KnowledgeBase(path, pipeline) as kb:
        kb.add(*pages)
        first = found(kb, question)
        whys = [hit.why for hit in kb.search(question)]
        assert kb.store.rows("SELECT count(*) FROM arrays")[0][0] > 10
    with KnowledgeBase(path, pipeline, read_only=True) as kb:
        state = kb.stage("trigraph")._state
        assert len(state.arrays.slots) == 5
        assert len(state.table.rows.slots) == 0  # nothing was read but what was kept
        assert found(kb, question) == first
        assert [hit.why for hit in kb.search(question)] == whys
    with KnowledgeBase(path, pipeline) as kb:
        kb.stage("trigraph")
        kb.remove("Tom Hale")
        kb.add(page("Ida Falk", "Ida Falk is the sister of Ada Byrne."))
        changed = found(kb, question)
    assert changed == found(
        base(
            *(page for page in pages if page.id != "Tom Hale"), page("Ida Falk", "Ida Falk is the sister of Ada Byrne.")
        ),
        question,
    )
    with KnowledgeBase(path, pipeline) as kb:
        assert found(kb, question) == changed
