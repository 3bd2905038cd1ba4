"""Training a sparse autoencoder, with torch: deterministic for a seed and thread count, and resumable.

The loss is that of Gao et al. (2024), "Scaling and evaluating sparse autoencoders": the normalised reconstruction
error, and a small term that lets features which have not fired for long explain what is left over. Batches are drawn
from the seed and the number of the step, so a run that was killed goes on from its checkpoint to the same result.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError, ModelError
from ragkit.extractors.s3.sae import Autoencoder, checked_scale

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

NAMES = ("W_enc", "b_enc", "W_dec", "b_dec")
HELD_OUT = 10  # one vector in so many is kept for measuring


@dataclass(frozen=True, slots=True)
class SAEConfig:
    """How to train. Steps and sizes as measured to suffice for keys of a small language model; see docs/s3.md."""

    features: int = 4096
    k: int = 32
    steps: int = 700
    batch: int = 1024
    rate: float = 1e-3
    warmup: int = 50
    dead_after: int = 50_000
    aux: float = 1 / 32
    aux_k: int = 256
    init: str = "random"
    bf16: bool = True
    note_every: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.features:
            raise InvalidValueError(f"k must be between 1 and the {self.features} features, not {self.k}")
        if min(self.steps, self.batch, self.dead_after, self.note_every) < 1 or self.warmup < 0 or self.aux_k < 0:
            raise InvalidValueError("steps, batch, dead_after and note_every must be at least 1")
        if self.rate <= 0 or self.aux < 0:
            raise InvalidValueError("the learning rate must be above 0, and aux not below 0")
        if self.init not in ("random", "data"):
            raise InvalidValueError(f"init is 'random' or 'data', not {self.init!r}")


@dataclass(slots=True)
class Progress:
    """Where a training is: `step` of `steps`, its loss there, and the share of features that count as dead."""

    step: int
    steps: int
    loss: float
    dead: float


@dataclass(slots=True)
class Trained:
    """The result: the autoencoder, and (step, loss, dead share) along the way."""

    autoencoder: Autoencoder
    history: list[tuple[int, float, float]] = field(default_factory=list)


def train_sae(
    vectors: NDArray[Any],
    config: SAEConfig,
    *,
    seed: int = 0,
    space: str = "",
    fingerprint: str = "",
    checkpoint: Path | None = None,
    every: int = 100,
    progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train on vectors (n, d), a tenth of them held out for the statistics.

    With `checkpoint`, the state is written there each `every` steps and taken up again; the file is removed at the
    end. Raises `InvalidValueError` for too few, equal or non-finite vectors, `ModelError` when the loss is lost or the
    checkpoint is of another training.
    """
    import numpy as np

    if vectors.ndim != 2 or len(vectors) < HELD_OUT:
        raise InvalidValueError(f"training needs at least {HELD_OUT} vectors, got an array of shape {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise InvalidValueError(f"the vectors of {space or 'this space'} hold numbers that are not finite")
    order = np.random.default_rng([seed, 0]).permutation(len(vectors))
    held, kept = order[: len(order) // HELD_OUT], order[len(order) // HELD_OUT :]
    run = _Run.started(vectors, np.sort(kept), config, seed)
    if checkpoint is not None:
        run.resume(checkpoint)
    while run.step < config.steps:
        run.advance()
        if run.step % config.note_every == 0 or run.step == config.steps:
            run.note()
            if progress is not None:
                progress(Progress(run.step, config.steps, run.history[-1][1], run.history[-1][2]))
        if checkpoint is not None and run.step % every == 0 and run.step < config.steps:
            run.save(checkpoint)
    made = run.result(space, fingerprint, vectors[np.sort(held)])
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return Trained(made, run.history)


class _Run:
    """One training: parameters, optimiser, when each feature fired last."""

    def __init__(
        self, vectors: NDArray[Any], rows: NDArray[Any], mean: NDArray[Any], scale: float, config: SAEConfig, seed: int
    ) -> None:
        import torch

        self.vectors, self.rows, self.mean, self.scale = vectors, rows, mean, scale
        self.config, self.seed, self.step = config, seed, 0
        self.history: list[tuple[int, float, float]] = []
        self.last_loss: Tensor = torch.zeros(())
        d = vectors.shape[1]
        decoder = self._first_rows(d)
        start = (decoder.T.contiguous(), torch.zeros(config.features), decoder, torch.zeros(d))
        self.parameters = {name: torch.nn.Parameter(value) for name, value in zip(NAMES, start, strict=True)}
        self.optimiser = torch.optim.Adam(self.parameters.values(), lr=config.rate, betas=(0.9, 0.999))
        self.idle = torch.zeros(config.features, dtype=torch.int64)  # samples since a feature last fired

    @classmethod
    def started(cls, vectors: NDArray[Any], rows: NDArray[Any], config: SAEConfig, seed: int) -> _Run:
        import numpy as np

        mean = np.zeros(vectors.shape[1])
        for start in range(0, len(rows), 8192):
            mean += vectors[rows[start : start + 8192]].sum(axis=0, dtype=np.float64)
        mean = (mean / len(rows)).astype(np.float32)
        some = vectors[rows[:: max(1, len(rows) // 50_000)]]
        return cls(vectors, rows, mean, checked_scale(some, mean), config, seed)

    def _first_rows(self, d: int) -> Tensor:
        import numpy as np
        import torch

        rng = np.random.default_rng([self.seed, 1])
        rows = rng.standard_normal((self.config.features, d)).astype(np.float32)
        if self.config.init == "data":
            picked = self.rows[rng.integers(0, len(self.rows), self.config.features)]
            rows = self.vectors[picked].astype(np.float32) - self.mean + 1e-6 * rows
        return torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    def batch(self) -> Tensor:
        import numpy as np
        import torch

        picks = np.random.default_rng([self.seed, 2, self.step]).integers(0, len(self.rows), self.config.batch)
        part = self.vectors[self.rows[picks]].astype(np.float32)
        return torch.from_numpy((part - self.mean) * np.float32(self.scale))

    def advance(self) -> None:
        """One step."""
        import torch

        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate * self._pace()
        loss = self._loss(self.batch())
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        decoder = self.parameters["W_dec"]
        with torch.no_grad():
            assert decoder.grad is not None
            decoder.grad -= (decoder.grad * decoder).sum(dim=1, keepdim=True) * decoder
        self.optimiser.step()
        with torch.no_grad():
            decoder.div_(decoder.norm(dim=1, keepdim=True))
        self.step += 1
        self.last_loss = loss.detach()

    def _pace(self) -> float:
        config, step = self.config, self.step
        up = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
        decay_from = 0.8 * config.steps
        down = 1.0 if step < decay_from else 1 - 0.98 * (step - decay_from) / max(1.0, config.steps - decay_from)
        return up * down

    def _loss(self, x: Tensor) -> Tensor:
        import torch

        W_enc, b_enc, W_dec, b_dec = self.parameters.values()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.config.bf16):
            before = (x - b_dec) @ W_enc
        before = before.float() + b_enc
        codes = _kept(torch.relu(before), self.config.k)
        rest = x - self._decoded(codes) - b_dec
        loss = rest.square().sum() / x.square().sum().clamp_min(1e-12)
        with torch.no_grad():
            fired = (codes > 0).any(dim=0)
            self.idle += len(x)
            self.idle[fired] = 0
            dead = self.idle >= self.config.dead_after
        wake = min(self.config.aux_k, int(dead.sum()))
        if wake and self.config.aux:
            rest = rest.detach()
            woken = _kept(torch.where(dead, before, float("-inf")), wake)
            left = (rest - self._decoded(woken)).square().sum() / rest.square().sum().clamp_min(1e-12)
            loss = loss + self.config.aux * left
        return loss

    def _decoded(self, codes: Tensor) -> Tensor:
        import torch

        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.config.bf16):
            out = codes @ self.parameters["W_dec"]
        return out.float()

    def note(self) -> None:
        """Add to the history. Raises `ModelError` when the loss is no number any more."""
        loss = float(self.last_loss)
        if loss != loss or loss in (float("inf"), float("-inf")):
            raise ModelError(
                f"the loss became {loss} at step {self.step}; lower the learning rate {self.config.rate:g}"
            )
        dead = float((self.idle >= self.config.dead_after).float().mean())
        self.history.append((self.step, loss, dead))

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def _identity(self) -> str:
        import hashlib

        import numpy as np

        some = np.ascontiguousarray(self.vectors[self.rows[:: max(1, len(self.rows) // 1000)]])
        digest = hashlib.sha256(some.tobytes()).hexdigest()[:16]
        return json.dumps({**asdict(self.config), "seed": self.seed, "n": len(self.rows), "data": digest})

    def save(self, path: Path) -> None:
        from safetensors.torch import save_file

        tensors = {name: value.detach().contiguous() for name, value in self.parameters.items()}
        for name, value in self.parameters.items():
            state = self.optimiser.state[value]
            tensors |= {f"adam.{key}.{name}": state[key].clone() for key in ("exp_avg", "exp_avg_sq", "step")}
        tensors["idle"] = self.idle
        notes = {"run": self._identity(), "step": str(self.step), "history": json.dumps(self.history)}
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        save_file(tensors, unfinished, notes)
        unfinished.replace(path)

    def resume(self, path: Path) -> None:
        import torch
        from safetensors import SafetensorError, safe_open

        if not path.exists():
            return
        try:
            with safe_open(path, framework="pt") as file:
                notes = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise ModelError(f"the checkpoint {path} cannot be read ({error}); remove it to begin anew") from error
        if notes.get("run") != self._identity():
            raise ModelError(f"the checkpoint {path} is of a training with other texts or settings; remove it")
        with torch.no_grad():
            for name, value in self.parameters.items():
                value.copy_(tensors[name])
                keys = ("exp_avg", "exp_avg_sq", "step")
                self.optimiser.state[value] = {key: tensors[f"adam.{key}.{name}"] for key in keys}
        self.idle = tensors["idle"]
        self.step = int(notes["step"])
        self.history = [(int(step), float(loss), float(dead)) for step, loss, dead in json.loads(notes["history"])]

    # -- the end ------------------------------------------------------------------------------------------------------

    def result(self, space: str, fingerprint: str, held: NDArray[Any]) -> Autoencoder:
        import numpy as np

        parts = {name: np.array(value.detach().numpy(), dtype=np.float32) for name, value in self.parameters.items()}
        made = Autoencoder(
            W_enc=parts["W_enc"],
            b_enc=parts["b_enc"],
            W_dec=parts["W_dec"],
            b_dec=parts["b_dec"],
            mean=self.mean,
            scale=self.scale,
            k=self.config.k,
            space=space,
            fingerprint=fingerprint,
            seed=self.seed,
        )
        dead = float((self.idle >= self.config.dead_after).float().mean())
        return replace(
            made, stats={**measured(made, held), "steps": self.step, "samples": len(self.rows), "dead": dead}
        )


def _kept(activations: Tensor, k: int) -> Tensor:
    """The k largest of each row, zero elsewhere; those of minus infinity are zero too."""
    import torch

    values, ids = torch.topk(activations, k, dim=1)
    values = torch.where(torch.isfinite(values), values, 0.0)
    return torch.zeros_like(activations).scatter(1, ids, values)


def measured(autoencoder: Autoencoder, vectors: NDArray[Any]) -> dict[str, float]:
    """How well it does on vectors: `fvu`, mean `active` features, and the share of all taken by the 32 commonest."""
    import numpy as np

    if not len(vectors):
        return {"fvu": 0.0, "active": 0.0, "common": 0.0, "unused": 1.0}
    codes = autoencoder.encode(vectors)
    counts = np.bincount(codes.ids[codes.ids >= 0], minlength=autoencoder.features)
    total = max(1, int(counts.sum()))
    return {
        "fvu": round(autoencoder.unexplained(vectors), 6),
        "active": round(total / len(vectors), 3),
        "common": round(float(np.sort(counts)[-32:].sum() / total), 6),
        "unused": round(float((counts == 0).mean()), 6),
    }


class Reservoir:
    """A uniform sample of a stream of vectors, float16 (size, d) at most (Vitter's algorithm R, by whole blocks)."""

    def __init__(self, size: int, seed: int = 0) -> None:
        import numpy as np

        if size < 1:
            raise InvalidValueError(f"a sample of {size} vectors cannot be kept; at least 1")
        self.size, self.seen = size, 0
        self._rng = np.random.default_rng([seed, 3])
        self._kept: NDArray[np.float16] | None = None

    def add(self, vectors: NDArray[Any]) -> None:
        """Take in vectors (n, d)."""
        import numpy as np

        if self._kept is None:
            self._kept = np.empty((self.size, vectors.shape[1]), dtype=np.float16)
        room = max(0, min(len(vectors), self.size - self.seen))
        self._kept[self.seen : self.seen + room] = vectors[:room]
        late = vectors[room:]
        if len(late):
            numbers = np.arange(self.seen + room, self.seen + len(vectors))
            places = self._rng.integers(0, numbers + 1)
            for row in np.flatnonzero(places < self.size):
                self._kept[places[row]] = late[row]
        self.seen += len(vectors)

    @property
    def vectors(self) -> NDArray[np.float16]:
        """The sample so far. Raises `InvalidValueError` when nothing was added."""
        if self._kept is None:
            raise InvalidValueError("there is no text to train on")
        return self._kept[: min(self.seen, self.size)]


def sampled(chunks: Iterable[Mapping[str, NDArray[Any]]], size: int, seed: int = 0) -> dict[str, NDArray[np.float16]]:
    """A uniform sample of the vectors of each space in a stream of chunks."""
    kept: dict[str, Reservoir] = {}
    for chunk in chunks:
        for space, vectors in chunk.items():
            kept.setdefault(space, Reservoir(size, seed)).add(vectors)
    return {space: reservoir.vectors for space, reservoir in kept.items()}
