"""Embedders: texts to unit vectors, by a packaged model, any sentence-transformers model, or LangChain `Embeddings`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from ragkit.errors import InvalidValueError, ModelError
from ragkit.models.encoders import (
    Encoder,
    ForeignEncoder,
    HashEncoder,
    LangChainEncoder,
    SentenceTransformerEncoder,
    StaticEncoder,
    first_line,
)

if TYPE_CHECKING:
    import numpy as np
    from langchain_core.embeddings import Embeddings
    from numpy.typing import NDArray

    from ragkit.components import Embedder, Vectors

DEFAULT_MODEL = "minilm"
REMEMBERED_QUERIES = 256  # vectors of the latest queries, so that several indexes embed a query once


class TextEmbedder:
    """An `Embedder` around an encoder: each distinct text once, batches sorted by length, every vector checked.

    The batches depend on the set of texts only, not on their order.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._queries: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Names the model exactly."""
        return self.encoder.fingerprint

    @property
    def dim(self) -> int:
        """The size of its vectors; asking may load the model."""
        return self.encoder.dim

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """One unit vector per text, float32 (n, dim), in their order; (0, dim) for no text.

        `query` is for models that treat questions differently; the latest ones are remembered. Raises `ModelError`
        when the model fails, or gives something else than a direction for a text, which is named.
        """
        import numpy as np

        if isinstance(texts, str):
            raise InvalidValueError("embed takes a list of texts; put the one text in a list")
        distinct = dict.fromkeys(texts)
        if not all(isinstance(text, str) for text in distinct):
            raise InvalidValueError("embed takes texts only; one of those given is something else")
        known = self._remembered(distinct) if query else {}
        new = sorted((text for text in distinct if text not in known), key=lambda text: (len(text), text))
        step = max(1, self.encoder.batch)
        for start in range(0, len(new), step):
            part = new[start : start + step]
            known.update(zip(part, self._encoded(part, query), strict=True))
        if query:
            self._remember({text: known[text] for text in new})
        return np.array([known[text] for text in texts], dtype=np.float32).reshape(len(texts), self.dim)

    def _encoded(self, texts: list[str], query: bool) -> Vectors:
        import numpy as np

        try:
            raw = np.asarray(self.encoder.encode(texts, query), dtype=np.float32)
        except ModelError:
            raise
        except Exception as error:  # whatever a model or its service raises
            raise ModelError(f"{self.fingerprint} failed on {len(texts)} texts: {first_line(error)}") from error
        if raw.shape != (len(texts), self.dim):
            wanted = (len(texts), self.dim)
            raise ModelError(f"{self.fingerprint} gave an array of {raw.shape} for {len(texts)} texts, not {wanted}")
        lengths = np.linalg.norm(raw, axis=1, keepdims=True)
        bad = np.flatnonzero(~np.isfinite(lengths[:, 0]) | (lengths[:, 0] < 1e-12))
        if len(bad):
            what = "a zero vector" if lengths[bad[0], 0] < 1e-12 else "a vector with NaN or infinite numbers"
            raise ModelError(f"{self.fingerprint} gave {what} for the text {_brief(texts[bad[0]])}")
        return np.asarray(raw / lengths, dtype=np.float32)

    def _remembered(self, texts: dict[str, None]) -> dict[str, NDArray[np.float32]]:
        with self._lock:
            found = {text: self._queries[text] for text in texts if text in self._queries}
            for text in found:
                self._queries.move_to_end(text)
            return found

    def _remember(self, vectors: dict[str, NDArray[np.float32]]) -> None:
        with self._lock:
            # Copies, as a row would keep its whole batch in memory.
            self._queries.update({text: vector.copy() for text, vector in vectors.items()})
            while len(self._queries) > REMEMBERED_QUERIES:
                self._queries.popitem(last=False)


_by_name: dict[str, TextEmbedder] = {}
_by_object: WeakValueDictionary[int, TextEmbedder] = WeakValueDictionary()  # an embedder keeps its object alive
_lock = threading.Lock()


def load_embedder(model: str | Embedder | Embeddings = DEFAULT_MODEL) -> TextEmbedder:
    """The embedder for a name, or around an object; one instance for each, whoever asks. Nothing is loaded yet.

    `"minilm"` is the packaged all-MiniLM-L6-v2, `"static"` the packaged WordLlama vectors (fast, less exact), `"hash"`
    a model for tests, any other text a sentence-transformers model by folder or name. Objects may be an
    `Embedder` or LangChain `Embeddings`. Raises `InvalidValueError` for anything else.
    """
    if isinstance(model, TextEmbedder):
        return model
    with _lock:
        if isinstance(model, str):
            if model not in _by_name:
                _by_name[model] = TextEmbedder(_encoder_named(model))
            return _by_name[model]
        known = _by_object.get(id(model))
        if known is None:
            known = _by_object[id(model)] = TextEmbedder(_encoder_around(model))
        return known


def _encoder_named(name: str) -> Encoder:
    match name:
        case "minilm":
            from ragkit.models.minilm import MiniLM

            return MiniLM()
        case "static":
            return StaticEncoder()
        case "hash":
            return HashEncoder()
    return SentenceTransformerEncoder(name)


def _encoder_around(model: Any) -> Encoder:
    if callable(getattr(model, "embed_documents", None)) and callable(getattr(model, "embed_query", None)):
        return LangChainEncoder(model)
    if callable(getattr(model, "embed", None)) and hasattr(model, "fingerprint"):
        return ForeignEncoder(model)
    raise InvalidValueError(
        f"{type(model).__name__} is no embedding model; give a name, an Embedder or LangChain Embeddings"
    )


def _brief(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
