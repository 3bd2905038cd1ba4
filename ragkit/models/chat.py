"""Chat models: any of LangChain's, and one of our own for servers of the OpenAI-compatible interface.

The latter (OpenAI, Ollama, vLLM, llama.cpp, LM Studio and the like) needs no further package. Keys are read from the
environment only: `RAGKIT_API_KEY`, and for api.openai.com also `OPENAI_API_KEY`.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any, NoReturn

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from ragkit.errors import ConfigError, InvalidValueError, ModelError, require

PREFIX = "openai-compatible:"
OPENAI = "https://api.openai.com/v1"
OLLAMA = "http://localhost:11434"  # unless OLLAMA_HOST says otherwise
SPELLINGS = f"ollama:qwen3, openai:gpt-4.1-mini, {PREFIX}URL#model, llama-cpp:FILE.gguf, or provider:model of LangChain"

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE = 20.0
_LONGEST_REPLY = 8_000_000  # bytes of one response; a server that sends more is broken
# Newer models of OpenAI refuse these parameters; what to send instead, "" for nothing.
_INSTEAD = {"max_tokens": "max_completion_tokens", "temperature": "", "stream_options": ""}
_OVERFLOW = ("context", "too long", "maximum length", "too many tokens", "n_ctx", "exceed")


def load_chat_model(model: str | BaseChatModel, *, timeout: float = 120.0) -> BaseChatModel:
    """The chat model a setting names, or a LangChain model itself.

    | name | model |
    |---|---|
    | `ollama:qwen3` | of an Ollama server: this machine's, or that of `OLLAMA_HOST` |
    | `openai:gpt-4.1-mini` | of OpenAI |
    | `openai-compatible:URL[#model]` | of any server with OpenAI's interface; without a model, the first it lists |
    | `llama-cpp:FILE.gguf` | read from a file and run in this process |
    | `provider:model` | of any other provider LangChain knows |

    `timeout` is in seconds per request. Nothing is connected or read yet. Raises `InvalidValueError` for another
    spelling, `MissingExtraError` when LangChain or its package for the provider is not installed.
    """
    if isinstance(model, BaseChatModel):
        return model
    if not isinstance(model, str):
        raise InvalidValueError(f"a chat model is a name or a LangChain BaseChatModel, not {type(model).__name__}")
    if model.startswith(PREFIX):
        url, _, name = model.removeprefix(PREFIX).partition("#")
        return OpenAICompatible(base_url=_base_url(url), model_name=name, timeout=timeout)
    provider, colon, name = model.partition(":")
    if not (colon and provider and name):
        raise InvalidValueError(f"{model!r} names no chat model; write {SPELLINGS}")
    match provider:
        case "openai":
            return OpenAICompatible(base_url=OPENAI, model_name=name, timeout=timeout)
        case "ollama":
            return OpenAICompatible(base_url=_ollama(), model_name=name, timeout=timeout)
        case "llama-cpp":
            from ragkit.models.llama_cpp import LlamaCpp

            return LlamaCpp(path=name)
    return _by_langchain(model, timeout)


def _by_langchain(model: str, timeout: float) -> BaseChatModel:
    chat_models = require("langchain.chat_models", extra="llm", purpose=f"the chat model {model!r}")
    try:
        loaded = chat_models.init_chat_model(model, timeout=timeout)
    except ImportError as error:
        raise ModelError(f"the chat model {model!r} needs a package of its provider: {error}") from error
    except Exception as error:  # each provider's package has errors of its own
        raise ModelError(f"the chat model {model!r} cannot be set up: {type(error).__name__}: {error}") from error
    if not isinstance(loaded, BaseChatModel):
        raise ModelError(f"LangChain gave {type(loaded).__name__} for {model!r}, which is no chat model")
    return loaded


def _ollama() -> str:
    """Ollama's server; `OLLAMA_HOST` may leave out the port, or say 0.0.0.0 for this machine, as it does for Ollama."""
    base = _base_url(os.environ.get("OLLAMA_HOST") or OLLAMA)
    parts = urllib.parse.urlsplit(base)
    host = "127.0.0.1" if parts.hostname == "0.0.0.0" else parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 11434)
    return urllib.parse.urlunsplit(
        (parts.scheme, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "/v1", "", "")
    )


def _base_url(url: str) -> str:
    parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
    try:
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if parts.scheme not in ("http", "https") or not named:
        raise InvalidValueError(
            f"{url!r} is no address of a server; write for example {PREFIX}http://localhost:8080/v1"
        )
    if parts.username or parts.password:
        raise ConfigError("keys do not belong into the address of a server; set RAGKIT_API_KEY in the environment")
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path or "/v1", "", ""))


