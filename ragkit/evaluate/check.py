"""What may be wrong with a data set, found before anything is scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ragkit.evaluate.dataset import Dataset, Doc, Question, Reference, normalised, text_sha256


@dataclass(frozen=True, slots=True)
class Problem:
    """Something found by `problems`. With `error` the data set cannot be scored; the others are worth knowing.

    `code` is one of the keys of `CODES`.
    """

    code: str
    message: str
    error: bool = True
    question: str = ""
    document: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


CODES = {
    "hash_differs": "a document's file has changed since the data set was made",
    "text_differs": "the text of a reference is not what stands at its place",
    "out_of_range": "a reference does not lie in its document",
    "unknown_document": "a reference is of a document that is not there",
    "empty_references": "a question has no reference",
    "empty_question": "a question has no text",
    "duplicate_id": "two questions have the same id",
    "duplicate_question": "two questions ask the same (no error)",
    "overlapping": "references of a question overlap; scoring merges them (no error)",
    "repeated": "a reference's text occurs again in its document (no error)",
}


def problems(dataset: Dataset) -> list[Problem]:
    """All problems, documents first, then questions in order."""
    found = [problem for doc in dataset.docs.values() for problem in _of_doc(doc)]
    found += _duplicates(dataset)
    found += [problem for question in dataset.questions for problem in _of_question(dataset, question)]
    return found


def _of_doc(doc: Doc) -> Iterator[Problem]:
    if doc.sha256 and text_sha256(doc.text) != doc.sha256:
        yield Problem(
            "hash_differs",
            f"document {doc.id!r} ({doc.path}) has changed since the data set was made, so offsets may be wrong",
            document=doc.id,
        )


def _duplicates(dataset: Dataset) -> Iterator[Problem]:
    ids = Counter(question.id for question in dataset.questions)
    for id, times in ids.items():
        if times > 1:
            yield Problem("duplicate_id", f"the id {id!r} is that of {times} questions; ids must differ", question=id)
    first: dict[str, str] = {}
    for question in dataset.questions:
        asked = normalised(question.text)
        if asked and asked in first:
            message = f"question {question.id!r} asks the same as {first[asked]!r}: {question.text!r}"
            yield Problem("duplicate_question", message, error=False, question=question.id)
        first.setdefault(asked, question.id)


def _of_question(dataset: Dataset, question: Question) -> Iterator[Problem]:
    if not question.text.strip():
        yield Problem("empty_question", f"question {question.id!r} has no text", question=question.id)
    if not question.references:
        yield Problem("empty_references", f"question {question.id!r} has no reference", question=question.id)
    for reference in question.references:
        yield from _of_reference(dataset, question, reference)
    ordered = sorted(question.references, key=lambda one: (one.document_id, one.start))
    for one, other in zip(ordered, ordered[1:], strict=False):
        if one.document_id == other.document_id and other.start < one.end:
            message = f"question {question.id!r}: {_place(one)} and {_place(other)} overlap"
            yield Problem("overlapping", message, error=False, question=question.id, document=one.document_id)


def _of_reference(dataset: Dataset, question: Question, reference: Reference) -> Iterator[Problem]:
    about: dict[str, Any] = {"question": question.id, "document": reference.document_id}
    where = f"question {question.id!r}: {_place(reference)}"
    doc = dataset.docs.get(reference.document_id)
    if doc is None:
        yield Problem("unknown_document", f"{where}: the data set has no such document", **about)
        return
    if not 0 <= reference.start < reference.end <= len(doc.text):
        message = f"{where} does not lie in the document's {len(doc.text)} characters"
        yield Problem("out_of_range", message, **about)
        return
    held = doc.text[reference.start : reference.end]
    if held != reference.text:
        message = f"{where} holds {held[:40]!r}, not {reference.text[:40]!r}"
        yield Problem("text_differs", message, **about)
    elif _occurs_again(doc.text, held, reference.start):
        yield Problem("repeated", f"{where} occurs again in the document", error=False, **about)


def _occurs_again(text: str, passage: str, start: int) -> bool:
    first = text.find(passage)
    return first != start or text.find(passage, start + 1) >= 0


def _place(reference: Reference) -> str:
    return f"{reference.document_id!r} [{reference.start}:{reference.end}]"
