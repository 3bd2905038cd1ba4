"""Which embedder a memory uses: the one it is given, else the one its file knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkit.errors import EmbedderMismatchError
from ragkit.memory import vectors
from ragkit.memory.store import MemoryStore

if TYPE_CHECKING:
    from ragkit.components import Embedder

AUTO = "auto"
NEW = "minilm"  # for a file that has no vectors yet


def chosen_embedder(store: MemoryStore, wanted: Any, *, check: bool = True) -> Embedder | None:
    """The embedder that was asked for: a name, a model, `AUTO` or None.

    Nothing is loaded yet. Raises `EmbedderMismatchError` when the file's vectors come from another model, or from one
    that cannot be loaded by its name.
    """
    if wanted is None:
        return None
    from ragkit.models.embedders import load_embedder

    if wanted == AUTO:
        wanted = _of_file(store)
    embedder = load_embedder(wanted)
    if check and store.present:
        with store.read() as connection:
            vectors.check_model(connection, embedder, store.path)
    return embedder


def _of_file(store: MemoryStore) -> str:
    if not store.present:
        return NEW
    with store.read() as connection:
        model = vectors.current(connection)
        found = connection.execute("SELECT value FROM memory_meta WHERE key = 'embedder'").fetchone()
    if model is None:
        return NEW
    name = found[0] if found else ""
    if not name:
        raise EmbedderMismatchError(
            f"the memory in {store.path} was embedded with {model.fingerprint}, which has no name to load it by; "
            "open it with that embedder, or with embedder=None"
        )
    return str(name)
