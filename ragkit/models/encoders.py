"""Encoders: what each kind of model needs to become an embedder. `embedders` makes the one of the other."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ragkit.errors import InvalidValueError, ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.components import Embedder


class Encoder(Protocol):
    """What a model must offer to become an embedder: vectors of any length, for texts in batches of `batch`."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def dim(self) -> int: ...

    @property
    def batch(self) -> int: ...

    def encode(self, texts: Sequence[str], query: bool) -> NDArray[Any]: ...


class SentenceTransformerEncoder:
    """Any sentence-transformers model: a folder, or a name on the Hugging Face hub with an optional `@revision`.

    A folder is never looked up on the network. A name may be downloaded at the first use, unless `HF_HUB_OFFLINE` is
    set. Code that comes with a model is not run.
    """

    batch = 32

    def __init__(self, model: str) -> None:
        if not model.strip():
            raise InvalidValueError("the model's name is empty; use 'minilm', 'static', a folder or a hub name")
        self.model = model
        self._loaded: Any = None
        self._fingerprint = ""
        self._lock = threading.RLock()

    @property
    def fingerprint(self) -> str:
        """The name; for a folder its last part and the hash of the files in it."""
        with self._lock:
            if not self._fingerprint:
                folder = Path(self.model)
                is_folder = folder.is_dir()
                name = f"{folder.resolve().name} sha256:{_digest(folder)[:16]}" if is_folder else self.model
                self._fingerprint = f"sentence-transformers {name}"
            return self._fingerprint

    @property
    def dim(self) -> int:
        """The size of its vectors; loads the model."""
        model = self._model()
        # Renamed in sentence-transformers 6; the old name warns there.
        size = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
        return int(size())

    def encode(self, texts: Sequence[str], query: bool) -> NDArray[Any]:
        """Vectors of the texts, with the model's own prompt for queries or documents, if it has them."""
        model = self._model()
        encode = model.encode_query if query else model.encode_document
        return encode(list(texts), batch_size=self.batch, show_progress_bar=False)  # type: ignore[no-any-return]

    def _model(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = _sentence_transformer(self.model)
            return self._loaded


class StaticEncoder:
    """The packaged WordLlama vectors: the mean over a text's tokens of fixed 256-number vectors. Needs numpy only.

    About a hundred times faster than MiniLM, and less exact.
    """

    batch = 256

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: tuple[Any, Any] | None = None
        self._digest = ""

    @property
    def fingerprint(self) -> str:
        """Names the model and the hash of its weights."""
        from ragkit.models.packaged import sha256_of, static_files

        with self._lock:
            self._digest = self._digest or sha256_of(static_files()[0])
            return f"wordllama l2_supercat_256 sha256:{self._digest[:16]}"

    @property
    def dim(self) -> int:
        """Always 256."""
        return 256

    def encode(self, texts: Sequence[str], query: bool) -> NDArray[Any]:
        """Vectors of the texts, float32 (n, 256); a text without tokens has a zero vector."""
        import numpy as np

        tokenizer, table = self._loaded()
        rows = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
        lengths = np.array([len(row) for row in rows])
        tokens = np.minimum(np.fromiter((id for row in rows for id in row), dtype=np.int64), len(table) - 1)
        vectors = np.zeros((len(rows), self.dim), dtype=np.float32)
        full = np.flatnonzero(lengths)
        if len(full):
            starts = np.concatenate(([0], np.cumsum(lengths[full])[:-1]))
            vectors[full] = np.add.reduceat(table[tokens], starts, axis=0) / lengths[full, None]
        return vectors

    def _loaded(self) -> tuple[Any, Any]:
        with self._lock:
            if self._parts is None:
                import numpy as np
                from safetensors.numpy import load_file
                from tokenizers import Tokenizer

                from ragkit.models.packaged import static_files

                weights, settings = static_files()
                tokenizer = Tokenizer.from_file(str(settings))
                tokenizer.no_padding()
                tokenizer.no_truncation()
                self._parts = (tokenizer, load_file(weights)["embedding.weight"].astype(np.float32))
            return self._parts


class HashEncoder:
    """A model without a model: a word's vector is 256 signs drawn from its hash, a text's the sum over its words.

    Texts with common words are near each other, others at right angles, everywhere and always the same; for tests
    and examples.
    """

    fingerprint = "hash 256"
    dim = 256
    batch = 1024

    def encode(self, texts: Sequence[str], query: bool) -> NDArray[Any]:
        """Vectors of the texts, float32 (n, 256)."""
        import numpy as np

        from ragkit.text.tokens import words

        found = [words(text) or [text] for text in texts]
        signs = {word: _signs(word) for word in sorted({word for some in found for word in some})}
        return np.array([np.sum([signs[word] for word in some], axis=0, dtype=np.float32) for some in found])


class LangChainEncoder:
    """Any LangChain `Embeddings`."""

    batch = 64
    # What tells two models of one class apart; nothing that could be a secret or an address.
    NAMES = ("model", "model_name", "model_id", "repo_id", "deployment", "revision", "dimensions", "size", "dim")

    def __init__(self, embeddings: Any) -> None:
        self.embeddings = embeddings
        self._dim = 0

    @property
    def fingerprint(self) -> str:
        """The class, and which model it was told to use."""
        cls = type(self.embeddings)
        values = ((name, getattr(self.embeddings, name, None)) for name in self.NAMES)
        said = [f"{name}={value}" for name, value in values if isinstance(value, (str, int)) and value != ""]
        return " ".join(["langchain", f"{cls.__module__}.{cls.__qualname__}", *said])

    @property
    def dim(self) -> int:
        """The size of its vectors, found by embedding one word."""
        if not self._dim:
            try:
                self._dim = len(self.embeddings.embed_query("dimension"))
            except Exception as error:  # whatever the service raises
                raise ModelError(f"{self.fingerprint} failed on a first text: {first_line(error)}") from error
        return self._dim

    def encode(self, texts: Sequence[str], query: bool) -> NDArray[Any]:
        """Vectors of the texts."""
        import numpy as np

        if query:
            return np.array([self.embeddings.embed_query(text) for text in texts])
        return np.array(self.embeddings.embed_documents(list(texts)))


class ForeignEncoder:
    """Somebody's own `Embedder`, checked like the others."""

    batch = 1024

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    @property
    def fingerprint(self) -> str:
        """As it says itself."""
        return self.embedder.fingerprint

    @property
    def dim(self) -> int:
        """As it says itself."""
        return self.embedder.dim

    def encode(self, texts: Sequence[str], query: bool) -> NDArray[Any]:
        """Its vectors."""
        return self.embedder.embed(texts, query=query)


def _sentence_transformer(name: str) -> Any:
    from ragkit.models.quiet import quiet

    is_folder = Path(name).is_dir()
    repository, _, revision = (name, "", "") if is_folder else name.partition("@")
    with quiet():
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(repository, revision=revision or None, local_files_only=is_folder)
        except Exception as error:  # a missing folder, no network, a wrong name, damaged files
            raise ModelError(
                f"the sentence-transformers model {name!r} could not be loaded: {first_line(error)}; "
                "give a folder that holds one, or a name on the Hugging Face hub (needs the network once)"
            ) from error


def _digest(folder: Path) -> str:
    from ragkit.models.packaged import folder_digest

    return folder_digest(folder)


def _signs(word: str) -> NDArray[np.int8]:
    from hashlib import blake2b

    import numpy as np

    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=32).digest()
    return np.unpackbits(np.frombuffer(digest, dtype=np.uint8)).astype(np.int8) * 2 - 1


def first_line(error: BaseException) -> str:
    """What an error says, on one line."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
