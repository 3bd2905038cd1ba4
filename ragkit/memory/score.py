"""The views of a question on every unit of a scope, and the one score made of them.

All is arithmetic on the columns of a `UnitTable`: each piece of evidence that `Weights` names is an array between 0 and
1 with a number for each unit; the score is their weighted sum, times the weight of the unit's tier.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragkit.memory.analysis import Question
from ragkit.memory.config import MemoryConfig
from ragkit.memory.lexical import Lexical
from ragkit.memory.periods import DAY_US, MINUTE_US
from ragkit.memory.table import UnitTable
from ragkit.memory.types import TIERS
from ragkit.memory.weights import NAMES, Weights
from ragkit.memory.words import fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

BEST_OF_STRETCH = 3  # the units whose mean says how well a stretch of conversation fits
SHORT, LONG = 20, 4_000  # characters: a greeting, and where length counts in full
DIGITS = 9  # scores are rounded, so that equal evidence ties on every machine


def scaled(values: Numbers, candidates: int) -> Numbers:
    """Values brought to 0..1: the greatest is 1, the last of the best `candidates` and all below are 0.

    NaN, which stands for a unit without vector, is 0. Equal values are all 1.
    """
    import numpy as np

    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(values))
    high = float(known.max())
    low = float(np.partition(known, -candidates)[-candidates]) if candidates < len(known) else float(known.min())
    if high - low < 1e-9:
        return np.where(np.isnan(values) | (values < low), 0.0, 1.0)
    return np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0.0, 1.0)


def moved(values: Numbers, rows: NDArray[np.int64]) -> Numbers:
    """The value of another unit for each: that in row `rows[i]`, 0 where it is -1."""
    import numpy as np

    return np.where(rows >= 0, values[rows], 0.0)


def of_stretch(values: Numbers, table: UnitTable) -> Numbers:
    """For each unit the mean of the best three of its stretch of conversation, fewer counting as zeros.

    A fact or abstract has that of the best stretch it rests on.
    """
    import numpy as np

    found = np.zeros(len(table))
    turns = np.flatnonzero(table.stretch >= 0)
    if len(turns):
        order = turns[np.lexsort((-values[turns], table.stretch[turns]))]
        numbers = table.stretch[order]
        first = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
        rank = np.arange(len(order)) - np.repeat(first, np.diff(np.r_[first, len(order)]))
        best = order[rank < BEST_OF_STRETCH]
        sums = np.bincount(table.stretch[best], weights=values[best], minlength=int(table.stretch.max()) + 1)
        found[turns] = sums[table.stretch[turns]] / BEST_OF_STRETCH
    if len(table.members):
        np.maximum.at(found, table.members[:, 0], found[table.members[:, 1]])
    return found


def evidence(
    table: UnitTable,
    question: Question,
    lexical: Lexical,
    cosines: Numbers | None,
    about: Numbers,
    phrased: Numbers,
    *,
    candidates: int,
) -> dict[str, Numbers]:
    """Every piece of evidence by its name in `Weights`, an array with a number for each unit.

    `cosines` are those of the units' vectors to the question, NaN for units without one, None without an embedder;
    `about` says which units are by or about the one person named, `phrased` which hold a quoted phrase.
    """
    import numpy as np

    dated = table.dated.astype(np.float64)
    asks = table.asks.astype(np.float64)
    semantic = np.zeros(len(table)) if cosines is None else scaled(cosines, candidates)
    found = {
        "lexical": lexical.score,
        "covered": lexical.covered,
        "person": about,
        "time": overlapping(table, question),
        "phrase": phrased,
        "dated": dated,
        "when": dated * (question.answer_type == "when"),
        "asks": asks,
        "asked": moved(asks, table.before),
        "long": np.minimum(1.0, np.log1p(table.length / SHORT) / np.log1p(LONG / SHORT)),
        "follows": moved(lexical.score, table.after),
        "around": of_stretch(lexical.score, table),
        "semantic": semantic,
        "before": moved(semantic, table.before),
        "after": moved(semantic, table.after),
        "theme": of_stretch(semantic, table),
    }
    assert tuple(found) == NAMES
    return found


def overlapping(table: UnitTable, question: Question) -> Numbers:
    """1 for units whose event, or day, overlaps the time asked for; 0 for all when the question names none."""
    import numpy as np

    asked = question.interval
    if asked is None:
        return np.zeros(len(table))
    day = (table.said + table.offset * MINUTE_US) // DAY_US * DAY_US - table.offset * MINUTE_US
    told = (table.start < asked.end_us) & (table.end > asked.start_us)
    said = (day < asked.end_us) & (day + DAY_US > asked.start_us)
    return (told | said).astype(np.float64)


def tier_weights(table: UnitTable, config: MemoryConfig) -> Numbers:
    """The weight of each unit's tier."""
    import numpy as np

    by_tier = {"phatic": config.w_phatic, "archived": config.w_archived, "superseded": config.w_superseded}
    weights: Numbers = np.array([by_tier.get(tier, 1.0) for tier in TIERS], dtype=np.float64)[table.tier]
    return weights


def fused(parts: Mapping[str, Numbers], weights: Weights, tier: Numbers) -> Numbers:
    """The score of each unit: the weighted sum of its evidence, times the weight of its tier, rounded."""
    import numpy as np

    total = np.zeros(len(tier))
    for name, weight in weights.items():
        if weight:
            total += weight * parts[name]
    # Evidence against a unit may outweigh the rest; a tier must not make that better.
    total *= np.where(total > 0, tier, 1.0)
    return np.round(total, DIGITS)


def spoken(question: str, names: Sequence[str]) -> str:
    """A question in the words of the one it asks about: "When did Ann sell Ann's car?" -> "When did I sell my car?".

    People speak of themselves as I, so the model finds their turns by that rather than by their name. `names` are
    folded; without any the question stays as it is.
    """
    for name in sorted(names, key=len, reverse=True):
        pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, name.split())) + r"(?:(?P<has>['’]s)|(?!\w))"
        question = re.sub(pattern, lambda match: "my" if match["has"] else "I", question, flags=re.I)
    return question


def named_once(table: UnitTable, question: Question) -> tuple[frozenset[int], tuple[str, ...]]:
    """The speaker a question names if it names exactly one (their number, once per spelling), and the names for it."""
    found = {name: table.speaker_named(name) for name in question.persons}
    speakers = {name: codes for name, codes in found.items() if codes}
    codes = frozenset(code for some in speakers.values() for code in some)
    people = {fold(table.speakers[code]) for code in codes}
    return (codes, tuple(speakers)) if len(people) == 1 else (frozenset(), ())
