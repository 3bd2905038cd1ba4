"""Expression to text, with as few brackets as possible, and the place of every node in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ragkit.errors import InvalidValueError
from ragkit.pipeline.expression import (
    CHAIN,
    PRODUCT,
    SUM,
    Best,
    Expression,
    Fused,
    Place,
    Stage,
    Then,
    Weighted,
    placed,
)
from ragkit.pipeline.values import literal, weight_text

Marks = tuple[tuple[str, int, int], ...]


def render(expression: Expression) -> tuple[str, Expression]:
    """The text of an expression, and a copy of it in which every node has its place in that text."""
    writer = _Writer()
    copy = writer.expression(expression, CHAIN)
    return "".join(writer.parts), copy


class _Writer:
    """Writes text piece by piece and knows how far it has come."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0

    def write(self, text: str) -> int:
        """Write text; the place after it."""
        self.parts.append(text)
        self.length += len(text)
        return self.length

    def expression(self, node: Expression, binds: int) -> Expression:
        """Write a node, in brackets when it binds less tightly than its place wants."""
        if node.binds < binds:
            self.write("(")
            copy = self.expression(node, CHAIN)
            self.write(")")
            return copy
        start = self.length
        copy, name_end, marks = self.node(node)
        return placed(copy, Place(start, self.length, name_end or self.length, marks))

    def node(self, node: Expression) -> tuple[Expression, int, Marks]:
        """Write a node itself; its copy, where its name ends (0 when it has none), and where its parameters stand."""
        match node:
            case Stage():
                name_end = self.write(node.name)
                return node, name_end, self.arguments("", node.parameters) if node.parameters else ()
            case Then():
                return replace(node, steps=self.joined(node.steps, " >> ", SUM)), 0, ()
            case Fused(named=None):
                return replace(node, sides=self.joined(node.sides, " + ", PRODUCT)), 0, ()
            case Fused():
                self.write("(")
                sides = self.joined(node.sides, " + ", PRODUCT)
                self.write(").fuse")
                return replace(node, sides=sides), 0, self.arguments(literal(node.named), node.options)
            case Weighted():
                self.write(f"{weight_text(node.weight)} * ")
                return replace(node, expression=self.expression(node.expression, PRODUCT)), 0, ()
            case Best():
                inner = self.expression(node.expression, PRODUCT)
                self.write(f" % {node.k}")
                return replace(node, expression=inner), 0, ()
        raise InvalidValueError(f"{type(node).__name__} is no node of the pipeline language")

    def joined(self, nodes: Iterable[Expression], operator: str, binds: int) -> tuple[Expression, ...]:
        """Write nodes with an operator between them."""
        copies = []
        for place, node in enumerate(nodes):
            self.write(operator if place else "")
            copies.append(self.expression(node, binds))
        return tuple(copies)

    def arguments(self, first: str, named: Iterable[tuple[str, object]]) -> Marks:
        """Write the arguments of a call, the first without a name; where each stands."""
        self.write("(")
        marks = []
        if first:
            start = self.length
            marks.append(("", start, self.write(first)))
        for name, value in named:
            self.write(", " if marks else "")
            start = self.length
            marks.append((name, start, self.write(f"{name}={literal(value)}")))
        self.write(")")
        return tuple(marks)
