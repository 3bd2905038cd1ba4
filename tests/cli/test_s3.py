"""`ragkit s3`: fitting autoencoders, and finding evidence in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ragkit.cli import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["s3", *map(str, arguments)], prog_name="ragkit")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "harbour.txt"
    filler = " ".join(f"The council discussed the budget of district {number} for a while." for number in range(60))
    path.write_text(f"{filler} Every morning the lighthouse keeper feeds a tame gull. {filler}")
    return path


def test_the_spans_of_a_file_are_listed(file: Path):
    done = run("find", file, "Which bird does the beacon's guardian nourish?", "--budget", 40, "--json")
    assert done.exit_code == 0, done.output
    spans = json.loads(done.stdout)
    assert any("tame gull" in span["text"] for span in spans)
    assert all(file.read_text()[span["start"] : span["end"]] == span["text"] for span in spans)
    shown = run("find", file, "Which bird does the beacon's guardian nourish?", "--budget", 40, "--snap")
    assert "lighthouse keeper feeds a tame gull" in shown.stdout


def test_nothing_found_has_its_own_code(tmp_path: Path):
    (tmp_path / "a.txt").write_text("A text about ferries. " * 3)
    done = run("find", tmp_path / "a.txt", " ", "--budget", 3)
    assert (done.exit_code, done.stdout) == (3, "nothing found\n")


def test_an_autoencoder_is_fitted_written_and_used(file: Path, tmp_path: Path):
    out, texts = tmp_path / "saes", tmp_path / "texts.txt"
    texts.write_text(file.read_text() * 3)
    options = ("--features", 64, "--k", 4, "--steps", 20, "--samples", 2000, "--threads", 1)
    done = run("train", "--texts", texts, "--out", out, *options, "--json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [row["space"] for row in rows] == ["layer last", "layer last mean 17"]
    assert all(Path(row["file"]).is_file() and Path(row["picture"]).read_bytes()[:4] == b"\x89PNG" for row in rows)
    found = run("find", file, "Who feeds the gull?", "--saes", out, "--budget", 30)
    assert found.exit_code == 0 and "gull" in found.stdout


def test_too_little_text_is_refused(tmp_path: Path):
    (tmp_path / "a.txt").write_text("A short text.")
    done = run("train", "--texts", tmp_path / "a.txt", "--out", tmp_path / "saes")
    assert done.exit_code == 1 and "at least 1000 are needed" in done.stderr


@pytest.mark.parametrize(("option", "value"), [("--layers", "x"), ("--model", "no-such-folder")])
def test_wrong_options_are_explained(file: Path, tmp_path: Path, option: str, value: str):
    done = run("train", "--texts", file, "--out", tmp_path / "saes", option, value)
    assert done.exit_code in (1, 2) and value in done.stderr
