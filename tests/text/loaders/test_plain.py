from collections.abc import Callable

import pytest

from ragkit.errors import LoadError
from ragkit.text.loaders import SkippedError
from ragkit.types import Document

Read = Callable[..., list[Document | LoadError]]
ReadOne = Callable[..., Document]


def test_plain_text_has_no_title(read_one: ReadOne) -> None:
    assert read_one("a.txt", "First line\n\nMore.") == Document("a.txt", "First line\n\nMore.", "a.txt", "text/plain")


def test_line_ends_are_unified_and_the_byte_order_mark_goes(read_one: ReadOne) -> None:
    assert read_one("a.txt", b"\xef\xbb\xbfone\r\ntwo\rthree").text == "one\ntwo\nthree"


def test_broken_utf_8_is_read_with_a_note(read_one: ReadOne) -> None:
    document = read_one("a.txt", "über café".encode() + b" \xff end")
    assert document.text == "über café \ufffd end" and document.metadata == {"encoding_errors": 1}


def test_another_encoding_is_noted(read_one: ReadOne) -> None:
    assert read_one("a.txt", "Où est l'été ?".encode("cp1252")).metadata == {"encoding": "cp1252"}
    document = read_one("b.txt", "Où est l'été ?".encode("utf-16"))
    assert (document.text, document.metadata) == ("Où est l'été ?", {"encoding": "utf-16-le"})


def test_a_nul_far_into_a_file_makes_it_binary(read: Read) -> None:
    [error] = read("a.txt", b"text " * 10_000 + b"\0")
    assert isinstance(error, SkippedError) and "NUL" in error.reason


@pytest.mark.parametrize("content", [" \n\t", "\ufeff", "\ufeff\r\n"])
def test_a_file_of_white_space_is_skipped(content: str, read: Read) -> None:
    [error] = read("a.txt", content)
    assert isinstance(error, SkippedError) and error.reason == "it is empty"


def test_a_line_of_many_megabytes_is_read(read_one: ReadOne) -> None:
    assert len(read_one("a.txt", "word " * 1_000_000).text) == 5_000_000


def test_markdown_is_titled_by_its_front_matter(read_one: ReadOne) -> None:
    text = "---\ntitle: On trees\nauthor: Ann\nmedia_type: odd\n---\n# Bark\n"
    document = read_one("a.md", text)
    assert document.text == text
    assert document.metadata == {"title": "On trees", "author": "Ann", "media_type": "odd"}
    assert document.media_type == "text/markdown"


def test_markdown_is_titled_by_its_first_heading_else(read_one: ReadOne) -> None:
    assert read_one("a.md", "Intro.\n\nThe *title*\n===\n# Next").title == "The title"
    assert read_one("b.md", "No heading at all.").metadata == {}
