"""Operators make trees that are equal exactly when their texts are."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ragkit.errors import (
    InvalidValueError,
    PipelineError,
    PipelineSyntaxError,
    StageParameterError,
    StageTypeError,
    UnknownStageError,
)
from ragkit.pipeline import Best, Expression, Fused, Stage, Then, Weighted, parse
from ragkit.pipeline.expression import MAX_STAGES


class Embeddings:
    """Stands for somebody's model."""


class Unhashable(Embeddings):
    __hash__ = None  # type: ignore[assignment]


def at_fault(error: PipelineError) -> str:
    return error.text[error.start : error.end]


def test_each_operator_makes_its_node(world: SimpleNamespace) -> None:
    bm25, dense, rerank = world.bm25, world.dense, world.rerank
    assert (bm25 >> rerank) == Then((bm25, rerank))
    assert (bm25 + dense) == Fused((bm25, dense))
    assert (0.3 * bm25) == (bm25 * 0.3) == Weighted(0.3, bm25)
    assert (bm25 % 8) == Best(bm25, 8)
    assert (bm25 + dense).fuse("zscore") == Fused((bm25, dense), "zscore")


def test_then_and_unnamed_sums_are_flat(world: SimpleNamespace) -> None:
    a, b, c = world.bm25, world.dense, world.trigraph
    assert (a + b) + c == a + (b + c) == Fused((a, b, c))
    chain = world.load >> (world.chunk >> (a >> world.rerank))
    assert chain == Then((world.load, world.chunk, a, world.rerank))


def test_a_named_fusion_stays_one_side_of_a_sum(world: SimpleNamespace) -> None:
    mixed = (world.bm25 + world.dense).fuse("zscore") + world.trigraph
    assert isinstance(mixed, Fused) and len(mixed.sides) == 2
    assert str(mixed) == '(bm25 + dense).fuse("zscore") + trigraph'
    assert mixed.method == "rrf" and mixed.sides[0].method == "zscore"  # type: ignore[attr-defined]


def test_a_weight_stands_outside_a_cut_however_it_was_written(world: SimpleNamespace) -> None:
    bm25 = world.bm25
    wanted = Weighted(0.3, Best(bm25, 50))
    assert 0.3 * bm25 % 50 == 0.3 * (bm25 % 50) == bm25 % 50 * 0.3 == wanted
    assert str(wanted) == "0.3 * bm25 % 50"


def test_a_cut_on_a_chain_is_one_on_its_last_step(world: SimpleNamespace) -> None:
    assert (world.bm25 >> world.rerank) % 8 == world.bm25 >> world.rerank % 8


def test_weights_of_a_sum_default_to_one(world: SimpleNamespace) -> None:
    assert (0.3 * world.bm25 % 5 + world.dense).weights == (0.3, 1.0)  # type: ignore[attr-defined]


