"""The OpenAI-compatible client, against a small server on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage

from ragkit.errors import ConfigError, InvalidValueError, ModelError
from ragkit.models.chat import OpenAICompatible, load_chat_model

Reply = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    replies: list[Reply]
    seen: list[tuple[str, dict[str, str], dict[str, object]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, dict(self.headers), body))
        self.replies.pop(0)(self)

    def do_GET(self) -> None:
        self.seen.append((self.path, dict(self.headers), {}))
        self.replies.pop(0)(self)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def send(status: int, body: object, **headers: str) -> Reply:
    def reply(handler: Handler) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return reply


def said(text: str) -> Reply:
    usage = {"prompt_tokens": 11, "completion_tokens": 3}
    return send(200, {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage})


def streamed(*pieces: str, broken: bool = False) -> Reply:
    events = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    events.append({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": len(pieces)}})
    lines = [f"data: {json.dumps(event)}\n\n" for event in events] + [": a comment\n\n", "data: [DONE]\n\n"]
    return send(
        200, "".join(lines).encode() if not broken else b"data: {nonsense\n\n", Content_Type="text/event-stream"
    )


@pytest.fixture
def server() -> Iterator[Callable[..., str]]:
    httpd: list[ThreadingHTTPServer] = []

    def start(*replies: Reply) -> str:
        class Own(Handler):
            pass

        Own.replies, Own.seen = list(replies), []
        running = ThreadingHTTPServer(("127.0.0.1", 0), Own)
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        httpd.append(running)
        start.seen = Own.seen  # type: ignore[attr-defined]
        return f"http://127.0.0.1:{running.server_address[1]}/v1"

    yield start
    for running in httpd:
        running.shutdown()
        running.server_close()


def model(url: str, **settings: object) -> OpenAICompatible:
    return OpenAICompatible(base_url=url, **{"model_name": "tiny", "pause": 0.01, "timeout": 5.0, **settings})


def test_a_reply_comes_with_its_usage(server: Callable[..., str]) -> None:
    url = server(said("hello"))

    message = model(url).invoke([HumanMessage("hi")])

    assert message.content == "hello"
    assert message.usage_metadata == {"input_tokens": 11, "output_tokens": 3, "total_tokens": 14}
    path, _, body = server.seen[0]
    assert path == "/v1/chat/completions"
    assert body["model"] == "tiny"
    assert body["messages"] == [{"role": "user", "content": "hi"}]


def test_a_stream_comes_in_pieces_with_usage_at_its_end(server: Callable[..., str]) -> None:
    pieces = list(model(server(streamed("Hel", "lo ", "wörld"))).stream("hi"))

    assert "".join(str(piece.content) for piece in pieces) == "Hello wörld"
    assert len([piece for piece in pieces if piece.content]) == 3
    assert sum(piece.usage_metadata["output_tokens"] for piece in pieces if piece.usage_metadata) == 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(server: Callable[..., str], status: int) -> None:
    url = server(send(status, {"error": {"message": "busy"}}, Retry_After="0"), said("hello"))

    assert model(url).invoke("hi").content == "hello"
    assert len(server.seen) == 2


def test_trying_again_has_an_end(server: Callable[..., str]) -> None:
    url = server(*[send(429, {"error": "slow down"})] * 9)

    with pytest.raises(ModelError, match="no more requests for now .slow down"):
        model(url, retries=2).invoke("hi")
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (send(401, {"error": {"message": "bad key"}}), "refused the key .401: bad key.; set RAGKIT_API_KEY"),
        (send(404, {"error": {"message": "no model tiny"}}), "knows no such model or address"),
        (
            send(400, {"error": {"message": "maximum context length is 512 tokens"}}),
            "too long for tiny .*context_tokens",
        ),
        (send(400, b"<html>nope</html>"), "failed .400: <html>nope</html>"),
        (send(302, b"", Location="http://example.invalid/"), "sends elsewhere"),
        (send(200, b"<html>hello</html>"), "no JSON"),
        (send(200, {"choices": []}), "without a message"),
        (send(200, [1]), "no object"),
    ],
)
def test_a_failure_is_explained_and_not_tried_again(server: Callable[..., str], reply: Reply, message: str) -> None:
    url = server(reply, said("never"))

    with pytest.raises(ModelError, match=message):
        model(url).invoke("hi")
    assert len(server.seen) == 1


def test_an_error_inside_a_stream_is_a_model_error(server: Callable[..., str]) -> None:
    broken = send(200, b'data: {"error": {"message": "the context is full"}}\n\n')

    with pytest.raises(ModelError, match="too long"):
        list(model(server(broken)).stream("hi"))
    with pytest.raises(ModelError, match="no JSON"):
        list(model(server(streamed(broken=True))).stream("hi"))


def test_a_dead_server_is_named() -> None:
    with pytest.raises(ModelError, match="no chat server answers at http://127.0.0.1:9/v1"):
        model("http://127.0.0.1:9/v1", retries=1).invoke("hi")


def test_a_silent_server_times_out(server: Callable[..., str]) -> None:
    def sleep(handler: Handler) -> None:
        time.sleep(1.0)

    with pytest.raises(ModelError, match="silent for 0.2 s"):
        model(server(sleep), timeout=0.2).invoke("hi")


def test_the_only_model_of_a_server_is_found(server: Callable[..., str]) -> None:
    url = server(send(200, {"data": [{"id": "found-me"}]}), said("hello"))

    model(url, model_name="").invoke("hi")

    assert server.seen[1][2]["model"] == "found-me"


def test_the_key_comes_from_the_environment_and_stays_with_its_owner(
    server: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server(said("a"), said("b"))
    monkeypatch.setenv("OPENAI_API_KEY", "for-openai-only")
    monkeypatch.delenv("RAGKIT_API_KEY", raising=False)
    model(url).invoke("hi")
    monkeypatch.setenv("RAGKIT_API_KEY", "secret")
    model(url).invoke("hi")

    assert "Authorization" not in server.seen[0][1]
    assert server.seen[1][1]["Authorization"] == "Bearer secret"


def test_names_of_models_are_read() -> None:
    loaded = load_chat_model("openai-compatible:http://localhost:8080#qwen3", timeout=7)

    assert isinstance(loaded, OpenAICompatible)
    assert (loaded.base_url, loaded.model_name, loaded.timeout) == ("http://localhost:8080/v1", "qwen3", 7)
    fake = FakeListChatModel(responses=["x"])
    assert load_chat_model(fake) is fake


@pytest.mark.parametrize(
    "name", ["qwen3", "openai-compatible:", "openai-compatible:ftp://x", "openai-compatible:http://", ":x", "x:"]
)
def test_a_name_of_no_model_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match="write"):
        load_chat_model(name)


def test_a_key_in_an_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="RAGKIT_API_KEY"):
        load_chat_model("openai-compatible:http://user:key@localhost:1/v1")


def test_an_unknown_provider_is_a_model_error() -> None:
    pytest.importorskip("langchain")
    with pytest.raises(ModelError, match="nobody:model"):
        load_chat_model("nobody:model")


def test_a_parameter_the_model_does_not_take_is_sent_under_its_new_name_or_left_out(server: Callable[..., str]) -> None:
    no_limit = {"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}}
    no_heat = {"error": {"message": "Unsupported value: 'temperature' does not support 0.0 with this model."}}
    url = server(send(400, no_limit), send(400, no_heat), said("hello"), said("again"))
    chat = model(url)

    assert chat.invoke("hi").content == "hello"
    assert chat.invoke("hi").content == "again"
    last = server.seen[-1][2]
    assert "max_tokens" not in last and last["max_completion_tokens"] == 1024 and "temperature" not in last
    assert len(server.seen) == 4


def test_a_parameter_refused_for_good_is_an_error(server: Callable[..., str]) -> None:
    refusal = send(400, {"error": {"message": "Unsupported parameter: 'temperature'."}})
    with pytest.raises(ModelError, match="refuses the parameter temperature"):
        model(server(refusal, refusal)).invoke("hi")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://localhost:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("box:8000", "http://box:8000/v1"),
        ("https://ai.example.org", "https://ai.example.org:443/v1"),
        ("[::1]:11434", "http://[::1]:11434/v1"),
    ],
)
def test_ollama_is_asked_where_its_own_variable_says(monkeypatch: pytest.MonkeyPatch, host: str, url: str) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    chat = load_chat_model("ollama:qwen3:4b")

    assert isinstance(chat, OpenAICompatible)
    assert (chat.base_url, chat.model_name) == (url, "qwen3:4b")


def test_openai_is_asked_at_its_own_address() -> None:
    chat = load_chat_model("openai:gpt-4.1-mini")

    assert isinstance(chat, OpenAICompatible)
    assert (chat.base_url, chat.model_name) == ("https://api.openai.com/v1", "gpt-4.1-mini")
