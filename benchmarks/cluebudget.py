"""A budget of tokens spent with a small local chat model: kept to the token, whatever the model writes.

Used by `clue.py budget`. The model is any GGUF file that transformers can read (which needs the package gguf); it
counts its own tokens, before a call and after it, and the ledger has to agree with its count.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from multihop import Set
from rich.console import Console

from ragkit import KnowledgeBase
from ragkit.stages import chunk, clue


class LocalChat(BaseChatModel):
    """A GGUF model through transformers; greedy, counts what it reads and writes."""

    network: Any
    tokenizer: Any
    name: str = "local"
    read_tokens: int = 0
    written_tokens: int = 0
    calls: int = 0

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
                do_sample=False,
                pad_token_id=self.tokenizer.eos_token_id,
            )
        written = output[0, len(ids) :].tolist()
        self.calls += 1
        self.read_tokens += len(ids)
        self.written_tokens += len(written)
        used = {"input_tokens": len(ids), "output_tokens": len(written), "total_tokens": len(ids) + len(written)}
        text = self.tokenizer.decode(written, skip_special_tokens=True)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text, usage_metadata=used))])


def budget(data: Set, path: Path, tokens: int, documents: int, console: Console, batch: int = 2) -> None:
    """Index some documents with the model, and print what it cost and brought."""
    model = LocalChat.load(path)
    pipeline = chunk(by="whole") >> clue(llm=model, llm_budget=tokens, batch=batch)
    with KnowledgeBase(":memory:", pipeline) as kb:
        kb.add(data.documents[:documents])
        started = time.perf_counter()
        kb.search("Who was born first?")
        seconds = time.perf_counter() - started
        told = kb.stage("clue").usage()
        run = told.runs[0]
        console.print(f"{path.name}: {documents} passages, budget {run.budget}, planned {run.planned}, {seconds:.0f} s")
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
