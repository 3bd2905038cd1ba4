"""What a message leaves unsaid, written into it in brackets: who speaks, who is meant, and which day.

"I went there yesterday", said by Ann on 8 May 2023, becomes "Ann: I [Ann] went there yesterday [2023-05-07]". Nothing
is rewritten: an annotation is an offset into the message and a string put there, and taking them out gives the message
back, character for character.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit.errors import InvalidValueError
from ragkit.memory.times import TimeMention

Annotations = tuple[tuple[int, str], ...]

_FIRST = frozenset({"i", "me", "my", "mine", "myself"})
_SECOND = frozenset({"you", "your", "yours", "yourself"})
_PERSON = re.compile(
    r"(?<![\w'’./@-])(?:(?P<i>I(?:['’](?:m|ve|d|ll|M|VE|D|LL))?)|(?P<word>me|my|mine|myself|your|yours|yourself"
    r"|you(?:['’](?:re|ve|d|ll))?))(?![\w'’/@-])(?!\.\w)",
    re.IGNORECASE,
)
_SAYS_ITS_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_ENOUGH = 1  # the first and the second person are each resolved once a message: the rest follows from it


def annotate(text: str, speaker: str, others: Sequence[str] = (), mentions: Sequence[TimeMention] = ()) -> Annotations:
    """The annotations of a message: its speaker before it, persons and days behind the words that mean them.

    `others` are the other participants of the session: "you" is resolved only when there is exactly one. A time that is
    written with its year is left as it is. Offsets ascend; several at one offset stand in their order.
    """
    notes: list[tuple[int, int, str]] = []
    if speaker:
        notes.append((0, -1, f"{speaker}: "))
    addressed = others[0] if len(others) == 1 else ""
    left = {"first": _ENOUGH, "second": _ENOUGH}
    for match in _PERSON.finditer(text):
        kind, name = ("first", speaker) if _is_first(match) else ("second", addressed)
        if name and left[kind]:
            left[kind] -= 1
            notes.append((match.end(), 0, f" [{name}]"))
        if not any(left.values()):
            break
    for mention in mentions:
        if mention.written and not _SAYS_ITS_YEAR.search(text, mention.start, mention.end):
            notes.append((mention.end, 1, f" [{mention.written}]"))
    return tuple((offset, string) for offset, _, string in sorted(notes, key=lambda note: note[:2]))


def _is_first(match: re.Match[str]) -> bool:
    return match["i"] is not None or match[0].lower() in _FIRST


def render(text: str, annotations: Sequence[tuple[int, str]]) -> str:
    """The message with its annotations put in. Raises `InvalidValueError` when an offset lies outside or goes back."""
    pieces: list[str] = []
    done = 0
    for offset, string in annotations:
        if not done <= offset <= len(text):
            raise InvalidValueError(
                f"the annotation {string!r} at {offset} does not fit {len(text)} characters; offsets ascend"
            )
        pieces += (text[done:offset], string)
        done = offset
    pieces.append(text[done:])
    return "".join(pieces)


def strip(rendered: str, annotations: Sequence[tuple[int, str]]) -> str:
    """The message a rendering was made of. Raises `InvalidValueError` when an annotation is not where it should be."""
    pieces: list[str] = []
    place = done = 0
    for offset, string in annotations:
        end = place + offset - done
        if not rendered.startswith(string, end):
            raise InvalidValueError(f"the annotation {string!r} does not stand at {end} of {rendered[:60]!r}")
        pieces.append(rendered[place:end])
        place, done = end + len(string), offset
    pieces.append(rendered[place:])
    return "".join(pieces)
