"""The files of a folder, in an order that depends on nothing but their names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from heapq import heappop, heappush
from pathlib import Path, PurePath

from ragkit.errors import LoadError
from ragkit.text.loaders.items import SkippedError, reason_of

# Folders of tools, which no one means when adding the folder around them.
TOOL_FOLDERS = frozenset(
    ".git .hg .svn .bzr CVS __pycache__ node_modules bower_components .tox .nox .mypy_cache .pytest_cache .ruff_cache "
    ".hypothesis .ipynb_checkpoints .idea .vscode .venv .terraform .gradle .cache".split()
)
# A folder that holds one of these is a cache, or a Python environment.
_MARKERS = ("CACHEDIR.TAG", "pyvenv.cfg")

Identity = tuple[int, int]


def name_of(path: PurePath) -> str:
    r"""How a path is written in sources: with forward slashes, and bytes that are not UTF-8 as `\xff`."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def matches(path: PurePath, root: PurePath, pattern: str) -> bool:
    """Whether a file fits one of the comma-separated patterns: by its name, or with a `/` by its path below `root`."""
    below = path.relative_to(root).as_posix() if path != root else path.name
    return any(
        fnmatchcase(below if "/" in one else path.name, one)
        for one in (part.strip() for part in pattern.split(","))
        if one
    )


def walk(root: Path, *, hidden: bool = False) -> Iterator[Path | LoadError]:
    """Every file in a folder, folders depth first, names sorted; what is reached by links comes last.

    A file or folder reached again by a link is not given again; a link that leads back to a folder around it is
    reported. Folders of tools (`.git`, `node_modules`, …) are left out, and unless `hidden` all names that begin with
    a dot. What cannot be read is given as a `LoadError`.
    """
    seen: set[Identity] = set()
    links: list[Path] = []  # a heap
    todo = [root]
    linked = False
    while todo or links:
        if not todo:
            linked = True
            todo.append(heappop(links))
        path = todo.pop()
        try:
            about = path.stat()
            if linked and (about.st_dev, about.st_ino) in seen:
                if stat.S_ISDIR(about.st_mode) and _leads_back(path):
                    yield SkippedError(name_of(path), "a link that leads back to a folder around it; followed once")
                continue
            seen.add((about.st_dev, about.st_ino))
            if stat.S_ISDIR(about.st_mode):
                inside = _entries(path, hidden)
                todo += [entry for entry in inside if not entry.is_symlink()]
                for entry in inside:
                    if entry.is_symlink():
                        heappush(links, entry)
            elif stat.S_ISREG(about.st_mode):
                yield path
            else:
                yield SkippedError(name_of(path), "not a regular file (a device, a pipe or a socket)")
        except OSError as error:
            yield LoadError(name_of(path), _link_reason(path, error))


def _entries(folder: Path, hidden: bool) -> list[Path]:
    """What a folder holds, last name first, without what is left out."""
    names = os.listdir(folder)
    if any(marker in names for marker in _MARKERS):
        return []
    kept = (name for name in names if name not in TOOL_FOLDERS and (hidden or not name.startswith(".")))
    return [folder / name for name in sorted(kept, reverse=True)]


def _leads_back(link: Path) -> bool:
    target = os.path.realpath(link)
    around = os.path.realpath(link.parent)
    return around == target or around.startswith(target.rstrip(os.sep) + os.sep)


def _link_reason(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return f"a broken link: {os.readlink(path)!r} does not exist"
    if isinstance(error, PermissionError) or not path.is_symlink():
        return reason_of(error)
    return f"a link that cannot be followed ({reason_of(error)})"
