import time
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError
from ragkit.text.chunkers import By, ChunkText
from ragkit.text.graphemes import LONGEST_CLUSTER, may_cut
from ragkit.text.tokens import count_tokens
from ragkit.types import Document

WAYS = get_args(By)
BUDGETED = [way for way in WAYS if way != "whole"]
MARKDOWN = "text/markdown"

PIECES = st.sampled_from(
    [
        "word ",
        "Word. ",
        "a",
        ".",
        " ",
        "\n",
        "\n\n",
        "\t",
        "# Head\n",
        "Title\n===\n",
        "- item\n",
        "```\n",
        "e\u0301",
        "!",
    ]
    + [
        "👩\u200d👩\u200d👧",
        "🇫🇷",
        "👍🏽",
        "京",
        "。",
        "हिन्दी ",
        "\u0301",
        "\u200d",
        "x" * 30,
        "\x0b",
        "\u3000",
        "“Yes.” ",
        "---\n",
    ]
)
TEXTS = st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=200)


def texts(text: str, media_type: str = "text/plain", **parameters: Any) -> list[str]:
    return [chunk.text for chunk in ChunkText(**parameters).chunk(Document("d", text, media_type=media_type))]


@pytest.mark.parametrize("by", WAYS)
@pytest.mark.parametrize("overlap", [0, 3, 9])
@settings(max_examples=30)
@given(text=TEXTS)
@example(text="")
@example(text=" \n ")
@example(text="a" + "\u0301" * 300)
@example(text="# A\n# B\n" + "word " * 30)
def test_chunks_are_exact_stripped_ordered_and_hold_everything(by: By, overlap: int, text: str) -> None:
    document = Document("d", text, media_type=MARKDOWN)
    chunks = ChunkText(by=by, tokens=10, overlap=overlap).chunk(document)
    document.check(chunks)
    covered = 0
    start = -1
    for chunk in chunks:
        assert chunk.text and chunk.text == chunk.text.strip()
        assert chunk.start > start and chunk.end > covered, (
            "each chunk begins later than the one before, and adds to it"
        )
        assert not text[covered : chunk.start].strip(), "nothing between two chunks is lost"
        start, covered = chunk.start, chunk.end
    assert not text[covered:].strip()
    if not overlap:
        assert all(a.end <= b.start for a, b in zip(chunks, chunks[1:], strict=False))


@pytest.mark.parametrize("by", BUDGETED)
@settings(max_examples=30)
@given(text=TEXTS, overlap=st.integers(0, 9))
def test_no_chunk_exceeds_the_budget_unless_one_character_does(by: By, text: str, overlap: int) -> None:
    for chunk in texts(text, MARKDOWN, by=by, tokens=10, overlap=overlap):
        assert count_tokens(chunk) <= 10 or len(chunk) <= 2 * LONGEST_CLUSTER


@pytest.mark.parametrize("by", WAYS)
@settings(max_examples=30)
@given(text=TEXTS, overlap=st.integers(0, 9))
@example(text="👩\u200d👩\u200d👧" * 9, overlap=0)
@example(text="e\u0301" * 300, overlap=3)
@example(text="🇫🇷🇩🇪" * 30, overlap=5)
def test_no_cut_tears_a_visible_character(by: By, text: str, overlap: int) -> None:
    for chunk in ChunkText(by=by, tokens=10, overlap=overlap).chunk(Document("d", text)):
        for place in (chunk.start, chunk.end):
            low = max(0, place - LONGEST_CLUSTER)
            torn = any(may_cut(text, first) for first in range(low, place)) and not may_cut(text, place)
            trimmed = any(character.isspace() for character in text[place - 1 : place + 1])
            assert not torn or trimmed or "\u0301" * LONGEST_CLUSTER in text, (place, text[low : place + 2])


