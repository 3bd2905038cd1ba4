"""One pass over a text: chunk by chunk through the model, each token to a few feature ids, all else let go.

Ids and values go into arrays allocated once, as many small ones would fragment the memory; what remains after the pass
is the index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError, SAEMismatchError
from ragkit.extractors.s3.index import Index, Rows, sorted_postings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.s3.backend import Backend, Scanned
    from ragkit.extractors.s3.sae import Autoencoder

_FIRST = 4096  # tokens to make room for when a backend does not know how many there are


def scan(
    backend: Backend,
    autoencoders: Mapping[str, Autoencoder],
    texts: Sequence[str],
    *,
    names: Sequence[str] = (),
    rows: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Index:
    """The index of texts.

    `rows` also keeps features by token, for modes `similarity` and `logits`: of all spaces (True), of none, or (None)
    of those of means, which mode `auto` reads that way. `progress` is told the tokens done and in all, of each text.
    Raises `SAEMismatchError` when a space has no autoencoder that fits it, `NonFiniteActivationError` when the model
    fails.
    """
    names = tuple(names) or tuple(str(number) for number in range(1, len(texts) + 1))
    if len(names) != len(texts) or len(set(names)) != len(names):
        raise InvalidValueError(f"{len(texts)} texts need as many different names, not {list(names)}")
    check_spaces(backend, autoencoders)
    whole = _empty(backend, autoencoders, rows)
    for name, text in zip(names, texts, strict=True):
        whole = whole.appended(_scanned(backend, autoencoders, text, name, rows, progress))
    return whole


def check_spaces(backend: Backend, autoencoders: Mapping[str, Autoencoder]) -> None:
    """Raise `SAEMismatchError` unless every space of the backend has an autoencoder of its size."""
    for space in backend.spaces():
        if space.name not in autoencoders:
            raise SAEMismatchError(
                f"there is no autoencoder for the space {space.name!r} of {backend.fingerprint()}; "
                "train one: ragkit s3 train"
            )
        if autoencoders[space.name].d != space.d:
            raise SAEMismatchError(
                f"the autoencoder of {space.name!r} takes vectors of {autoencoders[space.name].d} numbers, "
                f"the model gives {space.d}"
            )


def _tables(backend: Backend, autoencoders: Mapping[str, Autoencoder]) -> dict[str, _Codes]:
    return {space.name: _Codes(autoencoders[space.name].k, space.stride) for space in backend.spaces()}


def _empty(backend: Backend, autoencoders: Mapping[str, Autoencoder], rows: bool | None) -> Index:
    return _index(backend, autoencoders, _tables(backend, autoencoders), [], (), (), rows)


def _scanned(
    backend: Backend,
    autoencoders: Mapping[str, Autoencoder],
    text: str,
    name: str,
    rows: bool | None,
    progress: Callable[[int, int], None] | None,
) -> Index:
    codes = _tables(backend, autoencoders)
    offsets: list[NDArray[np.int32]] = []
    chunks = backend.scan(text)
    try:
        _consume(chunks, autoencoders, codes, offsets, progress)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:  # a generator must undo its hooks now, not when it is collected
            close()
    return _index(backend, autoencoders, codes, offsets, (text,), (name,), rows)


def _consume(
    chunks: Iterable[Scanned],
    autoencoders: Mapping[str, Autoencoder],
    codes: Mapping[str, _Codes],
    offsets: list[NDArray[np.int32]],
    progress: Callable[[int, int], None] | None,
) -> None:
    import numpy as np

    done = 0
    for chunk in chunks:
        if chunk.start != done:
            raise InvalidValueError(f"the backend gave tokens from {chunk.start} on, expected {done}")
        if not offsets and chunk.total:
            offsets.append(np.empty((chunk.total, 2), dtype=np.int32))
        for space, table in codes.items():
            found = autoencoders[space].encode(chunk.arrays[space])
            table.put(found.ids, found.values, chunk.total)
        _place(offsets, done, chunk)
        done += len(chunk)
        if progress is not None:
            progress(done, chunk.total)
        del chunk  # or its arrays would live until the next chunk is there


def _place(offsets: list[NDArray[np.int32]], done: int, chunk: Scanned) -> None:
    if chunk.total:
        offsets[0][done : done + len(chunk)] = chunk.offsets
    else:
        offsets.append(chunk.offsets.astype("int32"))


def _index(
    backend: Backend,
    autoencoders: Mapping[str, Autoencoder],
    codes: Mapping[str, _Codes],
    offsets: list[NDArray[np.int32]],
    texts: tuple[str, ...],
    names: tuple[str, ...],
    rows: bool | None,
) -> Index:
    import numpy as np

    places = np.concatenate([np.zeros((0, 2), dtype=np.int32), *offsets]) if len(offsets) != 1 else offsets[0]
    postings, kept = {}, {}
    for space in backend.spaces():
        ids, values = codes[space.name].taken()
        if len(ids) != -(-len(places) // space.stride):
            raise InvalidValueError(f"the backend gave {len(ids)} vectors of {space.name!r} for {len(places)} tokens")
        postings[space.name] = sorted_postings(ids, values, autoencoders[space.name].features)
        if rows or (rows is None and space.smooth):
            kept[space.name] = Rows(ids, values)
    return Index(
        texts=texts,
        names=names,
        starts=np.array([0, *([len(places)] * len(texts))], dtype=np.int64),
        offsets=places,
        postings=postings,
        rows=kept,
        fingerprint=backend.fingerprint(),
        autoencoders={space: digest(autoencoders[space]) for space in codes},
        strides={space.name: space.stride for space in backend.spaces()},
        settings={"rows": sorted(kept)},
    )


class _Codes:
    """Ids and values of one space, in arrays made once when the number of tokens is known, else doubled."""

    def __init__(self, k: int, stride: int) -> None:
        import numpy as np

        self.k, self.stride, self.filled = k, stride, 0
        self.ids = np.zeros((0, k), dtype=np.int32)
        self.values = np.zeros((0, k), dtype=np.float16)

    def put(self, ids: NDArray[Any], values: NDArray[Any], total: int) -> None:
        """Append rows of a text of `total` tokens (0: not known)."""
        import numpy as np

        end = self.filled + len(ids)
        if end > len(self.ids):
            room = max(end, -(-total // self.stride)) if total else max(_FIRST, 2 * end)
            for name, kind in (("ids", np.int32), ("values", np.float16)):
                larger = np.empty((room, self.k), dtype=kind)
                larger[: self.filled] = getattr(self, name)[: self.filled]
                setattr(self, name, larger)
        self.ids[self.filled : end] = ids
        self.values[self.filled : end] = np.minimum(values, 65504)  # the largest float16
        self.filled = end

    def taken(self) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
        """The rows so far."""
        return self.ids[: self.filled], self.values[: self.filled]


def digest(autoencoder: Autoencoder) -> str:
    """Names an autoencoder by its numbers."""
    import hashlib

    found = hashlib.sha256(f"{autoencoder.k} {autoencoder.scale!r}".encode())
    for part in (autoencoder.W_enc, autoencoder.b_enc, autoencoder.W_dec, autoencoder.b_dec, autoencoder.mean):
        found.update(part.tobytes())
    return found.hexdigest()[:16]
