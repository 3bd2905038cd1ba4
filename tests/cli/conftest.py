"""A folder of notes, and the command run in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ragkit.cli import app

# No model is needed for these tests.
LIGHT = "bm25 >> answer(embedder='', tagger='')"

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with three notes; the pipeline needs no model."""
    notes = tmp_path / "work" / "notes"
    notes.mkdir(parents=True)
    (notes / "ada.md").write_text("# Ada\n\nAda Lind was born in Bern in 1904. She built bridges.\n")
    (notes / "bern.txt").write_text("Bern lies on the river Aare.\n\nThe bears of Bern live in a park by the river.\n")
    (notes / "aare.txt").write_text("The Aare is 288 kilometres long and joins the Rhine.\n")
    monkeypatch.chdir(notes.parent)
    monkeypatch.setenv("RAGKIT_PIPELINE", LIGHT)
    return notes.parent


@pytest.fixture
def run(folder: Path) -> Run:
    """Run `ragkit` with these arguments in that folder."""

    def invoke(*arguments: str | os.PathLike[str], input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, [os.fspath(argument) for argument in arguments], input=input, prog_name="ragkit")

    return invoke


@pytest.fixture
def filled(run: Run) -> Run:
    """As `run`, with the notes already in the store."""
    assert run("add", "notes").exit_code == 0
    return run
