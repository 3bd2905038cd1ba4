"""Where autoencoders are: those that come with ragkit, for the packaged encoder, and those in a folder.

The shipped ones were trained on texts in the public domain; `data/README.md` lists them with their licences.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.errors import SAEMismatchError
from ragkit.extractors.s3.sae import Autoencoder, load

if TYPE_CHECKING:
    from ragkit.extractors.s3.backend import Backend

DATA = Path(__file__).parent / "data"


def shipped(backend: Backend) -> dict[str, Autoencoder]:
    """The shipped autoencoders for a backend's spaces. Raises `SAEMismatchError` when there are none for it."""
    return load_folder(DATA, backend)


def load_folder(folder: Path, backend: Backend) -> dict[str, Autoencoder]:
    """The autoencoders of a backend's spaces, one file each. Raises `SAEMismatchError` naming what is missing."""
    found = {}
    for space in backend.spaces():
        path = folder / file_name(space.name)
        if not path.is_file():
            where = "ragkit brings none" if folder == DATA else f"{path} is missing"
            raise SAEMismatchError(
                f"no autoencoder for the space {space.name!r} of {backend.fingerprint()}: {where}; "
                "train one: ragkit s3 train"
            )
        found[space.name] = load(path, fingerprint=backend.fingerprint(), space=space.name)
    return found


def file_name(space: str) -> str:
    """The file of a space's autoencoder.

    >>> file_name("layer 5 head 0")
    'layer-5-head-0.safetensors'
    """
    return re.sub(r"[^\w.]+", "-", space) + ".safetensors"
