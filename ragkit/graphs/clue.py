"""Clue-RAG as an index: knowledge units between chunks and entities, searched by walking from one to the next.

Source: "Clue-RAG: Towards Accurate and Cost-Efficient Graph-based RAG via Multi-Partite Graph and Query-Driven
Iterative Retrieval", arXiv 2507.08445, from its description alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ragkit.components import Between, Derived, Shelf
from ragkit.errors import InvalidValueError, StageParameterError, StoreError
from ragkit.graphs.budget import tokens_of
from ragkit.graphs.index import GraphIndex
from ragkit.graphs.unithooks import Clause, Hooks
from ragkit.types import Chunk, Hits, Query

if TYPE_CHECKING:
    import networkx

    from ragkit.components import Vectors
    from ragkit.graphs.cluearrays import ClueState
    from ragkit.graphs.cluecontrol import Controller
    from ragkit.graphs.cluesearch import ClueSearch
    from ragkit.graphs.qiter import Rules
    from ragkit.graphs.spend import Plan, Spending
    from ragkit.models.cross_encoders import Reader
    from ragkit.store.ledger import Ledger, Run, Usage

SOURCES = ("ner", "caps", "quotes", "dates", "numbers", "acronyms", "aliases", "title")
SELECTS = ("need", "centrality", "pagerank")
ANY = 1_000_000_000
REFERENCE: dict[str, Any] = {
    "titled": "first",
    "sources": ("ner", "title"),  # the title stands in the first sentence, where the recogniser would see it
    "labels": tuple("DATE EVENT FAC GPE LANGUAGE LAW LOC NORP ORG PERSON PRODUCT WORK_OF_ART".split()),
    "longest": 100_000,
    "anchors": "both",
    "link_k": 3,
    "link_min": -1.0,
    "hub_max": ANY,
    "expand": 3,
    "beam": 5,
    "rounds": 3,
    "residual": 1.0,
    "coverage": 0.0,
    "home_pick": 0.0,
    "home_path": 0.0,
    "beam_per_anchor": False,
    "balance": 0.0,
    "final": "dense",
    "far": 0.0,
    "dense": 0.0,
    "lexical": 0.0,
    "lexical_homeless": 0.0,
    "fill": False,
    "select": "centrality",
    "budget_basis": "content",
    "batch": 1,
}
SEARCHING = frozenset(
    "anchors link_k link_min hub_max expand beam rounds far residual coverage home_pick home_path beam_per_anchor "
    "balance jump unit_channel patience cross_encoder controller final dense lexical lexical_homeless fill".split()
)
FORMAT = 1  # raise it when rows change meaning, so that stores are built again


class Clue(GraphIndex["ClueState"]):
    """Walks from the question's entities over knowledge units, each step towards what is still unsaid (Clue-RAG).

    Rows depend on:
      `model` embeds chunks, units, entities and questions; `ner` is the spaCy model that recognises names ("en" the
      packaged English one, "" rules alone); `sources` are the kinds of names kept (see `ragkit.text.entities`),
      `labels` their labels (none: all but amounts and times); `titled`: "each" unit carries its document's title or
      heading, the "first" of a chunk, or "no"; a sentence of more than `longest` words is cut where it may be.
      From Python only: `split_clauses` and `decontextualize` change sentences, see `ragkit.graphs.unithooks`.
    Anchors:
      the entities "named" in the question, or "both" those and the ones of the units most like it, which also serve
      when none is named. A name the graph does not know stands for its `link_k` nearest entities of at least `link_min`
      cosine; entities in more than `hub_max` units are no anchors while others remain, and are not walked through. With
      `gazetteer` units also name the titles, and the names of several other units, that stand in them.
    Walk:
      `rounds` times, each path goes on to the `expand` best units of each of its entities; the `beam` best paths are
      kept, of every anchor with `beam_per_anchor`. `residual` is how much of what a path has said is taken off the
      question; `home_pick` favours units on the page about the entity. A path is worth its cosine, its `coverage` of
      the question's words, and `home_path` times its share of such units, less `far` for each unit after the second, so
      that a longer path has to say more. `jump` units may be reached from anywhere.
      With `patience` it stops after so many rounds without progress. `balance` lifts the weaker of the names.
      A `cross_encoder` (folder or name as sentence-transformers loads it, or an object with `predict`) reads each path
      in place of cosine and coverage. A `controller`, a chat model as `answer` takes it or a function of the question
      and the units so far, is asked after each round but the last whether that is enough, or what to look for next.
    Ranking:
      `final` orders chunks by their best path plus `dense` times cosine plus `lexical` times BM25 (`lexical_homeless`
      when no anchor has a page of its own), by the path alone, those on paths by cosine ("dense") or by the
      cross-encoder ("rerank"), or fuses path and likeness by rank. `unit_channel` units most like the question count as
      paths of their own. With `fill` chunks on no path follow by likeness, dense and lexical.

    Language model (optional; every chunk keeps the units the rules find where the model's are missing or not believed):
      `llm` is a chat model as `answer` takes it, `llm_budget` what it may cost each time chunks were added: a whole
      number of tokens, or a share (0.0 to 1.0) of what asking about all of them would; it is spent when the index is
      next opened. With `budget_basis` "content" the budget counts chunk texts alone, as in the paper, and bounds the
      choice, not the calls. `select` says which chunks: those in "need" (pronouns, long sentences, no names), of
      highest "centrality" or "pagerank", or by a function from chunks to values; `exact` solves the choice exactly.
      `batch` chunks go into a call; `reply` is the expected reply per token of text, `max_completion` its limit (0: by
      the texts' length); statements need `ground_min` of their words in the chunk. `counter` counts a prompt's tokens.

    The defaults are those that won on HotpotQA and 2WikiMultihopQA (benchmarks/RESULTS.md); `reference()` gives the
    settings that published the paper's numbers.
    """

    stage = "clue"

    def __init__(
        self,
        model: str | Any = "minilm",
        ner: str = "en",
        titled: Literal["each", "first", "no"] = "each",
        longest: Annotated[int, Between(16)] = 80,
        anchors: Literal["named", "both"] = "named",
        link_k: Annotated[int, Between(0, 100)] = 1,
        link_min: Annotated[float, Between(-1, 1)] = 0.7,
        hub_max: Annotated[int, Between(1)] = 100,
        expand: Annotated[int, Between(1, 1000)] = 5,
        beam: Annotated[int, Between(1, 1000)] = 20,
        rounds: Annotated[int, Between(0, 20)] = 3,
        far: Annotated[float, Between(0, 10)] = 0.15,
        residual: Annotated[float, Between(0, 10)] = 0.5,
        coverage: Annotated[float, Between(0, 1)] = 0.7,
        home_pick: Annotated[float, Between(0, 10)] = 0.3,
        home_path: Annotated[float, Between(0, 10)] = 0.4,
        beam_per_anchor: bool = True,
        balance: Annotated[float, Between(0, 1)] = 1.0,
        jump: Annotated[int, Between(0, 1000)] = 0,
        unit_channel: Annotated[int, Between(0, 1000)] = 0,
        patience: Annotated[int, Between(0, 20)] = 0,
        cross_encoder: str | Any = "",
        controller: str | Any = "",
        final: Literal["path+dense", "path", "dense", "rerank", "rrf", "min_rank"] = "path+dense",
        dense: Annotated[float, Between(0, 100)] = 0.25,
        lexical: Annotated[float, Between(0, 100)] = 0.1,
        lexical_homeless: Annotated[float, Between(0, 100)] = 0.4,
        fill: bool = True,
        sources: tuple[str, ...] = SOURCES,
        labels: tuple[str, ...] = (),
        split_clauses: Callable[[str], Sequence[Clause]] | None = None,
        decontextualize: Callable[[str, str], str] | None = None,
        gazetteer: bool = False,
        llm: str | Any = "",
        llm_budget: int | float | None = None,
        budget_basis: Literal["tokens", "content"] = "tokens",
        select: str | Any = "need",
        exact: bool = False,
        batch: Annotated[int, Between(1, 100)] = 8,
        reply: Annotated[float, Between(0, 100)] = 1.3,
        max_completion: Annotated[int, Between(0)] = 0,
        ground_min: Annotated[float, Between(0, 1)] = 0.7,
        counter: Callable[[str], int] | None = None,
    ) -> None:
        if isinstance(select, str) and select not in SELECTS:
            raise InvalidValueError(f"select must be one of {', '.join(SELECTS)} or a function, not {select!r}")
        if final == "rerank" and not cross_encoder:
            raise InvalidValueError('final="rerank" needs a cross-encoder; name one: clue(cross_encoder=…)')
        tokens_of(llm_budget, 0)  # refuses what is no budget
        self.model, self.ner, self.titled, self.longest = model, ner, titled, longest
        self.anchors, self.link_k, self.link_min, self.hub_max = anchors, link_k, link_min, hub_max
        self.expand, self.beam, self.rounds, self.residual = expand, beam, rounds, residual
        self.coverage, self.home_pick, self.home_path = coverage, home_pick, home_path
        self.beam_per_anchor, self.balance = beam_per_anchor, balance
        self.jump, self.unit_channel, self.patience = jump, unit_channel, patience
        self.far = far
        self.final, self.dense = final, dense
        self.lexical, self.lexical_homeless, self.fill = lexical, lexical_homeless, fill
        self.cross_encoder, self.controller = cross_encoder, controller
        self.sources, self.labels, self.gazetteer = sources, labels, gazetteer
        self.hooks = Hooks(decontextualize, split_clauses)
        self.llm, self.llm_budget, self.budget_basis, self.select = llm, llm_budget, budget_basis, select
        self.exact, self.batch, self.reply = exact, batch, reply
        self.max_completion, self.ground_min, self.counter = max_completion, ground_min, counter
        self._state: ClueState | None = None
        self._settled = -1
        self._hits: Counter[str] = Counter()

    @classmethod
    def reference(cls, **changes: Any) -> Clue:
        """The settings behind the paper's numbers, with this package's models.

        Raw sentences with the title in the first only, recognised entities of twelve kinds and titles, three nearest
        entities without a threshold, no hub limit, one beam of 5, no coverage and no homes; chunks on paths by the
        cross-encoder when one is named, else by cosine, and no others.
        """
        final = {"final": "rerank"} if changes.get("cross_encoder") else {}
        return cls(**{**REFERENCE, **final, **changes})

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to derive rows: the settings, neither the opened store nor a language model."""
        left = {"llm": "", "select": "need", "counter": None, "controller": "", "cross_encoder": ""}
        kept = {name: value for name, value in vars(self).items() if name not in ("rules", "reader")}
        return {**kept, **left, "_state": None, "_hits": Counter()}

    # -- building -------------------------------------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """The model, the recogniser and the settings that rows depend on."""
        from ragkit.text.recogniser import fingerprint

        parts = [self.embedder.fingerprint, fingerprint(self.ner)]
        parts += [] if self.titled == "each" else [f"titled {self.titled}"]
        parts += [] if self.longest == 80 else [f"up to {self.longest} words"]
        parts += [] if self.sources == SOURCES else [f"only {' '.join(self.sources)}"]
        parts += [f"labels {' '.join(self.labels)}"] if self.labels else []
        parts += self.hooks.names()
        return f"{', '.join(parts)}, units {FORMAT}"

    def derive(self, chunks: Sequence[Chunk]) -> list[Derived]:
        """The row of each chunk; see `ragkit.graphs.units`."""
        from ragkit.graphs.units import unit_records

        found = unit_records(
            chunks,
            ner=self.ner,
            sources=self.sources,
            labels=self.labels,
            titled=self.titled,
            longest=self.longest,
            hooks=self.hooks,
        )
        return [record.derived() for record in found]

    def _new_state(self, shelf: Shelf) -> ClueState:
        from ragkit.graphs.cluearrays import ClueState

        return ClueState(shelf, self.embedder.dim, self.gazetteer)

    # -- language model -------------------------------------------------------------------------------------------

    def settle(self, shelf: Shelf) -> None:
        """Spend the budget on the chunks added since the last time, if there is one."""
        if not self.llm or not self.llm_budget or shelf.generation == self._settled:
            return
        ledger = getattr(shelf, "ledger", None)
        if ledger is None or ledger.busy:
            return  # a store that cannot be written keeps the units it has
        new = [slot for slot in shelf.live().tolist() if slot > ledger.offered]
        if new:
            self._spending(shelf).offer(new, self.llm_budget)
            ledger.mark_offered(new[-1])
        self._settled = shelf.generation

    def upgrade(self, budget: int | float) -> Run:
        """Spend a further budget on chunks that a model has not written units for; those often found come first.

        How often a chunk was found counts since this index was opened. Raises `StoreError` when the store is
        read-only, `InvalidValueError` when the index has no `llm`.
        """
        state = self._opened()
        run = self._spending(state.shelf).upgrade(state.shelf.live().tolist(), budget)
        state.refresh()
        return run

    def usage(self, part: Literal["index", "controller"] = "index") -> Usage:
        """What the language model cost so far, run by run, and how many chunks and units are whose.

        The calls of a `controller`, made for questions, are a part of their own.
        """
        state = self._opened()
        if part == "controller":
            return self._ledger(state.shelf).under(part).usage()
        origins = state.arrays.supports[:, 3]
        hybrid = len(set(state.arrays.supports[origins == 1, 0].tolist()))
        units = {"rule": int((origins == 0).sum()), "llm": int((origins == 1).sum())}
        chunks = {"rule": len(state.arrays.slots) - hybrid, "llm": hybrid}
        return replace(self._ledger(state.shelf).usage(), chunks=chunks, units=units)

    def _ledger(self, shelf: Shelf) -> Ledger:
        ledger: Ledger | None = getattr(shelf, "ledger", None)
        if ledger is None:
            raise StoreError("the language model's units and costs are kept in a store; open one that can be written")
        return ledger

    def _spending(self, shelf: Shelf) -> Spending:
        from ragkit.graphs.spend import Spending

        if not self.llm:
            raise InvalidValueError("clue has no language model; name one: clue(llm=…)")
        return Spending(self, shelf, self._ledger(shelf), self._plan(self.llm), hits=self._hits)

    def _plan(self, model: str | Any) -> Plan:
        from ragkit.graphs.spend import Plan
        from ragkit.models.chat import load_chat_model

        return Plan(
            load_chat_model(model),
            self.select,
            exact=self.exact,
            content=self.budget_basis == "content",
            batch=self.batch,
            reply=self.reply,
            max_completion=self.max_completion,
            ground_min=self.ground_min,
            counter=self.counter,
        )

    def asked(self, shelf: Shelf) -> Controller | None:
        """What is asked after the rounds of one question's walk, if there is a controller."""
        if not self.controller:
            return None
        from ragkit.graphs.cluecontrol import Controller

        if callable(self.controller) and not hasattr(self.controller, "invoke"):
            return Controller(self.controller, None, None)
        ledger: Ledger | None = getattr(shelf, "ledger", None)
        return Controller(None, self._plan(self.controller), ledger.under("controller") if ledger else None)

    @cached_property
    def reader(self) -> Reader | None:
        """What reads paths and chunks, if there is a cross-encoder."""
        from ragkit.models.cross_encoders import Reader

        return Reader(self.cross_encoder) if self.cross_encoder else None

    # -- searching ------------------------------------------------------------------------------------------------

    @cached_property
    def rules(self) -> Rules:
        """The parameters of the walk."""
        from ragkit.graphs.qiter import Rules

        return Rules(
            expand=self.expand,
            beam=self.beam,
            rounds=self.rounds,
            residual=self.residual,
            coverage=self.coverage,
            home_pick=self.home_pick,
            home_path=self.home_path,
            hub_max=self.hub_max,
            jump=self.jump,
            patience=self.patience,
            beam_per_anchor=self.beam_per_anchor,
            far=self.far,
        )

    def search(self, query: Query, k: int, **changes: Any) -> Hits:
        """The k best chunks for a question; `changes` are settings of anchors, walk and ranking for this once."""
        return super().search(query, k) if not changes else self.varied(**changes).search_batch([query], k)[0]

    def varied(self, **changes: Any) -> Clue:
        """The same opened graph with other settings of anchors, walk and ranking.

        Raises `StageParameterError` for what is no such setting or does not fit.
        """
        from ragkit.registry import lookup

        own = {name: getattr(self, name) for name in SEARCHING}
        changed = lookup("clue").make({**own, **changes})  # checks them
        unfit = sorted(changes.keys() - SEARCHING)
        if unfit:
            raise StageParameterError(f"clue: {unfit[0]} cannot be changed for one search; give it to the stage")
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        for name in changes:
            setattr(other, name, getattr(changed, name))
        for name in ("rules", "reader"):
            vars(other).pop(name, None)
        return other

    def _found(self, state: ClueState, queries: Sequence[Query], vectors: Vectors, k: int) -> list[Hits]:
        from ragkit.graphs.cluesearch import ClueSearch

        found = [ClueSearch(self, state, query, vector).hits(k) for query, vector in zip(queries, vectors, strict=True)]
        if self.llm:
            self._hits.update(hit.chunk.id for hits in found for hit in hits)
        return found

    def walk(self, question: str) -> ClueSearch:
        """What a question does in the graph, without ranking; see `ragkit.graphs.cluesearch.ClueSearch`."""
        from ragkit.graphs.cluesearch import ClueSearch

        return ClueSearch(self, self._opened(), Query(question), self.embedder.embed([question], query=True)[0])

    def view(self, question: str | None = None, max_nodes: int = 500) -> networkx.Graph:
        """The graph, or what a question walked over of it, as a `networkx.Graph`; see `ragkit.graphs.clueview`."""
        from ragkit.graphs.clueview import walked, whole

        state = self._opened()
        return walked(self.walk(question), max_nodes) if question else whole(state, max_nodes)