class _ParameterRefusedError(ModelError):
    """The server does not take a parameter that can be left out or has another name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: it would carry the key to another server."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class OpenAICompatible(BaseChatModel):
    """A chat model behind `POST {base_url}/chat/completions`, with streaming and token usage.

    Requests that fail for the moment (429, 5xx, a refused or lost connection before any text came) are tried again,
    `retries` times at most, pausing as the server asks or 0.5 s, 1 s, 2 s, …; everything else, and a server silent for
    `timeout` seconds, is a `ModelError`.
    """

    base_url: str
    model_name: str = ""
    timeout: float = 120.0
    retries: int = 3
    pause: float = 0.5
    temperature: float = 0.0
    max_tokens: int = 1024

    _opener: Any = PrivateAttr(default=None)
    _refusing: set[str] = PrivateAttr(default_factory=set)

    @property
    def _llm_type(self) -> str:
        return "openai-compatible"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"base_url": self.base_url, "model_name": self.model_name, "temperature": self.temperature}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._post(self._body(messages, stop, stream=False, **kwargs)) as response:
            reply = self._json(self._read(response))
        try:
            content = reply["choices"][0]["message"].get("content") or ""
            reason = reply["choices"][0].get("finish_reason")
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ModelError(f"{self.base_url} answered without a message: {str(reply)[:200]}") from error
        message = AIMessage(
            content=content, usage_metadata=_usage(reply.get("usage")), response_metadata={"finish_reason": reason}
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with self._post(self._body(messages, stop, stream=True, **kwargs)) as response:
            for event in self._events(response):
                chunk = self._piece(event)
                if chunk is None:
                    continue
                if run_manager and chunk.text:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

    # ------------------------------------------------------------ one request

    def _body(
        self, messages: list[BaseMessage], stop: list[str] | None, *, stream: bool, **kwargs: Any
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model_name or self._only_model(),
            "messages": convert_to_openai_messages(messages),
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "stream": stream,
            **kwargs,
        }
        if stop:
            body["stop"] = stop
        if stream:
            body["stream_options"] = {"include_usage": True}
        return body

    def _only_model(self) -> str:
        """The first model the server lists, for addresses that name none."""
        with self._open("/models", None) as response:
            listed = self._json(self._read(response))
        models = listed.get("data") or listed.get("models") or []
        names = [str(model.get("id") or model.get("name") or "") for model in models if isinstance(model, dict)]
        if not names or not names[0]:
            raise ModelError(f"{self.base_url} lists no model; name one: {PREFIX}{self.base_url}#model")
        self.model_name = names[0]
        return names[0]

    def _post(self, body: dict[str, Any]) -> http.client.HTTPResponse:
        while True:
            accepted = {_INSTEAD[name] if name in self._refusing else name: value for name, value in body.items()}
            accepted.pop("", None)
            try:
                return self._open("/chat/completions", json.dumps(accepted).encode())
            except _ParameterRefusedError as error:
                if error.name in self._refusing:
                    raise
                self._refusing.add(error.name)

    def _open(self, path: str, data: bytes | None) -> http.client.HTTPResponse:
        for attempt in range(self.retries + 1):
            try:
                return self._once(path, data)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in _RETRIED or attempt == self.retries:
                        self._refused(error)
                    pause = _asked_pause(error.headers.get("Retry-After"))
            except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                if attempt == self.retries or _timed_out(error):
                    self._unreachable(error)
                pause = None
            time.sleep(min(self.pause * 2**attempt if pause is None else pause, _LONGEST_PAUSE))
        raise ModelError(f"{self.base_url} could not be asked: retries must be 0 or more, not {self.retries}")

    def _once(self, path: str, data: bytes | None) -> http.client.HTTPResponse:
        if self._opener is None:
            self._opener = urllib.request.build_opener(_NoRedirect)
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        key = _key(self.base_url)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.base_url + path, data=data, headers=headers)
        response: http.client.HTTPResponse = self._opener.open(request, timeout=self.timeout)
        return response

    # ------------------------------------------------------------ reading

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        try:
            data = response.read(_LONGEST_REPLY + 1)
        except (OSError, http.client.HTTPException) as error:
            self._unreachable(error)
        if len(data) > _LONGEST_REPLY:
            raise ModelError(f"{self.base_url} sent more than {_LONGEST_REPLY} bytes; is it a chat server?")
        return data

    def _json(self, data: bytes) -> dict[str, Any]:
        try:
            value = json.loads(data)
        except ValueError as error:
            raise ModelError(f"{self.base_url} answered with no JSON: {data[:120]!r}; is it a chat server?") from error
        if not isinstance(value, dict):
            raise ModelError(f"{self.base_url} answered with JSON that is no object: {data[:120]!r}")
        return value

    def _events(self, response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
        """The JSON of the server-sent events of a response, until "[DONE]" or its end."""
        size = 0
        while True:
            try:
                line = response.readline(_LONGEST_REPLY)
            except (OSError, http.client.HTTPException) as error:
                self._unreachable(error)
            size += len(line)
            if not line or size > _LONGEST_REPLY:
                return
            field, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
            value = value.strip()
            if field != "data" or not value:
                continue
            if value == "[DONE]":
                return
            yield self._json(value.encode())

    def _piece(self, event: dict[str, Any]) -> ChatGenerationChunk | None:
        if event.get("error"):
            self._failed(500, str(event["error"]))
        choices = event.get("choices") or []
        delta = choices[0].get("delta") or {} if choices and isinstance(choices[0], dict) else {}
        text = delta.get("content") or ""
        used = _usage(event.get("usage"))
        if not text and used is None:
            return None
        return ChatGenerationChunk(message=AIMessageChunk(content=text, usage_metadata=used))

    # ------------------------------------------------------------ failing

    def _refused(self, error: urllib.error.HTTPError) -> NoReturn:
        try:
            detail = error.read(4000).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            detail = str(error.reason)
        self._failed(error.code, detail)

    def _failed(self, status: int, detail: str) -> NoReturn:
        said = _message(detail)
        if status in (401, 403):
            raise ModelError(
                f"{self.base_url} refused the key ({status}: {said}); set RAGKIT_API_KEY in the environment"
            )
        refused = next((name for name in _INSTEAD if name in re.findall(r"\w+", said)), "")
        if status == 400 and refused and "unsupported" in said.lower():
            raise _ParameterRefusedError(refused, f"{self.base_url} refuses the parameter {refused} ({said})")
        if status in (400, 413, 422, 500) and any(word in said.lower() for word in _OVERFLOW):
            raise ModelError(
                f"the question and its sources are too long for {self.model_name or 'the model'} ({said}); "
                "send less: answer(context_tokens=1000)"
            )
        if status == 404:
            raise ModelError(
                f"{self.base_url} knows no such model or address ({said}); check {self.model_name!r} and the URL"
            )
        if status == 429:
            raise ModelError(f"{self.base_url} takes no more requests for now ({said}); wait and ask again")
        if 300 <= status < 400:
            raise ModelError(f"{self.base_url} sends elsewhere ({status}); write the final address")
        raise ModelError(f"{self.base_url} failed ({status}: {said})")

    def _unreachable(self, error: Exception) -> NoReturn:
        if _timed_out(error):
            raise ModelError(
                f"{self.base_url} was silent for {self.timeout:g} s; allow more: answer(timeout=…), or a smaller model"
            ) from error
        reason = getattr(error, "reason", error)
        raise ModelError(f"no chat server answers at {self.base_url} ({reason}); is it running?") from error


def _timed_out(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)


def _message(detail: str) -> str:
    """The message inside the error a server sent, or the beginning of what it sent."""
    try:
        value = json.loads(detail)
    except ValueError:
        return " ".join(detail.split())[:300]
    inner = value.get("error", value) if isinstance(value, dict) else value
    said = inner.get("message", inner) if isinstance(inner, dict) else inner
    return " ".join(str(said).split())[:300]


def _asked_pause(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None  # a date: our own pauses do


def _usage(used: Any) -> UsageMetadata | None:
    if not isinstance(used, dict):
        return None
    prompt, completion = int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0)
    return UsageMetadata(input_tokens=prompt, output_tokens=completion, total_tokens=prompt + completion)


def _key(base_url: str) -> str:
    """The key for a server, from the environment; the key of OpenAI is sent to OpenAI only."""
    host = urllib.parse.urlsplit(base_url).hostname or ""
    own = os.environ.get("OPENAI_API_KEY", "") if host == "api.openai.com" else ""
    return os.environ.get("RAGKIT_API_KEY", "") or own


__all__ = ["PREFIX", "OpenAICompatible", "load_chat_model"]
