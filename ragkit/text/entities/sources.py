"""The names of the sources of mentions, in fixed order."""

from __future__ import annotations

from collections.abc import Collection

from ragkit.errors import InvalidValueError

SOURCES = ("ner", "caps", "quotes", "dates", "numbers", "acronyms", "aliases", "title")


def check_sources(sources: Collection[str]) -> None:
    """Raise `InvalidValueError` unless `sources` is a collection of names from `SOURCES`."""
    if sources is SOURCES:
        return
    if isinstance(sources, str):
        raise InvalidValueError(
            f"sources must be a collection of names, such as ({sources!r},), not the text {sources!r}; {_choices()}"
        )
    unknown = sorted({str(name) for name in sources if name not in SOURCES})
    if unknown:
        raise InvalidValueError(f"unknown sources of mentions: {', '.join(map(repr, unknown))}; {_choices()}")


def _choices() -> str:
    return f"choose from {', '.join(SOURCES)}"
