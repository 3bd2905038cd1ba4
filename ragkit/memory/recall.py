"""Finding the units that tell most about a question: by words, by meaning, by name and time, in one ranking.

Every view is read for one scope, with the caller's filters, inside the database or from columns that were; what does
not match is never ranked. The same file and question give the same hits, whatever the order things were added in.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ragkit.memory import conditions, score, vectors
from ragkit.memory.analysis import Question, analyse
from ragkit.memory.config import MemoryConfig
from ragkit.memory.heirs import inherited
from ragkit.memory.lexical import lexical_view
from ragkit.memory.rows import hit_of, read_messages, read_rows, sources_of
from ragkit.memory.select import Ranked, select
from ragkit.memory.stems import term_groups
from ragkit.memory.store import MemoryStore, rows_in
from ragkit.memory.table import TableCache, UnitTable
from ragkit.memory.types import TIERS, Filters, MemoryHit, Tier
from ragkit.memory.weights import MEASURED, Weights
from ragkit.memory.words import fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.components import Embedder

    Numbers = NDArray[np.float64]
    Flags = NDArray[np.bool_]

LONGEST_QUESTION = 4_000  # characters that are read of one; a pasted document asks with its beginning


@dataclass(frozen=True, slots=True)
class Request:
    """What to search for, where and how; see `search`."""

    store: MemoryStore
    scope_id: int
    config: MemoryConfig
    at_us: int
    embedder: Embedder | None = None
    k: int | None = None
    offset_minutes: int = 0
    filters: Filters | None = None
    tiers: Sequence[Tier] | None = None
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the evidence for it: for every name in `Weights` an array with a number for each row of the table.

    `eligible` are the units that filters and tiers let through, `found` those of them that a view came up with.
    """

    question: Question
    table: UnitTable
    parts: Mapping[str, Numbers]
    weights: Weights
    eligible: Flags
    found: Flags
    scores: Numbers = field(repr=False)


class _Caches:
    """What all searches of a store share: the columns and the vectors of its scopes."""

    def __init__(self) -> None:
        self.tables = TableCache()
        self.vectors = vectors.VectorCache()


_caches: WeakKeyDictionary[MemoryStore, _Caches] = WeakKeyDictionary()
_lock = threading.Lock()


def _caches_of(store: MemoryStore) -> _Caches:
    with _lock:
        return _caches.setdefault(store, _Caches())


def table_of(connection: sqlite3.Connection, store: MemoryStore, scope_id: int, config: MemoryConfig) -> UnitTable:
    """The units of a scope as columns, as of the connection's snapshot."""
    return _caches_of(store).tables.table(connection, scope_id, config.gap_minutes)


def drop_caches(store: MemoryStore) -> None:
    """Forget what was read of a store; the next search reads it anew."""
    caches = _caches_of(store)
    caches.tables.clear()
    caches.vectors.clear()


def search(
    store: MemoryStore,
    scope_id: int,
    question: str,
    *,
    config: MemoryConfig,
    at_us: int,
    embedder: Embedder | None = None,
    k: int | None = None,
    offset_minutes: int = 0,
    filters: Filters | None = None,
    tiers: Sequence[Tier] | None = None,
    explain: bool = False,
    more: Sequence[str] = (),
) -> list[MemoryHit]:
    """The `k` units of a scope that tell most about a question, best first; ties: the newer event, then the id.

    Without `k` it follows from the question. `tiers` limits the search to some; by default what was superseded is left
    out unless the question is about the past. With `explain` each hit's `views` holds what every piece of evidence
    added, before the weight of its tier. `more` are further questions that serve the first; each unit counts with the
    score of the one it fits best.
    """
    request = Request(store, scope_id, config, at_us, embedder, k, offset_minutes, filters, tiers, explain)
    asked = ask(request, [question, *more])
    with store.read() as connection:
        best = asked[0] if len(asked) == 1 else _best_of(asked)
        return _hits(connection, asked, select(connection, best, best.question.k, config), explain)


