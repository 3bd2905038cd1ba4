"""Means over questions, how sure they are, and whether two configurations differ.

Intervals are percentile bootstraps over questions, stratified by group. All scores and configurations share the same
draws, so an interval is reproducible and differences are paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import InvalidValueError
from ragkit.evaluate.line import Floats

DRAWS = 10_000
_BLOCK = 1000
_LEVEL = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Summary:
    """A score over all questions: mean, population deviation, 95 % interval; `macro` is the mean of group means.

    `single` is True when there is one question only, so that the interval says nothing.
    """

    mean: float
    std: float
    low: float
    high: float
    macro: float
    macro_low: float
    macro_high: float
    single: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """The paired difference `a - b` of a score: its mean, 95 % interval, and permutation p (`holm`: corrected).

    `only_a`, `only_b` name the questions that only one side has; they are left out.
    """

    a: str
    b: str
    metric: str
    questions: int
    difference: float
    low: float
    high: float
    p: float
    holm: float
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()


def summarise(
    columns: Mapping[str, Floats], ids: Sequence[str], groups: Sequence[str], *, seed: int = 0, draws: int = DRAWS
) -> dict[str, Summary]:
    """The summary of each score; `groups` has that of each question. Raises `InvalidValueError` without questions."""
    if not ids:
        raise InvalidValueError("there are no scored questions to summarise")
    names = list(columns)
    order = sorted(range(len(ids)), key=lambda at: ids[at])
    values = np.column_stack([columns[name] for name in names])[order]
    parts = _parts([groups[at] for at in order])
    micro, macro = _bootstrap(values, parts, seed, draws)
    means = values.mean(axis=0)
    group_means = np.mean([values[part].mean(axis=0) for part in parts], axis=0)
    deviations = np.where(np.ptp(values, axis=0) > 0, values.std(axis=0), 0.0)
    return {
        name: Summary(
            float(means[at]),
            float(deviations[at]),
            float(micro[0, at]),
            float(micro[1, at]),
            float(group_means[at]),
            float(macro[0, at]),
            float(macro[1, at]),
            single=len(ids) == 1,
        )
        for at, name in enumerate(names)
    }


def _parts(groups: Sequence[str]) -> list[NDArray[np.intp]]:
    named = np.array(groups, dtype=object)
    return [np.flatnonzero(named == name) for name in sorted(set(groups))]


def _bootstrap(values: Floats, parts: Sequence[NDArray[np.intp]], seed: int, draws: int) -> tuple[Floats, Floats]:
    """The 2.5 and 97.5 % quantiles of the means, and of the means of group means, of each column."""
    shift = values[0]  # differences to one row, so that a constant column stays exactly constant
    moved = values - shift
    micro, macro = [], []
    for weights in _weights(parts, seed, draws):
        sums = [weight @ moved[part] for weight, part in zip(weights, parts, strict=True)]
        micro.append(sum(sums) / len(values))
        macro.append(sum(total / len(part) for total, part in zip(sums, parts, strict=True)) / len(parts))
    quantiles = [np.quantile(np.concatenate(means), _LEVEL, axis=0) + shift for means in (micro, macro)]
    return quantiles[0], quantiles[1]


def _weights(parts: Sequence[NDArray[np.intp]], seed: int, draws: int) -> Iterator[list[Floats]]:
    """For each block of draws and each group, how often each of its questions is drawn."""
    rng = np.random.Generator(np.random.PCG64(seed))
    for begin in range(0, draws, _BLOCK):
        rows = min(_BLOCK, draws - begin)
        block = []
        for part in parts:
            size = len(part)
            drawn = rng.integers(0, size, (rows, size)) + np.arange(rows)[:, None] * size
            block.append(np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size).astype(np.float64))
        yield block


def paired(
    a: tuple[str, Sequence[str], Floats],
    b: tuple[str, Sequence[str], Floats],
    groups: Mapping[str, str],
    metric: str,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> Comparison:
    """Compare (name, question ids, values) of two configurations on the questions both have.

    p is that of a two-sided sign-flip permutation test. Raises `InvalidValueError` when they share no question.
    """
    of_a, of_b = dict(zip(a[1], a[2], strict=True)), dict(zip(b[1], b[2], strict=True))
    common = sorted(of_a.keys() & of_b.keys())
    if not common:
        raise InvalidValueError(f"{a[0]!r} and {b[0]!r} have no question in common, so they cannot be compared")
    differences = np.array([of_a[id] - of_b[id] for id in common])
    summary = summarise({"d": differences}, common, [groups.get(id, "") for id in common], seed=seed, draws=draws)["d"]
    p = _sign_flip(differences, seed, draws)
    only_a, only_b = tuple(sorted(of_a.keys() - of_b.keys())), tuple(sorted(of_b.keys() - of_a.keys()))
    return Comparison(a[0], b[0], metric, len(common), summary.mean, summary.low, summary.high, p, p, only_a, only_b)


def _sign_flip(differences: Floats, seed: int, draws: int) -> float:
    rng = np.random.Generator(np.random.PCG64(seed))
    observed = abs(float(differences.mean()))
    least = observed - 1e-12 * max(1.0, observed)  # sums in another order differ in the last digits
    reached = 0
    for begin in range(0, draws, _BLOCK):
        rows = min(_BLOCK, draws - begin)
        signs = rng.integers(0, 2, (rows, len(differences))) * 2.0 - 1.0
        reached += int((np.abs(signs @ differences / len(differences)) >= least).sum())
    return (1 + reached) / (1 + draws)


def holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with `holm` corrected for being one family (Holm, 1979)."""
    from dataclasses import replace

    order = sorted(range(len(comparisons)), key=lambda at: (comparisons[at].p, at))
    corrected = [0.0] * len(comparisons)
    largest = 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * comparisons[at].p))
        corrected[at] = largest
    return [replace(one, holm=value) for one, value in zip(comparisons, corrected, strict=True)]
