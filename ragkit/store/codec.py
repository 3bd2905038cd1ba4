"""How texts, vectors and metadata are written in a store, and read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError, StoreCorruptError

if TYPE_CHECKING:
    from ragkit.components import Vectors


def text_hash(text: str) -> bytes:
    """The 16 bytes a text is known by."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def pack(vectors: Vectors) -> list[bytes]:
    """Vectors as they are stored: float16, little endian; the rounding moves a cosine by less than 1e-3."""
    return [row.tobytes() for row in vectors.astype("<f2")]


def metadata_of(stored: Any) -> dict[str, Any]:
    """Metadata as they were stored. Raises `StoreCorruptError` when they are no longer what `json_of` wrote."""
    try:
        metadata = json.loads(stored)
    except (TypeError, ValueError) as error:
        raise StoreCorruptError(f"the store is damaged: metadata that are no JSON ({error}); restore a copy") from error
    if not isinstance(metadata, dict):
        raise StoreCorruptError("the store is damaged: metadata that are no JSON object; restore a copy")
    return metadata


def json_of(metadata: Mapping[str, Any]) -> str:
    """Metadata as stored. Raises `InvalidValueError` when they are no JSON values."""
    try:
        return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(f"metadata must be JSON values (text, numbers, lists, …): {error}") from error
