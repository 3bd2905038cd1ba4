"""What was said in a session, message by message, as it was given: for those who keep a conversation in the memory."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from ragkit.errors import InvalidValueError
from ragkit.memory.store import MemoryStore, Scope, scope_row
from ragkit.memory.types import Message, from_us

_COLUMNS = "id, uid, part_of, start, text, speaker, role, t_us, tz_minutes, captions, metadata"


def transcript(store: MemoryStore, scope: Scope, session: str, last: int | None = None) -> list[Message]:
    """The messages of a session in order of time, the `last` ones only when given; parts of long ones joined again."""
    if last is not None and (isinstance(last, bool) or not isinstance(last, int) or last < 0):
        raise InvalidValueError(f"last is how many messages to give, a whole number from 0; not {last!r}")
    if not store.present or last == 0:
        return []
    with store.read() as connection:
        scope_id = scope_row(connection, scope)
        if scope_id is None:
            return []
        # A part of a long message has the row of its first part; whole messages are their own.
        sql = (
            f"SELECT {_COLUMNS} FROM memory_message WHERE scope_id = ? AND session = ? AND hidden_us IS NULL "
            "AND coalesce(part_of, id) IN (SELECT id FROM memory_message WHERE scope_id = ? AND session = ? "
            "AND hidden_us IS NULL AND coalesce(part_of, id) = id ORDER BY t_us DESC, seq DESC LIMIT ?) "
            "ORDER BY t_us, seq"
        )
        limit = -1 if last is None else last
        rows = connection.execute(sql, [scope_id, session, scope_id, session, limit]).fetchall()
    return [_message(list(parts), session) for _, parts in groupby(rows, key=lambda row: row[2] or row[0])]


def _message(parts: list[Any], session: str) -> Message:
    _, uid, _, _, _, speaker, role, t_us, tz, captions, metadata = parts[0]
    text = ""
    for _, _, _, start, piece, *_ in parts:
        text += " " * (start - len(text)) + piece  # pieces of white space alone are not kept
    return Message(
        text,
        speaker,
        role,
        from_us(t_us, tz),
        session,
        uid,
        tuple(json.loads(captions)),
        json.loads(metadata),
    )
