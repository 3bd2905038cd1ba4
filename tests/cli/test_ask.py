"""`ragkit ask` and `search`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run

QUESTION = "Where was Ada Lind born?"


def test_ask_prints_the_answer_and_its_numbered_citations(filled: Run) -> None:
    result = filled("ask", QUESTION)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Bern" in result.stdout.splitlines()[0]
    assert "born in Bern in 1904" in result.stdout
    assert re.search(r"^\[1\] notes/ada\.md:\d+-\d+ \(line 3\)$", result.stdout, re.MULTILINE)


def test_a_citation_leads_to_the_characters_it_quotes(filled: Run, folder: Path) -> None:
    for citation in json.loads(filled("ask", QUESTION, "--json").stdout)["citations"]:
        text = (folder / citation["source"]).read_text()
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert citation["quote"].splitlines()[0] in text.splitlines()[citation["line"] - 1]


def test_json_has_the_keys_of_the_manual(filled: Run, root: Path) -> None:
    manual = (root / "docs" / "cli.md").read_text()
    table = json.loads(filled("ask", QUESTION, "--json").stdout)
    assert list(table) == ["question", "found", "text", "short", "citations", "hits", "usage"]
    for keys in (table, table["citations"][0], table["hits"][0], table["usage"]):
        assert all(f"`{key}`" in manual for key in keys)
    assert "trace" in json.loads(filled("ask", QUESTION, "--json", "--trace").stdout)


def test_what_the_sources_do_not_hold_is_not_found_and_exits_with_3(filled: Run) -> None:
    result = filled("ask", "Who was the quartermaster of the Zanzibar expedition?")
    assert result.exit_code == 3
    assert "not" in result.stdout.lower()
    assert "[1]" not in result.stdout
    assert result.stderr == ""


def test_trace_shows_each_stage_with_its_time(filled: Run) -> None:
    lines = filled("ask", QUESTION, "--trace").stdout.splitlines()
    assert any(re.match(r"bm25 \([\d.]+ ms\): items \d", line) for line in lines)


def test_k_bounds_the_passages(filled: Run) -> None:
    assert len(json.loads(filled("ask", "river Aare", "--json", "-k", "1").stdout)["hits"]) == 1
    assert len(json.loads(filled("search", "river Aare", "--json", "-k", "2").stdout)) == 2


def test_search_lists_the_passages_best_first(filled: Run) -> None:
    result = filled("search", "bears in a park")
    assert result.exit_code == 0
    assert re.match(r"1\. [\d.]+  notes/bern\.txt:0-\d+\n    Bern lies", result.stdout)


def test_a_question_can_come_from_standard_input(filled: Run) -> None:
    assert "Bern" in filled("ask", "-", input=QUESTION + "\n").stdout


def test_a_filter_keeps_to_documents_with_the_metadata(filled: Run, folder: Path) -> None:
    rows = ({"id": "a", "text": "The river is wide.", "year": 1}, {"id": "b", "text": "The river is deep.", "year": 2})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    filled("add", "rows.jsonl")
    hits = json.loads(filled("search", "river", "--filter", "year=2", "--json").stdout)
    assert [hit["text"] for hit in hits] == ["The river is deep."]


def test_a_filter_without_a_value_is_wrong_usage(filled: Run) -> None:
    assert filled("search", "river", "--filter", "year").exit_code == 2


def test_source_indexes_into_the_cache_and_asks(run: Run, folder: Path) -> None:
    result = run("ask", "--source", "notes", QUESTION)
    assert result.exit_code == 0, result.stderr
    assert "notes/ada.md" in result.stdout
    assert not (folder / "ragkit.db").exists()


def test_source_sees_what_changed_and_what_vanished(run: Run, folder: Path) -> None:
    run("ask", "--source", "notes", QUESTION)
    (folder / "notes" / "ada.md").write_text("Ada Lind was born in Basel.\n")
    (folder / "notes" / "bern.txt").unlink()
    assert "Basel" in run("ask", "--source", "notes", QUESTION).stdout
    assert "bern.txt" not in run("search", "--source", "notes", "bears of Bern").stdout


def test_each_pipeline_has_its_own_cache(run: Run, folder: Path) -> None:
    run("search", "--source", "notes", "river")
    run("search", "--source", "notes", "--pipeline", "chunk(tokens=20, overlap=0) >> bm25", "river")
    assert len(list((folder.parent / "ragkit-cache" / "sources").glob("*.db"))) == 2


def test_source_and_db_exclude_each_other(run: Run) -> None:
    assert run("--db", "x.db", "ask", "--source", "notes", "Who?").exit_code == 2


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_a_source_with_nothing_in_it_is_an_error(run: Run, folder: Path, path: str) -> None:
    (folder / "empty").mkdir()
    result = run("ask", "--source", path, "Who?")
    assert result.exit_code == 1
    assert path in result.stderr


@pytest.mark.parametrize("question", ["", "   ", "\n"])
def test_an_empty_question_is_an_error(filled: Run, question: str) -> None:
    result = filled("ask", question)
    assert result.exit_code == 1
    assert result.stderr == "error: the question is empty; ask something\n"


@pytest.mark.parametrize("question", ["?!… --- ()", "\x00\x01", "Bern " * 20_000, "🐻" * 1000, "\ud800"])
def test_odd_questions_end_in_an_answer_or_a_plain_error(filled: Run, question: str) -> None:
    result = filled("ask", "-", input=question.encode("utf-8", "surrogatepass"))
    assert result.exit_code in (0, 1, 3)
    assert "unexpected" not in result.stderr
    assert result.stderr.count("\n") <= 1


def test_llm_needs_an_answer_stage(filled: Run) -> None:
    result = filled("ask", "--llm", "fake:model", "--pipeline", "bm25", QUESTION)
    assert result.exit_code == 1
    assert "--llm has no effect" in result.stderr
