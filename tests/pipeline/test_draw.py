"""Pictures show both lanes, the defaults that were added, and nothing that breaks the picture."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import StageTypeError
from ragkit.pipeline import plan, to_mermaid, to_text

unhurried = settings(deadline=None)
pytestmark = pytest.mark.usefixtures("world")


def test_mermaid_shows_both_lanes_with_the_index_as_hinge() -> None:
    assert to_mermaid("chunk(tokens=20) >> 0.3 * bm25 % 50 + dense >> rerank % 8 >> answer").splitlines() == [
        "flowchart LR",
        '    subgraph build["build: add"]',
        '        b0(["sources"])',
        '        b1["load<br>default"]',
        '        b2["chunk<br>tokens=20"]',
        "    end",
        '    index1[("bm25")]',
        '    index2[("dense")]',
        '    subgraph ask["ask"]',
        '        a0(["question"])',
        '        a1{{"fuse rrf"}}',
        '        a2["rerank"]',
        '        a3["answer"]',
        '        a4(["answer"])',
        "    end",
        "    b0 --> b1",
        "    b1 --> b2",
        "    b2 --> index1",
        "    b2 --> index2",
        "    a0 --> index1",
        "    a0 --> index2",
        '    index1 -->|"weight 0.3, best 50"| a1',
        "    index2 --> a1",
        "    a1 --> a2",
        '    a2 -->|"best 8"| a3',
        "    a3 --> a4",
    ]


def test_the_method_of_an_expression_draws_the_same(world: SimpleNamespace) -> None:
    assert (
        (world.bm25 >> world.answer).to_mermaid() == to_mermaid(plan("bm25 >> answer")) == to_mermaid("bm25 >> answer")
    )


def test_sides_that_share_an_index_share_its_node() -> None:
    drawn = to_mermaid("bm25 % 5 + (bm25 >> rerank)")
    assert drawn.count('[("bm25")]') == 1 and drawn.count("a0 --> index1") == 1


def test_a_pipeline_without_an_index_has_one_lane() -> None:
    drawn = to_mermaid("memory(scope='ana') >> answer")
    assert "subgraph build" not in drawn and '["memory<br>scope=#34;ana#34;"]' in drawn


def test_nested_sums_are_nested_in_the_picture() -> None:
    drawn = to_mermaid("(bm25 + dense).fuse('zscore') % 9 + trigraph")
    assert '{{"fuse zscore"}}' in drawn and '{{"fuse rrf"}}' in drawn and '-->|"best 9"|' in drawn


MERMAID_LINES = re.compile(
    r'flowchart LR| {4}subgraph \w+\["[\w: ]+"\]| {4}end'
    r'| {4,8}\w+(\(\[|\[\(|\{\{|\[)"(?:[^"\[\]{}<>&|`\\;%#]|<br>|#\d+;)*"(\]\)|\)\]|\}\}|\])'
    r'| {4}\w+ -->(\|"[\w.,+ -]+"\|)? \w+'
)


@unhurried
@given(st.text(max_size=80))
def test_no_parameter_breaks_a_mermaid_picture(text: str) -> None:
    from ragkit.pipeline import Stage

    drawn = to_mermaid(Stage("bm25") >> Stage("free")(x=text, y=[text]))
    for line in drawn.splitlines():
        assert MERMAID_LINES.fullmatch(line), line


def test_long_parameters_are_shortened() -> None:
    assert "…" in to_mermaid(f"bm25 >> free(x='{'x' * 500}')")
    assert max(map(len, to_mermaid(f"bm25 >> free(x='{'x' * 500}')").splitlines())) < 120


def test_the_text_drawing_lists_both_lanes_with_types() -> None:
    drawn = to_text(
        "chunk(tokens=20) >> 0.3 * bm25 % 50 + (dense >> rerank % 9) + (trigraph + bm25).fuse('max') >> answer"
    )
    assert drawn.splitlines() == [
        "build: what add does with sources",
        "  load                          Source -> Document (default)",
        "  chunk(tokens=20)              Document -> Chunk",
        "  bm25                          Chunk -> index",
        "  dense                         Chunk -> index",
        "  trigraph                      Chunk -> index",
        "ask: what ask does with a question",
        "  fuse by rrf                   Query -> Hits",
        "  ├─ bm25, weight 0.3, best 50  Query -> Hits",
        "  ├─ in turn                    Query -> Hits",
        "  │  ├─ dense                   Query -> Hits",
        "  │  └─ rerank, best 9          Hits -> Hits",
        "  └─ fuse by max                Query -> Hits",
        "     ├─ trigraph                Query -> Hits",
        "     └─ bm25                    Query -> Hits",
        "  answer                        Hits -> Answer",
    ]


def test_an_incomplete_pipeline_cannot_be_drawn() -> None:
    for draw in (to_text, to_mermaid):
        with pytest.raises(StageTypeError, match="finds nothing"):
            draw("load >> chunk")
