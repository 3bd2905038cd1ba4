"""`ragkit stages`, `pipeline`, `graph` and `version`."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import pytest

from tests.cli.conftest import Run

BUILT_IN = {"load", "chunk", "bm25", "dense", "trigraph", "clue", "filter", "rerank", "mmr", "answer"}


def test_stages_lists_every_stage_with_types_parameters_and_help(run: Run) -> None:
    listed = {table["name"]: table for table in json.loads(run("stages", "--json").stdout)}
    assert listed.keys() >= BUILT_IN
    for name in BUILT_IN:
        table = listed[name]
        assert (table["problem"], table["package"]) == ("", "ragkit")
        assert table["role"] and table["takes"] and table["gives"] and len(table["summary"]) > 10
        assert not any(parameter["required"] for parameter in table["parameters"])


def test_stages_shows_the_same_to_people(run: Run) -> None:
    shown = run("stages").stdout
    for name in BUILT_IN:
        assert f"\n{name}  " in f"\n{shown}"
    assert "cannot be used" not in shown


def test_stages_follow_the_way_of_the_values(run: Run) -> None:
    shown = run("stages").stdout
    places = [
        shown.index(f"{name}  {takes}")
        for name, takes in (("load", "Source"), ("chunk", "Doc"), ("bm25", "Chunk"), ("answer", "Hits"))
    ]
    assert places == sorted(places)


def test_one_stage_can_be_shown(run: Run) -> None:
    shown = run("stages", "chunk").stdout
    assert shown.startswith("chunk  Document -> Chunk\n")
    assert "tokens" in shown


def test_an_unknown_stage_is_wrong_usage_with_a_proposal(run: Run) -> None:
    result = run("stages", "chunks")
    assert result.exit_code == 2
    assert "did you mean 'chunk'?" in result.stderr


def test_pipeline_draws_both_lanes(run: Run) -> None:
    shown = run("pipeline", "bm25 + dense >> answer").stdout
    assert shown.startswith("load >> chunk >> bm25 + dense >> answer\n")
    assert "Hits -> Answer" in shown


def test_pipeline_without_a_text_shows_the_configured_one(run: Run) -> None:
    assert "bm25 >> answer(embedder=" in run("pipeline").stdout.splitlines()[0]


def test_pipeline_as_mermaid(run: Run) -> None:
    assert run("pipeline", "bm25 >> answer", "--mermaid").stdout.startswith("flowchart LR\n")


def test_a_wrong_pipeline_is_shown_with_a_caret(run: Run) -> None:
    result = run("pipeline", "chunk >> bm52 >> answer")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:3] == ["    chunk >> bm52 >> answer", "             ^^^^"]
    assert "did you mean 'bm25'?" in result.stderr


@pytest.mark.parametrize(
    "text", ["__import__('os').system('touch hacked')", "bm25 if 1 else dense", "open('x')", "(lambda: 1)()"]
)
def test_a_pipeline_is_never_executed(run: Run, folder: Path, text: str) -> None:
    assert run("pipeline", text).exit_code == 1
    assert not (folder / "hacked").exists()


def test_named_pipelines_and_parameters_come_from_the_settings(run: Run, folder: Path) -> None:
    (folder / "ragkit.toml").write_text(
        '[pipelines]\nmine = "small >> bm25 >> answer"\n[stages.small]\nstage = "chunk"\ntokens = 40\noverlap = 0\n'
    )
    assert run("pipeline", "mine").stdout.startswith("load >> chunk(overlap=0, tokens=40) >> bm25 >> answer\n")


def test_broken_settings_are_an_error_but_help_still_works(run: Run, folder: Path) -> None:
    (folder / "ragkit.toml").write_text("k = = 1")
    result = run("status")
    assert result.exit_code == 1
    assert "ragkit.toml: not valid TOML" in result.stderr
    assert run("status", "--help").exit_code == 0
    assert run("version").exit_code == 0


def test_version_names_what_a_report_of_a_defect_needs(run: Run) -> None:
    shown = run("version").stdout
    assert all(word in shown for word in ("ragkit", "python", "sqlite", "numpy"))
    assert run("--version").stdout == f"ragkit {shown.split()[1]}\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    """A store with the entity graph of the example documents."""
    from ragkit import KnowledgeBase

    path = tmp_path_factory.mktemp("graph") / "graph.db"
    with KnowledgeBase(path, "trigraph >> answer") as kb:
        kb.add(documents / "people", documents / "clubs")
    return path


@pytest.fixture
def graph(run: Run, store: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`ragkit graph` on that store."""
    monkeypatch.delenv("RAGKIT_PIPELINE")
    return lambda *arguments: run("--db", store, "graph", *arguments)


def test_graph_gives_graphml_that_networkx_reads(graph: Run, folder: Path) -> None:
    result = graph("-o", "all.graphml")
    assert result.exit_code == 0, result.stderr
    read = nx.read_graphml(folder / "all.graphml")
    assert {data["kind"] for _, data in read.nodes(data=True)} >= {"entity", "passage"}
    assert f"wrote all.graphml: {len(read)} nodes" in result.stderr


def test_graph_gives_json_that_networkx_reads(graph: Run) -> None:
    read = nx.node_link_graph(json.loads(graph("--format", "json").stdout), edges="edges")
    assert read.nodes["entity:harbour rovers"]["kind"] == "entity"


def test_graph_draws_what_a_question_activated(graph: Run, folder: Path) -> None:
    question = "Which city is home to the club that Ada Marlowe's brother played for?"
    assert graph("--question", question, "-o", "why.html").exit_code == 0
    page = (folder / "why.html").read_text()
    assert "club that Ada Marlowe&#x27;s brother" in page
    assert "tobias marlowe" in page.lower()
    assert page.count('class="node') <= 150


def test_max_nodes_bounds_the_graph(graph: Run) -> None:
    assert len(json.loads(graph("--format", "json", "--max-nodes", "5").stdout)["nodes"]) <= 5


def test_a_pipeline_without_the_graph_is_an_error(filled: Run) -> None:
    result = filled("graph")
    assert result.exit_code == 1
    assert "has no graph" in result.stderr


def test_a_file_that_cannot_be_written_is_an_error(graph: Run) -> None:
    result = graph("-o", "no/such/folder/x.html")
    assert result.exit_code == 1
    assert "cannot write" in result.stderr
