"""The index of `ask --source`, kept in the user's cache folder, one store for each set of sources and pipeline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from ragkit.cli.app import UserError
from ragkit.cli.output import progress_bar, say_problems


def cached_index(sources: Sequence[str], pipeline: str) -> Path:
    """Bring the index of these sources up to date and return its store.

    Raises `UserError` when a source does not exist, or when none of them could be read.
    """
    from ragkit.knowledge_base import KnowledgeBase

    for source in sources:
        if not os.path.lexists(source):
            raise UserError(f"{source}: no such file or folder")
    path = cache_path(sources, pipeline)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make the cache folder {path.parent}: {error.strerror or error}; name another in RAGKIT_CACHE, "
            "or use `ragkit --db FILE add` and ask that"
        ) from error
    with KnowledgeBase(path, pipeline) as kb, progress_bar() as advance:
        report = kb.add(*sources, prune=True, progress=advance)
        documents = kb.status().documents
    say_problems(report, skipped=False)
    if not documents:
        raise UserError(f"there is nothing to read in {', '.join(sources)}")
    return path


def cache_path(sources: Sequence[str], pipeline: str) -> Path:
    """The store for these sources, as they are spelled here and where they lie, and this pipeline."""
    spelled = "\0".join(f"{source}\0{os.path.abspath(source)}" for source in sources)
    digest = blake2b(f"{spelled}\0\0{pipeline}".encode("utf-8", "surrogateescape"), digest_size=16)
    return cache_folder() / "sources" / f"{digest.hexdigest()}.db"


def cache_folder() -> Path:
    """`RAGKIT_CACHE`, else the user's cache folder."""
    if chosen := os.environ.get("RAGKIT_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "ragkit"
