"""Fetching, from real servers on this machine."""

import gzip
import ipaddress
import socket
import threading
import time
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ragkit.errors import LoadError
from ragkit.extractors.html.fetch import Fetching, fetch, public

PAGE = "<p>caf\u00e9".encode()
OPEN = Fetching(allow_private=True, seconds=5)


@contextmanager
def serving(answer):
    """A server; `answer(handler)` writes each response. Gives its address and the paths that were asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            answer(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(handler, body=PAGE, status=200, **headers):
    handler.send_response(status)
    usual = {"Content_Type": "text/html; charset=utf-8", "Content_Length": str(len(body))}
    for name, value in {**usual, **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def test_a_page_is_fetched_with_its_encoding():
    with serving(send) as (url, asked):
        found = fetch(f"{url}/a?b=c#d", OPEN)
    assert (found.data, found.encoding, asked) == (PAGE, "utf-8", ["/a?b=c"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"])
def test_the_own_machine_is_not_asked_unless_allowed(host):
    with serving(send) as (url, asked):
        with pytest.raises(LoadError, match="private address|no server"):
            fetch(url.replace("127.0.0.1", host))
    assert asked == []


def test_a_redirect_into_the_own_network_is_not_followed(monkeypatch):
    """A public server may answer with any address; here the first name is taken for public."""
    import ragkit.extractors.html.fetch as module

    with serving(lambda handler: send(handler, status=302, Location="http://localhost:1/")) as (url, asked):
        real = module.public
        monkeypatch.setattr(module, "public", lambda address: len(asked) == 0 or real(address))
        with pytest.raises(LoadError, match="private address"):
            fetch(url)
    assert len(asked) == 1


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch):
    """A name that stands for another address when asked again does not matter: it is asked once."""
    with serving(send) as (url, _):
        port = int(url.rpartition(":")[2])
        lookups = []
        real = socket.getaddrinfo

        def resolve(host, *rest, **more):
            lookups.append(host)
            return real("127.0.0.1" if len(lookups) == 1 else "127.9.9.9", *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert fetch(f"http://rebinding.example:{port}/", OPEN).data == PAGE
    assert lookups == ["rebinding.example"]


def test_redirects_are_followed_up_to_a_limit():
    def answer(handler):
        if handler.path == "/4":
            send(handler)
        else:
            number = int(handler.path[1:] or 0)
            send(handler, status=301, Location=f"/{number + 1}")

    with serving(answer) as (url, _):
        assert fetch(url + "/1", OPEN).url == url + "/4"
        with pytest.raises(LoadError, match="more than 5 times"):
            fetch(url + "/5", OPEN)


@pytest.mark.parametrize(
    ("place", "reason"),
    [("file:///etc/passwd", "only http"), ("ftp://x/", "only http"), ("http://u:p@x/", "passwords")],
)  # fmt: skip
def test_redirects_to_other_things_are_refused(place, reason):
    with serving(lambda handler: send(handler, status=302, Location=place)) as (url, _):
        with pytest.raises(LoadError, match=reason):
            fetch(url, OPEN)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "javascript:1", "http://", "http://a b/", "http://x:99999/", "gopher://x"]
)
def test_what_is_no_page_address_is_refused(url):
    with pytest.raises(LoadError):
        fetch(url)


@pytest.mark.parametrize("headers", [{}, {"Content_Length": "99999999"}, {"Transfer_Encoding": "chunked"}])
def test_a_page_over_the_limit_is_not_read_to_its_end(headers):
    def answer(handler):
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        block = b"x" * 65536
        try:
            for _ in range(1000):
                handler.wfile.write(b"10000\r\n" + block + b"\r\n" if "Transfer_Encoding" in headers else block)
        except OSError:
            pass

    with serving(answer) as (url, _), pytest.raises(LoadError, match="larger than the limit of 100,000"):
        fetch(url, Fetching(bytes=100_000, allow_private=True))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw"])
def test_compressed_pages_are_read_and_bombs_are_not(coding):
    def packed(data):
        if coding == "gzip":
            return gzip.compress(data)
        made = zlib.compressobj(wbits=-15 if coding == "raw" else 15)
        return made.compress(data) + made.flush()

    header = "gzip" if coding == "gzip" else "deflate"
    bodies = {
        "/good": packed(PAGE),
        "/bomb": packed(b"\0" * 50_000_000),
        "/cut": packed(PAGE * 999)[:-9],
        "/bad": b"\x1f\x8bno",
    }
    with serving(lambda handler: send(handler, bodies[handler.path], Content_Encoding=header)) as (url, _):
        assert fetch(url + "/good", OPEN).data == PAGE
        with pytest.raises(LoadError, match="larger than the limit"):
            fetch(url + "/bomb", OPEN)
        for path in ("/cut", "/bad"):
            with pytest.raises(LoadError, match="breaks off|damaged"):
                fetch(url + path, OPEN)


def test_a_slow_server_is_given_up():
    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(100):
                handler.wfile.write(b"x")
                time.sleep(0.1)
        except OSError:
            pass

    started = time.monotonic()
    with serving(answer) as (url, _), pytest.raises(LoadError, match=r"within 0.5 s"):
        fetch(url, Fetching(seconds=0.5, allow_private=True))
    assert time.monotonic() - started < 4


def test_a_server_that_dribbles_its_headers_is_given_up():
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def dribble():
        connection, _ = listening.accept()
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not stop.wait(0.05):
                    connection.sendall(b"x")
            except OSError:
                pass

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        with pytest.raises(LoadError, match=r"within 0.5 s"):
            fetch(f"http://127.0.0.1:{listening.getsockname()[1]}/", Fetching(seconds=0.5, allow_private=True))
    finally:
        stop.set()
        thread.join()
        listening.close()


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (404, {}, "404"),
        (200, {"Content_Type": "application/pdf"}, "not a web page"),
        (200, {"Content_Encoding": "br"}, "not asked for"),
    ],
)
def test_other_answers_say_what_is_wrong(status, headers, reason):
    with serving(lambda handler: send(handler, status=status, **headers)) as (url, _):
        with pytest.raises(LoadError, match=reason):
            fetch(url, OPEN)


def test_nobody_there_is_said():
    with pytest.raises(LoadError, match="cannot be reached"):
        fetch("http://127.0.0.1:1/", OPEN)


@pytest.mark.parametrize(
    "address",
    "10.0.0.1 127.1.1.1 169.254.169.254 172.16.0.1 192.168.1.1 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 198.18.0.1 "
    "::1 :: fe80::1 fc00::1 ff02::1 fec0::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 "
    "64:ff9b::7f00:1 2002:7f00:1::".split(),
)
def test_addresses_that_are_not_public(address):
    assert not public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_that_are(address):
    assert public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["192.0.0.192", "168.63.129.16", "64:ff9b:1::a00:1", "::ffff:192.0.0.192"])
def test_addresses_that_configure_clouds_are_not_public(address):
    assert not public(ipaddress.ip_address(address))


def test_an_address_may_be_written_as_people_read_it():
    with serving(send) as (url, asked):
        fetch(f"{url}/B\u00e4r?q=\u00e4%20b", OPEN)
    assert asked == ["/B%C3%A4r?q=%C3%A4%20b"]


def test_a_redirect_to_an_address_with_spaces_and_letters_beyond_ascii_is_followed():
    def answer(handler):
        if handler.path == "/":
            handler.wfile.write("HTTP/1.0 302 Found\r\nLocation: /a b\u00e4\r\n\r\n".encode())
        else:
            send(handler)

    with serving(answer) as (url, asked):
        fetch(url, OPEN)
    assert asked == ["/", "/a%20b%C3%A4"]


def test_a_page_of_several_gzip_parts_is_read_to_its_end():
    body = gzip.compress(PAGE) + gzip.compress(b"<p>more") + b"\0\0"
    with serving(lambda handler: send(handler, body, Content_Encoding="gzip")) as (url, _):
        assert fetch(url, OPEN).data == PAGE + b"<p>more"


def test_a_page_that_is_shorter_than_announced_is_an_error():
    with serving(lambda handler: send(handler, Content_Length=str(len(PAGE) + 1))) as (url, _):
        with pytest.raises(LoadError, match="breaks off"):
            fetch(url, OPEN)


def test_what_a_server_says_cannot_change_a_terminal():
    with serving(lambda handler: handler.wfile.write(b"HTTP/1.0 418 a\x1b[31mb\r\n\r\n")) as (url, _):
        with pytest.raises(LoadError, match=r"answered 418 a\[31mb$"):
            fetch(url, OPEN)


def test_a_password_is_not_repeated():
    with pytest.raises(LoadError) as found:
        fetch("http://ana:hunter2@example.org/x")
    assert "hunter2" not in str(found.value)
