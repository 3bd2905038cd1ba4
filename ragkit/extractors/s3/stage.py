"""The stage `s3`: evidence spans out of the passages found, or out of their whole documents."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ragkit.components import Between
from ragkit.errors import InvalidValueError
from ragkit.types import Chunk, Hit, Hits

if TYPE_CHECKING:
    from ragkit.components import Library
    from ragkit.extractors.s3.backend import Backend
    from ragkit.extractors.s3.index import Index
    from ragkit.extractors.s3.longtext import EvidenceSpan, LongText, Search
    from ragkit.extractors.s3.sae import Autoencoder

REMEMBERED = 400_000  # tokens of scanned texts that are kept, so that a text asked again is not read again


class S3:
    """Cuts the spans that bear on the question out of the hits, by a model's sparse features and BM25 (S³-Attention).

    `scope` says what is read: the hits' chunks, or with "documents" the whole documents of the first `documents`
    different ones among the hits. Together the spans have at most `budget` tokens. `model` is the packaged encoder or a
    folder, `saes` the folder of its autoencoders (empty: those shipped with ragkit, for the packaged encoder).
    """

    def __init__(
        self,
        model: str = "minilm",
        saes: str = "",
        scope: Literal["hits", "documents"] = "hits",
        budget: Annotated[int, Between(1, 1_000_000)] = 512,
        documents: Annotated[int, Between(1, 1000)] = 5,
        mode: Literal["auto", "keys", "shared", "logits", "similarity"] = "auto",
        fusion: Literal["adaptive", "union", "rrf", "minmax", "features"] = "adaptive",
        radius: Annotated[int, Between(0, 10_000)] = 24,
        snap: bool = True,
        calibrate: bool = False,
        lead: Annotated[int, Between(0, 1_000_000)] = 0,
        tail: Annotated[int, Between(0, 1_000_000)] = 0,
    ) -> None:
        if not model.strip():
            raise InvalidValueError("s3: the model's name is empty; use 'minilm', or the folder of one")
        self.model, self.saes, self.scope, self.budget, self.documents = model, saes, scope, budget, documents
        self.mode, self.fusion, self.radius, self.snap, self.calibrate = mode, fusion, radius, snap, calibrate
        self.lead, self.tail = lead, tail
        self._library: Library | None = None
        self._ready: tuple[Backend, dict[str, Autoencoder]] | None = None
        self._scanned: OrderedDict[tuple[str, str], Index] = OrderedDict()
        self._lock = threading.RLock()

    def attach(self, library: Library) -> None:
        """Take note of where whole documents are."""
        self._library = library

    def rerank(self, hits: Hits) -> Hits:
        """Spans as chunks, best first; `why` tells which side chose each, and the features and tokens that did.

        Raises `ModelError` when a model is missing or does not fit.
        """
        if not len(hits):
            return hits
        with self._lock:
            parents = self._parents(hits)
            text = self._joined(list(parents.values()))
            spans = text.find(hits.query.text, self.budget)
        made = _merged([_chunk(parents[span.document], span) for span in spans])
        order = sorted(made, key=lambda one: (-one[1].score, one[0].id))
        items = (
            Hit(chunk, span.score, {**hit.why, "s3": _why(span, hit, rank)})
            for rank, (chunk, span, hit) in enumerate(order, 1)
        )
        return Hits(hits.query, tuple(items), hits.trace)

    def search_settings(self) -> Search:
        """The settings as the library takes them."""
        from ragkit.extractors.s3.features import Scoring
        from ragkit.extractors.s3.fusion import Settings
        from ragkit.extractors.s3.longtext import Search

        return Search(
            scoring=Scoring(mode=self.mode),
            fusion=Settings(mode=self.fusion, radius=self.radius),
            snap=self.snap,
            lead=self.lead,
            tail=self.tail,
            calibrate=self.calibrate,
        )

    # -- what is read -------------------------------------------------------------------------------------------------

    def _parents(self, hits: Hits) -> dict[str, Hit]:
        """What to read, by chunk id: the hits, or a hit for each whole document, best first."""
        if self.scope == "hits":
            return {hit.chunk.id: hit for hit in hits}
        if self._library is None:
            raise InvalidValueError("s3(scope='documents') reads documents of a store; use it in a knowledge base")
        found: dict[str, Hit] = {}
        first: dict[str, Hit] = {}
        for hit in hits:
            first.setdefault(hit.chunk.document_id, hit)
        for name, hit in list(first.items())[: self.documents]:
            document = self._library.document(name)
            if document is None or not document.text:
                found[hit.chunk.id] = hit  # it was removed meanwhile; `why` names the chunk
                continue
            whole = document.chunk(0, len(document.text))
            found[whole.id] = Hit(whole, hit.score, hit.why)
        return found

    def _joined(self, hits: Sequence[Hit]) -> LongText:
        from ragkit.extractors.s3.longtext import LongText

        backend, autoencoders = self._prepared()
        parts = [self._index(hit.chunk) for hit in hits]
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.appended(part)
        return LongText.of(whole, backend=backend, autoencoders=autoencoders, search=self.search_settings())

    def _index(self, chunk: Chunk) -> Index:
        from ragkit.extractors.s3.scan import scan

        key = (chunk.id, chunk.text)
        if key not in self._scanned:
            backend, autoencoders = self._prepared()
            self._scanned[key] = scan(backend, autoencoders, [chunk.text], names=[chunk.id])
            kept = sum(map(len, self._scanned.values()))
            while kept > REMEMBERED and len(self._scanned) > 1:
                kept -= len(self._scanned.popitem(last=False)[1])
        self._scanned.move_to_end(key)
        return self._scanned[key]

    def _prepared(self) -> tuple[Backend, dict[str, Autoencoder]]:
        if self._ready is None:
            from ragkit.extractors.s3.loading import load_backend
            from ragkit.extractors.s3.longtext import prepared

            self._ready = prepared(load_backend(self.model), self.saes or None)
        return self._ready


Found = tuple[Chunk, "EvidenceSpan", Hit]


def _chunk(hit: Hit, span: EvidenceSpan) -> Found:
    parent = hit.chunk
    start, end = parent.start + span.start, parent.start + span.end
    name = f"{parent.document_id}#{start}-{end}"
    return Chunk(name, parent.document_id, start, end, span.text, parent.metadata), span, hit


def _merged(found: list[Found]) -> list[Found]:
    """Without what lies inside another: chunks may overlap, and then so do their spans."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: (one[0].document_id, one[0].start, -one[0].end)):
        last = kept[-1] if kept else None
        if last is None or last[0].document_id != one[0].document_id or one[0].start >= last[0].end:
            kept.append(one)
        elif one[0].end > last[0].end:
            kept[-1] = _union(last, one)
        elif one[1].score > last[1].score:
            kept[-1] = (last[0], one[1], one[2])
    return kept


def _union(first: Found, second: Found) -> Found:
    """Two overlapping spans of one document as one, with the findings of the better."""
    a, b = first[0], second[0]
    text = a.text + b.text[a.end - b.start :]
    whole = Chunk(f"{a.document_id}#{a.start}-{b.end}", a.document_id, a.start, b.end, text, a.metadata)
    best = max(first, second, key=lambda one: one[1].score)
    return whole, best[1], best[2]


def _why(span: EvidenceSpan, hit: Hit, rank: int) -> dict[str, Any]:
    return {
        "rank": rank,
        "score": span.score,
        "source": span.source,
        "out_of": hit.chunk.id,
        "tokens": [span.start_token, span.end_token],
        "peak": span.peak,
        "features": [
            {"space": one.space, "feature": one.feature, "token": one.token, "adds": one.contribution}
            for one in span.features
        ],
    }
