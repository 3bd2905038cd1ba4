"""The semantic view: one vector for a unit, kept in the file, read into one matrix for each scope and model.

A file knows which embedder its vectors come from; another one is refused until `reindex` has written new vectors
beside the old and switched over.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ragkit.errors import EmbedderMismatchError, ModelError, StoreCorruptError
from ragkit.memory.store import bump, number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.components import Embedder, Ints, Vectors

EmbedderKind = Literal["static", "neural"]


@dataclass(frozen=True, slots=True)
class Model:
    """An embedder as the file knows it."""

    id: int
    fingerprint: str
    dim: int
    kind: str


@dataclass(frozen=True, slots=True)
class VectorView:
    """The vectors of a scope: `matrix[i]` belongs to the unit in row `ids[i]`; in no order that means anything."""

    ids: Ints
    matrix: Vectors


def kind_of(embedder: Embedder) -> EmbedderKind:
    """Whether an embedder is cheap enough to run inside `add`: its own `kind`, else what is known of its encoder."""
    from ragkit.models.encoders import ForeignEncoder, HashEncoder, StaticEncoder

    encoder = getattr(embedder, "encoder", None)
    own = getattr(encoder.embedder if isinstance(encoder, ForeignEncoder) else embedder, "kind", None)
    if own in ("static", "neural"):
        return own  # type: ignore[no-any-return]
    return "static" if isinstance(encoder, (StaticEncoder, HashEncoder)) else "neural"


def current(connection: sqlite3.Connection) -> Model | None:
    """The model whose vectors are searched, None when there are none yet."""
    found = connection.execute(
        "SELECT id, fingerprint, dim, kind FROM memory_model WHERE id = ?", [number(connection, "model")]
    ).fetchone()
    return Model(*found) if found else None


def name_of(embedder: Embedder) -> str:
    """The name `load_embedder` knows an embedder by, "" for one that was given as an object."""
    from ragkit.models.encoders import HashEncoder, SentenceTransformerEncoder, StaticEncoder
    from ragkit.models.minilm import MiniLM

    encoder = getattr(embedder, "encoder", None)
    if isinstance(encoder, SentenceTransformerEncoder):
        return encoder.model
    return {StaticEncoder: "static", HashEncoder: "hash", MiniLM: "minilm"}.get(type(encoder), "")


def check_model(connection: sqlite3.Connection, embedder: Embedder, path: str) -> None:
    """Raise `EmbedderMismatchError` when the file's vectors come from another model."""
    known = current(connection)
    if known is not None and known.fingerprint != embedder.fingerprint:
        raise EmbedderMismatchError(
            f"the memory in {path} was embedded with {known.fingerprint}, not with {embedder.fingerprint}; open it "
            "with that model, or with embedder=None and call reindex(embedder) to embed everything anew"
        )


def registered(connection: sqlite3.Connection, embedder: Embedder, *, use: bool = True) -> Model:
    """The model of an embedder, made when it is new; with `use` it is searched from now on. Inside a write."""
    fingerprint, dim = embedder.fingerprint, embedder.dim
    connection.execute(
        "INSERT OR IGNORE INTO memory_model (fingerprint, dim, kind) VALUES (?, ?, ?)",
        [fingerprint, dim, kind_of(embedder)],
    )
    row = connection.execute(
        "SELECT id, fingerprint, dim, kind FROM memory_model WHERE fingerprint = ?", [fingerprint]
    ).fetchone()
    model = Model(*row)
    if model.dim != dim:
        raise EmbedderMismatchError(f"{fingerprint} gave vectors of {model.dim} numbers before and of {dim} now")
    if use:
        connection.executemany(
            "INSERT INTO memory_meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [("model", str(model.id)), ("embedder", name_of(embedder))],
        )
    return model


def put(
    connection: sqlite3.Connection, scope_id: int, model: Model, units: Sequence[int], vectors: Sequence[bytes]
) -> None:
    """Write the vectors of units that have none yet. Inside a write."""
    connection.executemany(
        "INSERT OR IGNORE INTO memory_vector (unit_id, scope_id, model, v) VALUES (?, ?, ?, ?)",
        [(unit, scope_id, model.id, vector) for unit, vector in zip(units, vectors, strict=True)],
    )


