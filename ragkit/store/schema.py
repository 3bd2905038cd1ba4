"""The tables of a store, as numbered migrations; the newest number this version knows is `VERSION`.

A document owns its chunks, a chunk owns its derived rows: deleting a document deletes all that was made of it.
Distinct texts (terms, sentences, entities, passages) are interned once; a vector belongs to a text and a model.
`loose` lists texts that lost a row and may be used by none; `collect` looks at them and empties it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

APPLICATION_ID = 0x7261676B  # "ragk", in the file's header: tells a ragkit store from any other database
VERSION = 4


@functools.cache
def migrations() -> Migrations:
    """The steps from an empty file to the present schema, in order; append, never edit."""
    from sqlite_utils import Migrations

    steps = Migrations("ragkit")
    steps(name="1_documents_chunks_rows_vectors")(lambda db: _run(db, _FIRST))
    steps(name="2_language_model_calls")(lambda db: _run(db, _SECOND))
    steps(name="3_arrays_of_opened_indexes")(lambda db: _run(db, _THIRD))
    steps(name="4_where_files_lie")(lambda db: _run(db, "ALTER TABLE files ADD COLUMN path BLOB"))
    return steps


def _run(db: Database, script: str) -> None:
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)


# AUTOINCREMENT where a number must never come back: open indexes remember slots and text ids.
_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (
    source TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    build TEXT NOT NULL
);
CREATE TABLE documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    file TEXT,
    digest TEXT NOT NULL,
    build TEXT NOT NULL,
    media_type TEXT NOT NULL,
    metadata TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX documents_by_source ON documents (source);
CREATE INDEX documents_by_file ON documents (file);
CREATE INDEX documents_by_build ON documents (build);
CREATE TABLE chunks (
    slot INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
    id TEXT NOT NULL UNIQUE,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX chunks_by_document ON chunks (document);
CREATE TABLE texts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL
);
CREATE TABLE loose (text INTEGER PRIMARY KEY);
CREATE TABLE models (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL UNIQUE,
    dim INTEGER NOT NULL
);
CREATE TABLE vectors (
    model INTEGER NOT NULL REFERENCES models (number),
    text INTEGER NOT NULL REFERENCES texts (id),
    vector BLOB NOT NULL,
    PRIMARY KEY (text, model)
);
CREATE TABLE indexes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    stage TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    model INTEGER REFERENCES models (number),
    UNIQUE (stage, fingerprint)
);
CREATE TABLE derived (
    slot INTEGER NOT NULL REFERENCES chunks (slot) ON DELETE CASCADE,
    index_number INTEGER NOT NULL REFERENCES indexes (number),
    texts BLOB NOT NULL,
    data BLOB NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (index_number, slot)
);
CREATE INDEX derived_by_slot ON derived (slot)
"""

# `llm_units` holds what a model said about a chunk (NULL when it was not asked), by the chunk's content and the model,
# so that building again costs no tokens; `collect` deletes it with its document.
_SECOND = """
CREATE TABLE llm_calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    stage TEXT NOT NULL,
    chunks TEXT NOT NULL,
    model TEXT NOT NULL,
    template TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    counted_by TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    saved INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE llm_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    stage TEXT NOT NULL,
    budget INTEGER NOT NULL,
    planned INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    overrun INTEGER NOT NULL,
    chosen INTEGER NOT NULL,
    offered INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    rejected TEXT NOT NULL,
    last_call INTEGER NOT NULL
);
CREATE TABLE llm_units (
    key BLOB NOT NULL,
    document TEXT NOT NULL,
    statements TEXT,
    tokens INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (key, document)
)
"""

# What an index made of its rows when it was opened; not looked at once the generation has moved on.
_THIRD = """
CREATE TABLE arrays (
    index_number INTEGER NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (index_number, name)
)
"""
