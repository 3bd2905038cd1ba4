"""The packaged all-MiniLM-L6-v2, run by torch alone.

The same numbers as `SentenceTransformer.encode` to 1e-6, but the libraries around it need not be imported, which takes
most of the time of a short run. The network is BERT (Devlin et al., 2019) with six layers; a text's vector is the mean
of its tokens', not scaled. Texts are cut after 256 tokens, as the model was published.

Small batches are worked on side by side, each by one thread, rather than one large batch by all: the numbers in work
stay in the processor's cache, and no thread waits for another (measured on two busy cores: a third of the time).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.models.packaged import MINILM_SHA256, minilm_folder, verified

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

DIM = 384
LAYERS, HEADS = 6, 12
MAX_TOKENS = 256
BATCH_TOKENS = 512  # padded tokens in one pass; measured best of 128 to 16,384


class MiniLM:
    """Encodes texts with the packaged model; its files are read, and its weights checked, at the first call."""

    fingerprint = f"all-MiniLM-L6-v2 sha256:{MINILM_SHA256[:16]}"
    dim = DIM
    batch = 1024

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._network: _Network | None = None
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str], query: bool) -> NDArray[np.float32]:
        """Vectors of the texts, float32 (n, 384). Raises `ModelError` when the weights are not the published ones."""
        return self._ready().encode(texts)

    def states(self, rows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """The last layer's state of every token in rows of token ids, marks included, float32 (n, 384) each."""
        return self._ready().token_states(rows)

    def _ready(self) -> _Network:
        with self._lock:
            if self._network is None:
                self._network = _Network(self._folder or minilm_folder())
            return self._network


class _Network:
    def __init__(self, folder: Path) -> None:
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        weights = load_file(verified(folder / "model.safetensors", MINILM_SHA256))
        self.words = weights["embeddings.word_embeddings.weight"]
        # Every token is of the first segment, so its embedding can be added to the positions once.
        segment = weights["embeddings.token_type_embeddings.weight"][0]
        self.positions = weights["embeddings.position_embeddings.weight"] + segment
        self.norm = _pair(weights, "embeddings.LayerNorm")
        self.layers = [_Layer(weights, f"encoder.layer.{number}") for number in range(LAYERS)]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        rows = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]
        order = sorted(range(len(rows)), key=lambda place: (len(rows[place]), rows[place]))
        batches = _batches(order, [len(row) for row in rows])
        vectors = np.empty((len(rows), DIM), dtype=np.float32)
        work = [[rows[place] for place in places] for places in batches]
        for places, part in zip(batches, _workers().map(self._pooled, work), strict=True):
            vectors[places] = part
        return vectors

    def _pooled(self, rows: list[list[int]]) -> NDArray[np.float32]:
        """Mean token vectors of rows of token ids, (n, 384)."""
        import torch

        with torch.inference_mode():
            longest = max(map(len, rows))
            lengths = torch.tensor([len(row) for row in rows])
            ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
            real = torch.arange(longest) < lengths[:, None]
            states = self._states(ids, None if bool(real.all()) else real)
            mean = (states * real[:, :, None]).sum(1) / lengths[:, None]
            return mean.numpy()

    def token_states(self, rows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """The states of the tokens of each row of ids, by the calling thread."""
        import torch

        with torch.inference_mode():
            longest = max(map(len, rows), default=0)
            lengths = torch.tensor([len(row) for row in rows])
            ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
            real = torch.arange(longest) < lengths[:, None]
            states = self._states(ids, None if bool(real.all()) else real).numpy()
        return [part[: len(row)] for part, row in zip(states, rows, strict=True)]

    def _states(self, ids: Tensor, real: Tensor | None) -> Tensor:
        from torch.nn import functional

        states = functional.embedding(ids, self.words) + self.positions[: ids.shape[1]]
        states = _normed(states, self.norm)
        mask = None if real is None else real[:, None, None, :]
        for layer in self.layers:
            states = layer.forward(states, mask)
        return states


class _Layer:
    """One layer: attention, then two linear maps, each added to its input and normalised."""

    def __init__(self, weights: dict[str, Tensor], name: str) -> None:
        import torch

        parts = [_pair(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
        self.three = (torch.cat([weight for weight, _ in parts]), torch.cat([bias for _, bias in parts]))
        self.mixed = _pair(weights, f"{name}.attention.output.dense")
        self.norm = _pair(weights, f"{name}.attention.output.LayerNorm")
        self.wide = _pair(weights, f"{name}.intermediate.dense")
        self.narrow = _pair(weights, f"{name}.output.dense")
        self.last_norm = _pair(weights, f"{name}.output.LayerNorm")

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        from torch.nn import functional

        texts, tokens, _ = states.shape
        split = functional.linear(states, *self.three).view(texts, tokens, 3, HEADS, DIM // HEADS)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        seen = seen.transpose(1, 2).reshape(texts, tokens, DIM)
        states = _normed(states + functional.linear(seen, *self.mixed), self.norm)
        wide = functional.gelu(functional.linear(states, *self.wide))
        return _normed(states + functional.linear(wide, *self.narrow), self.last_norm)


class _Pool:
    """Threads that each use one core; made anew in a forked process, which inherits none."""

    process = -1
    threads: ThreadPoolExecutor
    lock = threading.Lock()


def _workers() -> ThreadPoolExecutor:
    import torch

    with _Pool.lock:
        if _Pool.process != os.getpid():
            usual = torch.get_num_threads()
            ready = threading.Barrier(usual + 1)

            def use_one_core() -> None:
                torch.set_num_threads(1)
                ready.wait()

            _Pool.threads = ThreadPoolExecutor(usual, "ragkit-minilm", initializer=use_one_core)
            for _ in range(usual):
                _Pool.threads.submit(int)
            ready.wait()
            torch.set_num_threads(usual)  # the setting of a thread is also the default of later ones: put it back
            _Pool.process = os.getpid()
        return _Pool.threads


def _pair(weights: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _normed(states: Tensor, pair: tuple[Tensor, Tensor]) -> Tensor:
    from torch.nn import functional

    return functional.layer_norm(states, (DIM,), *pair, 1e-12)


def _batches(order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Cut `order`, ascending by length, into runs of at most `BATCH_TOKENS` padded tokens."""
    batches: list[list[int]] = []
    for place in order:
        if not batches or lengths[place] * (len(batches[-1]) + 1) > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(place)
    return batches


__all__: list[Any] = ["DIM", "MiniLM"]
