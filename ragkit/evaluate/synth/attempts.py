"""The log of attempts: one line of JSON each, from which an interrupted run goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from ragkit.evaluate.dataset import DatasetError


class Attempts:
    """The attempts of a run, in a file when there is a `path`. `run` names all settings the attempts depend on."""

    def __init__(self, path: Path | None, run: str) -> None:
        self._path, self._run = path, run
        self._lock = Lock()
        self.finished: dict[str, dict[str, Any]] = {}
        self.reused = 0
        if path is not None and path.exists():
            self._read(path)

    def _read(self, path: Path) -> None:
        lines = path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except ValueError as error:
                if number == len(lines):  # the run was cut off while it wrote this line
                    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
                    break
                raise DatasetError(f"{path}, line {number}: not JSON; remove the file to start afresh") from error
            if entry.get("run") == self._run and entry.get("final"):
                self.finished[entry["task"]] = entry
        self.reused = len(self.finished)

    def add(self, task: str, attempt: int, entry: Mapping[str, Any], *, final: bool) -> None:
        """Append one attempt; a `final` one finishes its task."""
        line = {"run": self._run, "task": task, "attempt": attempt, "final": final, **entry}
        with self._lock:
            if final:
                self.finished[task] = line
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
