from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import ModelError
from ragkit.models import minilm
from ragkit.models.embedders import TextEmbedder, load_embedder
from ragkit.models.encoders import SentenceTransformerEncoder
from ragkit.models.minilm import MiniLM
from ragkit.models.packaged import minilm_folder
from ragkit.testing import TEXTS, check_embedder


@pytest.fixture
def tampered(tmp_path: Path) -> Iterator[Path]:
    """A copy of the model with one bit of its weights changed."""
    folder = tmp_path / "model"
    shutil.copytree(minilm_folder(), folder)
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    yield folder
    shutil.rmtree(folder)


def test_sentences_of_one_meaning_are_nearer_than_others() -> None:
    embedder = load_embedder("minilm")
    cat, feline, bank = embedder.embed(["A cat sits on the mat.", "The feline rests on a rug.", "Banks raise rates."])
    assert cat @ feline > 0.5 > 0.2 > cat @ bank


def test_vectors_equal_those_of_sentence_transformers() -> None:
    texts = [text for text in TEXTS if text.strip()] + ["", "short", "Who wrote it?", "word " * 300]
    reference = TextEmbedder(SentenceTransformerEncoder(str(minilm_folder())))
    assert np.abs(load_embedder("minilm").embed(texts) - reference.embed(texts)).max() < 1e-6


def test_changed_weights_are_refused_before_they_are_loaded(tampered: Path) -> None:
    with pytest.raises(ModelError, match=f"{minilm.MINILM_SHA256}") as caught:
        MiniLM(tampered).encode(["text"], False)
    assert str(tampered / "model.safetensors") in str(caught.value)


def test_batches_hold_all_texts_and_stay_within_the_bound() -> None:
    lengths = [3, 5, 5, 100, 200, 256, 256]
    batches = minilm._batches(range(len(lengths)), lengths)
    assert [place for batch in batches for place in batch] == list(range(len(lengths)))
    assert all(len(batch) * lengths[batch[-1]] <= minilm.BATCH_TOKENS for batch in batches)


def test_the_embedder_keeps_the_promises_of_an_embedder() -> None:
    check_embedder(lambda: load_embedder("minilm"))


def test_the_model_leaves_the_number_of_torch_threads_as_it_was() -> None:
    import torch

    before = torch.get_num_threads()
    load_embedder("minilm").embed(["some text", "another"])
    assert torch.get_num_threads() == before


def test_it_runs_without_the_network_and_without_the_libraries_around_it() -> None:
    program = (
        "import socket, sys\n"
        "def refuse(*args, **kwargs): raise AssertionError('the network was tried')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from ragkit.models.embedders import load_embedder\n"
        "print(load_embedder('minilm').embed(['one', 'two']).shape)\n"
        "print(sorted({'transformers', 'sentence_transformers', 'scipy'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("(2, 384)\n[]\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_it_still_works_in_a_forked_process() -> None:
    program = (
        "import os\n"
        "from ragkit.models.embedders import load_embedder\n"
        "parent = load_embedder('minilm').embed(['one'])\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if (load_embedder('minilm').embed(['one']) == parent).all() else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.stdout == "0\n", run.stderr
