"""What a caller may do to sentences before they become units: cut them into clauses, put names for pronouns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.errors import InvalidValueError

JOINING = frozenset("and or but nor so yet who which that whom where when while whereas although because".split())
_WORD = re.compile(r"\w+")

Clause = tuple[str, tuple[int, int]]  # its text, and the characters of the sentence it comes from


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement to be, and the characters of the chunk it comes from."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hooks:
    """The functions given, None where none is.

    `split_clauses(sentence)` gives (text, (start, end)) with offsets in the sentence; `decontextualize(text, context)`
    gives what to say in its place, where `context` is the whole chunk under its head. Words that no clause comes from
    are not lost, unless they only join clauses: their sentence then is a unit too. Raises `InvalidValueError` for a
    function that cannot be named.
    """

    decontextualize: Callable[[str, str], str] | None = None
    split_clauses: Callable[[str], Sequence[Clause]] | None = None

    def __post_init__(self) -> None:
        self.names()

    def names(self) -> list[str]:
        """What names the functions in a fingerprint, as rows depend on them."""
        given = (("decontextualize", self.decontextualize), ("split_clauses", self.split_clauses))
        return [f"{what} {name_of(function, what)}" for what, function in given if function is not None]

    def pieces(self, text: str, start: int, end: int, context: str) -> list[Piece]:
        """What the sentence at these characters of a chunk's text becomes; itself without hooks.

        Raises `InvalidValueError` naming the sentence when a function gives something else than it should.
        """
        sentence = text[start:end]
        clauses: list[Clause] = [(sentence, (0, len(sentence)))]
        if self.split_clauses is not None:
            given = self.split_clauses(sentence)
            clauses = [_checked(clause, sentence) for clause in given]
            if _misses(clauses, sentence):
                clauses.insert(0, (sentence, (0, len(sentence))))
        if self.decontextualize is not None:
            clauses = [(self._named(one, context), span) for one, span in clauses]
        found = dict.fromkeys(Piece(one, start + first, start + last) for one, (first, last) in clauses)
        return sorted(found, key=lambda piece: (piece.start, piece.end))

    def _named(self, text: str, context: str) -> str:
        assert self.decontextualize is not None
        said = self.decontextualize(text, context)
        if not isinstance(said, str) or not said.strip():
            raise InvalidValueError(f"decontextualize gave {said!r} for {text[:80]!r}; it has to give a text")
        return said


NO_HOOKS = Hooks()


def name_of(function: Any, what: str) -> str:
    """How a function is told from others in a store: its `fingerprint`, else its module and name.

    Raises `InvalidValueError` when it is no function, or has no name that tells it from others.
    """
    if not callable(function):
        raise InvalidValueError(f"{what} must be a function, not {type(function).__name__}")
    own = getattr(function, "fingerprint", None)
    if isinstance(own, str) and own:
        return own
    name = getattr(function, "__qualname__", "")
    if not name or "<" in name:
        raise InvalidValueError(
            f"{what}: units depend on this function, and a store has to tell it from others; "
            "name it at the top of a module, or give it an attribute `fingerprint`"
        )
    return f"{function.__module__}.{name}"


def _checked(clause: Any, sentence: str) -> Clause:
    try:
        text, (start, end) = clause
        fits = isinstance(text, str) and bool(text.strip()) and 0 <= start < end <= len(sentence)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise InvalidValueError(
            f"split_clauses gave {clause!r} for {sentence[:80]!r}; it has to give texts with their (start, end) there"
        )
    return text, (int(start), int(end))


def _misses(clauses: Sequence[Clause], sentence: str) -> bool:
    """Whether a word comes from no clause, but for those that join clauses."""
    held: set[int] = set()
    for _, (start, end) in clauses:
        held.update(range(start, end))
    words = (match for match in _WORD.finditer(sentence) if match[0].lower() not in JOINING)
    return any(place not in held for word in words for place in range(*word.span()))
