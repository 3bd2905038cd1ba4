"""The sparse autoencoder: vectors to a few feature ids and back, and its file. Numpy only; `train` makes one.

A vector x is centred and scaled, x' = s (x - mean); its activations are a = (x' - b_dec) W_enc + b_enc, of which the k
largest positive ones are kept (a top-k autoencoder: Makhzani and Frey, 2013; Gao et al., 2024). Decoding is
x' = z W_dec + b_dec. The rows of W_dec have unit length, so a value is how much of a direction a vector has.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError, SAEMismatchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

FORMAT, VERSION, KIND = "ragkit.sae", "1", "topk"
TENSORS = ("W_enc", "b_enc", "W_dec", "b_dec", "mean", "scale")
UNIT_TOLERANCE = 1e-3
_ROWS = 1024  # vectors encoded at a time: bounds the activations in memory


@dataclass(frozen=True, slots=True)
class Codes:
    """Features of n vectors: `ids` int32 (n, k), best first, -1 where fewer are positive; `values` float32, 0 there."""

    ids: NDArray[np.int32]
    values: Floats

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Autoencoder:
    """A trained autoencoder of one space: F features of d-dimensional vectors, k of them kept for each.

    `W_enc` (d, F), `b_enc` (F,), `W_dec` (F, d), `b_dec` (d,), `mean` (d,), all float32. `fingerprint` names the model
    and layers the vectors came from, `stats` what was measured in training.
    """

    W_enc: Floats
    b_enc: Floats
    W_dec: Floats
    b_dec: Floats
    mean: Floats
    scale: float
    k: int
    space: str = ""
    fingerprint: str = ""
    seed: int = 0
    stats: Mapping[str, Any] = field(default_factory=dict)

    @property
    def d(self) -> int:
        """The size of its vectors."""
        return int(self.W_enc.shape[0])

    @property
    def features(self) -> int:
        """How many features it has, F."""
        return int(self.W_enc.shape[1])

    def scaled(self, vectors: NDArray[Any]) -> Floats:
        """The vectors centred and scaled as in training, float32 (n, d)."""
        import numpy as np

        return np.asarray((vectors.astype(np.float32, copy=False) - self.mean) * np.float32(self.scale))

    def encode(self, vectors: NDArray[Any], k: int | None = None) -> Codes:
        """The features of vectors (n, d); ties go to the lower id. Raises `InvalidValueError` for another d."""
        import numpy as np

        self._check(vectors)
        k = min(self.k if k is None else k, self.features)
        ids = np.full((len(vectors), k), -1, dtype=np.int32)
        values = np.zeros((len(vectors), k), dtype=np.float32)
        bias = self.b_enc - self.b_dec @ self.W_enc
        for start in range(0, len(vectors), _ROWS):
            part = slice(start, start + _ROWS)
            ids[part], values[part] = _top(self.scaled(vectors[part]) @ self.W_enc + bias, k)
        return Codes(ids, values)

    def decode(self, codes: Codes) -> Floats:
        """Vectors (n, d) in the original scale."""
        import numpy as np

        dense = np.zeros((len(codes), self.features + 1), dtype=np.float32)  # ids of -1 fall into the last column
        dense[np.arange(len(codes))[:, None], codes.ids] = codes.values
        return np.asarray(
            self.mean + (dense[:, :-1] @ self.W_dec + self.b_dec) / np.float32(self.scale), dtype=np.float32
        )

    def unexplained(self, vectors: NDArray[Any]) -> float:
        """The fraction of variance the codes lose, Σ|x - x̂|² / Σ|x - mean x|²; 0 for no or constant vectors."""
        import numpy as np

        if not len(vectors):
            return 0.0
        lost = spread = 0.0
        centre = vectors.astype(np.float64).mean(axis=0)
        for start in range(0, len(vectors), _ROWS):
            part = vectors[start : start + _ROWS].astype(np.float32)
            lost += float(((part - self.decode(self.encode(part))) ** 2).sum(dtype=np.float64))
            spread += float(((part - centre) ** 2).sum())
        return lost / spread if spread else 0.0

    def _check(self, vectors: NDArray[Any]) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.d:
            raise InvalidValueError(
                f"the autoencoder of {self.space or 'this space'} takes vectors of {self.d} numbers, "
                f"not an array of shape {vectors.shape}"
            )


def _top(activations: NDArray[np.float32], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k largest positive activations of each row, by (-value, id)."""
    import numpy as np

    features = activations.shape[1]
    if k < features:
        ids = np.argpartition(-activations, k - 1, axis=1)[:, :k]
        last = np.take_along_axis(activations, ids, axis=1).min(axis=1)
        tied = np.flatnonzero(((activations >= last[:, None]).sum(axis=1) > k) & (last > 0))
        if len(tied):
            ids[tied] = np.argsort(-activations[tied], axis=1, kind="stable")[:, :k]
    else:
        ids = np.broadcast_to(np.arange(features), activations.shape).copy()
    ids.sort(axis=1)
    values = np.take_along_axis(activations, ids, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    ids, values = np.take_along_axis(ids, order, axis=1), np.take_along_axis(values, order, axis=1)
    positive = values > 0
    return np.where(positive, ids, -1).astype(np.int32), np.where(positive, values, 0).astype(np.float32)


def save(autoencoder: Autoencoder, path: Path, *, half: bool = False) -> None:
    """Write it as safetensors, `half` with matrices in float16; the file appears whole or not at all."""
    import numpy as np
    from safetensors.numpy import save as packed

    tensors = {name: np.ascontiguousarray(getattr(autoencoder, name), dtype=np.float32) for name in TENSORS[:-1]}
    if half:
        tensors |= {name: tensors[name].astype(np.float16) for name in ("W_enc", "W_dec")}
    tensors["scale"] = np.array(autoencoder.scale, dtype=np.float32)
    metadata = {
        "format": FORMAT, "version": VERSION, "kind": KIND, "d": str(autoencoder.d), "F": str(autoencoder.features),
        "k": str(autoencoder.k), "space": autoencoder.space, "fingerprint": autoencoder.fingerprint,
        "seed": str(autoencoder.seed), "stats": json.dumps(dict(autoencoder.stats), sort_keys=True),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    unfinished.write_bytes(packed(tensors, metadata))
    unfinished.replace(path)


def load(path: Path, *, fingerprint: str = "", space: str = "", strict: bool = True) -> Autoencoder:
    """Read an autoencoder that fits this backend fingerprint and space; empty ones are not compared.

    Raises `SAEMismatchError` when the file is no autoencoder, is damaged, or belongs to another model, layer or
    space; with `strict=False` another model is only warned about.
    """
    import numpy as np
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise SAEMismatchError(f"{path} could not be read as safetensors: {error}") from error
    _check_file(path, metadata, tensors)
    parts = {name: tensors[name].astype(np.float32) for name in TENSORS[:-1]}
    found = Autoencoder(
        **parts, scale=float(tensors["scale"]), k=int(metadata["k"]), space=metadata.get("space", ""),
        fingerprint=metadata.get("fingerprint", ""), seed=int(metadata.get("seed", "0")),
        stats=json.loads(metadata.get("stats", "{}")),
    )  # fmt: skip
    _check_owner(path, found, fingerprint, space, strict)
    return found


def _check_file(path: Path, metadata: Mapping[str, str], tensors: Mapping[str, NDArray[Any]]) -> None:
    import numpy as np

    named = (metadata.get("format"), metadata.get("version"), metadata.get("kind"))
    if named != (FORMAT, VERSION, KIND):
        raise SAEMismatchError(f"{path} is no autoencoder of this version: it says {named}; train one: ragkit s3 train")
    try:
        d, features, k = (int(metadata[name]) for name in ("d", "F", "k"))
        json.loads(metadata.get("stats", "{}"))
    except (KeyError, ValueError) as error:
        raise SAEMismatchError(f"{path} lacks or garbles its sizes: {error}") from error
    shapes = dict(zip(TENSORS, ((d, features), (features,), (features, d), (d,), (d,), ()), strict=True))
    for name, shape in shapes.items():
        if name not in tensors or tensors[name].shape != shape:
            found = tensors[name].shape if name in tensors else "nothing"
            raise SAEMismatchError(f"{path}: {name} should be of shape {shape}, found {found}")
        if not np.isfinite(tensors[name]).all():
            raise SAEMismatchError(f"{path}: {name} holds numbers that are not finite; train it again")
    if not 1 <= k <= features:
        raise SAEMismatchError(f"{path}: k is {k}, but there are {features} features")
    lengths = np.linalg.norm(tensors["W_dec"].astype(np.float32), axis=1)
    if np.abs(lengths - 1).max(initial=0) > UNIT_TOLERANCE or not float(tensors["scale"]) > 0:
        raise SAEMismatchError(f"{path}: the rows of W_dec are not of unit length; the file is damaged")


def _check_owner(path: Path, found: Autoencoder, fingerprint: str, space: str, strict: bool) -> None:
    if space and found.space != space:
        raise SAEMismatchError(f"{path} is of space {found.space!r}, not {space!r}")
    if fingerprint and found.fingerprint != fingerprint:
        said = (
            f"{path} was trained on {found.fingerprint!r}, but is to be used with {fingerprint!r}; "
            "train one for this model: ragkit s3 train"
        )
        if strict:
            raise SAEMismatchError(said)
        warnings.warn(said, stacklevel=3)


def checked_scale(vectors: NDArray[Any], mean: NDArray[Any]) -> float:
    """√(d / E|x - mean|²), which gives the scaled vectors a mean square of 1 in each dimension."""
    import numpy as np

    spread = float(((vectors.astype(np.float32) - mean) ** 2).sum(axis=1).mean(dtype=np.float64))
    if not spread > 0:
        raise InvalidValueError("the vectors to train on are all equal; give more text")
    return math.sqrt(vectors.shape[1] / spread)
