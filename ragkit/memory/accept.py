"""What is accepted as a message: its characters, its time, its identity; and how a long one is cut."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any

from ragkit.errors import InvalidValueError
from ragkit.memory.config import MemoryConfig
from ragkit.memory.store import Scope
from ragkit.memory.types import BROKEN, REPLACEMENT, Message, to_us

DAY_US = 86_400_000_000
MOST_LABEL = 1_000  # characters of an id, a session or a speaker

_CONTROL = re.compile("[\x01-\x08\x0b-\x1f\x7f-\x9f]")
_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'’”)\]]*(?=\s|$)|[。！？]")


@dataclass(slots=True)
class Accepted:
    """A message ready to be written, or one part of it; the fields are the columns of `memory_message`."""

    uid: str
    session: str
    speaker: str
    role: str
    text: str
    captions: tuple[str, ...]
    t_us: int
    tz_minutes: int
    t_source: str
    hash: bytes
    flags: tuple[str, ...]
    metadata: str
    start: int = 0
    part: int = 0  # 0 for a whole message, else counted from 1

    @property
    def plain(self) -> str:
        """The text with its captions, as it is searched."""
        return plain(self.text, self.captions)


def plain(text: str, captions: Sequence[str]) -> str:
    """A message's text with its captions, as it is searched."""
    return "".join([text, *(f" [image: {caption}]" for caption in captions)]).strip()


def accept(message: Message, scope: Scope, config: MemoryConfig, now_us: int, now_tz: int) -> Accepted | None:
    """A message as it will be kept, None when it is empty.

    Texts become NFC without control characters; NUL and lone surrogates become U+FFFD, which is flagged. Raises
    `InvalidValueError` naming the field that no message can have.
    """
    if not isinstance(message, Message):
        raise InvalidValueError(f"what is added is a Message, not {message!r:.60}")
    text, replaced = cleaned(_text_of(message.text, "text"))
    captions = tuple(cleaned(_text_of(caption, "caption"))[0].strip() for caption in message.captions)
    captions = tuple(caption for caption in captions if caption)
    if not text.strip() and not captions:
        return None
    speaker = _label(message.speaker, "speaker")
    session = _label(message.session, "session") if message.session is not None else ""
    t_us, tz, source = _moment(message.time, config, now_us, now_tz)
    flags = [name for name, on in (("replaced", replaced), ("skewed", t_us > now_us + DAY_US)) if on]
    uid = None if message.id is None else _label(message.id, "id")
    digest = id_hash(scope, uid) if uid else content_hash(scope, session, speaker, t_us, text, captions)
    return Accepted(
        uid=uid or digest.hex()[:20],
        session=session,
        speaker=speaker,
        role=_label(message.role, "role"),
        text=text,
        captions=captions,
        t_us=t_us,
        tz_minutes=tz,
        t_source=source,
        hash=digest,
        flags=tuple(flags),
        metadata=json_text(message.metadata),
    )


def split(message: Accepted, scope: Scope, most: int) -> list[Accepted]:
    """A message as parts of at most `most` characters, each with its offset; the message itself when it is short."""
    if len(message.text) <= most:
        return [message]
    parts = []
    for number, (start, end) in enumerate(cuts(message.text, most), 1):
        first = number == 1
        uid = message.uid if first else f"{message.uid}#{number}"
        parts.append(
            replace(
                message,
                uid=uid,
                hash=message.hash if first else _digest(scope, ["part", message.hash.hex(), str(number)]),
                text=message.text[start:end],
                captions=message.captions if first else (),
                start=start,
                part=number,
            )
        )
    return parts


def cuts(text: str, most: int) -> Iterator[tuple[int, int]]:
    """Where to cut a text into pieces of at most `most` characters: after a paragraph, a sentence, else anywhere.

    Pieces of white space alone are left out.
    """
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= most else _cut(text, start, start + most)
        if not text[start:end].isspace():
            yield start, end
        start = end


def _cut(text: str, start: int, limit: int) -> int:
    paragraph = text.rfind("\n\n", start + 1, limit)
    if paragraph > start:
        return paragraph + 2 if paragraph + 2 <= limit else limit
    ends = [match.end() for match in _SENTENCE_END.finditer(text, start, limit)]
    return ends[-1] if ends else limit


def cleaned(text: str) -> tuple[str, bool]:
    """A text as NFC without control characters other than line feeds and tabs; whether broken ones were replaced."""
    text, broken = BROKEN.subn(REPLACEMENT, text)
    return unicodedata.normalize("NFC", _CONTROL.sub("", text)), broken > 0


def json_text(value: Mapping[str, Any]) -> str:
    """Metadata as they are stored. Raises `InvalidValueError` when they are no JSON object."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InvalidValueError(f"metadata of a message is a mapping with texts as keys, not {type(value).__name__}")
    try:
        return json.dumps(dict(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError(f"metadata of a message must be JSON: {error}") from error


def _text_of(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidValueError(f"the {what} of a message is a text, not {type(value).__name__}")
    return value


def _label(value: object, what: str) -> str:
    # One line each: whoever names a speaker must not be able to begin a line of a context.
    label = " ".join(cleaned(_text_of(value, what))[0].split())
    if not label:
        raise InvalidValueError(f"the {what} of a message is empty")
    if len(label) > MOST_LABEL:
        raise InvalidValueError(f"the {what} of a message has {len(label)} characters; at most {MOST_LABEL} are kept")
    return label


def _moment(time: datetime | None, config: MemoryConfig, now_us: int, now_tz: int) -> tuple[int, int, str]:
    """Microseconds, offset in minutes and where they come from."""
    if time is None:
        return now_us, now_tz, "clock"
    if not isinstance(time, datetime):
        raise InvalidValueError(f"the time of a message is a datetime, not {time!r}")
    source = "given"
    if time.tzinfo is None or time.utcoffset() is None:
        time, source = time.replace(tzinfo=config.zone()), "assumed"
    if not 1 < time.year < 9999:
        raise InvalidValueError(f"the time {time.isoformat()} of a message lies outside the years 2 to 9998")
    return to_us(time), offset_of(time), source


def offset_of(time: datetime) -> int:
    """The offset of an aware time from UTC in whole minutes."""
    offset = time.utcoffset()
    return round(offset.total_seconds() / 60) if offset else 0


def id_hash(scope: Scope, id: str) -> bytes:
    """What makes two messages the same that were given ids."""
    return _digest(scope, ["id", id])


def content_hash(scope: Scope, session: str, speaker: str, t_us: int, text: str, captions: Sequence[str]) -> bytes:
    """What makes two messages the same that were given none; their ids are made of it too."""
    return _digest(scope, ["content", session, speaker, str(t_us), text, *captions])


def _digest(scope: Scope, parts: Sequence[str]) -> bytes:
    whole = json.dumps([list(scope), list(parts)]).encode("ascii")
    return blake2b(whole, digest_size=16).digest()
