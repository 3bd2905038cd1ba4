"""What a typed signature says about the values a parameter takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, Protocol, TypeVar, Union, runtime_checkable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.components import Between, Embedder
from ragkit.errors import InvalidValueError
from ragkit.parameters import Parameter, converted, fits, parameters_of, text_of

if TYPE_CHECKING:
    import somewhere
    from elsewhere import Model, Settings

T = TypeVar("T")
unhurried = settings(deadline=None)


class Thing:
    """Somebody's object."""


@runtime_checkable
class Speaks(Protocol):
    def speak(self) -> str: ...


class Quiet(Protocol):
    def hush(self) -> str: ...


class Dog:
    def speak(self) -> str:
        return "woof"


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (int, [0, -3, 10**18], [True, 1.0, "1", None, (), Thing()]),
        (float, [0.5, 3, -1e300], [True, "1", None, NAN, INFINITE, -INFINITE, 10**400]),
        (bool, [True, False], [0, 1, "True", None]),
        (str, ["", "x"], [1, None, b"x", ("x",)]),
        (None, [None], [0, False, ""]),
        (Any, [1, "x", None, Thing(), (1,)], [NAN]),
        (object, [1, "x", None, Thing()], [INFINITE]),
        (Literal["a", 1, None], ["a", 1, None], ["b", True, 1.0, 2]),
        (Optional[int], [1, None], ["x", True, 1.5]),  # noqa: UP045
        (Union[int, str], [1, "x"], [None, 1.5]),  # noqa: UP007
        (int | str | None, [1, "x", None], [1.5, ()]),
        (Annotated[int, Between(1, 9)], [1, 9], [0, 10, True, 5.0]),
        (Annotated[float, Between(0, 1)], [0, 1, 0.5], [-0.1, 1.1, 2]),
        (Annotated[int, Between(1)], [1, 10**9], [0]),
        (Annotated[int, Between(1, 9)] | None, [None, 3], [0, "x"]),
        (Annotated[int | None, Between(1, 9)], [None, 3], [0, "x"]),
        (Annotated[str, "a note"], ["x"], [1]),
        (Annotated[tuple[float, ...], Between(0, 1)], [(), (0.5, 1)], [(2,), (0.5, -1)]),
        (list[str], [[], ["a"], ("a", "b")], ["a", [1], None, {"a": 1}]),
        (tuple[int, ...], [(), (1, 2), [1]], [(1, "x"), 1]),
        (tuple[int, str], [(1, "x"), [1, "x"]], [(1,), ("x", 1), (1, "x", 2)]),
        (Sequence[float], [(1, 2.5)], ["text", (NAN,), ("x",)]),
        (Iterable[str], [("a",)], ["text"]),
        (set[str], [("a",), {"a"}], ["a", (1,)]),
        (list, [[], (1, "x")], ["x", 1]),
        (tuple, [(), [1]], ["x", 1]),
        (dict[str, int], [{}, {"a": 1}], [{"a": "x"}, {1: 1}, (), "x"]),
        (Mapping[str, Any], [{"a": Thing()}], [(1,), None]),
        (dict, [{}, {1: 2}], [(), 1]),
        (Path, ["a/b", Path("a")], [1, None]),
        (str | Path, ["a", Path("a")], [1]),
        (Thing, [Thing()], [1, "x", None, Dog()]),
        (str | Thing, ["x", Thing()], [1, None, Dog()]),
        (str | Any, ["x", Thing(), {"a": 1}], [1, True, None, NAN]),
        (str | Any | None, ["x", Thing(), None], [1]),
        (Any | None, ["x", 1, None, Thing()], [NAN]),
        (str | object, ["x", Thing()], [1]),
        (Speaks, [Dog()], [Thing(), "x", 1]),
        (Quiet, [Thing()], [1, "x", None]),
        (str | Embedder, ["minilm"], [1, Thing(), None]),
        (Callable[[str], str], [str.upper, len], ["x", 1]),
        (type[Thing], [Thing], ["x", 1]),
        (T, [Thing()], [1, "x", None, True]),
        (str | T, ["x", Thing()], [1, None]),
    ],
)
def test_values_fit_the_annotation_or_not(hint: Any, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert fits(value, hint), f"{value!r} should fit {hint}"
    for value in bad:
        assert not fits(value, hint), f"{value!r} should not fit {hint}"


@pytest.mark.parametrize(
    ("hint", "value", "wanted"),
    [
        (float, 1, 1.0),
        (float | None, 1, 1.0),
        (int | float, 1, 1),
        (Annotated[float, Between(0, 1)], 1, 1.0),
        (list[float], (1, 2), [1.0, 2.0]),
        (tuple[float, ...], [1, 2], (1.0, 2.0)),
        (tuple[int, float], (1, 2), (1, 2.0)),
        (Sequence[str], ["a"], ("a",)),
        (set[str], ("a", "b"), {"a", "b"}),
        (frozenset[str], ("a",), frozenset({"a"})),
        (list, (1,), [1]),
        (Path, "a/b", Path("a/b")),
        (str | Path, "a/b", "a/b"),
        (Path | None, "a/b", Path("a/b")),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (Mapping[str, Any], {"a": (1,)}, {"a": (1,)}),
        (list[list[int]], ((1,), ()), [[1], []]),
        (Any, (1, 2), (1, 2)),
    ],
)
def test_values_are_given_in_the_form_the_annotation_names(hint: Any, value: Any, wanted: Any) -> None:
    assert fits(value, hint)
    result = converted(value, hint)
    assert result == wanted and type(result) is type(wanted)
    assert repr(result) == repr(wanted)


def test_lists_in_lists_convert_all_the_way_down() -> None:
    assert repr(converted(((1, 2), (3,)), list[tuple[float, ...]])) == "[(1.0, 2.0), (3.0,)]"


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "int"),
        (str | None, "str | None"),
        (Optional[str], "str | None"),  # noqa: UP045
        (Literal["a", 1], "'a' | 1"),
        (Annotated[int, Between(1)], "int"),
        (list[str], "list[str]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Callable[[str], int], "Callable[[str], int]"),
        (str | Embedder, "str | Embedder"),
        (Any, "Any"),
    ],
)
def test_annotations_are_written_for_people(hint: Any, text: str) -> None:
    assert text_of(hint) == text


