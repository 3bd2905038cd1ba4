"""Questions by a chat model, here one that replies from a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragkit.errors import InvalidValueError, ModelError
from ragkit.evaluate.dataset import DatasetError
from ragkit.evaluate.synth import Generated, by_model, dry_run
from tests.evaluate.synth.helpers import CLUB, DOCUMENTS, FERRY, Scripted, reply

SINGLE = {"single": 1.0}
FERRIES = DOCUMENTS[:1]
GOOD = reply("Where was the ferry Grey Heron built?", [(1, 1)], "Saltmere")


def make(*replies: Any, documents: Any = FERRIES, n: int = 1, **options: Any) -> tuple[Generated, Scripted]:
    model = Scripted(replies=list(replies))
    return by_model(documents, model, n=n, **{"mix": SINGLE, "sleep": lambda _: None, **options}), model


def golds(made: Generated) -> list[list[str]]:
    return [[one.text for one in question.references] for question in made.dataset.questions]


def test_sentence_numbers_become_exact_spans() -> None:
    made, model = make(GOOD)
    assert golds(made) == [["The ferry Grey Heron was built in Saltmere in 1912."]]
    question = made.dataset.questions[0]
    assert (question.answer, question.kind, question.meta["group"]) == ("Saltmere", "single", "ferry")
    assert "[5] The keeper of the light was Ada Marlowe." in str(model.sent[0][1].content)
    assert (made.usage.prompt_tokens, made.usage.completion_tokens, made.usage.calls) == (100, 20, 1)
    assert made.dataset.generator["prompt_hash"]


def test_each_of_two_references_by_number_stands_at_its_own_place() -> None:
    made, _ = make(reply("What became of the ferry Grey Heron?", [(1, 2), (7, 7)]))
    assert golds(made) == [[FERRY[: FERRY.index(" The harbour")], "The Grey Heron was sold to a museum in Corrin."]]


def test_quotes_become_exact_spans_inside_the_window() -> None:
    quotes = ["the keeper of the light was  Ada Marlowe.", "She kept it for thirty years."]
    made, model = make(reply("How long did Ada Marlowe keep the light?", quotes), citations="quotes")
    assert golds(made) == [["The keeper of the light was Ada Marlowe.", "She kept it for thirty years."]]
    assert FERRY in str(model.sent[0][1].content)


def test_a_quote_of_another_document_rejects_the_question() -> None:
    elsewhere = reply("When was the club of Corrin founded?", ["The club was founded in 1899."])
    with pytest.raises(DatasetError, match="a quote is not in its window 4"):
        make(elsewhere, citations="quotes")


def test_a_repeated_quote_is_flagged() -> None:
    made, _ = make(reply("What was the ferry Grey Heron?", ["Grey Heron was"]), citations="quotes")
    assert made.dataset.questions[0].meta["flags"] == ["ambiguous"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (reply("Where was it?", [(1, 1)], self_contained=False), "the model says"),
        (reply("Where was it?", [(1, 1)], single_topic=False), "the model says"),
        (reply("Where was it?", [(0, 1)]), "a reference names sentences that were not shown"),
        (reply("Where was it?", [(7, 99)]), "a reference names sentences that were not shown"),
        ("{", "unreadable"),
    ],
)
def test_a_bad_reply_is_counted_and_the_next_attempt_taken(bad: str, reason: str) -> None:
    replies = (bad, bad, GOOD) if bad == "{" else (bad, GOOD)
    made, _ = make(*replies)
    assert len(made.dataset.questions) == 1
    step = made.funnel.table()[0]
    assert (step["taken"], step["kept"]) == (2, 1)
    assert [name.startswith(reason) for name in step["dropped"]] == [True]


def test_a_model_that_never_gives_a_question_ends_after_its_attempts() -> None:
    model = Scripted(replies=["no"])
    with pytest.raises(DatasetError, match="no question is left"):
        by_model(FERRIES, model, n=2, mix=SINGLE, max_attempts=3)
    assert len(model.sent) == 2 * 3 * 2  # each attempt and its repair


def test_references_of_a_question_of_several_passages_must_lie_apart() -> None:
    near, far = [(1, 1), (2, 2)], [(1, 1), (8, 8)]
    asked = "What was the Grey Heron before it came to Corrin?"
    made, _ = make(reply(asked, near), reply(asked, far), mix={"multi": 1.0})
    assert made.funnel.table()[0]["kept"] == 1
    assert len(made.dataset.questions[0].references) == 2


def test_a_question_about_two_documents_needs_both() -> None:
    def both(messages: list[Any]) -> str:
        shown = str(messages[1].content)
        lines = [line for line in shown.splitlines() if line.startswith("[")]
        number = {
            text: line.partition("]")[0][1:]
            for line in lines
            for text in ("Grey Heron was sold", "Corrin United is")
            if text in line
        }
        return reply(
            "Which club plays where the Grey Heron was sold to?", [(int(one), int(one)) for one in number.values()]
        )

    one = reply("Where was the Grey Heron sold to?", [(7, 7)])
    made, model = make(one, both, documents=DOCUMENTS, mix={"cross_doc": 1.0})
    question = made.dataset.questions[0]
    assert {reference.document_id for reference in question.references} == {"ferry", "club"}
    assert question.kind == "cross_doc"
    assert "not every document is referred to" in made.funnel.table()[0]["dropped"]
    assert "Document 2:" in str(model.sent[0][1].content)
    assert all(reference.text in FERRY + CLUB for reference in question.references)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    asked = ["Where was the Grey Heron built?", "Who was the keeper of the light?", "Where was the Grey Heron sold to?"]
    replies = [reply(asked[0], [(1, 1)]), reply(asked[1], [(5, 5)]), RuntimeError("gone")]
    with pytest.raises(ModelError, match="gone"):
        make(*replies, n=3, folder=tmp_path)
    log = (tmp_path / "attempts.jsonl").read_text().splitlines()
    assert [json.loads(line)["verdict"] for line in log] == ["accepted", "accepted"]
    assert json.loads(log[0])["tokens"] == [100, 20]
    (tmp_path / "attempts.jsonl").write_text("\n".join(log) + '\n{"run": "cut o')
    made, model = make(reply(asked[2], [(7, 7)]), n=3, folder=tmp_path)
    assert [question.text for question in made.dataset.questions] == asked
    assert len(model.sent) == 1
    assert f"- {asked[0]}" in str(model.sent[0][1].content)
    again, unused = make("never asked", n=3, folder=tmp_path)
    assert unused.sent == []
    assert again.dataset.questions == made.dataset.questions


def test_other_settings_do_not_go_on_with_the_old_attempts(tmp_path: Path) -> None:
    make(GOOD, folder=tmp_path)
    _, model = make(GOOD, folder=tmp_path, seed=1)
    assert len(model.sent) == 1


def test_when_the_calls_are_used_up_what_there_is_is_kept() -> None:
    made, model = make(GOOD, reply("Who was the keeper of the light?", [(5, 5)]), n=3, max_calls=2)
    assert len(model.sent) == 2
    assert len(made.dataset.questions) == 2
    assert not made.complete


def test_several_requests_at_a_time_give_the_same_questions_every_time() -> None:
    def numbered(messages: list[Any]) -> str:
        shown = str(messages[1].content)
        return reply(f"Which ferry was built in the year {len(shown)}?", [(1, 1)])

    one, _ = make(numbered, n=6, concurrency=3, documents=DOCUMENTS)
    two, _ = make(numbered, n=6, concurrency=3, documents=DOCUMENTS)
    assert one.dataset.questions == two.dataset.questions


def test_the_critic_drops_what_it_does_not_accept() -> None:
    verdicts = [
        json.dumps({"answerable": False, "needs_each": True}),
        json.dumps({"answerable": True, "needs_each": True}),
    ]
    second = reply("Who was the keeper of the light?", [(5, 5)])
    made, model = make(GOOD, second, *verdicts, n=2, critic=True)
    assert [question.text for question in made.dataset.questions] == ["Who was the keeper of the light?"]
    assert made.funnel.table()[-1] == {"step": "critic", "taken": 2, "kept": 1, "dropped": {"not answerable": 1}}
    assert "Question: Where was" in str(model.sent[2][1].content)


def test_earlier_questions_persona_and_style_are_told() -> None:
    _, model = make(GOOD, reply("Who was the keeper of the light?", [(5, 5)]), n=2, persona="a sailor", style="short")
    told = str(model.sent[1][1].content)
    assert "- Where was the ferry Grey Heron built?" in told
    assert "The person who asks: a sailor." in told
    assert "Style: short." in told


def test_a_dry_run_asks_nothing_and_estimates_calls_and_tokens() -> None:
    plan = dry_run(DOCUMENTS, n=10, max_attempts=4)
    assert (plan.tasks, plan.calls) == (10, (10, 80))
    assert 10 * 300 < plan.prompt_tokens[0] < 10 * 1200 < plan.prompt_tokens[1]
    assert plan.completion_tokens[0] == 1200


@pytest.mark.parametrize("options", [{"n": 0}, {"citations": "numbers"}, {"max_attempts": 0}, {"concurrency": 0}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        make(GOOD, **options)
