"""Importing the questions of Chroma's chunking evaluation (Smith and Troynikov, 2024; MIT).

`questions_df.csv` has the columns question, references (a JSON list of {content, start_index, end_index}) and
corpus_id; the corpora are Markdown files named by corpus id.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from ragkit.evaluate.dataset import Dataset, DatasetError, Doc, Question, Reference

COLUMNS = ("question", "references", "corpus_id")


def read_csv(path: Path, corpora: Path) -> Dataset:
    """The data set of the file and the folder of its corpora. Question ids are corpus id, hyphen, number.

    Raises `DatasetError` naming the row when the file is not in that format or a reference is not at its place.
    """
    rows = _rows(path)
    docs = {name: _doc(corpora, name) for name in dict.fromkeys(row["corpus_id"] for row in rows)}
    numbers: dict[str, int] = {}
    questions = []
    for line, row in enumerate(rows, 2):
        corpus = row["corpus_id"]
        numbers[corpus] = numbers.get(corpus, 0) + 1
        references = tuple(_reference(one, corpus, f"{path}, row {line}") for one in _list(row, path, line))
        questions.append(Question(f"{corpus}-{numbers[corpus]}", row["question"], references))
    dataset = Dataset(path.stem, docs, tuple(questions), license="MIT")
    dataset.check()
    return dataset


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise DatasetError(f"{path} has no column {', '.join(missing)}; expected are {', '.join(COLUMNS)}")
    return list(reader)


def _doc(corpora: Path, name: str) -> Doc:
    for ending in (".md", ".txt"):
        path = corpora / f"{name}{ending}"
        if path.is_file() and path.parent == corpora:
            try:
                return Doc(name, path.read_bytes().decode("utf-8"), source=path.name)
            except UnicodeDecodeError as error:
                raise DatasetError(f"{path} is not UTF-8 (byte {error.start})") from error
    raise DatasetError(f"{corpora} holds no {name}.md, which the questions are about")


def _list(row: dict[str, str], path: Path, line: int) -> list[Any]:
    try:
        value = json.loads(row["references"])
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{path}, row {line}: the references are not JSON: {error}") from error
    if not isinstance(value, list):
        raise DatasetError(f"{path}, row {line}: the references must be a list")
    return sorted(value, key=lambda one: one.get("start_index", 0) if isinstance(one, dict) else 0)


def _reference(one: Any, corpus: str, where: str) -> Reference:
    try:
        return Reference(corpus, int(one["start_index"]), int(one["end_index"]), str(one["content"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{where}: a reference has content, start_index and end_index, not {one!r:.120}") from error
