from __future__ import annotations

from collections import Counter

from ragkit.evaluate.synth.windows import plan_tasks
from ragkit.text.sentences import sentence_spans

LONG = " ".join(f"Sentence number {at} of the long document is here." for at in range(400))
SHORT = " ".join(f"Sentence number {at} of the short document is there." for at in range(100))
TEXTS = {"long": LONG, "short": SHORT}


def test_documents_are_taken_in_proportion_to_their_length_or_equally_often() -> None:
    single = {"single": 1.0}
    counts = Counter(task.windows[0].document_id for task in plan_tasks(TEXTS, 50, 0, window=500, mix=single))
    assert 38 <= counts["long"] <= 42
    counts = Counter(
        task.windows[0].document_id for task in plan_tasks(TEXTS, 50, 0, window=500, mix=single, balanced=True)
    )
    assert counts == {"long": 25, "short": 25}


def test_windows_cover_a_document_evenly_and_end_with_sentences() -> None:
    tasks = plan_tasks({"long": LONG}, 40, 3, window=1000, mix={"single": 1.0})
    starts, ends = ({place[at] for place in sentence_spans(LONG)} for at in (0, 1))
    windows = [task.windows[0] for task in tasks]
    assert all(window.start in starts and window.end in ends for window in windows)
    assert all(995 <= len(window) < 1110 for window in windows)
    covered = {unit for window in windows for unit in range(window.start, window.end)}
    assert len(covered) > 0.99 * len(LONG)


def test_the_kinds_have_their_shares_and_the_seed_decides_the_rest() -> None:
    texts = {**TEXTS, "a": SHORT + " The Heron lies here.", "b": SHORT + " The Heron lies there."}
    tasks = plan_tasks(texts, 100, 0, window=500)
    assert Counter(task.kind for task in tasks) == {"single": 60, "multi": 30, "cross_doc": 10}
    assert tasks == plan_tasks(texts, 100, 0, window=500)
    assert tasks != plan_tasks(texts, 100, 1, window=500)
    assert len({task.key for task in tasks}) == 100
    for task in tasks:
        if task.kind == "cross_doc":
            assert [window.document_id for window in task.windows] == ["a", "b"]
            assert all("Heron" in texts[one.document_id][one.start : one.end] for one in task.windows)


def test_without_a_shared_term_questions_about_two_documents_become_questions_about_one() -> None:
    tasks = plan_tasks({"a": "All is small here.", "b": "And there too."}, 10, 0, mix={"cross_doc": 1.0})
    assert {task.kind for task in tasks} == {"multi"}
    assert plan_tasks({"a": "  "}, 5, 0) == []
