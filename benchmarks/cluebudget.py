"""Budgets of tokens: which chunks they are best spent on, and that they are kept whatever a model writes.

Used by `clue.py choice` and `clue.py budget`. The model of `budget` is any GGUF file that transformers can read (which
needs the package gguf); it counts its own tokens, before a call and after it, and the ledger has to agree with it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from multihop import Set
from rich.console import Console

from ragkit import KnowledgeBase
from ragkit.models.embedders import load_embedder
from ragkit.stages import chunk, clue
from ragkit.text.entities import plain_title
from ragkit.text.sentences import sentence_spans
from ragkit.text.tokens import count_tokens
from ragkit.types import Chunk


class LocalChat(BaseChatModel):
    """A GGUF model through transformers; greedy, counts what it reads and writes."""

    network: Any
    tokenizer: Any
    name: str = "local"
    read_tokens: int = 0
    written_tokens: int = 0
    calls: int = 0
    temperature: float = 0.0

    @classmethod
    def load(cls, path: Path) -> LocalChat:
        """Read the file."""
        from transformers import AutoModelForCausalLM, AutoTokenizer

        folder, file = str(path.parent), path.name
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
        network = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file)
        return cls(network=network, tokenizer=tokenizer, name=path.stem)

    @property
    def _llm_type(self) -> str:
        return "local"

    def _ids(self, text: str) -> list[int]:
        messages = [{"role": "user", "content": text}]
        shown = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return list(self.tokenizer(shown, add_special_tokens=False)["input_ids"])

    def count_tokens(self, text: str) -> int:
        """The tokens of a prompt as it is fed to the model."""
        return len(self._ids(text))

    def _sampling(self) -> dict[str, Any]:
        """How words are chosen. A temperature is the model's own here, whatever it is asked for."""
        if not self.temperature:
            return {"do_sample": False}
        import torch

        torch.manual_seed(self.calls)
        return {"do_sample": True, "temperature": self.temperature, "top_k": 0, "top_p": 1.0}

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        import torch

        ids = self._ids(str(messages[0].content))
        with torch.inference_mode():
            output = self.network.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                max_new_tokens=int(kwargs["max_tokens"]),
                **self._sampling(),
                pad_token_id=self.tokenizer.eos_token_id,
            )
        written = output[0, len(ids) :].tolist()
        self.calls += 1
        self.read_tokens += len(ids)
        self.written_tokens += len(written)
        used = {"input_tokens": len(ids), "output_tokens": len(written), "total_tokens": len(ids) + len(written)}
        text = self.tokenizer.decode(written, skip_special_tokens=True)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text, usage_metadata=used))])


def budget(data: Set, options: argparse.Namespace, console: Console) -> None:
    """Index some documents with the model, and print what it cost and brought."""
    model = LocalChat.load(options.gguf)
    model.temperature = options.temperature
    stage = clue(llm=model, llm_budget=options.tokens, batch=options.batch, max_completion=options.completion)
    with KnowledgeBase(":memory:", chunk(by="whole") >> stage) as kb:
        kb.add(data.documents[: options.documents])
        started = time.perf_counter()
        kb.search("Who was born first?")
        seconds = time.perf_counter() - started
        told = kb.stage("clue").usage()
        run = told.runs[0]
        console.print(f"{options.gguf.name}: {options.documents} passages, {seconds:.0f} s")
        console.print(f"budget {run.budget}, planned {run.planned}")
        own = model.read_tokens + model.written_tokens
        console.print(f"spent {told.spent} = {told.prompt_tokens} read + {told.completion_tokens} written: the ledger")
        console.print(f"spent {own} in {model.calls} calls: the model's own count")
        console.print(f"{told.failed} calls failed or unreadable; units accepted {run.accepted}, rejected:")
        console.print(dict(run.rejected))
        console.print(f"chunks {dict(told.chunks)}, units {dict(told.units)}")
        assert told.spent == own == run.spent <= run.budget
        for node, marks in sorted(kb.stage("clue").view().nodes(data=True), key=str):
            if marks.get("origin") == "llm":
                console.print(f"  llm: {node[1]}", highlight=False)


