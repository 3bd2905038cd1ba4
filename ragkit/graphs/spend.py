"""Having a language model write the units of the chunks that need it most, within a budget of tokens.

Before each call its prompt, as counted, and the longest reply allowed are reserved; a call that does not fit is not
made. Afterwards what the provider reports is charged, else what was counted. Whatever a model does, every chunk keeps
at least the units the rules find.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ragkit.graphs.budget import Choice, centrality, choose, costs, need, pagerank, tokens_of
from ragkit.graphs.extraction import Extracted, extracted
from ragkit.graphs.statements import TEMPLATE, Counted, Item, ground, parse, prompt, template, uncovered
from ragkit.graphs.units import LLM, Unit, kept, rule_units, unit_record
from ragkit.store.ledger import Call, Run, Said
from ragkit.text.entities import entity_key, extract
from ragkit.text.recogniser import recognise
from ragkit.text.tokens import count_tokens

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragkit.components import Shelf
    from ragkit.graphs.clue import Clue
    from ragkit.store.ledger import Ledger
    from ragkit.types import Chunk

log = logging.getLogger(__name__)

PARTS = 256  # chunks extracted and written at once
MARGIN = 1.3  # our tokens are longer than a model's; what a model counts itself needs no margin
UNBOUNDED = 10**15  # tokens
PER_CALL = 32  # tokens of a chat's own marks, when we count


@dataclass(frozen=True, slots=True)
class Plan:
    """How a budget is to be spent; see `clue.Clue`."""

    model: BaseChatModel
    select: Any
    exact: bool = False
    content: bool = False
    batch: int = 8
    reply: float = 1.3
    max_completion: int = 0
    ground_min: float = 0.7
    counter: Callable[[str], int] | None = None

    @property
    def name(self) -> str:
        """The model's name, for the ledger."""
        for name in ("model_name", "model", "name"):
            value = getattr(self.model, name, None)
            if isinstance(value, str) and value:
                return value
        return type(self.model).__name__

    def count(self, text: str) -> int:
        """Tokens of a prompt: by the counter given, by the model where it counts itself, else estimated from above."""
        if self.counter is not None:
            return self.counter(text)
        own = getattr(self.model, "count_tokens", None)
        return int(own(text)) if callable(own) else int(MARGIN * count_tokens(text)) + PER_CALL

    def invoke(self, text: str, limit: int) -> Any:
        """The model's message; whatever it raises is raised."""
        from langchain_core.messages import HumanMessage

        return self.model.invoke([HumanMessage(text)], max_tokens=limit, temperature=0)

    def settled(self, call: Call, message: Any) -> tuple[Call, str]:
        """A call with what it cost, by the provider where it tells, and the reply as a text."""
        reply = message if isinstance(message, str) else _text(message.content)
        used = getattr(message, "usage_metadata", None)
        if used:
            prompted, completed = int(used.get("input_tokens", 0)), int(used.get("output_tokens", 0))
            return replace(call, prompt_tokens=prompted, completion_tokens=completed, counted_by="provider"), reply
        return replace(call, completion_tokens=self.count(reply) if reply else 0), reply


@dataclass(slots=True)
class Candidate:
    """A chunk that a model may be asked about."""

    slot: int
    chunk: Chunk
    found: Extracted
    rules: list[Unit]
    key: bytes
    said: tuple[str, ...] | None = None

    @property
    def item(self) -> Item:
        """As the model sees it."""
        return Item(self.found.head, self.chunk.text[self.found.body :])

    @property
    def sentences(self) -> list[str]:
        """The texts of its rule units, without heads."""
        return [self.chunk.text[unit.start : unit.end] for unit in self.rules]


