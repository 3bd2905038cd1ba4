"""The parameters of a stage, read from its typed signature, and which values fit them.

A parameter's annotation decides: `int` takes whole numbers (never `True`), `float` also takes `3`, `Literal` its
choices, `Annotated[int, Between(1, 10)]` its range, unions any of their members, lists and tuples each other. NaN and
infinity fit nowhere. Classes and protocols take their instances, `Any` and `object` everything; in a union with other
types (`str | Any`) they take any object, but plain values must fit one of the others.
"""

from __future__ import annotations

import inspect
import math
import sys
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

from ragkit.components import Between
from ragkit.errors import InvalidValueError

_SEQUENCES = (tuple, list, Sequence, Iterable, Iterator, Collection)
_SETS = (set, frozenset, Set)
_SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its type for people (`annotation`), its bounds (`low`, `high`), its `Literal` values (`choices`)."""

    name: str
    annotation: str
    default: Any = None
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    hint: Any = field(default=Any, repr=False, compare=False)

    @property
    def expected(self) -> str:
        """What the parameter takes, in words: `int from 1 to 1000`."""
        if get_origin(self.hint) is Literal:
            return f"one of {', '.join(map(repr, self.choices))}"
        if self.low is None or self.high is None:
            return self.annotation
        if math.isinf(self.high):
            return f"{self.annotation} of at least {_number(self.low)}"
        return f"{self.annotation} from {_number(self.low)} to {_number(self.high)}"

    def accepts(self, value: Any) -> bool:
        """Whether the value fits."""
        return fits(value, self.hint) or (value is None and self.default is None and not self.required)

    def convert(self, value: Any) -> Any:
        """The fitting value as the annotation names it: `1` becomes `1.0` for a float, a tuple a list for a list."""
        return converted(value, self.hint)


def parameters_of(target: Callable[..., Any], skip: int = 0) -> tuple[tuple[Parameter, ...], bool]:
    """The parameters of a class or function after the first `skip`, and whether it takes any others (`**kwargs`).

    Raises `InvalidValueError` when one can only be given by position.
    """
    found: list[Parameter] = []
    open_ended = False
    namespace = _namespace(target)
    for given in list(signature_of(target).parameters.values())[skip:]:
        if given.kind is given.VAR_KEYWORD:
            open_ended = True
        elif given.kind is given.POSITIONAL_ONLY:
            raise InvalidValueError(f"parameter {given.name!r} can only be given by position; stages take keywords")
        elif given.kind is not given.VAR_POSITIONAL:
            found.append(_parameter(given, namespace))
    return tuple(found), open_ended


def signature_of(target: Callable[..., Any]) -> inspect.Signature:
    """The signature; annotations stay text where evaluating them could fail."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return inspect.signature(target, annotation_format=annotationlib.Format.STRING)
    return inspect.signature(target)


def hints_of(function: Callable[..., Any]) -> tuple[list[Any], Any]:
    """The evaluated annotations of a function's parameters, in order, and of its result; `None` where there is none."""
    signature, namespace = signature_of(function), _namespace(function)

    def hint(annotation: Any) -> Any:
        return None if annotation is inspect.Signature.empty else _evaluated(annotation, namespace)

    return [hint(given.annotation) for given in signature.parameters.values()], hint(signature.return_annotation)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value fits an annotation."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if hint is Any or hint is object:
        return True
    if hint is None or hint is type(None):
        return value is None
    if isinstance(hint, (TypeVar, ForwardRef)):  # a name known to type checkers only, so a class: no plain value fits
        return not isinstance(value, _SCALARS)
    origin = get_origin(hint)
    if origin is not None:
        return _fits_generic(value, origin, get_args(hint))
    return _fits_class(value, hint) if isinstance(hint, type) else True


