"""Random expressions and random texts: the text form is the expression, and no text does harm."""

from __future__ import annotations

import re
import string
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from ragkit.errors import PipelineError
from ragkit.pipeline import Expression, Plan, Stage, parse, plan, to_mermaid, to_text
from ragkit.pipeline.render import render
from ragkit.retrieve.fuse import METHODS

pytestmark = pytest.mark.usefixtures("world")
moderate = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

integers = st.integers(-(2**63) + 1, 2**63 - 1)
scalars = st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
keys = st.text(max_size=4) | st.integers(-5, 5) | st.booleans()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
names = st.sampled_from(["x", "y", "self", "name", "größe", "_a1"])
weights = st.floats(1e-300, 1e300) | st.integers(1, 10**20)
counts = st.integers(1, 1_000_000)


@st.composite
def rerankers(draw: st.DrawFn) -> Expression:
    free = Stage("free", tuple(draw(st.dictionaries(names, values, max_size=2)).items()))
    return draw(st.sampled_from([Stage("rerank"), Stage("shortest", (("limit", 2),)), free]))


finders = st.sampled_from(
    [
        Stage("bm25"),
        Stage("bm25", (("k1", 0.5),)),
        Stage("dense"),
        Stage("trigraph"),
        Stage("memory", (("scope", "a"),)),
    ]
)


@st.composite
def sides(draw: st.DrawFn, inner: st.SearchStrategy[Expression]) -> Expression:
    """What may stand on a side of a sum."""
    side = draw(inner)
    if draw(st.booleans()):
        side = side % draw(counts)
    if draw(st.booleans()):
        side = side >> draw(rerankers())
    if draw(st.booleans()):
        side = "rewrite" >> side
    return draw(weights) * side if draw(st.booleans()) else side


@st.composite
def sums(draw: st.DrawFn, inner: st.SearchStrategy[Expression]) -> Expression:
    total = draw(sides(inner))
    for side in draw(st.lists(sides(inner), min_size=1, max_size=3)):
        total = total + side if draw(st.booleans()) else side + total
    return total.fuse(draw(st.sampled_from(METHODS))) if draw(st.booleans()) else total


hits = st.recursive(finders, sums, max_leaves=5)


@st.composite
def pipelines(draw: st.DrawFn) -> Expression:
    """A whole pipeline that finds something."""
    found = draw(hits)
    if draw(st.booleans()):
        found = found % draw(counts)
    for reranker in draw(st.lists(rerankers(), max_size=2)):
        found = found >> reranker
    if any(stage.name != "memory" for stage in found.stages() if stage.name in ("bm25", "dense", "trigraph", "memory")):
        for name in reversed(["load", "html", "chunk", "tag"]):
            found = name >> found if draw(st.booleans()) else found
    return found >> "answer" if draw(st.booleans()) else found


parts = hits | sides(hits) | pipelines() | rerankers()


@moderate
@given(parts)
def test_the_text_of_an_expression_parses_to_an_equal_one(expression: Expression) -> None:
    again = parse(str(expression))
    assert again == expression and hash(again) == hash(expression)
    assert str(again) == str(expression)
    assert repr(again) == repr(expression)


@moderate
@given(parts, st.data())
def test_expressions_are_equal_exactly_when_their_texts_are(left: Expression, data: st.DataObject) -> None:
    right = data.draw(parts | st.just(parse(str(left))))
    assert (left == right) == (str(left) == str(right))


@moderate
@given(parts)
def test_every_node_knows_its_place_in_the_text(expression: Expression) -> None:
    text, placed = render(expression)
    assert placed == expression
    nodes = [placed]
    while nodes:
        node = nodes.pop()
        assert node.place is not None
        assert parse(text[node.place.start : node.place.end]) == node
        nodes.extend(node.children())


@moderate
@given(pipelines())
def test_a_plan_keeps_every_stage_in_its_lane(pipeline: Expression) -> None:
    planned = plan(pipeline)
    assert isinstance(planned, Plan)
    build = [stage for stage in planned.build if stage not in planned.added]
    assert [*build, *planned.ask.stages()] == list(pipeline.stages())
    assert bool(planned.build) == bool(planned.indexes)
    assert plan(str(pipeline)) == planned
    again = plan(planned.expression)
    assert (again.build, again.ask, again.indexes) == (planned.build, planned.ask, planned.indexes)
    assert to_text(planned) and to_mermaid(planned)


