"""A chat model read from a GGUF file and run in this process by llama.cpp."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from ragkit.errors import ModelError, require

_loaded: dict[tuple[str, int], tuple[Any, threading.Lock]] = {}
_loading = threading.Lock()


class LlamaCpp(BaseChatModel):
    """A GGUF file as a chat model; it is read at the first question, once per process, whoever asks.

    `context` is how many tokens question and reply may have together. Raises `MissingExtraError` without
    llama-cpp-python, `ModelError` when the file is missing or damaged, or the question too long.
    """

    path: str
    context: int = 8192
    temperature: float = 0.0
    max_tokens: int = 1024

    @property
    def _llm_type(self) -> str:
        return "llama-cpp"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"path": self.path, "context": self.context, "temperature": self.temperature}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text, reason, used = "", "", None
        for chunk in self._stream(messages, stop, **kwargs):
            text += chunk.text
            reason = str(chunk.message.response_metadata.get("finish_reason") or reason)
            used = getattr(chunk.message, "usage_metadata", None) or used
        message = AIMessage(content=text, usage_metadata=used, response_metadata={"finish_reason": reason})
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        model, lock = self._model()
        settings = {"temperature": self.temperature, "max_tokens": self.max_tokens, **kwargs}
        with lock:  # a model has one state
            reason, prompt, written = "", 0, 0
            for event in self._events(model, convert_to_openai_messages(messages), stop or [], settings):
                choice = event["choices"][0]
                reason = choice.get("finish_reason") or reason
                piece = choice["delta"].get("content") or ""
                written += bool(piece)
                if piece:
                    prompt = prompt or int(model.n_tokens)  # what was read before the first token was chosen
                    chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
                    if run_manager:
                        run_manager.on_llm_new_token(piece, chunk=chunk)
                    yield chunk
            read = int(model.n_tokens)
        prompt = prompt or read
        written = max(written, read - prompt)
        used = UsageMetadata(input_tokens=prompt, output_tokens=written, total_tokens=prompt + written)
        last = AIMessageChunk(content="", usage_metadata=used, response_metadata={"finish_reason": reason})
        yield ChatGenerationChunk(message=last)

    def _events(self, model: Any, messages: Any, stop: list[str], settings: dict[str, Any]) -> Iterator[Any]:
        try:
            yield from model.create_chat_completion(messages=messages, stop=stop, stream=True, **settings)
        except ValueError as error:
            if "context window" in str(error) or "exceed" in str(error):
                raise ModelError(
                    f"the question and its sources are too long for {self.path} ({error}); "
                    "send less: answer(context_tokens=1000)"
                ) from error
            raise ModelError(f"{self.path} failed: {error}") from error
        except RuntimeError as error:
            raise ModelError(f"{self.path} failed: {error}") from error

    def _model(self) -> tuple[Any, threading.Lock]:
        with _loading:
            key = (self.path, self.context)
            if key not in _loaded:
                _loaded[key] = (self._read(), threading.Lock())
            return _loaded[key]

    def _read(self) -> Any:
        llama_cpp = require("llama_cpp", extra="llama-cpp", purpose=f"the chat model llama-cpp:{self.path}")
        if not Path(self.path).expanduser().is_file():
            raise ModelError(f"there is no file {self.path}; write llama-cpp:FILE.gguf")
        try:
            return llama_cpp.Llama(
                model_path=str(Path(self.path).expanduser()), n_ctx=self.context, seed=0, verbose=False
            )
        except (ValueError, RuntimeError, OSError, AssertionError) as error:
            raise ModelError(f"{self.path} cannot be read as a GGUF model: {error}") from error
