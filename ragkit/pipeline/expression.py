"""The pipeline as a value: stages joined by `>> + * %`.

| form | node | means |
|---|---|---|
| `a >> b` | `Then` | then |
| `a + b`, `(a + b).fuse("zscore")` | `Fused` | side by side, fused (reciprocal rank unless told) |
| `0.3 * a` | `Weighted` | weight of a side in its fusion |
| `a % 8` | `Best` | keep the best 8 |

Expressions are immutable and inert, and two are equal exactly when their texts are (parameters that are objects, which
have no text, must be equal too). Joins are checked by `ragkit.pipeline.check` as they are made. Equivalent spellings
give one tree: `>>` and unnamed `+` are flat, a weight stands outside a cut (`0.3 * a % 50`), and a cut on a chain is
one on its last step.
"""

from __future__ import annotations

import copy
import numbers
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeGuard, TypeVar

from ragkit.errors import InvalidValueError, PipelineError, StageParameterError, StageTypeError
from ragkit.pipeline.values import count_of, equality_key, frozen_items, identifier, located, shown, thaw, weight_of

DEFAULT_FUSION = "rrf"
MAX_STAGES = 200
MAX_DEPTH = 40

CHAIN, SUM, PRODUCT, ATOM = range(4)  # how tightly a node binds

