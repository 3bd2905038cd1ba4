from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ragkit.errors import InvalidValueError, MissingExtraError
from ragkit.evaluate import ChunkIndex, Dataset, Report, evaluate_rankings, joined, to_qrels_run
from ragkit.evaluate.exports import write_trec
from ragkit.evaluate.page import highlighted, windows
from ragkit.evaluate.plots import pareto
from tests.evaluate.helpers import spans

NASTY = '<script>alert(1)</script> & "x" | *y*\n\0'
TEXT = NASTY + "abcdefghijklmnopqrstuvwxyz" * 20


def make(name: str = "a|b", rankings: dict[str, list[int]] | None = None) -> Report:
    end = len(NASTY)
    data = Dataset.of(
        {"d<1>": TEXT}, [(f"What is {NASTY}?", [("d<1>", 0, end)]), ("Who?", [("d<1>", 100, 130)])], name="<set>"
    )
    index = ChunkIndex.of(spans((0, 50), (50, 120), (120, 200), document="d<1>"))
    return evaluate_rankings(
        data, index, rankings or {"q1": [1, 0], "q2": [1]}, name=name, budgets=(50, 100), draws=200
    )


@pytest.fixture
def report() -> Report:
    return joined([make(), make("other", {"q1": [2], "q2": [1, 2]})])


def test_the_table_comes_in_five_forms(report: Report) -> None:
    markdown = report.table("markdown").splitlines()
    assert markdown[0].startswith("| config | chunks | mean size | questions | recall@5 |")
    assert len({line.replace("\\|", "").count("|") for line in markdown}) == 1
    rows = list(csv.reader(io.StringIO(report.table("csv"))))
    assert [row[0] for row in rows] == ["config", "a|b", "other"]
    assert r"PΩ" not in report.table("latex")
    assert report.table("latex").count(r"\\") == 3
    assert [one["name"] for one in json.loads(report.table("json"))] == ["a|b", "other"]
    assert str(report) == report.table("text")
    with pytest.raises(InvalidValueError, match="not 'yaml'"):
        report.table("yaml")


def test_the_table_shows_mean_deviation_interval_and_the_shares_of_zero_and_full_recall(report: Report) -> None:
    row = dict(zip(*list(csv.reader(io.StringIO(report.table("csv"))))[::2], strict=True))
    assert row["recall@5"].startswith("50.0 ± 50.0 [")
    assert (row["zero"], row["full"], row["chunks"]) == ("50 %", "50 %", "3")


def test_all_files_are_written_and_hold_what_they_should(report: Report, tmp_path: Path) -> None:
    files = {path.name for path in report.save(tmp_path)}
    plots = {
        f"{name}.{ending}" for name in ("recall", "recall_iou", "budget", "differences") for ending in ("png", "svg")
    }
    assert files == {"report.md", "rows.csv", "summary.json", "report.html"} | plots
    rows = list(csv.DictReader(io.StringIO((tmp_path / "rows.csv").read_text())))
    assert [(row["config"], row["question"]) for row in rows] == [
        ("a|b", "q1"),
        ("a|b", "q2"),
        ("other", "q1"),
        ("other", "q2"),
    ]
    assert float(rows[0]["recall"]) == 1
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["dataset"]["sha256"] == report.dataset.digest
    assert summary["settings"]["budgets"] == [50, 100]
    assert set(summary["configs"][0]["index"]) == {"chunks", "mean", "p95", "overlap"}
    for path in tmp_path.glob("*.svg"):
        ElementTree.parse(path)
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in tmp_path.glob("*.png"))


