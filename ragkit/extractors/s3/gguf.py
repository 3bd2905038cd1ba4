"""A GGUF file as a folder that transformers loads in seconds: safetensors, configuration, tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ragkit.errors import ModelError, require


def convert_gguf(source: Path | str, folder: Path | str, *, dtype: str = "bfloat16") -> Path:
    """Write the model of a GGUF file into a folder, its numbers as `dtype`; the folder is returned.

    It takes the memory of the whole model in float32 and about half a minute for half a billion weights. Tensors that
    are tied to another are left out, as they are made anew on loading. Raises `ModelError` when transformers cannot
    read the file, `MissingExtraError` without the packages `gguf` and `accelerate`.
    """
    source, folder = Path(source), Path(folder)
    if not source.is_file():
        raise ModelError(f"{source} is no file; name a GGUF file")
    for package in ("gguf", "accelerate"):
        require(package, extra="s3", purpose="reading GGUF files")
    from ragkit.models.quiet import quiet

    with quiet():
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        try:
            place: dict[str, Any] = {"gguf_file": source.name, "local_files_only": True}
            tokenizer = AutoTokenizer.from_pretrained(source.parent, **place)
            model = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.float32, **place)
        except Exception as error:  # whatever transformers raises for a file it does not know
            raise ModelError(f"{source} could not be read by transformers: {error}") from error
        folder.mkdir(parents=True, exist_ok=True)
        kind = getattr(torch, dtype)
        _write_weights(model, folder, kind)
        _write_config(model, folder, dtype)
        tokenizer.save_pretrained(folder)
    return folder


def _write_weights(model: Any, folder: Path, kind: Any) -> None:
    from safetensors.torch import save_file

    tensors: dict[str, Any] = {}
    seen: set[int] = set()
    for name, value in model.state_dict().items():
        if value.data_ptr() in seen:
            continue  # tied
        seen.add(value.data_ptr())
        tensors[name] = value.detach().to(kind).contiguous()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _write_config(model: Any, folder: Path, dtype: str) -> None:
    settings = model.config.to_dict()
    settings["architectures"] = [type(model).__name__]
    settings.pop("quantization_config", None)
    settings["dtype"] = dtype
    (folder / "config.json").write_text(json.dumps(settings, indent=2, default=str), encoding="utf-8")