Operand = Any  # an Expression, a text, or a class or function registered as a stage
Node = TypeVar("Node", bound="Expression")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands in its text: characters `start` to `end`, its name up to `name_end`, and its parameters."""

    start: int
    end: int
    name_end: int
    parameters: tuple[tuple[str, int, int], ...] = ()


class Expression:
    """A pipeline or a part of one: `Stage`, `Then`, `Fused`, `Weighted` or `Best`.

    `size` counts its stages, `level` how deep it is nested; `place` is set while a text is being checked.
    """

    __slots__ = ()
    __array_ufunc__ = None  # numpy's numbers leave `weight * expression` to us
    binds: ClassVar[int] = ATOM
    place: Place | None
    size: int
    level: int

    def __rshift__(self, other: Operand) -> Expression:
        return checked(Then((self, self._operand(other, ">>"))))

    def __rrshift__(self, other: Operand) -> Expression:
        return checked(Then((self._operand(other, ">>", left=True), self)))

    def __add__(self, other: Operand) -> Expression:
        return checked(Fused((self, self._operand(other, "+"))))

    def __radd__(self, other: Operand) -> Expression:
        return checked(Fused((self._operand(other, "+", left=True), self)))

    def __mul__(self, weight: float) -> Expression:
        return checked(self._with_number(weighted, weight, f"{self._in_product()} * ", ""))

    def __rmul__(self, weight: float) -> Expression:
        return checked(self._with_number(weighted, weight, "", f" * {self._in_product()}"))

    def __mod__(self, k: int) -> Expression:
        return checked(self._with_number(best, k, f"{self._in_product()} % ", ""))

    def fuse(self, method: str, **options: Any) -> Expression:
        """A sum fused by another method: rrf, minmax, zscore, min_rank or max."""
        return checked(fused_by(self, method, options))

    def to_mermaid(self) -> str:
        """A Mermaid flowchart of both lanes. Raises `PipelineError` when the pipeline is incomplete."""
        from ragkit.pipeline.draw import to_mermaid  # drawing reads expressions

        return to_mermaid(self)

    def children(self) -> tuple[Expression, ...]:
        """The expressions this one is made of."""
        return ()

    def stages(self) -> Iterator[Stage]:
        """Every stage in it, left to right."""
        for child in self.children():
            yield from child.stages()

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Expression) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        from ragkit.pipeline.render import render  # writing reads expressions

        return render(self)[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def _key(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def _in_product(self) -> str:
        return str(self) if self.binds >= PRODUCT else f"({self})"

    def _operand(self, other: Operand, operator: str, left: bool = False) -> Expression:
        if isinstance(other, Expression):
            return other
        if isinstance(other, str):
            from ragkit.pipeline.parse import parse  # parsing builds expressions

            return parse(other)
        if callable(other) and _registered_name(other):
            return Stage(_registered_name(other))
        text = f"{shown(other)} {operator} {self}" if left else f"{self} {operator} {shown(other)}"
        start = 0 if left else len(text) - len(shown(other))
        reason = f"{operator} joins stages, but {shown(other)} is of type {type(other).__name__}"
        raise StageTypeError(reason, text=text, start=start, end=start + len(shown(other)), hint=_operand_hint(other))

    def _with_number(
        self, build: Callable[[Expression, Any], Expression], value: Any, before: str, after: str
    ) -> Expression:
        try:
            return build(self, value)
        except PipelineError as error:
            text = str(value) if isinstance(value, Expression) else shown(value)
            raise located(error, f"{before}{text}{after}", len(before), len(before) + len(text)) from None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stage(Expression):
    """A stage by its name, with the parameters given to it, sorted by name.

    Values are plain (numbers, text, None, tuples, `FrozenMap`) or, from Python only, any object.
    """

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()
    place: Place | None = field(default=None, kw_only=True)
    size: int = field(default=1, init=False)
    level: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", identifier(self.name))
        object.__setattr__(self, "parameters", frozen_items(self.parameters, self.name))

    def __call__(self, /, *positional: Any, **parameters: Any) -> Stage:
        """The stage with these parameters, besides those it has."""
        if positional:
            reason = f"{self.name}: parameters are given by name, not by position; got {shown(positional[0])}"
            raise StageParameterError(reason)
        stage = Stage(self.name, tuple({**dict(self.parameters), **parameters}.items()))
        checked(stage)
        return stage

    @property
    def options(self) -> dict[str, Any]:
        """The given parameters as the plain values a constructor takes."""
        return {name: thaw(value) for name, value in self.parameters}

    def stages(self) -> Iterator[Stage]:
        """The stage itself."""
        yield self

    def _key(self) -> tuple[Any, ...]:
        return ("stage", self.name, *((name, equality_key(value)) for name, value in self.parameters))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Then(Expression):
    """Steps one after the other; never holds another `Then`."""

    steps: tuple[Expression, ...]
    place: Place | None = field(default=None, kw_only=True)
    size: int = field(default=1, init=False)
    level: int = field(default=1, init=False)
    binds: ClassVar[int] = CHAIN

    def __post_init__(self) -> None:
        steps = tuple(step for part in self.steps for step in (part.steps if isinstance(part, Then) else (part,)))
        if len(steps) < 2:
            raise InvalidValueError(f"a chain needs at least two steps, got {len(steps)}")
        object.__setattr__(self, "steps", steps)
        _measure(self)

    def children(self) -> tuple[Expression, ...]:
        """The steps."""
        return self.steps

    def _key(self) -> tuple[Any, ...]:
        return ("then", *(step._key() for step in self.steps))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fused(Expression):
    """Sides searched side by side and fused. `named` is the method given with `.fuse`, or None for the default."""

    sides: tuple[Expression, ...]
    named: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    place: Place | None = field(default=None, kw_only=True)
    size: int = field(default=1, init=False)
    level: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        if self.options and self.named is None:
            raise InvalidValueError("options of a fusion belong to a named method")
        sides = tuple(side for part in self.sides for side in (part.sides if _is_plain_sum(part) else (part,)))
        if len(sides) < 2:
            raise InvalidValueError(f"a fusion needs at least two sides, got {len(sides)}")
        object.__setattr__(self, "sides", sides)
        object.__setattr__(self, "options", frozen_items(self.options, "fuse"))
        _measure(self)

    @property
    def method(self) -> str:
        """The fusion method."""
        return self.named or DEFAULT_FUSION

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each side, 1 where none was given."""
        return tuple(side.weight if isinstance(side, Weighted) else 1.0 for side in self.sides)

    @property
    def binds(self) -> int:  # type: ignore[override]
        """A sum binds loosely, `(…).fuse(…)` as tightly as a name."""
        return SUM if self.named is None else ATOM

    def children(self) -> tuple[Expression, ...]:
        """The sides."""
        return self.sides

    def _key(self) -> tuple[Any, ...]:
        options = tuple((name, equality_key(value)) for name, value in self.options)
        return ("fused", self.named, options, *(side._key() for side in self.sides))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Weighted(Expression):
    """A side with its weight, finite and above zero."""

    weight: float
    expression: Expression
    place: Place | None = field(default=None, kw_only=True)
    size: int = field(default=1, init=False)
    level: int = field(default=1, init=False)
    binds: ClassVar[int] = PRODUCT

    def __post_init__(self) -> None:
        if isinstance(self.expression, Weighted):
            hint = "give each side one weight, multiplied beforehand"
            raise StageTypeError(f"{self.expression} already has a weight", hint=hint)
        object.__setattr__(self, "weight", weight_of(self.weight))
        _measure(self)

    def children(self) -> tuple[Expression, ...]:
        """What is weighted."""
        return (self.expression,)

    def _key(self) -> tuple[Any, ...]:
        return ("weighted", self.weight, self.expression._key())


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Best(Expression):
    """The best `k` hits of an expression, at least 1. Made by `best`, which puts the cut where it belongs."""

    expression: Expression
    k: int
    place: Place | None = field(default=None, kw_only=True)
    size: int = field(default=1, init=False)
    level: int = field(default=1, init=False)
    binds: ClassVar[int] = PRODUCT

    def __post_init__(self) -> None:
        if isinstance(self.expression, (Weighted, Then)):
            raise InvalidValueError(f"cut with best(expression, {self.k}): the cut belongs further in")
        object.__setattr__(self, "k", count_of(self.k))
        _measure(self)

    def children(self) -> tuple[Expression, ...]:
        """What is cut."""
        return (self.expression,)

    def _key(self) -> tuple[Any, ...]:
        return ("best", self.k, self.expression._key())


