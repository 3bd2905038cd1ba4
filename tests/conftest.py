"""Fixtures that several tests use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests run side by side, so each process and its children keep to one thread; to be set before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the developer's own RAGKIT_* variables or writes to their cache."""
    for name in [name for name in os.environ if name.startswith("RAGKIT_") and name != "RAGKIT_DATA"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAGKIT_CACHE", str(tmp_path / "ragkit-cache"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def documents() -> Path:
    """The example documents about the island of Varrin."""
    return ROOT / "examples" / "documents"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of benchmark corpora, named by RAGKIT_DATA; the test is skipped without it."""
    folder = os.environ.get("RAGKIT_DATA", "")
    if not folder:
        pytest.skip("RAGKIT_DATA is not set: it names a folder of benchmark corpora, which are not in the repository")
    if not Path(folder).is_dir():
        pytest.fail(f"RAGKIT_DATA is set to {folder!r}, which is not a folder")
    return Path(folder)
