"""`ragkit ask --llm`, against a small server of the OpenAI-compatible interface on loopback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import LIGHT, Run

QUESTION = "Where was Ada Lind born?"
REPLY = 'She was born in Bern [1].\nShort: Bern\nQuotes:\n[1] "Ada Lind was born in Bern in 1904."\n'


class Model(BaseHTTPRequestHandler):
    """Answers every chat with `REPLY`, in pieces when they are asked for, and remembers what it was sent."""

    sent: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.sent.append(body)
        usage = {"prompt_tokens": 70, "completion_tokens": 12, "total_tokens": 82}
        if not body["stream"]:
            choice = {"message": {"role": "assistant", "content": REPLY}, "finish_reason": "stop"}
            return self._give("application/json", json.dumps({"choices": [choice], "usage": usage}))
        pieces = [REPLY[at : at + 7] for at in range(0, len(REPLY), 7)]
        events: list[dict[str, Any]] = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
        events.append({"choices": [], "usage": usage})
        data = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        return self._give("text/event-stream", data + "data: [DONE]\n\n")

    def _give(self, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def llm() -> Iterator[str]:
    """The name under which `--llm` finds the server."""
    Model.sent = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"openai-compatible:http://127.0.0.1:{server.server_port}/v1#small"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_chat_model_answers_and_its_citations_are_checked(filled: Run, llm: str) -> None:
    result = filled("ask", "--llm", llm, QUESTION)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "She was born in Bern [1]." in result.stdout
    assert "[1] notes/ada.md:7-41 (line 3)\n    Ada Lind was born in Bern in 1904." in result.stdout
    assert Model.sent[0]["model"] == "small"


def test_json_counts_the_tokens_and_trace_shows_what_was_sent(filled: Run, llm: str) -> None:
    table = json.loads(filled("ask", "--llm", llm, "--json", "--trace", QUESTION).stdout)
    assert table["usage"] == {"prompt_tokens": 70, "completion_tokens": 12, "calls": 1}
    sent = Model.sent[0]["messages"][-1]["content"]
    assert QUESTION in sent
    assert table["trace"][-1]["messages"][-1]["text"] == sent
    shown = filled("ask", "--llm", llm, "--trace", QUESTION).stdout.partition("[1] notes")[2]
    assert f"    Question: {QUESTION}" in shown
    assert re.search(r"sent as human \(\d+ tokens\):", shown)


def test_on_a_terminal_the_answer_streams(filled: Run, folder: Path, llm: str) -> None:
    reader, writer = os.openpty()
    command = [sys.executable, "-m", "ragkit", "ask", "--llm", llm, QUESTION]
    done = subprocess.run(
        command, cwd=folder, stdout=writer, stderr=subprocess.PIPE, env={**os.environ, "TERM": "dumb"}
    )
    os.close(writer)
    shown = os.read(reader, 100_000).decode().replace("\r\n", "\n")
    os.close(reader)
    assert (done.returncode, done.stderr) == (0, b"")
    assert Model.sent[0]["stream"] is True
    assert shown.count("She was born in Bern [1].") == 1
    assert "[1] notes/ada.md:7-41 (line 3)" in shown


def test_the_settings_can_name_the_model_and_the_pipeline_wins_over_them(
    filled: Run, llm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_LLM", llm)
    assert "She was born" in filled("ask", QUESTION).stdout
    quoted = LIGHT.replace("embedder=''", "embedder='', model=''")
    assert "She was born" not in filled("ask", "--pipeline", quoted, QUESTION).stdout


def test_a_server_that_is_not_there_is_an_error(filled: Run) -> None:
    result = filled("ask", "--llm", "openai-compatible:http://127.0.0.1:9/v1#x", QUESTION)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "127.0.0.1:9" in result.stderr


def test_a_model_that_cannot_be_named_so_is_an_error(filled: Run) -> None:
    result = filled("ask", "--llm", "gpt", QUESTION)
    assert result.exit_code == 1
    assert "provider:model" in result.stderr
