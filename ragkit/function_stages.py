"""A typed function as a stage: its first parameter and its result say which role it plays.

`Hits -> Hits` is a reranker, `Query -> Query` a rewriter, `Document -> Document` an extractor, and so on; further
parameters are the stage's own. `Chunk -> Chunk` is applied to each chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from inspect import Parameter, iscoroutinefunction
from typing import Any, ClassVar, get_args, get_origin

from ragkit import types
from ragkit.errors import InvalidValueError
from ragkit.parameters import hints_of, signature_of

_METHODS = {
    ("Source", "Document"): "load",
    ("Document", "Document"): "extract",
    ("Document", "Chunk"): "chunk",
    ("Chunk", "Chunk"): "enrich",
    ("Query", "Query"): "rewrite",
    ("Query", "Hits"): "search",
    ("Hits", "Hits"): "rerank",
    ("Hits", "Answer"): "answer",
}
_VALUES: dict[type[Any], str] = {
    kind: kind.__name__ for kind in (types.Source, types.Document, types.Chunk, types.Query, types.Hits, types.Answer)
}


class FunctionStage:
    """Base of the classes made from functions: keeps the parameters and passes them on."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, **parameters: Any) -> None:
        self.parameters = parameters

    def __call__(self, *values: Any) -> Any:
        return type(self).function(*values, **self.parameters)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        # The class stands in no module, so it is pickled as its function, which does.
        return _restored, (type(self).function, self.parameters)


def class_of(function: Callable[..., Any]) -> type[FunctionStage]:
    """The stage class of a function.

    Raises `InvalidValueError` when its annotations name no role.
    """
    if iscoroutinefunction(function):
        raise InvalidValueError(f"function {function.__qualname__} is async; stages are plain functions")
    hints, result = hints_of(function)
    (takes, takes_many), (gives, gives_many) = _kind(hints[0] if hints else None), _kind(result)
    method = _METHODS.get((takes, gives))
    many = method in ("load", "chunk", "enrich")
    each = method == "enrich" and not takes_many and not gives_many
    if method is None or (not each and (takes_many, gives_many) != (method == "enrich", many)):
        raise InvalidValueError(
            f"the annotations of function {function.__qualname__} name no role: write for example "
            "`hits: Hits … -> Hits`, `query: Query … -> Query`, `document: Document … -> list[Chunk]`, "
            "`query: Query, k: int … -> Hits`"
        )
    taken = 2 if method == "search" else 1
    given = list(signature_of(function).parameters.values())
    if method == "search" and (len(given) < 2 or given[1].name != "k" or given[1].kind is Parameter.KEYWORD_ONLY):
        raise InvalidValueError(f"function {function.__qualname__} finds hits; its second parameter must be `k: int`")
    body: dict[str, Any] = {
        "function": staticmethod(function),
        "__doc__": function.__doc__,
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "__signature__": signature_of(function).replace(parameters=_keywords(given[taken:], hints[taken:])),
        method: _method(method, each),
    }
    return type(function.__name__, (FunctionStage,), body)


def _keywords(parameters: list[Parameter], hints: list[Any]) -> list[Parameter]:
    """The parameters as keywords, with their evaluated annotations, since the class stands in another module."""
    keywords = []
    for parameter, hint in zip(parameters, hints, strict=True):
        kind = parameter.KEYWORD_ONLY if parameter.kind is parameter.POSITIONAL_OR_KEYWORD else parameter.kind
        keywords.append(parameter.replace(kind=kind, annotation=parameter.empty if hint is None else hint))
    return keywords


def _method(name: str, each: bool) -> Callable[..., Any]:
    def one(self: FunctionStage, *values: Any) -> Any:
        return self(*values)

    def listed(self: FunctionStage, value: Any) -> list[Any]:
        return [self(item) for item in value] if each else list(self(value))

    def iterated(self: FunctionStage, value: Any) -> Iterator[Any]:
        return iter(self(value))

    method = {"load": iterated, "chunk": listed, "enrich": listed}.get(name, one)
    method.__name__ = name
    return method


def _kind(hint: Any) -> tuple[str, bool]:
    """The value a hint names, and whether it names many of them."""
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(origin, type) and issubclass(origin, (Collection, Iterable)) and arguments:
        return _kind(arguments[0])[0], True
    return _VALUES.get(hint, "") if isinstance(hint, type) else "", False


def _restored(function: Callable[..., Any], parameters: dict[str, Any]) -> FunctionStage:
    return class_of(function)(**parameters)
