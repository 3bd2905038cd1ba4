from __future__ import annotations

from pathlib import Path

import pytest

from ragkit import stage
from ragkit.errors import InvalidValueError, PipelineError
from ragkit.evaluate import Dataset, evaluate_pipelines
from ragkit.evaluate.dataset import DatasetError
from ragkit.evaluate.pipelines import SharedRunner, grouped
from ragkit.evaluate.tuning import grid, tune
from ragkit.pipeline.parse import parse
from ragkit.pipeline.run import Runner
from ragkit.types import Document, Hits, Query

NOTES = {
    "ada": "Ada Lind was born in Bern in 1904. She built bridges over the Aare. Her first bridge fell down.",
    "aare": "The Aare is a river of 288 kilometres. It joins the Rhine near Koblenz. Boats are rare on it.",
    "bears": "The bears of Bern live in a park by the river. They are fed twice a day. The park is free.",
}
ASKED = {
    "Where was Ada Lind born?": ("ada", "Ada Lind was born in Bern in 1904."),
    "How long is the Aare?": ("aare", "The Aare is a river of 288 kilometres."),
    "Where do the bears of Bern live?": ("bears", "The bears of Bern live in a park by the river."),
}


@pytest.fixture
def notes() -> Dataset:
    places = {
        text: (id, NOTES[id].index(gold), NOTES[id].index(gold) + len(gold)) for text, (id, gold) in ASKED.items()
    }
    return Dataset.of(NOTES, [(text, [place]) for text, place in places.items()], name="notes")


@stage("unlucky")
class Unlucky:
    """Fails on questions about bears."""

    def rerank(self, hits: Hits) -> Hits:
        if "bears" in hits.query.text:
            raise RuntimeError("bears!")
        return hits


@stage("shouting")
class Shouting:
    """Makes another text of a document."""

    def extract(self, document: Document) -> Document:
        return Document(document.id, document.text.upper() + "!", document.source)


def test_pipelines_are_indexed_asked_and_scored_by_name(notes: Dataset) -> None:
    report = evaluate_pipelines(
        notes, {"small": "chunk(tokens=10) >> bm25 >> answer", "whole": "chunk(by='whole') >> bm25"}, k=1
    )
    small, whole = report.runs
    assert (small.name, whole.name) == ("small", "whole")
    assert whole.summary["recall"].mean == 1
    assert small.summary["iou"].mean > 0.9 > 0.5 > whole.summary["iou"].mean
    assert small.index is not None
    assert whole.index is not None
    assert (small.index.chunks, whole.index.chunks) == (10, 3)
    assert set(small.cost) == {"index_seconds", "milliseconds"}
    assert {one.metric for one in report.comparisons} == {"recall", "iou"}


def test_pipelines_share_a_store_unless_they_cut_or_index_otherwise() -> None:
    texts = ["bm25", "bm25 % 3", "bm25 + dense", "dense", "bm25(k1=0.9)", "chunk(tokens=50) >> bm25", "bm25 >> mmr"]
    groups = grouped({text: parse(text) for text in texts})
    assert [group.members for group in groups] == [
        ["bm25", "bm25 % 3", "bm25 + dense", "dense", "bm25 >> mmr"],
        ["bm25(k1=0.9)"],
        ["chunk(tokens=50) >> bm25"],
    ]


