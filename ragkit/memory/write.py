"""The write path: a batch of messages, the units made of them and the jobs they call for, in one transaction.

Everything slow (times, vectors) is computed before the transaction begins; a vector that was computed for a context
which another process changed in between is left to a job.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragkit.errors import InvalidValueError
from ragkit.memory import jobs, near, vectors
from ragkit.memory.accept import Accepted, split
from ragkit.memory.config import MemoryConfig
from ragkit.memory.derive import mentions_of, same_key, turn_unit
from ragkit.memory.facets import FacetExtractor
from ragkit.memory.heard import Heard, heard_of, save_heard
from ragkit.memory.rows import insert_unit
from ragkit.memory.session import others_of, refresh_after, rerender, speakers_of, texts_before
from ragkit.memory.store import MemoryStore, Scope, made_scope, rows_in, scope_row
from ragkit.memory.times import TimeMention
from ragkit.memory.types import AddResult

if TYPE_CHECKING:
    from ragkit.components import Embedder

CLUSTER = 3  # units that make an abstract
NOT_TALKING = ("system", "tool")  # roles that take no part in a conversation


@dataclass(slots=True)
class Piece:
    """A message, or a part of one, on its way into the file."""

    message: Accepted
    order: int  # as given
    mentions: list[TimeMention]
    row: int = 0
    seq: int = 0
    context: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Written:
    """What a batch did: a result for each message given, the rows of new units, and whether jobs were queued."""

    results: list[AddResult]
    units: list[int] = field(default_factory=list)
    queued: bool = False


@dataclass(slots=True)
class Writer:
    """Writes batches into one scope of a store."""

    store: MemoryStore
    scope: Scope
    config: MemoryConfig
    embedder: Embedder | None = None
    extract: bool = False  # whether a chat model will be asked for units
    extractors: Sequence[FacetExtractor] = ()
    kept: tuple[int, Heard] | None = None  # what the scope had heard after our last batch, and the generation it made

    def add(self, given: Sequence[Accepted | None], now_us: int) -> Written:
        """Add messages; None stands for an empty one. All are written, or when anything fails none."""
        results: list[AddResult | None] = [AddResult("", "empty") if one is None else None for one in given]
        new = self._unseen(given, results)
        pieces = [
            Piece(part, order, mentions_of(part, self.config))
            for order in new
            for part in split(_real(given[order]), self.scope, self.config.max_chars)
        ]
        # In the order they were said; a message of no later time than another follows it as given.
        pieces.sort(key=lambda piece: (piece.message.t_us, piece.order, piece.message.part))
        ready = self._embedded(pieces)
        written = Written([])
        if pieces:
            with self.store.write() as connection:
                generation = self.store.generation(connection)
                kept, self.kept = self.kept, None  # nobody else may use it, and it is spoilt if this is rolled back
                heard = kept[1] if kept is not None and kept[0] == generation else None
                scope_id = made_scope(connection, self.scope)
                pieces = _still_new(connection, scope_id, pieces, results)
                heard = _Batch(self, connection, scope_id, now_us, ready, written).write(pieces, heard)
            if heard is not None:
                self.kept = (generation + 1, heard)
        for order, message in enumerate(given):
            if results[order] is None and message is not None:
                parts = tuple(piece.message.uid for piece in pieces if piece.order == order)
                whole = len(parts) == 1
                results[order] = AddResult(message.uid, "stored") if whole else AddResult(message.uid, "split", parts)
        written.results = [result for result in results if result is not None]
        return written

    def _unseen(self, given: Sequence[Accepted | None], results: list[AddResult | None]) -> list[int]:
        """The places of the messages that are neither stored nor twice in the batch; the others get their result."""
        known: dict[bytes | str, str] = {}
        if self.store.present:
            with self.store.read() as connection:
                scope_id = scope_row(connection, self.scope)
                if scope_id is not None:
                    known = _stored(connection, scope_id, [one for one in given if one is not None])
        new: list[int] = []
        for order, message in enumerate(given):
            if message is None:
                continue
            there = known.get(message.hash) or known.get(message.uid)
            if there is not None:
                results[order] = AddResult(there, "duplicate")
                continue
            known[message.hash] = known[message.uid] = message.uid
            new.append(order)
        return new

    def _embedded(self, pieces: Sequence[Piece]) -> Mapping[str, bytes]:
        """The vectors of the texts that will need one, when the embedder is quick enough to be waited for."""
        if self.embedder is None or not pieces or vectors.kind_of(self.embedder) != "static":
            return {}
        with self.store.read() as connection:
            scope_id = scope_row(connection, self.scope)
            tails = _tails(connection, scope_id, pieces, self.config.ctx_before)
        texts: dict[str, None] = {}
        for piece in pieces:
            tail = tails[piece.message.session]
            own = piece.message.plain
            texts[near.vector_text(tail, own, self.config)] = None
            tail.append(own)
        found, _ = vectors.embedded(self.embedder, list(texts))
        return {text: vector for text, vector in zip(texts, found, strict=True) if vector is not None}


def _real(message: Accepted | None) -> Accepted:
    assert message is not None
    return message


def _stored(connection: sqlite3.Connection, scope_id: int, messages: Sequence[Accepted]) -> dict[bytes | str, str]:
    """The ids of the stored messages that have the hash or the id of one of these, by hash and by id."""
    known: dict[bytes | str, str] = {}
    for column, values in (("hash", [one.hash for one in messages]), ("uid", [one.uid for one in messages])):
        sql = f"SELECT {column}, uid FROM memory_message WHERE scope_id = ? AND {column} IN ?"
        known.update(rows_in(connection, sql, values, [scope_id]))
    return known


def _still_new(
    connection: sqlite3.Connection, scope_id: int, pieces: list[Piece], results: list[AddResult | None]
) -> list[Piece]:
    """Without the messages that another process stored since we looked."""
    known = _stored(connection, scope_id, [piece.message for piece in pieces])
    gone = set()
    for piece in pieces:
        message = piece.message
        there = known.get(message.hash) or known.get(message.uid)
        if there is None or piece.order in gone:
            continue
        if message.part > 1:
            raise InvalidValueError(
                f"the id {message.uid!r} of part {message.part} of a long message is taken by another message; nothing "
                "was added, give the long message another id"
            )
        gone.add(piece.order)
        results[piece.order] = AddResult(there, "duplicate")
    return [piece for piece in pieces if piece.order not in gone]


def _tails(
    connection: sqlite3.Connection, scope_id: int | None, pieces: Sequence[Piece], count: int
) -> dict[str, deque[str]]:
    """For each session of the batch the texts of the last messages before its first piece."""
    tails: dict[str, deque[str]] = {}
    for piece in pieces:
        session = piece.message.session
        if session not in tails:
            tails[session] = deque(maxlen=count)
            if scope_id is not None and count:
                tails[session].extend(texts_before(connection, scope_id, session, piece.message.t_us, 2**62, count))
    return tails


@dataclass(slots=True)
class _Batch:
    """One transaction of a writer."""

    writer: Writer
    connection: sqlite3.Connection
    scope_id: int
    now_us: int
    ready: Mapping[str, bytes]
    written: Written
    model: vectors.Model | None = None
    pairs: list[tuple[int, int]] = field(default_factory=list)

    def write(self, pieces: Sequence[Piece], heard: Heard | None) -> Heard | None:
        """Write the pieces in their order; `heard` is what the scope heard so far, where it is known.

        Gives what it has heard now, None when nothing was written.
        """
        if not pieces:
            return None
        writer, connection = self.writer, self.connection
        if writer.embedder is not None:
            vectors.check_model(connection, writer.embedder, writer.store.path)
            self.model = vectors.registered(connection, writer.embedder)
        sessions = self._sessions(pieces)
        late = self._insert_messages(pieces)
        self._contexts(pieces, late)
        heard = heard_of(connection, self.scope_id, [piece.message for piece in pieces], writer.config, heard)
        lacking = False
        for piece in pieces:
            lacking |= self._unit(piece, sessions[piece.message.session], heard)
        save_heard(connection, self.scope_id, heard)
        for piece in late:
            place = (piece.message.t_us, piece.seq)
            lacking |= refresh_after(connection, self.scope_id, piece.message.session, place, writer.config)
        self._queue(pieces, lacking)
        return heard

    def _sessions(self, pieces: Sequence[Piece]) -> dict[str, list[str]]:
        """Who takes part in each session, now; older units are told when that changes whom "you" means."""
        talking: dict[str, set[str]] = defaultdict(set)
        for piece in pieces:
            found = talking[piece.message.session]
            if piece.message.role not in NOT_TALKING:
                found.add(piece.message.speaker)
        after: dict[str, list[str]] = {}
        for session, new in talking.items():
            known = speakers_of(self.connection, self.scope_id, session)
            after[session] = sorted(known | new)
            if known and len(known) != len(after[session]) and len(known) <= 2:
                rerender(self.connection, self.scope_id, session, after[session], self.writer.config, self.now_us)
        return after

    def _insert_messages(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Write the messages; returns those that do not stand at the end of their session."""
        connection = self.connection
        (seq,) = connection.execute("SELECT messages FROM memory_scope WHERE id = ?", [self.scope_id]).fetchone()
        newest: dict[str, int] = {}
        firsts: dict[int, int] = {}
        late = []
        for piece in pieces:
            message = piece.message
            if message.session not in newest:
                newest[message.session] = self._newest(message.session)
            if message.t_us < newest[message.session]:
                late.append(piece)
            seq += 1
            piece.row, piece.seq = self._insert_message(message, seq), seq
            if message.part:
                first = firsts.setdefault(piece.order, piece.row)
                connection.execute("UPDATE memory_message SET part_of = ? WHERE id = ?", [first, piece.row])
        connection.execute("UPDATE memory_scope SET messages = ? WHERE id = ?", [seq, self.scope_id])
        return late

    def _newest(self, session: str) -> int:
        sql = "SELECT max(t_us) FROM memory_message WHERE scope_id = ? AND session = ?"
        found = self.connection.execute(sql, [self.scope_id, session]).fetchone()[0]
        return -(2**62) if found is None else int(found)

    def _insert_message(self, message: Accepted, seq: int) -> int:
        values = (
            message.uid,
            self.scope_id,
            message.session,
            seq,
            message.speaker,
            message.role,
            message.text,
            json.dumps(message.captions, ensure_ascii=False),
            message.t_us,
            message.tz_minutes,
            message.t_source,
            self.now_us,
            message.hash,
            message.start,
            " ".join(message.flags),
            message.metadata,
        )
        cursor = self.connection.execute(
            "INSERT INTO memory_message (uid, scope_id, session, seq, speaker, role, text, captions, t_us, tz_minutes, "
            "t_source, received_us, hash, start, flags, metadata) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            values,
        )
        return int(cursor.lastrowid or 0)

    def _contexts(self, pieces: Sequence[Piece], late: Sequence[Piece]) -> None:
        """Give each piece the texts before it: from the batch where a session only grows, else from the file."""
        count = self.writer.config.ctx_before
        if not count:
            return
        disturbed = {piece.message.session for piece in late}
        tails: dict[str, deque[str]] = {}
        for piece in pieces:
            session, t_us = piece.message.session, piece.message.t_us
            if session in disturbed or session not in tails:
                found = texts_before(self.connection, self.scope_id, session, t_us, piece.seq, count)
                tails[session] = deque(found, maxlen=count)
            piece.context = list(tails[session])
            tails[session].append(piece.message.plain)

    def _unit(self, piece: Piece, speakers: Sequence[str], heard: Heard) -> bool:
        """Write the unit of a piece, or add the piece to the unit that says the same; whether it lacks a vector."""
        connection, message, config = self.connection, piece.message, self.writer.config
        key = same_key(message.speaker, message.plain, message.t_us, message.tz_minutes)
        known = connection.execute(
            "SELECT id FROM memory_unit WHERE scope_id = ? AND same = ? AND hidden_us IS NULL AND tier != 'superseded' "
            "ORDER BY id LIMIT 1",
            [self.scope_id, key],
        ).fetchone()
        if known:
            connection.execute(
                "UPDATE memory_unit SET mentions = mentions + 1, updated_us = ? WHERE id = ?", [self.now_us, known[0]]
            )
            connection.execute("INSERT INTO memory_unit_source VALUES (?, ?)", [known[0], piece.row])
            return False
        row, facets = turn_unit(
            message,
            scope_id=self.scope_id,
            others=others_of(speakers, message.speaker),
            context=piece.context,
            mentions=piece.mentions,
            heard=heard,
            config=config,
            now_us=self.now_us,
            extractors=self.writer.extractors,
        )
        unit = insert_unit(connection, row, [piece.row], facets)
        self.written.units.append(unit)
        if self.model is not None and row.tier == "active":
            older = near.candidates(connection, self.scope_id, unit, message.plain, facets, heard.df, config)
            self.pairs += [(unit, one) for one in older]
        if self.model is None or row.tier == "phatic":
            return False
        vector = self.ready.get(near.vector_text(piece.context, message.plain, config))
        if vector is None:
            return True
        vectors.put(connection, self.scope_id, self.model, [unit], [vector])
        return False

    def _queue(self, pieces: Sequence[Piece], lacking: bool) -> None:
        """Queue what is to be done about the batch."""
        connection, config = self.connection, self.writer.config
        if lacking and self.model is not None:
            jobs.enqueue(connection, self.scope_id, "vectorise", once=True)
            self.written.queued = True
        if self.pairs:
            jobs.enqueue(connection, self.scope_id, "near", {"pairs": self.pairs})
            self.written.queued = True
        if self.writer.extract:
            told = [
                piece.row
                for piece in pieces
                if piece.message.role not in NOT_TALKING and not json.loads(piece.message.metadata).get("recalled")
            ]
            if told:
                jobs.enqueue_extraction(connection, self.scope_id, told, config.stride, config.cons_idle_seconds)
                self.written.queued = True
        (since,) = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM memory_unit WHERE scope_id = :scope AND kind != 'abstract' AND id > "
            "(SELECT consolidated_unit FROM memory_scope WHERE id = :scope) LIMIT :most)",
            {"scope": self.scope_id, "most": config.cons_every},
        ).fetchone()
        if since >= CLUSTER:  # at once when there are many, else when nothing was added for a while
            idle = jobs.wall_us() + config.cons_idle_seconds * 1_000_000
            jobs.enqueue_consolidation(connection, self.scope_id, 0 if since >= config.cons_every else idle)
            self.written.queued = True
