"""Stages must fit together, and a whole pipeline falls into its two lanes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ragkit.errors import PipelineError, StageParameterError, StageTypeError, UnknownStageError
from ragkit.pipeline import Stage, parse, plan
from ragkit.retrieve.fuse import METHODS

INDEXES = "bm25, dense, trigraph"
pytestmark = pytest.mark.usefixtures("world")


def at_fault(error: PipelineError) -> str:
    return error.text[error.start : error.end]


@pytest.mark.parametrize(
    "text",
    [
        "load >> chunk >> bm25 >> answer",
        "load >> chunk(tokens=20) >> bm25 + dense >> rerank % 8 >> answer",
        "load >> html >> chunk >> tag >> tag >> 0.3 * bm25 % 50 + 0.7 * dense % 50 >> rerank % 8 >> answer",
        "load >> chunk >> trigraph % 10 >> answer",
        'memory(scope="ana") + dense % 20 >> rerank % 5 >> answer',
        'load >> chunk >> (bm25 + trigraph + dense).fuse("zscore") >> rerank % 6 >> answer(model="ollama:qwen3")',
        "rewrite >> chunk >> rewrite >> bm25",
        "chunk >> (rewrite >> bm25 >> rerank) + dense >> answer",
        "bm25 + bm25 >> answer",
        "2 * ((bm25 + dense).fuse('max') % 5 >> rerank) + trigraph",
        "html >> html",
        "rerank % 8 >> shortest >> answer",
        "0.5 * bm25",
        "load",
    ],
)
def test_stages_that_fit_are_let_through(text: str) -> None:
    assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "reason", "fault", "hint"),
    [
        (
            "load >> chunk >> answer",
            "answer takes Hits but gets Chunk",
            "answer",
            f"put an index between them: {INDEXES}",
        ),
        ("load >> rerank", "rerank takes Hits but gets Document", "rerank", f"put an index between them: {INDEXES}"),
        (
            "chunk >> rewrite >> answer",
            "answer takes Hits but gets Query",
            "answer",
            f"put an index between them: {INDEXES}",
        ),
        ("bm25 >> dense", "dense takes Query but gets Hits", "dense", "put them side by side, bm25 + dense"),
        (
            "bm25 >> bm25 + dense",
            "a sum takes Query but gets Hits",
            "bm25 + dense",
            "make bm25 a side of the sum: bm25 + …",
        ),
        (
            "bm25 + dense >> trigraph",
            "trigraph takes Query but gets Hits",
            "trigraph",
            "put them side by side, the sum + trigraph",
        ),
        ("bm25 >> rewrite", "rewrite takes Query but gets Hits", "rewrite", "put rewrite before bm25"),
        (
            "answer >> rerank",
            "rerank takes Hits but gets Answer",
            "rerank",
            "answer gives the answer and stands last; put rerank before it",
        ),
        (
            "answer >> answer",
            "answer takes Hits but gets Answer",
            "answer",
            "a pipeline answers once; leave answer or answer out",
        ),
        (
            "bm25 >> chunk",
            "chunk takes Document but gets Hits",
            "chunk",
            "it prepares what is indexed, so put it before bm25",
        ),
        (
            "bm25 % 5 >> tag",
            "tag takes Chunk but gets Hits",
            "tag",
            "it prepares what is indexed, so put it before bm25",
        ),
        ("chunk >> load", "load takes Source but gets Chunk", "load", "put it before chunk"),
        ("tag >> html", "html takes Document but gets Chunk", "html", "put it before tag"),
        (
            "load >> load",
            "load takes Source but gets Document",
            "load",
            "a pipeline has one loader; leave load or load out",
        ),
        (
            "load >> chunk >> chunk(tokens=5)",
            "chunk takes Document but gets Chunk",
            "chunk",
            "a pipeline has one chunker; leave chunk or chunk out",
        ),
        (
            "chunk % 8",
            "% keeps the best of Hits, but chunk gives Chunk",
            "chunk % 8",
            "put it behind a stage that gives Hits: bm25 % 8",
        ),
        (
            "(load >> chunk) % 8",
            "% keeps the best of Hits, but chunk gives Chunk",
            "chunk",
            "put it behind a stage that gives Hits: bm25 % 8",
        ),
        (
            "bm25 >> answer % 8",
            "% keeps the best of Hits, but answer gives Answer",
            "answer % 8",
            "put it behind a stage that gives Hits: bm25 % 8",
        ),
        (
            "0.3 * bm25 >> answer",
            "a weight counts only among the sides of a sum",
            "0.3 * bm25",
            "write 0.3 * bm25 + …, or leave the weight out",
        ),
        (
            "chunk >> 0.3 * bm25",
            "a weight counts only among the sides of a sum",
            "0.3 * bm25",
            "write 0.3 * bm25 + …, or leave the weight out",
        ),
        (
            "rerank + bm25",
            "a side of a sum takes a Query, but rerank takes Hits",
            "rerank",
            f"put an index before it: {INDEXES}",
        ),
        (
            "0.5 * rerank",
            "a side of a sum takes a Query, but rerank takes Hits",
            "rerank",
            f"put an index before it: {INDEXES}",
        ),
        (
            "bm25 + (dense >> answer)",
            "a side of a sum gives Hits, but answer gives Answer",
            "answer",
            "put it after the sum: a + b >> …",
        ),
        ("bm25 + rewrite", "a side of a sum gives Hits, but rewrite gives Query", "rewrite", ""),
        (
            "(chunk >> bm25) + dense",
            "chunk belongs to the build lane, and sides of a sum share it",
            "chunk",
            "put it before the whole sum: chunk >> … + …",
        ),
        (
            "bm25 + load",
            "load belongs to the build lane, and sides of a sum share it",
            "load",
            "put it before the whole sum: load >> … + …",
        ),
    ],
)
def test_stages_that_do_not_fit_are_named_with_the_mend(text: str, reason: str, fault: str, hint: str) -> None:
    with pytest.raises(StageTypeError) as caught:
        parse(text)
    error = caught.value
    assert (error.reason, at_fault(error), error.hint) == (reason, fault, hint)
    assert error.text == text


def test_the_later_of_two_equal_stages_is_marked() -> None:
    with pytest.raises(StageTypeError) as caught:
        parse("bm25 >> answer >> answer")
    assert caught.value.start == len("bm25 >> answer >> ")


def test_python_shows_the_same_error_with_the_text_of_the_expression(world: SimpleNamespace) -> None:
    with pytest.raises(StageTypeError) as caught:
        world.load >> world.chunk(tokens=20) >> world.answer
    assert str(caught.value) == (
        "answer takes Hits but gets Chunk\n"
        "    load >> chunk(tokens=20) >> answer\n"
        "                                ^^^^^^\n"
        f"hint: put an index between them: {INDEXES}"
    )


def test_python_checks_each_join_when_it_is_made(world: SimpleNamespace) -> None:
    for join in (
        lambda: world.chunk >> world.answer,
        lambda: world.rerank + world.bm25,
        lambda: world.chunk % 3,
        lambda: 0.3 * world.chunk,
        lambda: world.chunk(tokens=0),
        lambda: world.bm25 >> world.memory,
    ):
        with pytest.raises(PipelineError) as caught:
            join()
        assert caught.value.text


def test_a_required_parameter_may_come_after_the_name_but_not_after_the_join(world: SimpleNamespace) -> None:
    memory = world.memory
    assert str(memory(scope="ana") + world.bm25) == 'memory(scope="ana") + bm25'
    with pytest.raises(StageParameterError, match=r"memory needs scope \(str\)") as caught:
        memory + world.bm25
    assert at_fault(caught.value) == "memory" and caught.value.hint == "write memory(scope=…)"


def test_a_plan_has_both_lanes(world: SimpleNamespace) -> None:
    planned = plan(
        "load >> html >> chunk(tokens=9) >> tag >> rewrite >> 0.3 * bm25 % 50 + dense >> rerank % 8 >> answer"
    )
    assert planned.build == (world.load, world.html, world.chunk(tokens=9), world.tag)
    assert str(planned.ask) == "rewrite >> 0.3 * bm25 % 50 + dense >> rerank % 8 >> answer"
    assert planned.indexes == (world.bm25, world.dense)
    assert planned.gives == "Answer" and planned.answerer == world.answer and planned.added == ()
    assert (planned.loader, planned.chunker) == (world.load, world.chunk(tokens=9))
    assert (planned.extractors, planned.enrichers) == ((world.html,), (world.tag,))


def test_loader_and_chunker_are_added_where_they_belong(world: SimpleNamespace) -> None:
    planned = plan("html >> tag >> bm25")
    assert planned.build == (world.load, world.html, world.chunk, world.tag)
    assert planned.added == (world.load, world.chunk)
    assert str(planned.expression) == "load >> html >> chunk >> tag >> bm25"
    assert plan("load >> bm25").added == (world.chunk,)
    assert plan(planned.expression).added == ()


def test_a_plan_without_an_index_builds_nothing(world: SimpleNamespace) -> None:
    planned = plan(world.memory(scope="ana") >> world.answer)
    assert planned.build == planned.indexes == planned.added == ()
    assert planned.loader is None and planned.chunker is None


def test_a_plan_may_end_with_hits() -> None:
    planned = plan("bm25 % 5")
    assert planned.gives == "Hits" and planned.answerer is None


def test_equal_stages_are_one_index_and_different_ones_two(world: SimpleNamespace) -> None:
    assert plan("bm25 % 5 + (bm25 >> rerank)").indexes == (world.bm25,)
    assert plan("bm25 + bm25(k1=2)").indexes == (world.bm25, world.bm25(k1=2))
    assert plan("(bm25 >> rerank) + (dense + trigraph).fuse('max') % 9").indexes == (
        world.bm25,
        world.dense,
        world.trigraph,
    )


@pytest.mark.parametrize(
    ("text", "reason", "fault", "hint"),
    [
        (
            "load >> chunk",
            "the pipeline ends with Chunk and finds nothing",
            "chunk",
            f"put an index after it: {INDEXES}",
        ),
        ("load", "the pipeline ends with Document and finds nothing", "load", f"put an index after it: {INDEXES}"),
        ("rewrite", "the pipeline ends with a Query and finds nothing", "rewrite", f"put an index after it: {INDEXES}"),
        ("answer", "answer takes Hits but gets Query", "answer", f"put an index before it: {INDEXES}"),
        ("rerank % 8 >> answer", "rerank takes Hits but gets Query", "rerank", f"put an index before it: {INDEXES}"),
        (
            "chunk >> memory(scope='x')",
            "chunk prepares what is indexed, but the pipeline has no index",
            "chunk",
            f"put an index after it, or leave chunk out: {INDEXES}",
        ),
        (
            "0.5 * bm25",
            "a weight counts only among the sides of a sum",
            "0.5 * bm25",
            "leave it out, or add a second side",
        ),
    ],
)
def test_an_incomplete_pipeline_is_no_plan(text: str, reason: str, fault: str, hint: str) -> None:
    for pipeline in (text, parse(text)):
        with pytest.raises(StageTypeError) as caught:
            plan(pipeline)
        error = caught.value
        assert (error.reason, at_fault(error).replace('"', "'"), error.hint) == (reason, fault, hint)


def test_values_that_fit_only_one_by_one_are_found_before_anything_runs() -> None:
    with pytest.raises(StageParameterError, match="overlap=20 leaves nothing of tokens=10") as caught:
        plan("load >> chunk(tokens=10, overlap=20) >> bm25")
    assert at_fault(caught.value) == "chunk(tokens=10, overlap=20)"


def test_an_unknown_stage_lists_what_there_is() -> None:
    with pytest.raises(UnknownStageError) as caught:
        plan("quantum >> answer")
    assert caught.value.reason == "no stage named 'quantum'"
    assert caught.value.hint.startswith("stages: answer, bm25, chunk, dense")


def test_an_unknown_stage_is_named_within_a_sum() -> None:
    with pytest.raises(UnknownStageError, match="did you mean 'dense'") as caught:
        parse("bm25 + (dence >> rerank)")
    assert at_fault(caught.value) == "dence"


def test_a_plan_of_a_text_with_line_breaks_marks_the_line() -> None:
    with pytest.raises(StageTypeError) as caught:
        plan("\n    load\n    >> chunk   # cut\n")
    assert str(caught.value).splitlines()[1:3] == ["        >> chunk   # cut", "           ^^^^^"]


def test_stages_are_resolved_again_when_planned(world: SimpleNamespace) -> None:
    with pytest.raises(UnknownStageError, match="no stage named 'nowhere'"):
        plan(Stage("nowhere"))


def test_every_fusion_method_of_retrieval_may_be_named(world: SimpleNamespace) -> None:
    for method in METHODS:
        assert (world.bm25 + world.dense).fuse(method).method == method  # type: ignore[attr-defined]
    assert (world.bm25 + world.dense).method in METHODS  # type: ignore[attr-defined]
