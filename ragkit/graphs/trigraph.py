"""LinearRAG's Tri-Graph as an index: entities, sentences and passages, no relations, no tokens of any LLM.

A question activates its entities, hops over the sentences most relevant to it to further entities, and a personalised
PageRank over entities and passages ranks the passages. Source: "LinearRAG: Linear Graph Retrieval Augmented Generation
on Large-scale Corpora", arXiv 2510.10114, from its description alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ragkit.components import Between, Derived, Shelf
from ragkit.graphs.index import GraphIndex
from ragkit.types import Chunk, Hits, Query

if TYPE_CHECKING:
    import networkx

    from ragkit.components import Vectors
    from ragkit.graphs.search import Search
    from ragkit.graphs.state import State

SOURCES = ("ner", "caps", "quotes", "dates", "numbers", "acronyms", "aliases", "title")
PAPER: dict[str, Any] = {
    "titled": False,
    "sources": ("ner",),
    "passage_ratio": 0.05,
    "passage_node_weight": 0.05,
    "iteration_threshold": 0.4,
    "top_k_sentence": 1,
    "fusion": "none",
    "seed_threshold": -1.0,
    "exact_seed": False,
    "link_neighbors": True,
    "coverage": 0.0,
    "lexical": 0.0,
    "home": 0.0,
    "home_pick": 0.0,
    "hub_max": 1_000_000_000,
}
FORMAT = 2  # raise it when rows change meaning, so that stores are built again


class TriGraph(GraphIndex["State"]):
    """Hops from the question's entities over relevant sentences, then personalised PageRank (LinearRAG).

    Rows depend on:
      `model` embeds passages, sentences, entities and questions; `ner` is the spaCy model that recognises names ("en"
      the packaged English one, "" rules alone); `sources` are the kinds of names kept (see `ragkit.text.entities`);
      `titled` lets each sentence carry its document's title or heading.
    Activation (section 3.2 to 3.4 of the paper):
      `max_iterations` - 1 rounds; `iteration_threshold` drops weaker contributions; `top_k_sentence` sentences for each
      entity and round; `propagation` "bfs" or the paper's matrix form. `exact_seed` starts from entities named in the
      question whatever their case, other names start from the nearest entity of at least `seed_threshold` cosine;
      entities in more than `hub_max` sentences start nothing while others do.
    Ranking (3.5 and 3.6):
      `passage_ratio` weighs likeness to the question, `passage_node_weight` passages against entities in the walk's
      reset, `damping` is the walk's; with `prior_scope` "top" only the `prior_top_n` passages most like the question
      keep that term. `fusion` with plain likeness: "none", "rrf" or "min_rank". `link_neighbors` joins chunks that
      follow each other in one document.
    Beyond the paper (measured in benchmarks/RESULTS.md):
      `coverage` is the share of the question's words in a sentence's relevance, beside cosine; `lexical` the same in a
      passage's likeness; `home` favours the page about an activated entity, `home_pick` sentences of that page.
    """

    stage = "trigraph"

    def __init__(
        self,
        model: str | Any = "minilm",
        ner: str = "en",
        titled: bool = True,
        max_iterations: Annotated[int, Between(1, 20)] = 3,
        iteration_threshold: Annotated[float, Between(0, 2)] = 0.2,
        top_k_sentence: Annotated[int, Between(1, 100)] = 2,
        passage_ratio: Annotated[float, Between(0, 100)] = 1.5,
        passage_node_weight: Annotated[float, Between(0, 100)] = 1.0,
        damping: Annotated[float, Between(0, 0.999)] = 0.5,
        propagation: Literal["bfs", "matrix"] = "bfs",
        prior_scope: Literal["all", "top"] = "all",
        prior_top_n: Annotated[int, Between(1)] = 100,
        fusion: Literal["none", "rrf", "min_rank"] = "none",
        seed_threshold: Annotated[float, Between(-1, 1)] = 0.5,
        exact_seed: bool = True,
        link_neighbors: bool = False,
        coverage: Annotated[float, Between(0, 1)] = 0.5,
        lexical: Annotated[float, Between(0, 1)] = 0.5,
        home: Annotated[float, Between(0, 100)] = 2.0,
        home_pick: Annotated[float, Between(0, 10)] = 0.3,
        hub_max: Annotated[int, Between(1)] = 100,
        sources: tuple[str, ...] = SOURCES,
    ) -> None:
        self.model, self.ner, self.titled = model, ner, titled
        self.max_iterations, self.iteration_threshold = max_iterations, iteration_threshold
        self.top_k_sentence = top_k_sentence
        self.passage_ratio, self.passage_node_weight = passage_ratio, passage_node_weight
        self.damping, self.propagation = damping, propagation
        self.prior_top_n = prior_top_n if prior_scope == "top" else None
        self.fusion: Literal["none", "rrf", "min_rank"] = fusion
        self.seed_threshold, self.exact_seed, self.link_neighbors = seed_threshold, exact_seed, link_neighbors
        self.lexical = lexical
        self.coverage, self.home, self.home_pick, self.hub_max = coverage, home, home_pick, hub_max
        self.sources = sources
        self._state: State | None = None

    @classmethod
    def paper(cls, **changes: Any) -> TriGraph:
        """The settings of the paper for 2WikiMultihopQA and HotpotQA, with this package's models.

        Plain sentences, recognised entities alone, nearest seeds without a threshold, no fusion, links between
        neighbours of one document.
        """
        return cls(**{**PAPER, **changes})

    # -- building -------------------------------------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """The model, the recogniser and the settings that rows depend on."""
        from ragkit.text.recogniser import fingerprint

        titled = "" if self.titled else ", plain sentences"
        only = "" if self.sources == SOURCES else f", only {' '.join(self.sources)}"
        return f"{self.embedder.fingerprint}, {fingerprint(self.ner)}{titled}{only}, rows {FORMAT}"

    def derive(self, chunks: Sequence[Chunk]) -> list[Derived]:
        """The row of each chunk; see `ragkit.graphs.rows`."""
        from ragkit.graphs.extraction import records

        found = records(chunks, ner=self.ner, sources=self.sources, titled=self.titled)
        return [record.derived() for record in found]

    def _new_state(self, shelf: Shelf) -> State:
        from ragkit.graphs.state import State

        return State(shelf, self.embedder.dim, self.link_neighbors)

    # -- searching ------------------------------------------------------------------------------------------------

    def _found(self, state: State, queries: Sequence[Query], vectors: Vectors, k: int) -> list[Hits]:
        """The walks of all questions are solved together."""
        from ragkit.graphs.search import Search, walks

        searches = [Search(self, state, query, vector) for query, vector in zip(queries, vectors, strict=True)]
        walked = walks(searches)
        return [search.hits(walked.get(id(search)), k) for search in searches]

    def activation(self, question: str) -> Search:
        """What a question activates, without ranking; see `ragkit.graphs.search.Search`."""
        from ragkit.graphs.search import Search

        query = Query(question)
        return Search(self, self._opened(), query, self.embedder.embed([question], query=True)[0])

    def view(self, question: str | None = None, max_nodes: int = 500) -> networkx.Graph:
        """The graph, or what a question activated of it, as a `networkx.Graph`; see `ragkit.graphs.view`."""
        from ragkit.graphs.view import activated, whole

        state = self._opened()
        return activated(self.activation(question), max_nodes) if question else whole(state, max_nodes)
