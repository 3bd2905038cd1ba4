"""Asking somebody after each round of a walk whether that is enough or what to look for next.

Source: the optional controller of the query-driven iterative retrieval of Clue-RAG (arXiv 2507.08445). It is a function
of the question and the units so far, or a chat model, whose calls are written down like all others.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from importlib import resources
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError
from ragkit.store.ledger import Call

if TYPE_CHECKING:
    from ragkit.graphs.spend import Plan
    from ragkit.store.ledger import Ledger

log = logging.getLogger(__name__)

TEMPLATE = "control 1"  # raise it when prompts/control.txt changes
LIMIT = 128  # tokens of a reply
MOST = 20  # units shown
_FENCE = re.compile(r"^\s*```[\w-]*\s*\n?(.*?)\n?\s*```\s*$", re.S)

Said = bool | str | None  # enough, the next question, or neither


@dataclass(slots=True)
class Controller:
    """One question's controller; `told` is what it said, for the trace."""

    ask: Callable[[str, Sequence[str]], Said] | None
    plan: Plan | None
    ledger: Ledger | None
    told: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, question: str, units: Sequence[str], chunks: Sequence[str]) -> Said:
        """True when the units are enough, the text to look for next, or None to go on; `chunks` are ids to note."""
        units = units[:MOST]
        if self.ask is not None:
            said = self.ask(question, units)
            if not (said is None or isinstance(said, bool | str)):
                raise InvalidValueError(
                    f"controller gave {said!r}; it has to give True, the next question as a text, or None"
                )
            said = said.strip() if isinstance(said, str) else said
            self.told.append({"said": _word(said), "tokens": 0})
            return said or None
        if self.plan is None or self.ledger is None:
            self.told.append({"said": "not asked: calls cannot be written down in this store", "tokens": 0})
            return None
        return self._by_model(self.plan, self.ledger, question, units, chunks)

    def _by_model(self, plan: Plan, ledger: Ledger, question: str, units: Sequence[str], chunks: Sequence[str]) -> Said:
        text = prompt(question, units)
        call = Call(tuple(chunks), plan.name, TEMPLATE, plan.count(text), 0, "tokenizer", "error")
        try:
            message = plan.invoke(text, LIMIT)
        except Exception as error:  # whatever a model raises, the walk goes on
            log.warning("%s failed as a controller: %s: %s", plan.name, type(error).__name__, error)
            ledger.note(call)
            self.told.append({"said": "failed", "tokens": call.tokens})
            return None
        call, reply = plan.settled(call, message)
        said = parse(reply)
        ledger.note(replace(call, status="invalid" if said is None else "ok"))
        self.told.append({"said": "unreadable" if said is None else _word(said), "tokens": call.tokens})
        return said or None


def prompt(question: str, units: Sequence[str]) -> str:
    """The prompt for a question and the units so far, fenced by a key that no text can know."""
    key = blake2b("\0".join((question, *units)).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    template = resources.files("ragkit.graphs").joinpath("prompts", "control.txt").read_text(encoding="utf-8")
    values = {"key": key, "question": question.strip(), "facts": "\n".join(f"- {unit}" for unit in units)}
    return re.sub(r"\{(key|question|facts)\}", lambda match: values[match[1]], template)


def parse(reply: str) -> Said:
    """True or False when it was said whether that is enough, else the next question; None when neither can be read."""
    fenced = _FENCE.match(reply)
    try:
        value: Any = json.loads(fenced[1] if fenced else reply)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    if value.get("enough") is True:
        return True
    text = value.get("next")
    if isinstance(text, str) and text.strip():
        return " ".join(text.split())
    return False if value.get("enough") is False else None


def _word(said: Said) -> str:
    if isinstance(said, str):
        return f"next: {said}" if said else "go on"
    return "enough" if said else "go on"
