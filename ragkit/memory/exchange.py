"""A scope as JSON lines, out and in again; and chats written by other programs.

The first line names the format. Then come the messages in the order they were added, the units in the order they were
made, and the links between them, all by id; vectors are left out, as they are made again. Importing an export into an
empty scope gives a scope whose export is the same, line for line.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import IO, Any

from ragkit.errors import InvalidValueError, LoadError
from ragkit.memory.accept import Accepted, content_hash, id_hash, plain
from ragkit.memory.erase import note
from ragkit.memory.heard import Heard, save_heard, terms_of
from ragkit.memory.lines import check_message, check_unit
from ragkit.memory.rows import COLUMNS, UnitRow, facets_of_units, insert_unit
from ragkit.memory.store import MemoryStore, Scope, made_scope, scope_row
from ragkit.memory.types import AddResult, Facet, Message

FORMAT = {"format": "ragkit memory", "version": 1}
_UNDECODED = re.compile("[\udc80-\udcff]")  # bytes that are no UTF-8, in a file opened with "surrogateescape"
FORMATS = ("memory", "chat.jsonl")
_MESSAGE = (
    "uid", "session", "speaker", "role", "text", "captions", "t_us", "tz_minutes", "t_source", "received_us", "start",
    "flags", "metadata", "hidden_us",
)  # fmt: skip
_UNIT = tuple(name for name in COLUMNS if name not in ("scope_id", "same"))


def export(store: MemoryStore, scope: Scope, file: IO[str]) -> int:
    """See `Memory.export`."""
    lines = 0
    with store.read() as connection:
        for line in _lines(connection, scope):
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            lines += 1
    return lines


def _lines(connection: sqlite3.Connection, scope: Scope) -> Iterator[dict[str, Any]]:
    yield {**FORMAT, "scope": list(scope)}
    scope_id = scope_row(connection, scope)
    if scope_id is None:
        yield {"saliences": {"seen": 0, "kept": []}}
        return
    columns = ", ".join(f"m.{name}" for name in _MESSAGE)
    sql = (
        f"SELECT {columns}, f.uid FROM memory_message m LEFT JOIN memory_message f ON f.id = m.part_of "
        "WHERE m.scope_id = ? ORDER BY m.seq"
    )
    for row in connection.execute(sql, [scope_id]):
        yield {"message": {**dict(zip(_MESSAGE, row, strict=False)), "part_of": row[-1]}}
    units = connection.execute(
        f"SELECT id, hex(same), {', '.join(_UNIT)} FROM memory_unit WHERE scope_id = ? ORDER BY id", [scope_id]
    ).fetchall()
    for id, same, *row in units:
        sources = connection.execute(
            "SELECT m.uid FROM memory_unit_source s JOIN memory_message m ON m.id = s.message_id WHERE s.unit_id = ? "
            "ORDER BY m.seq",
            [id],
        )
        facets = facets_of_units(connection, [id])[id]
        yield {
            "unit": {
                **dict(zip(_UNIT, row, strict=True)),
                "same": same or None,
                "sources": [source[0] for source in sources],
                "facets": [[facet.kind, facet.norm, facet.shown] for facet in facets],
            }
        }
    links = connection.execute(
        "SELECT a.uid, b.uid, l.rel, l.weight FROM memory_link l JOIN memory_unit a ON a.id = l.src "
        "JOIN memory_unit b ON b.id = l.dst WHERE a.scope_id = ? ORDER BY 1, 2, 3",
        [scope_id],
    )
    for src, dst, rel, weight in links:
        yield {"link": {"src": src, "dst": dst, "rel": rel, "weight": weight}}
    samples = connection.execute("SELECT samples FROM memory_scope WHERE id = ?", [scope_id]).fetchone()[0]
    slots = connection.execute(
        "SELECT s.slot, u.uid, s.value FROM memory_sample s JOIN memory_unit u ON u.id = s.unit_id "
        "WHERE s.scope_id = ? AND s.kind = 'salience' ORDER BY s.slot",
        [scope_id],
    )
    yield {"saliences": {"seen": samples, "kept": [list(row) for row in slots]}}


def import_(store: MemoryStore, scope: Scope, file: IO[str], *, now_us: int) -> list[AddResult]:
    """Add what `export` wrote, in one transaction; a result for each message.

    Messages and units whose id the scope has already are left as they are. Raises `LoadError` naming the line.
    """
    source = str(getattr(file, "name", "the import"))
    lines = list(_read(file, source))
    head = lines[0][1] if lines else {}
    if {key: head.get(key) for key in FORMAT} != FORMAT:
        raise LoadError(
            source, "it does not begin with the line of a memory export; for a chat use format='chat.jsonl'"
        )
    results: list[AddResult] = []
    with store.write() as connection:
        bringing = _Bringing(connection, made_scope(connection, scope), scope, tuple(head.get("scope", ())))
        for number, line in lines[1:]:
            try:
                result = bringing.line(line)
            except KeyError as error:
                raise LoadError(
                    source, f"line {number} is no line of an export (it has no {error}); nothing was added"
                ) from error
            except (TypeError, ValueError, AttributeError, OverflowError, sqlite3.IntegrityError) as error:
                raise LoadError(
                    source, f"line {number} is no line of an export ({error}); nothing was added"
                ) from error
            if result is not None:
                results.append(result)
        bringing.finish()
        stored = sum(result.status == "stored" for result in results)
        note(connection, bringing.scope_id, "import", {"messages": stored, "units": len(bringing.units)}, now_us)
    return results


def _read(file: IO[str], source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    try:
        for number, text in enumerate(file, 1):
            if number == 1:
                text = text.removeprefix("\ufeff")
            if not text.strip():
                continue
            if _UNDECODED.search(text):
                raise LoadError(source, f"line {number} is no UTF-8; save the file as UTF-8")
            value = json.loads(text)
            if not isinstance(value, dict):
                raise LoadError(source, f"line {number} is no JSON object")
            yield number, value
    except UnicodeDecodeError as error:
        raise LoadError(source, f"line {number + 1} is no UTF-8 ({error.reason})") from error
    except (ValueError, RecursionError) as error:
        raise LoadError(source, f"line {number} is no JSON ({error})") from error


class _Bringing:
    """An import under way."""

    def __init__(self, connection: sqlite3.Connection, scope_id: int, scope: Scope, home: Scope) -> None:
        self.connection, self.scope_id, self.scope, self.home = connection, scope_id, scope, home
        self.units: dict[str, int] = {}
        self.terms: dict[str, int] = {}
        self.turns = 0
        (self.seq,) = connection.execute("SELECT messages FROM memory_scope WHERE id = ?", [scope_id]).fetchone()
        (self.before,) = connection.execute("SELECT turns FROM memory_scope WHERE id = ?", [scope_id]).fetchone()

    def line(self, line: dict[str, Any]) -> AddResult | None:
        """Bring in one line; the result when it is a message."""
        ((kind, value),) = line.items()
        match kind:
            case "message":
                return self._message(value)
            case "unit":
                self._unit(value)
            case "link":
                self._link(value)
            case "saliences":
                self._saliences(value)
            case _:
                raise ValueError(f"nothing is called {kind!r}")
        return None

    def _row(self, uid: str) -> int | None:
        found = self.connection.execute(
            "SELECT id FROM memory_message WHERE scope_id = ? AND uid = ?", [self.scope_id, uid]
        ).fetchone()
        return int(found[0]) if found else None

    def _message(self, value: dict[str, Any]) -> AddResult:
        check_message(value)
        uid = value["uid"]
        digest = _hash_of(value, self.home, self.scope)
        known = self.connection.execute(
            "SELECT uid FROM memory_message WHERE scope_id = ? AND (uid = ? OR hash = ?)", [self.scope_id, uid, digest]
        ).fetchone()
        if known:
            return AddResult(known[0], "duplicate")
        self.seq += 1
        row = {name: value[name] for name in _MESSAGE}
        columns = ", ".join(["scope_id", "seq", "hash", *_MESSAGE])
        marks = ", ".join("?" * (3 + len(_MESSAGE)))
        cursor = self.connection.execute(
            f"INSERT INTO memory_message ({columns}) VALUES ({marks})",
            [self.scope_id, self.seq, digest, *row.values()],
        )
        if value.get("part_of"):
            first = self._row(str(value["part_of"]))
            if first is None:
                raise ValueError(f"the first part {value['part_of']!r} is missing")
            self.connection.execute(
                "UPDATE memory_message SET part_of = ? WHERE id = ?", [first, int(cursor.lastrowid or 0)]
            )
        return AddResult(uid, "stored")

    def _unit(self, value: dict[str, Any]) -> None:
        check_unit(value)
        uid = value["uid"]
        if self.connection.execute(
            "SELECT 1 FROM memory_unit WHERE scope_id = ? AND uid = ?", [self.scope_id, uid]
        ).fetchone():
            return
        rows = [self._row(str(source)) for source in value["sources"]]
        if not rows or None in rows:
            raise ValueError(f"the unit {uid!r} cites a message that is missing")
        same = bytes.fromhex(value["same"]) if value["same"] else None
        columns = {name: value[name] for name in _UNIT}
        row = UnitRow(scope_id=self.scope_id, same=same, **columns)
        facets = [Facet(kind, norm, shown) for kind, norm, shown in value["facets"]]
        self.units[uid] = insert_unit(self.connection, row, [row for row in rows if row is not None], facets)
        if row.method == "rules" and row.kind == "turn":
            self._count(uid)

    def _count(self, uid: str) -> None:
        text, captions = self.connection.execute(
            "SELECT text, captions FROM memory_message WHERE scope_id = ? AND uid = ?", [self.scope_id, uid]
        ).fetchone()
        self.turns += 1
        for term in terms_of(plain(text, json.loads(captions))):
            self.terms[term] = self.terms.get(term, 0) + 1

    def _link(self, value: dict[str, Any]) -> None:
        src, dst = self.units.get(value["src"]), self.units.get(value["dst"])
        if src is not None and dst is not None:
            self.connection.execute(
                "INSERT OR IGNORE INTO memory_link VALUES (?, ?, ?, ?)",
                [src, dst, str(value["rel"]), float(value["weight"])],
            )

    def _saliences(self, value: dict[str, Any]) -> None:
        """The sample of an empty scope is taken over; one that has its own keeps it."""
        if self.before:
            return
        if int(value["seen"]) < 0:
            raise ValueError("it has seen less than nothing")
        self.connection.execute("UPDATE memory_scope SET samples = ? WHERE id = ?", [int(value["seen"]), self.scope_id])
        self.connection.executemany(
            "INSERT OR REPLACE INTO memory_sample VALUES (?, 'salience', ?, ?, ?)",
            [(self.scope_id, int(place), self.units[uid], float(raw)) for place, uid, raw in value["kept"]],
        )

    def finish(self) -> None:
        """Write the counts."""
        (samples,) = self.connection.execute(
            "SELECT samples FROM memory_scope WHERE id = ?", [self.scope_id]
        ).fetchone()
        heard = Heard(set(), {}, self.before + self.turns, samples, {}, 1)
        heard.changed_df = self.terms
        save_heard(self.connection, self.scope_id, heard)
        self.connection.execute("UPDATE memory_scope SET messages = ? WHERE id = ?", [self.seq, self.scope_id])


def _hash_of(value: dict[str, Any], home: Scope, scope: Scope) -> bytes:
    """The digest a message would have if it were added to the scope: of its content when its id was made of it."""
    said = (value["session"], value["speaker"], value["t_us"], value["text"], json.loads(value["captions"]))
    if content_hash(home, *said).hex()[:20] == value["uid"]:
        return content_hash(scope, *said)
    return id_hash(scope, str(value["uid"]))


# -- chats ------------------------------------------------------------------------------------------------------------

_KEYS = {
    "text": ("text", "content", "message"),
    "speaker": ("speaker", "name", "author", "role"),
    "time": ("time", "timestamp", "created_at", "date"),
    "session": ("session", "conversation_id", "thread_id"),
    "id": ("id", "uid"),
    "role": ("role",),
    "captions": ("captions",),
    "metadata": ("metadata",),
}


def chat(file: IO[str], accepted: Callable[[Message], Accepted | None]) -> Iterator[Accepted | None]:
    """The messages of a chat, one JSON object on each line, as `accepted` takes them.

    `text` (or `content`) and `speaker` (or `name`, `author`, `role`) are needed; `time` (or `timestamp`, `created_at`)
    is ISO 8601 or seconds since 1970; `session`, `id`, `role`, `captions` and `metadata` are optional, and what else
    there is goes into the metadata. Raises `LoadError` naming the line.
    """
    source = str(getattr(file, "name", "the chat"))
    for number, line in _read(file, source):
        try:
            yield accepted(_chat_message(line))
        except (InvalidValueError, ValueError, TypeError, OverflowError) as error:
            raise LoadError(source, f"line {number}: {error}") from error


def _chat_message(line: dict[str, Any]) -> Message:
    taken: dict[str, Any] = {}
    used: set[str] = set()
    for field, names in _KEYS.items():
        for name in names:
            if line.get(name) is not None:
                taken[field] = line[name]
                used.add(name)
                break
    for field in ("text", "speaker"):
        if not isinstance(taken.get(field), str):
            raise InvalidValueError(f'it has no {field}; write {{"text": …, "speaker": …}}')
    extra = {name: value for name, value in line.items() if name not in used and value is not None}
    metadata = taken.get("metadata", {})
    if not isinstance(metadata, dict):
        raise InvalidValueError("its metadata are no JSON object")
    captions = taken.get("captions", [])
    if not isinstance(captions, list):
        raise InvalidValueError("its captions are no list of texts")
    return Message(
        text=taken["text"],
        speaker=taken["speaker"],
        role=str(taken.get("role", "user")),
        time=_time(taken.get("time")),
        session=None if taken.get("session") is None else str(taken["session"]),
        id=None if taken.get("id") is None else str(taken["id"]),
        captions=tuple(captions),
        metadata={**extra, **metadata},
    )


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InvalidValueError(f"its time is neither ISO 8601 nor seconds since 1970: {value!r}")
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return datetime.fromtimestamp(value, UTC)
