from collections.abc import Callable

import pytest

from ragkit.errors import LoadError
from ragkit.text.loaders import Load, SkippedError
from ragkit.types import Document

Read = Callable[..., list[Document | LoadError]]


def documents(found: list[Document | LoadError]) -> list[Document]:
    assert all(isinstance(result, Document) for result in found), found
    return [result for result in found if isinstance(result, Document)]


def test_a_column_of_text_makes_the_others_metadata(read: Read) -> None:
    [first, second] = documents(read("a.csv", "id,Title,text,year\np1,Ada,She wrote.,1843\n,Bob,He read.,\n"))
    assert first == Document("p1", "Ada\nShe wrote.", "a.csv", "text/plain", {"title": "Ada", "year": "1843"})
    assert second.id == "a.csv#3"


def test_without_one_every_column_is_in_the_text(read: Read) -> None:
    [document] = documents(read("a.csv", "name,born,note\nAda,1815,\n"))
    assert document.text == "name: Ada\nborn: 1815"
    assert document.metadata == {"name": "Ada", "born": "1815"}


def test_a_title_column_is_the_first_line_of_such_a_text(read: Read) -> None:
    [document] = documents(read("a.csv", "title,born\nAda,1815\n"))
    assert document.text == "Ada\nborn: 1815" and document.title == "Ada"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str, read: Read) -> None:
    rows = [["name", "said"], ["Ada", '"yes, no; maybe"'], ["Bob", "nothing"]]
    [first, second] = documents(read("a.csv", "\n".join(delimiter.join(row) for row in rows)))
    assert first.text == "name: Ada\nsaid: yes, no; maybe" and second.text == "name: Bob\nsaid: nothing"


def test_a_single_column_is_enough(read: Read) -> None:
    [document] = documents(read("a.csv", "text\nOne sentence without signs.\n"))
    assert document.text == "One sentence without signs."


def test_signs_in_the_texts_of_a_single_column_are_no_delimiters(read: Read) -> None:
    [document] = documents(read("a.csv", 'text\n"One, two; three."\n'))
    assert document.text == "One, two; three."


def test_quoted_fields_may_hold_lines(read: Read) -> None:
    [first, second] = documents(read("a.csv", 'text,n\r\n"one\r\ntwo",1\r\nthree,2\r\n'))
    assert first.text == "one\ntwo"
    assert second.id == "a.csv#4"


def test_rows_longer_or_shorter_than_the_header_lose_nothing(read: Read) -> None:
    [first, second] = documents(read("a.csv", "a,b\n1\n1,2,3\n"))
    assert first.text == "a: 1" and second.text == "a: 1\nb: 2\ncolumn 3: 3"


def test_columns_without_a_name_and_with_the_same_name_are_kept_apart(read: Read) -> None:
    [document] = documents(read("a.csv", "a,,a\n1,2,3\n"))
    assert document.text == "a: 1\ncolumn 2: 2\na (3): 3"


def test_empty_rows_are_passed_over_and_empty_texts_reported(read: Read) -> None:
    found = read("a.csv", "text,n\n\n,\n,5\nOne.,6\n")
    assert [type(result) for result in found] == [SkippedError, Document]
    assert str(found[0]) == "a.csv:4: its text is empty"


def test_the_later_of_two_rows_with_one_id_is_reported(read: Read) -> None:
    _, error = read("a.csv", "id,text\nx,One.\nx,Two.\n")
    assert str(error) == "a.csv:3: its id 'x' was already given in line 2"


def test_a_huge_field_is_read(read: Read) -> None:
    [document] = documents(read("a.csv", "text,n\n" + "x" * 1_000_000 + ",1\n"))
    assert len(document.text) == 1_000_000


def test_a_line_beyond_the_limit_is_reported_and_passed_over(read: Read) -> None:
    found = read("a.csv", "text,n\nOne.,1\n" + "x" * 3_000_000 + ",2\nThree.,3\n", loader=Load(max_mb=1))
    assert [result.text for result in found if isinstance(result, Document)] == ["One.", "Three."]
    assert [str(result) for result in found if isinstance(result, LoadError)] == [
        "a.csv:3: it is longer than 1 MB; raise that with load(max_mb=…)"
    ]


def test_other_encodings_are_read_and_noted(read: Read) -> None:
    [document] = documents(read("a.csv", "text,n\nOù est l'été à Noël ?,1\n".encode("cp1252")))
    assert document.text == "Où est l'été à Noël ?" and document.metadata["encoding"] == "cp1252"
    [document] = documents(read("b.csv", "\ufefftext,n\nZoë,1\n"))
    assert document.text == "Zoë" and document.metadata == {"n": "1"}
    [document] = documents(read("c.csv", "text,n\nZoë,1\n".encode("utf-16")))
    assert document.text == "Zoë"


def test_flaws_of_utf_8_are_counted_where_they_are(read: Read) -> None:
    [first, second] = documents(read("a.csv", "text,n\nZoë é,1\n".encode() + b"b\xff,2\n"))
    assert first.metadata == {"n": "1"}
    assert second.metadata == {"n": "2", "encoding_errors": 1} and second.text == "b\ufffd"


def test_a_header_alone_gives_nothing(read: Read) -> None:
    assert read("a.csv", "text,n\n") == []


def test_an_open_quote_does_not_hang(read: Read) -> None:
    assert len(read("a.csv", 'text\n"never closed\nmore\n')) == 1