def by_name(target: Any) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters_of(target)[0]}


def test_parameters_come_from_the_constructor() -> None:
    class Sample:
        def __init__(
            self,
            k: Annotated[int, Between(1, 1_000_000)] = 10,
            *,
            mode: Literal["fast", "exact"] = "fast",
            model: str | Embedder | Model = "minilm",
            path: Path | None = None,
            scope: str,
            extra=None,  # type: ignore[no-untyped-def]
        ) -> None: ...

    found = by_name(Sample)
    assert list(found) == ["k", "mode", "model", "path", "scope", "extra"]
    assert found["k"].expected == "int from 1 to 1000000"
    assert found["mode"].choices == ("fast", "exact") and found["mode"].expected == "one of 'fast', 'exact'"
    assert found["model"].annotation == "str | Embedder | Model"
    assert found["scope"].required and not found["path"].required
    assert found["extra"].annotation == "any" and found["extra"].accepts(Thing())


def test_names_known_to_type_checkers_only_take_objects_but_no_plain_values() -> None:
    class Sample:
        def __init__(
            self, model: str | Model = "x", settings: Settings | None = None, vectors: somewhere.Array[int] = 0
        ): ...

    found = by_name(Sample)
    assert found["model"].accepts("x") and found["model"].accepts(Thing()) and not found["model"].accepts(3)
    assert found["settings"].accepts({"a": 1}) and found["settings"].accepts(None) and not found["settings"].accepts(3)
    assert found["vectors"].annotation == "somewhere.Array[int]" and found["vectors"].accepts(Thing())


def test_none_fits_where_it_is_the_default() -> None:
    class Sample:
        def __init__(self, k: int = None, q: int = 3) -> None: ...  # type: ignore[assignment]

    assert by_name(Sample)["k"].accepts(None) and not by_name(Sample)["q"].accepts(None)


def test_classes_without_a_constructor_take_no_parameters() -> None:
    assert parameters_of(Thing) == ((), False)


def test_dataclasses_and_inherited_constructors_are_read() -> None:
    @dataclass
    class Base:
        depth: Annotated[int, Between(1, 5)] = 2

    class Child(Base):
        pass

    assert by_name(Child)["depth"].high == 5


def test_pydantic_models_are_read() -> None:
    from pydantic import BaseModel

    class Model(BaseModel):
        depth: int = 2

    assert by_name(Model)["depth"].annotation == "int"


def test_open_ended_constructors_are_known_as_such() -> None:
    class Sample:
        def __init__(self, *args: int, k: int = 1, **options: Any) -> None: ...

    found, open_ended = parameters_of(Sample)
    assert [parameter.name for parameter in found] == ["k"] and open_ended


def test_a_parameter_given_by_position_only_is_refused() -> None:
    class Sample:
        def __init__(self, k: int, /) -> None: ...

    with pytest.raises(InvalidValueError, match="'k' can only be given by position"):
        parameters_of(Sample)


hints = st.recursive(
    st.sampled_from(
        [int, float, bool, str, None, Any, object, Thing, Path, Literal["a", 1], Annotated[int, Between(0, 9)]]
    ),
    lambda inner: (
        inner.map(lambda hint: list[hint])  # type: ignore[valid-type]
        | inner.map(lambda hint: tuple[hint, ...])  # type: ignore[valid-type]
        | inner.map(lambda hint: dict[str, hint])  # type: ignore[valid-type]
        | st.tuples(inner, inner).map(lambda pair: Union[pair[0], pair[1]])  # noqa: UP007
    ),
    max_leaves=4,
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-20, 20) | st.floats() | st.sampled_from(["a", "b", Thing()]),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


@unhurried
@given(hints, values)
def test_a_converted_value_still_fits_and_converts_to_itself(hint: Any, value: Any) -> None:
    assert isinstance(text_of(hint), str)
    if fits(value, hint):
        once = converted(value, hint)
        assert fits(once, hint)
        assert converted(once, hint) == once
