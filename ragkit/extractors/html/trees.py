"""Boosted decision trees as arrays: read from an NPZ file without pickle, evaluated with numpy alone.

    trees = Trees.from_lightgbm(booster.dump_model(), features)     # when training
    save(path, {"stage1": trees}, header)
    header, trees = load(path, {"stage1": features})                # raises ModelError for any other list of features
    trees["stage1"].raw(matrix)                                     # sums of leaves; see `probability`

A tree is a run of nodes; an inner node sends a row to `child` when `row[feature] <= threshold`, else to `child + 1`; a
leaf is its own child and is never left. Thresholds are float32, rounded down, which decides for float32 features just
as the double they came from. Leaves are whole numbers of 2**-24, so a sum does not depend on its order or the machine.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 1
UNIT = 2.0**-24
MAX_BYTES = 3_000_000  # of a model file, and of any of its arrays unpacked ten times that
_ROWS = 128  # rows walked together, so the tables of a step stay in the processor's cache


@dataclass(frozen=True)
class Trees:
    """An ensemble: arrays over all nodes, and `roots`, the first node of each tree, deepest trees first.

    `active[d]` trees have a node at depth d + 1, so step d walks only these.
    """

    features: tuple[str, ...]
    roots: NDArray[np.int32]
    active: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    child: NDArray[np.int32]
    leaf: NDArray[np.int32] = field(repr=False)

    def raw(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum of the leaves each row falls in: the logarithm of the odds. `matrix` is (rows, features)."""
        import numpy as np

        if matrix.ndim != 2 or matrix.shape[1] != len(self.features):
            raise ModelError(f"these trees read {len(self.features)} features a row, not a matrix of {matrix.shape}")
        rows = np.ascontiguousarray(matrix, dtype=np.float32)
        parts = [self._some(rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS)]
        total: NDArray[np.int64] = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        return total.astype(np.float64) * UNIT

    def _some(self, rows: NDArray[np.float32]) -> NDArray[np.int64]:
        import numpy as np

        flat, width = rows.ravel(), rows.shape[1]
        base = np.arange(0, rows.size, width, dtype=np.int32)[None, :]
        # One line a tree: the trees still walked are then one block of memory.
        node = np.repeat(self.roots[:, None], len(rows), axis=1)
        for count in self.active.tolist():
            at = node[:count]
            value = flat.take(self.feature.take(at) + base)
            node[:count] = self.child.take(at) + (value > self.threshold.take(at))
        total: NDArray[np.int64] = self.leaf.take(node).sum(axis=0, dtype=np.int64)
        return total

    @staticmethod
    def from_lightgbm(dump: Mapping[str, Any], features: Sequence[str]) -> Trees:
        """The trees of `Booster.dump_model()`. Raises `ModelError` for splits that are not `<=`."""
        trees = sorted((_flatten(tree["tree_structure"]) for tree in dump["tree_info"]), key=lambda tree: -tree.depth)
        return _assembled(trees, tuple(features))


