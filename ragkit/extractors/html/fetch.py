"""Fetching one page that somebody asked for, without being led into the network of the machine that fetches.

Only http and https; every address a name stands for must be public, at every redirect, unless private ones are allowed;
the connection goes to the very address that was checked. Size, time, redirects and decompression are bounded.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
import urllib.parse
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from ragkit.errors import LoadError
from ragkit.extractors.html.reading import check_kind

_TYPES = ("text/html", "application/xhtml+xml", "text/plain", "")
_REDIRECTS = (301, 302, 303, 307, 308)
_BLOCK = 65_536
_GZIP = b"\x1f\x8b"
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.I)
_AGENT = "ragkit"
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 addresses in IPv6, for translation
_TUNNELS = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))  # 6to4 and Teredo
# Not public, though not every version of Python says so; in the last one hosts of a cloud find what configures them.
_RESERVED = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "64:ff9b:1::/48", "5f00::/16", "168.63.129.16/32")))
_URI = "!#$%&'()*+,-./:;=?@[]_~"  # what stays as it is in a path or query; the rest is encoded

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Fetching:
    """What fetching may cost: `bytes` after decompression, `seconds` in all, and `redirects`.

    `allow_private` lets it go to addresses that are not public.
    """

    bytes: int = 10_000_000
    seconds: float = 20.0
    redirects: int = 5
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page's bytes, decompressed; the URL it came from in the end; the encoding its server named, if any."""

    data: bytes
    url: str
    encoding: str | None


def fetch(url: str, settings: Fetching | None = None) -> Fetched:
    """Fetch a page. Raises `LoadError` saying why when it cannot, must not, or costs too much."""
    settings = settings or Fetching()
    deadline = time.monotonic() + settings.seconds
    asked = url
    for _ in range(settings.redirects + 1):
        answer = _asked(url, settings, deadline)
        if isinstance(answer, Fetched):
            return answer
        url = answer
    raise LoadError(asked, f"it redirects more than {settings.redirects} times")


def _asked(url: str, settings: Fetching, deadline: float) -> Fetched | str:
    """The page, or where the server says it is."""
    parts = _checked(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = _Pinned(url, parts.scheme, host, port, settings, deadline)
    watch = threading.Timer(left(deadline), connection.cut)  # a server may send a byte now and then for ever
    watch.daemon = True
    watch.start()
    target = urllib.parse.quote(urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, "")), safe=_URI)
    try:
        headers = {"User-Agent": _AGENT, "Accept": "text/html, */*;q=0.1", "Accept-Encoding": "gzip, deflate"}
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        if response.status in _REDIRECTS and (place := response.getheader("Location")):
            return urllib.parse.urldefrag(urllib.parse.urljoin(url, _encoded(place.strip()))).url
        if response.status != 200:
            raise LoadError(url, f"the server answered {response.status} {_plain(response.reason)}".rstrip())
        return Fetched(_body(url, response, connection, settings, deadline), url, _encoding(response))
    except (http.client.HTTPException, OSError, ValueError, zlib.error) as error:
        late = time.monotonic() >= deadline
        raise LoadError(url, _reason(TimeoutError() if late else error, settings)) from error
    finally:
        watch.cancel()
        connection.close()


