"""Fitting the weights of retrieval to questions whose answers are known.

For each question the units compete: a unit's chance is the softmax of its score, and the weights are those under
which the units that answer are likeliest (multinomial logit). What little data cannot tell stays as it was: only the
departure from the old weights is penalised, and their common scale hardly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.errors import InvalidValueError
from ragkit.memory import recall, score
from ragkit.memory.store import rows_in
from ragkit.memory.weights import NAMES, SEMANTIC, Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

PENALTY = 3.0  # of a departure by one spread of the evidence, in questions' worth of likelihood
FACTOR = 5.0  # what scores are multiplied by to become odds, before it is fitted too
NEGLIGIBLE = 0.1
STEPS = 300
CUT = 10


@dataclass(frozen=True, slots=True)
class Example:
    """A question as numbers: the evidence (units, names), the tiers' weights, and which units answer it."""

    evidence: Numbers
    tier: Numbers
    gold: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Calibration:
    """The weights fitted, and the share of questions answered among the first ten before and after.

    As that is measured on the questions fitted to, the gain is a little flattering; `skipped` ones had no gold unit.
    """

    weights: Weights
    questions: int
    skipped: int
    before: float
    after: float


def calibrate(request: recall.Request, questions: Sequence[tuple[str, Sequence[str]]]) -> Calibration:
    """Fit the weights to questions, each with the ids of the messages (or units) that answer it.

    Raises `InvalidValueError` when none of the questions has an answer in the scope.
    """
    made = [example(request, question, ids) for question, ids in questions]
    examples = [one for one in made if one is not None]
    if not examples:
        raise InvalidValueError(
            f"none of the {len(questions)} questions has an answer in this memory; give the ids of stored messages"
        )
    asked = recall.ask(request, [questions[0][0]])[0]
    start = asked.weights
    weights = fit(
        examples,
        start,
        fixed=() if any(one.evidence[:, NAMES.index("semantic")].any() for one in examples) else SEMANTIC,
    )
    return Calibration(
        weights, len(examples), len(made) - len(examples), answered(examples, start), answered(examples, weights)
    )


def example(request: recall.Request, question: str, ids: Sequence[str]) -> Example | None:
    """A question as numbers; None when none of the ids is one of a unit that can be found."""
    import numpy as np

    asked = recall.ask(request, [question])[0]
    sql = (
        "SELECT u.id FROM memory_unit u JOIN memory_unit_source s ON s.unit_id = u.id JOIN memory_message m "
        "ON m.id = s.message_id WHERE u.scope_id = ? AND (m.uid IN ? )"
    )
    with request.store.read() as connection:
        found = [row[0] for row in rows_in(connection, sql, list(ids), [request.scope_id])]
        sql = "SELECT id FROM memory_unit WHERE scope_id = ? AND uid IN ?"
        found += [row[0] for row in rows_in(connection, sql, list(ids), [request.scope_id])]
    rows, known = asked.table.rows_of(found)
    gold = np.zeros(len(asked.table), dtype=bool)
    gold[rows[known]] = True
    gold &= asked.eligible
    if not gold.any():
        return None
    evidence = np.stack([asked.parts[name] for name in NAMES], axis=1)
    tier = score.tier_weights(asked.table, request.config)
    return Example(evidence[asked.eligible], tier[asked.eligible], gold[asked.eligible])


def fit(examples: Sequence[Example], start: Weights, *, fixed: Sequence[str] = (), penalty: float = PENALTY) -> Weights:
    """The weights under which what answers is likeliest, `start` where the examples do not tell; `fixed` ones stay.

    All are scaled so that `lexical` is what it was, if it still counts.
    """
    import numpy as np
    from scipy.optimize import minimize

    old = np.array([value for _, value in start.items()])
    spread = np.concatenate([one.evidence for one in examples]).std(axis=0)
    free = (spread > 0) & ~np.isin(NAMES, list(fixed))

    def objective(point: Numbers) -> tuple[float, Numbers]:
        # The first number is the logarithm of what the scores are multiplied by to become odds.
        factor, change = float(np.exp(point[0])), np.where(free, point[1:], 0.0)
        weights = factor * (old + change)
        away = FACTOR * spread * change
        loss = penalty * float(away @ away) + (point[0] - np.log(FACTOR)) ** 2
        slope = np.zeros(len(NAMES))
        for one in examples:
            part, toward = _likelihood(one, weights)
            loss, slope = loss - part, slope - toward
        by_change = np.where(free, factor * slope + 2 * penalty * FACTOR * spread * away, 0.0)
        return loss, np.r_[slope @ weights + 2 * (point[0] - np.log(FACTOR)), by_change]

    began = np.r_[np.log(FACTOR), np.zeros(len(NAMES))]
    found = minimize(objective, began, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
    fitted = old + np.where(free, found[1:], 0.0)
    lexical = fitted[NAMES.index("lexical")]
    scale = start.lexical / lexical if lexical > NEGLIGIBLE * start.lexical > 0 else 1.0
    fitted *= np.where(np.isin(NAMES, list(fixed)), 1.0, scale)
    return Weights(**{name: round(float(value), 3) for name, value in zip(NAMES, fitted, strict=True)})


def _likelihood(one: Example, weights: Numbers) -> tuple[float, Numbers]:
    """The log-likelihood of the units that answer, each a fair share of it, and its slope."""
    import numpy as np

    raw = one.evidence @ weights
    weigh = np.where(raw > 0, one.tier, 1.0)
    scores = raw * weigh
    scores -= scores.max()
    chances = np.exp(scores)
    total = float(chances.sum())
    share = one.gold / one.gold.sum()
    slope = one.evidence.T @ ((share - chances / total) * weigh)
    return float(share @ scores - np.log(total)), slope


def answered(examples: Sequence[Example], weights: Weights, cut: int = CUT) -> float:
    """The share of questions with a unit that answers among the best `cut`."""
    import numpy as np

    numbers = np.array([value for _, value in weights.items()])
    found = 0
    for one in examples:
        raw = one.evidence @ numbers
        scores = np.where(raw > 0, raw * one.tier, raw)
        found += bool(one.gold[np.argsort(-scores, kind="stable")[:cut]].any())
    return found / len(examples)
