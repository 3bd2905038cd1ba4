"""Calls of language models, token by token, and what they said, kept beside the index they were made for."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from ragkit.errors import StoreError
from ragkit.store.codec import pack
from ragkit.store.collect import collect, loosen_rows
from ragkit.store.sqlite import MissingVectorsError

if TYPE_CHECKING:
    from ragkit.components import Derived, Embedder
    from ragkit.store.sqlite import IndexEntry, SQLiteStore

log = logging.getLogger(__name__)

CallStatus = Literal["ok", "invalid", "error", "cached"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the chunks it was about, its tokens and who counted them ("provider" or "tokenizer"), how it ended.

    `saved` are the tokens a cached reply did not cost; such a call has no tokens of its own.
    """

    chunks: tuple[str, ...]
    model: str
    template: str
    prompt_tokens: int
    completion_tokens: int
    counted_by: str
    status: CallStatus
    attempt: int = 1
    saved: int = 0

    @property
    def tokens(self) -> int:
        """What it cost."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Run:
    """One time a budget was spent: tokens allowed, planned and spent, chunks chosen of those offered, units by fate.

    `overrun` are tokens a provider charged beyond what was reserved for its last call.
    """

    budget: int = 0
    planned: int = 0
    spent: int = 0
    overrun: int = 0
    chosen: int = 0
    offered: int = 0
    accepted: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a stage's calls came to, over all runs; `chunks` and `units` count those there are by origin."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    failed: int
    cached: int
    saved: int
    runs: tuple[Run, ...]
    chunks: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, int] = field(default_factory=dict)

    @property
    def spent(self) -> int:
        """All tokens charged."""
        return self.prompt_tokens + self.completion_tokens

    def price(self, prompt_per_million: float, completion_per_million: float) -> float:
        """The same in money, at these prices for a million tokens."""
        return (self.prompt_tokens * prompt_per_million + self.completion_tokens * completion_per_million) / 1e6


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said about a chunk: `statements`, None when it was offered but not asked; `tokens` it cost."""

    key: bytes
    document: str
    statements: tuple[str, ...] | None
    tokens: int = 0