def weighted(expression: Expression, weight: Any) -> Expression:
    """`weight * expression`, unchecked but for the number."""
    return Weighted(weight, expression)


def best(expression: Expression, k: Any) -> Expression:
    """`expression % k`, unchecked but for the number."""
    if isinstance(expression, Weighted):
        return Weighted(expression.weight, best(expression.expression, k))
    if isinstance(expression, Then):
        return Then((*expression.steps[:-1], best(expression.steps[-1], k)))
    return Best(expression, k)


def fused_by(expression: Expression, method: Any, options: Mapping[str, Any]) -> Expression:
    """`expression.fuse(method, …)`, unchecked but for its being a sum without a method."""
    if not isinstance(expression, Fused):
        raise StageTypeError(f"fuse belongs to a sum, and {expression} is none", hint='write (a + b).fuse("zscore")')
    if expression.named is not None:
        raise StageTypeError(f"{expression} already has its fusion method", hint="keep one .fuse(…)")
    if not isinstance(method, str):
        raise StageParameterError(f"fuse takes the name of a method, not {shown(method)}", hint='.fuse("zscore")')
    return Fused(expression.sides, method, tuple(options.items()))


def checked(expression: Expression) -> Expression:
    """The expression itself, once its stages, parameters and joins are found right."""
    from ragkit.pipeline.check import check  # checking reads expressions

    check(expression)
    return expression


def placed(node: Node, place: Place) -> Node:
    """A copy of a node that knows its place in a text."""
    moved = copy.copy(node)
    object.__setattr__(moved, "place", place)
    return moved


def _measure(node: Expression) -> None:
    """Note how large and deep a node is. Raises `PipelineError` beyond the limits, which keep every walk short."""
    size = sum(child.size for child in node.children())
    level = 1 + max(child.level for child in node.children())
    if size > MAX_STAGES or level > MAX_DEPTH:
        raise PipelineError(f"the pipeline is too large: at most {MAX_STAGES} stages and {MAX_DEPTH} levels")
    object.__setattr__(node, "size", size)
    object.__setattr__(node, "level", level)


def _is_plain_sum(expression: Expression) -> TypeGuard[Fused]:
    return isinstance(expression, Fused) and expression.named is None


def _registered_name(value: Any) -> str:
    """The name under which a class or function is registered; such a one can stand in a pipeline itself."""
    from ragkit.registry import name_of

    return name_of(value)


def _operand_hint(value: Any) -> str:
    if isinstance(value, numbers.Number):
        return "to keep the best few hits write % and a number"
    name = _registered_name(type(value))
    return f"an instance has no text; write {name}(…), from ragkit.stages import {name}" if name else ""
