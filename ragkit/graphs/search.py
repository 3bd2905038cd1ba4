"""One question's way through a Tri-Graph: seeds, activation, prior, and the hits with their explanation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.graphs.activation import Activation, propagate, propagate_by_matrix
from ragkit.graphs.arrays import cosines, gather
from ragkit.graphs.explain import paths
from ragkit.graphs.ranking import best_places, fused, minmax, prior, ranks_at, rounded
from ragkit.graphs.seeds import Seed, is_number, known_names, nearest, question_names
from ragkit.text.tokens import words
from ragkit.types import Hit, Hits, Query

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.components import Ints
    from ragkit.graphs.state import State
    from ragkit.graphs.trigraph import TriGraph

    Floats = NDArray[np.float64]

log = logging.getLogger(__name__)

SIMILARITY_DIGITS = 6


class Search:
    """What one question does in one graph. `activation` is None when it names nothing the graph knows."""

    def __init__(self, index: TriGraph, state: State, query: Query, vector: NDArray[np.float32]) -> None:
        self.index, self.state, self.query, self.vector = index, state, query, vector
        self.arrays = state.arrays
        self.similarity: Floats = np.round(cosines(state.passages.vectors, vector), SIMILARITY_DIGITS)
        self.seeds: list[Seed] = self._seeds()
        self.activation: Activation | None = self._activation()

    def _seeds(self) -> list[Seed]:
        index, shelf = self.index, self.state.shelf
        found = known_names(self.query.text, shelf, self.arrays) if index.exact_seed else []
        known = {seed.key for seed in found}
        covered = " ".join(f" {seed.name} " for seed in found)
        names = question_names(self.query.text, index.sources, index.ner)
        unknown = [(name, key) for name, key in names if key not in known and name not in covered]
        if index.exact_seed:  # a date is named or it is not; its neighbours say nothing
            unknown = [(name, key) for name, key in unknown if not any(char.isdigit() for char in key)]
        found += nearest(unknown, self.arrays, self.state.entities, shelf, index.embedder, index.seed_threshold)
        best: dict[int, Seed] = {}
        for seed in found:
            if seed.entity not in best or seed.score > best[seed.entity].score:
                best[seed.entity] = seed
        return self._telling(list(best.values()))

    def _telling(self, seeds: list[Seed]) -> list[Seed]:
        """Without dates, numbers and entities that stand everywhere, as long as others remain."""
        if not self.index.exact_seed:
            return seeds
        uses = np.diff(self.arrays.entity_sentences.indptr)
        for telling in (lambda seed: not is_number(seed.key), lambda seed: uses[seed.entity] <= self.index.hub_max):
            seeds = [seed for seed in seeds if telling(seed)] or seeds
        return seeds

    def _activation(self) -> Activation | None:
        if not self.seeds:
            return None
        index = self.index
        seeds = {seed.entity: seed.score for seed in self.seeds}
        rounds = index.max_iterations - 1
        if index.propagation == "matrix":
            everything = np.arange(len(self.arrays.sentences))
            return propagate_by_matrix(
                self.arrays, seeds, self.relevance(everything), rounds=rounds, threshold=index.iteration_threshold
            )
        return propagate(
            self.arrays,
            seeds,
            self.relevance,
            rounds=rounds,
            threshold=index.iteration_threshold,
            sentences_per_entity=index.top_k_sentence,
            home_pick=index.home_pick,
        )

    # -- relevance ------------------------------------------------------------------------------------------------

    def relevance(self, sentences: Ints) -> Floats:
        """How much sentences are to the question: cosine, and the share of the question's words they hold."""
        vectors = self.state.sentences.get(self.state.shelf, sentences)
        cosine = np.maximum(0.0, cosines(vectors, self.vector))
        share = self.index.coverage if len(self.question_words) else 0.0
        return (1 - share) * cosine + share * self.coverage[sentences] if share else cosine

    @cached_property
    def question_words(self) -> Ints:
        """The places of the question's words that carry meaning and occur in the corpus."""
        wanted = [word for word in dict.fromkeys(words(self.query.text)[:400]) if word not in QUESTION_WORDS]
        places = self.arrays.word_places(self.state.shelf.find(wanted))
        return places[places >= 0]

    @cached_property
    def coverage(self) -> Floats:
        """Per sentence, the idf-weighted share of the question's words it holds."""
        covered = np.zeros(len(self.arrays.sentences))
        weights = self.arrays.word_weight[self.question_words]
        owner, sentences = gather(self.arrays.word_sentences, self.question_words)
        np.add.at(covered, sentences, weights[owner] / weights.sum())
        return covered

    @cached_property
    def likeness(self) -> Floats:
        """Per passage, how like the question it is, in [0, 1]: cosine scaled, and the coverage of its best sentence."""
        cosine = minmax(self.similarity, self.candidates)
        share = self.index.lexical if len(self.question_words) else 0.0
        if not share:
            return cosine
        mixed: Floats = (1 - share) * cosine + share * self.arrays.best_of_passage(self.coverage)
        return np.round(mixed, SIMILARITY_DIGITS)

    # -- ranking --------------------------------------------------------------------------------------------------

    @cached_property
    def candidates(self) -> NDArray[np.bool_]:
        """Which passages may be given: all, or those the query's filter lets through."""
        if not self.query.filter:
            return np.ones(len(self.arrays.slots), dtype=np.bool_)
        return np.isin(self.arrays.slots, self.state.shelf.matching(self.query.filter))

    def reset(self) -> tuple[Floats, Floats]:
        """The walk's reset weights on passages and entities."""
        assert self.activation is not None
        index = self.index
        passages = prior(
            self.arrays,
            self.activation,
            self.likeness,
            ratio=index.passage_ratio,
            weight=index.passage_node_weight,
            home=index.home,
            top=index.prior_top_n,
        )
        return np.maximum(np.nan_to_num(passages), 0.0), np.maximum(np.nan_to_num(self.activation.weight), 0.0)

    def order(self, walk: Floats | None, k: int) -> tuple[Ints, list[float]]:
        """The places of the k best candidates with their scores, best first, ties by chunk id.

        Without a walk they are ranked by likeness.
        """
        keys = (self.likeness,) if walk is None else fused(rounded(walk), self.likeness, self.index.fusion)
        places = best_places(keys, self.candidates, k)
        ids = self.state.shelf.chunk_ids(self.arrays.slots[places])
        order = sorted(range(len(places)), key=lambda at: (*(-key[places[at]] for key in keys), ids[at]))[:k]
        places = places[order]
        return places, self._scores(keys, places)

    def hits(self, walk: Floats | None, k: int) -> Hits:
        """The k best candidates, each with why."""
        places, scores = self.order(walk, k)
        chunks = self.state.shelf.chunks(self.arrays.slots[places])
        whys = self._whys(places, walk)
        items = (
            Hit(chunk, score, {"trigraph": {"rank": rank, "score": score, **why}})
            for rank, (chunk, score, why) in enumerate(zip(chunks, scores, whys, strict=True), 1)
        )
        return Hits(self.query, tuple(items))

    def best_passages(self, k: int) -> Ints:
        """The places of the k best candidates, ascending."""
        return np.sort(self.order(walks([self]).get(id(self)), k)[0])

    def _scores(self, keys: tuple[Floats, ...], places: Ints) -> list[float]:
        """One number per hit that orders as the keys do."""
        first = keys[0][places]
        if len(keys) == 1:
            return [float(value) for value in first]
        best, worst = -first, -keys[1][places]
        return [float(value) for value in 1 / (1 + best + worst / (1 + worst))]

    def _whys(self, places: Ints, walk: Floats | None) -> list[dict[str, Any]]:
        likeness_rank = (ranks_at(self.likeness, places) + 1).tolist()
        if walk is None or self.activation is None:
            return [{"mode": "dense", "likeness_rank": rank} for rank in likeness_rank]
        graph_rank = (ranks_at(walk, places) + 1).tolist()
        seeds = [seed.name for seed in self.seeds]
        return [
            {
                "mode": "graph",
                "graph_rank": graph,
                "likeness_rank": like,
                "seeds": seeds,
                "path": [{"entity": hop.entity, "sentence": hop.sentence} for hop in path],
            }
            for graph, like, path in zip(graph_rank, likeness_rank, paths(self, places), strict=True)
        ]


def walks(searches: Sequence[Search]) -> dict[int, Floats]:
    """The walk's score of every passage, by `id` of the search; none for a search without activation."""
    active = [search for search in searches if search.activation is not None]
    resets = [search.reset() for search in active]
    able = [at for at, (passages, entities) in enumerate(resets) if passages.sum() + entities.sum() > 0]
    if not able:
        return {}
    index = active[0].index
    passages = np.stack([resets[at][0] for at in able], axis=1)
    entities = np.stack([resets[at][1] for at in able], axis=1)
    ranked = active[0].arrays.graph.rank(passages, entities, damping=index.damping)
    if not ranked.converged:
        log.warning("PageRank stopped after %d rounds at damping %g, before it converged", ranked.rounds, index.damping)
    return {id(active[at]): ranked.passages[:, column] for column, at in enumerate(able)}


# Words a question is asked with: they say what is wanted, not what it is about.
QUESTION_WORDS = frozenset(
    "a an and are as at be been being both by did do does for from had has have he her his how if in is it its of on "
    "or she that the their them there these they this those to was were what when where which who whom whose why will "
    "with you your i me my we our us can could would should than then also".split()
)
