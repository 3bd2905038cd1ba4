"""The first things anybody tries: one plain sentence, without a title, and the question it answers."""

import pytest

from ragkit import Document, KnowledgeBase


def ask(text, question):
    with KnowledgeBase(":memory:", "bm25 >> answer(embedder='', tagger='')") as kb:
        kb.add(Document("one", text), Document("other", "Bern lies on the Aare."))
        return kb.ask(question)


@pytest.mark.parametrize(
    ("text", "question", "short"),
    [
        ("Ada was born in Bern.", "Where was Ada born?", "Bern"),
        ("Li was born in Bern.", "Where was Li born?", "Bern"),
        ("Carl Jones was born in Paris in 1920.", "When was Carl Jones born?", "1920"),
        ("Carl Jones was born in Paris in 1920.", "Where was Carl Jones born?", "Paris"),
        ("Oslo was founded in 1040 by Harald.", "When was Oslo founded?", "1040"),
        ("Oslo was founded in 1040 by Harald.", "Who founded Oslo?", "Harald"),
    ],
)
def test_a_plain_sentence_answers_the_question_it_was_written_for(text, question, short):
    assert ask(text, question).short == short


def test_what_begins_a_sentence_in_talk_is_no_answer():
    assert ask("My license plate is W-4821K.", "What is my license plate?").short == "W-4821K"


@pytest.mark.parametrize(
    "text", ["Tom met Ada Lind. Karl was born in 1904.", "Ada Lind met Karl, who was born in 1904."]
)
def test_the_date_of_another_is_not_given(text):
    assert ask(text, "When was Ada Lind born?").short != "1904"
