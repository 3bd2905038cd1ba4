"""Functions that change sentences before they become units."""

import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import Document, KnowledgeBase
from ragkit.errors import IndexMismatchError, InvalidValueError, StageParameterError
from ragkit.graphs.clue import Clue
from ragkit.graphs.extraction import extracted
from ragkit.graphs.unithooks import Hooks, name_of
from ragkit.graphs.units import rule_units, unit_records
from ragkit.stages import chunk, clue
from ragkit.text.entities import SOURCES

TEXT = "Ada Byrne met Tom Hale, and she left for Oslo. She liked it there."


def named(sentence, context):
    """Puts the first words of the context for "she"."""
    return sentence.replace("She", context.split(" met")[0]).replace("she", context.split(" met")[0])


def halves(sentence):
    """Cuts at ", and ", and gives both halves with their places."""
    cut = sentence.find(", and ")
    if cut < 0:
        return [(sentence, (0, len(sentence)))]
    return [(sentence[:cut] + ".", (0, cut)), (sentence[cut + 6 :], (cut + 6, len(sentence)))]


def chunk_of(text, **metadata):
    return Document("d", text, metadata=metadata).chunk(0, len(text))


def record(hooks, text=TEXT, **metadata):
    return unit_records([chunk_of(text, **metadata)], ner="", sources=SOURCES, hooks=hooks)[0]


def test_names_stand_for_pronouns_and_the_span_stays():
    found = record(Hooks(decontextualize=named))
    assert found.passage.sentences[1] == "Ada Byrne liked it there."
    assert TEXT[found.supports[1].start : found.supports[1].end] == "She liked it there."
    assert "ada byrne" in found.passage.keys[1]


def test_the_context_is_the_chunk_under_its_head():
    seen = []

    def remember(sentence, context):
        seen.append((sentence, context))
        return sentence

    remember.fingerprint = "remembers"

    record(Hooks(decontextualize=remember), "She left. He stayed in Bern.", title="Ada")
    assert seen[0] == ("She left. He stayed in Bern.", "Ada\nShe left. He stayed in Bern.") or seen == [
        ("She left.", "Ada\nShe left. He stayed in Bern."),
        ("He stayed in Bern.", "Ada\nShe left. He stayed in Bern."),
    ]


def test_clauses_have_their_own_places_and_entities():
    found = record(Hooks(split_clauses=halves))
    assert found.passage.sentences == ("Ada Byrne met Tom Hale.", "she left for Oslo.", "She liked it there.")
    quoted = [TEXT[one.start : one.end] for one in found.supports]
    assert quoted == ["Ada Byrne met Tom Hale", "she left for Oslo.", "She liked it there."]
    assert [set(keys) for keys in found.passage.keys[:2]] == [{"ada byrne", "tom hale"}, {"oslo"}]


def test_both_may_be_given():
    found = record(Hooks(named, halves))
    assert found.passage.sentences == (
        "Ada Byrne met Tom Hale.",
        "Ada Byrne left for Oslo.",
        "Ada Byrne liked it there.",
    )
    assert set(found.passage.keys[1]) == {"ada byrne", "oslo"}


def test_a_changed_sentence_still_carries_its_head():
    found = record(Hooks(split_clauses=halves), "Tom came, and he left for Oslo.", title="Ada Byrne")
    assert found.passage.sentences == ("Ada Byrne: Tom came.", "Ada Byrne: he left for Oslo.")
    assert all("ada byrne" in keys for keys in found.passage.keys)


def test_what_no_clause_comes_from_is_kept_by_the_whole_sentence():
    found = record(Hooks(split_clauses=lossy))
    assert TEXT.split(". ")[0] + "." in found.passage.sentences


def lossy(sentence):
    """Forgets all but the first word."""
    return [(sentence.split()[0], (0, len(sentence.split()[0])))]


