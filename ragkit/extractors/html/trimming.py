"""The stage `segments`: in place of each hit of a web page, the segments of the page that help to answer the query."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from ragkit.components import Between, Library
from ragkit.extractors.html.sharing import Offer, share
from ragkit.types import Chunk, Document, Hit, Hits

if TYPE_CHECKING:
    from ragkit.extractors.html.intervals import IntervalSet
    from ragkit.extractors.html.stored import Address
    from ragkit.extractors.html.types import Page, Predictor

_REMEMBERED = 256  # pages kept between questions
_LEAST = 0.2  # of a page's score that its worst interval is worth

Spot = tuple[Document, "list[Address]", "Page"]


class TrimSegments:
    """Trims the hits of web pages to the segments that matter for the query; hits of other documents stay as they are.

    Each page (as the stage `html` stored it) is looked at once, whole, however many of its chunks were hit. Its hits
    are replaced by the chosen segments, neighbours together, with the page's best score for the best of them. Where
    nothing is chosen the hits stay. `words` bounds the words of all pages together (0: no bound), shared by score;
    `headings` puts the heading of a section before what was chosen from it when it stands right above.

    `predictor` is "hybrid", "lexical", "embedding", or "llm" with a chat `model`; "auto" is the first. The
    first and the third embed with `embedder`; "hybrid" can do without (""), which is faster and finds less.
    """

    def __init__(
        self,
        predictor: str | Predictor = "auto",
        words: Annotated[int, Between(0, 1_000_000)] = 0,
        headings: bool = True,
        embedder: Any = "minilm",
        model: Any = "",
    ) -> None:
        self.predictor, self.words, self.headings = predictor, words, headings
        self.embedder, self.model = embedder, model
        self._library: Library | None = None
        self._made: Predictor | None = None
        self._pages: OrderedDict[str, Spot | None] = OrderedDict()
        self._generation = -1

    def attach(self, library: Library) -> None:
        """Take the store whose documents the hits are chunks of."""
        self._library = library

    def rerank(self, hits: Hits) -> Hits:
        """The hits, those of pages trimmed, best first."""
        by_page: dict[str, list[Hit]] = {}
        for hit in hits:
            by_page.setdefault(hit.chunk.document_id, []).append(hit)
        kept: list[Hit] = []
        pieces: list[Hit] = []
        offers: list[Offer] = []
        for rank, (id, own) in enumerate(by_page.items()):  # by their best hits, best first
            spot = self._spot(id)
            trimmed = self._trimmed(spot, own, hits.query.text) if spot else []
            if not trimmed:
                kept += own
            pieces += (hit for hit, _ in trimmed)
            offers += (Offer(rank, words, hit.score) for hit, words in trimmed)
        chosen = share(offers, self.words or None)
        kept += (hit for hit, wanted in zip(pieces, chosen, strict=True) if wanted)
        kept.sort(key=lambda hit: (-hit.score, hit.chunk.id))
        return Hits(hits.query, tuple(kept), hits.trace)

    # -- one page ------------------------------------------------------------------------------------------------

    def _spot(self, id: str) -> Spot | None:
        """A document, its addresses and its page; None when it was not made by the stage `html`."""
        from ragkit.extractors.html.stored import addresses, stored_page

        if self._library is None:
            return None
        if self._library.generation != self._generation:
            self._pages.clear()
            self._generation = self._library.generation
        if id not in self._pages:
            document = self._library.document(id)
            page = stored_page(document) if document is not None else None
            self._pages[id] = (document, addresses(document), page) if document is not None and page else None
            while len(self._pages) > _REMEMBERED:
                self._pages.popitem(last=False)
        self._pages.move_to_end(id)
        return self._pages[id]

    def _trimmed(self, spot: Spot, own: Sequence[Hit], query: str) -> list[tuple[Hit, int]]:
        """The pieces that take the place of a page's hits, with their words; none when nothing is chosen."""
        document, places, page = spot
        predictor = self._predictor()
        made = predictor.predict(page, query)
        intervals = made.indices.to_list()
        worth = [max(made.scores[first - 1 : last]) if made.scores else 1.0 for first, last in intervals]
        best = max(worth, default=1.0) or 1.0
        spent = sum(page.layout.words[index - 1] for index in made.indices)
        about: dict[str, Any] = {"words_in": sum(page.layout.words), "words_out": spent, "method": predictor.name}
        if made.degraded:
            about["degraded"] = True
        pieces = []
        for (first, last), value in zip(intervals, worth, strict=True):
            begin = self._with_heading(page, made.indices, first)
            chunk = _piece(document, places[begin - 1 : last], own)
            score = own[0].score * max(_LEAST, value / best) if own[0].score > 0 else own[0].score
            indices = [place.index for place in places[first - 1 : last]]
            why = {**own[0].why, "segments": {**about, "indices": indices}}
            pieces.append((Hit(chunk, score, why), sum(page.layout.words[first - 1 : last])))
        return pieces

    def _with_heading(self, page: Page, chosen: IntervalSet, first: int) -> int:
        """Where a piece begins: at the headings right above it, if they are wanted and of no other piece."""
        while self.headings and first > 1 and page.segments[first - 2].kind == "heading" and first - 1 not in chosen:
            first -= 1
        return first

    def _predictor(self) -> Predictor:
        if self._made is None:
            from ragkit.extractors.html.choosing import predictor_of

            self._made = predictor_of(
                self.predictor, "query", embedder=self.embedder, within_main=False, model=self.model
            )
        return self._made


def _piece(document: Document, places: Sequence[Address], own: Sequence[Hit]) -> Chunk:
    """The chunk from the first to the last of these places, with the metadata of the hit chunk it overlaps most.

    The metadata also get `segment`, the index of its first segment, and `xpath`, where that stands in the page.
    """
    start, end = places[0].start, places[-1].end
    nearest = max(own, key=lambda hit: (min(end, hit.chunk.end) - max(start, hit.chunk.start), -hit.chunk.start))
    metadata = {**nearest.chunk.metadata, "segment": places[0].index}
    if places[0].xpath:
        metadata["xpath"] = places[0].xpath
    text = document.text[start:end]
    return Chunk(f"{document.id}#{start}-{end}", document.id, start, end, text, metadata)
