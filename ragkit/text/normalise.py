"""Ways of writing one text that should count as the same."""

from __future__ import annotations

import re
import unicodedata

# Soft hyphen, zero-width space and joiners, word joiner, byte order mark: seen by nobody, typed by nobody.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?")


def fold(text: str) -> str:
    """The form in which words are compared: compatibility characters unified (NFKC), case folded, no invisible ones.

    >>> fold("Straße ﬁn\u00adal")
    'strasse final'
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _INVISIBLE.sub("", folded)


def clean(text: str) -> str:
    r"""The form in which documents are kept, so the text that offsets count: no byte order mark, line ends as `\n`.

    Lone surrogates, which no file can hold, and NUL, which databases cut texts at, become U+FFFD.

    >>> clean("\ufeffa\r\nb\rc")
    'a\nb\nc'
    """
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = _LINE_ENDS.sub("\n", text)
    text = text.replace("\0", "\ufffd")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = _SURROGATES.sub("\ufffd", text)
    return text
