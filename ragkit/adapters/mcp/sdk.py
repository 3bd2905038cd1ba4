"""The two generations of the MCP SDK behind one face: 2.x (`MCPServer`), else 1.x (`FastMCP`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from ragkit.adapters.toolbox import Reply
from ragkit.errors import RagkitError, require

if TYPE_CHECKING:
    from starlette.applications import Starlette

NAME = "ragkit"


def new_server(instructions: str) -> Any:
    """A server without tools. Raises `MissingExtraError` when the SDK is not installed."""
    sdk = require("mcp.server", extra="mcp", purpose="the MCP server")
    newer = getattr(sdk, "MCPServer", None)
    if newer is not None:
        return newer(NAME, version=_version(), instructions=instructions, log_level="WARNING")
    from mcp.server.fastmcp import FastMCP

    server = FastMCP(NAME, instructions=instructions, log_level="WARNING")
    server._mcp_server.version = _version()  # else it says the SDK's version as ours
    return server


def _version() -> str:
    from importlib.metadata import version

    return version(NAME)


def http_app(server: Any) -> Starlette:
    """The server as a web application at /mcp, answering only requests for this machine."""
    from mcp.server.transport_security import TransportSecuritySettings

    hosts = ("127.0.0.1", "localhost", "[::1]")
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*hosts, *(f"{host}:*" for host in hosts)],
        allowed_origins=[origin for host in hosts for origin in (f"http://{host}", f"http://{host}:*")],
    )
    if type(server).__name__ == "FastMCP":
        server.settings.transport_security = security
        app: Starlette = server.streamable_http_app()
        return app
    newer: Starlette = server.streamable_http_app(transport_security=security)
    return newer


def add_tool(server: Any, name: str, description: str, function: Callable[..., Reply], *, writes: bool = False) -> None:
    """Offer a method as a tool: its text for the model, its data as structured content.

    Arguments are checked against the function's annotations by the SDK and again by the function; what is wrong with
    them goes back as an error of that call. The work is done in a thread, so that other requests are answered.
    """
    from mcp.types import CallToolResult, TextContent, ToolAnnotations

    @wraps(function)
    async def call(**arguments: Any) -> Any:
        try:
            reply = await asyncio.to_thread(function, **arguments)
        except RagkitError as error:
            return CallToolResult.model_validate({"content": [_text(str(error))], "isError": True})
        return CallToolResult.model_validate(
            {"content": [_text(reply.text)], "structuredContent": dict(reply.data), "isError": False}
        )

    def _text(text: str) -> TextContent:
        return TextContent(type="text", text=text)

    call.__annotations__ = {
        **{key: value for key, value in function.__annotations__.items() if key != "return"},
        "return": CallToolResult,
    }
    hints = ToolAnnotations.model_validate({"readOnlyHint": not writes, "openWorldHint": False})
    server.add_tool(call, name=name, description=description, annotations=hints)
