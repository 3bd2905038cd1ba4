"""Agreement with the published rankings of Chroma's chunking evaluation, question by question."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.evaluate import ChunkIndex, Dataset, evaluate_rankings
from ragkit.evaluate.line import Flat
from ragkit.evaluate.oracle import oracle_all
from ragkit.evaluate.recursive import RecursiveSplitter
from ragkit.evaluate.scores import Gold, score_all
from ragkit.evaluate.units import Line
from ragkit.types import Span

NAMES = ("rec_char400_o200", "rec_tok200_o0", "fix_tok400_o0", "cluster_tok250")
# The published table: mean of recall, precision, IoU and precision omega with the reference's own chunk positions.
PUBLISHED = {
    "rec_char200_o0": (0.517165, 0.165251, 0.145020, 0.679828),
    "rec_char400_o200": (0.690639, 0.114531, 0.109722, 0.436599),
    "rec_tok200_o0": (0.756152, 0.061893, 0.061613, 0.299416),
    "rec_tok400_o200": (0.798319, 0.030670, 0.030638, 0.139428),
}


@pytest.fixture(scope="module")
def folder() -> Path:
    import os

    named = os.environ.get("RAGKIT_DATA", "")
    if not named:
        pytest.skip("RAGKIT_DATA is not set: it names a folder of benchmark corpora, which are not in the repository")
    return Path(named) / "tokeniou"


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    return Dataset.from_chroma_csv(folder / "questions_df.csv", folder / "corpora")


def golden(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress((folder / "golden" / f"{name}.json.gz").read_bytes()))
    return found


def scored(dataset: Dataset, stored: dict[str, Any], chunks: str, **settings: Any):
    index = ChunkIndex.of(Span(stored["corpora"][at], start, end) for at, start, end in stored[chunks])
    ids = [question.id for question in dataset.questions]
    rankings = dict(zip(ids, stored["retrieved"], strict=True))
    return evaluate_rankings(dataset, index, rankings, draws=100, **settings).runs[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_question_scores_as_stored(folder: Path, dataset: Dataset, name: str) -> None:
    stored = golden(folder, name)
    run = scored(dataset, stored, "chunks_true")
    names = {
        "recall": "recall",
        "precision": "precision",
        "iou": "iou",
        "precision_omega": "omega",
        "oracle_k": "oracle_k",
    }
    for ours, theirs in names.items():
        expected = np.array([row[theirs] for row in stored["per_question"]])
        assert np.abs(run.columns[ours] - expected).max() < 1e-12, ours


@pytest.mark.parametrize("name", PUBLISHED)
def test_with_the_positions_of_the_reference_the_published_means_come_out(
    folder: Path, dataset: Dataset, name: str
) -> None:
    stored = golden(folder, name)
    line = Line.of(dataset.texts)
    gold = Gold(line.flat([question.gold for question in dataset.questions], gold=True))
    # Some chunks of the reference are empty, which no chunk of ours can be, so they are placed by hand.
    shifts = np.array([line.offsets[line.documents[stored["corpora"][at]]] for at, _, _ in stored["chunks_peer"]])
    starts, ends = (shifts + np.array([place[at] for place in stored["chunks_peer"]]) for at in (1, 2))
    first = np.array([ranking[:5] for ranking in stored["retrieved"]]).ravel()
    ranked = Flat(472, np.repeat(np.arange(472), 5), starts[first], ends[first], line.stride)
    columns = score_all(gold, ranked) | oracle_all(gold.spans, starts, ends, touching=True)
    means = [columns[score].mean() for score in ("recall", "precision", "iou", "precision_omega")]
    assert means == pytest.approx(PUBLISHED[name], abs=5.1e-7)
    omega = np.array([row["omega_ref"] for row in stored["per_question"]])
    assert np.abs(columns["precision_omega"] - omega).max() < 1e-12


@pytest.mark.parametrize(("name", "size", "overlap"), [("rec_char200_o0", 200, 0), ("rec_char400_o200", 400, 200)])
def test_the_splitter_gives_the_stored_chunks_at_their_places(
    folder: Path, dataset: Dataset, name: str, size: int, overlap: int
) -> None:
    stored = golden(folder, name)
    index = ChunkIndex.from_splitter(dataset, RecursiveSplitter(size, overlap))
    places = [(stored["corpora"][at], start, end) for at, start, end in stored["chunks_true"]]
    assert [(span.document_id, span.start, span.end) for span in index.spans] == places


def test_repeated_passages_raise_the_scores_as_published(folder: Path, dataset: Dataset) -> None:
    run = scored(dataset, golden(folder, "rec_tok200_o0"), "chunks_true", occurrences="all")
    means = [run.columns[name].mean() for name in ("recall", "precision", "iou")]
    assert means == pytest.approx([0.7605, 0.0702, 0.0629], abs=5.1e-5)


def test_the_import_has_the_published_facts(dataset: Dataset) -> None:
    counts: dict[str, int] = {}
    for question in dataset.questions:
        counts[dataset.group(question)] = counts.get(dataset.group(question), 0) + 1
    assert counts == {"state_of_the_union": 76, "wikitexts": 144, "finance": 97, "chatlogs": 56, "pubmed": 99}
    references = [reference for question in dataset.questions for reference in question.references]
    lengths = [len(reference.text) for reference in references]
    assert (len(references), min(lengths), max(lengths)) == (790, 22, 775)
    assert np.mean(lengths) == pytest.approx(166.7, abs=0.05)
    sizes = [len(question.references) for question in dataset.questions]
    assert [sizes.count(size) for size in range(1, 6)] == [284, 94, 64, 24, 6]
    problems = dataset.validate()
    assert {problem.code for problem in problems} == {"repeated"}
    assert len(problems) == 97
    assert len({problem.question for problem in problems}) == 68
    assert [len(doc.text) for doc in dataset.docs.values()] == [48_051, 118_372, 737_905, 40_000, 500_000]


def test_all_questions_against_eleven_thousand_chunks_take_less_than_two_seconds(
    folder: Path, dataset: Dataset
) -> None:
    import time

    stored = golden(folder, "rec_char200_o0")
    started = time.process_time()
    run = scored(dataset, stored, "chunks_true", budgets=(500, 2000))
    assert time.process_time() - started < 2
    assert run.index is not None
    assert run.index.chunks == 10_989
