"""A conversation as a whole: who takes part in it, and what its units must be told when it changes afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from ragkit.memory import vectors
from ragkit.memory.accept import plain
from ragkit.memory.config import MemoryConfig
from ragkit.memory.derive import BETWEEN, rendered
from ragkit.memory.times import find_times


def speakers_of(connection: sqlite3.Connection, scope_id: int, session: str) -> set[str]:
    """Who speaks in a session, without system and tool messages; found by leaping through the index."""
    sql = """
        WITH RECURSIVE said (role, speaker) AS (
            SELECT * FROM (SELECT role, speaker FROM memory_message WHERE scope_id = :scope AND session = :session
                           ORDER BY role, speaker LIMIT 1)
            UNION ALL
            SELECT (SELECT role FROM memory_message WHERE scope_id = :scope AND session = :session
                    AND (role, speaker) > (said.role, said.speaker) ORDER BY role, speaker LIMIT 1),
                   (SELECT speaker FROM memory_message WHERE scope_id = :scope AND session = :session
                    AND (role, speaker) > (said.role, said.speaker) ORDER BY role, speaker LIMIT 1)
            FROM said WHERE said.speaker IS NOT NULL
        )
        SELECT DISTINCT speaker FROM said WHERE speaker IS NOT NULL AND role NOT IN ('system', 'tool')"""
    return {row[0] for row in connection.execute(sql, {"scope": scope_id, "session": session})}


def others_of(speakers: Sequence[str], speaker: str) -> list[str]:
    """The other participants."""
    return [name for name in speakers if name != speaker]


def rerender(
    connection: sqlite3.Connection,
    scope_id: int,
    session: str,
    speakers: Sequence[str],
    config: MemoryConfig,
    now_us: int,
) -> None:
    """Annotate the turns of a session anew, as its participants decide whom "you" means. Inside a write."""
    rows = connection.execute(
        "SELECT u.id, u.text, m.text, m.captions, m.speaker, m.t_us, m.tz_minutes FROM memory_unit u "
        "JOIN memory_message m ON m.scope_id = u.scope_id AND m.uid = u.uid "
        "WHERE u.scope_id = ? AND u.session = ? AND u.kind = 'turn' AND u.method = 'rules'",
        [scope_id, session],
    ).fetchall()
    for unit, old, text, captions, speaker, t_us, tz in rows:
        mentions = find_times(text, t_us, tz, hemisphere=config.hemisphere)
        new, notes = rendered(text, json.loads(captions), speaker, others_of(speakers, speaker), mentions)
        if new != old:
            connection.execute(
                "UPDATE memory_unit SET text = ?, annotations = ?, updated_us = ? WHERE id = ?",
                [new, notes, now_us, unit],
            )


def refresh_after(
    connection: sqlite3.Connection, scope_id: int, session: str, place: tuple[int, int], config: MemoryConfig
) -> bool:
    """Correct the contexts of the units after a place in a session; whether any lost its vector by that."""
    count = config.ctx_before
    if not count:
        return False
    after = connection.execute(
        "SELECT uid, t_us, seq FROM memory_message WHERE scope_id = ? AND session = ? AND (t_us, seq) > (?, ?) "
        "ORDER BY t_us, seq LIMIT ?",
        [scope_id, session, *place, count],
    ).fetchall()
    lost = False
    for uid, t_us, seq in after:
        found = connection.execute(
            "SELECT id, ctx FROM memory_unit WHERE scope_id = ? AND uid = ?", [scope_id, uid]
        ).fetchone()
        if found is None:  # the message only repeats what another unit says
            continue
        old, new = found[1].split(BETWEEN), texts_before(connection, scope_id, session, t_us, seq, count)
        if new != (old if found[1] else []):
            connection.execute("UPDATE memory_unit SET ctx = ? WHERE id = ?", [BETWEEN.join(new), found[0]])
            seen = config.vector_before  # the part of the context that its vector sees
            if seen and new[-seen:] != old[-seen:]:
                lost |= vectors.drop(connection, [found[0]]) > 0
    return lost


def texts_before(
    connection: sqlite3.Connection, scope_id: int, session: str, t_us: int, seq: int, count: int
) -> list[str]:
    """The texts of the `count` messages before a place in a session, oldest first."""
    rows = connection.execute(
        "SELECT text, captions FROM memory_message WHERE scope_id = ? AND session = ? AND (t_us, seq) < (?, ?) "
        "ORDER BY t_us DESC, seq DESC LIMIT ?",
        [scope_id, session, t_us, seq, count],
    ).fetchall()
    return [plain(text, json.loads(captions)) for text, captions in reversed(rows)]
