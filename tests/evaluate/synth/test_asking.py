from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from ragkit.errors import ModelError
from ragkit.evaluate.synth.asking import Asker, IdsReply, ReplyError, SpentError, read_object
from ragkit.types import Usage
from tests.evaluate.synth.helpers import Scripted, reply

GOOD = reply("Where was the ferry built?", [(1, 1)])


def asker(*replies: Any, **options: Any) -> Asker:
    pauses: list[float] = []
    made = Asker(Scripted(replies=list(replies)), **{"max_calls": 20, "sleep": pauses.append, **options})
    made.pauses = pauses  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize(
    "raw",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f'<think>{{"question": 1}} hm</think>Here: {GOOD} and {{}}',
        f"Not {{this}} but {GOOD}",
    ],
)
def test_the_first_whole_object_is_read_past_thinking_fences_and_talk(raw: str) -> None:
    assert read_object(raw, IdsReply).question == "Where was the ferry built?"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("no idea", "no complete JSON object"),
        (GOOD[:-5], "no complete JSON object"),
        ("<think>" + GOOD, "no complete JSON object"),
        (reply("", [(1, 1)]), "question"),
        (reply("Who?", []), "references"),
        (reply("Who?", [(1, 1)] * 6), "references"),
        (reply("Who?", ["a quote"]), r"references\.0"),
    ],
)
def test_a_reply_that_does_not_fit_is_refused_with_the_reason(raw: str, said: str) -> None:
    with pytest.raises(ReplyError, match=said) as raised:
        read_object(raw, IdsReply)
    assert raised.value.raw == raw


def test_one_repair_is_asked_for_and_its_reason_is_told() -> None:
    one = asker("Sorry!", GOOD)
    assert one.ask("system", "user", IdsReply)[0].references[0].first == 1
    sent = one.model.sent[1]  # type: ignore[attr-defined]
    assert [message.type for message in sent] == ["system", "human", "ai", "human"]
    assert "no complete JSON object" in sent[-1].content
    two = asker("Sorry!", "Sorry again!", GOOD)
    with pytest.raises(ReplyError):
        two.ask("system", "user", IdsReply)
    assert two.usage == Usage(200, 40, 2)


def test_a_model_that_fails_is_asked_again_after_growing_pauses() -> None:
    one = asker(RuntimeError("busy"), RuntimeError("busy"), GOOD)
    assert one.ask("s", "u", IdsReply)[1] == GOOD
    assert one.pauses == [1.0, 2.0]  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="RuntimeError: busy"):
        asker(RuntimeError("busy")).ask("s", "u", IdsReply)


def test_no_more_calls_are_made_than_allowed() -> None:
    one = asker("Sorry!", max_calls=2)
    with pytest.raises(ReplyError):
        one.ask("s", "u", IdsReply)
    with pytest.raises(SpentError, match="2 calls are used up"):
        one.ask("s", "u", IdsReply)
    assert len(one.model.sent) == 2  # type: ignore[attr-defined]


def test_the_schema_mode_of_a_model_is_used_where_there_is_one() -> None:
    class Structured(Scripted):
        def with_structured_output(self, schema: Any, *, include_raw: bool = False, **kwargs: Any) -> Any:
            assert include_raw
            table = json.loads(GOOD)
            message = AIMessage("", usage_metadata={"input_tokens": 7, "output_tokens": 3, "total_tokens": 10})
            return RunnableLambda(lambda _: {"raw": message, "parsed": schema(**table), "parsing_error": None})

    one = Asker(Structured(replies=["unused"]), 5)
    assert one.ask("s", "u", IdsReply)[0].question == "Where was the ferry built?"
    assert one.usage == Usage(7, 3, 1)