@dataclass(slots=True)
class Spending:
    """One run: a pool of chunks, a budget, the calls made."""

    index: Clue
    shelf: Shelf
    ledger: Ledger
    plan: Plan
    spent: int = 0
    budget: int = 0
    overrun: int = 0
    accepted: int = 0
    rejected: Counted = field(default_factory=Counted)
    hits: Mapping[str, int] = field(default_factory=dict)

    def offer(self, slots: Sequence[int], budget: float) -> Run:
        """Use what was said of these chunks before, then spend the budget on the others that were never offered."""
        pool = self.candidates(slots)
        known = self.ledger.said([one.key for one in pool])
        for one in pool:
            one.said = known[one.key].statements if one.key in known else None
        self._reuse([one for one in pool if one.said is not None], known)
        self.spent = self.ledger.unfinished()
        return self._spend([one for one in pool if one.key not in known], budget)

    def upgrade(self, slots: Sequence[int], budget: float) -> Run:
        """Spend a budget on those of these chunks that no model has written units for."""
        pool = self.candidates(slots)
        known = self.ledger.said([one.key for one in pool])
        asked = {key for key, said in known.items() if said.statements is not None}
        for one in pool:
            one.said = known[one.key].statements if one.key in asked else None
        return self._spend([one for one in pool if one.key not in asked], budget)

    def candidates(self, slots: Sequence[int]) -> list[Candidate]:
        """The chunks of these slots with what the rules find, by id."""
        pool = []
        for start in range(0, len(slots), PARTS):
            part = slots[start : start + PARTS]
            chunks = self.shelf.chunks(part)
            index = self.index
            found = [kept(one, index.labels) for one in extracted(chunks, ner=index.ner, sources=index.sources)]
            for slot, chunk, one in zip(part, chunks, found, strict=True):
                rules = rule_units(chunk.text, one, index.titled, index.longest, index.hooks)
                pool.append(Candidate(int(slot), chunk, one, rules, self._key(one, chunk)))
        return sorted(pool, key=lambda one: one.chunk.id)

    def _key(self, found: Extracted, chunk: Chunk) -> bytes:
        whole = "\0".join((self.plan.name, TEMPLATE, found.head, chunk.text[found.body :]))
        return blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    # -- choosing -------------------------------------------------------------------------------------------------

    def _spend(self, pool: list[Candidate], budget: float) -> Run:
        sizes = self._costs(pool)
        self.budget = tokens_of(budget, sum(sizes))
        choice = choose(self._values(pool), sizes, self.budget, exact=self.plan.exact) if pool else Choice((), 0, 0, 0)
        chosen = [pool[place] for place in choice.chosen]
        allowed = self.budget
        if (
            self.plan.content
        ):  # the paper's budget counts texts alone: the choice keeps to it, calls cost what they cost
            self.budget = UNBOUNDED
        self._ask_all(chosen)
        self.budget = allowed
        asked = {one.slot for one in chosen if one.said is not None}
        rest = [one for one in pool if one.slot not in asked]
        self.ledger.keep([Said(one.key, one.chunk.document_id, None) for one in rest])
        run = Run(
            self.budget,
            choice.cost,
            self.spent,
            self.overrun,
            len(asked),
            len(pool),
            self.accepted,
            dict(sorted(self.rejected.reasons.items())),
        )
        if pool:
            self.ledger.finish(run)
        return run

    def _costs(self, pool: Sequence[Candidate]) -> list[int]:
        return costs(
            [one.item.text for one in pool],
            [one.item.head for one in pool],
            self.plan.count(template()),
            self.plan.batch,
            self.plan.reply,
            content=self.plan.content,
        )

    def _values(self, pool: Sequence[Candidate]) -> list[float]:
        """What each chunk is worth asking about."""
        select = self.plan.select
        if callable(select):
            return [float(value) for value in select([one.chunk for one in pool])]
        rows = self.shelf.rows(_ints(sorted(one.slot for one in pool)))
        place = {int(slot): number for number, slot in enumerate(rows.slots)}
        vectors = self.shelf.vectors(rows.texts[rows.text_starts[:-1]])[[place[one.slot] for one in pool]]
        if select == "pagerank":
            return [float(value) for value in pagerank(vectors)]
        central = centrality(vectors)
        if select == "centrality":
            return [float(value) for value in central]
        needs = [need(one.sentences, _names_more(one)) for one in pool]
        return [
            float(want * (1 + max(0.0, near)) * (1 + math.log1p(self.hits.get(one.chunk.id, 0))))
            for want, near, one in zip(needs, central, pool, strict=True)
        ]

    # -- asking ---------------------------------------------------------------------------------------------------

    def _ask_all(self, chosen: Sequence[Candidate]) -> None:
        for start in range(0, len(chosen), max(1, self.plan.batch)):
            batch = list(chosen[start : start + self.plan.batch])
            while batch and not self._fits(batch):
                batch = batch[:-1]  # the end of the budget: a smaller call may fit
            if batch:
                self._ask(batch, 1)
                self._write([one for one in batch if one.said])
            if self.overrun:
                log.warning("%s charged %d tokens more than was reserved; stopped", self.plan.name, self.overrun)
                return

    def _limit(self, batch: Sequence[Candidate]) -> int:
        """The longest reply allowed."""
        if self.plan.max_completion:
            return self.plan.max_completion
        return 2 * sum(count_tokens(one.item.text) for one in batch) + 64 * len(batch)

    def _fits(self, batch: Sequence[Candidate]) -> bool:
        reserved = self.plan.count(prompt([one.item for one in batch])) + self._limit(batch)
        return self.spent + reserved <= self.budget

    def _ask(self, batch: Sequence[Candidate], attempt: int) -> None:
        """One call; a reply that cannot be read is asked for once more in two halves, as far as the budget allows."""
        if not self._fits(batch):
            return
        text, limit = prompt([one.item for one in batch]), self._limit(batch)
        counted = self.plan.count(text)
        call = Call(
            tuple(one.chunk.id for one in batch), self.plan.name, TEMPLATE, counted, 0, "tokenizer", "error", attempt
        )
        try:
            message = self.plan.invoke(text, limit)
        except Exception as error:  # whatever a model raises, the chunks keep their rule units
            log.warning("%s failed on %d chunks: %s: %s", self.plan.name, len(batch), type(error).__name__, error)
            self._charge(call, counted + limit, ())
            self.rejected.add("failed call")
            return
        call, reply = self.plan.settled(call, message)
        found = parse(reply, len(batch), self.rejected)
        if found is None:
            self.rejected.add("unreadable reply")
            self._charge(replace(call, status="invalid"), counted + limit, ())
            if attempt == 1 and len(batch) > 1 and not self.overrun:
                half = (len(batch) + 1) // 2
                self._ask(batch[:half], 2)
                if not self.overrun:
                    self._ask(batch[half:], 2)
            return
        each = call.tokens // len(batch)
        for number, one in enumerate(batch):
            one.said = tuple(found.get(number, ()))
        said = [Said(one.key, one.chunk.document_id, one.said, each) for one in batch]
        self._charge(replace(call, status="ok"), counted + limit, said)

    def _charge(self, call: Call, reserved: int, said: Sequence[Said]) -> None:
        self.ledger.record(call, said)
        self.spent += call.tokens
        self.overrun += max(0, call.tokens - reserved)

    # -- using what was said --------------------------------------------------------------------------------------

    def _reuse(self, pool: Sequence[Candidate], known: Mapping[bytes, Said]) -> None:
        for one in pool:
            said = known[one.key]
            call = Call((one.chunk.id,), self.plan.name, TEMPLATE, 0, 0, "tokenizer", "cached", saved=said.tokens)
            self.ledger.record(call, [replace(said, document=one.chunk.document_id)])
        self._write([one for one in pool if one.said])

    def _write(self, pool: Sequence[Candidate]) -> None:
        """Replace the rows of chunks a model said something about that the chunk bears."""
        found = [(one, self._units(one)) for one in pool]
        changed = [(one, units) for one, units in found if units is not None]
        for start in range(0, len(changed), PARTS):
            part = changed[start : start + PARTS]
            rows = [unit_record(one.chunk, one.found, units).derived() for one, units in part]
            self.ledger.replace([one.slot for one, _ in part], rows, self.index.embedder)

    def _units(self, one: Candidate) -> list[Unit] | None:
        """The believed statements and the sentences they leave out, by place; None without any."""
        sentences = one.sentences
        believed = ground(one.said or (), one.found.head, sentences, self.plan.ground_min, self.rejected)
        # A sentence said again word for word brings nothing, and its own unit carries the head as well.
        known = {" ".join(sentence.split()): place for place, sentence in enumerate(sentences)}
        again = {known[statement.text] for statement in believed if statement.text in known}
        self.rejected.add("as in the text", len(again))
        believed = [statement for statement in believed if statement.text not in known]
        self.accepted += len(believed)
        if not believed:
            return None
        keys = self._keys([statement.text for statement in believed], one.found)
        left_out = sorted({*uncovered(sentences, believed), *again})
        if not left_out and not any(set(own) & set(one.found.homes) for own in keys):
            keys = [(*own, *one.found.homes) for own in keys]  # else nothing would lead to this chunk from its head
        units = [one.rules[place] for place in left_out]
        units += [
            Unit(
                statement.text,
                one.rules[statement.first].start,
                one.rules[statement.last].end,
                LLM,
                round(1000 * statement.confidence),
                own,
            )
            for statement, own in zip(believed, keys, strict=True)
        ]
        return sorted(units, key=lambda unit: (unit.start, unit.end, unit.origin, unit.text))

    def _keys(self, texts: Sequence[str], found: Extracted) -> list[tuple[str, ...]]:
        """What each statement names: its mentions, the head's keys when it names the head, or when it names nothing."""
        index = self.index
        names = list(recognise(texts, index.ner)) if index.ner and "ner" in index.sources else [[] for _ in texts]
        keys = []
        for text, spans in zip(texts, names, strict=True):
            mentions = extract(text, title=found.head, ner=spans, sources=frozenset(index.sources))
            about = replace(found, mentions=tuple((mention, entity_key(mention.surface)) for mention in mentions))
            own = [key for _, key in kept(about, index.labels).mentions if key]
            folded = f" {entity_key(text)} "
            own += [key for key in found.homes if f" {key} " in folded and key not in own]
            keys.append(tuple(own or found.homes))
        return keys


def _names_more(one: Candidate) -> list[bool]:
    """For each rule unit whether it names anything but the chunk's head."""
    from ragkit.graphs.extraction import keys_of

    spans = [(unit.start, unit.end) for unit in one.rules]
    return [bool(set(own) - set(one.found.homes)) for own in keys_of(spans, one.found.mentions, ())]


def _text(content: str | list[Any]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)


def _ints(values: Sequence[int]) -> Any:
    import numpy as np

    return np.array(values, dtype=np.int64)