@settings(max_examples=30)
@given(text=TEXTS, overlap=st.integers(1, 9))
def test_the_overlap_repeats_at_most_that_many_tokens(text: str, overlap: int) -> None:
    document = Document("d", text)
    chunks = ChunkText(tokens=10, overlap=overlap).chunk(document)
    for before, after in zip(chunks, chunks[1:], strict=False):
        repeated = text[after.start : max(after.start, before.end)]
        assert count_tokens(repeated) <= overlap + LONGEST_CLUSTER


def test_sentences_are_put_together_up_to_the_budget() -> None:
    text = "One two three. Four five six. Seven eight nine."
    assert texts(text, tokens=8) == ["One two three. Four five six.", "Seven eight nine."]


def test_the_overlap_is_of_whole_sentences() -> None:
    text = "One two three. Four five six. Seven eight nine."
    assert texts(text, tokens=8, overlap=5) == ["One two three. Four five six.", "Four five six. Seven eight nine."]


def test_a_sentence_too_long_is_cut_between_words() -> None:
    text = " ".join(f"word{number}" for number in range(20))
    pieces = texts(text, tokens=8)
    assert " ".join(pieces) == text and all(count_tokens(piece) <= 8 for piece in pieces)


def test_a_word_too_long_is_cut_all_the_same() -> None:
    pieces = texts("x" * 1000, tokens=8)
    assert "".join(pieces) == "x" * 1000 and len(pieces) == 6


def test_fixed_tokens_fill_every_chunk_but_the_last() -> None:
    text = " ".join(f"w{number}" for number in range(25))
    assert [count_tokens(piece) for piece in texts(text, by="tokens", tokens=10)] == [10, 10, 5]


def test_fixed_tokens_overlap_by_the_number_asked() -> None:
    text = " ".join(f"w{number}" for number in range(14))
    pieces = texts(text, by="tokens", tokens=10, overlap=4)
    assert pieces[0].split()[-4:] == pieces[1].split()[:4]
    assert len(pieces) == 2


def test_paragraphs_stay_whole_and_short_ones_go_together() -> None:
    text = "One two.\n\nThree four.\n\n" + "Five six. " * 4 + "\n\nEnd."
    assert texts(text, by="paragraphs", tokens=8) == [
        "One two.\n\nThree four.",
        "Five six. Five six.",
        "Five six. Five six.",
        "End.",
    ]


def test_the_recursive_way_prefers_paragraphs_then_lines_then_sentences() -> None:
    text = "First para here.\n\nA line of five words\nand one more line here\n\nTail."
    assert texts(text, by="recursive", tokens=8) == [
        "First para here.",
        "A line of five words",
        "and one more line here",
        "Tail.",
    ]


GUIDE = "Preface.\n\n# Guide\n\n## Install\n\nRun it.\n\n### Linux\n\nUse apt.\n\n## Use\n\n" + "Call it now. " * 4


def test_by_headings_every_section_is_a_chunk_and_bare_headings_join_the_next() -> None:
    assert texts(GUIDE, MARKDOWN, by="headings", tokens=100) == [
        "Preface.",
        "# Guide\n\n## Install\n\nRun it.",
        "### Linux\n\nUse apt.",
        "## Use\n\nCall it now. Call it now. Call it now. Call it now.",
    ]


def test_a_section_too_long_is_cut_by_sentences() -> None:
    assert texts(GUIDE, MARKDOWN, by="headings", tokens=12)[-2:] == [
        "## Use\n\nCall it now. Call it now.",
        "Call it now. Call it now.",
    ]


def test_text_without_headings_is_one_section() -> None:
    assert texts("Some text.\n\nMore.", by="headings") == ["Some text.\n\nMore."]


def test_whole_documents_are_not_cut() -> None:
    text = "  " + "Word. " * 1000
    assert texts(text, by="whole", tokens=8) == [text.strip()]


