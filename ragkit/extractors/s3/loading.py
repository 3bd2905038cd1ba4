"""A backend by name: the packaged encoder, or a folder of an encoder or a causal language model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.errors import InvalidValueError, ModelError

if TYPE_CHECKING:
    from ragkit.extractors.s3.backend import Backend


def load_backend(model: str = "minilm", *, layers: tuple[int, ...] = (), threads: int = 0) -> Backend:
    """The backend of `minilm` or a folder; which kind a folder holds stands in its `config.json`.

    `layers` are those to read, for an encoder one at most, counted from 1 there and from 0 in a language model. Raises
    `ModelError` when there is no such folder, and for a GGUF file, which `convert_gguf` makes a folder of.
    """
    folder = Path(model)
    if model != "minilm" and is_causal(folder):
        from ragkit.extractors.s3.causal import CausalBackend

        return CausalBackend(folder, layers=layers, threads=threads)
    from ragkit.extractors.s3.encoder import EncoderBackend

    if len(layers) > 1:
        raise InvalidValueError(f"of an encoder one layer is read, not {len(layers)}; give one number")
    return EncoderBackend(model, layer=layers[0] if layers else "last", threads=threads)


def is_causal(folder: Path) -> bool:
    """Whether a folder holds a causal language model. Raises `ModelError` when it holds no model."""
    if folder.is_file():
        raise ModelError(f"{folder} is a file; make a folder of a GGUF file with ragkit.extractors.s3.convert_gguf")
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} is no folder of a model: its config.json cannot be read ({error})") from error
    return any(str(name).endswith("ForCausalLM") for name in settings.get("architectures") or [])
