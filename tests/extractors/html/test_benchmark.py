"""The benchmark of extraction: how pages are read and split, and a run through its command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ragkit.extractors.html.trained import packaged

PAGES = sorted((Path(__file__).parent / "pages").glob("*.html"))
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def data(tmp_path):
    for folder in ("html", "ground-truth"):
        (tmp_path / folder).mkdir()
    for number, path in enumerate(PAGES):
        (tmp_path / "html" / f"{number:04}.html").write_bytes(path.read_bytes())
        told = {
            "url": f"https://www.site{number // 2}.co.uk/{path.stem}",
            "ground_truth": {"main_content": path.with_suffix(".txt").read_text("utf-8")},
            "_internal": {"page_type": {"primary": path.stem.split("-")[0]}},
        }
        (tmp_path / "ground-truth" / f"{number:04}.json").write_text(json.dumps(told))
    (tmp_path / "ground-truth" / "9999.json").write_text('{"ground_truth": {"main_content": ""}}')
    return tmp_path


def run(*arguments, code=None):
    command = [sys.executable, "-c", code] if code else [sys.executable, str(BENCHMARKS / "html.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=BENCHMARKS).stdout


def test_a_script_beside_it_still_finds_the_html_package_of_the_library():
    code = "import html, html.parser; print(html.escape('<'), html.parser.HTMLParser.__name__)"
    assert run(code=code) == "&lt; HTMLParser\n"


def test_a_site_is_in_one_fold_and_pages_without_text_are_left_out(data):
    code = (
        "import sys, json, pathlib; from html_samples import folds, read_samples;"
        f"samples = read_samples(pathlib.Path({str(data)!r}));"
        "fold = folds(samples, 3); print(json.dumps([[s.domain, fold[s.id]] for s in samples]))"
    )
    told = json.loads(run(code=code))
    assert len(told) == len(PAGES)
    assert {name for name, _ in told} == {f"site{number // 2}.co.uk" for number in range(len(PAGES))}
    assert len({(name, fold) for name, fold in told}) == len({name for name, _ in told})
    assert len({fold for _, fold in told}) == 3


@pytest.mark.skipif(not packaged("body").exists(), reason="the models are not built")
def test_it_writes_a_row_for_each_extractor_with_agreement_and_time(data, tmp_path):
    out = tmp_path / "rows.json"
    shown = run("--data", str(data), "--json", str(out), "--rows", "ragkit,ragkit-heuristic", "--timed", "2")
    rows = {row["row"]: row for row in json.loads(out.read_text())}
    assert set(rows) == {"ragkit", "ragkit-heuristic"}
    for row in rows.values():
        assert row["word_F1"] > 0.9 and row["F1"] > 0.85
        assert row["empty"] == 0 and row["pages"] == len(PAGES)
        assert row["cpu_ratio"] > 0 and not row["cross_validated"]
    assert "ragkit-heuristic" in shown
