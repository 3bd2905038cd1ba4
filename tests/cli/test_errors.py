"""How the command fails: one line, the right code, no traceback, nothing lost."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import LIGHT, Run

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def started(*arguments: str, cwd: Path, **more: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ragkit", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,  # type: ignore[call-overload]
    )


def error(run: Run, *arguments: str | Path) -> str:
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    assert "unexpected" not in result.stderr
    return result.stderr


def test_a_wrong_command_is_wrong_usage_with_a_proposal(run: Run) -> None:
    result = run("stat")
    assert result.exit_code == 2
    assert "did you mean 'status'?" in result.stderr


def test_a_wrong_option_is_wrong_usage(run: Run) -> None:
    assert run("ask", "--nonsense", "Who?").exit_code == 2
    assert run("ask", "-k", "0", "Who?").exit_code == 2
    assert run("add").exit_code == 2


def test_a_file_that_is_no_store_is_named(run: Run, folder: Path) -> None:
    (folder / "ragkit.db").write_text("I am a letter, not a database. " * 100)
    for command in (("status",), ("ask", "Who?"), ("add", "notes")):
        assert "ragkit.db" in error(run, *command)
    assert (folder / "ragkit.db").read_text().startswith("I am a letter")


def test_a_database_of_another_program_is_refused(run: Run, folder: Path) -> None:
    with sqlite3.connect(folder / "ragkit.db") as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    assert "ragkit.db" in error(run, "add", "notes")


def test_a_damaged_store_is_an_error(filled: Run, folder: Path) -> None:
    path = folder / "ragkit.db"
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    for leftover in ("ragkit.db-wal", "ragkit.db-shm"):
        (folder / leftover).unlink(missing_ok=True)
    assert "ragkit.db" in error(filled, "ask", "Where was Ada Lind born?")


def test_a_store_of_a_newer_version_is_refused_and_left_alone(filled: Run, folder: Path) -> None:
    from ragkit.store import schema

    store = sqlite3.connect(folder / "ragkit.db")
    version = store.execute("PRAGMA user_version").fetchone()[0]
    assert version == schema.VERSION
    store.execute(f"PRAGMA user_version = {version + 1}")
    store.commit()
    store.close()
    for command in (("status",), ("ask", "Who?"), ("add", "notes")):
        assert "newer" in error(filled, *command)


def test_a_store_built_otherwise_says_how_to_rebuild_it(filled: Run) -> None:
    said = error(
        filled, "ask", "--pipeline", "chunk(tokens=30) >> bm25 >> answer(embedder='')", "Where was Ada Lind born?"
    )
    assert "ragkit add --rebuild" in said


def test_a_folder_as_store_is_an_error(run: Run) -> None:
    assert "notes" in error(run, "--db", "notes", "add", "notes")


def test_a_store_in_a_missing_folder_is_an_error(run: Run) -> None:
    assert "no/such/ragkit.db" in error(run, "--db", "no/such/ragkit.db", "add", "notes")


@pytest.mark.skipif(
    AS_ROOT and not shutil.which("setpriv"), reason="root may write everywhere, and there is no setpriv"
)
@pytest.mark.parametrize("filled_first", [False, True])
def test_a_folder_that_cannot_be_written_can_be_asked_but_not_added_to(
    run: Run, folder: Path, filled_first: bool
) -> None:
    if filled_first:
        assert run("add", "notes").exit_code == 0
        (folder / "notes" / "new.txt").write_text("Something new.\n")
    # Root without these capabilities is held to the permissions like anybody else.
    held = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if AS_ROOT else []
    command = [*held, sys.executable, "-m", "ragkit"]
    for path in folder.glob("ragkit.db*"):
        path.chmod(0o444)
    folder.chmod(0o555)
    try:
        added = subprocess.run([*command, "add", "notes"], cwd=folder, capture_output=True, text=True)
        asked = subprocess.run(
            [*command, "ask", "Where was Ada Lind born?"], cwd=folder, capture_output=True, text=True
        )
    finally:
        folder.chmod(0o755)
    assert (added.returncode, added.stderr.count("\n")) == (1, 1)
    assert added.stderr.startswith("error: ")
    assert "ragkit.db" in added.stderr
    assert asked.returncode == (0 if filled_first else 1)
    assert ("Bern" in asked.stdout) is filled_first


def test_a_full_disk_is_an_error(folder: Path) -> None:
    # A limit on the size of files stands for the disk: the writes fail the same way, whoever runs the test.
    (folder / "notes" / "big.txt").write_text(
        "".join(f"Sentence number {n} is about bridges.\n" for n in range(40_000))
    )
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        "from ragkit.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "add", "notes"],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert "disk" in done.stderr or "full" in done.stderr


def test_a_second_writer_is_told_to_wait(filled: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragkit.store import connection

    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.2, raising=False)
    (folder / "notes" / "new.txt").write_text("Something new.\n")
    writer = sqlite3.connect(folder / "ragkit.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert "writ" in error(filled, "add", "notes")
        assert filled("ask", "Where was Ada Lind born?").exit_code == 0
    finally:
        writer.execute("ROLLBACK")
        writer.close()


def test_debug_shows_the_traceback(run: Run) -> None:
    result = run("--debug", "status")
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "StoreError"


@pytest.mark.parametrize("words", [10, 100_000])
def test_a_reader_that_leaves_early_is_no_error(folder: Path, words: int) -> None:
    (folder / "notes" / "long.txt").write_text("bridge " * words)
    search = f"{sys.executable} -m ragkit search --source notes --pipeline 'chunk(by=\"whole\") >> bm25' --json bridge"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {search} | head -c 10"], cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[\n  {\n    ", "")


def test_a_closed_standard_input_is_no_error(filled: Run, folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m ragkit ask 'Where was Ada Lind born?' <&-"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "RAGKIT_PIPELINE": LIGHT},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_output_that_cannot_spell_is_given_escapes(filled: Run, folder: Path) -> None:
    (folder / "notes" / "bear.txt").write_text("The bear Ursïna eats 蜂蜜.\n")
    filled("add", "notes")
    done = subprocess.run(
        [sys.executable, "-m", "ragkit", "search", "What does the bear Ursïna eat?"],
        cwd=folder,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u8702" in done.stdout


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_add_keeps_what_is_done_and_goes_on(run: Run, folder: Path, jobs: str) -> None:
    for number in range(300):
        lines = "".join(f"Bridge {number} has {span} spans of {span * number} metres.\n" for span in range(100))
        (folder / "notes" / f"n{number:03}.txt").write_text(lines)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        process = started("add", "notes", "--jobs", jobs, cwd=folder, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)
    until = time.monotonic() + 60
    while documents_in(folder / "ragkit.db") == 0 and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said.strip()) == (130, "interrupted")
    assert 0 < documents_in(folder / "ragkit.db") < 303
    assert run("add", "notes").exit_code == 0
    assert documents_in(folder / "ragkit.db") == 303


def documents_in(path: Path) -> int:
    """How many documents are committed, 0 while there is no store yet; without ragkit, which takes long to import."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_db_may_stand_before_and_behind_the_command(run: Run, folder: Path) -> None:
    assert run("add", "notes", "--db", "other.db").exit_code == 0
    assert (folder / "other.db").exists()
    assert run("--db", "other.db", "status").stdout == run("status", "--db", "other.db").stdout