def test_calling_a_stage_adds_parameters_to_those_it_has(world: SimpleNamespace) -> None:
    small = world.chunk(tokens=50)
    assert str(small(overlap=5)) == "chunk(overlap=5, tokens=50)"
    assert small(tokens=60) == world.chunk(tokens=60)
    assert world.chunk() == world.chunk and str(world.chunk()) == "chunk"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("load>>chunk( tokens = 20 )>>bm25", "load >> chunk(tokens=20) >> bm25"),
        ("((bm25))", "bm25"),
        ("(bm25 >> rerank) + dense", "(bm25 >> rerank) + dense"),
        ("bm25 + dense % 5 >> rerank", "bm25 + dense % 5 >> rerank"),
        ("(bm25 + dense) % 5", "(bm25 + dense) % 5"),
        ("2 * (bm25 + dense) + trigraph", "2 * (bm25 + dense) + trigraph"),
        ("2.0 * bm25", "2 * bm25"),
        ("bm25 % 50 % 10", "bm25 % 50 % 10"),
        ("chunk(by='word')", 'chunk(by="word")'),
        (
            "free(z=1, a=[1, (2.0, 'x')], m={'b': None, 'a': True})",
            'free(a=[1, [2.0, "x"]], m={"a": True, "b": None}, z=1)',
        ),
        ("((bm25 + dense).fuse('max'))", '(bm25 + dense).fuse("max")'),
        ("(bm25 + dense).fuse('rrf')", '(bm25 + dense).fuse("rrf")'),
        ("(bm25 + dense) + trigraph", "bm25 + dense + trigraph"),
        ("free(s='say \"hi\"')", "free(s='say \"hi\"')"),
        ('free(s="it\'s")', 'free(s="it\'s")'),
    ],
)
def test_the_text_is_canonical_with_few_brackets(world: SimpleNamespace, text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert str(parse(canonical)) == canonical


@pytest.mark.parametrize(
    ("left", "right"), [("1", "True"), ("1", "1.0"), ("0", "False"), ("0.0", "-0.0"), ("1", '"1"')]
)
def test_parameters_of_different_text_are_different(world: SimpleNamespace, left: str, right: str) -> None:
    assert parse(f"free(x={left})") != parse(f"free(x={right})")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (np.int64(3), "3"),
        (np.float64(0.5), "0.5"),
        (np.float32(0.5), "0.5"),
        (np.str_("x"), '"x"'),
        (Path("a/b"), '"a/b"'),
        ([1, 2], "[1, 2]"),
        ({"b", "a"}, '["a", "b"]'),
        ({"b": 1, "a": [2]}, '{"a": [2], "b": 1}'),
    ],
)
def test_values_of_other_libraries_become_plain_ones(world: SimpleNamespace, given: object, text: str) -> None:
    assert str(world.free(x=given)) == f"free(x={text})"
    assert parse(f"free(x={text})") == world.free(x=given)


def test_options_are_the_plain_values_again(world: SimpleNamespace) -> None:
    assert world.free(where={"year": {"gte": 2000}, "in": ["a"]}).options == {
        "where": {"year": {"gte": 2000}, "in": ("a",)}
    }


def test_numpy_weights_and_counts_work_from_either_side(world: SimpleNamespace) -> None:
    assert np.float64(0.5) * world.bm25 == world.bm25 * np.float32(0.5) == 0.5 * world.bm25
    assert world.bm25 % np.int64(5) == world.bm25 % 5


def test_objects_may_be_parameters_and_show_as_their_class(world: SimpleNamespace) -> None:
    model = Embeddings()
    stage = world.dense(model=model)
    assert str(stage) == "dense(model=<Embeddings>)"
    assert stage.options["model"] is model
    assert stage == world.dense(model=model) and hash(stage) == hash(world.dense(model=model))
    assert stage != world.dense(model=Embeddings())


def test_unhashable_objects_are_compared_by_identity(world: SimpleNamespace) -> None:
    model = Unhashable()
    assert world.dense(model=model) == world.dense(model=model)
    assert hash(world.dense(model=model)) == hash(world.dense(model=model))
    assert world.dense(model=model) != world.dense(model=Unhashable())


def test_the_text_of_an_object_is_refused_with_the_reason(world: SimpleNamespace) -> None:
    with pytest.raises(PipelineSyntaxError, match="stands for a Python object, which has no text form") as caught:
        parse(str(world.chunk >> world.dense(model=Embeddings()) >> world.answer))
    assert at_fault(caught.value) == "<Embeddings>"


def test_an_error_beside_an_object_still_shows_the_place(world: SimpleNamespace) -> None:
    with pytest.raises(StageTypeError) as caught:
        world.dense(model=Embeddings()) >> world.bm25
    assert caught.value.text == "dense(model=<Embeddings>) >> bm25"
    assert at_fault(caught.value) == "bm25"


