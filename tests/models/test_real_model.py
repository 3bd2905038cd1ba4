"""A real chat model: read from its file in this process, and behind llama.cpp's own server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install 'ragkit[llama-cpp]'")

from ragkit import KnowledgeBase
from ragkit.errors import ModelError
from ragkit.models.chat import OpenAICompatible, load_chat_model
from ragkit.types import Answer, Document
from tests.gguf import qwen

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KEY = "a-key-for-this-test"
CONTEXT = 2048


@pytest.fixture(scope="module")
def gguf() -> Path:
    return qwen()


@pytest.fixture(scope="module")
def server(gguf: Path) -> Iterator[str]:
    """The address of a server that wants a key and has a short context."""
    pytest.importorskip("fastapi", reason="the server of llama-cpp-python is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--model", str(gguf), "--model_alias", "qwen", "--host", "127.0.0.1", "--port", str(port)]
    options += ["--n_ctx", str(CONTEXT), "--api_key", KEY, "--n_threads", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "llama_cpp.server", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(1800):
            assert process.poll() is None, "the server of llama-cpp-python did not start"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"openai-compatible:http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGKIT_API_KEY", KEY)


@pytest.mark.usefixtures("key")
def test_a_server_answers_and_counts_its_tokens(server: str) -> None:
    said = load_chat_model(server, timeout=300).invoke("Say hello in one word.")

    assert "hello" in str(said.content).lower()
    assert said.usage_metadata is not None and said.usage_metadata["input_tokens"] > 5


@pytest.mark.usefixtures("key")
def test_a_server_streams(server: str) -> None:
    pieces = [str(piece.content) for piece in load_chat_model(server, timeout=300).stream("Count from one to five.")]
    assert len([piece for piece in pieces if piece]) > 3


@pytest.mark.usefixtures("key")
def test_too_long_a_question_is_one_clear_error(server: str) -> None:
    with pytest.raises(ModelError, match="too long"):
        load_chat_model(server, timeout=300).invoke("word " * (2 * CONTEXT))


def test_a_wrong_key_is_one_clear_error(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGKIT_API_KEY", "wrong")
    with pytest.raises(ModelError, match="refused the key"):
        load_chat_model(server).invoke("hi")


@pytest.mark.usefixtures("key")
def test_an_answer_of_a_real_model_is_streamed_and_cites_only_what_stands_in_the_sources(server: str) -> None:
    with KnowledgeBase(":memory:", f"bm25 >> answer(model={server!r}, embedder='', timeout=300)") as kb:
        kb.add(Document("ada", "Ada Lind was born in Bern in 1904.", "ada.txt"))
        *pieces, last = kb.stream("Where was Ada Lind born?")

        assert isinstance(last, Answer)
        assert "".join(str(piece) for piece in pieces).strip()
        for citation in last.citations:
            assert kb.document("ada").text[citation.start : citation.end] == citation.quote
        assert last.usage.calls >= 1


def test_a_file_is_read_in_this_process_and_streams(gguf: Path) -> None:
    chat = load_chat_model(f"llama-cpp:{gguf}")
    pieces = list(chat.stream("Count from one to five."))
    whole = chat.invoke("Count from one to five.")

    assert len([piece for piece in pieces if piece.content]) > 3
    assert "".join(str(piece.content) for piece in pieces) == whole.content
    assert whole.usage_metadata is not None and whole.usage_metadata["output_tokens"] > 3


def test_too_long_a_question_for_a_file_is_one_clear_error(gguf: Path) -> None:
    with pytest.raises(ModelError, match="too long"):
        load_chat_model(f"llama-cpp:{gguf}").invoke("word " * 20_000)


def test_the_command_line_answers_with_a_model_from_a_file(gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "ada.txt").write_text("Ada Lind was born in Bern in 1904.")
    environment = {
        **os.environ,
        "RAGKIT_CACHE": str(tmp_path / "cache"),
        "RAGKIT_PIPELINE": "bm25 >> answer(embedder='')",
    }
    command = ["ask", "--source", "ada.txt", "--llm", f"llama-cpp:{gguf}", "Where was Ada Lind born?"]
    done = subprocess.run(
        [sys.executable, "-m", "ragkit", *command], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Bern" in done.stdout


def test_a_server_that_is_not_there_is_one_clear_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chat = OpenAICompatible(base_url=f"http://127.0.0.1:{port}/v1", model_name="x", pause=0.01)
    with pytest.raises(ModelError, match="is it running"):
        chat.invoke("hi")