def converted(value: Any, hint: Any) -> Any:
    """A fitting value in the form the annotation names."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return converted(value, arguments[0])
    if _is_union(origin):
        if any(type(value) is member for member in arguments):
            return value
        return next((converted(value, member) for member in arguments if fits(value, member)), value)
    if hint is float and isinstance(value, int):
        return float(value)
    if isinstance(hint, type) and issubclass(hint, PurePath) and isinstance(value, str):
        return hint(value)
    if isinstance(value, (tuple, list)):
        return _converted_items(value, origin or hint, arguments)
    if isinstance(value, Mapping) and len(arguments) == 2:
        return {converted(key, arguments[0]): converted(item, arguments[1]) for key, item in value.items()}
    return value


def text_of(hint: Any) -> str:
    """An annotation as people write it: `str | None`, `"a" | "b"`, `list[int]`."""
    if isinstance(hint, str):
        return hint
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return text_of(arguments[0])
    if origin is Literal:
        return " | ".join(repr(choice) for choice in arguments)
    if _is_union(origin):
        return " | ".join(text_of(member) for member in arguments)
    if hint is None or hint is type(None):
        return "None"
    if hint is Ellipsis:
        return "..."
    if isinstance(hint, list):
        return f"[{', '.join(text_of(item) for item in hint)}]"
    if origin is not None and arguments:
        return f"{getattr(origin, '__name__', origin)}[{', '.join(text_of(argument) for argument in arguments)}]"
    return str(getattr(hint, "__name__", None) or getattr(hint, "__forward_arg__", None) or hint)


def _parameter(given: inspect.Parameter, namespace: dict[str, Any]) -> Parameter:
    missing = given.annotation is inspect.Parameter.empty
    hint = Any if missing else _evaluated(given.annotation, namespace)
    required = given.default is inspect.Parameter.empty
    bounds = _bounds(hint)
    return Parameter(
        name=given.name,
        annotation="any" if missing else text_of(given.annotation if hint is Any else hint),
        default=None if required else given.default,
        required=required,
        low=bounds.low if bounds else None,
        high=bounds.high if bounds else None,
        choices=_choices(hint),
        hint=hint,
    )


def _namespace(target: Callable[..., Any]) -> dict[str, Any]:
    """The global names the annotations were written with."""
    function: Any = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
    function = inspect.unwrap(function)
    names = getattr(function, "__globals__", None) or getattr(sys.modules.get(target.__module__), "__dict__", {})
    return dict(names)


def _evaluated(annotation: Any, namespace: dict[str, Any]) -> Any:
    """The annotation itself. A name imported for type checkers only stands as a `TypeVar` of that name.

    Annotations are code of modules already imported, so evaluating them runs nothing new.
    """
    if not isinstance(annotation, str):
        return annotation
    unknown: dict[str, Any] = {}
    while True:
        try:
            return eval(annotation, namespace, unknown)
        except NameError as error:
            if not error.name or error.name in unknown:
                return Any
            unknown[error.name] = TypeVar(error.name)
        except (TypeError, AttributeError, SyntaxError):
            return Any


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def _is_union(origin: Any) -> bool:
    return origin is Union or origin is types.UnionType


def _bounds(hint: Any) -> Between | None:
    if get_origin(hint) is Annotated:
        return next((note for note in hint.__metadata__ if isinstance(note, Between)), None)
    if _is_union(get_origin(hint)):
        return next((bounds for bounds in map(_bounds, get_args(hint)) if bounds), None)
    return None


def _choices(hint: Any) -> tuple[Any, ...]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return arguments
    if origin is Annotated:
        return _choices(arguments[0])
    if _is_union(origin):
        return tuple(choice for member in arguments for choice in _choices(member))
    return ()


def _fits_generic(value: Any, origin: Any, arguments: tuple[Any, ...]) -> bool:
    if origin is Annotated:
        bounds = next((note for note in arguments[1:] if isinstance(note, Between)), None)
        return fits(value, arguments[0]) and (bounds is None or _within(value, bounds))
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in arguments)
    if _is_union(origin):
        return _fits_union(value, arguments)
    if origin in _SEQUENCES or origin in _SETS:
        return _fits_items(value, origin, arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            fits(key, arguments[0]) and fits(item, arguments[1]) for key, item in value.items()
        )
    if origin is Callable:
        return callable(value)
    return _fits_class(value, origin)


def _fits_union(value: Any, members: tuple[Any, ...]) -> bool:
    named = [member for member in members if member is not Any and member is not object]
    if len(named) < len(members) and any(member is not type(None) for member in named):
        return any(fits(value, member) for member in named) or (fits(value, Any) and not isinstance(value, _SCALARS))
    return any(fits(value, member) for member in members)


def _fits_items(value: Any, origin: Any, arguments: tuple[Any, ...]) -> bool:
    if not isinstance(value, (tuple, list)):
        return _fits_class(value, origin) and not isinstance(value, _SCALARS)
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return len(value) == len(arguments) and all(map(fits, value, arguments))
    return all(fits(item, arguments[0]) for item in value)


def _fits_class(value: Any, hint: type[Any]) -> bool:
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, float) or (fits(value, int) and abs(value) < 2**63)
    if hint in _SEQUENCES or hint in _SETS:
        return isinstance(value, (tuple, list)) or (isinstance(value, hint) and not isinstance(value, str))
    if issubclass(hint, PurePath) and isinstance(value, str):
        return True
    try:
        return isinstance(value, hint)
    except TypeError:  # a protocol that is not runtime-checkable: an object may play it, a plain value does not
        return not isinstance(value, _SCALARS)


def _within(value: Any, bounds: Between) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_within(item, bounds) for item in value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return bounds.low <= value <= bounds.high
    return True


def _converted_items(value: Sequence[Any], kind: Any, arguments: tuple[Any, ...]) -> Any:
    if kind is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return tuple(map(converted, value, arguments)) if arguments else tuple(value)
    items = [converted(item, arguments[0]) for item in value] if arguments else list(value)
    if kind in (list, set, frozenset):
        return kind(items)
    return set(items) if kind is Set else tuple(items)


__all__ = ["Parameter", "converted", "fits", "hints_of", "parameters_of", "signature_of", "text_of"]
