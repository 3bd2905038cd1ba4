"""A class plays the role whose methods it has."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import ragkit.components
from ragkit.components import (
    ROLES,
    Answerer,
    Between,
    Chunker,
    Embedder,
    Enricher,
    Extractor,
    Index,
    Loader,
    Reranker,
    Retriever,
    Rewriter,
    StoredIndex,
    role_of,
)

PROTOCOLS: list[tuple[type[Any], str, tuple[str, ...]]] = [
    (Loader, "Loader", ("load",)),
    (Extractor, "Extractor", ("extract",)),
    (Chunker, "Chunker", ("chunk",)),
    (Enricher, "Enricher", ("enrich",)),
    (Rewriter, "Rewriter", ("rewrite",)),
    (Retriever, "Retriever", ("search",)),
    (Index, "Index", ("add", "remove", "search")),
    (StoredIndex, "Index", ("derive", "open", "search")),
    (Reranker, "Reranker", ("rerank",)),
    (Answerer, "Answerer", ("answer",)),
]


def a_class(*methods: str, **others: Any) -> type[Any]:
    return type("Made", (), {**{method: lambda self, *values: None for method in methods}, **others})


@pytest.mark.parametrize(("protocol", "name", "methods"), PROTOCOLS, ids=[p[0].__name__ for p in PROTOCOLS])
def test_a_class_with_the_methods_of_a_role_plays_it(protocol: Any, name: str, methods: tuple[str, ...]) -> None:
    role = role_of(a_class(*methods))
    assert role is not None and role.name == name
    others = {"fingerprint": "x", "embedder": None} if protocol is StoredIndex else {}
    assert isinstance(a_class(*methods, **others)(), protocol)
    assert role_of(protocol) == role


@pytest.mark.parametrize(("protocol", "name", "methods"), PROTOCOLS, ids=[p[0].__name__ for p in PROTOCOLS])
def test_a_class_that_lacks_one_of_them_does_not(protocol: Any, name: str, methods: tuple[str, ...]) -> None:
    for missing in methods:
        rest = [method for method in methods if method != missing]
        role = role_of(a_class(*rest))
        assert role is None or role.methods == ("search",)
        assert not isinstance(a_class(*rest)(), protocol)


def test_an_index_is_no_mere_retriever() -> None:
    assert role_of(a_class("search", "add", "remove")).lane == "both"  # type: ignore[union-attr]
    assert role_of(a_class("search", "add")).lane == "ask"  # type: ignore[union-attr]


def test_an_attribute_is_no_method() -> None:
    assert role_of(a_class(rerank="yes")) is None
    assert role_of(a_class()) is None


def test_the_table_in_the_documentation_is_the_table_in_the_code() -> None:
    lines = [line for line in (ragkit.components.__doc__ or "").splitlines() if line.startswith("| ")][1:]
    documented = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines}
    written = set()
    for role in ROLES:
        stored = role.methods[0] == "derive"
        name = "StoredIndex" if stored else role.name
        flow = "Chunk -> (index), Query -> Hits" if role.lane == "both" else f"{role.takes} -> {role.gives}"
        written.add((name, ", ".join(role.methods), role.lane, flow))
    assert documented == written


def test_the_lanes_join_up() -> None:
    kinds = {"Source": 0, "Document": 1, "Chunk": 2, "Query": 3, "Hits": 4, "Answer": 5}
    for role in ROLES:
        assert kinds[role.takes] <= kinds[role.gives]
        build = kinds[role.takes] <= 2 and kinds[role.gives] <= 2
        ask = kinds[role.takes] >= 3 and kinds[role.gives] >= 3
        assert role.lane == ("build" if build else "ask" if ask else "both")


def test_an_embedder_is_known_by_its_parts() -> None:
    class Tiny:
        fingerprint, dim = "tiny", 2

        def embed(self, texts: Any, *, query: bool = False) -> Any: ...

    assert isinstance(Tiny(), Embedder) and not isinstance("minilm", Embedder)


def test_bounds_are_open_above_unless_told() -> None:
    assert Between(1).high == float("inf") and Between(1, 3) == Between(1, 3)


def test_reading_the_protocols_loads_no_numpy() -> None:
    code = "import ragkit.components, ragkit.registry, sys; print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
