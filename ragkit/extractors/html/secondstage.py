"""What the second stage reads beside the features of the first: what the first said, here and around."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ragkit.extractors.html.columns import Table, log, share_before, shifted, window
from ragkit.extractors.html.features import AROUND, WINDOWS, First, blank, first_features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.signals import Bools, Floats

ASIDE = (1, 2, 3, 4, 5, 6)  # neighbours whose first answer is read
SURE = 0.5  # the first answer from which a segment is in the region


def second_features(first: First, probability: Floats) -> NDArray[np.float32]:
    """The features of the second stage, given the first stage's probabilities: (segments, `second_names`)."""
    import numpy as np

    table = Table(first.signals.n)
    _told(table, first, probability)
    return np.concatenate((first.matrix, table.matrix()), axis=1)


@cache
def second_names() -> tuple[str, ...]:
    """The names of the second stage's features."""
    import numpy as np

    first, table = first_features(blank()), Table(0)
    _told(table, first, np.zeros(0))
    return (*first.table.names, *table.names)


def _told(table: Table, first: First, probability: Floats) -> None:
    """What the first stage said of a segment, its neighbours, its containers, its likes, the page."""
    import numpy as np

    s = first.signals
    weight = s.words + 1.0
    table.add("p", probability)
    lines = probability[None, :]
    for step in ASIDE:
        table.add(f"p-{step}", shifted(lines, -step, 0.0)[0])
        table.add(f"p+{step}", shifted(lines, step, 0.0)[0])
    for width in WINDOWS:
        table.add(f"p~{width}", window(probability, weight, width))
    mass, total = s.below(probability * weight), s.below(weight)
    mean = mass / np.maximum(total, 1e-9)
    for level in AROUND:
        table.add(f"p@{level}", mean[first.containers[level]])
    all_mass = float((probability * weight).sum())
    table.add("p@0:of_page", mass[first.containers[0]] / max(1e-9, all_mass))
    table.add("p@2:of_page", mass[first.containers[2]] / max(1e-9, all_mass))
    group = s.template[s.node] if s.n else np.zeros(0, np.int64)
    size = int(group.max(initial=-1)) + 1
    like = np.bincount(group, probability * weight, size) / np.maximum(np.bincount(group, weight, size), 1e-9)
    table.add("p:likes", like[group])
    before = share_before(probability * weight)
    table.add("p:before", before)
    table.page("p:mean", all_mass / max(1e-9, float(weight.sum())))
    table.page("p:words", float(np.log1p((probability * s.words).sum())))
    table.page("p:max", float(probability[s.words >= 10].max(initial=0.0)))
    order = np.argsort(np.argsort(-probability, kind="stable"), kind="stable")
    table.add("p:rank", order / max(1, s.n))
    sure = np.flatnonzero(probability > SURE)
    start, end = (int(sure[0]), int(sure[-1])) if len(sure) else (0, s.n)
    place = np.arange(s.n)
    table.add("p:in", np.clip((place - start) / max(1, end - start), -1.0, 2.0))
    table.add("p:from", np.sign(place - start) * log(np.abs(place - start)))
    table.add("p:to", np.sign(end - place) * log(np.abs(end - place)))
    high = log(_run(probability > SURE, s.words))
    table.add("p:run", high)


def _run(chosen: Bools, words: Floats) -> Floats:
    """For each place the words of the run of equal decisions it is in."""
    import numpy as np

    if not len(chosen):
        return words
    number = np.concatenate(([0], np.cumsum(chosen[1:] != chosen[:-1])))
    return np.bincount(number, words)[number].astype(np.float64)
