"""The examples run, and a package can bring a stage."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def run(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env={**os.environ, **(env or {})}, cwd=cwd
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("quickstart.py", "Saltmere"),
        ("custom_stage.py", "shortest"),
        ("pipelines.py", "ilse-brandt"),
        ("evaluate.py", "recall: large - small"),
        ("long_text.py", "feeds a tame gull"),
        ("html_extract.py", "A bee has four wings"),
        ("memory_agent.py", "['memory: Ana, 5 May 2025']"),
    ],
)
def test_the_example_runs_and_shows_its_answer(tmp_path: Path, name: str, shown: str) -> None:
    done = run("-W", "error", str(EXAMPLES / name), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert list(tmp_path.glob("*.db")) == []


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.py")), ids=lambda file: file.name)
def test_an_example_is_short(file: Path) -> None:
    assert len(file.read_text().splitlines()) < 60


def test_every_example_is_run_here_and_listed() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    tested = Path(__file__).read_text()
    for file in EXAMPLES.glob("*.py"):
        assert f"`{file.name}`" in listed
        assert f'"{file.name}"' in tested


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The plug-in package installed by pip into a folder of its own, which is put on the path."""
    folder = tmp_path_factory.mktemp("plugin")
    done = run(
        *("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--target", str(folder), str(EXAMPLES / "plugin")),
    )
    assert done.returncode == 0, done.stderr
    return {"PYTHONPATH": str(folder)}


def test_the_stage_of_an_installed_package_is_listed_with_its_package(installed: dict[str, str]) -> None:
    done = run("-m", "ragkit", "stages", "shout", env=installed)
    assert done.stdout == ("shout  Hits -> Answer  [ragkit-shout]\n    Answers with the best passage in capitals.\n"), (
        done.stderr
    )


def test_the_stage_of_an_installed_package_answers(installed: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Ada was born in Bern.")
    done = run(
        *("-m", "ragkit", "ask", "--source", "note.txt", "--pipeline", "bm25 >> shout", "Where was Ada born?"),
        env=installed,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ADA WAS BORN IN BERN.\n")
    assert "[1] note.txt:0-21 (line 1)" in done.stdout


def test_without_the_package_there_is_no_such_stage() -> None:
    done = run("-m", "ragkit", "stages", "shout")
    assert done.returncode == 2
    assert "no stage named 'shout'" in done.stderr