def ask(request: Request, questions: Sequence[str]) -> list[Asked]:
    """The evidence for each question. The model is asked outside of any transaction."""
    with request.store.read() as connection:
        table = table_of(connection, request.store, request.scope_id, request.config)
        model = vectors.current(connection)
        if request.embedder is not None:
            vectors.check_model(connection, request.embedder, request.store.path)
    analysed = [_analysed(request, question, table) for question in questions]
    directions: Sequence[Numbers | None] = [None] * len(analysed)
    if request.embedder is not None and model is not None and len(table):
        directions = _directions(request.embedder, analysed, table)
    with request.store.read() as connection:
        table = table_of(connection, request.store, request.scope_id, request.config)
        vectors_held = _caches_of(request.store).vectors
        view = vectors_held.view(connection, request.scope_id, model) if model is not None else None
        eligible = _eligible(connection, request, table, analysed[0])
        return [
            _evidence(connection, request, table, question, _cosines(table, view, direction), eligible)
            for question, direction in zip(analysed, directions, strict=True)
        ]


def _analysed(request: Request, question: str, table: UnitTable) -> Question:
    config = request.config
    return analyse(
        question[:LONGEST_QUESTION],
        request.at_us,
        request.offset_minutes,
        table.names,
        k=request.k,
        k_base=config.k_base,
        delta=config.delta,
        k_min=config.k_min,
        k_max=config.k_max,
        hemisphere=config.hemisphere,
    )


def _directions(embedder: Embedder, questions: Sequence[Question], table: UnitTable) -> list[Numbers | None]:
    """The vector of each question, as the one it names would put it; None for one without a letter or digit."""
    texts = [score.spoken(one.text, score.named_once(table, one)[1]) if one.words else "" for one in questions]
    asked = [text for text in texts if text]
    found = iter(embedder.embed(asked, query=True)) if asked else iter(())
    return [next(found) if text else None for text in texts]


def _cosines(table: UnitTable, view: vectors.VectorView | None, direction: Numbers | None) -> Numbers | None:
    """The cosine of each unit's vector, NaN where it has none; None when none has."""
    import numpy as np

    if view is None or direction is None or not len(view.ids):
        return None
    rows, known = table.rows(view.ids)
    if not known.any():
        return None
    cosines = np.full(len(table), np.nan)
    # Rounded, as the sum of a product may differ in its last digits with the number of rows.
    cosines[rows[known]] = np.round((view.matrix @ direction)[known].astype(np.float64), 6)
    return cosines


def _eligible(connection: sqlite3.Connection, request: Request, table: UnitTable, question: Question) -> Flags:
    import numpy as np

    eligible = np.ones(len(table), dtype=bool)
    if request.tiers:
        eligible &= np.isin(table.tier, [TIERS.index(tier) for tier in request.tiers])
    elif not (question.past or request.explain):
        eligible &= table.tier != TIERS.index("superseded")
    if request.filters is not None and not request.filters.empty:
        condition, values = conditions.where(request.filters)
        sql = f"SELECT u.id FROM memory_unit u WHERE u.scope_id = ? AND {conditions.VISIBLE} AND {condition}"
        eligible &= _flags(table, [row[0] for row in connection.execute(sql, [request.scope_id, *values])])
    return eligible


def _flags(table: UnitTable, ids: Sequence[int]) -> Flags:
    import numpy as np

    flags = np.zeros(len(table), dtype=bool)
    if ids:
        rows, known = table.rows(np.array(ids, dtype=np.int64))
        flags[rows[known]] = True
    return flags


def _evidence(
    connection: sqlite3.Connection,
    request: Request,
    table: UnitTable,
    question: Question,
    cosines: Numbers | None,
    eligible: Flags,
) -> Asked:
    import numpy as np

    config, scope_id = request.config, request.scope_id
    codes, names = score.named_once(table, question)
    own = {word for name in names for word in name.split()}
    words = [word for word in question.words if word not in own] or list(question.words)
    lexical = lexical_view(connection, scope_id, table, term_groups(words), config.fts_weights)
    named = _named(connection, scope_id, table, question)
    about = _about(table, question, codes, named)
    parts = score.evidence(
        table,
        question,
        lexical,
        cosines,
        about,
        _phrased(connection, table, question, lexical.score),
        candidates=config.candidates,
    )
    kind = "none" if cosines is None or request.embedder is None else vectors.kind_of(request.embedder)
    weights = config.weights or MEASURED[kind]
    scores = score.fused(parts, weights, score.tier_weights(table, config))
    if not question.words:  # nothing to rank by: the latest first
        scores = score.scaled(table.said.astype(np.float64), len(table))
    found = _found(table, question, eligible, parts, cosines, named, config.candidates)
    scores, found = inherited(connection, table, scores, found, eligible, config.w_superseded)
    return Asked(question, table, parts, weights, eligible, found, scores)


