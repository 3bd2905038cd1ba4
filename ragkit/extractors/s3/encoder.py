"""The light backend: token states of a sentence encoder, alone and averaged over a few neighbours.

A sentence encoder makes the vector of a text by averaging its tokens' last states. So the mean over a window around a
token is nearly the vector of the passage there, and the mean over a question is the question's vector: they can be
compared, and a sparse autoencoder turns both into features. Text is read in windows of the model's length.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ragkit.errors import InvalidValueError, ModelError, UnsupportedModelError
from ragkit.extractors.s3.backend import QueryActs, Scanned, SpaceInfo, checked, tokenised

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKAGED = "minilm"
LAYER = "last"
REACHES = (0, 8)  # tokens on each side; chosen by measurement, see docs/s3.md
STRIDE = 4  # tokens from one mean to the next: neighbouring means are nearly equal


class _Network(Protocol):
    """A loaded encoder: its tokenizer, sizes, and states of rows of token ids that include the marks."""

    name: str
    tokenizer: Any
    d: int
    window: int  # content tokens read at a time
    marks: tuple[int, int]

    def states(self, rows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]: ...


class EncoderBackend:
    """A sentence encoder as source of vectors: `minilm`, the packaged one, or a local folder of another.

    Each of `reaches` is a space: the states themselves (0), or their mean over so many tokens on each side, scaled to
    unit length, one for every four tokens. `layer` counts from 1; "last" is best. `batch` windows are read at a time;
    `threads` sets torch's number of threads, 0 leaves it. Nothing is read before the first use, nothing is downloaded.
    """

    def __init__(
        self,
        model: str | Path = PACKAGED,
        *,
        reaches: Sequence[int] = REACHES,
        layer: int | str = LAYER,
        batch: int = 8,
        threads: int = 0,
    ) -> None:
        if not reaches or min(reaches) < 0 or len(set(reaches)) != len(reaches):
            raise InvalidValueError(f"reaches are different numbers of tokens, at least one, not {tuple(reaches)}")
        if layer != LAYER and (not isinstance(layer, int) or layer < 1):
            raise InvalidValueError(f"layer is 'last' or a number from 1, not {layer!r}")
        if batch < 1 or threads < 0:
            raise InvalidValueError("batch must be at least 1, and threads not below 0")
        self.model, self.layer, self.batch, self.threads = str(model), layer, batch, threads
        self.reaches = tuple(sorted(reaches))
        self._loaded: _Network | None = None
        self._lock = threading.RLock()

    def spaces(self) -> list[SpaceInfo]:
        """One for each of `reaches`."""
        d = self._network().d
        plain = [SpaceInfo(self._space(reach), d) for reach in self.reaches if not reach]
        return plain + [SpaceInfo(self._space(reach), d, smooth=True, stride=STRIDE) for reach in self.reaches if reach]

    def fingerprint(self) -> str:
        """The model by the hash of its files, and its layer; not the spaces, which do not depend on each other."""
        return f"{self._network().name} layer {self.layer}"

    def scan(self, text: str) -> Iterator[Scanned]:
        """The vectors of a text, in chunks of about `batch` windows."""
        import numpy as np

        network = self._network()
        ids, offsets = tokenised(network.tokenizer, text)
        total, step = len(ids), network.window * self.batch
        ahead = max(self.reaches) + STRIDE  # states a mean needs beyond its own tokens
        held, first, given = np.zeros((0, network.d), dtype=np.float32), 0, 0
        for start in range(0, total, step):
            held = np.concatenate([held, self._states(ids[start : start + step])])
            checked(held, f"layer {self.layer}", first)
            known = first + len(held)
            until = total if known == total else known - ahead
            if until > given:
                arrays = {self._space(one): _at(held, given, until, first, one) for one in self.reaches}
                yield Scanned(given, offsets[given:until], arrays, total)
                given = until
            drop = max(0, given - ahead - first)
            held, first = held[drop:].copy(), first + drop

    def encode_query(self, text: str) -> QueryActs:
        """The states of a question's tokens; for means, one vector: the mean over all of them."""
        network = self._network()
        ids, offsets = tokenised(network.tokenizer, text)
        states = checked(self._states(ids), "the question", 0)
        tokens = [text[start:end] for start, end in offsets.tolist()]
        keys = {self._space(reach): _whole(states) if reach else states for reach in self.reaches}
        return QueryActs(tokens, keys)

    def close(self) -> None:
        """Forget the model."""
        with self._lock:
            self._loaded = None

    def _space(self, reach: int) -> str:
        return f"layer {self.layer}" + (f" mean {2 * reach + 1}" if reach else "")

    def _states(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """States (n, d) of tokens, windows of them side by side."""
        import numpy as np

        network = self._network()
        if not len(ids):
            return np.zeros((0, network.d), dtype=np.float32)
        before, after = network.marks
        rows = [
            [before, *ids[start : start + network.window].tolist(), after]
            for start in range(0, len(ids), network.window)
        ]
        parts = []
        for start in range(0, len(rows), self.batch):
            parts += [states[1:-1] for states in network.states(rows[start : start + self.batch])]
        return np.concatenate(parts)

    def _network(self) -> _Network:
        with self._lock:
            if self._loaded is None:
                if self.threads:
                    import torch

                    torch.set_num_threads(self.threads)
                packaged = self.model == PACKAGED and self.layer == LAYER
                self._loaded = _PackagedNetwork() if packaged else _FolderNetwork(self.model, self.layer)
            return self._loaded


class _PackagedNetwork:
    """The packaged MiniLM without the libraries around it."""

    window = 126

    def __init__(self) -> None:
        from tokenizers import Tokenizer

        from ragkit.models.minilm import DIM, MiniLM
        from ragkit.models.packaged import minilm_folder

        self.encoder = MiniLM()
        self.name: str = self.encoder.fingerprint
        self.d: int = DIM
        self.tokenizer: Any = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        ids = self.tokenizer.get_vocab()
        self.marks: tuple[int, int] = (ids["[CLS]"], ids["[SEP]"])

    def states(self, rows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        return self.encoder.states(rows)


class _FolderNetwork:
    """An encoder that transformers can load from a folder."""

    def __init__(self, model: str, layer: int | str) -> None:
        from ragkit.models.packaged import folder_digest, minilm_folder
        from ragkit.models.quiet import quiet

        folder = minilm_folder() if model == PACKAGED else Path(model)
        if not folder.is_dir():
            raise ModelError(f"{model!r} is no folder of a model; give one, or {PACKAGED!r}")
        with quiet():
            from transformers import AutoModel, AutoTokenizer

            try:
                tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
                self.network = AutoModel.from_pretrained(folder, local_files_only=True).eval()
            except Exception as error:  # whatever transformers raises for what is no model
                raise ModelError(f"the encoder in {folder} could not be loaded: {error}") from error
        self.layer = _layer(layer, self.network.config.num_hidden_layers, str(folder))
        self.name = f"encoder {folder.resolve().name} sha256:{folder_digest(folder)[:16]}"
        self.d = int(self.network.config.hidden_size)
        self.tokenizer, self.marks, self.pad = _bare(tokenizer, str(folder))
        longest = min(int(getattr(self.network.config, "max_position_embeddings", 512)), 512)
        self.window = min(126, longest - 2)

    def states(self, rows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        import torch

        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *[self.pad] * (longest - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        with torch.inference_mode():
            found = self.network(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        states = found[self.layer].float().numpy()
        return [part[: len(row)] for part, row in zip(states, rows, strict=True)]


def _layer(asked: int | str, layers: int, where: str) -> int:
    if asked == LAYER:
        return layers
    if not 1 <= int(asked) <= layers:
        raise UnsupportedModelError(f"{where} has layers 1 to {layers}, not {asked}")
    return int(asked)


def _bare(tokenizer: Any, where: str) -> tuple[Any, tuple[int, int], int]:
    """The fast tokenizer without padding and cutting, the ids of its marks, and of padding."""
    import copy

    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None or not tokenizer.is_fast:
        raise UnsupportedModelError(f"{where} has a slow tokenizer, which gives no character offsets; use a fast one")
    bare = copy.deepcopy(fast)
    bare.no_padding()
    bare.no_truncation()
    before, after = tokenizer.cls_token_id, tokenizer.sep_token_id
    if before is None or after is None:
        raise UnsupportedModelError(f"{where}: its tokenizer has no marks for beginning and end; is it an encoder?")
    return bare, (int(before), int(after)), int(tokenizer.pad_token_id or 0)


def _at(states: NDArray[np.float32], start: int, end: int, first: int, reach: int) -> NDArray[np.float32]:
    """Tokens `start` to `end` of states that begin at token `first`: the states, or means around every fourth."""
    import numpy as np

    if not reach:
        return states[start - first : end - first]
    rows = np.arange(-(-start // STRIDE), -(-end // STRIDE))
    centres = np.minimum(rows * STRIDE + STRIDE // 2, first + len(states) - 1) - first
    sums = np.zeros((len(states) + 1, states.shape[1]))
    np.cumsum(states, axis=0, dtype=np.float64, out=sums[1:])
    low, high = np.maximum(centres - reach, 0), np.minimum(centres + reach + 1, len(states))
    return _unit(sums[high] - sums[low])


def _whole(states: NDArray[np.float32]) -> NDArray[np.float32]:
    return _unit(states.sum(axis=0, keepdims=True, dtype="float64")) if len(states) else states


def _unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
