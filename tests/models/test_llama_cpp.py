"""The chat model read from a file: what goes wrong before there is a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import ModelError
from ragkit.models.chat import load_chat_model

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install 'ragkit[llama-cpp]'")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ModelError, match="there is no file /nowhere.gguf"):
        load_chat_model("llama-cpp:/nowhere.gguf").invoke("hi")


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.gguf"
    file.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="cannot be read as a GGUF model"):
        load_chat_model(f"llama-cpp:{file}").invoke("hi")