def test_expressions_cannot_be_changed(world: SimpleNamespace) -> None:
    for expression, name in [
        (world.bm25, "name"),
        (world.bm25 >> world.rerank, "steps"),
        (world.bm25 + world.dense, "sides"),
        (0.5 * world.bm25, "weight"),
        (world.bm25 % 5, "k"),
    ]:
        with pytest.raises(FrozenInstanceError):
            setattr(expression, name, None)


def test_expressions_are_inert(world: SimpleNamespace) -> None:
    for name in ("ask", "add", "batch", "stream", "search", "__iter__", "__len__", "__getitem__"):
        assert not hasattr(world.bm25 >> world.answer, name)


def test_expressions_are_keys_copy_and_pickle(world: SimpleNamespace) -> None:
    whole = world.chunk(tokens=5) >> 0.5 * world.bm25 % 9 + world.dense >> world.free(x={"a": [1]}) >> world.answer
    assert {whole: 1}[parse(str(whole))] == 1
    for same in (copy.copy(whole), copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))):
        assert same == whole and str(same) == str(whole) and hash(same) == hash(whole)


def test_repr_names_the_node_and_shows_the_text(world: SimpleNamespace) -> None:
    assert repr(world.bm25 % 5) == "<Best: bm25 % 5>"


def test_text_may_stand_on_either_side_of_an_operator(world: SimpleNamespace) -> None:
    assert world.chunk >> "bm25 >> answer" == "chunk >> bm25" >> world.answer == parse("chunk >> bm25 >> answer")
    assert "bm25" + world.dense == world.bm25 + "dense" == parse("bm25 + dense")


def test_registered_classes_and_functions_may_stand_in_a_pipeline(world: SimpleNamespace) -> None:
    assert world.bm25 >> world.Rerank >> world.shortest_function == parse("bm25 >> rerank >> shortest")


def test_an_instance_of_a_stage_is_refused_with_the_mend(world: SimpleNamespace) -> None:
    with pytest.raises(StageTypeError, match=r"write bm25\(…\), from ragkit.stages import bm25"):
        world.chunk >> world.BM25()


@pytest.mark.parametrize("k", [0, -1, 2.5, True, "8", None, 1_000_001])
def test_a_cut_takes_a_whole_number_from_one(world: SimpleNamespace, k: object) -> None:
    with pytest.raises(StageParameterError, match="%") as caught:
        world.bm25 % k
    assert caught.value.text.startswith("bm25 % ") and caught.value.start == len("bm25 % ")


def test_numbers_too_large_to_write_are_refused_too(world: SimpleNamespace) -> None:
    for build in (lambda: world.bm25 % 10**5000, lambda: 10**5000 * world.bm25, lambda: world.free(x=10**5000)):
        with pytest.raises(StageParameterError):
            build()


@pytest.mark.parametrize("weight", [0, -0.5, float("nan"), float("inf"), 10**400])
def test_a_weight_is_finite_and_above_zero(world: SimpleNamespace, weight: float) -> None:
    with pytest.raises(StageParameterError, match="a weight must be finite and above 0") as caught:
        weight * world.bm25
    assert caught.value.text.endswith(" * bm25") and caught.value.start == 0


@pytest.mark.parametrize("weight", [True, "0.5", None, [1]])
def test_a_weight_is_a_number(world: SimpleNamespace, weight: object) -> None:
    with pytest.raises(StageTypeError, match="a weight is a number"):
        world.bm25 * weight


def test_a_side_has_one_weight(world: SimpleNamespace) -> None:
    with pytest.raises(StageTypeError, match=r"0\.3 \* bm25 already has a weight"):
        2 * (0.3 * world.bm25)


@pytest.mark.parametrize("other", [3, None, 2.5, object(), ["bm25"], len])
def test_other_values_cannot_be_joined(world: SimpleNamespace, other: object) -> None:
    for join in (lambda: world.bm25 >> other, lambda: world.bm25 + other, lambda: other >> world.bm25):
        with pytest.raises(StageTypeError, match="joins stages") as caught:
            join()
        assert at_fault(caught.value) in caught.value.reason


