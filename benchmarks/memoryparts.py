"""What a memory costs at scale, and what each part of its score adds; run by `memory.py`."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
from locomo import CUTS, Conversation, Outcome, Ranking, time_of

from ragkit.memory import Memory, MemoryConfig, Message, recall
from ragkit.memory.rows import read_messages, sources_of
from ragkit.memory.score import fused, tier_weights
from ragkit.memory.types import to_us
from ragkit.memory.vectors import kind_of
from ragkit.memory.weights import MEASURED, NAMES, SEMANTIC
from ragkit.models.embedders import load_embedder

BATCH = 100  # messages added at a time
SCALES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


def filled(conversation: Conversation, embedder: str | None, file: Path) -> tuple[Memory, float]:
    """A memory of a conversation with all its vectors, and the seconds that took."""
    config = MemoryConfig(preceding=False)
    memory = Memory(file, scope=conversation.id, embedder=embedder, config=config, worker=False)
    started = time.perf_counter()
    for start in range(0, len(conversation.messages), BATCH):
        memory.add_many(conversation.messages[start : start + BATCH])
    memory.flush()
    return memory, time.perf_counter() - started


def scale(conversations: Sequence[Conversation], count: int, embedder: str | None, folder: Path) -> dict[str, float]:
    """One memory of `count` messages: how fast it takes them in, and how long a search takes."""
    messages: list[Message] = []
    for again in range(1_000_000):
        for place, one in enumerate(conversations):
            for message in one.messages:
                mark = f"{again}/{place}/"
                moment = time_of(message) + timedelta(days=400 * again)
                messages.append(
                    dataclasses.replace(
                        message, time=moment, session=mark + (message.session or ""), id=mark + (message.id or "")
                    )
                )
        if len(messages) >= count:
            break
    del messages[count:]
    questions = [question.text for one in conversations for question in one.questions]
    picked = [questions[place] for place in np.linspace(0, len(questions) - 1, 200).astype(int)]
    with Memory(folder / f"scale-{embedder}.db", embedder=embedder, worker=False) as memory:
        adding = Watch()
        for start in range(0, len(messages), BATCH):
            memory.add_many(messages[start : start + BATCH])
        memory.flush()
        adding.stop()
        memory.search("warm up", k=10)
        searches = [Watch().around(partial(memory.search, question, k=10)) for question in picked]
        fresh = []
        for place, question in enumerate(picked[:20]):
            memory.add(f"Note {place}: {question}", speaker="Ann", session="fresh")
            fresh.append(Watch().around(partial(memory.search, question, k=10)))
        units = sum(memory.stats().units.values())
    result = {"units": units, "messages_per_s": count / adding.wall, "messages_per_s_cpu": count / adding.cpu}
    for kind in ("wall", "cpu"):
        spent = sorted(1000 * getattr(watch, kind) for watch in searches)
        suffix = "_ms" if kind == "wall" else "_cpu_ms"
        result |= {
            f"search_p50{suffix}": statistics.median(spent),
            f"search_p95{suffix}": spent[int(0.95 * len(spent))],
        }
        result[f"search_after_add{suffix}"] = statistics.median(1000 * getattr(watch, kind) for watch in fresh)
    return result


class Watch:
    """Counts seconds, on the wall and of the processor, from when it is made."""

    def __init__(self) -> None:
        self.wall, self.cpu = -time.perf_counter(), -time.process_time()

    def stop(self) -> None:
        """Now it is enough."""
        self.wall += time.perf_counter()
        self.cpu += time.process_time()

    def around(self, call: Callable[[], object]) -> Watch:
        """Count one call."""
        call()
        self.stop()
        return self


def ablations(
    conversations: Sequence[Conversation], row: str, embedder: str | None, folder: Path
) -> dict[str, Outcome]:
    """The row as it is, without one part of its score at a time, and with its semantic part scaled.

    The evidence is the same for all, so it is gathered once for each question.
    """
    weights = MEASURED[kind_of(load_embedder(embedder)) if embedder else "none"]
    variants = {row: weights}
    for name in NAMES:
        if getattr(weights, name):
            variants[f"{row} without {name}"] = dataclasses.replace(weights, **{name: 0.0})
    for times in SCALES if embedder else ():
        scaled = {name: times * getattr(weights, name) for name in SEMANTIC}
        variants[f"{row} semantic x {times:g}"] = dataclasses.replace(weights, **scaled)
    outcomes = {name: Outcome() for name in variants}
    for conversation in conversations:
        memory, _ = filled(conversation, embedder, folder / f"{row}.db")
        scope_id = memory.store.scope_id(memory.scope)
        assert scope_id is not None
        request = recall.Request(memory.store, scope_id, memory.config, to_us(conversation.asked), memory.embedder)
        with memory.store.read() as connection:
            unit_ids = recall.table_of(connection, memory.store, scope_id, memory.config).ids.tolist()
            sources = sources_of(connection, unit_ids)
            uids = {number: one.id or "" for number, one in read_messages(connection, list_of(sources)).items()}
        turns = [frozenset(uids[one] for one in sources[id]) for id in unit_ids]
        for question in conversation.questions:
            asked = recall.ask(request, [question.text])[0]
            tier = tier_weights(asked.table, memory.config)
            for name, some in variants.items():
                scores = np.where(asked.found, fused(asked.parts, some, tier), -np.inf)
                best = np.lexsort((-asked.table.start, -scores))[: max(CUTS)]
                outcomes[name].rankings.append((conversation, question, Ranking([turns[row] for row in best.tolist()])))
    return outcomes


def list_of(sources: Mapping[int, Sequence[int]]) -> list[int]:
    """All numbers in the values, each once, in order."""
    return sorted({one for some in sources.values() for one in some})
