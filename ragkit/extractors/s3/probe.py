"""Whether the autoencoders fit a text, and whether mode `shared` can work with a model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit.extractors.s3.score import rarities

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.s3.backend import Backend
    from ragkit.extractors.s3.sae import Autoencoder

UNFIT_FVU, UNFIT_OVERLAP, REFIT_FVU = 0.5, 0.2, 0.3
SAMPLE = 20_000  # characters
QUESTION = 600  # characters of a piece that is read as if it were a question, for its query vectors


@dataclass(frozen=True, slots=True)
class SpaceHealth:
    """One space on this text: `fvu` what its codes lose of the keys, `unused` the share of features never seen.

    For models with query vectors also `query_fvu`, what the same autoencoder loses of them, `query_features`, how many
    features they use, and `overlap`, the mean share of features that a token's key and its queries have in common.
    `rarity` counts the features by their rarity: below 1, 2, 4, 6 and above.
    """

    space: str
    fvu: float
    unused: float
    rarity: tuple[int, ...]
    query_fvu: float | None = None
    query_features: int | None = None
    overlap: float | None = None

    @property
    def shared_fits(self) -> bool:
        """Whether query vectors can be encoded by this autoencoder."""
        return (
            self.query_fvu is not None
            and self.overlap is not None
            and self.query_fvu <= UNFIT_FVU
            and self.overlap >= UNFIT_OVERLAP
        )


@dataclass(frozen=True, slots=True)
class Health:
    """All spaces, and what follows from them."""

    spaces: tuple[SpaceHealth, ...]

    @property
    def shared_fits(self) -> bool:
        """Whether mode `shared` can work: in every space."""
        return bool(self.spaces) and all(one.shared_fits for one in self.spaces)

    @property
    def advice(self) -> list[str]:
        """What to do, one sentence each; empty when all is well."""
        said = [
            f"the autoencoder of {one.space!r} loses {one.fvu:.0%} of this text's variance; fit it on text like this: "
            "ragkit s3 train"
            for one in self.spaces
            if one.fvu > REFIT_FVU
        ]
        if any(one.query_fvu is not None for one in self.spaces) and not self.shared_fits:
            said.append("mode 'shared' is unfit for this model: its query vectors are not like its keys; use 'keys'")
        return said

    def warn(self) -> None:
        """Give the advice as warnings."""
        for one in self.advice:
            warnings.warn(one, stacklevel=2)


def probe(backend: Backend, autoencoders: Mapping[str, Autoencoder], text: str) -> Health:
    """Read the beginning of a text and measure."""
    import numpy as np

    sample = text[:SAMPLE]
    keys: dict[str, list[NDArray[Any]]] = {space.name: [] for space in backend.spaces()}
    for chunk in backend.scan(sample):
        for name, read in chunk.arrays.items():
            keys[name].append(np.array(read, dtype=np.float32))
    acts = backend.encode_query(sample[:QUESTION])
    found = []
    for space in backend.spaces():
        sae = autoencoders[space.name]
        vectors = np.concatenate(keys[space.name]) if keys[space.name] else np.zeros((0, sae.d), dtype=np.float32)
        codes = sae.encode(vectors)
        df = np.bincount(codes.ids[codes.ids >= 0], minlength=sae.features)
        edges = np.digitize(rarities(df[df > 0], max(1, len(vectors))), [1.0, 2.0, 4.0, 6.0])
        about = SpaceHealth(
            space.name,
            fvu=round(sae.unexplained(vectors), 4),
            unused=round(float((df == 0).mean()), 4),
            rarity=tuple(np.bincount(edges, minlength=5).tolist()),
        )
        if space.name in acts.queries and len(acts.tokens):
            about = _with_queries(about, sae, acts.keys[space.name], acts.queries[space.name])
        found.append(about)
    return Health(tuple(found))


def _with_queries(
    about: SpaceHealth, sae: Autoencoder, keys: NDArray[np.float32], queries: NDArray[np.float32]
) -> SpaceHealth:
    from dataclasses import replace

    import numpy as np

    own = [set(row[row >= 0].tolist()) for row in sae.encode(keys).ids]
    heads = [sae.encode(queries[:, head]).ids for head in range(queries.shape[1])]
    shares, used = [], set()
    for ids in heads:
        for mine, row in zip(own, ids, strict=True):
            theirs = set(row[row >= 0].tolist())
            used |= theirs
            shares.append(len(mine & theirs) / max(1, min(len(mine), len(theirs))))
    flat = queries.reshape(-1, queries.shape[-1])
    return replace(
        about,
        query_fvu=round(sae.unexplained(flat), 4),
        query_features=len(used),
        overlap=round(float(np.mean(shares)), 4) if shares else 0.0,
    )
