"""Reading and writing the folder of a data set."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ragkit.evaluate.dataset import FORMAT, Dataset, DatasetError, Doc, Question, Reference, question_table, text_sha256

ABOUT, QUESTIONS, DOCS = "dataset.json", "questions.jsonl", "docs"


def read(folder: Path) -> Dataset:
    """The data set of a folder, unchecked. Raises `DatasetError` naming file, line and key when it cannot be read."""
    about = _object(folder / ABOUT, _text(folder / ABOUT, f"it is no data set: a folder with {ABOUT} is expected"))
    if about.get("format") != FORMAT:
        raise DatasetError(f"{folder / ABOUT}: the format is {about.get('format')!r}, this version reads {FORMAT!r}")
    entries = about.get("docs")
    if not isinstance(entries, list):
        raise DatasetError(f"{folder / ABOUT}: `docs` must be a list of documents")
    docs: dict[str, Doc] = {}
    for entry in entries:
        doc = _doc(folder, entry)
        if doc.id in docs:
            raise DatasetError(f"{folder / ABOUT}: the document id {doc.id!r} stands there twice")
        docs[doc.id] = doc
    return Dataset(
        name=str(about.get("name") or folder.name),
        docs=docs,
        questions=tuple(_questions(folder / QUESTIONS)),
        version=str(about.get("version", "1")),
        license=str(about.get("license", "")),
        generator=about.get("generator") or {},
    )


def _text(path: Path, otherwise: str) -> str:
    try:
        return path.read_bytes().decode("utf-8")  # bytes, so that line ends stay what they are
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}; {otherwise}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 (byte {error.start}); data sets are UTF-8") from error


def _object(where: Path | str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DatasetError(f"{where}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DatasetError(f"{where}: a JSON object is expected, not {type(value).__name__}")
    return value


def _doc(folder: Path, entry: Any) -> Doc:
    where = folder / ABOUT
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("doc_id", "path")):
        raise DatasetError(
            f"{where}: each document needs the texts `doc_id` and `path`, this one has not: {entry!r:.120}"
        )
    path = PurePosixPath(entry["path"])
    if path.is_absolute() or ".." in path.parts:
        raise DatasetError(f"{where}: the path {entry['path']!r} leads out of the data set's folder")
    text = _text(folder / path, "the data set names it as a document")
    rest = {key: str(entry.get(key) or "") for key in ("sha256", "group", "license", "source")}
    return Doc(entry["doc_id"], text, entry["path"], **rest)


def _questions(path: Path) -> Iterator[Question]:
    lines = _text(path, "the questions are missing").split("\n")
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield question_of(_object(f"{path}, line {number}", line), f"{path}, line {number}")


def question_of(table: Mapping[str, Any], where: str) -> Question:
    """The question of a line's object. Raises `DatasetError` naming `where` and the key that is wrong."""
    id, text, references = table.get("id"), table.get("question"), table.get("references")
    if not isinstance(id, str) or not id or not isinstance(text, str):
        raise DatasetError(f"{where}: a question needs the texts `id` and `question`")
    if not isinstance(references, list):
        raise DatasetError(f"{where}: question {id!r} needs the list `references`")
    meta = table.get("meta") or {}
    if not isinstance(meta, dict):
        raise DatasetError(f"{where}: `meta` of question {id!r} must be an object")
    return Question(
        id,
        text,
        tuple(_reference(one, f"{where}: question {id!r}") for one in references),
        str(table.get("answer") or ""),
        str(table.get("kind") or ""),
        meta,
    )


def _reference(table: Any, where: str) -> Reference:
    kinds = {"doc_id": str, "start": int, "end": int, "text": str}
    if not isinstance(table, dict) or not all(type(table.get(key)) is kind for key, kind in kinds.items()):
        raise DatasetError(f"{where}: a reference has doc_id, start, end and text, this one has not: {table!r:.120}")
    if not 0 <= table["start"] < table["end"]:
        raise DatasetError(f"{where}: the reference [{table['start']}:{table['end']}] is empty or runs backwards")
    return Reference(table["doc_id"], table["start"], table["end"], table["text"])


# ---------------------------------------------------------------------------------------------------- writing


def write(dataset: Dataset, folder: Path) -> None:
    """Write a data set's folder; files of an earlier one of the same names are replaced."""
    paths = _paths(dataset)
    (folder / DOCS).mkdir(parents=True, exist_ok=True)
    entries = []
    for id, doc in dataset.docs.items():
        _write(folder / paths[id], doc.text, f"document {id!r}")
        entry = {"doc_id": id, "path": paths[id], "sha256": text_sha256(doc.text), "chars": len(doc.text)}
        rest = {"group": doc.group, "license": doc.license, "source": doc.source}
        entries.append({**entry, **{key: value for key, value in rest.items() if value}})
    about: dict[str, Any] = {"format": FORMAT, "name": dataset.name, "version": dataset.version}
    about |= {"license": dataset.license, "offsets": "codepoint", "docs": entries}
    if dataset.generator:
        about["generator"] = dict(dataset.generator)
    lines = [json.dumps(question_table(question), ensure_ascii=False) for question in dataset.questions]
    _write(folder / QUESTIONS, "".join(f"{line}\n" for line in lines), "the questions")
    _write(folder / ABOUT, json.dumps(about, ensure_ascii=False, indent=2) + "\n", "the description")


def _write(path: Path, text: str, what: str) -> None:
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DatasetError(f"{what} holds a lone surrogate at {error.start}, which UTF-8 cannot hold") from error
    path.write_bytes(data)


def _paths(dataset: Dataset) -> dict[str, str]:
    """A file name for each document, made of its id, different even where case does not count."""
    taken: set[str] = set()
    paths = {}
    for id, doc in dataset.docs.items():
        ending = PurePosixPath(doc.path or doc.source or id).suffix.lower()
        ending = ending if ending in (".md", ".txt", ".markdown") else ".txt"
        base = re.sub(r"[^\w.-]+", "-", id.removesuffix(ending)).strip(".-")[:80] or "document"
        name, number = f"{base}{ending}", 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}-{number}{ending}"
        taken.add(name.casefold())
        paths[id] = f"{DOCS}/{name}"
    return paths
