"""For authors of stages: a store in memory, and the promises every stage of a kind must keep.

Each `check_…` raises `AssertionError` naming the promise that was broken; ragkit's own stages pass them first.

    from ragkit.testing import check_index

    def test_my_index_keeps_its_promises():
        check_index(lambda: MyIndex(size=8))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit.components import Derived, Rows, StoredIndex
from ragkit.errors import InvalidValueError, StoreError
from ragkit.types import Chunk, Document, Hit, Hits, Metadata, Query

if TYPE_CHECKING:
    from ragkit.components import Answerer, Chunker, Embedder, Index, Ints, Reranker, Vectors


@dataclass(slots=True)
class _Row:
    chunk: Chunk
    texts: tuple[int, ...]
    data: tuple[int, ...]
    note: str


class MemoryShelf:
    """A `components.Shelf` that lives in memory, filled by hand: `MemoryShelf(index).add(chunks)`.

    Slots and text ids begin at 1, as in the SQLite store, and are never used again.
    """

    def __init__(self, index: StoredIndex) -> None:
        self._index = index
        self._generation = 0
        self._last_slot = 0
        self._rows: dict[int, _Row] = {}
        self._slot_of: dict[str, int] = {}
        self._ids: dict[str, int] = {}
        self._texts: list[str] = [""]
        self._vectors: dict[int, Any] = {}
        self.rows_read = 0  # how many rows `rows` has given so far, for tests of incremental opening

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Derive and put these chunks; those of an id it has are replaced."""
        derived = self._index.derive(chunks)
        if len(derived) != len(chunks):
            raise InvalidValueError(f"derive gave {len(derived)} rows for {len(chunks)} chunks")
        self.remove(chunk.id for chunk in chunks if chunk.id in self._slot_of)
        for chunk, row in zip(chunks, derived, strict=True):
            self._put(chunk, row)
        self._embed(sorted({text for row in derived for text in row.texts}))
        self._generation += 1

    def remove(self, chunk_ids: Iterable[str]) -> None:
        """Take out the chunks of these ids; unknown ones are passed over."""
        for id in list(chunk_ids):
            slot = self._slot_of.pop(id, None)
            if slot is not None:
                del self._rows[slot]
        self._generation += 1

    def _put(self, chunk: Chunk, row: Derived) -> None:
        self._last_slot += 1
        texts = tuple(self._intern(text) for text in (*row.texts, *row.terms))
        self._rows[self._last_slot] = _Row(chunk, texts, row.data, row.note)
        self._slot_of[chunk.id] = self._last_slot

    def _intern(self, text: str) -> int:
        if text not in self._ids:
            self._ids[text] = len(self._texts)
            self._texts.append(text)
        return self._ids[text]

    def _embed(self, texts: Sequence[str]) -> None:
        embedder = self._index.embedder
        missing = [text for text in texts if self._ids[text] not in self._vectors]
        if embedder is not None and missing:
            self._vectors.update(zip((self._ids[text] for text in missing), embedder.embed(missing), strict=True))

    @property
    def generation(self) -> int:
        """Grows with every change."""
        return self._generation

    def kept(self) -> dict[str, Any]:
        """Nothing: a store in memory is not opened twice."""
        return {}

    def keep(self, arrays: Mapping[str, Any]) -> None:
        """Decline."""

    def live(self) -> Ints:
        """The slots of all live chunks, ascending."""
        return _ints(self._rows)

    def rows(self, slots: Ints | None = None) -> Rows:
        """The rows of these slots (ascending), or of all live ones; slots that are not live are passed over."""
        wanted = [slot for slot in (self._rows if slots is None else sorted(map(int, slots))) if slot in self._rows]
        found = [self._rows[slot] for slot in wanted]
        self.rows_read += len(found)
        texts, text_starts = _joined([row.texts for row in found])
        data, data_starts = _joined([row.data for row in found])
        return Rows(_ints(wanted), texts, text_starts, data, data_starts)

    def notes(self, slots: Sequence[int]) -> list[str]:
        """The notes of these slots, in their order."""
        return [self._row(slot).note for slot in slots]

    def find(self, texts: Sequence[str]) -> Ints:
        """The ids of these texts, -1 where unknown."""
        return _ints([self._ids.get(text, -1) for text in texts])

    def texts(self, ids: Sequence[int] | Ints) -> list[str]:
        """The texts of these ids, in their order."""
        return [self._texts[int(id)] for id in ids]

    def vectors(self, ids: Sequence[int] | Ints) -> Vectors:
        """The vectors of these text ids, float32 (n, d), in their order."""
        import numpy as np

        embedder = self._index.embedder
        if embedder is None:
            raise StoreError("the index has no embedder, so its texts have no vectors")
        found = [self._vectors[int(id)] for id in ids]
        return np.array(found, dtype=np.float32).reshape(len(found), embedder.dim)

    def chunks(self, slots: Sequence[int] | Ints) -> list[Chunk]:
        """The chunks in these slots, in their order."""
        return [self._row(slot).chunk for slot in slots]

    def chunk_ids(self, slots: Sequence[int] | Ints) -> list[str]:
        """Their ids, in their order."""
        return [self._row(slot).chunk.id for slot in slots]

    def matching(self, filter: Metadata) -> Ints:
        """The slots of the live chunks whose metadata match the filter, ascending."""
        from ragkit.filters import matcher

        passes = matcher(filter)
        return _ints([slot for slot, row in self._rows.items() if passes(row.chunk.metadata)])

    def _row(self, slot: Any) -> _Row:
        try:
            return self._rows[int(slot)]
        except KeyError:
            raise StoreError(f"slot {slot} holds no live chunk") from None


