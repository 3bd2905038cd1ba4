"""The walk over units equals a slow, literal one; random graphs, every setting."""

from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import Document
from ragkit.graphs.arrays import gather
from ragkit.graphs.cluearrays import ClueArrays
from ragkit.graphs.qiter import Rules, path_scores, walk
from ragkit.graphs.rows import PassageRecord
from ragkit.graphs.units import Support, UnitRecord
from ragkit.testing import MemoryShelf

ENTITIES = [f"e{n}" for n in range(6)]
WORDS = ["alpha", "beta", "gamma"]
DIM = 4


class Rows:
    """An index that stores given records."""

    fingerprint, embedder = "rows", None

    def __init__(self, found):
        self.found = found

    def derive(self, chunks):
        return [self.found[chunk.document_id].derived() for chunk in chunks]

    def open(self, shelf):
        """Nothing."""

    def search(self, query, k):
        """Nothing."""


def graph(units, chunks):
    """Arrays of units {text: (entities, words)} in chunks {id: (units, homes)}."""
    found = {}
    for id, (texts, homes) in chunks.items():
        keys = tuple(tuple(dict.fromkeys((*homes, *units[text][0]))) for text in texts)
        passage = PassageRecord(
            passage=f"passage {id}",
            sentences=tuple(texts),
            keys=keys,
            words=tuple(tuple(units[text][1]) for text in texts),
            mentions={key: 1 for own in (homes, *keys) for key in own},
            homes=tuple(homes),
            surfaces={},
        )
        supports = tuple(Support(n, n + 1) for n in range(len(texts)))
        found[id] = UnitRecord(passage, supports, keys)
    shelf = MemoryShelf(Rows(found))
    shelf.add([Document(id, "text").chunk(0, 4) for id in found])
    return ClueArrays(shelf.rows()), shelf


class Question:
    """A question given as numbers."""

    def __init__(self, arrays, shelf, vectors, vector, held, weights, reads=False, verdicts=()):
        texts = self.texts = shelf.texts(arrays.sentences)
        self.reads, self.verdicts = reads, list(verdicts)
        self.matrix = np.array([vectors[text] for text in texts], dtype=np.float32).reshape(len(texts), DIM)
        self.vector = vector
        self.held = np.array([held[text] for text in texts], dtype=bool).reshape(len(texts), len(weights))
        self.weights = np.array(weights, dtype=float)
        self.order = arrays.sentence_order

    def similarity(self, units):
        return np.round(self.matrix[units].astype(float) @ self.vector, 6)

    def holds(self, units):
        return self.held[units]

    def vectors(self, units):
        return self.matrix[units]

    def read(self, paths):
        """Like a cross-encoder: the order of the units matters."""
        if not self.reads:
            return None
        place = 1 + np.arange(paths.shape[1])
        worth = np.array([crc32(text.encode()) % 1000 / 1000 for text in self.texts])
        return (worth[paths] / place).sum(axis=1) / place[-1]

    def judged(self, one):
        verdict = self.verdicts.pop(0) if self.verdicts else "go on"
        if verdict == "turned":
            self.vector = -self.vector[::-1]
        return verdict

    def nearest(self, count):
        similar = self.similarity(np.arange(len(self.matrix)))
        return np.lexsort((self.order, -similar))[:count]


