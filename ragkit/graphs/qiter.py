"""Query-driven iterative retrieval: a beam of paths entity -> unit -> entity, each with what the question still lacks.

Source: Q-Iter of Clue-RAG (arXiv 2507.08445) from its description. A path's next unit is the one most like the question
minus what the path has said; coverage of the question's words, the pull towards the page of an entity, one beam for
each anchor and their balance are ours. A path may be read by a cross-encoder instead, and somebody may be asked after
each round whether that is enough or what to look for next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from ragkit.graphs.arrays import at_home, gather, rank_in_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ragkit.components import Ints, Vectors
    from ragkit.graphs.arrays import GraphArrays

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

DIGITS = 6  # values are compared rounded, so that the order of a sum cannot flip a tie
PROGRESS = 0.01  # what the best path has to gain for a round to count as progress
NEAR = 2  # units of a path that cost nothing: most questions need no more
LAST = np.iinfo(np.int64).max
NOWHERE = -1  # the entity of a unit that was jumped to
Verdict = Literal["go on", "enough", "turned"]  # turned: the question is another from now on


@dataclass(frozen=True, slots=True)
class Rules:
    """The parameters of a walk; see `clue.Clue`."""

    expand: int
    beam: int
    rounds: int
    residual: float
    coverage: float
    home_pick: float
    home_path: float
    hub_max: int
    jump: int = 0
    patience: int = 0
    beam_per_anchor: bool = True
    far: float = 0.0  # what each unit after the second takes off a path's score


class Asked(Protocol):
    """What a walk needs to know of the question; units are places."""

    @property
    def weights(self) -> Floats:
        """What each of the question's words counts; they sum to 1, or there are none."""
        ...

    def similarity(self, units: Ints) -> Floats:
        """Their cosines with the question."""
        ...

    def holds(self, units: Ints) -> Bools:
        """(units, words): which of the question's words they hold."""
        ...

    def vectors(self, units: Ints) -> Vectors:
        """Their vectors."""
        ...

    def nearest(self, count: int) -> Ints:
        """The units most like the question, best first."""
        ...

    def read(self, paths: Ints) -> Floats | None:
        """What a cross-encoder makes of paths, (paths, units) in the order walked; None when there is none."""
        ...

    def judged(self, one: Round) -> Verdict:
        """Whether to go on after a round, which is not the last; `similarity` may change when it turned."""
        ...


@dataclass(slots=True)
class Round:
    """The paths one round kept, best first within an origin. `units` are in the order walked (n x round).

    `parent` is each path's place in the round before, `entity` the one its last unit was reached by, `rho` what that
    unit added to what the question still lacked; `score` = (1 - w) * `cosine` + w * `covered`, or what was `read` by a
    cross-encoder, + home_path * share of units at home - far * units after the second.
    """

    origin: Ints
    units: Ints
    parent: Ints
    entity: Ints
    rho: Floats
    score: Floats
    cosine: Floats
    covered: Floats
    homes: Ints
    candidates: int
    read: Floats | None = None


@dataclass(slots=True)
class Walk:
    """All rounds, which anchor each origin starts from (NOWHERE for one beam of all anchors), and why it stopped."""

    origins: Ints
    rounds: list[Round] = field(default_factory=list)
    stopped: str = "no anchors"

    def best_of_origin(self) -> Floats:
        """The best score recorded for each origin, -inf without any."""
        best = np.full(len(self.origins), -np.inf)
        for one in self.rounds:
            np.maximum.at(best, one.origin, one.score)
        return best


@dataclass(slots=True)
class _Beam:
    """Paths that may be continued: sums of what their units have."""

    origin: Ints
    units: Ints
    total: Floats  # sums of unit vectors, (n, d)
    square: Floats  # their squared lengths
    similar: Floats  # their products with the question's vector
    held: Bools  # (n, words)
    homes: Ints


