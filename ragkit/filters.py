"""Metadata filters: which chunks a query may see.

A filter maps metadata keys to conditions, and a chunk passes when all of them hold:

| condition | holds when the value |
|---|---|
| `"a.md"`, `1990`, `True`, `None` | equals it |
| `["en", "de"]` | equals one of these |
| `{"eq": v}`, `{"ne": v}` | equals, or does not equal, `v` |
| `{"in": [...]}`, `{"nin": [...]}` | equals one, or none, of these |
| `{"gt": v}`, `{"gte": v}`, `{"lt": v}`, `{"lte": v}` | is greater, or less; numbers or text (so ISO dates) |
| `{"exists": True}` | is there and not `None`; with `False`, is not |
| `{"prefix": "docs/"}` | is a text that begins so |
| `{"glob": "*.md"}` | is a text of this pattern: `*`, `?`, `[a-z]`; `*` also crosses `/` |

Several operators in one condition must all hold: `{"year": {"gte": 1990, "lt": 2000}}`. When the value is a list, one
of its items must satisfy the operator; for `ne` and `nin` all must. A missing value counts as `None`. Values of
different kinds never match: `1` is `1.0` but neither `"1"` nor `True`. A dotted key reaches into nested metadata,
`"author.name"`, unless the metadata have a key of just that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import Any

from ragkit.errors import InvalidValueError
from ragkit.types import Metadata

Test = Callable[[Any], bool]


def matches(metadata: Metadata, filter: Metadata) -> bool:
    """Whether the metadata pass the filter. Raises `InvalidValueError` when the filter is not well formed.

    >>> matches({"source": "a.md", "year": 1994}, {"year": {"gte": 1990}, "source": {"glob": "*.md"}})
    True
    """
    return matcher(filter)(metadata)


def matcher(filter: Metadata) -> Callable[[Metadata], bool]:
    """The filter as a function, checked once; the way to test many metadata."""
    if not isinstance(filter, Mapping):
        raise InvalidValueError(f"a filter is a mapping like {{'source': 'a.md'}}, not {_shown(filter)}")
    tests = [(key, _condition(key, condition)) for key, condition in filter.items()]
    return lambda metadata: all(test(_value(metadata, key)) for key, test in tests)


def _condition(key: object, condition: Any) -> Test:
    if not isinstance(key, str):
        raise InvalidValueError(f"filter keys are names of metadata, not {_shown(key)}")
    if isinstance(condition, (list, tuple)):
        return _operator(key, "in", condition)
    if not isinstance(condition, Mapping):
        return _operator(key, "eq", condition)
    if not condition:
        raise InvalidValueError(f"the filter on {key!r} is empty; give a value, or operators like {{'gte': 1990}}")
    tests = [_operator(key, name, operand) for name, operand in condition.items()]
    return lambda value: all(test(value) for test in tests)


def _operator(key: str, name: str, operand: Any) -> Test:
    if name not in _OPERATORS:
        raise InvalidValueError(f"the filter on {key!r} has no operator {name!r}; there are {', '.join(_OPERATORS)}")
    make, accepts, wanted = _OPERATORS[name]
    if not accepts(operand):
        raise InvalidValueError(f"the filter on {key!r}: {name!r} needs {wanted}, not {_shown(operand)}")
    return make(operand)


def _value(metadata: Metadata, key: str) -> Any:
    if key in metadata:
        return metadata[key]
    head, dot, rest = key.partition(".")
    inner = metadata.get(head) if dot else None
    return _value(inner, rest) if isinstance(inner, Mapping) else None


def _any(test: Test) -> Test:
    """The test on a value, or on any item of a list."""
    return lambda value: any(map(test, value)) if isinstance(value, (list, tuple)) else test(value)


def _not(test: Test) -> Test:
    return lambda value: not test(value)


def _equal(operand: Any) -> Test:
    return _any(lambda value: value == operand and isinstance(value, bool) == isinstance(operand, bool))


def _among(operands: Any) -> Test:
    tests = [_equal(operand) for operand in operands]
    return lambda value: any(test(value) for test in tests)


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def make(operand: Any) -> Test:
        kind = str if isinstance(operand, str) else (int, float)
        return _any(lambda value: isinstance(value, kind) and not isinstance(value, bool) and holds(value, operand))

    return make


def _exists(wanted: Any) -> Test:
    return lambda value: (value is not None) == wanted


def _prefix(operand: Any) -> Test:
    return _any(lambda value: isinstance(value, str) and value.startswith(operand))


def _glob(operand: Any) -> Test:
    pattern = re.compile(translate(operand))
    return _any(lambda value: isinstance(value, str) and pattern.match(value) is not None)


def _is_scalar(operand: Any) -> bool:
    return operand is None or isinstance(operand, (str, int, float, bool))


def _are_scalars(operand: Any) -> bool:
    return isinstance(operand, (list, tuple, set, frozenset)) and all(map(_is_scalar, operand))


def _has_order(operand: Any) -> bool:
    return isinstance(operand, (str, int, float)) and not isinstance(operand, bool)


def _is_text(operand: Any) -> bool:
    return isinstance(operand, str)


def _is_bool(operand: Any) -> bool:
    return isinstance(operand, bool)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_SCALAR = "a text, a number, true, false or none"
_OPERATORS: dict[str, tuple[Callable[[Any], Test], Callable[[Any], bool], str]] = {
    "eq": (_equal, _is_scalar, _SCALAR),
    "ne": (lambda operand: _not(_equal(operand)), _is_scalar, _SCALAR),
    "in": (_among, _are_scalars, f"a list, each item {_SCALAR}"),
    "nin": (lambda operands: _not(_among(operands)), _are_scalars, f"a list, each item {_SCALAR}"),
    "gt": (_ordered(lambda value, operand: value > operand), _has_order, "a number or a text"),
    "gte": (_ordered(lambda value, operand: value >= operand), _has_order, "a number or a text"),
    "lt": (_ordered(lambda value, operand: value < operand), _has_order, "a number or a text"),
    "lte": (_ordered(lambda value, operand: value <= operand), _has_order, "a number or a text"),
    "exists": (_exists, _is_bool, "true or false"),
    "prefix": (_prefix, _is_text, "a text"),
    "glob": (_glob, _is_text, "a text with *, ? or [a-z]"),
}
