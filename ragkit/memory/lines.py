"""What a line of an export must hold, so that an import that was damaged or made up by hand is refused, not kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ragkit.memory.types import FACET_KINDS, KINDS, TIERS, from_us

_MOST = 2**53  # of a whole number in JSON
_MESSAGE_TEXTS = ("uid", "session", "speaker", "role", "text", "captions", "t_source", "flags", "metadata")
_MESSAGE_NUMBERS = ("start",)
_MESSAGE_TIMES = ("t_us", "received_us")
_UNIT_TEXTS = (
    "uid", "text", "annotations", "ctx", "label", "date_text", "grams", "session", "speaker", "method", "granularity",
)  # fmt: skip
_UNIT_NUMBERS = ("level", "verified", "ambiguous", "mentions", "version")
_UNIT_TIMES = ("said_us", "ev_start_us", "ev_end_us", "created_us", "updated_us")


def check_message(value: Mapping[str, Any]) -> None:
    """Raise `ValueError` or `KeyError` unless it is a message as it is exported."""
    _texts(value, _MESSAGE_TEXTS)
    _numbers(value, _MESSAGE_NUMBERS)
    _times(value, "tz_minutes", _MESSAGE_TIMES, ("hidden_us",))
    captions = json.loads(value["captions"])
    if not isinstance(captions, list) or not all(isinstance(caption, str) for caption in captions):
        raise ValueError("captions is no list of texts")
    if not isinstance(json.loads(value["metadata"]), dict):
        raise ValueError("metadata is no object")


def check_unit(value: Mapping[str, Any]) -> None:
    """Raise `ValueError` or `KeyError` unless it is a unit as it is exported."""
    _texts(value, _UNIT_TEXTS)
    _numbers(value, _UNIT_NUMBERS)
    _times(value, "said_tz", _UNIT_TIMES, ("valid_from_us", "valid_to_us", "hidden_us"))
    _one_of(value, "kind", KINDS)
    _one_of(value, "tier", TIERS)
    for name in ("salience", "raw_salience"):
        if isinstance(value[name], bool) or not isinstance(value[name], int | float):
            raise ValueError(f"{name} is no number: {value[name]!r:.40}")
    if value["ev_start_us"] > value["ev_end_us"]:
        raise ValueError("its event ends before it starts")
    for offset, string in json.loads(value["annotations"]):
        if not isinstance(offset, int) or not isinstance(string, str):
            raise ValueError("annotations is no list of offsets and texts")
    for kind, norm, shown in value["facets"]:
        _one_of({"facet": kind}, "facet", FACET_KINDS)
        _texts({"norm": norm, "shown": shown}, ("norm", "shown"))


def _texts(value: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if not isinstance(value[name], str):
            raise ValueError(f"{name} is no text: {value[name]!r:.40}")


def _numbers(value: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        number = value[name]
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < _MOST:
            raise ValueError(f"{name} is no whole number from 0: {number!r:.40}")


def _times(value: Mapping[str, Any], zone: str, names: tuple[str, ...], optional: tuple[str, ...]) -> None:
    given = [name for name in optional if value[name] is not None]
    for name in (zone, *names, *given):
        if isinstance(value[name], bool) or not isinstance(value[name], int):
            raise ValueError(f"{name} is no whole number: {value[name]!r:.40}")
    for name in (*names, *given):
        try:
            from_us(value[name], value[zone])
        except (OverflowError, ValueError) as error:
            raise ValueError(f"{name} at {zone} is no time: {value[name]!r:.40}, {value[zone]!r:.40}") from error


def _one_of(value: Mapping[str, Any], name: str, known: tuple[str, ...]) -> None:
    if value[name] not in known:
        raise ValueError(f"there is no {name} {value[name]!r:.40}; there are {', '.join(known)}")