def walk(arrays: GraphArrays, anchors: Ints, asked: Asked, rules: Rules, dim: int) -> Walk:
    """Walk from the anchors (places of entities, ascending)."""
    count = len(anchors) if rules.beam_per_anchor else 1
    walked = Walk(anchors if rules.beam_per_anchor else np.array([NOWHERE]))
    if not len(anchors):
        return walked
    uses = np.diff(arrays.entity_sentences.indptr)
    beam = _empty(count, dim, len(asked.weights))
    exits = (np.arange(count) if rules.beam_per_anchor else np.zeros(len(anchors), np.int64), anchors)
    best, idle = -np.inf, 0
    walked.stopped = "all rounds walked"
    for number in range(rules.rounds):
        found = _round(arrays, beam, exits, asked, rules, jumps=rules.jump if number else 0)
        if found is None:
            walked.stopped = "nothing more to walk to"
            break
        beam, one = found
        walked.rounds.append(one)
        reached = float(one.score.max())
        idle = 0 if reached >= best + PROGRESS else idle + 1
        best = max(best, reached)
        if rules.patience and idle >= rules.patience:
            walked.stopped = "no better path found"
            break
        verdict = asked.judged(one) if number + 1 < rules.rounds else "go on"
        if verdict == "enough":
            walked.stopped = "the controller had enough"
            break
        if verdict == "turned":
            similar = asked.similarity(beam.units.ravel()).reshape(beam.units.shape)
            beam.similar = np.round(similar.sum(axis=1), DIGITS)
            best, idle = -np.inf, 0  # scores are of another question now
        owner, entities = gather(arrays.sentence_entities, beam.units[:, -1])
        few = uses[entities] <= rules.hub_max
        exits = (owner[few], entities[few])
    return walked


def _empty(count: int, dim: int, words: int) -> _Beam:
    return _Beam(
        np.arange(count),
        np.zeros((count, 0), dtype=np.int64),
        np.zeros((count, dim)),
        np.zeros(count),
        np.zeros(count),
        np.zeros((count, words), dtype=np.bool_),
        np.zeros(count, dtype=np.int64),
    )


@dataclass(slots=True)
class _Steps:
    """Candidate steps: path (place in the beam), the entity left by, the unit reached, and what is known of them."""

    path: Ints
    entity: Ints
    unit: Ints
    overlap: Floats  # product of the unit with the sum of the path
    rho: Floats
    home: Bools

    def pick(self, places: Ints) -> _Steps:
        return _Steps(*(getattr(self, name)[places] for name in self.__slots__))


@dataclass(slots=True)
class _Scored:
    """What each new path is worth, and its sums."""

    score: Floats
    cosine: Floats
    covered: Floats
    square: Floats
    similar: Floats
    held: Bools
    homes: Ints
    read: Floats | None

    def pick(self, places: Ints) -> _Scored:
        def of(values: Any) -> Any:
            return None if values is None else values[places]

        return _Scored(*(of(getattr(self, name)) for name in self.__slots__))


def _round(
    arrays: GraphArrays, beam: _Beam, exits: tuple[Ints, Ints], asked: Asked, rules: Rules, jumps: int
) -> tuple[_Beam, Round] | None:
    steps = _steps(arrays, beam, exits, asked, rules, jumps)
    if steps is None:
        return None
    count = len(steps.unit)
    steps, sets = _merged(arrays, beam, steps)
    scored = _scored(beam, steps, asked, rules)
    order = _beam_order(beam.origin[steps.path], scored.score, sets, rules)
    kept, best = steps.pick(order), scored.pick(order)
    units = np.concatenate([beam.units[kept.path], kept.unit[:, None]], axis=1)
    origin = beam.origin[kept.path]
    total = beam.total[kept.path] + asked.vectors(kept.unit)
    after = _Beam(origin, units, total, best.square, best.similar, best.held, best.homes)
    found = (best.score, best.cosine, best.covered, best.homes)
    return after, Round(origin, units, kept.path, kept.entity, kept.rho, *found, count, best.read)


def _steps(
    arrays: GraphArrays, beam: _Beam, exits: tuple[Ints, Ints], asked: Asked, rules: Rules, jumps: int
) -> _Steps | None:
    """For each exit (path, entity) its `expand` units of highest rho, and the units each path may jump to."""
    owner, unit = gather(arrays.entity_sentences, exits[1])
    path, entity = exits[0][owner], exits[1][owner]
    if jumps:
        # A path may hold some of the nearest units, so look at as many more.
        near = asked.nearest(jumps + beam.units.shape[1])
        owner = np.concatenate([owner, len(exits[0]) + np.repeat(np.arange(len(beam.origin)), len(near))])
        path = np.concatenate([path, np.repeat(np.arange(len(beam.origin)), len(near))])
        entity = np.concatenate([entity, np.full(len(beam.origin) * len(near), NOWHERE)])
        unit = np.concatenate([unit, np.tile(near, len(beam.origin))])
    fresh = ~(beam.units[path] == unit[:, None]).any(axis=1)
    owner, path, entity, unit = owner[fresh], path[fresh], entity[fresh], unit[fresh]
    if not len(unit):
        return None
    similar = asked.similarity(unit)
    overlap = _overlap(beam, path, unit, asked)
    home = at_home(arrays, entity, unit) & (entity != NOWHERE)
    rho = np.round(similar - rules.residual * overlap + rules.home_pick * home, DIGITS)
    jumped = entity == NOWHERE
    wanted = np.where(jumped, np.round(similar, DIGITS), rho)  # jumps go to the units nearest to the question itself
    order = np.lexsort((arrays.sentence_order[unit], -wanted, owner))
    most = np.where(jumped[order], jumps, rules.expand)
    kept = order[rank_in_group(owner[order]) < most]
    return _Steps(path, entity, unit, overlap, rho, home).pick(kept)