def probability(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability whose logarithm of odds this is."""
    import numpy as np

    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(raw, -60.0, 60.0)))
    return result


def feature_hash(features: Sequence[str]) -> str:
    """What a model file remembers of the names and the order of its features."""
    return hashlib.sha256("\n".join(features).encode()).hexdigest()


def save(path: Path, trees: Mapping[str, Trees], header: Mapping[str, Any]) -> None:
    """Write the ensembles and what is to be known about them; the same input gives the same bytes.

    Raises `ModelError` when the file would be larger than `MAX_BYTES`.
    """
    import numpy as np

    arrays = {
        f"{name}/{part}": _packed(part, getattr(one, part)) for name, one in sorted(trees.items()) for part in _ARRAYS
    }
    told = {
        **header,
        "format": FORMAT,
        "features": {name: feature_hash(one.features) for name, one in sorted(trees.items())},
        "sha256": _digest(arrays),
    }
    text = json.dumps(told, sort_keys=True).encode()
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, header=np.frombuffer(text, dtype=np.uint8), **arrays)
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{path} has {path.stat().st_size} bytes, more than {MAX_BYTES}; train fewer or smaller trees")


def load(path: Path, features: Mapping[str, Sequence[str]]) -> tuple[dict[str, Any], dict[str, Trees]]:
    """The header and the ensembles of a file, each checked against the features it will be given.

    Raises `ModelError` when the file is missing, damaged, too large, of another format, or trained on other features.
    """
    header, arrays = _read(path)
    if header.get("format") != FORMAT:
        raise ModelError(f"{path} has format {header.get('format')!r}, this version reads {FORMAT}; train it again")
    if header.get("sha256") != _digest(arrays):
        raise ModelError(f"{path} is damaged: its arrays do not have the hash written in it; reinstall or train again")
    result = {}
    for name, names in features.items():
        told = header.get("features", {}).get(name)
        if told != feature_hash(names):
            raise ModelError(
                f"{path}: {name} was trained on other features than this version computes "
                f"(hash {str(told)[:12]}, expected {feature_hash(names)[:12]}); train it again"
            )
        result[name] = _unpacked(path, name, arrays, tuple(names))
    return header, result


@dataclass
class _Flat:
    feature: list[int]
    threshold: list[float]
    child: list[int]
    value: list[float]
    depth: int


_ARRAYS = tuple(one.name for one in fields(Trees) if one.name != "features")


def _flatten(root: Mapping[str, Any]) -> _Flat:
    """Breadth first, so the two children of a node are neighbours."""
    flat, level, depth = _Flat([], [], [], [], 0), [root], 0
    made = 1
    while level:
        following: list[Mapping[str, Any]] = []
        for node in level:
            at = len(flat.child)
            if "left_child" not in node:
                _add(flat, 0, float("inf"), at, float(node["leaf_value"]))
                continue
            if node.get("decision_type", "<=") != "<=":
                raise ModelError(f"only splits by <= are read, not {node['decision_type']!r}")
            _add(flat, int(node["split_feature"]), float(node["threshold"]), made, 0.0)
            following += [node["left_child"], node["right_child"]]
            made += 2
        depth += bool(following)
        level = following
    flat.depth = depth
    return flat


def _add(flat: _Flat, feature: int, threshold: float, child: int, value: float) -> None:
    flat.feature.append(feature)
    flat.threshold.append(threshold)
    flat.child.append(child)
    flat.value.append(value)


def _assembled(trees: Sequence[_Flat], features: tuple[str, ...]) -> Trees:
    import numpy as np

    sizes = np.array([len(tree.child) for tree in trees], dtype=np.int32)
    roots = (np.cumsum(sizes) - sizes).astype(np.int32)
    deepest = max((tree.depth for tree in trees), default=0)
    exact = np.array([one for tree in trees for one in tree.threshold], dtype=np.float64)
    rounded = exact.astype(np.float32)
    above = rounded.astype(np.float64) > exact
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    leaves = np.rint(np.array([one for tree in trees for one in tree.value]) / UNIT)
    if np.abs(leaves).max(initial=0.0) >= 2**31:
        raise ModelError("a leaf is too large for the file's format (beyond 128)")
    return Trees(
        features,
        roots,
        np.array([sum(tree.depth > step for tree in trees) for step in range(deepest)], dtype=np.int32),
        np.array([one for tree in trees for one in tree.feature], dtype=np.int32),
        rounded,
        np.array(
            [one + int(start) for tree, start in zip(trees, roots, strict=True) for one in tree.child], dtype=np.int32
        ),
        leaves.astype(np.int32),
    )


def _packed(part: str, array: NDArray[Any]) -> NDArray[Any]:
    # Differences of children compress far better than their numbers.
    import numpy as np

    return np.diff(array, prepend=np.int32(0)) if part == "child" else array


def _unpacked(path: Path, name: str, arrays: Mapping[str, NDArray[Any]], features: tuple[str, ...]) -> Trees:
    import numpy as np

    try:
        parts = {part: arrays[f"{name}/{part}"] for part in _ARRAYS}
    except KeyError as error:
        raise ModelError(f"{path} has no {error.args[0]}; train it again") from None
    parts["child"] = np.cumsum(parts["child"], dtype=np.int32)
    trees = Trees(features, **parts)
    nodes = len(trees.child)
    same = all(len(parts[part]) == nodes for part in ("feature", "threshold", "leaf"))
    types = all(parts[part].dtype == (np.float32 if part == "threshold" else np.int32) for part in _ARRAYS)
    limits = ((trees.roots, nodes), (trees.feature, len(features)), (trees.child, nodes))
    inside = same and types and all(
        part.ndim == 1 and int(part.min(initial=0)) >= 0 and int(part.max(initial=0)) < max(limit, 1)
        for part, limit in (*limits, (trees.active, len(trees.roots) + 1))
    )  # fmt: skip
    right = trees.child[np.isfinite(trees.threshold)] + 1 if inside else trees.child
    if not inside or int(right.max(initial=0)) >= max(nodes, 1):
        raise ModelError(f"{path} is damaged: the trees of {name} point outside themselves; reinstall or train again")
    return trees


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    import numpy as np

    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} has {path.stat().st_size} bytes, more than the {MAX_BYTES} of a model file")
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > 10 * MAX_BYTES:
                raise ModelError(f"{path} unpacks to more than a model file may have")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(arrays.pop("header").tobytes())
    except OSError as error:
        raise ModelError(f"{path} could not be read: {error.strerror or error}; reinstall or train again") from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is not a model file: {error}; reinstall or train again") from error
    if not isinstance(header, dict):
        raise ModelError(f"{path} is not a model file: its header is no object; reinstall or train again")
    return header, arrays


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}\n".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()
