"""Text to expression: Python's own grammar, of which only the pipeline language is let through.

The text is parsed by `ast` and never evaluated; names mean registered stages and nothing else, so a pipeline from a
stranger is safe to read. Line breaks and comments are allowed anywhere between words.
"""

from __future__ import annotations

import ast
import re
import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar

from ragkit.errors import PipelineError, PipelineSyntaxError, StageTypeError
from ragkit.pipeline.check import check
from ragkit.pipeline.expression import (
    Expression,
    Fused,
    Place,
    Stage,
    Then,
    best,
    fused_by,
    placed,
    weighted,
)
from ragkit.pipeline.scan import refuse, scan
from ragkit.pipeline.values import KEY_TYPES, freeze, located
from ragkit.registry import RESERVED, lookup

Built = TypeVar("Built")

LANGUAGE = 'a >> b (then), a + b (side by side), 0.3 * a (weight), a % 8 (keep the best 8), stage(name="value")'

_PARSING = threading.Lock()  # `warnings.catch_warnings` changes state shared by all threads

_OPERATORS: dict[type[ast.operator], str] = {
    ast.BitOr: "|", ast.BitAnd: "&", ast.BitXor: "^", ast.LShift: "<<", ast.Sub: "-", ast.Div: "/",
    ast.FloorDiv: "//", ast.MatMult: "@", ast.RShift: ">>", ast.Add: "+", ast.Mult: "*", ast.Mod: "%",
}  # fmt: skip
_MENDS = {
    "|": "write >> for 'then', + for 'side by side'",
    "&": "write + for 'side by side'",
    "<<": "the steps run from left to right: a >> b",
    "-": "leave out what should not take part",
    "/": "to keep the best 8 hits write a % 8",
    "//": "to keep the best 8 hits write a % 8",
}
_FORMS: dict[type[ast.expr], tuple[str, str]] = {
    ast.Compare: ("comparisons", "join stages with >>, two signs and nothing between them"),
    ast.Subscript: ("square brackets behind a stage", "parameters stand in round brackets: chunk(tokens=200)"),
    ast.Tuple: ("commas between stages", "write a >> b for 'then', a + b for 'side by side'"),
    ast.List: ("lists of stages", "write a + b for 'side by side'"),
}


def parse(text: str) -> Expression:
    """The expression a text describes, whole pipeline or part of one.

    Raises `PipelineSyntaxError` for what is not in the language, and the other `PipelineError`s for unknown stages,
    wrong parameters and steps that do not fit together; all show the text with a caret.

    >>> str(parse("load>>chunk >> 0.3*bm25 % 50 + dense >> answer"))
    'load >> chunk >> 0.3 * bm25 % 50 + dense >> answer'
    """
    return read(text)[0]


def read(text: str) -> tuple[Expression, str]:
    """The checked expression, whose places refer to the text returned with it."""
    text, tree = _tree(text)
    reader = _Reader(text)
    expression = reader.expression(tree)
    check(expression, text)
    return expression, text


def _tree(text: str) -> tuple[str, ast.expr]:
    """Python's syntax tree, and the text with its line ends made plain."""
    if not isinstance(text, str):
        raise PipelineSyntaxError(f"a pipeline is a text, not {type(text).__name__}")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    scan(text)
    try:
        with _PARSING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # In brackets line breaks do not end it; the last one ends a comment.
            return text, ast.parse(f"({text}\n)", mode="eval").body
    except SyntaxError as error:
        raise _syntax_error(text, error) from None
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        raise PipelineSyntaxError(f"the pipeline cannot be read: {error or 'it is nested too deep'}") from None


def _syntax_error(text: str, error: SyntaxError) -> PipelineSyntaxError:
    start = _offset(text, error.lineno, error.offset)
    end = _offset(text, error.end_lineno, error.end_offset)
    stand_in = re.compile(r"[=\[,:]\s*(<\w+>)").search(text)
    if stand_in:
        return PipelineSyntaxError(
            f"{stand_in[1]} stands for a Python object, which has no text form",
            text=text,
            start=stand_in.start(1),
            end=stand_in.end(1),
            hint="name a model by a text, or build the pipeline in Python",
        )
    reason = (error.msg or "").partition(". ")[0] or "invalid syntax"
    if not text[start:].strip():
        start = len(text.rstrip())
        end = start + 1
        reason = "something is missing at the end"
    return PipelineSyntaxError(
        f"not in the pipeline language: {reason}", text=text, start=start, end=max(end, start + 1), hint=LANGUAGE
    )


