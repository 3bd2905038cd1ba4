"""The values of agent memory: messages go in, units are kept, hits and contexts come out.

All are frozen. Times are aware `datetime`s where people read them and integer microseconds since 1970 (UTC) where they
are compared. Ids are the caller's own, or derived from the content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

from ragkit.errors import InvalidValueError

Kind = Literal["turn", "fact", "abstract"]
Tier = Literal["active", "phatic", "archived", "superseded"]
Status = Literal["stored", "duplicate", "empty", "split"]
FacetKind = Literal["person", "entity", "keyword", "location", "topic"]

KINDS: tuple[Kind, ...] = ("turn", "fact", "abstract")
TIERS: tuple[Tier, ...] = ("active", "phatic", "archived", "superseded")
FACET_KINDS: tuple[FacetKind, ...] = ("person", "entity", "keyword", "location", "topic")

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
BROKEN = re.compile("[\x00\ud800-\udfff]")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time, exactly. Raises `InvalidValueError` for one without a time zone."""
    if moment.tzinfo is None:
        raise InvalidValueError(f"the time {moment.isoformat()} has no time zone; give an aware datetime")
    return (moment - _EPOCH) // _MICROSECOND


def from_us(us: int, offset_minutes: int = 0) -> datetime:
    """The aware time of these microseconds, at this offset from UTC."""
    return (_EPOCH + timedelta(microseconds=us)).astimezone(timezone(timedelta(minutes=offset_minutes)))


