"""The words of a text as memory counts and searches them: folded, without stop words, character pairs for CJK."""

from __future__ import annotations

import functools
import re
import unicodedata

# What a question or a turn says little with: about 70 words, plus the tails of contractions ("don't" -> don, t).
STOP = frozenset(
    "a an the and or but if of at by for with about to from in on up as is am are was were be been being do does did "
    "doing have has had having i me my you your he him his she her it its we us our they them their this that these "
    "those there here what when where which who whom whose why how can could would should will not no so than then "
    "too very just s t d ll m re ve don didn doesn isn wasn".split()
)
_WORD = re.compile(r"[^\W_]+")
_CJK = re.compile(
    r"[\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\uac00-\ud7af\u1100-\u11ff"
    r"\U00020000-\U0003134f]+"
)
_LETTER = re.compile(r"[^\W\d_]")
CJK_SHARE = 0.3  # of the letters, from which on a text is indexed by pairs of characters


@functools.lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """The form in which names and words are compared: NFKC, case folded, white space made single blanks."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def all_words(text: str) -> list[str]:
    """Every run of letters and digits, folded, in order."""
    return _WORD.findall(text.lower() if text.isascii() else fold(text))


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order and with repetitions; of CJK runs their character pairs."""
    words: list[str] = []
    for word in all_words(text):
        if word in STOP:
            continue
        if not word.isascii() and _CJK.search(word):
            words += _mixed(word)
        else:
            words.append(word)
    return words


def _mixed(word: str) -> list[str]:
    """A run that mixes scripts ("2023年に"): its CJK parts in pairs, the rest as words."""
    found: list[str] = []
    done = 0
    for run in _CJK.finditer(word):
        if run.start() > done:
            found.append(word[done : run.start()])
        found += pairs(run[0])
        done = run.end()
    if done < len(word):
        found.append(word[done:])
    return found


def pairs(run: str) -> list[str]:
    """The overlapping pairs of characters of a run; a single character stays alone."""
    return [run[place : place + 2] for place in range(len(run) - 1)] or [run]


def is_cjk(text: str) -> bool:
    """Whether more than 30 % of the letters are Chinese, Japanese or Korean."""
    if text.isascii():
        return False
    cjk = sum(len(run) for run in _CJK.findall(text))
    return cjk > 0 and cjk > CJK_SHARE * len(_LETTER.findall(text))


def grams(text: str) -> str:
    """The character pairs of the CJK runs of a text, blank between them, when it is one in such a script; else ""."""
    if not is_cjk(text):
        return ""
    return " ".join(pair for run in _CJK.findall(fold(text)) for pair in pairs(run))


def cjk_pairs(text: str) -> list[str]:
    """The character pairs of all CJK runs of a text, however few they are."""
    return [] if text.isascii() else [pair for run in _CJK.findall(fold(text)) for pair in pairs(run)]