@given(st.text(alphabet="aB .,;\n é東🎉", max_size=80), st.integers(1, 6))
@settings(max_examples=50, deadline=None)
def test_spans_cover_the_chunk_whatever_the_clauses(text, step):
    def cut(sentence):
        return [
            (sentence[at : at + step], (at, min(len(sentence), at + step)))
            for at in range(0, len(sentence), 2 * step)
            if sentence[at : at + step].strip()
        ]

    cut.fingerprint = "every second piece"
    if not text.strip():
        return
    one = extracted([chunk_of(text)], ner="", sources=SOURCES)[0]
    plain, cut_up = (rule_units(text, one, "each", 80, hooks) for hooks in (Hooks(), Hooks(split_clauses=cut)))
    letters = lambda units: {  # noqa: E731
        place for unit in units for place in range(unit.start, unit.end) if text[place].isalnum()
    }
    assert letters(plain) == letters(cut_up)


@pytest.mark.parametrize(
    "given",
    [[("text", (0, 10**6))], [("text", (3, 3))], [("", (0, 3))], ["text"], [(3, (0, 1))], [("text", 3)]],
)
def test_clauses_that_are_none_name_the_sentence(given):
    def split(sentence):
        return given

    split.fingerprint = "bad"
    with pytest.raises(InvalidValueError, match="split_clauses gave .* for 'Ada Byrne met"):
        record(Hooks(split_clauses=split))


@pytest.mark.parametrize("given", ["", "  ", None, 3])
def test_a_sentence_must_become_a_text(given):
    def say(sentence, context):
        return given

    say.fingerprint = "bad"
    with pytest.raises(InvalidValueError, match="decontextualize gave"):
        record(Hooks(decontextualize=say))


def test_the_fingerprint_names_the_functions():
    plain, hooked = Clue(model="hash", ner=""), Clue(model="hash", ner="", decontextualize=named, split_clauses=halves)
    assert plain.fingerprint in hooked.fingerprint.replace(", ".join(["", *hooked.hooks.names()]), "")
    assert f"decontextualize {named.__module__}.named" in hooked.fingerprint
    assert f"split_clauses {halves.__module__}.halves" in hooked.fingerprint


def test_a_function_may_bring_a_name_of_its_own():
    def say(sentence, context):
        return sentence

    say.fingerprint = "names 3"
    assert name_of(say, "x") == "names 3"


@pytest.mark.parametrize("given", [lambda sentence: [], 3])
def test_what_cannot_be_named_is_refused(given):
    with pytest.raises(StageParameterError, match="split_clauses"):
        KnowledgeBase(":memory:", chunk >> clue(split_clauses=given))


def test_a_store_built_with_other_functions_is_not_mixed_up(tmp_path):
    path = tmp_path / "kb.db"
    with KnowledgeBase(path, chunk >> clue(model="hash", ner="", decontextualize=named)) as kb:
        kb.add(Document("d", TEXT))
        path_of = kb.search("Who liked it there? Ada Byrne").items[0].why["clue"]["path"]
        assert "Ada Byrne liked it there." in {step["unit"] for step in path_of}
    with KnowledgeBase(path, chunk >> clue(model="hash", ner="")) as kb, pytest.raises(IndexMismatchError):
        kb.search("Who?")


def test_other_processes_build_the_same_with_functions_of_a_module(tmp_path):
    stage = Clue(model="hash", ner="", decontextualize=named, split_clauses=halves)
    chunks = [chunk_of(TEXT)]
    assert pickle.loads(pickle.dumps(stage)).derive(chunks) == stage.derive(chunks)
    documents = [Document(f"d{n}", TEXT) for n in range(3)]
    pipeline = chunk >> clue(model="hash", ner="", decontextualize=named)
    rows = []
    for executor in (None, ProcessPoolExecutor(1)):
        with KnowledgeBase(":memory:", pipeline) as kb:
            assert not kb.add(*documents, executor=executor).failed
            rows.append([(hit.chunk.id, hit.score) for hit in kb.search("Ada Byrne")])
        if executor:
            executor.shutdown()
    assert rows[0] == rows[1]


def test_a_documents_failure_in_a_function_leaves_the_others():
    with KnowledgeBase(":memory:", chunk >> clue(model="hash", ner="", decontextualize=picky)) as kb:
        report = kb.add(Document("a", "Ada is fine."), Document("b", "Bad luck for Bern."))
        assert report.added == ("a",)
        assert [failure.source for failure in report.failed] == ["b"]


def picky(sentence, context):
    """Fails on what is bad."""
    if "Bad" in sentence:
        raise ValueError("bad")
    return sentence
