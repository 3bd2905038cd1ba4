"""Which stages there are: those of installed packages, and those a script adds with `@stage("name")`.

Packages offer stages as entry points of the group `ragkit.stages`; ragkit's own come through the same door. Listing
names imports nothing; a stage's module is imported when the stage is first used, and a broken one harms nobody else.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import cleandoc, isroutine
from typing import Any, TypeVar

from ragkit.components import ROLES, Role, role_of
from ragkit.errors import InvalidValueError, PipelineError, RagkitError, StageParameterError, UnknownStageError
from ragkit.function_stages import class_of
from ragkit.parameters import Parameter, parameters_of

GROUP = "ragkit.stages"
RESERVED = frozenset({"fuse"})  # `(a + b).fuse("zscore")` would read as a stage

Component = TypeVar("Component", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class RegisteredStage:
    """A stage that can be used: its class, its role, its parameters, and the package it comes from.

    `open_ended` stages take parameters beyond `parameters` (their constructor has `**kwargs`).
    """

    name: str
    cls: type[Any] = field(repr=False)
    role: Role
    parameters: tuple[Parameter, ...]
    summary: str
    package: str
    open_ended: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)

    def check(self, name: str, value: Any) -> None:
        """Raise `StageParameterError` unless the stage has such a parameter and the value fits it."""
        parameter = self.parameter(name)
        if parameter is None:
            if not self.open_ended:
                raise StageParameterError(self._unknown(name), hint=self._takes())
        elif not parameter.accepts(value):
            choices = [choice for choice in parameter.choices if isinstance(choice, str)]
            meant = did_you_mean(value, choices) if isinstance(value, str) else ""
            raise StageParameterError(f"{self.name}: {name} must be {parameter.expected}, not {_brief(value)}{meant}")

    def check_all(self, given: Mapping[str, Any]) -> None:
        """Check every given parameter, and that none is missing. Raises `StageParameterError`."""
        for name, value in given.items():
            self.check(name, value)
        missing = [parameter for parameter in self.parameters if parameter.required and parameter.name not in given]
        if missing:
            wanted = ", ".join(f"{parameter.name} ({parameter.expected})" for parameter in missing)
            raise StageParameterError(f"{self.name} needs {wanted}", hint=f"write {self.name}({missing[0].name}=…)")

    def make(self, given: Mapping[str, Any] | None = None) -> Any:
        """A new instance with these parameters.

        Raises `StageParameterError` when one does not fit, or when the constructor itself refuses its value.
        """
        given = given or {}
        self.check_all(given)
        known = {parameter.name: parameter for parameter in self.parameters}
        arguments = {name: known[name].convert(value) if name in known else value for name, value in given.items()}
        try:
            return self.cls(**arguments)
        except RagkitError as error:
            if not isinstance(error, InvalidValueError):
                raise
            raise StageParameterError(f"{self.name}: {error}") from error
        except (TypeError, ValueError) as error:
            raise StageParameterError(f"{self.name} refused its parameters: {error}") from error

    def _unknown(self, name: str) -> str:
        return f"{self.name} has no parameter {name!r}{did_you_mean(name, [p.name for p in self.parameters])}"

    def _takes(self) -> str:
        names = ", ".join(parameter.name for parameter in self.parameters)
        return f"{self.name} takes {names}" if names else f"{self.name} takes no parameters"


@dataclass(frozen=True, slots=True)
class StageInfo:
    """A stage described for people. `problem` says why it cannot be used, then the role is unknown ("")."""

    name: str
    role: str = ""
    summary: str = ""
    parameters: tuple[Parameter, ...] = ()
    takes: str = ""
    gives: str = ""
    lane: str = ""
    package: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Offer:
    """Somebody's claim to a name: `target` is `module:Class`."""

    name: str
    package: str
    target: str
    load: Callable[[], Any] = field(compare=False)

    def same(self, other: _Offer) -> bool:
        """Whether both are one thing: a package may decorate the class it also names as its entry point."""
        mine, theirs = self.target.partition(":"), other.target.partition(":")
        return mine[2] == theirs[2] and mine[0].split(".")[0] == theirs[0].split(".")[0]

    def __str__(self) -> str:
        return f"{self.target} of {self.package}"


