"""Memory of a scan does not grow with the text but for the index, measured in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="RssAnon is told by Linux only")

MEASURE = """
import gc, json, sys
import torch
torch.set_num_threads(1)
from ragkit.extractors.s3.longtext import prepared
from ragkit.extractors.s3.scan import scan

def anonymous():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon:"))

tokens = int(sys.argv[1])
backend, autoencoders = prepared(None, None)
words = "harbour ferry lighthouse council market eel crane school roof slate lesson museum quay moor gull sea".split()
text = " ".join(words[number * number % 16] for number in range(tokens))
scan(backend, autoencoders, [" ".join(words) * 20])
seen = []
index = scan(backend, autoencoders, [text], progress=lambda done, total: seen.append(anonymous()))
seen.append(anonymous())
print(json.dumps({"tokens": len(index), "peak": max(seen), "after_third": seen[2], "index": index.size}))
"""


def measured(tokens: int) -> dict[str, int]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run([sys.executable, "-c", MEASURE, str(tokens)], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_memory_grows_by_no_more_than_the_index_and_a_little_from_the_third_chunk_on():
    found = measured(4096)
    assert found["tokens"] >= 4096
    assert (found["peak"] - found["after_third"]) * 1024 <= found["index"] + 32 * 2**20


@pytest.mark.slow
def test_the_peak_at_64k_tokens_is_at_most_a_fifth_above_that_at_4k():
    small, large = measured(4096), measured(65536)
    assert large["tokens"] >= 65536
    assert (large["peak"] - large["after_third"]) * 1024 <= large["index"] + 32 * 2**20
    assert large["peak"] <= 1.2 * small["peak"]
