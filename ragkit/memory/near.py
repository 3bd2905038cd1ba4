"""Turns that nearly repeat each other: kept both, linked, so that only the newer is shown.

Near means: nearly the same words, exactly the same numbers, negations and names, and nearly the same vector. The vector
alone never decides: "I can swim" and "I cannot swim" lie close together.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragkit.memory.accept import plain
from ragkit.memory.claims import claim_of
from ragkit.memory.config import MemoryConfig
from ragkit.memory.store import MemoryStore, rows_in
from ragkit.memory.types import Facet
from ragkit.memory.words import all_words, content_words

if TYPE_CHECKING:
    from ragkit.components import Embedder

MOST_WORDS = 8  # rare words looked for; of long texts not all that could be shared
MOST = 30  # older units looked at for each new one, the latest first


def vector_text(context: Sequence[str], own: str, config: MemoryConfig) -> str:
    """What the vector of a turn is made of: the messages before it, as the configuration says, and itself."""
    before = list(context)[-config.vector_before :] if config.vector_before else []
    return "\n".join([*before, own])


def candidates(
    connection: sqlite3.Connection,
    scope_id: int,
    unit: int,
    text: str,
    facets: Sequence[Facet],
    df: Mapping[str, int],
    config: MemoryConfig,
) -> list[int]:
    """The older turns of the scope whose words, numbers, negations and names make them near; vectors still decide.

    Two sets of n words that share a part j of all their words share one of the n - ceil(j n) + 1 rarest of either, so
    only turns with one of these are looked at. `df` already counts the unit itself.
    """
    words = set(all_words(text))
    if not words:
        return []
    leading = min(MOST_WORDS, len(words) - math.ceil(config.near_jaccard * len(words)) + 1)
    rarest = sorted(set(content_words(text)), key=lambda word: (df.get(word, 0), word))[:leading]
    shared = [word for word in rarest if df.get(word, 0) > 1]
    if not shared:
        return []
    match = "{text grams} : (" + " OR ".join(f'"{word}"' for word in shared) + ")"
    rows = connection.execute(
        "SELECT u.id, m.text, m.captions FROM memory_fts f JOIN memory_unit u ON u.id = f.rowid "
        "JOIN memory_message m ON m.scope_id = u.scope_id AND m.uid = u.uid "
        "WHERE memory_fts MATCH ? AND u.scope_id = ? AND u.id < ? AND u.kind = 'turn' AND u.hidden_us IS NULL "
        "AND length(m.text) BETWEEN ? AND ? ORDER BY f.rowid DESC LIMIT ?",
        [match, scope_id, unit, len(text) // 2, 2 * len(text), MOST],
    ).fetchall()
    found = [
        id
        for id, other, captions in rows
        if _alike(text, words, other if captions == "[]" else plain(other, json.loads(captions)), config.near_jaccard)
    ]
    return [id for id in found if _names(facets) == _names_of(connection, id)]


def _alike(text: str, words: set[str], other: str, least: float) -> bool:
    others = set(all_words(other))
    together = words | others
    return len(words & others) >= least * len(together) and claim_of(text) == claim_of(other)


def _names(facets: Sequence[Facet]) -> set[str]:
    return {facet.norm for facet in facets if facet.kind in ("person", "entity")}


def _names_of(connection: sqlite3.Connection, unit: int) -> set[str]:
    sql = "SELECT norm FROM memory_facet WHERE unit_id = ? AND kind IN ('person', 'entity')"
    return {row[0] for row in connection.execute(sql, [unit])}


def link(
    store: MemoryStore, scope_id: int, pairs: Sequence[tuple[int, int]], embedder: Embedder, config: MemoryConfig
) -> int:
    """Link those pairs (newer, older) whose vectors are near too; how many. Raises what the embedder raises."""
    units = sorted({unit for pair in pairs for unit in pair})
    sql = (
        "SELECT u.id, m.text, m.captions FROM memory_unit u JOIN memory_message m ON m.scope_id = u.scope_id "
        "AND m.uid = u.uid WHERE u.scope_id = ? AND u.id IN ?"
    )
    with store.read() as connection:
        texts = {row[0]: plain(row[1], json.loads(row[2])) for row in rows_in(connection, sql, units, [scope_id])}
    there = [pair for pair in pairs if pair[0] in texts and pair[1] in texts]
    if not there:
        return 0
    order = sorted(texts)
    vectors = dict(zip(order, embedder.embed([texts[unit] for unit in order]), strict=True))
    cosines = [(newer, older, float(vectors[newer] @ vectors[older])) for newer, older in there]
    near = [(newer, older, cosine) for newer, older, cosine in cosines if cosine >= config.near_cosine]
    if near:
        with store.write() as connection:
            # Only where both are still there: one may have been erased in between.
            connection.executemany(
                "INSERT OR IGNORE INTO memory_link SELECT :newer, :older, 'duplicates', :cosine WHERE "
                "(SELECT count(*) FROM memory_unit WHERE id IN (:newer, :older)) = 2",
                [{"newer": newer, "older": older, "cosine": cosine} for newer, older, cosine in near],
            )
    return len(near)