def _ints(values: Iterable[int]) -> Ints:
    import numpy as np

    return np.fromiter(values, dtype=np.int64)


def _joined(parts: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    import numpy as np

    starts = np.zeros(len(parts) + 1, dtype=np.int64)
    np.cumsum([len(part) for part in parts], out=starts[1:])
    return _ints(value for part in parts for value in part), starts


# -- promises ---------------------------------------------------------------------------------------------------------

SAMPLES = (
    ("ada.md", "en", "Ada Lovelace wrote the first program. She worked with Charles Babbage in London."),
    ("babbage.md", "en", "Charles Babbage designed the Analytical Engine. The engine was never finished."),
    ("turing.md", "en", "Alan Turing broke ciphers at Bletchley Park. He ran marathons, too."),
    ("hopper.md", "en", "Grace Hopper found a moth in a relay. She made compilers popular."),
    ("curie.md", "fr", "Marie Curie a découvert le radium à Paris. Elle a reçu deux prix Nobel."),
    ("tokyo.md", "ja", "東京は日本の首都です。Tokyo is the capital of Japan."),
    ("twin.md", "en", "Grace Hopper found a moth in a relay. She made compilers popular."),
)
TEXTS = (
    "One sentence. Another one! And a third? Yes.",
    "  leading and trailing space \n\n",
    "no end",
    "x",
    "Line one\nLine two\n\nParagraph two is here. It has two sentences.\n- a list\n- of things\n",
    "# Title\n\nText under the title.\n\n## Part\n\nText of the part.\n",
    "Ünïcödé, e\u0301 decomposed, 👩‍👩‍👧 family, 東京は日本の首都です。次の文。 مرحبا؟ نعم.",
    "word " * 2000,
    "unbroken" * 3000,
    "A sentence of a few words that comes again and again. " * 300,
)


def sample_chunks() -> list[Chunk]:
    """A few chunks, one document each, two of the same text; metadata `lang` and `source`."""
    documents = [Document(name, text, source=name, metadata={"lang": lang}) for name, lang, text in SAMPLES]
    return [document.chunk(0, len(document.text)) for document in documents]


def check_index(make: Callable[[], Index | StoredIndex]) -> None:
    """An index, filled by hand or stored, finds what was added and nothing else, however it came to hold it.

    `make` gives a new, empty index each time.
    """
    chunks = sample_chunks()
    index = make()
    if isinstance(index, StoredIndex):
        _check_rows(make, index, chunks)
    filled = _Filled(make)
    _require(len(filled.search("Ada Lovelace", 5)) == 0, "an empty index finds nothing")
    filled.add(chunks)
    _check_search(filled, chunks)
    _check_changes(make, chunks)


class _Filled:
    """An index of either kind, behind one door."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.index: Any = make()
        self.shelf = MemoryShelf(self.index) if isinstance(self.index, StoredIndex) else None

    def add(self, chunks: Sequence[Chunk]) -> None:
        (self.shelf or self.index).add(chunks)

    def remove(self, ids: Iterable[str]) -> None:
        (self.shelf or self.index).remove(ids)

    def search(self, text: str, k: int, filter: Metadata | None = None) -> Hits:
        if self.shelf is not None:
            self.index.open(self.shelf)
        hits: Hits = self.index.search(Query(text, filter or {}), k)
        _require(isinstance(hits, Hits), f"search gives Hits, not {type(hits).__name__}")
        _require(len(hits) <= max(0, k), f"search gives at most k hits; asked for {k} it gave {len(hits)}")
        return hits


def _check_rows(make: Callable[[], Any], index: StoredIndex, chunks: Sequence[Chunk]) -> None:
    _require(bool(index.fingerprint), "a stored index has a fingerprint")
    _require(index.fingerprint == make().fingerprint, "equal settings give equal fingerprints")
    together = index.derive(chunks)
    _require(len(together) == len(chunks), "derive gives one row for each chunk")
    single = [index.derive([chunk])[0] for chunk in reversed(chunks)][::-1]
    _require(together == single, "the row of a chunk depends on no other chunk")
    _require(index.derive([]) == [], "derive of no chunks gives no rows")
    shelf = MemoryShelf(index)
    shelf.add(chunks)
    index.open(shelf)
    read = shelf.rows_read
    index.open(shelf)
    _require(shelf.rows_read == read, "open reads no rows when the store has not changed")


def _check_search(filled: _Filled, chunks: Sequence[Chunk]) -> None:
    known = {chunk.id: chunk for chunk in chunks}
    question = "Who worked with Charles Babbage in London?"
    hits = filled.search(question, 3)
    _require(hits.query.text == question, "hits carry the query they answer")
    _require(len(hits) > 0, f"the question {question!r} finds something in {chunks[0].text!r}")
    for hit in hits:
        _require(known.get(hit.chunk.id) == hit.chunk, f"hit {hit.chunk.id!r} is a chunk as it was added")
        _require(bool(hit.why), "each hit says which stage found it, in `why`")
    _require(_ids(hits) == _ids(filled.search(question, 3)), "the same question finds the same hits")
    _require(len(filled.search(question, 0)) == 0, "k = 0 gives none")
    _require(_ids(hits)[:1] == _ids(filled.search(question, 1)), "a smaller k gives the first of the same hits")
    for chunk in chunks:
        found = _ids(filled.search(chunk.text, len(chunks)))
        _require(chunk.id in found, f"the text of chunk {chunk.id!r}, asked word by word, finds it")
    french = filled.search("Paris London Tokyo", len(chunks), {"lang": "fr"})
    _require({hit.chunk.metadata["lang"] for hit in french} <= {"fr"}, "the query's filter is honoured")
    filled.search("?!", 3)
    filled.search("zxqj " * 2000, 3)


def _check_changes(make: Callable[[], Any], chunks: Sequence[Chunk]) -> None:
    questions = ("Who was Charles Babbage?", "moth relay", "Tokyo 東京", "Paris")
    fresh, changed = _Filled(make), _Filled(make)
    fresh.add(chunks[2:])
    for chunk in reversed(chunks):
        changed.add([chunk])
        changed.search(questions[0], 2)
    changed.remove([chunk.id for chunk in chunks[:3]])
    changed.search(questions[0], 2)
    changed.add([chunks[2]])
    changed.remove(["of no chunk"])
    for question in questions:
        want, have = fresh.search(question, len(chunks)), changed.search(question, len(chunks))
        promise = "adding and removing leaves what a fresh index would hold"
        _require(_ids(want) == _ids(have), f"{promise}: {question!r} finds {_ids(have)}, not {_ids(want)}")
        near = all(abs(a.score - b.score) < 1e-6 for a, b in zip(want, have, strict=True))
        _require(near, f"{promise}: {question!r} has other scores")


def check_chunker(make: Callable[[], Chunker]) -> None:
    """A chunker cuts exact, ordered pieces that leave out nothing but white space."""
    for number, text in enumerate(TEXTS):
        document = Document(f"document {number}", text, source=f"{number}.md")
        chunks = list(make().chunk(document))
        document.check(chunks)
        shown = f"in {text[:40]!r}"
        _require(len({chunk.id for chunk in chunks}) == len(chunks), f"every chunk has an id of its own {shown}")
        starts = [chunk.start for chunk in chunks]
        _require(starts == sorted(starts), f"chunks come in the order of the text {shown}")
        _require(all(chunk.text.strip() for chunk in chunks), f"no chunk is empty or white space only {shown}")
        covered = bytearray(len(text))
        for chunk in chunks:
            covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
        lost = [place for place, character in enumerate(text) if not covered[place] and not character.isspace()]
        _require(not lost, f"every character but white space is in a chunk {shown}; lost at {lost[:3]}")
        _require(chunks == list(make().chunk(document)), f"the same document gives the same chunks {shown}")
    for empty in ("", " \n\t "):
        _require(not list(make().chunk(Document("empty", empty))), f"a document of {empty!r} gives no chunks")


def check_embedder(make: Callable[[], Embedder]) -> None:
    """An embedder gives finite unit vectors that depend on nothing but their text."""
    import numpy as np

    embedder = make()
    texts = [text for _, _, text in SAMPLES]
    vectors = embedder.embed(texts)
    _require(bool(embedder.fingerprint), "an embedder has a fingerprint")
    _require(embedder.fingerprint == make().fingerprint, "equal settings give equal fingerprints")
    _require(vectors.shape == (len(texts), embedder.dim), f"vectors are (n, {embedder.dim}), not {vectors.shape}")
    _require(vectors.dtype == np.float32, f"vectors are float32, not {vectors.dtype}")
    _require(bool(np.isfinite(vectors).all()), "vectors have no NaN")
    _require(bool(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)), "vectors have unit length")
    _require(bool(np.array_equal(vectors[3], vectors[6])), "equal texts have equal vectors")
    _require(embedder.embed([]).shape == (0, embedder.dim), "no texts give an array of (0, dim)")
    backwards = embedder.embed(texts[::-1])[::-1]
    _require(bool(np.allclose(vectors, backwards, atol=1e-4)), "vectors come in the order of the texts")
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    _require(bool(np.allclose(vectors, alone, atol=1e-4)), "a vector does not depend on the other texts")
    asked = embedder.embed(["Who was Ada?"], query=True)
    _require(asked.shape == (1, embedder.dim), "a query has a vector of the same size")


def check_reranker(make: Callable[[], Reranker]) -> None:
    """A reranker gives some of the hits it was given, the same chunks, for the same query."""
    query = Query("Who found a moth in a relay?")
    hits = Hits(query, tuple(Hit(c, 1.0 - n / 10, {"start": {"rank": n + 1}}) for n, c in enumerate(sample_chunks())))
    for given in (hits, hits.best(1), hits.best(0)):
        result = make().rerank(given)
        _require(isinstance(result, Hits), f"rerank gives Hits, not {type(result).__name__}")
        _require(result.query == query, "the query stays the same")
        _require(all(chunk in given.chunks for chunk in result.chunks), "no chunk is added or changed")
    again = make().rerank(hits)
    _require(_ids(again) == _ids(make().rerank(hits)), "the same hits give the same order")
    for hit in again:
        _require("start" in hit.why, "what `why` said before is kept")


def check_answerer(make: Callable[[], Answerer]) -> None:
    """An answerer quotes exactly, and says so when there is nothing to answer from."""
    chunks = sample_chunks()
    hits = Hits(Query("What did Grace Hopper find in a relay?"), (Hit(chunks[3], 1.0), Hit(chunks[0], 0.5)))
    answer = make().answer(hits)
    _require(bool(answer.text), "an answer has a text, even when nothing was found")
    texts = {chunk.document_id: (chunk.start, chunk.text) for chunk in hits.chunks}
    for citation in answer.citations:
        start, text = texts.get(citation.document_id, (0, ""))
        quoted = text[citation.start - start : citation.end - start]
        _require(quoted == citation.quote, f"the quote {citation.quote!r} stands in the hits where it says")
    nothing = make().answer(Hits(hits.query))
    _require(not nothing.found and not nothing.citations, "without hits the answer is that nothing was found")


def _ids(hits: Hits) -> list[str]:
    return [hit.chunk.id for hit in hits]


def _require(kept: bool, promise: str) -> None:
    if not kept:
        raise AssertionError(f"broken promise: {promise}")
