"""Columns of features with their names, and what many of them are made with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.signals import Floats


class Table:
    """Columns with names, gathered and then put side by side."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.names: list[str] = []
        self.blocks: list[NDArray[np.float32]] = []

    def add(self, name: str, column: NDArray[Any]) -> None:
        """One column."""
        self.names.append(name)
        self.blocks.append(column.astype("float32")[None, :])

    def page(self, name: str, value: float) -> None:
        """One value for all rows."""
        import numpy as np

        self.names.append(name)
        self.blocks.append(np.full((1, self.rows), value, dtype=np.float32))

    def block(self, names: Sequence[str], columns: NDArray[Any]) -> None:
        """Several columns, as lines of a matrix (names, rows)."""
        self.names += names
        self.blocks.append(columns.astype("float32"))

    def matrix(self) -> NDArray[np.float32]:
        """(rows, names)."""
        import numpy as np

        return np.ascontiguousarray(np.concatenate(self.blocks).T)


def log(values: NDArray[Any]) -> Floats:
    """The logarithm of one more, negative values taken for 0."""
    import numpy as np

    result: Floats = np.log1p(np.maximum(values, 0))
    return result


def rate(part: Floats, whole: Floats) -> Floats:
    """A part of a whole; wholes below 1 count as 1."""
    import numpy as np

    result: Floats = part / np.maximum(whole, 1.0)
    return result


def share_before(values: Floats) -> Floats:
    """For each place the share of the total that stands before it."""
    import numpy as np

    total = np.cumsum(values)
    result: Floats = (total - values) / max(1.0, float(total[-1]) if len(total) else 0.0)
    return result


def shifted(lines: NDArray[Any], step: int, outside: float) -> NDArray[Any]:
    """The values `step` places further on, in each line."""
    import numpy as np

    result = np.full_like(lines, outside)
    n = lines.shape[1]
    if abs(step) < n:
        if step > 0:
            result[:, : n - step] = lines[:, step:]
        else:
            result[:, -step:] = lines[:, : n + step]
    return result


def window(values: Floats, weights: Floats, width: int) -> Floats:
    """The weighted mean over a place and `width` ones on each side."""
    import numpy as np

    n = len(values)
    place = np.arange(n)
    low, high = np.maximum(place - width, 0), np.minimum(place + width + 1, n)
    top = np.concatenate(([0.0], np.cumsum(values * weights)))
    bottom = np.concatenate(([0.0], np.cumsum(weights)))
    result: Floats = (top[high] - top[low]) / np.maximum(bottom[high] - bottom[low], 1e-9)
    return result
