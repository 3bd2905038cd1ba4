"""Running the server: over standard input and output, or over HTTP on this machine with a token."""

from __future__ import annotations

import hmac
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from ragkit.adapters.mcp.sdk import http_app
from ragkit.errors import InvalidValueError

Transport = Literal["stdio", "http"]
HOST = "127.0.0.1"

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def serve(server: Any, transport: Transport = "stdio", *, port: int = 8765, token: str = "") -> None:
    """Serve until the client leaves (stdio) or the process is stopped (HTTP at http://127.0.0.1:PORT/mcp).

    Over HTTP every request must carry `Authorization: Bearer TOKEN`; only this machine can connect. Raises
    `InvalidValueError` when the port is taken.
    """
    if transport == "stdio":
        try:
            server.run(transport="stdio")
        except* BrokenPipeError:  # the client went away without a word
            pass
        return
    import uvicorn

    app = guarded(http_app(server), token)
    with _listening(port) as listening:
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


def _listening(port: int) -> socket.socket:
    """A socket at the port. Raises `InvalidValueError` when it cannot be had."""
    made = socket.socket()
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, port))
    except OSError as error:
        made.close()
        raise InvalidValueError(f"port {port} of {HOST} cannot be used ({error.strerror}); choose another") from error
    return made


def new_token() -> str:
    """A token nobody can guess."""
    return secrets.token_urlsafe(24)


def guarded(app: Any, token: str) -> Any:
    """The ASGI application, closed to requests without the token."""
    if not token:
        raise InvalidValueError("a server on HTTP needs a token; give one that cannot be guessed")

    async def guard(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            scheme, _, said = given.partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(said.strip(), token.encode()):
                headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Bearer")]
                await send({"type": "http.response.start", "status": 401, "headers": headers})
                await send({"type": "http.response.body", "body": b"give the token: Authorization: Bearer TOKEN\n"})
                return
        await app(scope, receive, send)

    return guard
