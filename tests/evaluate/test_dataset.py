from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit.evaluate import Dataset, DatasetError, Doc, Question, Reference
from tests.evaluate.helpers import TEXT, three_questions


def saved(tmp_path: Path) -> Path:
    three_questions().save(tmp_path / "set")
    return tmp_path / "set"


def changed(folder: Path, number: int = 0, **keys: object) -> None:
    lines = (folder / "questions.jsonl").read_text().splitlines()
    lines[number] = json.dumps({**json.loads(lines[number]), **keys})
    (folder / "questions.jsonl").write_text("\n".join(lines) + "\n")


def test_a_saved_data_set_is_read_back_the_same_and_saved_to_the_same_bytes(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    read = Dataset.load(folder)
    assert read.questions == three_questions().questions
    assert read.digest == three_questions().digest
    read.save(tmp_path / "again")
    for file in ("dataset.json", "questions.jsonl", "docs/d.txt"):
        assert (tmp_path / "again" / file).read_bytes() == (folder / file).read_bytes()


@pytest.mark.parametrize("text", ["a\r\nb\rc\n", "\ufeffmark", "nul\0", "a😀e\u0301", "  space  "])
def test_documents_keep_every_character(tmp_path: Path, text: str) -> None:
    Dataset.of({"d": text}, [("What?", [("d", 0, len(text))])]).save(tmp_path)
    assert Dataset.load(tmp_path).texts == {"d": text}


def test_ids_that_make_the_same_or_bad_file_names_get_files_of_their_own(tmp_path: Path) -> None:
    texts = {"a/b": "one", "a b": "two", "A-B": "three", "../x": "four", "..": "five"}
    Dataset.of(texts, [("What?", [("a/b", 0, 3)])]).save(tmp_path / "set")
    assert Dataset.load(tmp_path / "set").texts == texts
    assert len(list((tmp_path / "set" / "docs").iterdir())) == 5


def test_keys_and_references_of_a_line_are_in_order(tmp_path: Path) -> None:
    data = Dataset.of({"b": TEXT, "a": TEXT}, [("What?", [("b", 5, 9), ("a", 50, 60), ("a", 0, 4)])])
    data.save(tmp_path)
    table = json.loads((tmp_path / "questions.jsonl").read_text())
    assert list(table) == ["id", "question", "references"]
    assert [(one["doc_id"], one["start"]) for one in table["references"]] == [("a", 0), ("a", 50), ("b", 5)]
    assert list(table["references"][0]) == ["doc_id", "start", "end", "text"]


def test_a_document_that_changed_since_is_an_error(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    (folder / "docs" / "d.txt").write_text("x" + TEXT)
    with pytest.raises(DatasetError, match="has changed since"):
        Dataset.load(folder)
    codes = {problem.code for problem in Dataset.load(folder, strict=False).validate()}
    assert codes == {"hash_differs", "text_differs"}


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"id": "q2"}, "duplicate_id"),
        ({"question": " "}, "empty_question"),
        ({"references": []}, "empty_references"),
        ({"references": [{"doc_id": "d", "start": 90, "end": 101, "text": "x"}]}, "out_of_range"),
        ({"references": [{"doc_id": "e", "start": 0, "end": 1, "text": "x"}]}, "unknown_document"),
        ({"references": [{"doc_id": "d", "start": 0, "end": 1, "text": "x"}]}, "text_differs"),
    ],
)
def test_errors_are_found_by_code_and_loading_raises(tmp_path: Path, keys: dict[str, object], code: str) -> None:
    folder = saved(tmp_path)
    changed(folder, **keys)
    with pytest.raises(DatasetError, match=code):
        Dataset.load(folder)
    assert code in {problem.code for problem in Dataset.load(folder, strict=False).validate() if problem.error}


