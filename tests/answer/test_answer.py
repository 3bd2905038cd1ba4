from __future__ import annotations

import subprocess
import sys

import pytest
from langchain_core.language_models import FakeListChatModel

from ragkit.answer import AnswerStage
from ragkit.components import role_of
from ragkit.errors import InvalidValueError, ModelError
from ragkit.types import Answer

from .helpers import WordCounts, assert_exact, hits

PAGES = {
    "Orbel": "Orbel is a town in the hills. It was founded in 1907 by Ada Venn.",
    "Ada Venn": "Ada Venn was an engineer. She died in Lisbon on 3 May 1950.",
}


def test_it_plays_the_role_of_an_answerer() -> None:
    role = role_of(AnswerStage)

    assert role is not None
    assert (role.name, role.gives) == ("Answerer", "Answer")


def test_importing_it_loads_no_heavy_library() -> None:
    heavy = ("numpy", "torch", "spacy", "langchain_core", "scipy")
    code = f"import sys, ragkit.answer; print([name for name in {heavy} if name in sys.modules])"

    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_quotes_are_streamed_in_one_piece_before_the_answer() -> None:
    text, answer = AnswerStage(embedder=WordCounts(), tagger="").stream(hits("When did Ada Venn die?", PAGES))

    assert isinstance(answer, Answer)
    assert answer.text == text
    assert answer.short == "3 May 1950"


def test_a_chat_model_given_as_an_object_answers() -> None:
    model = FakeListChatModel(responses=['In Lisbon [2].\nShort: Lisbon\nQuotes:\n[2] "She died in Lisbon"'])

    answer = AnswerStage(model).answer(hits("Where did the founder of Orbel die?", PAGES))

    assert answer.short == "Lisbon"
    assert_exact(answer, PAGES)


def test_a_bad_name_of_a_model_is_refused_when_asked() -> None:
    with pytest.raises(InvalidValueError, match="provider:model"):
        AnswerStage("gpt").answer(hits("Why?", PAGES))


def test_a_missing_tagger_names_itself() -> None:
    stage = AnswerStage(embedder=WordCounts(), tagger="no_such_model")

    with pytest.raises(ModelError, match="no_such_model"):
        stage.answer(hits("Who was the engineer of the town that was founded in the hills of 1907?", PAGES))


def test_the_default_models_answer_a_question_of_two_steps() -> None:
    answer = AnswerStage().answer(hits("Where did the founder of Orbel die?", PAGES))

    assert answer.short == "Lisbon"
    assert_exact(answer, PAGES)
