"""Errors point at what is wrong."""

import json

import pytest

from ragkit.errors import MissingExtraError, PipelineError, require


def shown(text, start, end):
    return str(PipelineError("wrong", text=text, start=start, end=end, hint="mend it")).splitlines()


def test_the_caret_stands_under_what_is_wrong():
    assert shown("bm25 >> bm52 >> answer", 8, 12) == [
        "wrong",
        "    bm25 >> bm52 >> answer",
        "            ^^^^",
        "hint: mend it",
    ]


def test_only_the_line_at_fault_is_shown():
    assert shown("load\n>> bm52\n>> answer", 8, 12)[1:3] == ["    >> bm52", "       ^^^^"]


def test_tabs_and_wide_characters_do_not_shift_the_caret():
    assert shown("a\t>> b", 5, 6)[2] == "     \t   ^"
    assert shown("日本 >> b", 6, 7)[2] == "    " + " " * 8 + "^"


def test_a_long_line_is_cropped_around_the_fault():
    _, line, caret, _ = shown("x" * 1000 + "!" + "y" * 1000, 1000, 1001)
    assert len(line) < 250
    assert line[caret.index("^")] == "!"


def test_a_missing_extra_names_the_command_that_installs_it():
    with pytest.raises(
        MissingExtraError, match=r"drawing plots needs the package no_such_thing: pip install 'ragkit\[plots\]'"
    ):
        require("no_such_thing", extra="plots", purpose="drawing plots")
    assert require("json", extra="none", purpose="reading") is json


def test_a_failure_inside_an_installed_package_passes_untouched(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency") as caught:
        require("broken_package", extra="x", purpose="testing")
    assert not isinstance(caught.value, MissingExtraError)
