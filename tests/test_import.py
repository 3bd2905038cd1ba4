"""What `import ragkit` costs and loads."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

import ragkit

HEAVY = (
    "click",
    "docx",
    "langchain",
    "langchain_core",
    "lxml",
    "networkx",
    "numpy",
    "pandas",
    "pypdf",
    "rank_bm25",
    "rich",
    "scipy",
    "sentence_transformers",
    "spacy",
    "sqlite_utils",
    "torch",
    "transformers",
    "wordllama",
)


def loaded_by(code: str) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def cpu_seconds(*arguments: str) -> float:
    """User and system time of a run of this interpreter, the least of five."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


@pytest.mark.parametrize(
    "code",
    [
        "import ragkit",
        "import ragkit; ragkit.Document('a', 'text'); ragkit.RagkitError; dir(ragkit)",
        "from ragkit.stages import bm25",
    ],
)
def test_importing_ragkit_loads_no_heavy_library(code: str) -> None:
    assert loaded_by(code).isdisjoint(HEAVY)


def test_help_loads_no_heavy_library_but_click() -> None:
    code = "from ragkit.cli import app\ntry: app(['--help'])\nexcept SystemExit: pass"
    assert loaded_by(code) & set(HEAVY) == {"click"}


def test_making_a_pipeline_loads_no_model_library() -> None:
    code = (
        "from ragkit.stages import *\n"
        "load >> chunk >> 0.5 * bm25 + dense % 8 + trigraph >> filter >> rerank >> mmr >> answer"
    )
    models = {"torch", "spacy", "transformers", "sentence_transformers", "langchain_core", "wordllama"}
    assert loaded_by(code).isdisjoint(models)


def test_importing_ragkit_takes_less_than_a_tenth_of_a_second_of_cpu() -> None:
    assert cpu_seconds("-c", "import ragkit") - cpu_seconds("-c", "pass") < 0.1


def test_help_takes_less_than_half_a_second_of_cpu() -> None:
    assert cpu_seconds("-m", "ragkit", "--help") < 0.5


@pytest.mark.parametrize("name", ragkit.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(ragkit, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'KnowledgeBse'"):
        _ = ragkit.KnowledgeBse
    assert not hasattr(ragkit, "nothing")


def test_dir_lists_the_public_names() -> None:
    assert dir(ragkit) == sorted(ragkit.__all__)


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert ragkit.__version__ == version("ragkit")
