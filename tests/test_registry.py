"""Stages of scripts and of installed packages, listed without importing and used by name."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import pytest

import ragkit.stages
from ragkit.components import Between
from ragkit.errors import (
    InvalidValueError,
    MissingExtraError,
    PipelineError,
    StageParameterError,
    UnknownStageError,
)
from ragkit.pipeline import Stage, parse
from ragkit.registry import (
    can_name,
    describe,
    lookup,
    name_of,
    names_in_role,
    register,
    stage,
    stage_names,
    temporary_stages,
)
from ragkit.types import Answer, Chunk, Document, Hit, Hits, Query, Source


@pytest.fixture(autouse=True)
def _nothing_registered() -> Iterator[None]:
    with temporary_stages(installed=False):
        yield


class Reorder:
    """Puts hits in another order.

    More about it.
    """

    def __init__(self, depth: Annotated[int, Between(1, 9)] = 3, *, by: str) -> None:
        self.depth, self.by = depth, by

    def rerank(self, hits: Hits) -> Hits:
        return hits


def shortest(hits: Hits, *, limit: int = 3) -> Hits:
    """The shortest chunks first."""
    return hits.rescored(lambda hit: -len(hit.chunk.text)).best(limit)


def hits_of(*texts: str) -> Hits:
    document = Document("d", "".join(texts))
    chunks, start = [], 0
    for text in texts:
        chunks.append(document.chunk(start, start + len(text)))
        start += len(text)
    return Hits(Query("q"), tuple(Hit(chunk, -float(place)) for place, chunk in enumerate(chunks)))


def test_a_decorated_class_is_a_stage_and_stays_itself() -> None:
    assert stage("reorder")(Reorder) is Reorder
    found = lookup("reorder")
    assert (found.name, found.cls, found.role.name) == ("reorder", Reorder, "Reranker")
    assert found.package == __name__.partition(".")[0]
    assert found.summary == "Puts hits in another order."
    assert name_of(Reorder) == "reorder" and name_of(Document) == ""


def test_a_stage_is_described_with_types_parameters_and_defaults() -> None:
    register("reorder", Reorder)
    info = describe("reorder")
    assert (info.role, info.takes, info.gives, info.lane, info.problem) == ("Reranker", "Hits", "Hits", "ask", "")
    depth, by = info.parameters
    assert (depth.name, depth.annotation, depth.default, depth.low, depth.high) == ("depth", "int", 3, 1, 9)
    assert (by.name, by.annotation, by.required) == ("by", "str", True)


def test_a_third_party_stage_works_within_ten_lines() -> None:
    @stage("tagged")
    class Tagged:
        """Keeps hits that have a tag."""

        def __init__(self, tag: str = "good") -> None:
            self.tag = tag

        def rerank(self, hits: Hits) -> Hits:
            return Hits(hits.query, tuple(hit for hit in hits if self.tag in hit.chunk.text))

    made = lookup("tagged").make({"tag": "b"})
    assert [chunk.text for chunk in made.rerank(hits_of("a", "b", "ab")).chunks] == ["b", "ab"]
    assert str(ragkit.stages.tagged(tag="b") % 5) == 'tagged(tag="b") % 5'


def test_a_function_plays_the_role_its_annotations_name() -> None:
    def loads(source: Source) -> Iterator[Document]: ...
    def extracts(document: Document) -> Document: ...
    def cuts(document: Document) -> list[Chunk]: ...
    def enriches(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]: ...
    def enriches_each(chunk: Chunk) -> Chunk: ...
    def rewrites(query: Query) -> Query: ...
    def finds(query: Query, k: int, *, depth: int = 1) -> Hits: ...
    def answers(hits: Hits) -> Answer: ...

    roles = {
        loads: "Loader",
        extracts: "Extractor",
        cuts: "Chunker",
        enriches: "Enricher",
        enriches_each: "Enricher",
        rewrites: "Rewriter",
        finds: "Retriever",
        shortest: "Reranker",
        answers: "Answerer",
    }
    for function, role in roles.items():
        assert stage(function.__name__)(function) is function
        assert describe(function.__name__).role == role
    assert [parameter.name for parameter in describe("finds").parameters] == ["depth"]


def test_a_function_stage_passes_its_parameters_on() -> None:
    register("shortest", shortest)
    made = lookup("shortest").make({"limit": 2})
    assert [chunk.text for chunk in made.rerank(hits_of("aaa", "b", "cc")).chunks] == ["b", "cc"]
    assert describe("shortest").summary == "The shortest chunks first."
    with pytest.raises(StageParameterError, match="shortest: limit must be int, not 'x'"):
        lookup("shortest").make({"limit": "x"})


def test_function_stages_may_yield_and_may_work_on_each_chunk() -> None:
    @stage("halves")
    def halves(document: Document, *, at: int = 2) -> Iterable[Chunk]:
        yield document.chunk(0, at)
        yield document.chunk(at, len(document.text))

    @stage("tag")
    def tag(chunk: Chunk, *, word: str = "x") -> Chunk:
        return Document("d", chunk.text).chunk(0, len(chunk.text), {"tag": word})

    chunks = lookup("halves").make({"at": 1}).chunk(Document("d", "abc"))
    assert [chunk.text for chunk in chunks] == ["a", "bc"]
    assert [chunk.metadata["tag"] for chunk in lookup("tag").make({"word": "w"}).enrich(chunks)] == ["w", "w"]


def test_a_function_stage_finds_and_loads() -> None:
    @stage("finds")
    def finds(query: Query, k: int, *, text: str = "abc") -> Hits:
        return hits_of(*text).best(k)

    @stage("loads")
    def loads(source: Source) -> list[Document]:
        return [Document("d", source.name)]

    assert len(lookup("finds").make().search(Query("q"), 2)) == 2
    assert next(lookup("loads").make().load(Source("name"))).text == "name"


def test_a_function_stage_can_be_sent_to_another_process() -> None:
    register("shortest", shortest)
    sent = pickle.loads(pickle.dumps(lookup("shortest").make({"limit": 1})))
    assert [chunk.text for chunk in sent.rerank(hits_of("aaa", "b")).chunks] == ["b"]


def test_functions_whose_role_is_unclear_are_refused() -> None:
    def untyped(hits, limit=3): ...  # type: ignore[no-untyped-def]
    def odd(hits: Hits) -> Query: ...
    def one(document: Document) -> Chunk: ...
    def many(hits: list[Hits]) -> list[Hits]: ...
    def nothing() -> Hits: ...

    for function in (untyped, odd, one, many, nothing):
        with pytest.raises(InvalidValueError, match=f"{function.__name__} name no role"):
            register("f", function)

    def finds_all(query: Query) -> Hits: ...
    def finds_some(query: Query, *, k: int) -> Hits: ...

    for function in (finds_all, finds_some):
        with pytest.raises(InvalidValueError, match="its second parameter must be `k: int`"):
            register("f", function)

    async def later(hits: Hits) -> Hits: ...

    with pytest.raises(InvalidValueError, match="later is async"):
        register("f", later)


def test_classes_and_values_without_a_role_are_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"class Document has the methods of no role.*Reranker: rerank"):
        register("thing", type("Document", (), {}))
    with pytest.raises(InvalidValueError, match="must be a class or a function"):
        register("thing", Reorder(by="x"))  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="give the stage a name"):
        stage(Reorder)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "my-stage", "1st", "lambda", "None", "_private", "a b", "fuse", "ﬁlter"])
def test_names_that_cannot_be_written_are_refused(name: str) -> None:
    assert not can_name(name)
    with pytest.raises(InvalidValueError, match="cannot name a stage"):
        register(name, Reorder)


def test_a_name_taken_is_an_error_that_names_both() -> None:
    register("twice", Reorder)
    with pytest.raises(
        InvalidValueError, match=r"'twice' is taken by \S*:Reorder .*; choose another name for \S*:shortest"
    ):
        register("twice", shortest)
    assert lookup("twice").cls is Reorder


def test_a_stage_defined_again_in_a_notebook_replaces_itself() -> None:
    def define(summary: str) -> None:
        class Again:
            def rerank(self, hits: Hits) -> Hits:
                return hits

        Again.__doc__ = summary
        register("again", Again)

    define("first")
    assert describe("again").summary == "first"
    define("second")
    assert describe("again").summary == "second"


def test_temporary_stages_are_forgotten() -> None:
    register("kept", Reorder)
    with temporary_stages():
        register("gone", Reorder)
        assert stage_names() == ("gone", "kept")
        with temporary_stages(installed=False):
            assert stage_names() == ()
    assert stage_names() == ("kept",)


def test_parameters_are_checked_by_name_type_and_range() -> None:
    register("reorder", Reorder)
    found = lookup("reorder")
    assert found.make({"by": "x", "depth": 2}).depth == 2
    for given, reason in [
        ({"by": "x", "dept": 2}, "reorder has no parameter 'dept'; did you mean 'depth'?"),
        ({"by": "x", "depth": 0}, "reorder: depth must be int from 1 to 9, not 0"),
        ({"by": "x", "depth": True}, "reorder: depth must be int from 1 to 9, not True"),
        ({"depth": 2}, "reorder needs by (str)"),
    ]:
        with pytest.raises(StageParameterError) as caught:
            found.make(given)
        assert caught.value.reason == reason


def test_what_the_constructor_refuses_names_the_stage() -> None:
    class Picky(Reorder):
        def __init__(self, error: Any) -> None:
            raise error

    register("picky", Picky)
    for error in (InvalidValueError("too odd"), ValueError("too odd"), TypeError("too odd")):
        with pytest.raises(StageParameterError, match=r"picky.*too odd"):
            lookup("picky").make({"error": error})
    with pytest.raises(MissingExtraError):
        lookup("picky").make({"error": MissingExtraError("pip install it")})


def test_an_unknown_stage_is_met_with_the_nearest_name() -> None:
    with pytest.raises(UnknownStageError, match="no stage named 'x'") as caught:
        lookup("x")
    assert caught.value.hint == "no stage is installed at all: pip install ragkit"
    register("reorder", Reorder)
    with pytest.raises(UnknownStageError, match="no stage named 'reordr'; did you mean 'reorder'?"):
        describe("reordr")
    with pytest.raises(UnknownStageError) as caught:
        lookup("quite_different" * 1000)
    assert caught.value.hint == "stages: reorder" and len(str(caught.value)) < 200


def test_names_in_a_role_are_sorted() -> None:
    register("zebra", Reorder)
    register("ant", shortest)
    assert names_in_role("Reranker") == ("ant", "zebra")
    assert names_in_role("Index") == ()


def test_the_module_of_stages_gives_expressions() -> None:
    register("reorder", Reorder)
    assert ragkit.stages.reorder == Stage("reorder")
    assert ragkit.stages.reorder(by="x") == parse("reorder(by='x')")
    assert dir(ragkit.stages) == ["reorder"] == ragkit.stages.__all__
    names: dict[str, Any] = {}
    exec("from ragkit.stages import *", names)
    assert names["reorder"] == Stage("reorder")


def test_the_module_of_stages_knows_no_others() -> None:
    register("reorder", Reorder)
    with pytest.raises(AttributeError, match="no stage named 'reordr'; did you mean 'reorder'?"):
        _ = ragkit.stages.reordr
    with pytest.raises(ImportError):
        exec("from ragkit.stages import reordr")
    assert not hasattr(ragkit.stages, "__path__")


def package(folder: Path, name: str, entry_points: dict[str, str], code: str) -> None:
    """An installed package, as pip would leave it: its metadata and one module."""
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "\n".join(f"{stage} = {target}" for stage, target in entry_points.items())
    (metadata / "entry_points.txt").write_text(f"[ragkit.stages]\n{lines}\n")
    (folder / f"{name.replace('-', '_')}.py").write_text(code)


GOOD = '''
class Colbert:
    """Late interaction."""
    def __init__(self, dim: int = 128): ...
    def rerank(self, hits): return hits
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages, read when the registry is first asked."""
    import ragkit.registry as registry

    monkeypatch.syspath_prepend(tmp_path)
    with temporary_stages():
        registry._registry.installed = None
        yield tmp_path
    for name in [name for name in sys.modules if name.startswith("plugin_")]:
        del sys.modules[name]


