"""Training: it finds what is there, is deterministic, and survives being killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ragkit.errors import InvalidValueError, ModelError
from ragkit.extractors.s3.sae import load
from ragkit.extractors.s3.scan import digest
from ragkit.extractors.s3.train import Reservoir, SAEConfig, _Run, measured, train_sae

TINY = SAEConfig(features=32, k=3, steps=30, batch=64, warmup=5, dead_after=500, note_every=5, bf16=False)


def known(n: int, atoms: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    codes = np.zeros((n, len(atoms)), dtype=np.float32)
    for row in codes:
        row[rng.choice(len(atoms), 4, replace=False)] = rng.uniform(0.5, 1.5, 4)
    return codes @ atoms + rng.normal(0, 0.01, (n, atoms.shape[1])).astype(np.float32)


def atoms_of(d: int = 64, count: int = 128) -> np.ndarray:
    rows = np.random.default_rng(7).standard_normal((count, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def recovered(k: int) -> float:
    atoms = atoms_of()
    config = SAEConfig(features=256, k=k, steps=600, batch=512, bf16=False)
    made = train_sae(known(20_000, atoms), config).autoencoder
    return float(((atoms @ made.W_dec.T).max(axis=1) > 0.9).mean())


def test_the_atoms_of_a_known_dictionary_are_found():
    assert recovered(4) >= 0.95


@pytest.mark.slow
def test_with_too_large_a_k_fewer_atoms_are_found():
    assert recovered(8) < 0.9


def some(n: int = 400, d: int = 8, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def test_the_same_seed_gives_the_same_autoencoder_and_another_seed_another():
    one, two, other = (train_sae(some(), TINY, seed=seed).autoencoder for seed in (0, 0, 1))
    assert (one.W_enc == two.W_enc).all() and (one.b_dec == two.b_dec).all()
    assert not np.allclose(one.W_enc, other.W_enc)


def test_training_lowers_the_loss_and_keeps_unit_rows():
    trained = train_sae(some(), replace(TINY, steps=200))
    assert trained.history[-1][1] < 0.7 * trained.history[0][1]
    np.testing.assert_allclose(np.linalg.norm(trained.autoencoder.W_dec, axis=1), 1, atol=1e-5)
    assert {"fvu", "dead", "active", "common", "steps", "samples"} <= set(trained.autoencoder.stats)


@pytest.mark.parametrize("aux", [0.0, 1 / 32])
def test_only_the_extra_term_reaches_dead_features(aux: float):
    run = _Run.started(known(2000, atoms_of(16, 48)), np.arange(2000), replace(TINY, features=64, k=4, aux=aux), seed=0)
    with torch.no_grad():
        run.parameters["b_enc"][:32] = -9.0  # they stay silent, and are dead after eight batches
    for _ in range(10):
        run.advance()
    moved = run.parameters["W_enc"].grad[:, :32].abs().sum() > 0
    assert bool(moved) == (aux > 0)
    assert run.parameters["W_enc"].grad[:, 32:].abs().sum() > 0


def test_data_rows_start_in_the_directions_of_the_data():
    made = train_sae(known(2000, atoms_of(16, 12)), replace(TINY, init="data", steps=1)).autoencoder
    assert (made.W_dec @ atoms_of(16, 12).T).max() > 0.5


class Stopped(Exception):
    pass


def test_a_training_that_was_stopped_goes_on_to_the_same_result(tmp_path: Path):
    def stop(progress):
        if progress.step == 20:
            raise Stopped

    checkpoint = tmp_path / "c.checkpoint"
    with pytest.raises(Stopped):
        train_sae(some(), TINY, checkpoint=checkpoint, every=10, progress=stop)
    assert checkpoint.exists()
    seen = []
    again = train_sae(some(), TINY, checkpoint=checkpoint, every=10, progress=lambda one: seen.append(one.step))
    straight = train_sae(some(), TINY)
    assert seen[0] == 15  # the checkpoint of step 10 was the last before it was stopped at 20
    assert (again.autoencoder.W_enc == straight.autoencoder.W_enc).all()
    assert again.history == straight.history
    assert not checkpoint.exists()


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path):
    def stop(progress):
        raise Stopped

    checkpoint = tmp_path / "c.checkpoint"
    with pytest.raises(Stopped):
        train_sae(some(), replace(TINY, note_every=25), checkpoint=checkpoint, every=10, progress=stop)
    with pytest.raises(ModelError, match="other texts or settings"):
        train_sae(some(seed=9), replace(TINY, note_every=25), checkpoint=checkpoint, every=10)
    checkpoint.write_bytes(b"torn")
    with pytest.raises(ModelError, match="cannot be read"):
        train_sae(some(), TINY, checkpoint=checkpoint)


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.zeros((3, 4), dtype=np.float32), "at least 10 vectors"),
        (np.ones((50, 4), dtype=np.float32), "all equal"),
        (np.full((50, 4), np.nan, dtype=np.float32), "not finite"),
    ],
)
def test_vectors_that_teach_nothing_are_refused(vectors: np.ndarray, said: str):
    with pytest.raises(InvalidValueError, match=said):
        train_sae(vectors, TINY)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"k": 33}, {"steps": 0}, {"rate": 0.0}, {"init": "zeros"}])
def test_settings_out_of_range_are_refused(wrong: dict):
    with pytest.raises(InvalidValueError):
        replace(TINY, **wrong)


def test_a_reservoir_is_a_uniform_sample_whatever_the_blocks():
    stream = np.arange(2000, dtype=np.float32)[:, None]  # whole numbers that float16 can hold
    kept = []
    for seed in range(40):
        reservoir = Reservoir(100, seed)
        for start in range(0, 2000, 37):
            reservoir.add(stream[start : start + 37])
        assert len(np.unique(reservoir.vectors)) == 100
        kept.append(float(reservoir.vectors.astype(np.float64).mean()))
    assert abs(np.mean(kept) - 1000) < 40


def test_what_is_measured_of_no_vectors_is_nothing():
    made = train_sae(some(), TINY).autoencoder
    assert measured(made, np.zeros((0, 8), dtype=np.float32))["active"] == 0


TRAIN = """
import sys
from pathlib import Path
from tests.extractors.s3.helpers import WordBackend
from ragkit.extractors.s3.fitting import fit
from ragkit.extractors.s3.sae import load
from ragkit.extractors.s3.scan import digest
from ragkit.extractors.s3.train import SAEConfig
import torch
torch.set_num_threads(1)
text = " ".join(f"w{i * i % 977}" for i in range(3000))

def config(space):
    return SAEConfig(features=32, k=3, steps=int(sys.argv[2]), batch=64, note_every=20, bf16=False)

def tell(stage):
    print(stage.done, flush=True)

fit(WordBackend(), [text], Path(sys.argv[1]), config=config, every=20, progress=tell)
"""


@pytest.mark.slow
def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_file(tmp_path: Path, root: Path):
    env = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}

    def start(folder: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", TRAIN, str(tmp_path / folder), "400"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)

    killed = start("a")
    assert killed.stdout is not None
    for line in killed.stdout:
        if line.strip() == "200":
            break
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    assert list((tmp_path / "a" / "unfinished").glob("*.checkpoint"))
    again, straight = start("a"), start("b")
    steps = [line.strip() for line in again.communicate()[0].splitlines()]
    straight.communicate()
    assert again.returncode == straight.returncode == 0
    assert int(steps[0]) > 100 and steps[-1] == "400"
    one, two = (load(tmp_path / folder / "words.safetensors") for folder in "ab")
    assert one.stats == two.stats and digest(one) == digest(two)
    assert (tmp_path / "a" / "words.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "a" / "unfinished").exists()