# Python itself is the oracle: what a text means is what the same text gives with the stages as variables.
operands = st.sampled_from(
    [
        "load",
        "chunk",
        "chunk(tokens=9)",
        "tag",
        "rewrite",
        "bm25",
        "bm25(k1=2)",
        "dense",
        "trigraph",
        "rerank",
        "answer",
    ]
)
numbers = st.sampled_from(["0.3", "2", "1e-3", "8", "0", "-1", "2.5"])


ARITHMETIC = re.compile(r"(?<![\w.])-?\d[\d.e-]*\)*\s*[*%+>]+[\s(]*-?\d")


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    spaced = st.sampled_from([" >> ", ">>", " + ", "+ \t", " %  ", " * "])
    both = st.tuples(inner, spaced, inner | numbers).map("".join)
    weighted = st.tuples(numbers, st.sampled_from([" * ", "*"]), inner).map("".join)
    fused = st.tuples(st.just("("), inner, st.just(" + "), inner, st.just(").fuse('max')")).map("".join)
    return both | weighted | fused | inner.map("({})".format) | inner.map("( {} )".format)


@settings(moderate, max_examples=300)
@given(st.recursive(operands, joined, max_leaves=6))
@example("0.3 * bm25 % 50 + 0.7 * dense % 50 >> rerank % 8 >> answer")
def test_a_text_means_what_the_same_python_means(world: SimpleNamespace, text: str) -> None:
    assume(not ARITHMETIC.search(text))  # `2 * 3 * a`: Python multiplies, the language evaluates nothing
    try:
        wanted: Any = eval(text, {"__builtins__": {}}, vars(world))
    except (PipelineError, TypeError):  # Python itself refuses `8 % a`
        with pytest.raises(PipelineError):
            parse(text)
        return
    assert parse(text) == wanted


characters = st.sampled_from(
    [
        "bm25",
        "chunk",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ">>",
        "+",
        "*",
        "%",
        "-",
        "=",
        ",",
        ".",
        ":",
        "'",
        '"',
        "#",
        "\n",
        "\\",
        " ",
        "0.5",
        "8",
        "x",
        "tokens",
        ".fuse",
        "lambda",
        "if",
        "else",
        "f'",
        "ß",
        "中",
        "\t",
        "\0",
        "**",
        "@",
        "!",
        "_",
    ]
)
pythonic = st.sampled_from(
    [
        "__import__('os').system('x')",
        "(lambda: 1)()",
        "[a for a in b]",
        "{**a}",
        "a if b else c",
        "f'{a}'",
        "a.b.c",
        "a[0]",
        "not a",
        "a < b",
        "await a",
        "yield",
        "*a",
        "a := b",
        "b'x'",
        "1j",
        "...",
        "print(1)",
        "a; b",
        "def f(): pass",
        "@a",
        "bm25.__class__",
        "bm25()()",
    ]
)


@settings(moderate, max_examples=300)
@given(
    st.text(max_size=60)
    | st.lists(characters, max_size=25).map("".join)
    | st.lists(pythonic | operands, max_size=4).map(" >> ".join)
)
def test_no_text_raises_anything_but_a_pipeline_error(text: str) -> None:
    modules = set(sys.modules)
    try:
        expression = parse(text)
    except PipelineError as error:
        assert 0 <= error.start and (not error.text or error.start <= len(error.text))
        assert str(error)
    else:
        assert parse(str(expression)) == expression
    assert "antigravity" not in set(sys.modules) - modules


@settings(moderate, max_examples=300)
@given(st.data())
def test_a_pipeline_with_a_slip_of_the_pen_is_read_or_refused(data: st.DataObject) -> None:
    text = "load >> chunk(tokens=20, by='word') >> 0.3 * bm25 % 50 + (dense >> rerank).fuse('max') >> answer"
    place = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 3))
    slip = text[:place] + data.draw(st.text(string.printable, max_size=3)) + text[place + cut :]
    try:
        expression = parse(slip)
    except PipelineError as error:
        assert str(error)
    else:
        assert parse(str(expression)) == expression
