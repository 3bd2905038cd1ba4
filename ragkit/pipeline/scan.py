"""A first look at the text of a pipeline, before Python's parser sees it.

It finds what can be named better from here (brackets, quotes, words of Python), and keeps from the parser whatever
nests: its recursion runs on the machine's stack, and a long row of signs would overflow that of a small thread.
"""

from __future__ import annotations

import keyword
import re
from typing import NoReturn

from ragkit.errors import PipelineSyntaxError

MAX_LENGTH = 10_000
MAX_BRACKETS = 40  # open at once
MAX_JOINTS = 1_000  # operators, dots and brackets in all

_PIECES = re.compile(
    r"""
      (?P<comment> \#[^\n]* )
    | (?P<string>  [A-Za-z]{0,2} (?: '{3}(?:\\.|[^\\])*?'{3} | "{3}(?:\\.|[^\\])*?"{3}
                                   | '(?:\\.|[^'\\\n])*'     | "(?:\\.|[^"\\\n])*" ) )
    | (?P<word>    [^\W\d]\w* )
    | (?P<number>  (?: 0[xX][\da-fA-F_]+ | 0[oO][0-7_]+ | 0[bB][01_]+
                     | (?: \d[\d_]*\.?[\d_]* | \.\d[\d_]* ) (?: [eE][+-]?\d[\d_]* )? [jJ]? ) (?!\w) )
    | (?P<odd>     \d[\w.]* )
    | (?P<sign>    \*\*|>>|\S )
    """,
    re.DOTALL | re.VERBOSE,
)
_OPENING = {")": "(", "]": "[", "}": "{"}
_WORDS = {
    "and": "write a >> b for 'then', a + b for 'side by side'",
    "or": "write a >> b for 'then', a + b for 'side by side'",
    "lambda": 'register your own function with @stage("name") and write its name',
    "import": "stages of installed packages are there by their names",
}


def scan(text: str) -> None:
    """Raise `PipelineSyntaxError` unless the brackets and quotes are closed and nothing nests too deep."""
    if len(text) > MAX_LENGTH:
        raise PipelineSyntaxError(
            f"the pipeline has {len(text)} characters; at most {MAX_LENGTH} are read",
            hint="keep long parameters in files",
        )
    _check_characters(text)
    open_at: list[int] = []
    before: list[str] = []  # the pieces so far, without comments
    joints = 0
    for piece in _PIECES.finditer(text):
        sign = piece.group()
        if piece.lastgroup == "comment":
            continue
        if piece.lastgroup == "sign":
            joints += sign not in ",=:" and sign not in _OPENING
            _check_sign(text, piece, before)
            _check_bracket(text, piece, open_at)
        else:
            _check_word(text, piece)
        if joints > MAX_JOINTS:
            refuse(text, *piece.span(), f"the pipeline is too large: at most {MAX_JOINTS} operators and brackets")
        before.append(sign)
    if open_at:
        refuse(text, open_at[-1], open_at[-1] + 1, f"{text[open_at[-1]]!r} is never closed")
    if not before:
        raise PipelineSyntaxError("the pipeline is empty", hint="the simplest is: bm25 >> answer")


def refuse(text: str, start: int, end: int, reason: str, hint: str = "") -> NoReturn:
    """Raise a `PipelineSyntaxError` with the caret under characters `start` to `end`."""
    raise PipelineSyntaxError(reason, text=text, start=start, end=end, hint=hint)


def _check_characters(text: str) -> None:
    for found in re.finditer("[\0\ud800-\udfff]", text):
        shown = re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)
        refuse(shown, *found.span(), f"character {ord(found.group()):#06x} cannot stand in a pipeline")


def _check_sign(text: str, piece: re.Match[str], before: list[str]) -> None:
    sign, (start, end) = piece.group(), piece.span()
    if sign in ("'", '"'):
        refuse(text, start, end, "the quoted text is never closed")
    if sign == "**":
        refuse(text, start, end, "** is not in the pipeline language", "write parameters out: stage(name=value)")
    if sign == "~" or (sign in "+-" and len(before) > 1 and before[-1] in ("+", "-") and before[-2] in ("+", "-")):
        refuse(text, start, end, f"{sign} cannot stand here")


def _check_bracket(text: str, piece: re.Match[str], open_at: list[int]) -> None:
    sign, (start, end) = piece.group(), piece.span()
    if sign in "([{":
        open_at.append(start)
        if len(open_at) > MAX_BRACKETS:
            refuse(text, start, end, f"brackets are nested more than {MAX_BRACKETS} deep")
    elif sign in _OPENING:
        if not open_at or text[open_at[-1]] != _OPENING[sign]:
            refuse(text, start, end, f"{sign!r} closes nothing", "take it out, or open it before")
        open_at.pop()


def _check_word(text: str, piece: re.Match[str]) -> None:
    word, (start, end) = piece.group(), piece.span()
    if piece.lastgroup == "odd":
        refuse(text, start, end, f"{word[:40]} is neither a number nor a name")
    if piece.lastgroup == "word" and keyword.iskeyword(word) and word not in ("True", "False", "None"):
        refuse(text, start, end, f"{word!r} is a word of Python, not of the pipeline language", _WORDS.get(word, ""))
    if piece.lastgroup == "string" and set(re.split("['\"]", word, maxsplit=1)[0].lower()) & set("ft"):
        refuse(text, start, end, "f-strings are not in the pipeline language", "write a plain string")
