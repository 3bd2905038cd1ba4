"""What an agent may do with a memory, as plain methods with checked arguments; see `ragkit.adapters.toolbox`.

The scope is that of the memory: no argument can leave it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from ragkit.adapters.fence import fenced
from ragkit.adapters.toolbox import LONGEST_QUESTION, Reply, count, text
from ragkit.errors import InvalidValueError
from ragkit.memory import Filters, Message

if TYPE_CHECKING:
    from ragkit.memory import ForgetReport, Memory, MemoryHit, Unit

LONGEST_MESSAGE = 1_000_000  # characters
MOST_MESSAGES = 1_000  # in one batch
MOST_HITS = 50
MOST_TOKENS = 20_000

_LISTS = ("persons", "entities", "speakers", "sessions", "kinds")


class MemoryToolbox:
    """The tools over one memory. Raises `InvalidValueError` for arguments out of bounds, naming them."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    # -- reading --------------------------------------------------------------------------------------------------

    def search(self, question: str, k: int = 10) -> Reply:
        """What is remembered that tells most about a question, with dates and sources."""
        hits = self.memory.search(text(question, "question", LONGEST_QUESTION), k=count(k, "k", MOST_HITS))
        found = [hit_data(hit) for hit in hits]
        shown = (
            {**{key: one[key] for key in ("id", "speaker", "said", "event")}, "text": one["text"]} for one in found
        )
        return Reply(fenced(shown) or "Nothing is remembered about this.", {"hits": found})

    def context(self, question: str, budget_tokens: int = 600) -> Reply:
        """The same as a few dated, cited lines of at most this many tokens."""
        budget = count(budget_tokens, "budget_tokens", MOST_TOKENS)
        made = self.memory.context(text(question, "question", LONGEST_QUESTION), budget_tokens=budget)
        data = {"found": made.found, "tokens": made.tokens, "ids": [hit.id for hit in made.hits], "text": made.text}
        return Reply(fenced([{"text": made.text}]) if made.text else "Nothing is remembered about this.", data)

    def get(self, id: str) -> Reply:
        """One memory by its id."""
        unit = self.memory.get(text(id, "id", 2000))
        if unit is None:
            raise InvalidValueError(f"there is no memory {id!r}")
        data = unit_data(unit)
        return Reply(fenced([data]), data)

    def list(self, limit: int = 20, cursor: str | None = None) -> Reply:
        """Memories in the order they were made; `cursor` in the data is where the next page begins."""
        page = self.memory.list(limit=count(limit, "limit", 200), cursor=cursor)
        found = [unit_data(unit) for unit in page.units]
        return Reply(fenced(found) or "There are no more memories.", {"memories": found, "cursor": page.cursor})

    def stats(self) -> Reply:
        """How much is remembered."""
        found = self.memory.stats()
        data = {key: value for key, value in asdict(found).items() if not isinstance(value, datetime)}
        data["first"], data["last"] = _written(found.first), _written(found.last)
        return Reply(f"{found.messages} messages in {found.sessions} sessions", _plain(data))

    # -- writing --------------------------------------------------------------------------------------------------

    def add(
        self, message: str, speaker: str, role: str = "user", time: str | None = None, session: str | None = None
    ) -> Reply:
        """Remember what somebody said; `time` is ISO 8601, by default now."""
        return self.add_batch([{"text": message, "speaker": speaker, "role": role, "time": time, "session": session}])

    def add_batch(self, messages: Sequence[Mapping[str, Any]]) -> Reply:
        """Remember messages, all or none: objects with `text`, `speaker` and if wanted `role`, `time`, `session`."""
        if not isinstance(messages, list | tuple) or len(messages) > MOST_MESSAGES:
            raise InvalidValueError(f"messages must be a list of at most {MOST_MESSAGES} objects")
        results = self.memory.add_many([_message(place, given) for place, given in enumerate(messages)])
        stored = [{"id": result.id, "status": result.status} for result in results]
        return Reply(", ".join(f"{one['status']} {one['id']}".strip() for one in stored), {"results": stored})

    def update(self, id: str, message: str) -> Reply:
        """Correct a memory: the old version is kept, but superseded."""
        unit = self.memory.update(text(id, "id", 2000), text=text(message, "message", LONGEST_MESSAGE))
        data = unit_data(unit)
        return Reply(f"{unit.id} now supersedes {id}", data)

    def forget(self, ids: Sequence[str]) -> Reply:
        """Erase these memories and what was said in them, for good."""
        if not isinstance(ids, list | tuple) or not 0 < len(ids) <= MOST_MESSAGES:
            raise InvalidValueError(f"ids must be a list of 1 to {MOST_MESSAGES} ids")
        return _forgotten(self.memory.forget([text(id, "id", 2000) for id in ids]))

    def forget_where(self, where: Mapping[str, Any], dry_run: bool = True, confirm: str | None = None) -> Reply:
        """Erase all that meets these conditions; by default it only says how much that would be.

        `where` has lists `persons`, `entities`, `speakers`, `sessions`, `kinds` and times `after`, `before`; `{}` means
        the whole scope and needs `confirm` to be the scope's name.
        """
        if not isinstance(dry_run, bool):
            raise InvalidValueError(f"dry_run must be true or false, not {dry_run!r:.60}")
        filters = filters_of(where, self.memory.config.zone())
        if not filters.empty:
            return _forgotten(self.memory.forget(filters=filters, dry_run=dry_run))
        name = "/".join(self.memory.scope)
        if not dry_run and confirm != name:
            raise InvalidValueError(f"to forget the whole scope, confirm it by its name, {name!r}")
        return _forgotten(self.memory.forget(everything=True, dry_run=dry_run))


