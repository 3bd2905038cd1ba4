"""ragkit's own stages, by the same entry points as everybody's."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from ragkit.pipeline import parse, plan, to_mermaid, to_text
from ragkit.registry import describe, lookup, stage_names

ROLES = {
    "load": "Loader",
    "chunk": "Chunker",
    "bm25": "Index",
    "dense": "Index",
    "trigraph": "Index",
    "clue": "Index",
    "filter": "Reranker",
    "rerank": "Reranker",
    "mmr": "Reranker",
    "s3": "Reranker",
    "answer": "Answerer",
}
PIPELINES = [
    "load >> chunk >> bm25 >> answer",
    "load >> chunk(tokens=200) >> bm25 + dense >> rerank % 8 >> answer",
    "load >> chunk >> 0.3 * bm25 % 50 + 0.7 * dense % 50 >> rerank % 8 >> answer",
    "load >> chunk >> trigraph(damping=0.5) % 10 >> answer",
    "load >> chunk >> bm25 % 20 >> s3 % 6 >> answer",
    'load >> chunk >> (bm25 + trigraph + dense).fuse("zscore") >> mmr % 6 >> answer(model="ollama:qwen3")',
    "chunk(tokens=200) >> trigraph + bm25 >> answer",
    'bm25 >> filter(where={"year": 1987}) >> answer',
]


def test_every_stage_of_ragkit_is_there_in_its_role() -> None:
    ours = {point.name for point in entry_points(group="ragkit.stages") if point.dist and point.dist.name == "ragkit"}
    assert ours >= set(ROLES) and ours <= set(stage_names())
    assert {name: describe(name).role for name in ROLES} == ROLES


@pytest.mark.parametrize("name", ROLES)
def test_a_stage_of_ragkit_is_described_typed_and_made_without_parameters(name: str) -> None:
    info = describe(name)
    assert info.problem == "" and info.package == "ragkit"
    assert info.summary and len(info.summary) <= 120
    for parameter in info.parameters:
        assert parameter.annotation not in ("any", "Any"), f"{name}: {parameter.name} has no type"
        assert parameter.required or parameter.accepts(parameter.default), (
            f"{name}: {parameter.name} refuses its default"
        )
        if parameter.hint in (int, float):
            pytest.fail(f"{name}: {parameter.name} has no bounds; annotate it with Between")
    assert isinstance(lookup(name).make(), lookup(name).cls)


@pytest.mark.parametrize("text", PIPELINES)
def test_the_pipelines_of_the_documentation_are_planned_and_drawn(text: str) -> None:
    expression = parse(text)
    assert str(expression) == text
    planned = plan(expression)
    assert [stage.name for stage in planned.build] == ["load", "chunk"]
    assert to_text(planned) and to_mermaid(planned)


def test_the_stages_can_be_imported_by_name() -> None:
    from ragkit.stages import answer, bm25, chunk, trigraph

    assert chunk(tokens=200) >> trigraph + bm25 >> answer == parse("chunk(tokens=200) >> trigraph + bm25 >> answer")
