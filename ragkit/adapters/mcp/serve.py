"""Running the server: over standard input and output, or over HTTP on this machine with a token."""

from __future__ import annotations

import hmac
import secrets
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

    Over HTTP every request must carry `Authorization: Bearer TOKEN`; only this machine can connect.
    """
    if transport == "stdio":
        server.run(transport="stdio")
        return
    import uvicorn

    uvicorn.run(guarded(http_app(server), token), host=HOST, port=port, log_level="warning")


def new_token() -> str:
    """A token nobody can guess."""
    return secrets.token_urlsafe(24)


def guarded(app: Any, token: str) -> Any:
    """The ASGI application, closed to requests without the token."""
    if not token:
        raise InvalidValueError("a server on HTTP needs a token; give one that cannot be guessed")
    wanted = f"Bearer {token}".encode()

    async def guard(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not hmac.compare_digest(given, wanted):
                headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Bearer")]
                await send({"type": "http.response.start", "status": 401, "headers": headers})
                await send({"type": "http.response.body", "body": b"give the token: Authorization: Bearer TOKEN\n"})
                return
        await app(scope, receive, send)

    return guard
