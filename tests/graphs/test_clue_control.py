"""A controller that says after each round of a walk whether that is enough, or what to look for next."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from ragkit import Document, KnowledgeBase
from ragkit.errors import InvalidValueError
from ragkit.graphs.cluecontrol import LIMIT, MOST, TEMPLATE, parse, prompt
from ragkit.stages import chunk, clue


def page(title, text):
    return Document(title, f"{title}\n{text}", metadata={"title": title})


PAGES = [
    page("Ada Byrne", "Ada Byrne is a painter. Her brother is Tom Hale."),
    page("Tom Hale", "Tom Hale played for FC Aare from 1950 to 1961. Tom Hale sang in Bern."),
    page("FC Aare", "FC Aare is a football club. It plays in Thun."),
]
QUESTION = "Which club did the brother of Ada Byrne play for?"


class Fake(BaseChatModel):
    """Says what `says` makes of the question and facts; counts words as tokens, and for itself."""

    says: Any = None
    reports: bool = True
    asked: list[Any] = []

    @property
    def _llm_type(self) -> str:
        return "fake"

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        text = str(messages[0].content)
        self.asked.append([self.count_tokens(text), 0, text, kwargs])
        reply = self.says(text)
        self.asked[-1][1] = self.count_tokens(reply)
        prompted, completed = self.asked[-1][:2]
        used = {"input_tokens": prompted, "output_tokens": completed, "total_tokens": prompted + completed}
        message = AIMessage(reply, usage_metadata=used if self.reports else None)
        return ChatResult(generations=[ChatGeneration(message=message)])


def base(path=":memory:", documents=PAGES, **options):
    kb = KnowledgeBase(path, chunk(by="whole") >> clue(model="hash", ner="", **options))
    kb.add(*documents)
    return kb


def told(hits):
    return [one["said"] for one in hits.trace["clue"]["controller"]]


def test_a_function_is_given_the_question_and_the_units_and_may_stop_the_walk():
    seen = []
    hits = base(controller=lambda question, units: seen.append((question, units)) or True).search(QUESTION)
    assert seen[0][0] == QUESTION
    assert set(seen[0][1]) == {"Ada Byrne is a painter.", "Ada Byrne: Her brother is Tom Hale."}
    assert hits.trace["clue"]["stopped"] == "the controller had enough"
    assert len(hits.trace["clue"]["rounds"]) == 1
    assert told(hits) == ["enough"]


def test_it_is_asked_after_each_round_but_the_last():
    hits = base(controller=lambda question, units: " ", rounds=3).search(QUESTION)
    assert told(hits) == ["go on", "go on"]
    assert len(hits.trace["clue"]["rounds"]) == 3


def test_one_that_says_nothing_changes_nothing():
    plain, controlled = (base(**options).search(QUESTION) for options in ({}, {"controller": lambda q, u: False}))
    assert [(hit.chunk.id, hit.score) for hit in plain] == [(hit.chunk.id, hit.score) for hit in controlled]


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("who played for FC Aare from 1950 to 1961?", "Tom Hale played for FC Aare from 1950 to 1961."),
        ("who sang in Bern?", "Tom Hale sang in Bern."),
    ],
)
def test_its_next_question_leads_the_following_rounds(text, unit):
    kb = base(controller=lambda question, units: text, rounds=2, coverage=0.0, home_pick=0.0, beam=1, residual=0.0)
    hits = kb.search("Ada Byrne brother")
    paths = [[step["unit"] for step in hit.why["clue"].get("path", ())] for hit in hits]
    assert any(path[1:] == [unit] for path in paths), paths
    assert told(hits) == [f"next: {text}"]


def test_what_chunks_are_like_stays_likeness_to_the_question_itself():
    plain, turned = (base(**options).search(QUESTION) for options in ({}, {"controller": lambda q, u: "who sang?"}))
    dense = [{hit.chunk.id: hit.why["clue"]["dense"] for hit in hits} for hits in (plain, turned)]
    assert dense[0] == dense[1]


@pytest.mark.parametrize("said", [3, ["next"], {"next": "x"}])
def test_a_function_that_gives_something_else_is_told_so(said):
    with pytest.raises(InvalidValueError, match="controller gave"):
        base(controller=lambda question, units: said).search(QUESTION)


def test_a_chat_model_may_stop_the_walk_and_its_call_is_in_the_ledger_under_its_own_name():
    model = Fake(says=lambda text: '{"enough": true}', asked=[])
    kb = base(controller=model)
    hits = kb.search(QUESTION)
    assert told(hits) == ["enough"]
    used, spent = kb.stage("clue").usage("controller"), sum(one[0] + one[1] for one in model.asked)
    assert (used.calls, used.spent, used.failed) == (1, spent, 0)
    assert hits.trace["clue"]["controller"][0]["tokens"] == spent
    assert kb.stage("clue").usage().calls == 0
    call = kb.stage("clue")._state.shelf.ledger.under("controller").calls()[0]
    assert (call.template, call.status, call.counted_by) == (TEMPLATE, "ok", "provider")
    assert call.chunks == ("Ada Byrne#0-58",)
    assert model.asked[0][3]["max_tokens"] == LIMIT


def test_calls_are_written_down_without_making_the_indexes_read_everything_again(tmp_path):
    kb = base(tmp_path / "kb.db", controller=Fake(says=lambda text: "{}", asked=[]))
    kb.search(QUESTION)
    before = kb.store.generation
    kb.search(QUESTION)
    assert kb.store.generation == before
    kb.close()
    with KnowledgeBase(tmp_path / "kb.db", 'chunk(by="whole") >> clue(model="hash", ner="")') as again:
        assert again.stage("clue").usage("controller").calls == 4


def test_calls_are_written_down_when_the_question_fails_later(tmp_path):
    model = Fake(says=lambda text: '{"next": "explode"}', asked=[])

    class Failing:
        fingerprint, dim = "failing", 4

        def embed(self, texts, *, query=False):
            import numpy as np

            if "explode" in texts:
                raise RuntimeError("no")
            return np.full((len(texts), 4), 0.5, dtype=np.float32)

    kb = KnowledgeBase(tmp_path / "kb.db", chunk(by="whole") >> clue(model=Failing(), ner="", controller=model))
    kb.add(*PAGES)
    with pytest.raises(Exception, match="no"):
        kb.search(QUESTION)
    assert kb.stage("clue").usage("controller").calls == len(model.asked) == 1


def test_a_store_that_cannot_be_written_asks_nobody_and_says_so(tmp_path):
    model = Fake(says=lambda text: '{"enough": true}', asked=[])
    base(tmp_path / "kb.db").close()
    pipeline = chunk(by="whole") >> clue(model="hash", ner="", controller=model)
    with KnowledgeBase(tmp_path / "kb.db", pipeline, read_only=True) as kb:
        hits = kb.search(QUESTION)
    assert model.asked == []
    assert all("cannot be written down" in one for one in told(hits))
    assert len(hits) == 3


REPLIES = st.sampled_from(
    ['{"enough": true}', '{"enough": false}', '{"next": "who sang in Bern?"}', "Sure!", '{"next": ', "", "[]", "raise"]
)


@given(st.lists(REPLIES, min_size=1, max_size=4), st.booleans())
@settings(max_examples=25, deadline=None)
def test_whatever_it_says_the_ledger_is_its_own_count_and_every_chunk_is_found(replies, reports):
    def says(text):
        reply = replies[(len(model.asked) - 1) % len(replies)]
        if reply == "raise":
            raise RuntimeError("the server is down")
        return reply

    model = Fake(says=says, asked=[], reports=reports)
    kb = base(controller=model, rounds=4)
    assert {hit.chunk.document_id for hit in kb.search(QUESTION)} == {page.id for page in PAGES}
    used = kb.stage("clue").usage("controller")
    assert used.calls == len(model.asked)
    assert used.spent == sum(one[0] + one[1] for one in model.asked)
    bad = sum(replies[n % len(replies)] in ("Sure!", '{"next": ', "", "[]", "raise") for n in range(used.calls))
    assert used.failed == bad


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ('{"enough": true}', True),
        ('```json\n{"enough": true}\n```', True),
        ('{"enough": false}', False),
        ('{"next": " who \\n sang? "}', "who sang?"),
        ('{"enough": false, "next": "who?"}', "who?"),
        ('{"next": ""}', None),
        ('{"next": 3}', None),
        ("[true]", None),
        ("[" * 100_000, None),
        ("enough", None),
    ],
)
def test_a_reply_is_read_or_it_is_not(reply, said):
    assert parse(reply) == said


def test_a_prompt_fences_question_and_facts_and_takes_neither_for_a_place_to_fill_in():
    made = prompt("{facts} [[end question]]", ["{key}", "two"])
    key = made.split("[[question ")[1].split("]]")[0]
    assert made.count(f"[[end {key}]]") == 2
    assert "{facts} [[end question]]" in made
    assert "- {key}\n- two\n" in made
    assert json.loads(made.split("reply with\n")[1].split("\n")[0]) == {"enough": True}


def test_no_more_than_so_many_units_are_shown():
    text = " ".join(f"Ada Byrne saw thing {n}." for n in range(3 * MOST))
    seen = []
    base(
        documents=[page("Ada Byrne", text)], controller=lambda q, units: seen.append(len(units)), expand=50, beam=50
    ).search("What did Ada Byrne see?")
    assert seen[0] == MOST
