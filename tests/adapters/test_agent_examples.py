"""The example agents run, offline, and show what they should."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

AGENTS = Path(__file__).resolve().parents[2] / "examples" / "agents"
SHOWN = {
    "langchain_agent.py": ("langchain", "cast by Brandt & Sons"),
    "langgraph_agent.py": ("langmem", "I moved to Saltmere in May."),
    "llamaindex_agent.py": ("llama_index", "kestrel-point-lighthouse.html, characters"),
    "mcp_agent.py": ("mcp", "cast by Brandt & Sons"),
    "autogen_agent.py": ("autogen_agentchat", "I [Ann] moved to Saltmere"),
    "openai_agent.py": ("agents", "Ann"),
    "crewai_agent.py": ("crewai", "/ann  Ann moved to Saltmere"),
}


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_the_agent_runs_and_shows_what_it_found(tmp_path: Path, name: str) -> None:
    package, shown = SHOWN[name]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    environment = {**os.environ, "OTEL_SDK_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, str(AGENTS / name)], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_every_agent_is_listed_here_and_short() -> None:
    files = sorted(AGENTS.glob("*.py"))
    assert [file.name for file in files] == sorted(SHOWN)
    assert all(len(file.read_text().splitlines()) < 60 for file in files)
