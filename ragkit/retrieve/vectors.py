"""Vectors of passages and sentences that come by again and again, remembered up to a bound."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.components import Embedder, Vectors

REMEMBERED = 20_000  # 30 MB with 384 numbers each


class RememberedVectors:
    """An embedder's vectors of texts; the latest `most` are kept."""

    def __init__(self, embedder: Embedder, most: int = REMEMBERED) -> None:
        self.embedder, self.most = embedder, most
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text, float32 (n, d). Raises `ModelError` as the embedder does."""
        import numpy as np

        distinct = list(dict.fromkeys(texts))
        with self._lock:
            found = {text: self._kept[text] for text in distinct if text in self._kept}
        new = [text for text in distinct if text not in found]
        if new:
            found.update(zip(new, (vector.copy() for vector in self.embedder.embed(new)), strict=True))
        with self._lock:
            for text in distinct:
                self._kept[text] = found[text]
                self._kept.move_to_end(text)
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
        return np.array([found[text] for text in texts], dtype=np.float32).reshape(len(texts), self.embedder.dim)