def _named(connection: sqlite3.Connection, scope_id: int, table: UnitTable, question: Question) -> Flags:
    """The units with a facet the question names; those of a speaker are too many to tell anything."""
    persons = [name for name in question.persons if not table.speaker_named(name)]
    names = [*persons, *question.entities]
    sql = "SELECT unit_id FROM memory_facet WHERE scope_id = ? AND kind IN ('person', 'entity') AND norm IN ?"
    return _flags(table, [row[0] for row in rows_in(connection, sql, names, [scope_id])])


def _about(table: UnitTable, question: Question, codes: frozenset[int], named: Flags) -> Numbers:
    """The units by the one speaker the question names; when it names no speaker, those about the others it names."""
    import numpy as np

    if codes:
        return np.isin(table.speaker, sorted(codes)).astype(np.float64)
    others = question.persons and not any(table.speaker_named(name) for name in question.persons)
    return named.astype(np.float64) if others else np.zeros(len(table))


def _phrased(connection: sqlite3.Connection, table: UnitTable, question: Question, lexical: Numbers) -> Numbers:
    """The units that hold a phrase the question quotes."""
    import numpy as np

    flags = np.zeros(len(table))
    phrases = [fold(phrase) for phrase in question.phrases if fold(phrase)]
    if phrases:
        ids = table.ids[lexical > 0].tolist()
        for id, text in rows_in(connection, "SELECT id, text FROM memory_unit WHERE id IN ?", ids):
            if any(phrase in fold(text) for phrase in phrases):
                flags[np.searchsorted(table.ids, id)] = 1.0
    return flags


def _found(
    table: UnitTable,
    question: Question,
    eligible: Flags,
    parts: Mapping[str, Numbers],
    cosines: Numbers | None,
    named: Flags,
    most: int,
) -> Flags:
    """The candidates: the best of each view, at most `most` of each. Without any word to go by, the latest units."""
    import numpy as np

    found = np.zeros(len(table), dtype=bool)
    if not question.words:
        return _best(found, eligible, table.said.astype(np.float64), most)
    _best(found, eligible & (parts["lexical"] > 0), parts["lexical"], most)
    if cosines is not None:
        _best(found, eligible & ~np.isnan(cosines), np.nan_to_num(cosines), most)
    return _best(found, eligible & (named | (parts["time"] > 0)), table.said.astype(np.float64), most)


def _best(found: Flags, among: Flags, values: Numbers, most: int) -> Flags:
    """Mark the units with the highest values; those as high as the last one are marked too."""
    import numpy as np

    rows = np.flatnonzero(among)
    if len(rows) > most:
        rows = rows[values[rows] >= np.partition(values[rows], -most)[-most]]
    found[rows] = True
    return found


def _best_of(asked: Sequence[Asked]) -> Asked:
    """Several questions as one: a unit has the score of the question it fits best."""
    import dataclasses

    import numpy as np

    scores = np.maximum.reduce([np.where(one.found, one.scores, -np.inf) for one in asked])
    found = np.logical_or.reduce([one.found for one in asked])
    return dataclasses.replace(asked[0], scores=scores, found=found)


def _hits(
    connection: sqlite3.Connection, asked: Sequence[Asked], ranked: Sequence[Ranked], explain: bool
) -> list[MemoryHit]:
    ids = [one.id for one in ranked]
    rows, sources = read_rows(connection, ids), sources_of(connection, ids)
    messages = read_messages(connection, sorted({message for some in sources.values() for message in some}))
    hits = []
    for one in ranked:
        said = [messages[message] for message in sources.get(one.id, [])]
        hits.append(hit_of(one.id, rows[one.id], one.score, said, _views(asked, one.row) if explain else {}))
    return hits


def _views(asked: Sequence[Asked], row: int) -> dict[str, float]:
    """What each piece of evidence added to a unit's score, for the question it fits best."""
    one = max(asked, key=lambda some: float(some.scores[row]))
    parts = {name: round(weight * float(one.parts[name][row]), score.DIGITS) for name, weight in one.weights.items()}
    return {name: value for name, value in parts.items() if value}
