"""The plain values in a pipeline: parameters, weights and counts, made immutable, compared and written as text."""

from __future__ import annotations

import keyword
import math
import numbers
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from ragkit.errors import PipelineError, PipelineSyntaxError, StageParameterError, StageTypeError

MAX_NESTING = 40
MAX_BEST = 1_000_000
MAX_INTEGER = 2**63 - 1
KEY_TYPES = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class FrozenMap:
    """A dict among the parameters of a stage, its items sorted."""

    items: tuple[tuple[Any, Any], ...]


def freeze(value: Any, what: str, depth: int = 0) -> Any:
    """A parameter's value in immutable form; `what` names the parameter in errors.

    Lists and tuples become tuples, dicts `FrozenMap`s, paths texts, numbers of other libraries Python's; objects stay.
    Raises `StageParameterError` for numbers that have no text form (NaN, infinity, beyond 64 bits) and deep nesting.
    """
    if depth > MAX_NESTING:
        raise StageParameterError(f"{what} is nested more than {MAX_NESTING} deep")
    if value is None or isinstance(value, (bool, FrozenMap)):
        return value
    if isinstance(value, numbers.Real):
        return _frozen_number(value, what)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        items = {_frozen_key(key, what): freeze(item, what, depth + 1) for key, item in value.items()}
        return FrozenMap(_sorted(items.items()))
    if isinstance(value, (list, tuple)):
        return tuple(freeze(item, what, depth + 1) for item in value)
    if isinstance(value, (set, frozenset)):
        return _sorted(freeze(item, what, depth + 1) for item in value)
    return value


def thaw(value: Any) -> Any:
    """A frozen value with its dicts back."""
    if isinstance(value, FrozenMap):
        return {key: thaw(item) for key, item in value.items}
    return tuple(thaw(item) for item in value) if isinstance(value, tuple) else value


def frozen_items(given: Any, owner: str) -> tuple[tuple[str, Any], ...]:
    """Named values, of a dict or of pairs, in immutable form and sorted by name."""
    items = given.items() if isinstance(given, Mapping) else given
    frozen = {identifier(name): freeze(value, f"{owner}: {name}") for name, value in items}
    return tuple(sorted(frozen.items(), key=lambda item: item[0]))


def identifier(name: Any) -> str:
    """A name as Python's parser reads it. Raises `PipelineSyntaxError` when it could not stand in the text form."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise PipelineSyntaxError(f"{shown(name)} is no name; names are made of letters, digits and _")
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def weight_of(value: Any) -> float:
    """A weight. Raises `StageTypeError` when it is no number, `StageParameterError` when not finite and above 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        hint = "write 0.3 * a, and join stages with >>"
        raise StageTypeError(f"a weight is a number, not {shown(value)}", hint=hint)
    try:
        weight = float(value)
    except OverflowError:
        weight = math.inf
    if not 0 < weight < math.inf:
        raise StageParameterError(f"a weight must be finite and above 0, not {shown(value)}")
    return weight


def count_of(value: Any) -> int:
    """The k of `% k`. Raises `StageParameterError` unless it is a whole number from 1 to `MAX_BEST`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise StageParameterError(f"% takes a whole number of hits to keep, not {shown(value)}", hint="write a % 8")
    if not 1 <= int(value) <= MAX_BEST:
        raise StageParameterError(f"% keeps 1 to {MAX_BEST} hits, not {shown(value)}")
    return int(value)


def literal(value: Any) -> str:
    """A parameter's value as written in the text form; objects as `<MyEmbeddings>`, which does not parse."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, FrozenMap):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items) + "}"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    return f"<{type(value).__name__}>"


def weight_text(weight: float) -> str:
    """A weight as written in the text form: `2` rather than `2.0`."""
    return str(int(weight)) if weight.is_integer() and weight < 1e15 else repr(weight)


def equality_key(value: Any) -> Any:
    """What equality of a value goes by: type and text for plain ones, so that `1`, `1.0` and `True` differ."""
    if isinstance(value, tuple):
        return ("list", *map(equality_key, value))
    if isinstance(value, FrozenMap):
        return ("dict", *((equality_key(key), equality_key(item)) for key, item in value.items))
    if value is None or isinstance(value, (str, bool, int, float)):
        return (type(value).__name__, literal(value))
    try:
        hash(value)
    except TypeError:
        return ("object", id(value))
    return ("object", value)


def shown(value: Any) -> str:
    """A value in an error message, kept short."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python will write
        text = ""
    return text if text and len(text) <= 60 and "\n" not in text else f"<{type(value).__name__}>"


def located(error: PipelineError, text: str, start: int, end: int) -> PipelineError:
    """The same error, showing the text with a caret."""
    return type(error)(error.reason, text=text, start=start, end=end, hint=error.hint)


def _frozen_key(key: Any, what: str) -> Any:
    frozen = freeze(key, what)
    if not isinstance(frozen, KEY_TYPES):
        raise StageParameterError(f"{what}: the keys of a dict are texts or numbers, not {shown(key)}")
    return frozen


def _frozen_number(value: Any, what: str) -> int | float:
    if isinstance(value, numbers.Integral):
        if abs(int(value)) > MAX_INTEGER:
            raise StageParameterError(f"{what} is too large a number: at most {MAX_INTEGER}")
        return int(value)
    if not math.isfinite(value):
        raise StageParameterError(f"{what} must be a finite number, not {float(value)}")
    return float(value)


def _quoted(text: str) -> str:
    """A string literal on one line, in double quotes where that needs no escape."""
    literal_text = repr(text)
    return f'"{literal_text[1:-1]}"' if literal_text[0] == "'" and '"' not in text else literal_text


def _sorted(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(items, key=lambda item: (type(item).__name__, literal(item))))
