"""The rows of one index in memory, kept up to date without reading all of them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragkit.components import Rows, Shelf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.components import Ints


class RowTable:
    """All live rows of an index; `refresh` reads only what was added since, and drops what was removed."""

    def __init__(self) -> None:
        none = np.zeros(0, dtype=np.int64)
        self.rows = Rows(none, none, np.zeros(1, np.int64), none, np.zeros(1, np.int64))
        self.generation, self.revision = -1, 0

    def refresh(self, shelf: Shelf) -> bool:
        """Read what changed; True when anything did."""
        generation = shelf.generation
        if generation == self.generation:
            return False
        self.generation = generation
        revision = getattr(shelf, "revision", 0)
        if revision != self.revision:  # rows were replaced where they stood
            self.rows, self.revision = shelf.rows(), revision
            return True
        live = shelf.live()
        kept = np.isin(self.rows.slots, live, assume_unique=True)
        new = live[~np.isin(live, self.rows.slots, assume_unique=True)]
        if kept.all() and not len(new):
            return False
        parts = [_select(self.rows, kept)]
        if len(new):
            parts.append(shelf.rows(new if len(self.rows.slots) else None))
        self.rows = _join(parts)
        return True


def _select(rows: Rows, kept: NDArray[np.bool_]) -> Rows:
    if kept.all():
        return rows
    texts, data = np.diff(rows.text_starts), np.diff(rows.data_starts)
    return Rows(
        rows.slots[kept],
        rows.texts[np.repeat(kept, texts)],
        starts_of(texts[kept]),
        rows.data[np.repeat(kept, data)],
        starts_of(data[kept]),
    )


def _join(parts: Sequence[Rows]) -> Rows:
    parts = [part for part in parts if len(part.slots)] or list(parts[:1])
    if len(parts) == 1:
        return parts[0]
    return Rows(
        np.concatenate([part.slots for part in parts]),
        np.concatenate([part.texts for part in parts]),
        starts_of(np.concatenate([np.diff(part.text_starts) for part in parts])),
        np.concatenate([part.data for part in parts]),
        starts_of(np.concatenate([np.diff(part.data_starts) for part in parts])),
    )


def starts_of(counts: Ints) -> Ints:
    """Where each run begins when runs of these lengths follow each other; one more entry for the end."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
