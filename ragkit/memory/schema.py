"""The tables of agent memory in a ragkit store, with a version of their own; stores without memory do not carry them.

Every row belongs to one scope. A message is what was said, a unit what is kept of it; `memory_unit_source` says which
messages a unit rests on. Nothing cascades: what is erased is named table by table in `erase`, so that it can be counted
and every table rewritten afterwards. Foreign keys are checked at the end of each transaction.
"""

from __future__ import annotations

import functools
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

VERSION = 1

# Numbers in place of names wherever a name would be repeated in every row; AUTOINCREMENT where a number must not come
# back, as open connections remember it. `hidden_us` is when a message or unit was forgotten but may still be restored.
TABLES = {
    "memory_meta": """
CREATE TABLE memory_meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
)""",
    # `path` is a JSON array of labels. `messages` counts the messages ever added and gives them their `seq`, `samples`
    # the saliences ever offered to the reservoir; `turns` is how many turns there are, the N of `memory_term_df`.
    "memory_scope": """
CREATE TABLE memory_scope (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    messages INTEGER NOT NULL DEFAULT 0,
    turns INTEGER NOT NULL DEFAULT 0,
    samples INTEGER NOT NULL DEFAULT 0,
    consolidated_unit INTEGER NOT NULL DEFAULT 0
)""",
    # A part of a split message has the row of the first part in `part_of` and its offset in the message in `start`.
    "memory_message": """
CREATE TABLE memory_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL,
    scope_id INTEGER NOT NULL REFERENCES memory_scope (id) DEFERRABLE INITIALLY DEFERRED,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    speaker TEXT NOT NULL,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    captions TEXT NOT NULL,
    t_us INTEGER NOT NULL,
    tz_minutes INTEGER NOT NULL,
    t_source TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    hash BLOB NOT NULL,
    part_of INTEGER,
    start INTEGER NOT NULL DEFAULT 0,
    flags TEXT NOT NULL DEFAULT '',
    metadata TEXT NOT NULL,
    hidden_us INTEGER,
    UNIQUE (scope_id, uid),
    UNIQUE (scope_id, hash)
)""",
    # `same` is a digest of normalised text, speaker and day: what makes two turns one unit. `session`, `said_us` and
    # `said_tz` repeat the newest source's, '' where sources of an abstract differ.
    "memory_unit": """
CREATE TABLE memory_unit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL,
    scope_id INTEGER NOT NULL REFERENCES memory_scope (id) DEFERRABLE INITIALLY DEFERRED,
    kind TEXT NOT NULL,
    level INTEGER NOT NULL,
    tier TEXT NOT NULL,
    text TEXT NOT NULL,
    annotations TEXT NOT NULL,
    ctx TEXT NOT NULL,
    label TEXT NOT NULL,
    date_text TEXT NOT NULL,
    grams TEXT NOT NULL,
    session TEXT NOT NULL,
    speaker TEXT NOT NULL,
    said_us INTEGER NOT NULL,
    said_tz INTEGER NOT NULL,
    salience REAL NOT NULL,
    raw_salience REAL NOT NULL,
    method TEXT NOT NULL,
    verified INTEGER NOT NULL,
    ev_start_us INTEGER NOT NULL,
    ev_end_us INTEGER NOT NULL,
    granularity TEXT NOT NULL,
    ambiguous INTEGER NOT NULL,
    valid_from_us INTEGER,
    valid_to_us INTEGER,
    mentions INTEGER NOT NULL,
    version INTEGER NOT NULL,
    same BLOB,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    hidden_us INTEGER,
    UNIQUE (scope_id, uid)
)""",
    "memory_unit_source": """
CREATE TABLE memory_unit_source (
    unit_id INTEGER NOT NULL REFERENCES memory_unit (id) DEFERRABLE INITIALLY DEFERRED,
    message_id INTEGER NOT NULL REFERENCES memory_message (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (unit_id, message_id)
) WITHOUT ROWID""",
    "memory_facet": """
CREATE TABLE memory_facet (
    scope_id INTEGER NOT NULL,
    unit_id INTEGER NOT NULL REFERENCES memory_unit (id) DEFERRABLE INITIALLY DEFERRED,
    kind TEXT NOT NULL,
    norm TEXT NOT NULL,
    shown TEXT NOT NULL,
    PRIMARY KEY (unit_id, kind, norm)
) WITHOUT ROWID""",
    # abstracts | supersedes | duplicates | contradicts: from the abstract, the newer or the later unit to the other.
    "memory_link": """
CREATE TABLE memory_link (
    src INTEGER NOT NULL REFERENCES memory_unit (id) DEFERRABLE INITIALLY DEFERRED,
    dst INTEGER NOT NULL REFERENCES memory_unit (id) DEFERRABLE INITIALLY DEFERRED,
    rel TEXT NOT NULL,
    weight REAL NOT NULL,
    PRIMARY KEY (src, dst, rel)
) WITHOUT ROWID""",
    "memory_model": """
CREATE TABLE memory_model (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL UNIQUE,
    dim INTEGER NOT NULL,
    kind TEXT NOT NULL
)""",
    # float32, unit length, little endian
    "memory_vector": """
CREATE TABLE memory_vector (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    unit_id INTEGER NOT NULL REFERENCES memory_unit (id) DEFERRABLE INITIALLY DEFERRED,
    scope_id INTEGER NOT NULL,
    model INTEGER NOT NULL REFERENCES memory_model (id) DEFERRABLE INITIALLY DEFERRED,
    v BLOB NOT NULL,
    UNIQUE (unit_id, model)
)""",
    # near | vectorise | extract | consolidate | erase | purge; states: waiting | running | done | failed
    "memory_job": """
CREATE TABLE memory_job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_id INTEGER,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    run_after_us INTEGER NOT NULL,
    lease_until_us INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT ''
)""",
    "memory_term_df": """
CREATE TABLE memory_term_df (
    scope_id INTEGER NOT NULL,
    term TEXT NOT NULL,
    df INTEGER NOT NULL,
    PRIMARY KEY (scope_id, term)
) WITHOUT ROWID""",
    # kind: salience (of units) | gate (of windows, `unit_id` being their first message)
    "memory_sample": """
CREATE TABLE memory_sample (
    scope_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    slot INTEGER NOT NULL,
    unit_id INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (scope_id, kind, slot)
) WITHOUT ROWID""",
    # Extracted items that were not believed, and the gate's values: numbers only.
    "memory_count": """
CREATE TABLE memory_count (
    scope_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (scope_id, name)
) WITHOUT ROWID""",
    # Never holds content: an action, when, and how many rows it touched.
    "memory_audit": """
CREATE TABLE memory_audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_id INTEGER,
    at_us INTEGER NOT NULL,
    action TEXT NOT NULL,
    counts TEXT NOT NULL
)""",
}

