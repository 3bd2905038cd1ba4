"""Evaluation of retrieval by exact spans, without a judge, and questions to evaluate with.

    from ragkit.evaluate import Dataset, evaluate_pipelines

    report = evaluate_pipelines(Dataset.load("my-set"), ["bm25", "bm25 + dense"], budgets=(1000, 4000))
    print(report)
    report.save("report")

`docs/evaluation.md` explains scores, file format and synthetic questions.
"""

from ragkit.evaluate.dataset import Dataset, DatasetError, Doc, Question, Reference
from ragkit.evaluate.evaluating import evaluate, evaluate_rankings, joined
from ragkit.evaluate.exports import to_qrels_run
from ragkit.evaluate.oracle import OracleScores, oracle
from ragkit.evaluate.pipelines import evaluate_pipelines
from ragkit.evaluate.report import Report
from ragkit.evaluate.runs import Run, compare
from ragkit.evaluate.scores import Scores, score
from ragkit.evaluate.settings import ChunkIndex, Settings
from ragkit.evaluate.spans import SpanError, SpanSet

__all__ = [
    "ChunkIndex",
    "Dataset",
    "DatasetError",
    "Doc",
    "OracleScores",
    "Question",
    "Reference",
    "Report",
    "Run",
    "Scores",
    "Settings",
    "SpanError",
    "SpanSet",
    "compare",
    "evaluate",
    "evaluate_pipelines",
    "evaluate_rankings",
    "joined",
    "oracle",
    "score",
    "to_qrels_run",
]
