import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragkit.text.sentences import paragraphs, sentence_spans, sentences


@pytest.mark.parametrize(
    "expected",
    [
        ["Hello there.", "How are you?", "Fine!", "Good."],
        ["Dr. Smith met Mrs. Jones.", "They talked."],
        ["J. R. R. Tolkien wrote it.", "C. S. Lewis read it."],
        ["I live in the U.S. Government house.", "It is big."],
        ["She moved to the U.S.", "He stayed."],
        ["So did I.", "They left."],
        ["It cost $3.50 in 1990.", "In 1991 it cost 4.25 euros."],
        ["See pp. 5-7 and Fig. 3 in Vol. 2.", "Then stop."],
        ["He works for Acme Inc. in St. Louis.", "It pays."],
        ["Bring pens, e.g. blue ones, i.e. not red.", "Thanks."],
        ['"Stop!" he said.', '"Why?" she asked.'],
        ["He said: “Go.”", "Then he left."],
        ["(He had left.)", "Nobody knew."],
        ["And then… nothing.", "Well... yes.", "No..."],
        ["The Yahoo! portal grew.", "It failed."],
        ["It was known.[1]", "Later it was not.[23]"],
        ["Visit example.com or 1.2.3.4 now.", "Bye."],
        ["At 5 p.m. on Monday it closed.", "At 5 p.m.", "They left."],
        ["**Bold.**", "Plain."],
        ["i went home.", "it was late.", "ok?", "yes"],
        ["¿Qué es esto?", "¡Nada!", "Bien."],
        ["Das ist z.B. gut.", "Ja."],
    ],
)
def test_latin_sentences_end_where_a_reader_would_say(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["東京は首都です。", "本当？", "はい！"],
        ["彼は「はい。」と言った。", "「いいえ。」", "終わり"],
        ["他说：“好。”", "然后走了。"],
    ],
)
def test_chinese_and_japanese_sentences_need_no_space_between(expected: list[str]) -> None:
    assert sentences("".join(expected)) == expected


def test_arabic_and_hindi_marks_end_sentences() -> None:
    assert sentences("هل أنت بخير؟ نعم. شكرا۔ نعم") == ["هل أنت بخير؟", "نعم.", "شكرا۔", "نعم"]
    assert sentences("यह घर है। वह पेड़ है।") == ["यह घर है।", "वह पेड़ है।"]


def test_a_title_over_its_text_is_a_sentence_of_its_own() -> None:
    text = "Ada Lovelace\nAda Lovelace was an English mathematician. She wrote notes."
    assert sentences(text) == ["Ada Lovelace", "Ada Lovelace was an English mathematician.", "She wrote notes."]


def test_a_wrapped_line_is_not_the_end_of_a_sentence() -> None:
    text = (
        "It was the best of times, it was the worst of times, it was the age of\n"
        "Wisdom, it was the age of foolishness, it was the epoch of belief, it\n"
        "was the epoch of incredulity. It was the season of Light, it was the\n"
        "season of Darkness."
    )
    assert len(sentences(text)) == 2


def test_list_items_table_rows_and_headings_are_sentences_of_their_own() -> None:
    text = "# Things\n- the first one\n- the second one\n1. a number\n| a | b |\n| c | d |\nName: Ann\nAge: 7"
    assert sentences(text) == text.split("\n")


def test_a_blank_line_always_ends_a_sentence() -> None:
    assert sentences("no full stop\n \nanother line") == ["no full stop", "another line"]


def test_the_number_of_a_list_item_is_no_sentence() -> None:
    assert sentences("1. Stir it. Then wait.\n2. Eat.") == ["1. Stir it.", "Then wait.", "2. Eat."]


def test_paragraphs_are_the_lines_between_blank_lines() -> None:
    text = "  a\nb \n\n \n\tc\n"
    assert [text[start:end] for start, end in paragraphs(text, 0, len(text))] == ["a\nb", "c"]


TEXT = st.text(st.sampled_from('aAbZ .!?…"”)([1。「」\n\t-|#:é\u0301\u3000京'), max_size=200) | st.text()


@given(TEXT)
@example("。\u0301a")
@example("A.\x85B")
def test_sentences_are_in_order_stripped_and_hold_everything(text: str) -> None:
    spans = sentence_spans(text)
    end = 0
    for start, stop in spans:
        assert end <= start < stop
        assert not text[end:start].strip()
        assert text[start:stop] == text[start:stop].strip()
        end = stop
    assert not text[end:].strip()


@pytest.mark.parametrize("unit", ["a", ".", "\n", " ", ". ", "a.\n", '"', "[1", "。", "# x\n", "= ", "a: ", "\n\n "])
def test_time_grows_with_the_length_of_any_text(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    assert sum(end - start for start, end in sentence_spans(text)) <= len(text)
