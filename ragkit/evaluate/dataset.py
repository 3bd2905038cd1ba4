"""Questions with exact gold spans, as a folder: `dataset.json`, `questions.jsonl` and `docs/`.

Offsets are code points of the document's text exactly as its file holds it: nothing is stripped, normalised or
translated. `docs/evaluation.md` describes the format key by key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.errors import RagkitError
from ragkit.types import Document, Span

FORMAT = "ragkit-spans/1"


class DatasetError(RagkitError):
    """A data set cannot be read or is not valid; the message lists what is wrong."""


@dataclass(frozen=True, slots=True)
class Doc:
    """A document of a data set. `path` is relative to the folder, `sha256` that of its file."""

    id: str
    text: str
    path: str = ""
    sha256: str = ""
    group: str = ""
    license: str = ""
    source: str = ""

    @property
    def document(self) -> Document:
        """As a document to index; its text is the same."""
        name = self.source or self.path or self.id
        markdown = name.lower().endswith((".md", ".markdown"))
        return Document(self.id, self.text, name, "text/markdown" if markdown else "text/plain")


@dataclass(frozen=True, slots=True)
class Reference:
    """A gold passage: a span and the text that stands there."""

    document_id: str
    start: int
    end: int
    text: str

    @property
    def span(self) -> Span:
        """Its place. Raises `InvalidValueError` when it runs backwards."""
        return Span(self.document_id, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the passages that answer it; `meta` may hold `group`, `window`, `scores`, `flags`."""

    id: str
    text: str
    references: tuple[Reference, ...]
    answer: str = ""
    kind: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gold(self) -> list[Span]:
        """The places of its references."""
        return [reference.span for reference in self.references]


@dataclass(frozen=True)
class Dataset:
    """Documents and questions about them.

    `Dataset.load(folder)` reads one, `Dataset.of(texts, questions)` makes one, `save` writes it.
    """

    name: str
    docs: Mapping[str, Doc]
    questions: tuple[Question, ...]
    version: str = "1"
    license: str = ""
    generator: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        texts: Mapping[str, str],
        questions: Sequence[tuple[str, Sequence[tuple[str, int, int]]]],
        name: str = "dataset",
    ) -> Dataset:
        """A data set of texts by id and (question, [(document id, start, end), …]) pairs; ids are q1, q2, ….

        Raises `DatasetError` when it is not valid.
        """
        docs = {id: Doc(id, text) for id, text in texts.items()}
        made = [
            Question(f"q{number}", text, tuple(_reference(docs, place) for place in sorted(places)))
            for number, (text, places) in enumerate(questions, 1)
        ]
        dataset = cls(name, docs, tuple(made))
        dataset.check()
        return dataset

    @property
    def texts(self) -> dict[str, str]:
        """The documents' texts by id."""
        return {id: doc.text for id, doc in self.docs.items()}

    @property
    def digest(self) -> str:
        """Names the data set's content: documents, questions and references."""
        whole = hashlib.sha256()
        for id in sorted(self.docs):
            whole.update(f"{id}\0{text_sha256(self.docs[id].text)}\0".encode("utf-8", "surrogatepass"))
        for question in self.questions:
            whole.update((json.dumps(question_table(question), sort_keys=True) + "\n").encode())
        return whole.hexdigest()

    def group(self, question: Question, by: str = "doc") -> str:
        """The group of a question: its `meta.group`, else its first document's group or id; `by` "none" makes one."""
        if by == "none" or not question.references:
            return ""
        if "group" in question.meta:
            return str(question.meta["group"])
        id = question.references[0].document_id
        return (self.docs[id].group if id in self.docs else "") or id

    def check(self) -> None:
        """Raise `DatasetError` listing the errors `validate` finds."""
        errors = [problem for problem in self.validate() if problem.error]
        if errors:
            shown = "\n".join(f"  {problem}" for problem in errors[:10])
            more = f"\n  … and {len(errors) - 10} more" if len(errors) > 10 else ""
            raise DatasetError(f"the data set {self.name!r} has {len(errors)} errors:\n{shown}{more}")

    def validate(self) -> list[Any]:
        """What is wrong or worth knowing, see `ragkit.evaluate.check.problems`."""
        from ragkit.evaluate.check import problems

        return problems(self)

    @classmethod
    def load(cls, folder: str | Path, *, strict: bool = True) -> Dataset:
        """Read the folder. Raises `DatasetError` when it is not in the format or, unless `strict=False`, not valid."""
        from ragkit.evaluate.files import read

        dataset = read(Path(folder))
        if strict:
            dataset.check()
        return dataset

    def save(self, folder: str | Path) -> None:
        """Write the folder; the same data set gives the same bytes. Raises `DatasetError` for a lone surrogate."""
        from ragkit.evaluate.files import write

        write(self, Path(folder))

    @classmethod
    def from_chroma_csv(cls, csv: str | Path, corpora: str | Path) -> Dataset:
        """Read the questions of Chroma's chunking evaluation, see `ragkit.evaluate.chroma`."""
        from ragkit.evaluate.chroma import read_csv

        return read_csv(Path(csv), Path(corpora))


def _reference(docs: Mapping[str, Doc], place: tuple[str, int, int]) -> Reference:
    id, start, end = place
    text = docs[id].text[start:end] if id in docs and 0 <= start < end else ""
    return Reference(id, start, end, text)


def text_sha256(text: str) -> str:
    """The digest of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def question_table(question: Question) -> dict[str, Any]:
    """The question as the object of its line in `questions.jsonl`; empty optional keys are left out."""
    table: dict[str, Any] = {
        "id": question.id,
        "question": question.text,
        "references": [
            {"doc_id": one.document_id, "start": one.start, "end": one.end, "text": one.text}
            for one in sorted(question.references, key=lambda one: (one.document_id, one.start, one.end))
        ],
    }
    for key, value in (("answer", question.answer), ("kind", question.kind), ("meta", dict(question.meta))):
        if value:
            table[key] = value
    return table


def normalised(question: str) -> str:
    """A question as compared for duplicates: case, punctuation and spacing do not count.

    >>> normalised("Who  built it?") == normalised("who built it")
    True
    """
    return " ".join(re.findall(r"\w+", question.casefold()))