@dataclass(slots=True)
class _Registry:
    """Names claimed by decorators, by installed packages (None until listed), and the stages already loaded."""

    decorated: dict[str, _Offer] = field(default_factory=dict)
    installed: dict[str, tuple[_Offer, ...]] | None = None
    loaded: dict[str, RegisteredStage] = field(default_factory=dict)


_registry = _Registry()


def stage(name: str) -> Callable[[Component], Component]:
    """Register a class, or a typed function, as the stage `name`; it is returned unchanged.

    A function's role follows from its annotations, its further parameters become the stage's:

    >>> from ragkit.types import Hits
    >>> with temporary_stages():
    ...     @stage("shortest")
    ...     def shortest(hits: Hits, *, limit: int = 3) -> Hits:
    ...         '''The shortest chunks first.'''
    ...         return hits.rescored(lambda hit: -len(hit.chunk.text)).best(limit)
    ...     describe("shortest").role
    'Reranker'

    Raises `InvalidValueError` when the name is no identifier, reserved or taken, or when no role fits.
    """
    if not isinstance(name, str):
        raise InvalidValueError('give the stage a name: @stage("name")')

    def decorate(component: Component) -> Component:
        register(name, component)
        return component

    return decorate


def register(name: str, component: Callable[..., Any]) -> None:
    """Register a class or function under a name; see `stage`."""
    check_name(name)
    _class_and_role(name, component)
    module, qualname = component.__module__, component.__qualname__
    offer = _Offer(name, _package_of(module), f"{module}:{qualname}", lambda: component)
    again = [other for other in _decorated(name) if other.target != offer.target]
    for other in (*again, *(other for other in _installed().get(name, ()) if not offer.same(other))):
        raise InvalidValueError(f"stage {name!r} is taken by {other}; choose another name for {offer}")
    _registry.decorated[name] = offer
    _registry.loaded.pop(name, None)


def can_name(name: str) -> bool:
    """Whether a stage may have this name."""
    try:
        check_name(name)
    except InvalidValueError:
        return False
    return True


def check_name(name: str) -> None:
    """Raise `InvalidValueError` unless a stage may have this name."""
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise InvalidValueError(f"{name!r} cannot name a stage; use a plain identifier such as 'my_stage'")
    if name in RESERVED:
        raise InvalidValueError(f"{name!r} is a word of the pipeline language and cannot name a stage")
    if unicodedata.normalize("NFKC", name) != name:
        plain = unicodedata.normalize("NFKC", name)
        raise InvalidValueError(f"{name!r} cannot name a stage; Python reads it as {plain!r}")


def stage_names() -> tuple[str, ...]:
    """The names of all stages, sorted, broken ones included; imports nothing."""
    return tuple(sorted({*_registry.decorated, *_installed()}))


def lookup(name: str) -> RegisteredStage:
    """The stage of that name, imported when first used.

    Raises `UnknownStageError`, or `PipelineError` when its package cannot be loaded or two packages claim the name.
    """
    known = _registry.loaded.get(name)
    if known is None:
        known = _registry.loaded[name] = _load(_offer(name))
    return known


def name_of(component: Any) -> str:
    """The name a class or function is registered under, or an empty string."""
    target = f"{getattr(component, '__module__', '')}:{getattr(component, '__qualname__', '')}"
    offers = (offer for name in stage_names() for offer in (*_decorated(name), *_installed().get(name, ())))
    return next((offer.name for offer in offers if offer.target == target), "")


def describe(name: str) -> StageInfo:
    """A stage described, a broken one with its `problem`. Raises `UnknownStageError`."""
    try:
        found = lookup(name)
    except UnknownStageError:
        raise
    except PipelineError as error:
        packages = ", ".join(sorted({offer.package for offer in _installed().get(name, ())}))
        return StageInfo(name, package=packages, problem=error.reason)
    role = found.role
    return StageInfo(name, role.name, found.summary, found.parameters, role.takes, role.gives, role.lane, found.package)


