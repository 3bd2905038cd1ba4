import json
from collections.abc import Callable

import pytest

from ragkit.errors import LoadError
from ragkit.text.loaders import Load, SkippedError
from ragkit.types import Document

Read = Callable[..., list[Document | LoadError]]


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_every_line_is_a_document_with_its_own_fields(read: Read) -> None:
    record = {"id": "p1", "title": "Ada", "text": "She wrote.", "year": 1843, "metadata": {"lang": "en"}}
    assert read("a.jsonl", lines(record)) == [
        Document("p1", "Ada\nShe wrote.", "a.jsonl", "text/plain", {"title": "Ada", "year": 1843, "lang": "en"})
    ]


def test_without_an_id_the_path_and_the_line_are_it(read: Read) -> None:
    found = read("a.jsonl", '{"text": "One."}\n\n  \n{"text": "Two.", "id": 7}\n{"text": "Three."}')
    assert [document.id for document in found if isinstance(document, Document)] == ["a.jsonl#1", "7", "a.jsonl#5"]


@pytest.mark.parametrize("name", ["text", "content", "body", "page_content"])
def test_the_text_may_have_several_names(name: str, read: Read) -> None:
    [document] = read("a.jsonl", lines({name: "One."}))
    assert isinstance(document, Document) and document.text == "One." and document.metadata == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "it is not JSON: expecting value at character 1"),
        ('{"text": ', "it is not JSON"),
        ("[1, 2]", "it should be a JSON object but is [1, 2]"),
        ('{"title": "No text"}', "it has none of the fields text, content, body, page_content"),
        ('{"text": 5}', "its 'text' should be a text but is 5"),
        ('{"text": "a", "title": ["b"]}', "its 'title' should be a text"),
        ('{"text": "a", "id": 1.5}', "its 'id' should be a text or a whole number"),
        ('{"text": "a", "x": NaN}', "NaN is not a JSON number"),
        ('{"text": "a", "x": ' + "9" * 5000 + "}", "limit"),
        ("[" * 100_000, "nested too deeply"),
        ('{"text": "a\0"}', "it is not JSON"),
    ],
)
def test_a_bad_line_is_reported_with_its_number_and_the_others_are_read(line: str, reason: str, read: Read) -> None:
    before, error, after = read("a.jsonl", f'{{"text": "One."}}\n{line}\n{{"text": "Two."}}\n')
    assert isinstance(error, LoadError) and error.source == "a.jsonl:2" and reason in error.reason
    assert isinstance(before, Document) and isinstance(after, Document) and after.text == "Two."


def test_a_line_that_is_not_utf_8_is_reported(read: Read) -> None:
    error, document = read("a.jsonl", b'{"text": "caf\xe9"}\n{"text": "Two."}\n')
    assert isinstance(error, LoadError) and "not UTF-8 (byte 14 of the line)" in error.reason
    assert isinstance(document, Document)


def test_an_empty_text_is_skipped(read: Read) -> None:
    found = read("a.jsonl", lines({"text": ""}, {"text": " "}, {"text": "One."}))
    assert [type(result) for result in found] == [SkippedError, SkippedError, Document]


def test_the_later_of_two_records_with_one_id_is_reported(read: Read) -> None:
    first, error = read("a.jsonl", lines({"id": "x", "text": "One."}, {"id": "x", "text": "Two."}))
    assert isinstance(first, Document) and first.text == "One."
    assert str(error) == "a.jsonl:2: its id 'x' was already given in line 1"


def test_a_line_longer_than_the_limit_is_reported_and_passed_over(read: Read) -> None:
    error, document = read("a.jsonl", lines({"text": "x" * 3_000_000}, {"text": "Two."}), loader=Load(max_mb=1))
    assert isinstance(error, LoadError) and "longer than 1 MB" in error.reason
    assert isinstance(document, Document) and document.id == "a.jsonl#2"


def test_a_file_may_be_larger_than_the_limit_as_it_is_read_by_lines(read: Read) -> None:
    assert len(read("a.jsonl", lines(*[{"text": "x" * 1000}] * 200), loader=Load(max_mb=0.01))) == 200


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_no_trouble(encoding: str, read: Read) -> None:
    content = '{"text": "Zoë"}\n{"text": "Łódź"}\n'
    found = read("a.jsonl", content.encode(encoding))
    assert [document.text for document in found if isinstance(document, Document)] == ["Zoë", "Łódź"]


def test_lone_surrogates_in_escapes_are_replaced(read: Read) -> None:
    [document] = read("a.jsonl", r'{"text": "a\ud800", "id": "i\ud800", "tags": ["\udc00"]}')
    assert isinstance(document, Document)
    assert (document.text, document.id, document.metadata) == ("a\ufffd", "i\ufffd", {"tags": ["\ufffd"]})


def test_errors_beyond_a_hundred_are_counted(read: Read) -> None:
    found = read("a.jsonl", "nonsense\n" * 130 + '{"text": "One."}\n')
    assert sum(isinstance(result, Document) for result in found) == 1
    assert len(found) == 102 and str(found[-1]) == "a.jsonl: 30 more of its records could not be read"


def test_a_file_of_records_may_be_named_plainly(read: Read) -> None:
    assert len(read("records", lines({"text": "One."}), media_type="application/x-ndjson")) == 1
