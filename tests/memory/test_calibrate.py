"""Fitting the weights of retrieval to questions whose answers are known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ragkit.errors import InvalidValueError
from ragkit.memory import Memory, MemoryConfig
from ragkit.memory.calibrate import Example, answered, fit
from ragkit.memory.weights import NAMES, Weights

MONDAY = datetime(2023, 5, 8, tzinfo=UTC)


def example(rows, gold):
    """A question whose units have this evidence, by name; the unit `gold` answers."""
    evidence = np.array([[row.get(name, 0.0) for name in NAMES] for row in rows])
    return Example(evidence, np.ones(len(rows)), np.arange(len(rows)) == gold)


def test_evidence_that_tells_answers_apart_gains_weight():
    told = [example([{"lexical": 1.0}, {"lexical": 0.8, "time": 1.0}], 1)] * 20
    told += [example([{"lexical": 1.0}, {"lexical": 0.2}], 0)] * 20
    start = Weights(lexical=1.0)
    assert answered(told, start, cut=1) == 0.5
    fitted = fit(told, start)
    assert fitted.lexical == 1.0 and fitted.time > 0.2
    assert answered(told, fitted, cut=1) == 1.0


def test_evidence_that_speaks_against_answers_gets_a_negative_weight():
    told = [example([{"lexical": 1.0, "asks": 1.0}, {"lexical": 0.9}], 1)] * 20
    assert fit(told, Weights(lexical=1.0)).asks < 0


def test_what_the_examples_do_not_tell_stays():
    told = [example([{"lexical": 1.0}, {"lexical": 0.2}], 0)] * 5
    fitted = fit(told, Weights(lexical=1.0, person=0.7, phrase=0.3))
    assert (fitted.person / fitted.lexical, fitted.phrase / fitted.lexical) == pytest.approx((0.7, 0.3), abs=0.01)


def test_fixed_weights_stay():
    told = [example([{"lexical": 1.0}, {"lexical": 0.8, "time": 1.0}], 1)] * 20
    assert fit(told, Weights(lexical=1.0), fixed=("time",)).time == 0.0


def test_fitting_is_deterministic():
    generator = np.random.default_rng(0)
    told = [
        Example(generator.random((30, len(NAMES))), np.ones(30), np.arange(30) == place % 30) for place in range(20)
    ]
    assert fit(told, Weights()) == fit(told, Weights())


@pytest.fixture
def memory():
    with Memory(":memory:", scope="s", embedder=None, worker=False) as made:
        for place in range(12):
            made.add(f"red boat {place}", speaker="Ann" if place % 2 else "Bob", time=MONDAY + timedelta(days=place),
                     session=str(place), id=f"m{place}")  # fmt: skip
        yield made


def test_a_memory_is_calibrated_by_message_ids_and_uses_the_weights_when_opened_with_them(memory):
    asked = [(f"What did Ann say of red boat {place}?", [f"m{place}"]) for place in (1, 3, 5, 7)]
    found = memory.calibrate([*asked, ("Who?", ["nobody"])], at=MONDAY)
    assert (found.questions, found.skipped) == (4, 1)
    assert 0 <= found.before <= 1 and found.after >= found.before
    assert MemoryConfig(weights=found.weights).weights == found.weights


def test_calibrating_without_a_single_answer_is_an_error(memory):
    with pytest.raises(InvalidValueError, match="none of the 1 questions"):
        memory.calibrate([("Who?", ["nobody"])])
    with Memory(":memory:", scope="t", embedder=None, worker=False) as empty:
        with pytest.raises(InvalidValueError, match="is empty"):
            empty.calibrate([("Who?", ["m1"])])
