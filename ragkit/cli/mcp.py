"""`ragkit mcp`: a server of the Model Context Protocol for agents on this machine."""

from __future__ import annotations

import os
from contextlib import ExitStack

import click

from ragkit.cli.app import Session, store_option
from ragkit.cli.output import warn

TOKEN = "RAGKIT_MCP_TOKEN"


@click.command(short_help="Serve agents over the Model Context Protocol.")
@click.option("--memory", metavar="SCOPE", help="Also serve this scope of the store's memory, for example ana.")
@click.option("--write", is_flag=True, help="Let agents add to the memory and forget; otherwise they only read.")
@click.option("--fetch", is_flag=True, help="Let agents have web pages fetched by their address.")
@click.option("--http", is_flag=True, help="Serve HTTP on 127.0.0.1 instead of standard input and output.")
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True, help="The port, with --http.")
@click.option("--pipeline", metavar="TEXT", help="How to find and answer (or a name in ragkit.toml).")
@click.option("--llm", metavar="MODEL", help="A chat model that writes the answers.")
@store_option
@click.pass_obj
def mcp(
    session: Session,
    memory: str | None,
    write: bool,
    fetch: bool,
    http: bool,
    port: int,
    pipeline: str | None,
    llm: str | None,
) -> None:
    """Serve the store to an agent: ask, search, read a span, its documents as resources, and the memory of a scope.

    The memory's scope cannot be left by an agent; without --write it cannot change anything. Over HTTP the token of
    RAGKIT_MCP_TOKEN, or else a new one that is shown, must come with every request.
    """
    from ragkit.adapters.mcp import build_server, serve
    from ragkit.adapters.mcp.serve import new_token

    if write and memory is None:
        raise click.UsageError("--write is about a memory; name its scope: --memory SCOPE")
    with ExitStack() as stack:
        remembered = None
        if memory is not None:
            from ragkit.memory import Memory

            scope = tuple(memory.split("/"))
            remembered = stack.enter_context(Memory(session.path, scope=scope, create=write, read_only=not write))
        kb = stack.enter_context(session.reading(pipeline, llm))
        server = build_server(kb, remembered, write=write, fetch=fetch)
        if not http:
            serve(server)
            return
        given = os.environ.get(TOKEN, "").strip()
        token = given or new_token()
        warn(f"serving http://127.0.0.1:{port}/mcp" + ("" if given else f" with the token {token}"))
        serve(server, "http", port=port, token=token)
