"""Predictors by their names."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Literal

from ragkit.errors import InvalidValueError

if TYPE_CHECKING:
    from ragkit.extractors.html.types import Predictor

Task = Literal["main", "query"]
Profile = Literal["auto", "general", "body"]

MAIN = ("trained", "heuristic")
QUERY = ("hybrid", "lexical", "embedding")


def predictor_of(
    predictor: str | Predictor,
    task: Task,
    *,
    profile: Profile = "auto",
    embedder: Any = "minilm",
    within_main: bool = True,
    model: Any = "",
) -> Predictor:
    """The predictor of a name, or the one given.

    For the main content "trained" (with a `profile`, see `TrainedME`) or "heuristic", for a query "hybrid", "lexical"
    or "embedding"; "auto" is the first of them. "llm" asks the chat `model`. `embedder` is what the first and the third
    embed with; "hybrid" needs none (""). Without `within_main`, "hybrid" does not ask what the main content is.
    Raises `InvalidValueError` for a name that is none of these.
    """
    if not isinstance(predictor, str):
        return predictor
    name = (MAIN if task == "main" else QUERY)[0] if predictor == "auto" else predictor
    if name == "llm":
        return _llm(task, profile, embedder, model)
    if name not in (MAIN if task == "main" else QUERY):
        known = ", ".join(("auto", *(MAIN if task == "main" else QUERY), "llm"))
        what = "the main content" if task == "main" else "a query"
        raise InvalidValueError(f"{predictor!r} is no predictor for {what}; there are: {known}")
    return _made(name, profile, embedder, within_main)


def _made(name: str, profile: Profile, embedder: Any, within_main: bool) -> Predictor:
    def cls(module: str, name: str) -> Any:
        return getattr(importlib.import_module(f"ragkit.extractors.html.{module}"), name)

    made: Predictor
    if name == "trained":
        made = cls("trained", "TrainedME")(profile)
    elif name == "heuristic":
        made = cls("heuristic", "HeuristicME")()
    elif name == "lexical":
        made = cls("lexical", "LexicalQE")()
    elif name == "embedding":
        made = cls("semantic", "EmbeddingQE")(None if embedder in ("", "minilm") else embed_with(embedder))
    else:
        embed = embedder if embedder == "minilm" else embed_with(embedder) if embedder else None
        made = cls("hybrid", "HybridQE")(embed, within_main=within_main)
    return made


def embed_with(embedder: Any) -> Any:
    """A function from texts to vectors, of an embedder or its name; a function stays as it is."""
    if embedder == "minilm" or callable(embedder):
        return embedder
    from ragkit.models.embedders import load_embedder

    return load_embedder(embedder).embed


def _llm(task: Task, profile: Profile, embedder: Any, model: Any) -> Predictor:
    from ragkit.extractors.html.llm import LLMPredictor, chat_complete
    from ragkit.models.chat import load_chat_model

    if not model:
        raise InvalidValueError('predictor "llm" needs a chat model; name one, for example model="ollama:qwen3"')
    fallback = predictor_of("auto", task, profile=profile, embedder=embedder)
    return LLMPredictor(chat_complete(load_chat_model(model)), fallback=fallback)
