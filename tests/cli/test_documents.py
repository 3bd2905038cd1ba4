"""`ragkit add`, `remove` and `status`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_add_reports_what_it_did_in_one_line(run: Run) -> None:
    result = run("add", "notes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("ragkit.db: 3 added (")
    assert result.stdout.count("\n") == 1


def test_add_again_does_only_what_changed(filled: Run, folder: Path) -> None:
    (folder / "notes" / "ada.md").write_text("Ada Lind was born in Basel.\n")
    (folder / "notes" / "new.txt").write_text("A new note.\n")
    assert run_line(filled, "add", "notes").startswith("ragkit.db: 1 added, 1 changed, 2 unchanged (")


def test_a_rebuild_says_what_was_built_again(filled: Run) -> None:
    other = ("--pipeline", "chunk(tokens=9) >> bm25 >> answer(embedder='', tagger='')")
    assert run_line(filled, "add", "--rebuild", *other).startswith("ragkit.db: 3 rebuilt (")
    assert run_line(filled, "add", "--rebuild", *other).startswith("ragkit.db: nothing to rebuild (")
    third = ("--pipeline", "chunk(tokens=30) >> bm25 >> answer(embedder='', tagger='')")
    report = json.loads(filled("add", "--rebuild", "notes", "--json", *third).stdout)
    assert report["rebuilt"] == report["unchanged"] == ["notes/aare.txt", "notes/ada.md", "notes/bern.txt"]


def test_a_rebuild_with_another_index_says_that_all_was_indexed_again(filled: Run) -> None:
    other = ("--pipeline", "bm25(k1=2.0) + dense(model='hash') >> answer(embedder='', tagger='')")
    assert run_line(filled, "add", "--rebuild", *other).startswith("ragkit.db: 3 rebuilt (")


def test_a_file_is_one_document_by_its_relative_and_its_absolute_path(filled: Run, folder: Path) -> None:
    assert run_line(filled, "add", folder / "notes").startswith("ragkit.db: 3 unchanged (")
    (folder / "notes" / "ada.md").write_text("Ada Lind was born in Basel.\n")
    assert run_line(filled, "add", folder / "notes" / "ada.md").startswith("ragkit.db: 1 changed (")
    assert json.loads(filled("status", "--json").stdout)["documents"] == 3


def test_prune_removes_what_vanished(filled: Run, folder: Path) -> None:
    (folder / "notes" / "aare.txt").unlink()
    assert "removed" not in run_line(filled, "add", "notes")
    assert "1 removed" in run_line(filled, "add", "--prune", "notes")


def test_add_as_json_gives_the_ids(run: Run) -> None:
    report = json.loads(run("add", "notes", "--json").stdout)
    assert sorted(report) == [
        "added", "changed", "chunks", "failed", "rebuilt", "removed", "seconds", "skipped", "unchanged",
    ]  # fmt: skip
    assert len(report["added"]) == 3
    assert report["failed"] == []


def test_a_failure_is_listed_and_stops_nothing(run: Run, folder: Path) -> None:
    (folder / "notes" / "broken.pdf").write_bytes(b"%PDF-1.4 nothing here")
    result = run("add", "notes")
    assert result.exit_code == 0
    assert "3 added, 1 failed" in result.stdout
    assert result.stderr.startswith("failed: notes/broken.pdf: ")


def test_what_is_left_out_is_listed_and_no_failure(run: Run, folder: Path) -> None:
    (folder / "notes" / "empty.txt").write_text("")
    result = run("add", "notes", "--strict")
    assert result.exit_code == 0
    assert "3 added, 1 skipped (" in result.stdout
    assert result.stderr.startswith("skipped: notes/empty.txt: ")


def test_strict_makes_a_failure_an_error(run: Run, folder: Path) -> None:
    (folder / "notes" / "broken.pdf").write_bytes(b"%PDF-1.4 nothing here")
    assert run("add", "notes", "--strict").exit_code == 1
    assert json.loads(run("status", "--json").stdout)["documents"] == 3


def test_when_everything_fails_add_fails(run: Run) -> None:
    result = run("add", "nowhere")
    assert result.exit_code == 1
    assert result.stderr.startswith("failed: nowhere: ")


def test_an_empty_folder_adds_nothing_and_says_so(run: Run, folder: Path) -> None:
    (folder / "empty").mkdir()
    result = run("add", "empty")
    assert (result.exit_code, result.stderr) == (0, "skipped: empty: the folder holds no files\n")
    assert "ragkit.db: 1 skipped (" in result.stdout


def test_jobs_give_the_same_store(run: Run, folder: Path) -> None:
    assert run("--db", "one.db", "add", "notes").exit_code == 0
    assert run("--db", "two.db", "add", "notes", "--jobs", "2").exit_code == 0
    first, second = (json.loads(run("--db", db, "search", "river", "--json").stdout) for db in ("one.db", "two.db"))
    assert first == second != []


@pytest.mark.parametrize("what", ["notes/ada.md", "notes"])
def test_remove_takes_files_and_folders(filled: Run, what: str) -> None:
    number = {"notes/ada.md": 1, "notes": 3}[what]
    assert run_line(filled, "remove", what) == f"removed {number} document{'s' if number > 1 else ''}\n"
    assert json.loads(filled("status", "--json").stdout)["documents"] == 3 - number


def test_removing_what_is_not_there_is_an_error_and_removes_nothing(filled: Run) -> None:
    result = filled("remove", "notes/ada.md", "notes/nobody.md")
    assert result.exit_code == 1
    assert "nobody.md" in result.stderr
    assert json.loads(filled("status", "--json").stdout)["documents"] == 3


def test_status_tells_size_and_pipeline(filled: Run) -> None:
    shown = filled("status").stdout
    assert "3 documents, 3 chunks" in shown
    assert "bm25 >> answer" in shown


def test_status_lists_the_sources(filled: Run) -> None:
    lines = filled("status", "--sources").stdout.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["notes/aare.txt", "notes/ada.md", "notes/bern.txt"]
    infos = json.loads(filled("status", "--sources", "--json").stdout)["sources"]
    assert [info["source"] for info in infos] == ["notes/aare.txt", "notes/ada.md", "notes/bern.txt"]


@pytest.mark.parametrize("command", [("status",), ("ask", "Who?"), ("search", "Who?"), ("remove", "x"), ("graph",)])
def test_without_a_store_the_commands_that_need_one_make_none(run: Run, folder: Path, command: tuple[str, ...]) -> None:
    result = run(*command)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "ragkit.db" in result.stderr
    assert "ragkit add" in result.stderr
    assert not (folder / "ragkit.db").exists()


def run_line(run: Run, *arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_progress_is_shown_on_a_terminal_and_silent_in_a_pipe(folder: Path) -> None:
    command = [sys.executable, "-m", "ragkit", "add", "notes"]
    reader, writer = os.openpty()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=writer)
    os.close(writer)
    shown = os.read(reader, 100_000)
    os.close(reader)
    assert done.returncode == 0
    assert b"indexing" in shown
    assert done.stdout.startswith(b"ragkit.db: 3 added")
    piped = subprocess.run([*command, "--rebuild"], cwd=folder, capture_output=True)
    assert (piped.returncode, piped.stderr) == (0, b"")
