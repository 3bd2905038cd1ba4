"""Turn units made again from messages that are stored already."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from ragkit.memory import jobs, vectors
from ragkit.memory.accept import Accepted
from ragkit.memory.config import MemoryConfig
from ragkit.memory.derive import mentions_of, same_key, turn_unit
from ragkit.memory.heard import heard_of, save_heard
from ragkit.memory.rows import insert_unit
from ragkit.memory.session import others_of, speakers_of, texts_before
from ragkit.memory.store import rows_in

_COLUMNS = (
    "id, seq, uid, session, speaker, role, text, captions, t_us, tz_minutes, t_source, hash, flags, metadata, start"
)


def stored_messages(connection: sqlite3.Connection, rows: Sequence[int]) -> list[tuple[int, int, Accepted]]:
    """These messages with their row and sequence, in the order they were said."""
    found = []
    for row in rows_in(connection, f"SELECT {_COLUMNS} FROM memory_message WHERE id IN ?", rows):
        id, seq, uid, session, speaker, role, text, captions, t_us, tz, t_source, digest, flags, metadata, start = row
        message = Accepted(
            uid=uid,
            session=session,
            speaker=speaker,
            role=role,
            text=text,
            captions=tuple(json.loads(captions)),
            t_us=t_us,
            tz_minutes=tz,
            t_source=t_source,
            hash=digest,
            flags=tuple(flags.split()),
            metadata=metadata,
            start=start,
        )
        found.append((id, seq, message))
    return sorted(found, key=lambda one: (one[2].t_us, one[1]))


def rebuild_turns(
    connection: sqlite3.Connection, scope_id: int, rows: Sequence[int], config: MemoryConfig, now_us: int
) -> int:
    """Make the turns of messages that lost theirs; how many. Inside a write; vectors are left to a job."""
    messages = stored_messages(connection, rows)
    if not messages:
        return 0
    heard = heard_of(connection, scope_id, [message for _, _, message in messages], config)
    made: dict[bytes, int] = {}
    for id, seq, message in messages:
        key = same_key(message.speaker, message.plain, message.t_us, message.tz_minutes)
        if key in made:
            connection.execute("UPDATE memory_unit SET mentions = mentions + 1 WHERE id = ?", [made[key]])
            connection.execute("INSERT INTO memory_unit_source VALUES (?, ?)", [made[key], id])
            continue
        speakers = sorted(speakers_of(connection, scope_id, message.session))
        count = config.ctx_before
        context = texts_before(connection, scope_id, message.session, message.t_us, seq, count) if count else []
        row, facets = turn_unit(
            message,
            scope_id=scope_id,
            others=others_of(speakers, message.speaker),
            context=context,
            mentions=mentions_of(message, config),
            heard=heard,
            config=config,
            now_us=now_us,
        )
        made[key] = insert_unit(connection, row, [id], facets)
    save_heard(connection, scope_id, heard)
    if vectors.current(connection) is not None:
        jobs.enqueue(connection, scope_id, "vectorise", once=True)
    return len(made)
