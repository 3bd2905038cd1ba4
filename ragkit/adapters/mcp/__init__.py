"""A server of the Model Context Protocol over a knowledge base and an agent memory; started by `ragkit mcp`.

`build_server` makes it, `serve` runs it over standard input and output or over HTTP on this machine.
"""

from __future__ import annotations

from ragkit.adapters.mcp.serve import serve
from ragkit.adapters.mcp.server import build_server

__all__ = ["build_server", "serve"]
