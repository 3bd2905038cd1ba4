"""The inverted index: which feature is active at which tokens of one or several documents. Numpy, and one file.

Each space has its postings in the layout of a CSC matrix of T tokens by F features: 6 bytes for each kept feature of
each token and 8 for each feature, `size` says exactly. Positions count on from document to document.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import IndexMismatchError, InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT, VERSION = "ragkit.s3.index", 1
_SMALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Postings:
    """The tokens each feature is active at: `positions[indptr[f]:indptr[f + 1]]`, ascending, with their values."""

    indptr: NDArray[np.int64]
    positions: NDArray[Any]  # int32, int64 beyond 2³¹ postings
    values: NDArray[np.float16]

    @property
    def frequencies(self) -> NDArray[np.int64]:
        """How many tokens hold each feature."""
        import numpy as np

        return np.diff(self.indptr)

    @property
    def size(self) -> int:
        """Its bytes."""
        return int(self.indptr.nbytes + self.positions.nbytes + self.values.nbytes)


@dataclass(frozen=True, slots=True)
class Rows:
    """The same by token: `ids` int32 (T, k), -1 where there are fewer, and `values` float16; for mode `logits`."""

    ids: NDArray[np.int32]
    values: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Index:
    """The features of texts, and what leads back to their characters.

    `texts` and `names` are the documents, `starts` (documents + 1) their first tokens, `offsets` (T, 2) characters
    within the token's own document. `gone` marks removed documents. `settings` says how it was made, `fingerprint`
    with which model, `autoencoders` with which autoencoder for each space. A space with a stride has one row for so
    many tokens of a document, and its positions count these rows; `per_token` spreads what was computed for rows.
    """

    texts: tuple[str, ...]
    names: tuple[str, ...]
    starts: NDArray[np.int64]
    offsets: NDArray[np.int32]
    postings: Mapping[str, Postings]
    rows: Mapping[str, Rows] = field(default_factory=dict)
    fingerprint: str = ""
    autoencoders: Mapping[str, str] = field(default_factory=dict)
    strides: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    gone: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def size(self) -> int:
        """Bytes of postings, rows and offsets."""
        rows = sum(one.ids.nbytes + one.values.nbytes for one in self.rows.values())
        return sum(one.size for one in self.postings.values()) + rows + self.offsets.nbytes + self.starts.nbytes

    @property
    def documents(self) -> list[tuple[int, int]]:
        """First and last token (exclusive) of each document that is not removed."""
        bounds = zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)
        gone = self.gone or (False,) * len(self.texts)
        return [bound for bound, out in zip(bounds, gone, strict=True) if not out]

    def row_starts(self, space: str) -> NDArray[np.int64]:
        """The first row of each document in a space, and the number of all rows."""
        import numpy as np

        stride = self.strides.get(space, 1)
        return np.concatenate([[0], np.cumsum(-(-np.diff(self.starts) // stride))]).astype(np.int64)

    def per_token(self, values: NDArray[Any], space: str) -> NDArray[Any]:
        """Values of a space's rows as values of tokens, (T,)."""
        import numpy as np

        stride = self.strides.get(space, 1)
        if stride == 1:
            return values
        tokens = np.arange(len(self))
        document = np.repeat(np.arange(len(self.texts)), np.diff(self.starts))
        return np.asarray(values[self.row_starts(space)[document] + (tokens - self.starts[document]) // stride])

    def rows_of(self, space: str, start: int, end: int) -> tuple[int, int]:
        """The rows of a space that stand for tokens `start` to `end` of one document."""
        stride, document = self.strides.get(space, 1), self.document_of(start)
        first, row = int(self.starts[document]), int(self.row_starts(space)[document])
        return row + (start - first) // stride, row + (end - 1 - first) // stride + 1

    def token_of(self, space: str, row: int, start: int) -> int:
        """The first token a row of a space stands for, in the document of token `start`, not before `start`."""
        document = self.document_of(start)
        stride = self.strides.get(space, 1)
        return max(start, int(self.starts[document]) + (row - int(self.row_starts(space)[document])) * stride)

    def document_of(self, token: int) -> int:
        """The number of the document a token stands in."""
        import numpy as np

        return int(np.searchsorted(self.starts, token, side="right")) - 1

    def characters(self, start: int, end: int) -> tuple[int, int, int]:
        """Document, first and last character (exclusive) of tokens `start` to `end`, which must lie in one document."""
        document = self.document_of(start)
        places = self.offsets[start:end]
        return document, int(places[:, 0].min()), int(places[:, 1].max())

    def removed(self, name: str) -> Index:
        """Without a document: it is marked at once, and its postings go with `compact`. Raises `InvalidValueError`."""
        if name not in self.names:
            raise InvalidValueError(f"no document {name!r} in this index; it holds {', '.join(self.names[:5])}")
        before = self.gone or (False,) * len(self.names)
        gone = tuple(out or name == own for out, own in zip(before, self.names, strict=True))
        return replace(self, gone=gone)

    def appended(self, other: Index) -> Index:
        """Both, the other's documents after these. Raises `IndexMismatchError` unless both were made alike."""
        import numpy as np

        if not len(self.texts):
            return other
        mine, theirs = (
            (one.fingerprint, dict(one.autoencoders), dict(one.strides), sorted(one.rows)) for one in (self, other)
        )
        if mine != theirs:
            raise IndexMismatchError(f"these indexes were made with different models: {mine[:2]} and {theirs[:2]}")
        shift = len(self)
        return replace(
            self,
            texts=self.texts + other.texts,
            names=self.names + other.names,
            starts=np.concatenate([self.starts, other.starts[1:] + shift]),
            offsets=np.concatenate([self.offsets, other.offsets]),
            postings={
                name: _joined(self.postings[name], other.postings[name], int(self.row_starts(name)[-1]))
                for name in self.postings
            },
            rows={
                name: Rows(
                    np.concatenate([self.rows[name].ids, other.rows[name].ids]),
                    np.concatenate([self.rows[name].values, other.rows[name].values]),
                )
                for name in self.rows
            },
            gone=(self.gone or (False,) * len(self.names)) + (other.gone or (False,) * len(other.names)),
        )

    def compact(self) -> Index:
        """Without the postings of removed documents; positions are counted anew."""
        import numpy as np

        gone = self.gone or (False,) * len(self.names)
        if not any(gone):
            return self
        lengths = np.diff(self.starts)
        stay = {name: self._staying(name) for name in self.postings}
        kept = [i for i, out in enumerate(gone) if not out]
        return replace(
            self,
            texts=tuple(self.texts[i] for i in kept),
            names=tuple(self.names[i] for i in kept),
            starts=np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int64),
            offsets=self.offsets[np.repeat(~np.array(gone), lengths)],
            postings={name: _thinned(one, stay[name]) for name, one in self.postings.items()},
            rows={name: Rows(one.ids[stay[name]], one.values[stay[name]]) for name, one in self.rows.items()},
            gone=(),
        )

    def _staying(self, space: str) -> NDArray[np.bool_]:
        """Which rows of a space are of documents that are not removed."""
        import numpy as np

        return np.repeat(~np.array(self.gone), np.diff(self.row_starts(space)))

    def check(self, fingerprint: str, autoencoders: Mapping[str, str]) -> None:
        """Raise `IndexMismatchError` unless it was made with this model and these autoencoders."""
        if self.fingerprint != fingerprint:
            raise IndexMismatchError(
                f"the index was made with {self.fingerprint!r}, but is to be asked with {fingerprint!r}; make it anew"
            )
        if dict(self.autoencoders) != dict(autoencoders):
            raise IndexMismatchError("the index was made with other autoencoders than are now loaded; make it anew")

    def save(self, path: Path) -> None:
        """Write one npz file without pickled objects; it appears whole or not at all."""
        import numpy as np

        unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            np.savez(file, **_as_arrays(self))  # type: ignore[arg-type]
        unfinished.replace(path)

    @classmethod
    def open(cls, path: Path) -> Index:
        """Read a saved index. Raises `IndexMismatchError` when the file is damaged or of another version."""
        import zipfile

        import numpy as np

        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return _from_arrays(path, {name: file[name] for name in file.files})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise IndexMismatchError(f"{path} is no readable index ({error}); make it anew") from error


def sorted_postings(ids: NDArray[np.int32], values: NDArray[np.float16], features: int) -> Postings:
    """The postings of rows (T, k) of ids, -1 for none: a counting sort that keeps tokens in order."""
    import numpy as np
    from scipy import sparse

    full = ids >= 0
    starts = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum(full.sum(axis=1), out=starts[1:])
    # SciPy has no float16: its bits travel as int16.
    bits = values.view(np.int16)
    flat = (bits.ravel(), ids.ravel(), starts) if full.all() else (bits[full], ids[full], starts)
    matrix = sparse.csr_matrix(flat, shape=(len(ids), features)).tocsc()
    kind = np.int32 if int(starts[-1]) <= _SMALL else np.int64
    return Postings(
        matrix.indptr.astype(np.int64), matrix.indices.astype(kind, copy=False), matrix.data.view(np.float16)
    )


def _joined(first: Postings, second: Postings, shift: int) -> Postings:
    import numpy as np

    counts = first.frequencies + second.frequencies
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    total = int(indptr[-1])
    positions = np.empty(total, dtype=np.int32 if total <= _SMALL else np.int64)
    values = np.empty(total, dtype=np.float16)
    for one, begin, moved in ((first, indptr[:-1], 0), (second, indptr[:-1] + first.frequencies, shift)):
        places = np.repeat(begin - one.indptr[:-1], one.frequencies) + np.arange(len(one.positions))
        positions[places] = one.positions + moved
        values[places] = one.values
    return Postings(indptr, positions, values)


def _thinned(one: Postings, stay: NDArray[np.bool_]) -> Postings:
    import numpy as np

    number = np.cumsum(stay) - 1
    keep = stay[one.positions]
    features = np.repeat(np.arange(len(one.indptr) - 1), one.frequencies)[keep]
    counts = np.bincount(features, minlength=len(one.indptr) - 1)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Postings(indptr, number[one.positions[keep]].astype(one.positions.dtype), one.values[keep])


def _as_arrays(index: Index) -> dict[str, NDArray[Any]]:
    import numpy as np

    encoded = [text.encode("utf-8", "surrogatepass") for text in index.texts]
    notes = {
        "format": FORMAT, "version": VERSION, "names": list(index.names), "fingerprint": index.fingerprint,
        "autoencoders": dict(index.autoencoders), "settings": dict(index.settings), "gone": list(index.gone),
        "strides": dict(index.strides), "lengths": [len(one) for one in encoded], 
        "spaces": list(index.postings), "rows": list(index.rows),
    }  # fmt: skip
    arrays: dict[str, NDArray[Any]] = {
        "notes": np.frombuffer(json.dumps(notes).encode(), dtype=np.uint8),
        "texts": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        "starts": index.starts,
        "offsets": index.offsets,
    }
    for number, name in enumerate(index.postings):
        one = index.postings[name]
        arrays |= {
            f"p{number}.indptr": one.indptr,
            f"p{number}.positions": one.positions,
            f"p{number}.values": one.values,
        }
    for number, name in enumerate(index.rows):
        arrays |= {f"r{number}.ids": index.rows[name].ids, f"r{number}.values": index.rows[name].values}
    return arrays


def _from_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Index:
    notes = json.loads(arrays["notes"].tobytes())
    if notes.get("format") != FORMAT or notes.get("version") != VERSION:
        raise IndexMismatchError(f"{path} is no index of this version of ragkit; make it anew")
    index = Index(
        texts=_split(arrays["texts"].tobytes(), notes["lengths"]),
        names=tuple(notes["names"]),
        starts=arrays["starts"],
        offsets=arrays["offsets"],
        postings={
            name: Postings(*(arrays[f"p{number}.{part}"] for part in ("indptr", "positions", "values")))
            for number, name in enumerate(notes["spaces"])
        },
        rows={
            name: Rows(arrays[f"r{number}.ids"], arrays[f"r{number}.values"])
            for number, name in enumerate(notes["rows"])
        },
        fingerprint=notes["fingerprint"],
        autoencoders=notes["autoencoders"],
        strides=notes["strides"],
        settings=notes["settings"],
        gone=tuple(notes["gone"]),
    )
    _check_arrays(path, index)
    return index


def _check_arrays(path: Path, index: Index) -> None:
    tokens = len(index.offsets)
    sound = index.starts.shape == (len(index.texts) + 1,) and index.starts[0] == 0 and index.starts[-1] == tokens
    for name, one in index.postings.items():
        rows = int(index.row_starts(name)[-1]) if sound else 0
        sound = sound and one.indptr[-1] == len(one.positions) == len(one.values)
        sound = sound and (not len(one.positions) or 0 <= one.positions.min() <= one.positions.max() < rows)
    if not sound:
        raise IndexMismatchError(f"{path} is damaged: its arrays do not fit each other; make it anew")


def _split(data: bytes, lengths: Sequence[int]) -> tuple[str, ...]:
    texts, start = [], 0
    for length in lengths:
        texts.append(data[start : start + length].decode("utf-8", "surrogatepass"))
        start += length
    return tuple(texts)