def test_installed_stages_are_listed_without_importing_and_loaded_when_used(site: Path) -> None:
    package(site, "plugin-colbert", {"colbert": "plugin_colbert:Colbert"}, GOOD)
    assert "colbert" in stage_names() and "colbert" in dir(ragkit.stages)
    assert str(ragkit.stages.colbert) == "colbert"
    assert "plugin_colbert" not in sys.modules
    info = describe("colbert")
    assert (info.package, info.role, info.summary) == ("plugin-colbert", "Reranker", "Late interaction.")
    assert str(parse("colbert(dim=64)")) == "colbert(dim=64)"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("Other = 1", "AttributeError"),
        ("class Colbert: ...", "has the methods of no role"),
        ("Colbert = 3", "must be a class or a function"),
        ("class Colbert:\n def __init__(self, a, /): ...\n def rerank(self, hits): ...", "only be given by position"),
    ],
)
def test_a_broken_package_is_named_when_its_stage_is_used_and_harms_no_other(
    site: Path, code: str, problem: str
) -> None:
    package(site, "plugin-broken", {"broken_one": "plugin_broken:Colbert"}, code)
    package(site, "plugin-colbert", {"colbert": "plugin_colbert:Colbert"}, GOOD)
    assert {"broken_one", "colbert"} <= set(stage_names())
    assert describe("colbert").problem == ""
    assert "plugin-broken" in describe("broken_one").problem and problem in describe("broken_one").problem
    with pytest.raises(PipelineError, match="plugin-broken") as caught:
        parse("colbert >> broken_one")
    assert problem in caught.value.reason and caught.value.start == len("colbert >> ")


