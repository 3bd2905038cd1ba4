"""Memory of a scan against the length of the text, each length in a process of its own; for `long_context.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

LENGTHS = (4096, 16384, 65536)
_CHARACTERS = 6  # at least so many per token are read, then cut


def anonymous_kib() -> int:
    """RssAnon of this process in KiB: memory that is no mapped file. Linux only."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise RuntimeError("/proc/self/status has no RssAnon; memory can be measured on Linux only")


def scan_and_measure(path: Path, tokens: int) -> dict[str, Any]:
    """Scan so many tokens of a text, one thread; the peak of RssAnon meanwhile and what the index takes."""
    import torch

    from ragkit.extractors.s3.backend import tokenised
    from ragkit.extractors.s3.longtext import prepared
    from ragkit.extractors.s3.scan import scan

    torch.set_num_threads(1)
    backend, autoencoders = prepared(None, None)
    text = path.read_text(encoding="utf-8")
    scan(backend, autoencoders, [text[:3000]])  # everything is loaded
    _, places = tokenised(backend._network().tokenizer, text[: tokens * _CHARACTERS])  # type: ignore[attr-defined]
    text = text[: int(places[min(tokens, len(places)) - 1, 1])]
    peak, done = [anonymous_kib()], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], anonymous_kib())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    index = scan(backend, autoencoders, [text])
    done.set()
    watcher.join()
    return {"tokens": len(index), "peak_mib": max(peak[0], anonymous_kib()) / 1024, "index_mib": index.size / 2**20}


def memory_rows(data: Path, plot: Path | None, console: Console) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """The ratio of the peaks at 64k and 4k tokens, and a row for each length."""
    files = [*(data / "tokeniou" / "corpora").glob("*.md"), *(data / "multihop" / "hotpotqa-100").glob("corpus.jsonl")]
    if not files:
        raise SystemExit(f"{data} holds no text to measure memory with; give --no-memory")
    source = max(files, key=lambda path: (path.stat().st_size, path.name))
    rows = []
    for length in LENGTHS:
        command = [sys.executable, __file__, str(source), str(length)]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
        rows.append({"row": f"memory {length // 1024}k tokens", **json.loads(done.stdout)})
    ratio = round(rows[-1]["peak_mib"] / rows[0]["peak_mib"], 4)
    table = Table("tokens", "peak RssAnon MiB", "index MiB", title=f"Memory of a scan: 64k / 4k = {ratio}")
    for row in rows:
        table.add_row(f"{row['tokens']:,}", f"{row['peak_mib']:.1f}", f"{row['index_mib']:.1f}")
    console.print(table)
    if plot is not None:
        _draw(rows, plot)
    return {"peak_ratio_64k_4k": ratio}, rows


def _draw(rows: list[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    lengths = [row["tokens"] / 1000 for row in rows]
    axes.plot(lengths, [row["peak_mib"] for row in rows], "o-", color="#1f5fa8", label="peak of the process, RssAnon")
    axes.plot(lengths, [row["index_mib"] for row in rows], "o-", color="#b8860b", label="the index")
    axes.set(xlabel="thousand tokens of context", ylabel="MiB", title="Memory of a scan against the length of the text")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path)


if __name__ == "__main__":
    print(json.dumps(scan_and_measure(Path(sys.argv[1]), int(sys.argv[2]))))
