"""Which elements give text, and the form in which their text is kept."""

from __future__ import annotations

import html
import re
import unicodedata

# Dropped with all they hold. A dialog is dropped unless open, head's own elements wherever they stand.
DROPPED = frozenset(
    "script style template noscript noframes iframe frame object embed svg canvas audio video map select option "
    "optgroup textarea input button datalist label title meta link base".split()
)
MEDIA = frozenset("img picture svg canvas audio video iframe object embed".split())
CONTROLS = frozenset("input button select textarea label".split())
BLOCKS = frozenset(
    "html address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr legend li main menu nav ol p pre search section "
    "summary table tbody td tfoot th thead tr ul frameset listing xmp plaintext".split()
)
VERBATIM = frozenset("pre listing xmp plaintext".split())
HEADINGS = {f"h{level}": level for level in range(1, 7)}
LISTS = frozenset("ul ol menu dir".split())
CELLS = frozenset(("td", "th"))

# Characters nobody sees: soft hyphen, joiners, directional controls, fillers, variation selectors of the tag block.
# The zero-width joiner and selector 16 stay where they make one emoji of several: see `_visible`.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\uffa0"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_JOINED = re.compile("(?<=[\u2190-\u2bff\U0001f000-\U0001faff\ufe0f])\u200d(?=[\u2190-\u2bff\U0001f000-\U0001faff])")
_LONG_NUMBER = re.compile(r"&#(?:[xX][0-9a-fA-F]{9,}|[0-9]{9,});?")
_KEPT = "\ue000"  # stands for a joiner while the others go; pages' own are private use and go first
# Scripts that leave no space between words: Thai, Lao, Myanmar, Khmer, kana, Han.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9d\U00020000-\U0003134f]"
)
# Characters of an unspaced script that count as a word.
_PER_WORD = 2


def collapsed(text: str) -> str:
    r"""The text with white space as single spaces, composed (NFC), without characters nobody sees.

    >>> collapsed(" zero\u200bwidth \n caf" + "e\u0301")
    'zerowidth café'
    """
    text = " ".join(text.split())
    if text.isascii():
        return text if text.isprintable() else " ".join(_CONTROL.sub(" ", text).split())
    return normalised(text)


def normalised(text: str) -> str:
    """Collapsed text, with other than ASCII characters, in its kept form."""
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if text.isprintable():  # then there is nothing to delete
        return text
    text = " ".join(visible(text).split())
    # What was deleted may have stood between a letter and its accent.
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def visible(text: str) -> str:
    """The text without characters nobody sees; control characters and lone surrogates become spaces."""
    if "\u200d" in text:
        text = _JOINED.sub(_KEPT, text.replace(_KEPT, " "))
        text = _INVISIBLE.sub("", text).replace(_KEPT, "\u200d")
    else:
        text = _INVISIBLE.sub("", text)
    return _CONTROL.sub(" ", text)


def invisible_count(text: str) -> int:
    """How many characters `visible` would delete, give or take the joiners of emoji."""
    return 0 if text.isascii() or text.isprintable() else len(_INVISIBLE.findall(text))


def unescaped(text: str) -> str:
    """The text with the entities of HTML as their characters; numbers of absurd length are no characters."""
    if "&" not in text:
        return text
    return html.unescape(_LONG_NUMBER.sub("&#xfffd;", text))


def verbatim(text: str) -> str:
    """Text whose lines and indentation mean something: lines lose the spaces at their ends, empty ones at the ends."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = unicodedata.normalize("NFC", visible(unicodedata.normalize("NFC", text)))
    elif not text.isprintable():
        text = _CONTROL.sub(" ", text)
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    first = next((at for at, line in enumerate(lines) if line), 0)
    return "\n".join(lines[first:])


def count_words(text: str) -> int:
    """Words, as white space parts them; of scripts without spaces two characters are a word.

    >>> count_words("two words"), count_words("東京都 Tokyo")
    (2, 3)
    """
    if text.isascii():
        return len(text.split())
    unspaced = len(_UNSPACED.findall(text))
    if not unspaced:
        return len(text.split())
    return len(_UNSPACED.sub(" ", text).split()) + (unspaced + _PER_WORD - 1) // _PER_WORD
