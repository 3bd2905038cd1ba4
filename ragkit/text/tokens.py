"""Words, for indexes, and tokens, for budgets. No model is involved.

Characters of scripts that put no spaces between words (Chinese, Japanese, Thai, …) count as one word, and one token,
each. Combining marks belong to the character before them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from ragkit.text.normalise import fold

# Kana, Han (with extensions and compatibility forms), Thai to Lao, Myanmar, Khmer.
_UNSPACED = (
    "\u0e00-\u0e4f\u0e5a-\u0eff\u1000-\u103f\u1780-\u17df\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035"
    "\u3040-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00016fe0-\U00018cff"
    "\U0001b000-\U0001b16f\U00020000-\U000323af"
)
# A longer run of letters counts one token for every piece of this length, so that a budget bounds any text.
LONGEST_TOKEN = 24


def words(text: str) -> list[str]:
    """The words of a text, folded for comparison (see `fold`): what lexical indexes count.

    >>> words("The Naïve CAFÉ, est. 1_984 — 東京")
    ['the', 'naïve', 'café', 'est', '1_984', '東', '京']
    """
    folded = fold(text)
    if folded.isascii():
        return re.findall(r"\w+", folded)
    return _patterns()[0].findall(folded)


def token_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each token in `text`: a word, a piece of a word of 24 characters, or one punctuation mark.

    Every character that is not white space belongs to exactly one token.

    >>> token_spans("It's 5°")
    [(0, 2), (2, 3), (3, 4), (5, 6), (6, 7)]
    """
    return [match.span() for match in token_pattern().finditer(text)]


def token_pattern() -> re.Pattern[str]:
    """The pattern that matches one token after the other."""
    return _patterns()[1]


def count_tokens(text: str) -> int:
    """How many tokens `text` has, `len(token_spans(text))`.

    >>> count_tokens("Well, 東京!")
    5
    """
    if text.isascii():
        return len(_ASCII_TOKEN.findall(text))
    return len(token_pattern().findall(text))


_ASCII_TOKEN = re.compile(rf"\w{{1,{LONGEST_TOKEN}}}|[^\w\s]")


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    r"""Patterns of one word and one token. Python's `\w` lacks combining marks, without which Hindi falls apart."""
    marks = _marks()
    letter = rf"(?:(?![{_UNSPACED}])[\w{marks}\u200c\u200d])"
    single = rf"[{_UNSPACED}][{marks}]{{0,{LONGEST_TOKEN}}}"
    word = rf"(?:(?![{_UNSPACED}])\w){letter}*|{single}"
    token = rf"{letter}{{1,{LONGEST_TOKEN}}}|{single}|[^\w\s]"
    return re.compile(word), re.compile(token)


def _marks() -> str:
    """The inside of a character class of all combining marks."""
    ranges: list[list[int]] = []
    for code in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)):
        if unicodedata.category(chr(code))[0] == "M":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