def test_what_pipelines_have_in_common_is_run_once(notes: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    plain = Runner._stage

    def counting(self: Runner, stage_: object, values: list[object], k: object) -> object:
        if len(values) > 1:  # a single question only loads the models
            ran.append(str(stage_))
        return plain(self, stage_, values, k)

    monkeypatch.setattr(Runner, "_stage", counting)
    alone = [evaluate_pipelines(notes, [text], k=2).rows for text in ("bm25", "bm25 >> filter(where={})", "bm25 % 2")]
    ran.clear()
    report = evaluate_pipelines(notes, ["bm25", "bm25 >> filter(where={})", "bm25 % 2"], k=2)
    assert ran.count("bm25") == 2  # once for as many as there are, once for two
    assert report.rows == [row for rows in alone for row in rows]
    assert all(run.cost["milliseconds"] > 0 for run in report.runs)


def test_a_kept_store_is_used_again(notes: Dataset, tmp_path: Path) -> None:
    first = evaluate_pipelines(notes, ["bm25"], stores=tmp_path)
    files = sorted(tmp_path.glob("*.db"))
    again = evaluate_pipelines(notes, ["bm25"], stores=tmp_path)
    assert sorted(tmp_path.glob("*.db")) == files
    assert len(files) == 1
    assert first.rows == again.rows
    other = Dataset.of({**NOTES, "ada": NOTES["ada"] + " More."}, [("Where was Ada?", [("ada", 0, 9)])])
    evaluate_pipelines(other, ["bm25"], stores=tmp_path)
    assert len(list(tmp_path.glob("*.db"))) == 2


def test_a_stage_that_raises_on_one_question_costs_only_that(notes: Dataset) -> None:
    report = evaluate_pipelines(notes, ["bm25", "bm25 >> unlucky"])
    assert report.runs[0].errors == {}
    assert report.runs[1].errors == {"q3": "StageFailedError: stage `unlucky` failed with RuntimeError: bears!"}
    assert report.runs[1].ids == ("q1", "q2")
    assert any("1 of 3 questions failed" in warning for warning in report.warnings)
    assert report.comparisons[0].questions == 2


def test_a_pipeline_that_changes_texts_is_refused(notes: Dataset) -> None:
    with pytest.raises(DatasetError, match="changes the text"):
        evaluate_pipelines(notes, ["load >> shouting >> chunk >> bm25"])


@pytest.mark.parametrize(
    ("pipelines", "error", "said"),
    [
        ([], InvalidValueError, "no pipeline"),
        (["bm25", " bm25 "], InvalidValueError, "given twice"),
        ("bm25", InvalidValueError, "a list of pipelines"),
        (["bm26"], PipelineError, "bm26"),
        (["load >> chunk"], PipelineError, "put an index after it"),
    ],
)
def test_bad_pipelines_are_refused(notes: Dataset, pipelines: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        evaluate_pipelines(notes, pipelines)  # type: ignore[arg-type]


def test_a_runner_that_remembers_gives_what_a_plain_one_gives() -> None:
    class Echo:
        def search(self, query: Query, k: int) -> Hits:
            return Hits(query)

    expression = parse("bm25 % 5 >> mmr")
    queries = [Query("a"), Query("b")]
    instances = {
        node: Echo() if node.name == "bm25" else type("Same", (), {"rerank": lambda self, hits: hits})()
        for node in expression.stages()
    }
    memo: dict[object, object] = {}
    first = SharedRunner(instances, asked=queries, memo=memo)
    second = SharedRunner(instances, asked=queries, memo=memo)
    plain = Runner(instances).run(expression, queries)
    assert first.run(expression, queries) == second.run(expression, queries) == plain
    assert first.saved == 0 < second.saved
    assert second.records == []


def test_the_grid_has_every_size_with_every_retriever_and_fusion() -> None:
    found = grid([50, 100], ["bm25", "bm25 + dense"], ["rrf", "minmax"])
    assert found == [
        "chunk(tokens=50) >> bm25",
        "chunk(tokens=50) >> bm25 + dense",
        "chunk(tokens=50) >> (bm25 + dense).fuse('minmax')",
        "chunk(tokens=100) >> bm25",
        "chunk(tokens=100) >> bm25 + dense",
        "chunk(tokens=100) >> (bm25 + dense).fuse('minmax')",
    ]
    assert all(parse(text) for text in grid())


def test_tuning_names_the_best_and_the_quickest_that_is_not_clearly_worse(notes: Dataset) -> None:
    tuned = tune(notes, grid([10, 200], ["bm25"]), metric="iou", k=1)
    assert tuned.metric == "iou"
    assert tuned.best.name == "chunk(tokens=10) >> bm25"
    assert tuned.best.summary["iou"].mean > 0.9
    assert tuned.quickest in tuned.report.runs
    assert str(tuned).startswith("best iou: chunk(tokens=10) >> bm25  ")
    assert "ms a question" in str(tuned)


def test_tuning_refuses_an_unknown_metric(notes: Dataset) -> None:
    with pytest.raises(InvalidValueError, match="no score 'speed'"):
        tune(notes, ["bm25"], metric="speed")


def test_questions_by_rules_do_not_choose_a_chunk_size_by_recall(notes: Dataset) -> None:
    from dataclasses import replace

    ruled = replace(notes, generator={"mode": "rules"})
    with pytest.raises(InvalidValueError, match="must not choose a chunk size by recall"):
        tune(ruled, grid([10, 200], ["bm25"]), metric="recall")
    assert tune(ruled, grid([10, 200], ["bm25"])).metric == "iou"
    assert tune(ruled, ["bm25", "bm25 % 3"], metric="recall").metric == "recall"