class Ledger:
    """The calls made for one index of one store."""

    def __init__(self, store: SQLiteStore, entry: IndexEntry, noted: list[tuple[str, Call]] | None = None) -> None:
        self.store, self.entry = store, entry
        self._noted = [] if noted is None else noted

    def under(self, part: str) -> Ledger:
        """The ledger of a part of the stage, which has calls and a usage of its own."""
        return Ledger(self.store, replace(self.entry, stage=f"{self.entry.stage} {part}"), self._noted)

    @property
    def busy(self) -> bool:
        """Whether the store is in the middle of a transaction of this process, when nothing can be written."""
        return self.store.db.conn.in_transaction

    def record(self, call: Call, said: Sequence[Said] = ()) -> None:
        """Write a call down, with what it brought, in one transaction."""
        with self.store.writing():
            self._insert(self.entry.stage, call)
            self._keep(said)

    def note(self, call: Call) -> None:
        """Write down a call made for a question: at once, or by `flush` when the question is answered.

        While it is, the store shows one committed state, and nothing can be written.
        """
        self._noted.append((self.entry.stage, call))
        if not self.busy:
            self.flush()

    def flush(self) -> None:
        """Write down the calls that were noted; they stay noted while the store is too busy for it."""
        if not self._noted:
            return
        try:
            with self.store.keeping():
                for stage, call in self._noted:
                    self._insert(stage, call)
            self._noted.clear()
        except StoreError as error:  # the answer is not to be lost for it
            log.warning("calls of %s are not written down yet: %s", self.entry.stage, error)

    def _insert(self, stage: str, call: Call) -> None:
        self.store.db.execute(
            "INSERT INTO llm_calls (time, stage, chunks, model, template, prompt_tokens, completion_tokens, "
            "counted_by, status, attempt, saved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                _now(),
                stage,
                json.dumps(call.chunks, ensure_ascii=False),
                call.model,
                call.template,
                call.prompt_tokens,
                call.completion_tokens,
                call.counted_by,
                call.status,
                call.attempt,
                call.saved,
            ],
        )

    def finish(self, run: Run) -> None:
        """Write down what a run came to."""
        with self.store.writing():
            self.store.db.execute(
                "INSERT INTO llm_runs (time, stage, budget, planned, spent, overrun, chosen, offered, accepted, "
                "rejected, last_call) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(id), 0) FROM llm_calls))",
                [
                    _now(),
                    self.entry.stage,
                    run.budget,
                    run.planned,
                    run.spent,
                    run.overrun,
                    run.chosen,
                    run.offered,
                    run.accepted,
                    json.dumps(dict(run.rejected), sort_keys=True),
                ],
            )

    def keep(self, said: Sequence[Said]) -> None:
        """Remember what was said, or that chunks were offered and not asked about."""
        if said:
            with self.store.writing():
                self._keep(said)

    def _keep(self, said: Sequence[Said]) -> None:
        self.store.db.conn.executemany(
            "INSERT OR REPLACE INTO llm_units (key, document, statements, tokens) VALUES (?, ?, ?, ?)",
            [
                (
                    one.key,
                    one.document,
                    None if one.statements is None else json.dumps(one.statements, ensure_ascii=False),
                    one.tokens,
                )
                for one in said
            ],
        )

    def said(self, keys: Sequence[bytes]) -> dict[bytes, Said]:
        """What is remembered under these keys, whichever document it was said of."""
        sql = "SELECT key, document, statements, tokens FROM llm_units WHERE key IN ?"
        found: dict[bytes, Said] = {}
        for key, document, statements, tokens in self.store.rows_in(sql, list(dict.fromkeys(keys))):
            if statements is not None or key not in found:
                found[key] = Said(key, document, None if statements is None else tuple(json.loads(statements)), tokens)
        return found

    def usage(self) -> Usage:
        """All calls and runs of this stage."""
        stage = [self.entry.stage]
        totals = self.store.rows(
            "SELECT count(*) FILTER (WHERE status != 'cached'), coalesce(sum(prompt_tokens), 0), "
            "coalesce(sum(completion_tokens), 0), count(*) FILTER (WHERE status IN ('invalid', 'error')), "
            "count(*) FILTER (WHERE status = 'cached'), coalesce(sum(saved), 0) FROM llm_calls WHERE stage = ?",
            stage,
        )[0]
        columns = ("budget", "planned", "spent", "overrun", "chosen", "offered", "accepted", "rejected")
        runs = self.store.rows(f"SELECT {', '.join(columns)} FROM llm_runs WHERE stage = ? ORDER BY id", stage)
        told = [dict(zip(columns, row, strict=True)) for row in runs]
        calls, prompted, completed, failed, cached, saved = totals
        return Usage(
            calls,
            prompted,
            completed,
            failed,
            cached,
            saved,
            tuple(Run(**run | {"rejected": json.loads(run["rejected"])}) for run in told),
        )

    def unfinished(self) -> int:
        """Tokens of the calls of a run that was broken off, which its resumption has to count."""
        sql = (
            "SELECT coalesce(sum(prompt_tokens + completion_tokens), 0) FROM llm_calls WHERE stage = ? AND id > "
            "(SELECT coalesce(max(last_call), 0) FROM llm_runs WHERE stage = ?)"
        )
        return int(self.store.rows(sql, [self.entry.stage, self.entry.stage])[0][0])

    @property
    def offered(self) -> int:
        """The highest slot whose chunk was offered to a model."""
        return int(self.store.setting(f"offered {self.entry.number}") or 0)

    def mark_offered(self, slot: int) -> None:
        """Note that all chunks up to this slot were offered."""
        self.store.remember(f"offered {self.entry.number}", str(slot))

    def calls(self) -> list[Call]:
        """Every call of this stage, oldest first."""
        rows = self.store.rows(
            "SELECT chunks, model, template, prompt_tokens, completion_tokens, counted_by, status, attempt, saved "
            "FROM llm_calls WHERE stage = ? ORDER BY id",
            [self.entry.stage],
        )
        return [Call(tuple(json.loads(row[0])), *row[1:]) for row in rows]

    def replace(self, slots: Sequence[int], rows: Sequence[Derived], embedder: Embedder) -> None:
        """Put these rows in place of those the slots have in this index, embedding texts that have no vector yet."""
        assert self.entry.model is not None  # an index with an embedder has one
        texts = list(dict.fromkeys(text for row in rows for text in row.texts))
        known = self.store.with_vectors(self.entry.model, texts)
        new = [text for text in texts if text not in known]
        vectors = {self.entry.model: dict(zip(new, pack(embedder.embed(new)), strict=True)) if new else {}}
        for _ in range(3):
            try:
                self._write(slots, rows, vectors)
                return
            except MissingVectorsError as error:
                fresh = pack(embedder.embed(error.texts))
                vectors[self.entry.model].update(zip(error.texts, fresh, strict=True))
        raise StoreError(
            f"{self.store.path}: another process keeps removing the vectors this one adds; try again when it is done"
        )

    def _write(self, slots: Sequence[int], rows: Sequence[Derived], vectors: Mapping[int, Mapping[str, bytes]]) -> None:
        with self.store.writing():
            loosen_rows(self.store, self.entry.number, slots)
            self.store.put_derived(self.entry.number, slots, rows, vectors)
            collect(self.store)
            self.store.db.execute(
                "INSERT INTO meta VALUES (?, '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1",
                [f"revision {self.entry.number}"],
            )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