def drop(connection: sqlite3.Connection, units: Sequence[int]) -> int:
    """Delete the vectors of these units, and have every reader read the matrix anew; how many there were."""
    gone = 0
    for unit in units:
        gone += connection.execute("DELETE FROM memory_vector WHERE unit_id = ?", [unit]).rowcount
    if gone:
        bump(connection, "vector_epoch")
    return gone


def embedded(embedder: Embedder, texts: Sequence[str]) -> tuple[list[bytes | None], str]:
    """The vector of each text as it is stored, None where the model failed, and what it said of the last failure.

    When a vector of a batch is no direction, the model is asked again for each half: one bad text costs only itself.
    """
    if not texts:
        return [], ""
    try:
        vectors = _checked(embedder, texts)
        return [row.tobytes() for row in vectors], ""
    except Exception as error:  # whatever a user's model raises; it is reported, the units stay without vector
        said = f"{type(error.__cause__ or error).__name__} from {embedder.fingerprint}"
        # A model that raised itself is not asked again; one that gave no direction for a text is, for the others.
        if len(texts) == 1 or error.__cause__ is not None or not isinstance(error, ModelError):
            return [None] * len(texts), said
    half = len(texts) // 2
    (left, first), (right, second) = embedded(embedder, texts[:half]), embedded(embedder, texts[half:])
    return left + right, second or first or said


def _checked(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    import numpy as np

    vectors = np.asarray(embedder.embed(list(texts)), dtype="<f4")
    if vectors.shape != (len(texts), embedder.dim):
        raise ModelError(f"{embedder.fingerprint} gave an array of {vectors.shape}, not {(len(texts), embedder.dim)}")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or np.any(lengths < 1e-12):
        raise ModelError(f"{embedder.fingerprint} gave a vector that is no direction")
    return np.ascontiguousarray(vectors / lengths, dtype="<f4")


class VectorCache:
    """The matrices of the scopes that were asked for; what was added is appended, after a deletion all is read anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[int, int], _Held] = {}

    def view(self, connection: sqlite3.Connection, scope_id: int, model: Model) -> VectorView:
        """The vectors of a scope under a model, as of the connection's snapshot or a little later."""
        epoch = number(connection, "vector_epoch")
        with self._lock:
            held = self._held.get((scope_id, model.id))
            if held is None or held.epoch != epoch:
                held = self._held[scope_id, model.id] = _Held(epoch, model.dim)
            held.extend(
                connection.execute(
                    "SELECT id, unit_id, v FROM memory_vector WHERE scope_id = ? AND model = ? AND id > ? ORDER BY id",
                    [scope_id, model.id, held.last],
                ).fetchall()
            )
            return VectorView(held.ids[: held.count], held.matrix[: held.count])

    def clear(self) -> None:
        """Forget everything held."""
        with self._lock:
            self._held.clear()


class _Held:
    """A matrix with room to grow, and the last row that was read into it."""

    def __init__(self, epoch: int, dim: int) -> None:
        import numpy as np

        self.epoch, self.dim, self.last, self.count = epoch, dim, 0, 0
        self.ids = np.empty(0, dtype=np.int64)
        self.matrix = np.empty((0, dim), dtype=np.float32)

    def extend(self, rows: Sequence[tuple[int, int, bytes]]) -> None:
        import numpy as np

        if not rows:
            return
        if any(len(row[2]) != 4 * self.dim for row in rows):
            raise StoreCorruptError("the memory is damaged: vectors of a wrong length; call reindex, or restore a copy")
        new = np.frombuffer(b"".join(row[2] for row in rows), dtype="<f4").reshape(len(rows), self.dim)
        count = self.count + len(rows)
        if count > len(self.ids):
            room = max(1024, count, 2 * len(self.ids))
            ids, matrix = np.empty(room, dtype=np.int64), np.empty((room, self.dim), dtype=np.float32)
            ids[: self.count], matrix[: self.count] = self.ids[: self.count], self.matrix[: self.count]
            self.ids, self.matrix = ids, matrix  # views given out before keep the old arrays
        self.ids[self.count : count] = [row[1] for row in rows]
        self.matrix[self.count : count] = new
        self.count, self.last = count, int(rows[-1][0])
