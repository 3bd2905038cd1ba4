"""The `ragkit` command: one module per group of commands, and no logic that Python users could not call.

Exit codes:

| code | means |
|---|---|
| 0 | done (`ask`: answered) |
| 1 | an error; one line on standard error says which, and what to do |
| 2 | the command line was wrong |
| 3 | `ask`: the sources do not hold an answer; `search`: nothing found |
| 130 | interrupted |

Nothing heavy is imported before a command runs, so that `--help` is quick.
"""

from __future__ import annotations

from ragkit.cli.app import app
from ragkit.cli.ask import ask, search
from ragkit.cli.documents import add, remove, status
from ragkit.cli.evaluate import evaluate, tune
from ragkit.cli.extract import extract
from ragkit.cli.graph import graph
from ragkit.cli.mcp import mcp
from ragkit.cli.memory import forget, recall, remember
from ragkit.cli.memory_group import memory
from ragkit.cli.s3 import s3
from ragkit.cli.show import pipeline, stages, version
from ragkit.cli.synth import synth

__all__ = ["app", "main"]

for _command in (
    *(add, ask, search, remove, status, remember, recall, forget, memory),
    *(extract, stages, pipeline, graph, evaluate, synth, tune, s3, mcp, version),
):
    app.add_command(_command)


def main() -> None:
    """Run the command of this process's arguments and exit with its code."""
    app(prog_name="ragkit")