def test_two_packages_that_claim_one_name_are_both_named(site: Path) -> None:
    package(site, "plugin-a", {"colbert": "plugin_a:Colbert"}, GOOD)
    package(site, "plugin-b", {"colbert": "plugin_b:Colbert"}, GOOD)
    with pytest.raises(PipelineError, match=r"plugin_a:Colbert of plugin-a and plugin_b:Colbert of plugin-b"):
        lookup("colbert")
    assert describe("colbert").package == "plugin-a, plugin-b"


def test_a_package_may_both_decorate_and_name_its_class(site: Path) -> None:
    code = GOOD.replace("class Colbert", "from ragkit.registry import stage\n\n@stage('colbert')\nclass Colbert")
    package(site, "plugin-both", {"colbert": "plugin_both:Colbert"}, code)
    assert lookup("colbert").cls.__name__ == "Colbert"
    assert lookup("colbert") is lookup("colbert")


def test_a_script_cannot_take_the_name_of_an_installed_stage(site: Path) -> None:
    package(site, "plugin-colbert", {"colbert": "plugin_colbert:Colbert"}, GOOD)
    with pytest.raises(InvalidValueError, match="taken by plugin_colbert:Colbert of plugin-colbert"):
        register("colbert", Reorder)


def test_an_installed_stage_with_an_impossible_name_is_listed_as_broken(site: Path) -> None:
    package(site, "plugin-colbert", {"col-bert": "plugin_colbert:Colbert"}, GOOD)
    assert "cannot name a stage" in describe("col-bert").problem
    assert "col-bert" not in dir(ragkit.stages)


def test_an_entry_point_may_name_a_function(site: Path) -> None:
    code = "from ragkit.types import Hits\ndef first(hits: Hits, *, k: int = 1) -> Hits:\n    return hits.best(k)\n"
    package(site, "plugin-first", {"first": "plugin_first:first"}, code)
    assert len(lookup("first").make({"k": 2}).rerank(hits_of("a", "b", "c"))) == 2


def test_a_script_registers_and_uses_its_stage_in_one_go() -> None:
    script = (
        "from ragkit.registry import stage, describe\n"
        "from ragkit.types import Hits\n"
        "@stage('mine')\n"
        "def mine(hits: Hits, *, limit: int = 3) -> Hits:\n"
        "    return hits\n"
        "from ragkit.stages import mine as expression\n"
        "print(expression(limit=2), describe('mine').package)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "mine(limit=2) this script\n"