# -- what to spend a budget on ----------------------------------------------------------------------------------------

ITEM = re.compile(r"\[\[passage (\d+) \w+\]\]\n(?:Title: ([^\n]*)\n)?(.*?)\n\[\[end \1 ", re.S)
PRONOUN = re.compile(r"\b(he|she|it|they|his|her|its|their)\b", re.I)
POSSESSIVE = frozenset(("his", "her", "its", "their"))
SHARES = (0.1, 0.25, 0.5)


class Names(BaseChatModel):
    """Writes every sentence with the title in place of its first pronoun, and nothing else; a token is one of ours."""

    resolved: dict[str, int] = {}

    @property
    def _llm_type(self) -> str:
        return "names"

    def count_tokens(self, text: str) -> int:
        """The tokens of a text."""
        return count_tokens(text)

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        prompt = str(messages[0].content)
        said = {number: self._sentences(title, text) for number, title, text in ITEM.findall(prompt)}
        reply = json.dumps(said, ensure_ascii=False)
        read, written = count_tokens(prompt), min(count_tokens(reply), int(kwargs["max_tokens"]))
        used = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(reply, usage_metadata=used))])

    def _sentences(self, title: str, text: str) -> list[str]:
        name = plain_title(title)
        said = []
        for start, end in sentence_spans(text):
            sentence = " ".join(text[start:end].split())
            named = PRONOUN.sub(
                lambda match: f"{name}'s" if match[0].lower() in POSSESSIVE else name, sentence, count=1
            )
            self.resolved[named] = int(named != sentence)
            said.append(named)
        return said


class Remembered:
    """An embedder that embeds a text once, for many indexes."""

    def __init__(self, embedder: Any) -> None:
        self.embedder, self.known = embedder, {}
        self.fingerprint, self.dim = embedder.fingerprint, embedder.dim

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        """As the embedder does."""
        if query:
            return self.embedder.embed(texts, query=True)
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        self.known.update(zip(new, self.embedder.embed(new), strict=True))
        return np.array([self.known[text] for text in texts], dtype=np.float32).reshape(len(texts), self.dim)


def by_chance(chunks: Sequence[Chunk]) -> list[float]:
    """A value for each chunk that means nothing."""
    return [crc32(chunk.id.encode()) / 2**32 for chunk in chunks]


def choice(data: Set, store: Path, only: Sequence[str], console: Console) -> None:
    """R@5, and pronouns put right for a thousand tokens, for each way to choose and share of the full cost."""
    from clue import figures

    ways: dict[str, Any] = {"need": "need", "centrality": "centrality", "pagerank": "pagerank", "random": by_chance}
    embedder = Remembered(load_embedder("minilm"))
    console.print(f"{data.name}: {len(data.documents)} passages, {len(data.questions)} questions", highlight=False)
    for share in SHARES:
        for name in only or ways:
            model = Names(resolved={})
            stage = clue(model=embedder, llm=model, llm_budget=share, select=ways[name])
            with tempfile.TemporaryDirectory() as scratch:
                shutil.copy(store, Path(scratch) / "copy.db")
                with KnowledgeBase(Path(scratch) / "copy.db", chunk(by="whole") >> stage) as kb:
                    index = kb.stage("clue")
                    told = index.usage()
                    arrays, shelf = index._state.arrays, index._state.shelf
                    units = np.unique(
                        np.repeat(np.arange(len(arrays.sentences)), np.diff(arrays.support_starts))[
                            arrays.supports[:, 3] == 1
                        ]
                    )
                    right = sum(model.resolved.get(text, 0) for text in shelf.texts(arrays.sentences[units]))
                    result, _ = figures(data, index, index._state)
            shown = " / ".join(f"{value:5.1f}" for value in result.mean(axis=0))
            run = told.runs[0]
            console.print(
                f"{share:4} {name:10} {shown}   spent {run.spent:6} of {run.budget:6}, {run.chosen:4} chunks, "
                f"{right:4} pronouns, {1000 * right / max(1, run.spent):5.2f} for 1,000 tokens",
                highlight=False,
            )