def sound(text: str) -> str:
    """A text as it is stored: NUL and lone surrogates are U+FFFD."""
    return BROKEN.sub(REPLACEMENT, text)


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said: what `add` takes and what `get` shows as a source.

    `time` without a zone is taken in the configured one; None means now. `session` names the conversation. `captions`
    describe attachments. `metadata["recalled"]` true marks output of the memory itself, which is never extracted from.
    The fields after `metadata` are filled in by the memory: `start` is where a part of a split message begins in it,
    `part_of` the id of its first part, `flags` holds "skewed" (time lies in the future) and "replaced" (broken
    characters became U+FFFD), `time_source` is "given", "assumed" (its zone) or "clock".
    """

    text: str
    speaker: str
    role: str = "user"
    time: datetime | None = None
    session: str | None = None
    id: str | None = None
    captions: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    start: int = 0
    part_of: str | None = None
    flags: tuple[str, ...] = ()
    time_source: str = "given"

    def __post_init__(self) -> None:
        captions: object = self.captions
        if isinstance(captions, str) or not isinstance(captions, Sequence):
            raise InvalidValueError(f"the captions of a message are a list of texts, not {captions!r}")
        object.__setattr__(self, "captions", tuple(captions))


@dataclass(frozen=True, slots=True)
class AddResult:
    """What became of one message: its id, or "" when it was empty, and the ids of its parts when it was split."""

    id: str
    status: Status
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Facet:
    """A value a unit is found by: `norm` is compared (NFKC, case folded), `shown` is how it was written."""

    kind: FacetKind
    norm: str
    shown: str


@dataclass(frozen=True, slots=True)
class Event:
    """When what is told happened: `start` to `end` (half open) with the granularity it was told in.

    `granularity` is "said" when no time was told, so that the day of the message stands in.
    """

    start: datetime
    end: datetime
    granularity: str
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """A self-contained statement and the messages it rests on.

    `annotations` are the strings inserted into the message's text, each with its offset there; taking them out gives
    the message back. `said` is the time of its newest message. `mentions` counts messages that say the same.
    """

    id: str
    kind: Kind
    level: int
    tier: Tier
    text: str
    speaker: str
    session: str
    said: datetime
    event: Event
    sources: tuple[Message, ...] = ()
    facets: tuple[Facet, ...] = ()
    annotations: tuple[tuple[int, str], ...] = ()
    salience: float = 0.5
    method: str = "rules"
    verified: bool = True
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    mentions: int = 1
    version: int = 1
    forgotten: datetime | None = None


@dataclass(frozen=True, slots=True)
class MemoryHit:
    """A unit found for a question. `views` holds the score of each view when the search was asked to explain.

    `number` is the unit's row, good as long as the file is not written to. `source_ids` and `source_texts` are its
    messages, verbatim, oldest first.
    """

    id: str
    text: str
    score: float
    kind: Kind
    tier: Tier
    speaker: str
    session: str
    said: datetime
    event: Event
    source_ids: tuple[str, ...] = ()
    source_texts: tuple[str, ...] = ()
    views: Mapping[str, float] = field(default_factory=dict)
    number: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """What to put before a model: one line per hit, ordered by event time, within the budget. Empty when not found."""

    text: str
    hits: tuple[MemoryHit, ...] = ()
    tokens: int = 0
    found: bool = True

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Filters:
    """Hard conditions on units, all of which must hold; within one field any value will do.

    `persons` match the speaker or a person facet, `entities` an entity facet, both in any case; `sessions` and
    `speakers` exactly. `time` bounds the event, `said` the message time, half open, either end may be None.
    `metadata` must be equal in a source message.
    """

    persons: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    time: tuple[datetime | None, datetime | None] | None = None
    said: tuple[datetime | None, datetime | None] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("persons", "entities", "speakers", "sessions", "kinds"):
            value = getattr(self, name)
            if isinstance(value, str):
                value = (value,)
            if not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
                raise InvalidValueError(f"the filter {name} takes a list of texts, not {value!r}")
            object.__setattr__(self, name, tuple(map(sound, value)))
        if not isinstance(self.metadata, Mapping):
            raise InvalidValueError(f"the filter metadata takes a mapping of keys to values, not {self.metadata!r}")
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown:
            raise InvalidValueError(f"there is no kind of unit {unknown[0]!r}; kinds are {', '.join(KINDS)}")
        for name in ("time", "said"):
            _check_range(name, getattr(self, name))

    @property
    def empty(self) -> bool:
        """Whether they hold no condition at all."""
        named = (self.persons, self.entities, self.speakers, self.sessions, self.kinds, self.metadata)
        return not any(named) and all(value is None or value == (None, None) for value in (self.time, self.said))


def _check_range(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, tuple) or len(value) != 2:
        raise InvalidValueError(f"the filter {name} takes a pair of times (from, to), not {value!r}")
    for end in value:
        if end is not None and (not isinstance(end, datetime) or end.tzinfo is None):
            raise InvalidValueError(f"the filter {name} takes aware datetimes or None, not {end!r}")
    if value[0] is not None and value[1] is not None and value[0] >= value[1]:
        raise InvalidValueError(f"the filter {name} ends before it begins: {value[0]} to {value[1]}")


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What a forget removed, or with `dry_run` would remove.

    `pending` is True when another connection was still reading an older state, so that traces remain in the
    write-ahead log until it ends; the worker, or the next forget or opening, completes the removal.
    """

    messages: int = 0
    units: int = 0
    rebuilt: int = 0
    facets: int = 0
    vectors: int = 0
    links: int = 0
    jobs: int = 0
    terms: int = 0
    hard: bool = True
    dry_run: bool = False
    pending: bool = False


@dataclass(frozen=True, slots=True)
class ConsolidationReport:
    """What a consolidation did: abstracts made, members archived or superseded, clusters given up, and why.

    `coverage` is the share of members whose abstract covers all their names, numbers and dates.
    """

    clusters: int = 0
    abstracts: int = 0
    archived: int = 0
    superseded: int = 0
    skipped: int = 0
    levels: int = 0
    threshold: float = 0.0
    coverage: float = 0.0
    units_before: int = 0
    units_after: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    busy: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` found wrong; `ok` when nothing. Each problem names the table and the rows."""

    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the memory is consistent."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Page:
    """A page of `list`: its units and the cursor of the next page, None at the end."""

    units: tuple[Unit, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """How much a scope holds, and what waits or failed.

    `units` counts by "kind/tier", `jobs` by "kind/state"; `errors` are the latest messages of jobs that failed or
    wait to be tried again, `rejected` counts extracted items that were not believed, by reason.
    """

    messages: int
    sessions: int
    speakers: tuple[str, ...]
    units: Mapping[str, int]
    facets: Mapping[str, int]
    vectors: int
    without_vector: int
    embedder: str
    jobs: Mapping[str, int]
    errors: tuple[str, ...] = ()
    rejected: Mapping[str, int] = field(default_factory=dict)
    forgotten: int = 0
    first: datetime | None = None
    last: datetime | None = None