def filters_of(where: Mapping[str, Any], zone: tzinfo) -> Filters:
    """Conditions given as JSON; `zone` is that of times without one. Raises `InvalidValueError`."""
    if not isinstance(where, Mapping):
        raise InvalidValueError(f"where must be an object such as {{'speakers': ['Ann']}}, not {where!r:.60}")
    unknown = sorted(set(where) - {*_LISTS, "after", "before"})
    if unknown:
        raise InvalidValueError(
            f"there is no condition {unknown[0]!r}; known are {', '.join((*_LISTS, 'after', 'before'))}"
        )
    times = [_time(where.get(name), name) for name in ("after", "before")]
    after, before = (time if time is None or time.tzinfo else time.replace(tzinfo=zone) for time in times)
    said = (after, before) if after or before else None
    return Filters(**{name: where[name] for name in _LISTS if where.get(name)}, said=said)


def hit_data(hit: MemoryHit) -> dict[str, Any]:
    """A hit as JSON values."""
    return {
        "id": hit.id,
        "text": hit.text,
        "score": round(hit.score, 6),
        "kind": hit.kind,
        "tier": hit.tier,
        "speaker": hit.speaker,
        "session": hit.session,
        "said": _written(hit.said),
        "event": f"{_written(hit.event.start)} to {_written(hit.event.end)} ({hit.event.granularity})",
        "source_ids": list(hit.source_ids),
        "source_texts": list(hit.source_texts),
    }


def unit_data(unit: Unit) -> dict[str, Any]:
    """A unit as JSON values."""
    return {
        "id": unit.id,
        "text": unit.text,
        "kind": unit.kind,
        "tier": unit.tier,
        "speaker": unit.speaker,
        "session": unit.session,
        "said": _written(unit.said),
        "version": unit.version,
        "source_ids": [message.id for message in unit.sources],
    }


def _message(place: int, given: Mapping[str, Any]) -> Message:
    where = f"messages[{place}]"
    if not isinstance(given, Mapping):
        raise InvalidValueError(f"{where} must be an object with text and speaker, not {given!r:.60}")
    unknown = sorted(set(given) - {"text", "speaker", "role", "time", "session"})
    if unknown:
        raise InvalidValueError(f"{where} has the unknown key {unknown[0]!r}")
    role, session = given.get("role") or "user", given.get("session")
    return Message(
        text(given.get("text"), f"{where}.text", LONGEST_MESSAGE),
        text(given.get("speaker"), f"{where}.speaker", 500),
        text(role, f"{where}.role", 100),
        _time(given.get("time"), f"{where}.time"),
        None if session is None else text(session, f"{where}.session", 500),
    )


def _time(value: Any, name: str) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(text(value, name, 100))
    except (ValueError, OverflowError):
        raise InvalidValueError(f"{name} must be a time such as 2026-05-08T14:30:00+02:00, not {value!r:.60}") from None


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="minutes")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _forgotten(report: ForgetReport) -> Reply:
    done = "would be erased" if report.dry_run else "were erased"
    later = "; traces go when other readers are done" if report.pending else ""
    return Reply(f"{report.messages} messages and {report.units} memories {done}{later}", asdict(report))