@pytest.mark.parametrize("by", BUDGETED)
def test_chunks_of_markdown_know_the_headings_they_stand_under(by: By) -> None:
    chunks = ChunkText(by=by, tokens=8).chunk(Document("d", GUIDE, media_type=MARKDOWN))
    assert "heading" not in chunks[0].metadata
    assert chunks[-1].metadata["heading"] == "Guide > Use"
    assert chunks[-1].head == "Guide > Use"


def test_a_heading_is_not_left_behind_at_the_end_of_a_chunk() -> None:
    text = "Some words come first here.\n\n# Head\n\nThen the text."
    assert texts(text, MARKDOWN, tokens=9) == ["Some words come first here.", "# Head\n\nThen the text."]


def test_a_heading_goes_with_a_sentence_too_long_for_one_chunk() -> None:
    text = "# Head\n\n" + "word " * 20
    assert texts(text, MARKDOWN, tokens=8)[0].startswith("# Head\n\nword word")


def test_an_outline_gives_headings_to_other_kinds_of_documents() -> None:
    text = "Guide\n\nRun it.\n\nUse\n\nCall it."
    document = Document("d", text, media_type="text/html", metadata={"outline": [[0, 1, "Guide"], [16, 2, "Use"]]})
    chunks = ChunkText(by="headings").chunk(document)
    assert [(chunk.text, chunk.metadata["heading"]) for chunk in chunks] == [
        ("Guide\n\nRun it.", "Guide"),
        ("Use\n\nCall it.", "Guide > Use"),
    ]
    assert "outline" not in chunks[0].metadata


def test_chunks_of_a_pdf_know_their_page() -> None:
    metadata = {"pages": [0, 11, 11], "title": "T"}
    document = Document("d", "Page one.\n\nPage three.", media_type="application/pdf", metadata=metadata)
    chunks = ChunkText(by="paragraphs", tokens=8, overlap=0).chunk(document)
    assert [chunk.metadata for chunk in chunks] == [{"title": "T", "source": "", "page": 1}]
    chunks = ChunkText(by="tokens", tokens=8).chunk(Document("d", "a " * 11, "", "application/pdf", {"pages": [0, 6]}))
    assert [chunk.metadata["page"] for chunk in chunks] == [1, 2]


@pytest.mark.parametrize("metadata", [{"outline": "Introduction", "pages": 12}, {"outline": [1], "pages": ["1"]}])
def test_metadata_that_only_bear_such_a_name_are_kept(metadata: dict[str, Any]) -> None:
    chunk = ChunkText().chunk(Document("d", "Text.", metadata=metadata))[0]
    assert chunk.metadata == {**metadata, "source": ""}


def test_an_overlap_as_long_as_the_chunk_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"overlap=50 must be less than tokens=50"):
        ChunkText(tokens=50, overlap=50)


@pytest.mark.parametrize("by", BUDGETED)
@pytest.mark.parametrize("unit", ["x", "\n", ".", "a.\n", "\n\n#", "# x\n", "🇫", "京", "a\u0301", "- "])
def test_time_grows_with_the_length_of_any_text(by: By, unit: str) -> None:
    def seconds(size: int) -> float:
        document = Document("d", unit * (size // len(unit)) + "x", media_type=MARKDOWN)
        begin = time.process_time()
        ChunkText(by=by).chunk(document)
        return time.process_time() - begin

    # A quadratic way would take 64 times as long for 8 times the text; the floor hides what is too short to measure.
    # The quickest of a few, as other work on the machine only ever adds.
    long, short = (min(seconds(size) for _ in range(3)) for size in (40_000, 5_000))
    assert long < 24 * max(short, 0.01)


def test_a_line_of_two_million_characters_is_cut() -> None:
    assert len(texts("x" * 2_000_000)) == 2_000_000 // (200 * 24) + 1


@pytest.mark.slow
def test_a_line_of_fifty_megabytes_is_cut() -> None:
    assert len(texts("words and more words " * 2_500_000)) == 50_000
