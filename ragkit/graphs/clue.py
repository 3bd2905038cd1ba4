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

from ragkit.components import Between, Derived, Embedder, Shelf
from ragkit.errors import InvalidValueError, StoreError
from ragkit.graphs.budget import tokens_of
from ragkit.types import Chunk, Hits, Query

if TYPE_CHECKING:
    import networkx

    from ragkit.graphs.cluearrays import ClueState
    from ragkit.graphs.cluesearch import ClueSearch
    from ragkit.graphs.qiter import Rules
    from ragkit.graphs.spend import Spending
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
    "select": "centrality",
    "budget_basis": "content",
    "batch": 1,
}
FORMAT = 1  # raise it when rows change meaning, so that stores are built again


class Clue:
    """Walks from the question's entities over knowledge units, each step towards what is still unsaid (Clue-RAG).

    Rows depend on:
      `model` embeds chunks, units, entities and questions; `ner` is the spaCy model that recognises names ("en" the
      packaged English one, "" rules alone); `sources` are the kinds of names kept (see `ragkit.text.entities`),
      `labels` their labels (none: all but amounts and times); `titled`: "each" unit carries its document's title or
      heading, the "first" of a chunk, or "no"; a sentence of more than `longest` words is cut where it may be.
    Anchors:
      the entities "named" in the question, or "both" those and the ones of the units most like it, which also serve
      when none is named. A name the graph does not know stands for its `link_k` nearest entities of at least `link_min`
      cosine; entities in more than `hub_max` units are no anchors while others remain, and are not walked through.
    Walk:
      `rounds` times, each path goes on to the `expand` best units of each of its entities; the `beam` best paths are
      kept, of every anchor with `beam_per_anchor`. `residual` is how much of what a path has said is taken off the
      question; `home_pick` favours units on the page about the entity. A path is worth its cosine, its `coverage` of
      the question's words, and `home_path` times its share of such units, less `far` for each unit after the second, so
      that a longer path has to say more. `jump` units may be reached from anywhere.
      With `patience` it stops after so many rounds without progress. `balance` lifts the weaker of the names.
    Ranking:
      `final` orders chunks by their best path plus `dense` times cosine plus `lexical` times BM25 (`lexical_homeless`
      when no anchor has a page of its own), by the path alone, those on paths by cosine, or fuses path and likeness by
      rank. `unit_channel` units
      most like the question count as paths of their own.

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
        final: Literal["path+dense", "path", "dense", "rrf", "min_rank"] = "path+dense",
        dense: Annotated[float, Between(0, 100)] = 0.25,
        lexical: Annotated[float, Between(0, 100)] = 0.1,
        lexical_homeless: Annotated[float, Between(0, 100)] = 0.4,
        sources: tuple[str, ...] = SOURCES,
        labels: tuple[str, ...] = (),
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
        tokens_of(llm_budget, 0)  # refuses what is no budget
        self.model, self.ner, self.titled, self.longest = model, ner, titled, longest
        self.anchors, self.link_k, self.link_min, self.hub_max = anchors, link_k, link_min, hub_max
        self.expand, self.beam, self.rounds, self.residual = expand, beam, rounds, residual
        self.coverage, self.home_pick, self.home_path = coverage, home_pick, home_path
        self.beam_per_anchor, self.balance = beam_per_anchor, balance
        self.jump, self.unit_channel, self.patience = jump, unit_channel, patience
        self.far = far
        self.final, self.dense = final, dense
        self.lexical, self.lexical_homeless = lexical, lexical_homeless
        self.sources, self.labels = sources, labels
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
        entities without a threshold, no hub limit, one beam of 5, no coverage and no homes; chunks on paths by cosine.
        """
        return cls(**{**REFERENCE, **changes})

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to derive rows: the settings, neither the opened store nor a language model."""
        return {**vars(self), "_state": None, "llm": "", "select": "need", "counter": None, "_hits": Counter()}

    # -- building -------------------------------------------------------------------------------------------------

    @property
    def embedder(self) -> Embedder:
        """Embeds chunks, units, entities and questions."""
        from ragkit.models.embedders import load_embedder

        return load_embedder(self.model)

    @property
    def fingerprint(self) -> str:
        """The model, the recogniser and the settings that rows depend on."""
        from ragkit.text.recogniser import fingerprint

        parts = [self.embedder.fingerprint, fingerprint(self.ner)]
        parts += [] if self.titled == "each" else [f"titled {self.titled}"]
        parts += [] if self.longest == 80 else [f"up to {self.longest} words"]
        parts += [] if self.sources == SOURCES else [f"only {' '.join(self.sources)}"]
        parts += [f"labels {' '.join(self.labels)}"] if self.labels else []
        return f"{', '.join(parts)}, units {FORMAT}"

    def derive(self, chunks: Sequence[Chunk]) -> list[Derived]:
        """The row of each chunk; see `ragkit.graphs.units`."""
        from ragkit.graphs.units import unit_records

        found = unit_records(
            chunks, ner=self.ner, sources=self.sources, labels=self.labels, titled=self.titled, longest=self.longest
        )
        return [record.derived() for record in found]

    def open(self, shelf: Shelf) -> None:
        """Read what changed in the store."""
        from ragkit.graphs.cluearrays import ClueState

        if self._state is None or self._state.shelf is not shelf:
            self._state = ClueState(shelf, self.embedder.dim)
        self._state.refresh()

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

    def usage(self) -> Usage:
        """What the language model cost so far, run by run, and how many chunks and units are whose."""
        state = self._opened()
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
        from ragkit.graphs.spend import Plan, Spending
        from ragkit.models.chat import load_chat_model

        if not self.llm:
            raise InvalidValueError("clue has no language model; name one: clue(llm=…)")
        plan = Plan(
            load_chat_model(self.llm),
            self.select,
            exact=self.exact,
            content=self.budget_basis == "content",
            batch=self.batch,
            reply=self.reply,
            max_completion=self.max_completion,
            ground_min=self.ground_min,
            counter=self.counter,
        )
        return Spending(self, shelf, self._ledger(shelf), plan, hits=self._hits)

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

    def search(self, query: Query, k: int) -> Hits:
        """The k best chunks for a question."""
        return self.search_batch([query], k)[0]

    def search_batch(self, queries: Sequence[Query], k: int) -> list[Hits]:
        """The k best chunks for each question."""
        if k < 0:
            raise InvalidValueError(f"k must be 0 or more, it was {k}")
        state = self._opened()
        if k == 0 or not len(state.arrays.slots):
            return [Hits(query) for query in queries]
        from ragkit.graphs.cluesearch import ClueSearch

        vectors = self.embedder.embed([query.text for query in queries], query=True)
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

    def _opened(self) -> ClueState:
        if self._state is None:
            raise StoreError("clue was not opened; use it through a KnowledgeBase, or call open(shelf) first")
        return self._state