def test_the_same_report_gives_the_same_bytes(report: Report, tmp_path: Path) -> None:
    for name in ("one", "two"):
        report.save(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_plots_without_matplotlib_say_what_to_install(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"ragkit\[plots\]"):
        report.save(tmp_path)
    assert len(report.save(tmp_path, plots=False)) == 4


def test_the_markdown_escapes_what_documents_hold(report: Report) -> None:
    text = report.markdown()
    assert "<script>" not in text
    assert "&lt;script>" in text
    assert "## Paired differences" in text
    assert "recall@50u" in text


class Page(HTMLParser):
    """Collects tags and marked texts, and sees that tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.marks: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)
        if tag == "mark":
            self.marks.append((dict(attrs)["class"] or "", ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "mark":
            kind, text = self.marks[-1]
            self.marks[-1] = kind, text + data


def test_the_page_marks_gold_found_and_missed_and_runs_nothing(report: Report, tmp_path: Path) -> None:
    report.save(tmp_path, plots=False)
    text = (tmp_path / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert not page.tags & {"script", "img", "link", "iframe"}
    assert "://" not in text
    marks = [(kind, marked) for kind, marked in page.marks if kind != "found"]
    assert ("both", NASTY.replace("\0", "\N{SYMBOL FOR NULL}")) in marks
    assert ("both", TEXT[100:120]) in marks
    assert ("missed", TEXT[120:130]) in marks


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not on PATH")
def test_a_browser_shows_the_page(report: Report, tmp_path: Path) -> None:
    report.save(tmp_path, plots=False)
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom")
    page = (tmp_path / "report.html").as_uri()
    shown = subprocess.run(["chromium", *options, page], capture_output=True, text=True, timeout=120, check=True).stdout
    assert shown.count("<details>") == 4
    assert '<mark class="missed">' in shown


def test_windows_have_two_hundred_characters_around_and_long_gaps_are_shortened() -> None:
    assert windows([(300, 310)], [(1000, 1010)], 1100) == [(100, 510), (800, 1100)]
    assert windows([(300, 310)], [(600, 610)], 1100) == [(100, 810)]
    text = "x" * 5000
    shown = highlighted(text, 0, 5000, [(0, 10)], [(20, 4000)])
    assert len(shown) < 3500
    assert "[…]" in shown
    assert len(re.sub(r"<[^>]+>", "", highlighted(text, 0, 5000, [(0, 5000)], []))) == 5000


def test_the_worst_questions_come_first(report: Report) -> None:
    assert [row["question"] for row in report.worst(1, name="other")] == ["q1"]
    with pytest.raises(InvalidValueError, match="no configuration 'x'"):
        report.worst(name="x")


def test_questions_by_rules_carry_their_warning(report: Report) -> None:
    ruled = replace(report, dataset=replace(report.dataset, generator={"mode": "rules"}))
    assert "must not be used to choose a chunk size by recall" in ruled.warnings[0]
    assert "must not be used" in ruled.markdown()


def test_one_question_alone_is_warned_about() -> None:
    data = Dataset.of({"d": "abc"}, [("Who?", [("d", 0, 1)])])
    report = evaluate_rankings(data, None, {"q1": spans((0, 1))})
    assert "one question only" in report.warnings[0]


def test_documents_with_few_questions_each_are_warned_about() -> None:
    texts = {name: "abc" for name in "abcd"}
    data = Dataset.of(texts, [(f"Who is {name}?", [(name, 0, 1)]) for name in texts])
    rankings = {question.id: question.gold for question in data.questions}
    assert "too narrow" in evaluate_rankings(data, None, rankings).warnings[0]
    assert evaluate_rankings(data, None, rankings, groups="none").warnings == []


def test_configurations_without_a_common_question_are_not_compared(report: Report) -> None:
    first = replace(report.runs[0], ids=("q1",), columns={k: v[:1] for k, v in report.runs[0].columns.items()})
    second = replace(report.runs[1], ids=("q2",), columns={k: v[1:] for k, v in report.runs[1].columns.items()})
    apart = replace(report, runs=(first, second))
    assert apart.comparisons == []
    assert "## Paired" not in apart.markdown()


def test_the_pareto_front_has_no_point_that_another_beats() -> None:
    assert pareto([(1, 1), (2, 3), (3, 2), (0, 3), (2, 3)]) == [(2, 3), (3, 2)]


def test_judgements_and_rankings_are_exported(report: Report, tmp_path: Path) -> None:
    index = ChunkIndex.of(spans((0, 50), (50, 120), (120, 200), document="d<1>"))
    qrels, run = to_qrels_run(report, "other", index)
    assert qrels == {"q1": {"d<1>#0-50": len(NASTY)}, "q2": {"d<1>#50-120": 20, "d<1>#120-200": 10}}
    assert run["q2"] == {"d<1>#50-120": 2.0, "d<1>#120-200": 1.0}
    assert to_qrels_run(report, "other")[0]["q1"] == {}
    with pytest.raises(InvalidValueError, match="name one of the configurations"):
        to_qrels_run(report)
    judged, ranked = write_trec(qrels, run, tmp_path)
    assert judged.read_text().splitlines()[1] == "q2 0 d<1>#50-120 20"
    assert ranked.read_text().splitlines() == [
        "q1 Q0 d<1>#120-200 1 1 ragkit",
        "q2 Q0 d<1>#50-120 1 2 ragkit",
        "q2 Q0 d<1>#120-200 2 1 ragkit",
    ]