INDEXES = {
    "memory_message_order": "memory_message (scope_id, session, t_us, seq)",
    "memory_message_parts": "memory_message (part_of)",
    "memory_message_speaker": "memory_message (scope_id, session, role, speaker)",
    "memory_unit_tier": "memory_unit (scope_id, tier, kind)",
    "memory_unit_event": "memory_unit (scope_id, ev_start_us)",
    "memory_unit_same": "memory_unit (scope_id, same)",
    "memory_unit_session": "memory_unit (scope_id, session)",
    "memory_source_message": "memory_unit_source (message_id)",
    "memory_facet_norm": "memory_facet (scope_id, kind, norm)",
    "memory_link_dst": "memory_link (dst)",
    "memory_vector_scope": "memory_vector (scope_id, model, id)",
    "memory_job_state": "memory_job (state, run_after_us)",
    "memory_sample_unit": "memory_sample (unit_id)",
}

FTS_COLUMNS = ("label", "text", "ctx", "date_text", "grams")

FTS = """
CREATE VIRTUAL TABLE memory_fts USING fts5(
    label, text, ctx, date_text, grams,
    content='memory_unit', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
)"""

# Which unit holds a token, in which column and how often: what the lexical view counts. It stores nothing.
WORDS = "CREATE VIRTUAL TABLE memory_words USING fts5vocab(memory_fts, instance)"

_NEW = ", ".join(f"new.{name}" for name in FTS_COLUMNS)
_OLD = ", ".join(f"old.{name}" for name in FTS_COLUMNS)
_COLUMNS = ", ".join(FTS_COLUMNS)
_DELETE_OLD = f"INSERT INTO memory_fts (memory_fts, rowid, {_COLUMNS}) VALUES ('delete', old.id, {_OLD})"
_INSERT_NEW = f"INSERT INTO memory_fts (rowid, {_COLUMNS}) VALUES (new.id, {_NEW})"

# The update trigger names its columns: other updates would churn the index and leave ghosts in it.
TRIGGERS = {
    "memory_unit_added": f"CREATE TRIGGER memory_unit_added AFTER INSERT ON memory_unit BEGIN {_INSERT_NEW}; END",
    "memory_unit_removed": f"CREATE TRIGGER memory_unit_removed AFTER DELETE ON memory_unit BEGIN {_DELETE_OLD}; END",
    "memory_unit_changed": (
        f"CREATE TRIGGER memory_unit_changed AFTER UPDATE OF {_COLUMNS} ON memory_unit "
        f"BEGIN {_DELETE_OLD}; {_INSERT_NEW}; END"
    ),
}


@functools.cache
def migrations() -> Migrations:
    """The steps from a store without memory to the present schema, in order; append, never edit."""
    from sqlite_utils import Migrations

    steps = Migrations("ragkit_memory")
    steps(name="1_memory")(_first)
    return steps


def _first(db: Database) -> None:
    for statement in TABLES.values():
        db.execute(statement)
    for name, on in INDEXES.items():
        db.execute(f"CREATE INDEX {name} ON {on}")
    db.execute(FTS)
    db.execute(WORDS)
    for statement in TRIGGERS.values():
        db.execute(statement)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the memory tables in a file, 0 when it has none."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'memory_meta'").fetchone():
        return 0
    found = connection.execute("SELECT value FROM memory_meta WHERE key = 'schema_version'").fetchone()
    return int(found[0]) if found else 0
