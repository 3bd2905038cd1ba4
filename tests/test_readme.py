"""The README, the manual and the scripts say what is true."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from ragkit.cli import app


def command(root: Path, name: str) -> str:
    found = re.search(rf"<!-- command: {name} -->\n```sh\n(.*)\n```", (root / "README.md").read_text())
    assert found, f"the README has no command {name!r}"
    return found[1]


@pytest.mark.parametrize("name", ["ask", "tests"])
def test_each_command_of_the_readme_is_one_line_that_sets_everything_up(root: Path, name: str) -> None:
    line = command(root, name)
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt ")
    assert "\n" not in line


def test_ci_runs_the_commands_of_the_readme_as_they_stand_there(root: Path) -> None:
    script = (root / ".ci" / "run").read_text()
    extract = re.search(r"^readme_command\(\) \{.*?^\}", script, re.MULTILINE | re.DOTALL)
    assert extract
    for name in ("ask", "tests"):
        run = subprocess.run(
            ["bash", "-euc", f"{extract[0]}\nreadme_command {name}"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == command(root, name)
    assert 'bash -euc "$(readme_command ask)"' in script
    assert 'bash -euc "$tests"' in script


def test_the_question_of_the_readme_is_about_files_that_are_there(root: Path) -> None:
    words = shlex.split(command(root, "ask"))
    assert (root / words[words.index("--source") + 1]).is_dir()


def test_the_answer_in_the_readme_is_the_one_you_get(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.search(r"```text\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    assert shown
    monkeypatch.chdir(root)
    words = shlex.split(command(root, "ask"))
    result = CliRunner().invoke(app, words[words.index("ask") :])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == shown[1]


def test_the_links_of_the_readme_lead_somewhere(root: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (root / "README.md").read_text())
    missing = [link for link in links if "://" not in link and not (root / link).exists()]
    assert not missing


def test_the_python_of_the_readme_runs(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    (tmp_path / "examples").symlink_to(root / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(ast.parse(block), "README.md", "exec"), names)
        names["kb"].close()
    assert "Lower Ash" in capsys.readouterr().out


def test_the_error_in_the_readme_is_the_one_you_get(root: Path) -> None:
    shown = re.search(r"```console\n\$ ragkit (.*?)\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    assert shown
    result = CliRunner().invoke(app, shlex.split(shown[1]))
    assert result.stderr == shown[2]
    assert result.exit_code == 1


def options(command: click.Command) -> list[str]:
    return [option for parameter in command.params for option in parameter.opts if option.startswith("--")]


@pytest.mark.parametrize("name", list(app.commands))
def test_every_command_has_help_and_stands_in_the_manual(root: Path, name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"]).stdout
    assert len(app.commands[name].help or "") > 20
    assert all(option in shown for option in options(app.commands[name]))
    assert f"| `ragkit {name}" in (root / "docs" / "cli.md").read_text()


def test_every_option_has_help() -> None:
    bare = [
        (name, parameter.name)
        for name, each in (("", app), *app.commands.items())
        for parameter in each.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert not bare


def test_the_extras_that_errors_name_exist(root: Path) -> None:
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    text = "\n".join(file.read_text() for file in (root / "ragkit").rglob("*.py") if file.name != "errors.py")
    named = {*re.findall(r'\bextra="([\w-]+)", purpose', text), *re.findall(r"ragkit\[([\w-]+)\]", text)}
    assert named
    assert named <= extras.keys()


def test_constraints_name_a_version_of_every_dependency(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    names = {re.split(r"[^\w.-]", item)[0].lower().replace("_", "-") for item in wanted} - {"ragkit"}
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.!]+", line) for line in lines)
    assert names - {
        "crewai"
    } <= {  # crewai pins versions that others do not accept: it is tested in an environment of its own
        line.split("==")[0].lower().replace("_", "-") for line in lines
    }


def test_dependencies_have_lower_bounds_only(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    assert [item for item in wanted if not re.fullmatch(r"[\w.-]+>=[\d.]+|ragkit\[[\w,-]+\]", item)] == []
