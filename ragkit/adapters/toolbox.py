"""What an agent may do with a knowledge base, as plain methods with checked arguments: ask, search, read.

Every framework's tools are thin wrappers around these, so that they all say the same. Each returns a `Reply`: `text`
for a model to read, `data` for a program (JSON values only).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragkit.adapters.fence import fenced
from ragkit.errors import InvalidValueError

if TYPE_CHECKING:
    from ragkit.knowledge_base import KnowledgeBase
    from ragkit.types import Answer, Hit

LONGEST_QUESTION = 10_000  # characters
MOST_RESULTS = 50
MOST_READ = 20_000  # characters of one document at a time


@dataclass(frozen=True, slots=True)
class Reply:
    """What a tool says: `text` to a model, `data` to a program."""

    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Toolbox:
    """The tools over one knowledge base. Raises `InvalidValueError` for arguments out of bounds, naming them."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self.kb = kb

    def ask(self, question: str) -> Reply:
        """Answer a question from the documents, with exact quotes of where it stands."""
        answer = self.kb.ask(_question(question))
        return Reply(_answer_text(answer), answer_data(answer))

    def search(self, question: str, k: int = 5) -> Reply:
        """The passages that best match a question."""
        hits = self.kb.search(_question(question), k=count(k, "k", MOST_RESULTS))
        found = [hit_data(hit) for hit in hits]
        return Reply(fenced(_shown(one) for one in found) or "Nothing was found.", {"hits": found})

    def read(self, document_id: str, start: int = 0, end: int | None = None, context: int = 0) -> Reply:
        """Characters `start` to `end` of a document, with `context` characters on each side.

        Without `end` it reads on as far as one reply may be long; `next` in the data tells where to go on.
        """
        document = self.kb.document(text(document_id, "document_id", 2000))
        size = len(document.text)
        around = count(context, "context", MOST_READ)
        first = count(start, "start", size)
        last = size if end is None else count(end, "end", size)
        if last < first:
            raise InvalidValueError(f"end ({last}) lies before start ({first})")
        low = max(0, first - around)
        high = min(size, last + around, low + MOST_READ)
        data = {
            "document_id": document.id,
            "source": document.source,
            "start": low,
            "end": high,
            "length": size,
            "next": high if high < size else None,
            "text": document.text[low:high],
        }
        return Reply(fenced([data]) if low < high else "The document has no characters there.", data)


def question_of(value: Any) -> str:
    """A question within bounds. Raises `InvalidValueError`."""
    return _question(value)


def _question(value: Any) -> str:
    return text(value, "question", LONGEST_QUESTION)


def text(value: Any, name: str, longest: int) -> str:
    """A text within bounds. Raises `InvalidValueError` naming the argument."""
    if not isinstance(value, str):
        raise InvalidValueError(f"{name} must be a text, not {type(value).__name__}")
    if not value.strip():
        raise InvalidValueError(f"{name} is empty")
    if len(value) > longest:
        raise InvalidValueError(f"{name} has {len(value)} characters; at most {longest} are taken")
    return value


def count(value: Any, name: str, most: int) -> int:
    """A whole number from 0 to `most`. Raises `InvalidValueError` naming the argument."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValueError(f"{name} must be a whole number, not {value!r:.60}")
    if not 0 <= value <= most:
        raise InvalidValueError(f"{name} must be from 0 to {most}, it was {value}")
    return value


def hit_data(hit: Hit) -> dict[str, Any]:
    """A hit as JSON values."""
    chunk = hit.chunk
    return {
        "document_id": chunk.document_id,
        "source": chunk.source,
        "start": chunk.start,
        "end": chunk.end,
        "score": round(float(hit.score), 6),
        "title": chunk.head,
        "text": chunk.text,
    }


def answer_data(answer: Answer) -> dict[str, Any]:
    """An answer as JSON values."""
    return {
        "found": answer.found,
        "text": answer.text,
        "short": answer.short,
        "citations": [
            {
                "number": number,
                "document_id": one.document_id,
                "source": one.source,
                "start": one.start,
                "end": one.end,
                "quote": one.quote,
            }
            for number, one in enumerate(answer.citations, 1)
        ],
    }


def _shown(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("document_id", "source", "start", "end", "title", "text")}


def _answer_text(answer: Answer) -> str:
    """The answer and the quotes it stands on; it may itself be made of quotes, so it is fenced too."""
    quotes = [
        {
            "kind": "quote",
            "document_id": one.document_id,
            "source": one.source,
            "start": one.start,
            "end": one.end,
            "text": one.quote,
        }
        for one in answer.citations
    ]
    return fenced([{"kind": "answer", "text": answer.text}, *quotes])
