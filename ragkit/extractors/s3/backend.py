"""What a model must offer to be searched by its features: two methods; all else is the same for every model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ragkit.errors import NonFiniteActivationError, UnsupportedModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIECE = 50_000  # characters tokenised at a time, so that no tokenizer holds a whole long text


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """A stream of vectors that has an autoencoder of its own: a layer, or one key-value head of a layer.

    `d` is the size of its vectors, `query_heads` how many query heads read it (0: none are captured), `scaling` what
    the layer multiplies its dot products with. `smooth` says that its vectors are already means over a window, and
    `stride` that there is one for so many tokens: row r stands for tokens r * stride onwards.
    """

    name: str
    d: int
    query_heads: int = 0
    scaling: float = 1.0
    smooth: bool = False
    stride: int = 1


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one chunk of a text gave: tokens `start` onwards, of `total` (0 when not known beforehand).

    `offsets` (n, 2) are the characters of each token, `arrays` the vectors (n, d) of each space; of a space with a
    stride the rows that begin among these tokens.
    """

    start: int
    offsets: NDArray[np.int64]
    arrays: Mapping[str, NDArray[Any]]
    total: int = 0

    def __len__(self) -> int:
        return len(self.offsets)


@dataclass(frozen=True, slots=True)
class QueryActs:
    """A question's own tokens: `keys` (n, d) and, for models that have them, `queries` (n, heads, d) of each space."""

    tokens: Sequence[str]
    keys: Mapping[str, NDArray[Any]]
    queries: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@runtime_checkable
class Backend(Protocol):
    """A model that turns text into vectors, one for each space and token (or few tokens)."""

    def spaces(self) -> list[SpaceInfo]:
        """What it gives, in a fixed order."""
        ...

    def fingerprint(self) -> str:
        """Names the model, the layers, the point of capture and the tokenizer."""
        ...

    def scan(self, text: str) -> Iterator[Scanned]:
        """The vectors of a text in chunks: each token exactly once, in order, in memory bounded by the chunk."""
        ...

    def encode_query(self, text: str) -> QueryActs:
        """The vectors of a question, without those of any template around it."""
        ...

    def close(self) -> None:
        """Undo whatever was done to the model."""
        ...


def tokenised(tokenizer: Any, text: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Token ids (T,) and character offsets (T, 2) of a text, by a `tokenizers.Tokenizer`, without special tokens.

    The text is given to it in pieces cut before white space. Tokens without characters of their own (further pieces of
    one character's bytes) get their neighbour's. Raises `UnsupportedModelError` when there are no offsets.
    """
    import numpy as np

    ids, offsets = [np.zeros(0, dtype=np.int32)], [np.zeros((0, 2), dtype=np.int64)]
    for start, end in _pieces(text):
        found = tokenizer.encode(text[start:end], add_special_tokens=False)
        places = np.array(found.offsets, dtype=np.int64).reshape(-1, 2)
        if len(places) != len(found.ids) or (len(places) and not places.any()):
            raise UnsupportedModelError("the tokenizer gives no character offsets; use a fast tokenizer")
        ids.append(np.array(found.ids, dtype=np.int32))
        offsets.append(places + start)
    return np.concatenate(ids), _mended(np.concatenate(offsets))


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(text):
        end = min(len(text), start + PIECE)
        if end < len(text):
            cut = max(text.rfind("\n", start + 1, end), text.rfind(" ", start + PIECE // 2, end))
            end = cut if cut > start + PIECE // 4 else end
        yield start, end
        start = end


def _mended(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    empty = np.flatnonzero(offsets[:, 1] <= offsets[:, 0])
    for place in empty.tolist():
        if place:
            offsets[place] = offsets[place - 1]
    for place in reversed(empty.tolist()):
        if offsets[place, 1] <= offsets[place, 0] and place + 1 < len(offsets):
            offsets[place] = offsets[place + 1]
    return offsets


def checked(vectors: NDArray[Any], space: str, start: int) -> NDArray[Any]:
    """The same vectors. Raises `NonFiniteActivationError` naming space and token when one is infinite or NaN."""
    import numpy as np

    finite = np.isfinite(vectors).reshape(len(vectors), -1).all(axis=1) if len(vectors) else np.ones(0, dtype=bool)
    if not finite.all():
        raise NonFiniteActivationError(
            f"{space} gave activations that are not finite, first at token {start + int(np.argmin(finite))}; "
            "load the model in bfloat16 or float32, as float16 overflows"
        )
    return vectors
