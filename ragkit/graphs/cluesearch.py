"""One question's way through a clue graph: anchors, paths, and the chunks behind them with their explanation."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.graphs.arrays import cosines, gather
from ragkit.graphs.qiter import DIGITS, NOWHERE, Round, Verdict, Walk, path_scores, walk, worth
from ragkit.graphs.ranking import best_places, minmax, ranks
from ragkit.graphs.search import QUESTION_WORDS
from ragkit.graphs.seeds import Seed, is_number, known_names, nearest, question_names
from ragkit.text.heads import indexed_text
from ragkit.text.tokens import words
from ragkit.types import Hit, Hits, Query

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.components import Ints, Vectors
    from ragkit.graphs.clue import Clue
    from ragkit.graphs.cluearrays import ClueState

    Floats = NDArray[np.float64]

RRF_CONSTANT = 60
UNREACHED = -2.0  # below every cosine and path
LONGEST_QUESTION = 400  # words looked at


class ClueSearch:
    """What one question does in one graph; it is the `qiter.Asked` of its own walk."""

    def __init__(self, index: Clue, state: ClueState, query: Query, vector: NDArray[np.float32]) -> None:
        self.index, self.state, self.query, self.vector = index, state, query, vector
        self.arrays = state.arrays
        self.controller = index.asked(state.shelf)
        self._aim = vector  # of what a controller asks next, else of the question
        self._similarity = np.full(len(self.arrays.sentences), np.nan)

    # -- the question ---------------------------------------------------------------------------------------------

    @cached_property
    def question_words(self) -> Ints:
        """The places of the question's words that carry meaning and occur in a unit."""
        wanted = [
            word for word in dict.fromkeys(words(self.query.text)[:LONGEST_QUESTION]) if word not in QUESTION_WORDS
        ]
        places = self.arrays.word_places(self.state.shelf.find(wanted))
        return places[places >= 0]

    @cached_property
    def weights(self) -> Floats:
        """The idf of these words, scaled to sum to 1."""
        weights = self.arrays.word_weight[self.question_words]
        result: Floats = weights / weights.sum() if len(weights) else weights
        return result

    def vectors(self, units: Ints) -> Vectors:
        """The vectors of units."""
        return self.state.sentences.get(self.state.shelf, units)

    def similarity(self, units: Ints) -> Floats:
        """The cosines of units with the question, computed once each."""
        missing = np.unique(units[np.isnan(self._similarity[units])])
        if len(missing):
            self._similarity[missing] = np.round(cosines(self.vectors(missing), self._aim), DIGITS)
        return self._similarity[units]

    def _turn(self, vector: NDArray[np.float32]) -> None:
        """Likeness is to another question from now on."""
        if vector is not self._aim:
            self._aim = vector
            self._similarity[:] = np.nan

    @cached_property
    def _held(self) -> NDArray[np.bool_]:
        held = np.zeros((len(self.question_words), len(self.arrays.sentences)), dtype=np.bool_)
        word, unit = gather(self.arrays.word_sentences, self.question_words)
        held[word, unit] = True
        return held

    def holds(self, units: Ints) -> NDArray[np.bool_]:
        """Which of the question's words units hold, (units, words)."""
        return self._held[:, units].T

    def nearest(self, count: int) -> Ints:
        """The units most like the question, best first, ties by order."""
        everything = np.arange(len(self.arrays.sentences))
        if not self.state.sentences.there.all():
            self.state.sentences.all(self.state.shelf)
        similar = self.similarity(everything)
        places = best_places((similar,), np.ones(len(similar), dtype=np.bool_), count)
        return places[np.lexsort((self.arrays.sentence_order[places], -similar[places]))][:count]

    # -- those who read ---------------------------------------------------------------------------------------------

    def read(self, paths: Ints) -> Floats | None:
        """What the cross-encoder makes of the texts of paths, in the order walked."""
        if self.index.reader is None:
            return None
        units, place = np.unique(paths, return_inverse=True)
        texts = self.state.shelf.texts(self.arrays.sentences[units])
        whole = [" ".join(texts[unit] for unit in path) for path in place.reshape(paths.shape)]
        return np.array(self.index.reader.scores(self.query.text, whole), dtype=np.float64)

    @cached_property
    def reread(self) -> Floats:
        """What the cross-encoder makes of the chunks on paths; below all scores for the others."""
        scores = np.full(len(self.arrays.slots), -np.inf)
        on_paths = np.flatnonzero(np.isfinite(self.paths[0]) & self.candidates)
        if self.index.reader is not None and len(on_paths):
            texts = [indexed_text(chunk) for chunk in self.state.shelf.chunks(self.arrays.slots[on_paths])]
            scores[on_paths] = np.round(self.index.reader.scores(self.query.text, texts), DIGITS)
        return scores

    def judged(self, one: Round) -> Verdict:
        """What the controller says of the units so far, best first; its next question takes the place of this one."""
        if self.controller is None:
            return "go on"
        best = np.lexsort((np.arange(len(one.score)), -one.score))
        units = np.array(list(dict.fromkeys(one.units[best].ravel().tolist())), dtype=np.int64)
        _, chunks = gather(self.arrays.sentence_passages, one.units[best[0]])
        ids = self.state.shelf.chunk_ids(self.arrays.slots[np.unique(chunks)])
        said = self.controller(self.query.text, self.state.shelf.texts(self.arrays.sentences[units]), sorted(ids))
        if isinstance(said, str):
            self._turn(self.index.embedder.embed([said], query=True)[0])
            return "turned"
        return "enough" if said else "go on"

    # -- anchors --------------------------------------------------------------------------------------------------

    @cached_property
    def seeds(self) -> list[Seed]:
        """The entities the question names: exactly, else the nearest ones of names that are not known."""
        index, shelf = self.index, self.state.shelf
        found = known_names(self.query.text, shelf, self.arrays)
        known = {seed.key for seed in found}
        covered = " ".join(f" {seed.name} " for seed in found)
        unknown = [
            (name, key) for name, key in question_names(self.query.text) if key not in known and name not in covered
        ]
        if index.link_k:
            near = nearest(
                unknown, self.arrays, self.state.entities, shelf, index.embedder, index.link_min, most=index.link_k
            )
            found += [seed for seed in near if not is_number(seed.key)]
        best = {seed.entity: seed for seed in sorted(found, key=lambda seed: seed.score)}
        return self._telling(list(best.values()))

    def _telling(self, seeds: list[Seed]) -> list[Seed]:
        """Without dates, numbers and entities that stand everywhere, as long as others remain."""
        uses = np.diff(self.arrays.entity_sentences.indptr)
        for telling in (lambda seed: not is_number(seed.key), lambda seed: uses[seed.entity] <= self.index.hub_max):
            seeds = [seed for seed in seeds if telling(seed)] or seeds
        return seeds

    @cached_property
    def anchors(self) -> Ints:
        """The places of the entities walked from, by their orders."""
        named = np.array([seed.entity for seed in self.seeds], dtype=np.int64)
        if self.index.anchors == "both" or not len(named):
            _, own = gather(self.arrays.sentence_entities, self.nearest(self.index.expand))
            few = np.diff(self.arrays.entity_sentences.indptr)[own] <= self.index.hub_max
            own = own[few] if few.any() or len(named) else own
            named = np.concatenate([named, own])
        named = np.unique(named)
        return named[np.lexsort((named, self.arrays.entity_order[named]))]

    # -- paths ----------------------------------------------------------------------------------------------------

    @cached_property
    def walked(self) -> Walk:
        """The walk, with the units taken alone (of `unit_channel`, or of no rounds at all) as a last round."""
        index = self.index
        walked = walk(self.arrays, self.anchors, self, index.rules, self.state.dim)
        self._turn(self.vector)
        alone = index.unit_channel or (0 if index.rounds else index.expand)
        if alone:
            walked.origins = np.append(walked.origins, NOWHERE)
            walked.rounds.append(self._alone(self.nearest(alone), len(walked.origins) - 1))
        return walked

    def _alone(self, units: Ints, origin: int) -> Round:
        cosine, covered = self.similarity(units), self.holds(units) @ self.weights
        read = self.read(units[:, None])
        score = np.round(worth(cosine, covered, read, self, self.index.rules), DIGITS)
        nothing = np.full(len(units), NOWHERE)
        homes = np.zeros(len(units), dtype=np.int64)
        origins = np.full(len(units), origin)
        return Round(origins, units[:, None], nothing, nothing, cosine, score, cosine, covered, homes, len(units), read)

    @cached_property
    def balance(self) -> Floats:
        """What is added to the paths of each origin, so that a question's names count alike.

        The best path of an origin whose entity has a home is lifted towards the best of all such: a long rare name
        must not starve the other.
        """
        walked, best = self.walked, self.walked.best_of_origin()
        homes = np.diff(self.arrays.entity_homes.indptr)
        at_home = (walked.origins >= 0) & np.isfinite(best)
        at_home[at_home] = homes[walked.origins[at_home]] > 0
        lift = np.zeros(len(best))
        if at_home.any():
            lift[at_home] = self.index.balance * (best[at_home].max() - best[at_home])
        return lift

    @cached_property
    def paths(self) -> tuple[Floats, Ints, Ints]:
        """For each chunk its best path: score (-inf without), round, place in the round."""
        return path_scores(
            self.walked,
            len(self.arrays.slots),
            lambda units: gather(self.arrays.sentence_passages, units),
            self.balance,
        )

    # -- ranking --------------------------------------------------------------------------------------------------

    @cached_property
    def candidates(self) -> NDArray[np.bool_]:
        """Which chunks may be given: all or those on paths, and of these what the query's filter lets through."""
        among = np.ones(len(self.arrays.slots), dtype=np.bool_) if self.index.fill else np.isfinite(self.paths[0])
        if not self.query.filter:
            return among
        return among & np.isin(self.arrays.slots, self.state.shelf.matching(self.query.filter))

    @cached_property
    def dense(self) -> Floats:
        """The cosines of all chunks with the question."""
        return np.round(cosines(self.state.passages.vectors, self.vector), DIGITS)

    @cached_property
    def lexical(self) -> Floats:
        """BM25 of all chunks, scaled so that they span 0 to 1; 0 for all when none holds a word."""
        scores = self.arrays.lexical(self.question_words)
        everything = np.ones(len(scores), dtype=np.bool_)
        return minmax(scores, everything) if scores.any() else scores

    @cached_property
    def at_home(self) -> bool:
        """Whether an anchor is what some chunk is about."""
        return bool((np.diff(self.arrays.entity_homes.indptr)[self.anchors] > 0).any())

    @cached_property
    def fill(self) -> Floats:
        """Reciprocal rank fusion of dense and lexical likeness."""
        return 1 / (RRF_CONSTANT + 1 + ranks(self.dense)) + 1 / (RRF_CONSTANT + 1 + ranks(self.lexical))

    @cached_property
    def keys(self) -> tuple[Floats, ...]:
        """What chunks are ordered by, the first deciding."""
        score = self.paths[0]
        reached = np.isfinite(score)
        if not reached.any():
            return (np.round(self.fill, 9),)
        path = np.where(reached, score, 0.0)
        match self.index.final:
            case "path+dense":
                lexical = self.index.lexical if self.at_home else self.index.lexical_homeless
                return (np.round(path + self.index.dense * self.dense + lexical * self.lexical, DIGITS),)
            case "path":
                return (np.where(reached, path, UNREACHED), np.where(reached, self.dense, self.fill))
            case "dense":
                return (np.where(reached, self.dense, UNREACHED), self.fill)
            case "rerank":
                return (self.reread, self.fill)
            case "rrf":
                return (np.round(1 / (RRF_CONSTANT + 1 + ranks(path)) + 1 / (RRF_CONSTANT + 1 + ranks(self.fill)), 9),)
        one, two = ranks(path), ranks(self.fill)
        return (-np.minimum(one, two).astype(np.float64), -np.maximum(one, two).astype(np.float64))

    def order(self, k: int) -> tuple[Ints, list[float]]:
        """The places of the k best candidates with their scores, best first, ties by chunk id."""
        places = best_places(self.keys, self.candidates, k)
        ids = self.state.shelf.chunk_ids(self.arrays.slots[places])
        order = sorted(range(len(places)), key=lambda at: (*(-key[places[at]] for key in self.keys), ids[at]))[:k]
        places = places[order]
        return places, self._scores(places)

    def _scores(self, places: Ints) -> list[float]:
        """One number per hit that orders as the keys do."""
        first = self.keys[0][places]
        if len(self.keys) == 1:
            return [float(value) for value in first]
        if self.index.final == "rerank":  # a cross-encoder may score as low as it likes
            lowest = float(first[np.isfinite(first)].min(initial=0.0)) - 1
            return [float(value) for value in np.where(np.isfinite(first), first, self.keys[1][places] + lowest)]
        if self.index.final in ("path", "dense"):
            return [float(value) for value in np.where(first <= UNREACHED, self.keys[1][places] + UNREACHED, first)]
        best, worst = -first, -self.keys[1][places]
        return [float(value) for value in 1 / (1 + best + worst / (1 + worst))]

    def hits(self, k: int) -> Hits:
        """The k best candidates, each with why."""
        from ragkit.graphs.clueexplain import trace, whys

        places, scores = self.order(k)
        chunks = self.state.shelf.chunks(self.arrays.slots[places])
        items = (
            Hit(chunk, score, {"clue": {"rank": rank, "score": score, **why}})
            for rank, (chunk, score, why) in enumerate(zip(chunks, scores, whys(self, places), strict=True), 1)
        )
        note: dict[str, Any] = trace(self)
        return Hits(self.query, tuple(items), {"clue": note})
