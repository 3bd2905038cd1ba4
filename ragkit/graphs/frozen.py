"""The arrays of an opened graph as plain named arrays and back, so that a store can keep them for the next opening."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Named = Mapping[str, NDArray[Any]]

CSR = ("data", "indices", "indptr", "shape")


def freeze(value: object, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Every array, sparse matrix and nested object among the attributes of `value`, by dotted name."""
    from scipy.sparse import csr_matrix

    frozen: dict[str, NDArray[Any]] = {}
    for name, part in vars(value).items():
        if isinstance(part, np.ndarray):
            frozen[prefix + name] = part
        elif isinstance(part, csr_matrix):
            frozen |= {f"{prefix}{name}:{field}": np.asarray(getattr(part, field)) for field in CSR}
        elif isinstance(part, tuple):
            frozen[f"{prefix}{name}()"] = np.asarray(part)
        elif part is not None:
            frozen |= freeze(part, f"{prefix}{name}.")
    return frozen


def thaw(value: object, frozen: Named, prefix: str = "") -> None:
    """Give `value`, and the objects among its attributes, the arrays that `freeze` took of an equal one."""
    from scipy.sparse import csr_matrix

    for name, part in list(vars(value).items()):
        full = prefix + name
        if isinstance(part, np.ndarray):
            setattr(value, name, frozen[full])
        elif isinstance(part, csr_matrix):
            data, indices, indptr, shape = (frozen[f"{full}:{field}"] for field in CSR)
            setattr(value, name, csr_matrix((data, indices, indptr), shape=tuple(shape.tolist()), copy=False))
        elif isinstance(part, tuple):
            setattr(value, name, tuple(frozen[f"{full}()"].tolist()))
        elif part is not None:
            thaw(part, frozen, f"{full}.")