def test_parameters_are_given_by_name(world: SimpleNamespace) -> None:
    with pytest.raises(StageParameterError, match="by name, not by position; got 200"):
        world.chunk(200)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**63, -(2**64), [1, [float("-inf")]]])
def test_numbers_without_a_text_form_are_refused(world: SimpleNamespace, value: object) -> None:
    with pytest.raises(StageParameterError, match="free: x"):
        world.free(x=value)


def test_endless_lists_are_refused(world: SimpleNamespace) -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(StageParameterError, match="nested more than"):
        world.free(x=endless)


def test_nodes_made_by_hand_keep_the_rules(world: SimpleNamespace) -> None:
    bm25, dense = world.bm25, world.dense
    assert Then((bm25, Then((world.rerank, world.answer)))) == bm25 >> world.rerank >> world.answer
    assert Fused((bm25, Fused((dense, bm25)))) == bm25 + dense + bm25
    assert Stage("free", {"x": [1]}) == world.free(x=[1])  # type: ignore[arg-type]
    for make in (
        lambda: Then((bm25,)),
        lambda: Fused((bm25,)),
        lambda: Fused((bm25, dense), None, (("k", 1),)),
        lambda: Best(0.5 * bm25, 3),  # type: ignore[arg-type]
        lambda: Best(bm25 >> world.rerank, 3),
    ):
        with pytest.raises(InvalidValueError):
            make()


@pytest.mark.parametrize("name", ["", "a b", "1a", "lambda", "a.b", None])
def test_a_stage_needs_a_name_that_can_be_written(name: object) -> None:
    with pytest.raises(PipelineSyntaxError, match="is no name"):
        Stage(name)  # type: ignore[arg-type]


def test_a_parameter_named_self_is_possible(world: SimpleNamespace) -> None:
    assert str(world.free(**{"self": 1})) == "free(self=1)"


def test_fuse_belongs_to_a_sum_and_is_given_once(world: SimpleNamespace) -> None:
    with pytest.raises(StageTypeError, match="fuse belongs to a sum, and bm25 is none"):
        world.bm25.fuse("zscore")
    with pytest.raises(StageTypeError, match="already has its fusion method"):
        (world.bm25 + world.dense).fuse("zscore").fuse("max")
    with pytest.raises(StageParameterError, match="fuse takes the name of a method, not None"):
        (world.bm25 + world.dense).fuse(None)


def test_unknown_fusion_methods_and_options_are_refused(world: SimpleNamespace) -> None:
    with pytest.raises(StageParameterError, match="no fusion method 'zscor'; did you mean 'zscore'") as caught:
        (world.bm25 + world.dense).fuse("zscor")
    assert at_fault(caught.value) == '"zscor"'
    with pytest.raises(StageParameterError, match="fuse has no option 'k'") as caught:
        (world.bm25 + world.dense).fuse("rrf", k=60)
    assert at_fault(caught.value) == "k=60"


def test_a_pipeline_grown_in_a_loop_stops_at_a_clear_error(world: SimpleNamespace) -> None:
    deep: Expression = world.bm25
    with pytest.raises(PipelineError, match="the pipeline is too large"):
        for _ in range(1000):
            deep = deep % 5
    long: Expression = world.bm25
    with pytest.raises(PipelineError, match=f"at most {MAX_STAGES} stages"):
        for _ in range(1000):
            long = long >> world.rerank
    wide: Expression = world.bm25
    with pytest.raises(PipelineError, match="the pipeline is too large"):
        for _ in range(60):
            wide = wide + wide


def test_unknown_stages_are_found_when_they_are_joined(world: SimpleNamespace) -> None:
    with pytest.raises(UnknownStageError, match="no stage named 'bm52'; did you mean 'bm25'") as caught:
        world.chunk >> Stage("bm52") >> world.answer
    assert str(caught.value).splitlines()[1:3] == ["    chunk >> bm52", "             ^^^^"]
