"""Autoencoders for every space of a backend from texts: what `ragkit s3 train` does, and takes up again when killed.

The folder holds one safetensors file and one picture of the curves for each space, and while the training runs
`unfinished/`: the sample of vectors and the checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError, ModelError
from ragkit.extractors.s3.sae import Autoencoder, load, save
from ragkit.extractors.s3.shipped import file_name
from ragkit.extractors.s3.train import Progress, SAEConfig, sampled, train_sae

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.extractors.s3.backend import Backend, SpaceInfo

SAMPLES = 200_000
LEAST = 1000  # vectors a space should have to be trained on


@dataclass(frozen=True, slots=True)
class Report:
    """What was made for one space: its file, its picture (None without matplotlib), and what was measured."""

    space: str
    file: Path
    picture: Path | None
    stats: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """What a training is doing: `doing` ("reading" or a space), `done` of `all`, and the latest of its training."""

    doing: str
    done: int
    all: int
    training: Progress | None = None


def config_for(space: SpaceInfo) -> SAEConfig:
    """Sizes that were measured to suffice: 16 d features for keys of language models, 2048 for encoders."""
    if space.query_heads:
        return SAEConfig(features=16 * space.d, k=min(32, 16 * space.d))
    return SAEConfig(features=2048, k=64 if space.smooth else 16, steps=1000)


def fit(
    backend: Backend,
    texts: Sequence[str],
    folder: Path,
    *,
    config: Callable[[SpaceInfo], SAEConfig] | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
    half: bool = False,
    every: int = 100,
    progress: Callable[[Stage], None] | None = None,
) -> list[Report]:
    """Train one autoencoder for each space on at most `samples` vectors of the texts, and write them to a folder.

    `config` gives the settings of each space. Killed and started again with the same arguments it goes on, and the
    result is the same. Raises `InvalidValueError` when the texts are too short, `ModelError` when the folder is busy
    with another training.
    """
    if not any(text.strip() for text in texts):
        raise InvalidValueError("there is no text to train on; all texts are empty")
    config = config or config_for
    work = folder / "unfinished"
    work.mkdir(parents=True, exist_ok=True)
    _claim(work, _identity(backend, texts, config, samples, seed))
    vectors = _vectors(backend, texts, work, samples, seed, progress)
    reports = []
    for space in backend.spaces():
        chosen = config(space)
        reports.append(
            _fitted(space, backend.fingerprint(), vectors[space.name], chosen, folder, seed, half, every, progress)
        )
    shutil.rmtree(work)
    return reports


def _fitted(
    space: SpaceInfo,
    fingerprint: str,
    vectors: NDArray[Any],
    config: SAEConfig,
    folder: Path,
    seed: int,
    half: bool,
    every: int,
    progress: Callable[[Stage], None] | None,
) -> Report:
    file, picture = folder / file_name(space.name), folder / file_name(space.name).replace(".safetensors", ".png")
    done = folder / "unfinished" / f"{file.stem}.done"
    if done.exists():
        made = load(file, fingerprint=fingerprint, space=space.name)
        return Report(space.name, file, picture if picture.exists() else None, made.stats)

    def tell(one: Progress) -> None:
        if progress is not None:
            progress(Stage(space.name, one.step, one.steps, one))

    trained = train_sae(
        vectors, config, seed=seed, space=space.name, fingerprint=fingerprint,
        checkpoint=folder / "unfinished" / f"{file.stem}.checkpoint", every=every, progress=tell,
    )  # fmt: skip
    save(trained.autoencoder, file, half=half)
    drawn = _drawn(trained.history, picture, space.name, trained.autoencoder)
    done.touch()
    return Report(space.name, file, drawn, trained.autoencoder.stats)


def _drawn(history: Sequence[tuple[int, float, float]], path: Path, title: str, made: Autoencoder) -> Path | None:
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        return None
    from ragkit.extractors.s3.curves import draw_curves

    draw_curves(history, path, f"{title}: {made.features} features, {made.k} kept, FVU {made.stats['fvu']:.3f}")
    return path


def _vectors(
    backend: Backend,
    texts: Sequence[str],
    work: Path,
    samples: int,
    seed: int,
    progress: Callable[[Stage], None] | None,
) -> dict[str, NDArray[Any]]:
    """The sample of each space: from the folder, or by reading the texts."""
    import numpy as np

    names = {space.name: work / file_name(space.name).replace(".safetensors", ".npy") for space in backend.spaces()}
    if not (work / "read").exists():
        found = sampled(_read(backend, texts, progress), samples, seed)
        for space, path in names.items():
            if len(found.get(space, ())) < LEAST:
                raise InvalidValueError(
                    f"the texts give {len(found.get(space, ()))} vectors for {space!r}; at least {LEAST} are needed, "
                    "and 100,000 make a good autoencoder: give more text"
                )
            np.save(path, found[space])
        (work / "read").touch()
    return {space: np.load(path, mmap_mode="r", allow_pickle=False) for space, path in names.items()}


def _read(
    backend: Backend, texts: Sequence[str], progress: Callable[[Stage], None] | None
) -> Iterable[Mapping[str, NDArray[Any]]]:
    total, before = sum(map(len, texts)), 0
    for text in texts:
        for chunk in backend.scan(text):
            if progress is not None and len(chunk):
                progress(Stage("reading", before + int(chunk.offsets[-1, 1]), total))
            yield chunk.arrays
        before += len(text)


def _identity(
    backend: Backend, texts: Sequence[str], config: Callable[[SpaceInfo], SAEConfig], samples: int, seed: int
) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    spaces = [asdict(config(space)) for space in backend.spaces()]
    return json.dumps([backend.fingerprint(), digest.hexdigest(), spaces, samples, seed])


def _claim(work: Path, identity: str) -> None:
    note = work / "run.json"
    if note.exists() and note.read_text(encoding="utf-8") != identity:
        raise ModelError(
            f"{work} belongs to an unfinished training with another model, other texts or settings; "
            "finish that one, name another folder, or remove it"
        )
    unfinished = note.with_name(f"run.{os.getpid()}.tmp")
    unfinished.write_text(identity, encoding="utf-8")
    unfinished.replace(note)