def _checked(url: str) -> urllib.parse.SplitResult:
    """The parts of a URL that may be fetched."""
    try:
        parts = urllib.parse.urlsplit(url)
        parts.port  # noqa: B018 (raises when it is none)
    except ValueError as error:
        raise LoadError(url, f"it is no proper URL: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise LoadError(url, f"only http and https are fetched, not {parts.scheme or 'a bare name'}")
    if not parts.hostname:
        raise LoadError(url, "the URL names no server")
    if parts.username is not None or parts.password is not None:
        shown = parts._replace(netloc="…@" + parts.netloc.rpartition("@")[2]).geturl()
        raise LoadError(shown, "names and passwords do not belong into a URL")
    if any(char <= " " or char == "\x7f" for char in url):
        raise LoadError(url, "the URL holds white space or control characters; encode them")
    return parts


def public(address: Address) -> bool:
    """Whether an address is one of the public internet, also when it is an IPv4 address written in IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return public(inner)
        if any(address in network for network in _TUNNELS) or address.is_site_local or int(address) < 2**32:
            return False
    if any(address in network for network in _RESERVED if network.version == address.version):
        return False
    return address.is_global and not (
        address.is_multicast
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_reserved
        or address.is_unspecified
    )


def _addresses(url: str, host: str, port: int, allow_private: bool) -> list[tuple[int, tuple[object, ...]]]:
    """Family and socket address of each address of a host. Raises `LoadError` unless all may be fetched from."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise LoadError(url, f"there is no server {host!r} ({error})") from error
    places: list[tuple[int, tuple[object, ...]]] = []
    for family, _, _, _, place in found:
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if not allow_private and not public(address):
            raise LoadError(
                url, f"{host} is the private address {address}; pages of the own network are read with --allow-private"
            )
        places.append((family, place))
    if not places:
        raise LoadError(url, f"there is no server {host!r}")
    return places


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked, whatever its name stands for a moment later."""

    def __init__(self, url: str, scheme: str, host: str, port: int, settings: Fetching, deadline: float) -> None:
        super().__init__(host, port)
        self.url, self.scheme, self.settings, self.deadline = url, scheme, settings, deadline

    def connect(self) -> None:
        failed: OSError | None = None
        for family, place in _addresses(self.url, self.host, self.port, self.settings.allow_private):
            connected = socket.socket(family, socket.SOCK_STREAM)
            try:
                connected.settimeout(left(self.deadline))
                connected.connect(place)
                if self.scheme == "https":
                    connected = ssl.create_default_context().wrap_socket(connected, server_hostname=self.host)
                self.sock = connected
                return
            except OSError as error:
                connected.close()
                failed = error
        raise failed or OSError("no address")

    def cut(self) -> None:
        """End the connection from another thread; whoever reads from it is told that it ended."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def left(deadline: float) -> float:
    """Seconds until a deadline. Raises `TimeoutError` when there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


def _body(
    url: str, response: http.client.HTTPResponse, connection: _Pinned, settings: Fetching, deadline: float
) -> bytes:
    """The decompressed body. Raises `LoadError` when it is too large, or compressed in a way not asked for."""
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise LoadError(url, f"it is {_plain(kind)}, not a web page")
    coding = (response.getheader("Content-Encoding") or "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise LoadError(url, f"it is compressed with {_plain(coding)}, which was not asked for")
    inflate = None if coding == "identity" else _Inflating(coding == "deflate")
    parts: list[bytes] = []
    size, due = 0, response.length
    while True:
        if connection.sock is not None:
            connection.sock.settimeout(left(deadline))
        block = response.read1(_BLOCK)
        left(deadline)
        if not block:
            break
        due = None if due is None else due - len(block)
        for part in inflate.parts(block) if inflate else (block,):
            size += len(part)
            if size > settings.bytes:
                raise LoadError(url, f"the page is larger than the limit of {settings.bytes:,} bytes")
            parts.append(part)
    if due or (inflate is not None and not inflate.done):
        raise LoadError(url, "the page breaks off before its end")
    data = b"".join(parts)
    check_kind(data, url)
    return data


class _Inflating:
    """Decompresses block by block, never more at once than a block."""

    def __init__(self, deflate: bool) -> None:
        self._deflate = deflate
        self._made = None if deflate else zlib.decompressobj(zlib.MAX_WBITS | 16)
        self.done = False

    def parts(self, data: bytes) -> Iterator[bytes]:
        """The decompressed pieces of a block."""
        if self._made is None:  # "deflate" is meant with a header, and often sent without
            headed = len(data) >= 2 and data[0] & 15 == 8 and (data[0] * 256 + data[1]) % 31 == 0
            self._made = zlib.decompressobj(zlib.MAX_WBITS if headed else -zlib.MAX_WBITS)
        while data:
            if self.done:
                if self._deflate or not data.startswith(_GZIP):
                    break  # padding
                self._made, self.done = zlib.decompressobj(zlib.MAX_WBITS | 16), False  # another part follows
            part = self._made.decompress(data, _BLOCK)
            self.done = self._made.eof
            data = self._made.unused_data if self.done else self._made.unconsumed_tail
            if part:
                yield part
            elif not data:
                break


def _encoded(place: str) -> str:
    """Where a redirect leads, with its white space and its bytes beyond ASCII (read as Latin-1) percent-encoded."""
    return urllib.parse.quote(place.encode("latin-1", "replace"), safe=_URI)


def _plain(said: str) -> str:
    """What a server said of itself, short, and without characters that could change a terminal or imitate a line."""
    return "".join(char for char in said if char.isascii() and char.isprintable())[:100]


def _encoding(response: http.client.HTTPResponse) -> str | None:
    match = _CHARSET.search(response.getheader("Content-Type") or "")
    return match[1] if match else None


def _reason(error: Exception, settings: Fetching) -> str:
    if isinstance(error, TimeoutError):
        return f"the server did not answer within {settings.seconds:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not to be trusted: {error.verify_message}"
    if isinstance(error, zlib.error):
        return "the compressed page is damaged"
    if isinstance(error, http.client.HTTPException):
        return f"the server does not speak HTTP ({type(error).__name__})"
    return f"it cannot be reached ({error})"
