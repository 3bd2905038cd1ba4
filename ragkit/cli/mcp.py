"""`ragkit mcp`: a server of the Model Context Protocol for agents on this machine."""

from __future__ import annotations

import os

import click

from ragkit.cli.app import Session, store_option
from ragkit.cli.output import warn

TOKEN = "RAGKIT_MCP_TOKEN"


@click.command(short_help="Serve agents over the Model Context Protocol.")
@click.option("--http", is_flag=True, help="Serve HTTP on 127.0.0.1 instead of standard input and output.")
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True, help="The port, with --http.")
@click.option("--pipeline", metavar="TEXT", help="How to find and answer (or a name in ragkit.toml).")
@click.option("--llm", metavar="MODEL", help="A chat model that writes the answers.")
@store_option
@click.pass_obj
def mcp(session: Session, http: bool, port: int, pipeline: str | None, llm: str | None) -> None:
    """Serve the store to an agent: ask, search, read a span, and its documents as resources.

    Over HTTP the token of RAGKIT_MCP_TOKEN, or else a new one that is shown, must come with every request.
    """
    from ragkit.adapters.mcp import build_server, serve
    from ragkit.adapters.mcp.serve import new_token

    with session.reading(pipeline, llm) as kb:
        server = build_server(kb)
        if not http:
            serve(server)
            return
        token = os.environ.get(TOKEN) or new_token()
        warn(f"serving http://127.0.0.1:{port}/mcp" + ("" if os.environ.get(TOKEN) else f" with the token {token}"))
        serve(server, "http", port=port, token=token)
