"""Bytes to the text a page is parsed from: which encoding they are in, and without what no text holds."""

from __future__ import annotations

import codecs
import hashlib
import re
from dataclasses import dataclass

from ragkit.errors import LoadError
from ragkit.extractors.html.charsets import codec_of
from ragkit.extractors.html.types import Limits, PageTooLarge
from ragkit.text.encoding import NotTextError, decode, marked
from ragkit.text.loaders.kinds import signed
from ragkit.text.normalise import clean

_META = 1024  # bytes in which a page says its own encoding
_CHARSET = re.compile(rb"<meta[^>]{0,300}?charset\s{0,20}=\s{0,20}[\"']?\s{0,20}([A-Za-z0-9_.:-]{1,40})", re.I)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
_DECLARATION = re.compile(r"\s{0,100}<\?xml[^>]{0,500}\?>", re.I)
_BAD = 0.01  # share of replaced characters at which a declared encoding is not believed
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CONTROL_BYTES = bytes(byte if byte >= 32 or byte in (9, 10, 13) else 32 for byte in range(256))
_SAMPLE = 4096
# Text in one of these may by chance be valid UTF-8; of those that use one byte a character hardly any text is.
_SEVERAL_BYTES = frozenset("gb18030 big5hkscs euc-jp iso2022-jp cp932 cp949 utf-16-le utf-16-be".split())
_NOTHING: list[tuple[str, str]] = []


@dataclass(frozen=True, slots=True)
class Source:
    """A page's text as UTF-8 bytes, how it was encoded, and a hash of the input."""

    data: bytes
    encoding: str
    sha256: str
    warnings: tuple[tuple[str, str], ...] = ()


def read(data: bytes | str, *, encoding: str | None, limits: Limits, name: str) -> Source:
    """Decode a page. Raises `PageTooLarge` before anything is decoded.

    The encoding is that of a byte order mark, else `encoding` (what a server said), else what the page says in its
    first 1,024 bytes, else UTF-8 if it fits, else a guess, else windows-1252. Bytes that do not fit are replaced. What
    is valid UTF-8 is not read as an encoding of one byte a character, whatever was said.
    """
    given = data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data)
    if len(given) > limits.bytes:
        raise PageTooLarge(
            name, f"the page has {len(given):,} bytes, more than the limit of {limits.bytes:,}; raise Limits.bytes"
        )
    digest = hashlib.sha256(given).hexdigest()
    if isinstance(data, str):
        text, used, warnings = clean(data), "utf-8", _NOTHING
    else:
        found = _plain(given, encoding)
        if found is not None:
            return Source(found, "utf-8", digest, tuple(_unknown(encoding)))
        text, used, warnings = _decoded(given, encoding)
    text = _DECLARATION.sub("", _CONTROL.sub(" ", text), count=1)
    return Source(text.encode("utf-8", "replace"), used, digest, tuple(warnings))


def check_kind(data: bytes, name: str) -> None:
    """Raise `LoadError` for bytes that a file or a server gave for a page and that begin like a file of another kind.

    `read` itself makes something of any bytes.
    """
    what = "a PDF file" if data.startswith(b"%PDF-") else signed(data)
    if what:
        raise LoadError(name, f"it is {what}, not a web page")


def _plain(data: bytes, encoding: str | None) -> bytes | None:
    """The common case without decoding: valid UTF-8 that is declared so, or not declared at all."""
    declared = codec_of(encoding) if encoding else _declared(data)
    if declared not in (None, "utf-8") or data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:_SAMPLE]:
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    data = data.removeprefix(codecs.BOM_UTF8).translate(_CONTROL_BYTES)
    if data.lstrip()[:5].lower() == b"<?xml":
        data = _DECLARATION.sub("", data.decode("utf-8"), count=1).encode("utf-8")
    return data


def _declared(data: bytes) -> str | None:
    """The codec a page's own `<meta>` names; UTF-16 there cannot be meant, since it was read as ASCII."""
    head = data[:_META]
    if b"<!--" in head:
        head = _COMMENT.sub(b"", head)
    match = _CHARSET.search(head)
    codec = codec_of(match[1].decode("ascii")) if match else None
    return "utf-8" if codec in ("utf-16-le", "utf-16-be") else codec


def _decoded(data: bytes, encoding: str | None) -> tuple[str, str, list[tuple[str, str]]]:
    warnings = _unknown(encoding)
    mark = marked(data) if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) else ""
    said = codec_of(encoding) if encoding else None
    if data.startswith(codecs.BOM_UTF8):
        mark = "utf-8"
    codec = mark or said or _declared(data)
    if codec is None and b"\0" in data[:_SAMPLE]:
        codec = marked(data) or None
    if codec is None:
        codec = "utf-8" if _fits(data) else _guessed(data)
    text = data.decode(codec, "replace").removeprefix("\ufeff")
    bad = text.count("\ufffd")
    doubtful = bad > _BAD * len(text) or (codec not in _SEVERAL_BYTES and not data.isascii())
    if doubtful and not mark and codec != "utf-8" and _fits(data):
        warnings.append(("wrong_encoding", f"{codec} does not fit; read as utf-8"))
        codec, text = "utf-8", data.decode("utf-8")
    elif bad:
        warnings.append(("bad_bytes", str(bad)))
    return text, codec, warnings


def _unknown(encoding: str | None) -> list[tuple[str, str]]:
    return [("unknown_encoding", encoding[:40])] if encoding and codec_of(encoding) is None else []


def _fits(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _guessed(data: bytes) -> str:
    """What the bytes look like; windows-1252, which fits anything, when they look like nothing."""
    try:
        return decode(data.replace(b"\0", b" ")).encoding
    except NotTextError:
        return "cp1252"
