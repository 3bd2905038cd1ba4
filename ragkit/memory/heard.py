"""What a scope has heard so far: names, how rare words are, how salient turns were; what a new turn is measured by."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ragkit.memory.accept import Accepted
from ragkit.memory.config import MemoryConfig
from ragkit.memory.salience import idf, slot
from ragkit.memory.store import rows_in
from ragkit.memory.types import Facet
from ragkit.memory.words import content_words

COLD = 0.5  # salience as long as there is too little to compare with


@dataclass(slots=True)
class Heard:
    """What a scope has heard so far, as the units of a batch are measured against it one after the other."""

    names: set[str]
    df: dict[str, int]
    turns: int
    samples: int
    slots: dict[int, float]
    size: int
    changed_df: dict[str, int] = field(default_factory=dict)
    changed_slots: dict[int, tuple[str, float]] = field(default_factory=dict)
    _ordered: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ordered = sorted(self.slots.values())

    def again(self, df: dict[str, int]) -> Heard:
        """The same for another batch, whose words stand in `df`."""
        self.df, self.changed_df, self.changed_slots = df, {}, {}
        return self

    def rarity(self, word: str) -> float:
        """The idf of a word."""
        return idf(self.turns, self.df.get(word, 0))

    def share_below(self, raw: float) -> float:
        """The share of the raw saliences seen that are smaller."""
        return bisect_left(self._ordered, raw) / len(self._ordered) if self._ordered else COLD

    def take(self, uid: str, words: Iterable[str], facets: Iterable[Facet], raw: float) -> None:
        """Count a unit in."""
        self.turns += 1
        for word in words:
            self.df[word] = self.df.get(word, 0) + 1
            self.changed_df[word] = self.changed_df.get(word, 0) + 1
        self.names.update(facet.norm for facet in facets if facet.kind == "person")
        self.samples += 1
        place = slot(self.samples, self.size)
        if place is None:
            return
        old = self.slots.get(place)
        if old is not None:
            del self._ordered[bisect_right(self._ordered, old) - 1]
        self.slots[place] = raw
        insort(self._ordered, raw)
        self.changed_slots[place] = (uid, raw)


def terms_of(text: str) -> list[str]:
    """The words of a unit that the scope's document frequencies count, each once, sorted."""
    return sorted(set(content_words(text)))


def heard_of(
    connection: sqlite3.Connection,
    scope_id: int,
    messages: Sequence[Accepted],
    config: MemoryConfig,
    known: Heard | None = None,
) -> Heard:
    """What a scope has heard, as far as these messages are measured by it; `known` is all of it but the words."""
    words = sorted({word for message in messages for word in terms_of(message.plain)})
    sql = "SELECT term, df FROM memory_term_df WHERE scope_id = ? AND term IN ?"
    df = dict(rows_in(connection, sql, words, [scope_id]))
    if known is not None:
        return known.again(df)
    turns, samples = connection.execute("SELECT turns, samples FROM memory_scope WHERE id = ?", [scope_id]).fetchone()
    slots = connection.execute(
        "SELECT slot, value FROM memory_sample WHERE scope_id = ? AND kind = 'salience'", [scope_id]
    )
    return Heard(
        names=names_of(connection, scope_id),
        df=df,
        turns=turns,
        samples=samples,
        slots=dict(slots.fetchall()),
        size=config.reservoir,
    )


def save_heard(connection: sqlite3.Connection, scope_id: int, heard: Heard) -> None:
    """Write what a scope has heard since it was read."""
    connection.execute(
        "UPDATE memory_scope SET turns = ?, samples = ? WHERE id = ?", [heard.turns, heard.samples, scope_id]
    )
    connection.executemany(
        "INSERT INTO memory_term_df VALUES (?, ?, ?) ON CONFLICT (scope_id, term) DO UPDATE SET df = df + excluded.df",
        [(scope_id, term, more) for term, more in sorted(heard.changed_df.items())],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO memory_sample VALUES (?, 'salience', ?, "
        "(SELECT id FROM memory_unit WHERE scope_id = ? AND uid = ?), ?)",
        [(scope_id, place, scope_id, uid, raw) for place, (uid, raw) in sorted(heard.changed_slots.items())],
    )


def names_of(connection: sqlite3.Connection, scope_id: int) -> set[str]:
    """The names of persons known in a scope, folded; found by leaping through the index, not by reading it all."""
    sql = """
        WITH RECURSIVE name (norm) AS (
            SELECT min(norm) FROM memory_facet WHERE scope_id = :scope AND kind = 'person'
            UNION ALL
            SELECT (SELECT min(norm) FROM memory_facet WHERE scope_id = :scope AND kind = 'person' AND norm > name.norm)
            FROM name WHERE name.norm IS NOT NULL
        )
        SELECT norm FROM name WHERE norm IS NOT NULL"""
    return {row[0] for row in connection.execute(sql, {"scope": scope_id})}
