"""A process killed at any moment of adding, consolidating or forgetting loses nothing and brings nothing back."""

import subprocess
import sys
from pathlib import Path

import pytest


def kill(folder, trials, timeout):
    script = Path(__file__).with_name("kill_memory.py")
    done = subprocess.run(
        [sys.executable, script, folder, str(trials)], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    words = done.stdout.replace(";", "").split()
    return {name: int(words[words.index(name) + 1]) for name in ("add", "consolidate", "forget")}


def test_kill_nine_in_each_kind_of_step(tmp_path):
    assert sum(kill(tmp_path, 3, 200).values()) >= 1


@pytest.mark.slow
@pytest.mark.timeout(1300)
def test_kill_nine_at_fifty_random_moments_of_add_consolidate_and_forget(tmp_path):
    hit = kill(tmp_path, 50, 1200)
    assert sum(hit.values()) >= 40, f"too few kills came before the end: {hit}"
    assert min(hit.values()) >= 8, f"too few kills hit each kind of step: {hit}"