def names_in_role(role: str) -> tuple[str, ...]:
    """The names of the usable stages in a role ("Index"), sorted; imports them all."""
    return tuple(name for name in stage_names() if describe(name).role == role)


def did_you_mean(word: str, known: list[str]) -> str:
    """`; did you mean 'bm25'?`, or an empty string when nothing is close."""
    import difflib

    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


@contextmanager
def temporary_stages(*, installed: bool = True) -> Iterator[None]:
    """Forget on leaving whatever was registered inside; without `installed`, packages' stages are hidden meanwhile."""
    global _registry
    before = _registry
    _registry = _Registry(
        dict(before.decorated) if installed else {},
        before.installed if installed else {},
        dict(before.loaded) if installed else {},
    )
    try:
        yield
    finally:
        _registry = before


def _decorated(name: str) -> tuple[_Offer, ...]:
    return (_registry.decorated[name],) if name in _registry.decorated else ()


def _installed() -> Mapping[str, tuple[_Offer, ...]]:
    if _registry.installed is None:
        from importlib.metadata import entry_points

        found: dict[str, tuple[_Offer, ...]] = {}
        for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
            package = point.dist.name if point.dist else point.value.partition(".")[0]
            offer = _Offer(point.name, package, point.value.partition("[")[0].strip(), point.load)
            if offer not in found.get(point.name, ()):
                found[point.name] = (*found.get(point.name, ()), offer)
        _registry.installed = found
    return _registry.installed


def _offer(name: str) -> _Offer:
    offers = (*_decorated(name), *_installed().get(name, ()))
    if not offers:
        raise _unknown_stage(name)
    for other in offers[1:]:
        if not offers[0].same(other):
            raise PipelineError(
                f"two packages offer the stage {name!r}: {offers[0]} and {other}", hint="uninstall one of them"
            )
    return offers[0]


def _unknown_stage(name: str) -> UnknownStageError:
    names = stage_names()
    if name in RESERVED:
        return UnknownStageError(f"{name} is not a stage", hint=f'write it behind a sum: (a + b).{name}("zscore")')
    if not names:
        return UnknownStageError(f"no stage named {name!r}", hint="no stage is installed at all: pip install ragkit")
    meant = did_you_mean(name, list(names))
    hint = "" if meant else f"stages: {', '.join(names)}"
    return UnknownStageError(f"no stage named {_brief(name)}{meant}", hint=hint)


def _load(offer: _Offer) -> RegisteredStage:
    try:
        component = offer.load()
        check_name(offer.name)
        cls, role = _class_and_role(offer.name, component)
        parameters, open_ended = parameters_of(cls)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything while it is imported
        raise PipelineError(
            f"the stage {offer.name!r} cannot be used, its package {offer.package} ({offer.target}) is broken: "
            f"{type(error).__name__}: {error}",
            hint=f"repair or uninstall {offer.package}; every other stage still works",
        ) from error
    return RegisteredStage(offer.name, cls, role, parameters, _summary(component), offer.package, open_ended)


def _class_and_role(name: str, component: Any) -> tuple[type[Any], Role]:
    """The stage class of a class or function, and its role. Raises `InvalidValueError` when it has none."""
    if not isinstance(component, type):
        if not isroutine(component):
            raise InvalidValueError(f"stage {name!r} must be a class or a function, not {component!r}")
        component = class_of(component)
    role = role_of(component)
    if role is None:
        methods = "; ".join(f"{role.name}: {', '.join(role.methods)}" for role in ROLES)
        named = f"stage {name!r}: class {component.__qualname__}"
        raise InvalidValueError(f"{named} has the methods of no role ({methods})")
    return component, role


def _summary(component: Any) -> str:
    text = cleandoc(component.__doc__ or "")
    if text.startswith(f"{component.__name__}("):  # what dataclasses write when there is no docstring
        return ""
    return text.partition("\n")[0].strip()


def _package_of(module: str) -> str:
    return "this script" if module == "__main__" else module.partition(".")[0]


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