def test_overlaps_repeats_and_equal_questions_are_noted_but_no_errors() -> None:
    data = Dataset.of(
        {"d": "one two one two"}, [("What is it?", [("d", 0, 3), ("d", 2, 5)]), ("what IS it", [("d", 4, 6)])]
    )
    assert {problem.code for problem in data.validate()} == {"overlapping", "repeated", "duplicate_question"}
    assert not any(problem.error for problem in data.validate())


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("dataset.json", "{", "not JSON"),
        ("dataset.json", '{"format": "other/9", "docs": []}', "the format is 'other/9'"),
        ("dataset.json", '{"format": "ragkit-spans/1"}', "`docs` must be a list"),
        ("dataset.json", '{"format": "ragkit-spans/1", "docs": [{"doc_id": "d"}]}', "`doc_id` and `path`"),
        ("dataset.json", '{"format": "ragkit-spans/1", "docs": [{"doc_id": "d", "path": "../../x"}]}', "leads out of"),
        ("dataset.json", '{"format": "ragkit-spans/1", "docs": [{"doc_id": "d", "path": "docs/none"}]}', "docs/none"),
        ("questions.jsonl", "{}\n{", "line 1"),
        ("questions.jsonl", "[1]\n", "JSON object"),
        ("questions.jsonl", '{"id": "q", "question": "?", "references": 3}', "the list `references`"),
        ("questions.jsonl", '{"id": "q", "question": "?", "references": [{"doc_id": "d"}]}', "a reference has"),
        (
            "questions.jsonl",
            '{"id":"q","question":"?","references":[{"doc_id":"d","start":5,"end":5,"text":""}]}',
            "is empty",
        ),
        (
            "questions.jsonl",
            '{"id":"q","question":"?","references":[{"doc_id":"d","start":-5,"end":5,"text":""}]}',
            "backwards",
        ),
    ],
)
def test_a_file_out_of_format_is_named_with_what_is_wrong(tmp_path: Path, file: str, content: str, said: str) -> None:
    folder = saved(tmp_path)
    (folder / file).write_text(content)
    with pytest.raises(DatasetError, match=said) as raised:
        Dataset.load(folder)
    assert file in str(raised.value) or "docs/none" in str(raised.value)


def test_files_that_are_not_utf8_or_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"dataset\.json"):
        Dataset.load(tmp_path / "nowhere")
    folder = saved(tmp_path)
    (folder / "docs" / "d.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match="not UTF-8"):
        Dataset.load(folder)


def test_a_lone_surrogate_cannot_be_saved_and_says_where(tmp_path: Path) -> None:
    data = Dataset("x", {"d": Doc("d", "ab\ud800")}, (Question("q", "What?", (Reference("d", 0, 1, "a"),)),))
    with pytest.raises(DatasetError, match="lone surrogate at 2"):
        data.save(tmp_path)


def test_the_group_is_told_by_the_question_else_by_its_document() -> None:
    data = three_questions()
    question = data.questions[0]
    assert data.group(question) == "d"
    assert data.group(question, "none") == ""
    assert data.group(replace(question, meta={"group": "g"})) == "g"


CSV = (
    "question,references,corpus_id\n"
    '"Who, then?","[{""content"": ""cd"", ""start_index"": 2, ""end_index"": 4}]",notes\n'
)


def test_questions_in_the_form_of_chroma_are_imported(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("abcdef")
    (tmp_path / "q.csv").write_text(CSV)
    data = Dataset.from_chroma_csv(tmp_path / "q.csv", tmp_path)
    assert [(one.id, one.text, one.gold[0].start) for one in data.questions] == [("notes-1", "Who, then?", 2)]
    assert data.docs["notes"].document.media_type == "text/markdown"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("question,corpus_id\n", "no column references"),
        (CSV.replace("notes", "other"), r"no other\.md"),
        (CSV.replace('""cd""', '""xy""'), "text_differs"),
        (CSV.replace("start_index", "begin"), "row 2"),
        (CSV.replace("[{", "{"), "not JSON"),
    ],
)
def test_a_bad_import_says_where_and_why(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "notes.md").write_text("abcdef")
    (tmp_path / "q.csv").write_text(content)
    with pytest.raises(DatasetError, match=said):
        Dataset.from_chroma_csv(tmp_path / "q.csv", tmp_path)
