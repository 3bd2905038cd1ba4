"""Bytes to text when nobody said in which encoding they are."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Encodings that files without a mark are in, the likelier first where the bytes do not tell.
_LEGACY = (
    *("cp1252", "gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1251", "koi8_r", "cp1250", "cp1253", "cp1254"),
    *("cp1255", "cp1256", "mac_roman", "cp437"),
)
_SAMPLE = 65_536
_CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")


class NotTextError(ValueError):
    """The bytes are not text in any encoding."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, the encoding it was in, and how many of its bytes had to be replaced by U+FFFD."""

    text: str
    encoding: str
    errors: int = 0

    @property
    def metadata(self) -> dict[str, str | int]:
        """What is worth keeping: `encoding` unless it is UTF-8, `encoding_errors` when there are any."""
        note: dict[str, str | int] = {} if self.encoding == "utf-8" else {"encoding": self.encoding}
        return {**note, "encoding_errors": self.errors} if self.errors else note


def decode(data: bytes, declared: str = "") -> Decoded:
    """Decode bytes: by their byte order mark, else as UTF-8, else as declared, else as charset-normalizer guesses.

    UTF-16 and UTF-32 without a mark are told by where their zeros stand. UTF-8 with some broken bytes stays UTF-8.
    Raises `NotTextError` when the bytes are no text.
    """
    encoding = marked(data)
    if encoding:
        return _with_errors(data, encoding)
    check_text(data)
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        broken = error.start
    if declared and (text := _strictly(data, declared)) is not None:
        return Decoded(text, codecs.lookup(declared).name)
    repaired = data.decode("utf-8", "replace")
    errors = repaired.count("\ufffd")
    if len(repaired) - len(repaired.encode("ascii", "ignore")) >= 2 * errors:
        return Decoded(repaired, "utf-8", errors)
    return _with_errors(data, _guess(data[max(0, broken - _SAMPLE // 2) :][:_SAMPLE]))


def marked(data: bytes) -> str:
    """The encoding that a byte order mark, or UTF-16 or UTF-32's pattern of zeros, gives away; else ""."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    head = data[: 4096 if len(data) >= 4096 else len(data) // 4 * 4 or len(data)]
    zeros = [head[place::4].count(0) * 4 / max(1, len(head)) for place in range(4)]
    for encoding, pattern in (
        ("utf-32-le", "a.00"),
        ("utf-32-be", "00.a"),
        ("utf-16-le", "a0a0"),
        ("utf-16-be", "0a0a"),
    ):
        unit = 4 if encoding.startswith("utf-32") else 2
        fits = all(
            share > 0.4 if kind == "0" else share < 0.05 if kind == "a" else True
            for share, kind in zip(zeros, pattern, strict=True)
        )
        if fits and _strictly(head[: len(head) // unit * unit], encoding) is not None:
            return encoding
    return ""


def check_text(data: bytes) -> None:
    """Raise `NotTextError` when bytes without a byte order mark hold what no text does."""
    if b"\0" in data:
        raise NotTextError("it holds NUL bytes, so it is binary, not text")
    controls = len(_CONTROLS.findall(data, 0, _SAMPLE))
    if controls > max(2, min(len(data), _SAMPLE) // 20):
        raise NotTextError("it is full of control characters, so it is binary, not text")


def _with_errors(data: bytes, encoding: str) -> Decoded:
    text = _strictly(data, encoding)
    if text is not None:
        return Decoded(text.removeprefix("\ufeff"), encoding)
    text = data.decode(encoding, "replace").removeprefix("\ufeff")
    return Decoded(text, encoding, text.count("\ufffd"))


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _guess(sample: bytes) -> str:
    """The likeliest legacy encoding. Raises `NotTextError` when none makes sense of the sample."""
    from charset_normalizer import from_bytes

    matches = from_bytes(sample, cp_isolation=list(_LEGACY), enable_fallback=False)
    best = matches.best()
    if best is None:
        raise NotTextError("no text encoding fits its bytes, so it is binary, or damaged")
    tied = {
        name
        for match in matches
        if (match.chaos, match.coherence) == (best.chaos, best.coherence)
        for name in (match.encoding, *match.could_be_from_charset)
    }
    return next((name for name in _LEGACY if name in tied), best.encoding)