def _overlap(beam: _Beam, path: Ints, unit: Ints, asked: Asked) -> Floats:
    if not beam.units.shape[1]:
        return np.zeros(len(unit))
    touched, place = np.unique(unit, return_inverse=True)
    # In double precision, as a product of matrices rounds by where a row stands, and ties would depend on that.
    products = asked.vectors(touched).astype(np.float64) @ beam.total.T
    overlap: Floats = np.round(products[place, path], 2 * DIGITS)
    return overlap


def _merged(arrays: GraphArrays, beam: _Beam, steps: _Steps) -> tuple[_Steps, Ints]:
    """One step for each set of units an origin would reach.

    Most at home, then of highest rho, then by the last unit and the entity it was reached by.
    """
    units = np.concatenate([beam.units[steps.path], steps.unit[:, None]], axis=1)
    orders = arrays.sentence_order[units]
    sets = np.take_along_axis(units, np.lexsort((units, orders), axis=1), axis=1)
    homes = beam.homes[steps.path] + steps.home
    origin = beam.origin[steps.path]
    by = np.where(steps.entity == NOWHERE, LAST, arrays.entity_order[steps.entity])
    preferred = (by, arrays.sentence_order[steps.unit], -steps.rho, -homes)
    order = np.lexsort((*preferred, *sets.T, origin))
    keys = np.concatenate([origin[:, None], sets], axis=1)[order]
    first = np.concatenate([[True], (keys[1:] != keys[:-1]).any(axis=1)])
    kept = order[first]
    return steps.pick(kept), np.sort(arrays.sentence_order[sets[kept]], axis=1)


def _scored(beam: _Beam, steps: _Steps, asked: Asked, rules: Rules) -> _Scored:
    vectors = asked.vectors(steps.unit)
    own = np.einsum("ij,ij->i", vectors, vectors).astype(np.float64)
    square = np.maximum(beam.square[steps.path] + 2 * steps.overlap + own, 1e-12)
    similar = beam.similar[steps.path] + asked.similarity(steps.unit)
    held = beam.held[steps.path] | asked.holds(steps.unit)
    homes = beam.homes[steps.path] + steps.home
    cosine = similar / np.sqrt(square)
    covered = held @ asked.weights
    length = beam.units.shape[1] + 1
    read = asked.read(np.concatenate([beam.units[steps.path], steps.unit[:, None]], axis=1))
    score = worth(cosine, covered, read, asked, rules)
    score += rules.home_path * homes / length - rules.far * max(0, length - NEAR)
    return _Scored(np.round(score, DIGITS), cosine, covered, square, similar, held, homes, read)


def worth(cosine: Floats, covered: Floats, read: Floats | None, asked: Asked, rules: Rules) -> Floats:
    """How well paths fit the question, without their homes and lengths."""
    share = rules.coverage if len(asked.weights) else 0.0
    result: Floats = (1 - share) * cosine + share * covered if read is None else read.copy()
    return result


def _beam_order(origin: Ints, score: Floats, sets: Ints, rules: Rules) -> Ints:
    """The best paths of each origin, best first; ties by the orders of their units."""
    order = np.lexsort((*sets.T[::-1], -score, origin))
    return order[rank_in_group(origin[order]) < rules.beam]


def path_scores(
    walked: Walk, count: int, passages_of: Callable[[Ints], tuple[Ints, Ints]], extra: Floats
) -> tuple[Floats, Ints, Ints]:
    """For each of `count` passages the best score of a path through it, with its round and place there (-1 for none).

    `passages_of` gives (owner, passage) for units; `extra` is added to the scores of each origin's paths.
    """
    best = np.full(count, -np.inf)
    rounds, places = np.full(count, -1), np.full(count, -1)
    for number, one in enumerate(walked.rounds):
        score = np.round(one.score + extra[one.origin], DIGITS)
        for column in range(one.units.shape[1]):
            owner, passage = passages_of(one.units[:, column])
            order = np.lexsort((owner, -score[owner], passage))
            first = order[rank_in_group(passage[order]) == 0]
            passage, owner = passage[first], owner[first]
            better = score[owner] > best[passage]
            passage, owner = passage[better], owner[better]
            best[passage], rounds[passage], places[passage] = score[owner], number, owner
    return best, rounds, places