def _offset(text: str, line: int | None, column: int | None) -> int:
    """The place in the text of a line and column, both counted from 1, of the text in brackets."""
    if not line or not column:
        return 0
    lines = text.split("\n")
    before = sum(len(each) + 1 for each in lines[: line - 1])
    return min(len(text), max(0, before + column - (2 if line == 1 else 1)))


class _Reader:
    """Turns a syntax tree into an expression, letting through only what is in the language."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = f"({text}\n)".split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def expression(self, node: ast.expr) -> Expression:
        """An expression of the language; chains of operators are walked in a loop, as they may be long."""
        rest: list[ast.BinOp] = []
        while isinstance(node, ast.BinOp) and not self.is_weight(node.left):
            rest.append(node)
            node = node.left
        result = self.operand(node)
        for step in reversed(rest):
            result = self.joined(result, step)
        return result

    def operand(self, node: ast.expr) -> Expression:
        match node:
            case ast.Name():
                return self.stage(node)
            case ast.Call(func=ast.Attribute() as method):
                return self.fuse(node, method)
            case ast.Call():
                return self.call(node)
            case ast.BinOp(op=ast.Mult()):
                weight = self.value(node.left)
                inner = self.expression(node.right)
                return self.built(lambda: weighted(inner, weight), node, node.left)
            case ast.BinOp(op=ast.Mod()):
                self.refuse(node.left, "the stage stands left of %", "write a % 8 to keep the best 8")
            case ast.BinOp():
                self.refuse_form(node.left)
        self.refuse_form(node)

    def joined(self, left: Expression, node: ast.BinOp) -> Expression:
        match node.op:
            case ast.RShift():
                right = self.expression(node.right)
                return self.built(lambda: Then((left, right)), node, node)
            case ast.Add():
                right = self.expression(node.right)
                return self.built(lambda: Fused((left, right)), node, node)
            case ast.Mod():
                self.number(node.right, "% takes a whole number of hits to keep", "write a % 8")
                count = self.value(node.right)
                return self.built(lambda: best(left, count), node, node.right)
            case ast.Mult():
                self.number(node.right, "* gives a side its weight, a number", "write 0.3 * a, and join stages with >>")
                weight = self.value(node.right)
                return self.built(lambda: weighted(left, weight), node, node.right)
        sign = _OPERATORS[type(node.op)]
        start, end = self.span(node.left)[1], self.span(node.right)[0]
        at = self.text.find(sign, start, end)
        refuse(
            self.text,
            at if at >= 0 else start,
            (at if at >= 0 else start) + len(sign),
            f"{sign} is not in the pipeline language",
            _MENDS.get(sign, LANGUAGE),
        )

    def stage(self, node: ast.Name) -> Stage:
        start, end = self.span(node)
        return Stage(node.id, place=Place(start, end, end))

    def call(self, node: ast.Call) -> Stage:
        if not isinstance(node.func, ast.Name):
            self.refuse(node, "only a stage can be called, once", "give all parameters in one pair of brackets")
        name = node.func.id
        if name in RESERVED:
            self.refuse(node.func, f"{name} is not a stage", f'write it behind a sum: (a + b).{name}("zscore")')
        for argument in node.args:
            self.refuse(argument, f"{name}: parameters are given by name", f"write {name}({self.first(name)}=…)")
        parameters, marks = self.arguments(name, node.keywords)
        start, end = self.span(node)
        return Stage(name, parameters, place=Place(start, end, self.span(node.func)[1], marks))

    def fuse(self, node: ast.Call, attribute: ast.Attribute) -> Expression:
        if attribute.attr != "fuse":
            self.refuse_form(attribute)
        if isinstance(attribute.value, ast.Call) and isinstance(attribute.value.func, ast.Attribute):
            self.refuse(node, "a sum is fused once", "keep one .fuse(…)")
        inner = self.expression(attribute.value)
        if len(node.args) != 1:
            self.refuse(node, "fuse takes the name of one method", 'write (a + b).fuse("zscore")')
        method = self.value(node.args[0])
        options, marks = self.arguments("fuse", node.keywords)
        result = self.built(lambda: fused_by(inner, method, dict(options)), node, node)
        start, end = self.span(node)
        mark = ("", *self.span(node.args[0]))
        return placed(result, Place(start, end, end, (mark, *marks)))

    def arguments(
        self, name: str, keywords: list[ast.keyword]
    ) -> tuple[tuple[tuple[str, Any], ...], tuple[tuple[str, int, int], ...]]:
        """The named parameters of a call, and where each stands."""
        values: dict[str, Any] = {}
        marks = []
        for keyword in keywords:
            start, end = self.span(keyword)
            if keyword.arg is None:
                refuse(self.text, start, end, "** is not in the pipeline language")
            if keyword.arg in values:
                refuse(self.text, start, end, f"{name}: {keyword.arg} is given twice", "leave one of them out")
            value = self.value(keyword.value)
            values[keyword.arg] = self.shown(partial(freeze, value, f"{name}: {keyword.arg}"), start, end)
            marks.append((keyword.arg, start, end))
        return tuple(values.items()), tuple(marks)

    def value(self, node: ast.expr) -> Any:
        """A literal: a number, a text, True, False, None, or a list, tuple or dict of these."""
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None as value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                if not isinstance(value, bool):
                    return -value
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return tuple(self.value(item) for item in items)
            case ast.Dict(keys=keys, values=values):
                known = [key for key in keys if key is not None]  # None is `**`
                if len(known) == len(values):
                    return {self.key(key): self.value(item) for key, item in zip(known, values, strict=True)}
            case ast.Name(id=name):
                plain = {"true": "True", "false": "False", "null": "None", "none": "None"}.get(name, f'"{name}"')
                self.refuse(node, f"{name} is a name where a value should stand", f"write {plain}")
        self.refuse(node, "only plain values can stand here", 'numbers, "text", True, False, None, [lists] and {dicts}')

    def number(self, node: ast.expr, reason: str, hint: str) -> None:
        """Refuse what cannot be a number where one must stand."""
        if not isinstance(node, (ast.Constant, ast.UnaryOp)):
            self.refuse(node, reason, hint)

    def key(self, node: ast.expr) -> Any:
        value = self.value(node)
        if not isinstance(value, KEY_TYPES):
            self.refuse(node, "the keys of a dict are texts or numbers")
        return value

    def is_weight(self, node: ast.expr) -> bool:
        """Whether an operand is a value, so that the operator is `weight * a`, or a mistake to be named."""
        return isinstance(node, (ast.Constant, ast.UnaryOp))

    def built(self, build: Callable[[], Expression], node: ast.expr, fault: ast.expr) -> Expression:
        """The built node with its place; an error shows the part at fault."""
        result = self.shown(build, *self.span(fault))
        start, end = self.span(node)
        return placed(result, Place(start, end, end))

    def shown(self, build: Callable[[], Built], start: int, end: int) -> Built:
        """What `build` gives; an error in it shows these characters."""
        try:
            return build()
        except PipelineError as error:
            raise located(error, self.text, start, end) from None

    def first(self, name: str) -> str:
        """The name of a stage's first parameter, for a hint."""
        try:
            parameters = lookup(name).parameters
        except PipelineError:
            return "name"
        return parameters[0].name if parameters else "name"

    def span(self, node: ast.expr | ast.keyword) -> tuple[int, int]:
        """The characters of the text a node covers; `ast` counts lines and the bytes in them."""
        return (
            self.position(node.lineno, node.col_offset),
            self.position(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset),
        )

    def position(self, line: int, column: int) -> int:
        characters = len(self.lines[line - 1].encode()[:column].decode("utf-8", "ignore"))
        return min(len(self.text), max(0, self.starts[line - 1] + characters - 1))

    def refuse(self, node: ast.expr, reason: str, hint: str = "") -> NoReturn:
        """Raise a syntax error with the caret under a node."""
        refuse(self.text, *self.span(node), reason, hint)

    def refuse_form(self, node: ast.expr) -> NoReturn:
        """Refuse a form that is Python but not in the language."""
        if isinstance(node, ast.Constant) or isinstance(node, ast.UnaryOp):
            start, end = self.span(node)
            reason = f"{self.text[start:end][:60]} stands where a stage should"
            raise StageTypeError(reason, text=self.text, start=start, end=end, hint=LANGUAGE)
        if isinstance(node, ast.Attribute):
            self.refuse(node, f".{node.attr} is not in the pipeline language", 'only (a + b).fuse("zscore") is')
        form, hint = _FORMS.get(type(node), (f"{type(node).__name__} expressions", LANGUAGE))
        self.refuse(node, f"{form} are not in the pipeline language", hint)