def literal(arrays, anchors, question, rules):
    """The specification, word for word: lists of (path, origin, home count), one round after the other."""
    uses = {e: arrays.entity_sentences[[e]].indices.tolist() for e in range(len(arrays.entities))}
    named = {u: arrays.sentence_entities[[u]].indices.tolist() for u in range(len(arrays.sentences))}
    homes = {
        (code // max(1, len(arrays.entities)), code % max(1, len(arrays.entities)))
        for code in arrays.home_sentences.tolist()
    }
    similar = lambda u: float(question.similarity(np.array([u]))[0])  # noqa: E731
    inner = lambda u, v: float(question.matrix[u].astype(float) @ question.matrix[v].astype(float))  # noqa: E731
    rank = lambda u: int(arrays.sentence_order[u])  # noqa: E731

    def score(path, home):
        total = sum(question.matrix[u].astype(float) for u in path)
        cosine = sum(similar(u) for u in path) / np.linalg.norm(total)
        covered = sum(w for t, w in enumerate(question.weights) if any(question.held[u][t] for u in path))
        share = rules.coverage if len(question.weights) else 0.0
        fits = float(question.read(np.array([path]))[0]) if question.reads else (1 - share) * cosine + share * covered
        return round(fits + rules.home_path * home / len(path) - rules.far * max(0, len(path) - 2), 6)

    if rules.beam_per_anchor:
        beam = [((), origin, 0, [anchor]) for origin, anchor in enumerate(anchors)]
    else:
        beam = [((), 0, 0, list(anchors))] if len(anchors) else []
    recorded = []
    for number in range(rules.rounds):
        reached = {}
        for path, origin, home, exits in beam:
            steps = []
            for e in exits:
                rho = {}
                for x in uses[e]:
                    if x not in path:
                        said = sum(inner(u, x) for u in path)
                        rho[x] = round(similar(x) - rules.residual * said + rules.home_pick * ((x, e) in homes), 6)
                best = sorted(rho, key=lambda x: (-rho[x], rank(x)))[: rules.expand]
                steps += [(x, rho[x], (x, e) in homes) for x in best]
            if number and rules.jump:
                free = [u for u in range(len(named)) if u not in path]
                for x in sorted(free, key=lambda x: (-similar(x), rank(x)))[: rules.jump]:
                    steps.append((x, round(similar(x) - rules.residual * sum(inner(u, x) for u in path), 6), False))
            for x, rho, at_home in steps:
                new = (*path, x)
                key = (origin, frozenset(new))
                offer = (home + at_home, rho, -rank(x))
                if key not in reached or offer > reached[key][0]:
                    reached[key] = (offer, new)
        if not reached:
            break
        beam = []
        for origin in sorted({origin for origin, _ in reached}):
            own = [(path, offer[0]) for (o, _), (offer, path) in reached.items() if o == origin]
            own.sort(key=lambda one: (-score(*one), sorted(map(rank, one[0]))))
            for path, home in own[: rules.beam]:
                recorded.append((number, origin, path, score(path, home)))
                beam.append((path, origin, home, [e for e in named[path[-1]] if len(uses[e]) <= rules.hub_max]))
        if number + 1 < rules.rounds and question.judged(None) == "enough":
            break
    return recorded


vectors = st.lists(st.integers(-3, 3), min_size=DIM, max_size=DIM).filter(any)


@st.composite
def worlds(draw):
    count = draw(st.integers(1, 9))
    texts = [f"unit {n}" for n in range(count)]
    units = {
        text: (
            draw(st.lists(st.sampled_from(ENTITIES), max_size=3, unique=True)),
            draw(st.lists(st.sampled_from(WORDS), max_size=2, unique=True)),
        )
        for text in texts
    }
    own = {text: np.array(draw(vectors), float) for text in texts}
    own = {text: vector / np.linalg.norm(vector) for text, vector in own.items()}
    chunks = {}
    for number in range(draw(st.integers(1, 4))):
        members = draw(st.lists(st.sampled_from(texts), min_size=1, max_size=4, unique=True))
        chunks[f"c{number}"] = (members, draw(st.lists(st.sampled_from(ENTITIES), max_size=1)))
    question = np.array(draw(vectors), float)
    return units, own, chunks, question / np.linalg.norm(question), draw(st.booleans())


rules = st.builds(
    Rules,
    expand=st.integers(1, 3),
    beam=st.integers(1, 4),
    rounds=st.integers(0, 3),
    residual=st.sampled_from([0.0, 0.5, 1.0]),
    coverage=st.sampled_from([0.0, 0.7, 1.0]),
    home_pick=st.sampled_from([0.0, 0.3]),
    home_path=st.sampled_from([0.0, 0.4]),
    hub_max=st.sampled_from([1, 3, 100]),
    jump=st.sampled_from([0, 2]),
    beam_per_anchor=st.booleans(),
    far=st.sampled_from([0.0, 0.15]),
)


verdicts = st.lists(st.sampled_from(["go on", "turned", "enough"]), max_size=2)


@given(worlds(), rules, st.sets(st.integers(0, 5), max_size=3), st.booleans(), verdicts)
@settings(max_examples=120, deadline=None)
def test_the_walk_equals_a_literal_one(world, given_rules, picked, reads, verdicts):
    units, own, chunks, vector, with_words = world
    arrays, shelf = graph(units, chunks)
    anchors = np.array([e for e in sorted(picked) if e < len(arrays.entities)], dtype=np.int64)
    held = {text: [word in units[text][1] for word in WORDS] if with_words else [] for text in units}
    weights = [0.5, 0.3, 0.2] if with_words else []
    ask = lambda: Question(arrays, shelf, own, vector, held, weights, reads, verdicts)  # noqa: E731
    walked = walk(arrays, anchors, ask(), given_rules, DIM)
    expected = literal(arrays, anchors.tolist(), ask(), given_rules)
    found = [
        (number, int(one.origin[row]), tuple(one.units[row].tolist()), float(one.score[row]))
        for number, one in enumerate(walked.rounds)
        for row in range(len(one.score))
    ]
    assert [one[:3] for one in found] == [one[:3] for one in expected]
    np.testing.assert_allclose([one[3] for one in found], [one[3] for one in expected], atol=2e-6)


@given(worlds(), rules)
@settings(max_examples=50, deadline=None)
def test_a_chunk_is_worth_its_best_path(world, given_rules):
    units, own, chunks, vector, _ = world
    arrays, shelf = graph(units, chunks)
    held = {text: [] for text in units}
    walked = walk(
        arrays, np.arange(len(arrays.entities)), Question(arrays, shelf, own, vector, held, []), given_rules, DIM
    )
    lift = np.arange(len(walked.origins)) / 10
    best, rounds, places = path_scores(walked, len(arrays.slots), lambda at: gather(arrays.sentence_passages, at), lift)
    for chunk in range(len(arrays.slots)):
        members = set(arrays.passage_sentences[[chunk]].indices.tolist())
        offers = [
            one.score[row] + lift[one.origin[row]]
            for one in walked.rounds
            for row in range(len(one.score))
            if members & set(one.units[row].tolist())
        ]
        assert best[chunk] == pytest.approx(max(offers, default=-np.inf), abs=1e-6)
        if offers:
            one = walked.rounds[rounds[chunk]]
            assert members & set(one.units[places[chunk]].tolist())
            assert one.score[places[chunk]] + lift[one.origin[places[chunk]]] == pytest.approx(best[chunk], abs=1e-6)


def simple(**changes):
    base = {
        "expand": 3, "beam": 5, "rounds": 2, "residual": 1.0, "coverage": 0.0, "home_pick": 0.0, "home_path": 0.0,
        "hub_max": 100,
    }  # fmt: skip
    return Rules(**{**base, **changes})


LINE = {"a": (["e0"], []), "b": (["e0", "e1"], []), "c": (["e1", "e0"], []), "d": (["e2"], [])}


def asked(units=LINE, chunks=None, reads=False, verdicts=(), **changes):
    """The rounds of a walk from e0 over a few units, all alike; as lists of unit texts."""
    arrays, shelf = graph(units, chunks or {"x": (list(units), [])})
    same = {text: np.array([1.0, 0, 0, 0]) for text in units}
    question = Question(
        arrays, shelf, same, np.array([1.0, 0, 0, 0]), {text: [] for text in units}, [], reads, verdicts
    )
    anchors = arrays.entity_places(shelf.find(["e0"]))
    walked = walk(arrays, anchors[anchors >= 0], question, simple(**changes), DIM)
    texts = shelf.texts(arrays.sentences)
    return walked, [[[texts[unit] for unit in row] for row in one.units.tolist()] for one in walked.rounds]


def test_no_anchors_no_walk():
    walked, rounds = asked({"d": (["e2"], [])})
    assert rounds == []
    assert walked.stopped == "no anchors"


def test_no_rounds_no_paths():
    assert asked(rounds=0)[1] == []


def test_two_entities_that_name_each_other_are_no_endless_circle():
    walked, rounds = asked(rounds=9, beam=50)
    assert walked.stopped == "nothing more to walk to"
    assert len(rounds) == 3  # a, b and c in every order, never one twice
    assert all(len(set(path)) == len(path) for paths in rounds for path in paths)


def test_a_set_of_units_is_one_path_however_it_was_walked():
    _, rounds = asked(beam=50)
    assert len(rounds[1]) == len({frozenset(path) for path in rounds[1]}) == 3


def test_entities_of_too_many_units_are_not_walked_through():
    units = {"a": (["e0", "e1"], []), **{f"h{n}": (["e1"], []) for n in range(5)}}
    walked, rounds = asked(units, hub_max=4)
    assert rounds == [[["a"]]]
    assert walked.stopped == "nothing more to walk to"


def test_patience_stops_a_walk_that_does_not_get_better():
    walked, rounds = asked(rounds=9, patience=1)
    assert walked.stopped == "no better path found"
    assert len(rounds) == 2


def test_a_beam_of_one_keeps_one_path():
    assert [len(paths) for paths in asked(beam=1, expand=1)[1]] == [1, 1]


def test_a_walk_stops_when_that_is_said_to_be_enough():
    walked, rounds = asked(rounds=3, verdicts=["enough"])
    assert (walked.stopped, len(rounds)) == ("the controller had enough", 1)


def test_nobody_is_asked_after_the_last_round():
    verdicts = ["go on", "enough"]
    walked, rounds = asked(rounds=2, verdicts=verdicts)
    assert (walked.stopped, len(rounds)) == ("all rounds walked", 2)


def test_a_path_that_is_read_is_worth_what_the_reader_says():
    walked, _ = asked(rounds=1, reads=True, home_path=0.4)
    assert walked.rounds[0].score.tolist() == pytest.approx(walked.rounds[0].read.tolist())
    assert len(set(walked.rounds[0].score.tolist())) == 3


def test_ties_are_broken_by_the_text_and_not_by_the_place():
    forwards = asked()[1]
    backwards = asked(dict(reversed(LINE.items())), {"x": (list(reversed(LINE)), [])})[1]
    assert forwards == backwards


def test_a_unit_at_home_is_preferred_and_counts():
    units = {"p": (["e0"], []), "q": (["e0"], []), "r": (["e0"], [])}
    chunks = {"x": (["p", "q"], []), "home": (["r"], ["e0"])}
    walked, rounds = asked(units, chunks, expand=1, rounds=1, home_pick=0.3, home_path=0.4)
    assert rounds == [[["r"]]]
    assert walked.rounds[0].homes.tolist() == [1]
    assert walked.rounds[0].score.tolist() == pytest.approx([1.4])


def test_without_words_a_path_is_worth_its_cosine():
    walked, _ = asked(coverage=0.7, rounds=1)
    assert walked.rounds[0].score.tolist() == pytest.approx([1.0] * 3)
