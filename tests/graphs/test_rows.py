"""What is extracted from a chunk, how it is stored in a row, and the arrays made of many rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import Document
from ragkit.errors import StoreCorruptError
from ragkit.graphs.arrays import TriGraphArrays, VectorTable, gather
from ragkit.graphs.extraction import records, with_head
from ragkit.graphs.rows import PassageRecord, decode
from ragkit.graphs.trigraph import SOURCES
from ragkit.testing import MemoryShelf


class Rows:
    """An index that stores given records; for filling a shelf by hand."""

    fingerprint, embedder = "rows", None

    def __init__(self, found):
        self.found = found

    def derive(self, chunks):
        return [self.found[chunk.document_id].derived() for chunk in chunks]

    def open(self, shelf):
        """Nothing."""

    def search(self, query, k):
        """Nothing."""


def shelf_of(**found):
    shelf = MemoryShelf(Rows(found))
    shelf.add([Document(id, "text").chunk(0, 4) for id in found])
    return shelf


def record(sentences, homes=(), mentions=None):
    """A record of {sentence: keys}."""
    counts = mentions or {}
    for keys in sentences.values():
        for key in keys:
            counts.setdefault(key, 1)
    for key in homes:
        counts.setdefault(key, 1)
    return PassageRecord(
        passage=" ".join(sentences),
        sentences=tuple(sentences),
        keys=tuple(tuple(keys) for keys in sentences.values()),
        words=tuple(tuple(dict.fromkeys(sentence.lower().split())) for sentence in sentences),
        mentions=counts,
        homes=tuple(homes),
        surfaces={key: key.title() for key in counts},
    )


def named(shelf, ids):
    return shelf.texts(ids)


def test_rows_read_back_as_the_records_they_were_made_of():
    shelf = shelf_of(
        one=record({"Ada met Tom": ["ada", "tom"], "Tom left": ["tom"]}, homes=["ada"], mentions={"tom": 2, "ada": 3}),
        two=record({"Tom left": ["tom"]}),
    )
    found = decode(shelf.rows())
    pairs = lambda part: sorted(zip(named(shelf, part.rows), named(shelf, part.columns), strict=True))  # noqa: E731
    assert pairs(found.links) == [
        ("Ada met Tom", "ada"),
        ("Ada met Tom", "tom"),
        ("Tom left", "tom"),
        ("Tom left", "tom"),
    ]
    mentions = found.mentions
    counted = zip(mentions.rows.tolist(), named(shelf, mentions.columns), mentions.values.tolist(), strict=True)
    assert sorted(counted) == [(0, "ada", 3), (0, "tom", 2), (1, "tom", 1)]
    assert list(zip(found.homes.rows.tolist(), named(shelf, found.homes.columns), strict=True)) == [(0, "ada")]
    assert sorted(zip(found.parts.rows.tolist(), named(shelf, found.parts.columns), strict=True)) == [
        (0, "Ada met Tom"), (0, "Tom left"), (1, "Tom left")
    ]  # fmt: skip
    assert named(shelf, found.passages) == ["Ada met Tom Tom left", "Tom left"]
    assert ("Tom left", "left") in pairs(found.uses)


def test_matrices_hold_what_the_specification_says():
    shelf = shelf_of(
        one=record({"Ada met Tom": ["ada", "tom"]}, homes=["ada"], mentions={"ada": 3, "tom": 1}),
        two=record({"Tom left": ["tom"]}),
        three=record({"nothing": []}),
    )
    arrays = TriGraphArrays(shelf.rows())
    ada, tom = arrays.entity_places(shelf.find(["ada", "tom"]))
    met, left = (np.flatnonzero(arrays.sentences == id)[0] for id in shelf.find(["Ada met Tom", "Tom left"]))
    assert arrays.sentence_entities[met].toarray()[0, [ada, tom]].tolist() == [1, 1]
    assert arrays.sentence_entities[left].toarray()[0, [ada, tom]].tolist() == [0, 1]
    assert arrays.passage_entities[0].toarray()[0, [ada, tom]].tolist() == [3, 1]
    walk = arrays.graph.walk.toarray()
    # W: 3/4 and 1/4 in the first passage, 1 in the second; degrees of passages 1, of ada 3/4, of tom 5/4
    np.testing.assert_allclose(walk[0, [ada, tom]], [0.75 / np.sqrt(0.75), 0.25 / np.sqrt(1.25)])
    np.testing.assert_allclose(walk[1, [ada, tom]], [0, 1 / np.sqrt(1.25)])
    assert arrays.entity_homes[ada].indices.tolist() == [0]
    assert arrays.home_sentences.tolist() == [met * len(arrays.entities) + ada]
    assert arrays.entity_places(np.array([-1, 10**6])).tolist() == [-1, -1]


def test_a_word_weighs_by_the_sentences_that_use_it():
    shelf = shelf_of(one=record({"ada met tom": [], "tom left": []}))
    arrays = TriGraphArrays(shelf.rows())
    tom, left = arrays.word_places(shelf.find(["tom", "left"]))
    np.testing.assert_allclose(arrays.word_weight[[tom, left]], np.log1p([(2 - 2 + 0.5) / 2.5, (2 - 1 + 0.5) / 1.5]))


def test_no_rows_make_empty_arrays():
    arrays = TriGraphArrays(MemoryShelf(Rows({})).rows())
    assert len(arrays.slots) == len(arrays.sentences) == len(arrays.entities) == 0


def test_gather_gives_each_rows_columns():
    matrix = TriGraphArrays(
        shelf_of(one=record({"ada met tom": ["ada", "tom"]}), two=record({"x y z": []})).rows()
    ).sentence_entities
    owner, columns = gather(matrix, np.arange(matrix.shape[0]))
    dense = np.zeros(matrix.shape)
    dense[owner, columns] = 1
    np.testing.assert_array_equal(dense, matrix.toarray())


def test_vectors_are_fetched_once_and_kept_when_ids_move():
    class Shelf:
        asked = 0

        def vectors(self, ids):
            self.asked += len(ids)
            return np.array([[float(id), 0.0] for id in ids], dtype=np.float32)

    shelf = Shelf()
    table = VectorTable(np.array([5, 7, 9]), 2)
    assert table.get(shelf, np.array([2, 0, 2])).tolist() == [[9, 0], [5, 0], [9, 0]]
    assert shelf.asked == 2
    moved = table.moved(np.array([7, 9, 11]))
    assert moved.all(shelf).tolist() == [[7, 0], [9, 0], [11, 0]]
    assert shelf.asked == 4


def chunk_of(text, **metadata):
    return Document("d", text, metadata=metadata).chunk(0, len(text))


def extracted(text, **metadata):
    return records([chunk_of(text, **metadata)], ner="", sources=SOURCES)[0]


def test_sentences_carry_the_title_unless_they_name_it():
    record = extracted("Lothair II\nLothair II was a king. He died in 869.", title="Lothair II")
    assert record.sentences == ("Lothair II was a king.", "Lothair II: He died in 869.")
    assert all("lothair ii" in keys for keys in record.keys)
    assert record.homes[0] == "lothair ii"


def test_a_final_bracket_of_the_title_is_left_out():
    record = extracted("It is a demon of old.", title="Lilu (mythology)")
    assert record.sentences == ("Lilu: It is a demon of old.",)
    assert {"lilu mythology", "lilu"} <= set(record.homes)


def test_a_head_inside_a_longer_word_does_not_count():
    assert with_head("Ali", "Alice met him.") == "Ali: Alice met him."
    assert with_head("Ali", "He met Ali.") == "He met Ali."


def test_without_a_title_the_name_the_text_begins_with_stands_in():
    record = extracted("Ada Byrne (1815-1852) was a writer. She lived in Bern.")
    assert record.sentences[1] == "Ada Byrne: She lived in Bern."
    assert "ada byrne" in record.homes


def test_short_pieces_join_their_neighbours():
    assert extracted("Yes. Ada Byrne met him there. No.").sentences == ("Yes. Ada Byrne met him there. No.",)


def test_mentions_fall_to_the_sentence_they_stand_in():
    record = extracted("In the morning Ada Byrne left. After a while Tom Hale came.")
    assert "ada byrne" in record.keys[0]
    assert "tom hale" in record.keys[1]
    assert "tom hale" not in record.keys[0]


@given(st.text(max_size=300), st.sampled_from(["", "Ada Byrne", "A. (x)"]))
@settings(max_examples=80, deadline=None)
def test_any_text_makes_a_row_that_reads_back(text, title):
    if not text.strip():
        return
    chunk = Document("d", text, metadata={"title": title}).chunk(0, len(text))
    record = records([chunk], ner="", sources=SOURCES)[0]
    shelf = shelf_of(d=record)
    found = decode(shelf.rows())
    assert set(named(shelf, found.parts.columns)) == set(record.sentences)
    assert set(named(shelf, found.mentions.columns)) == set(record.mentions)
    assert len(found.links.rows) == len(
        {(s, k) for s, keys in zip(record.sentences, record.keys, strict=True) for k in keys}
    )


@pytest.mark.parametrize(("place", "number"), [(0, 2**30), (3, 2**30), (1, -5), (4, 999)])
def test_a_damaged_row_is_reported_before_it_takes_all_memory(place, number):
    rows = shelf_of(one=record({"Ada met Tom": ["ada", "tom"]}), two=record({"Tom left": ["tom"]})).rows()
    rows.data[rows.data_starts[1] + place] = number
    with pytest.raises(StoreCorruptError, match="restore a copy"):
        TriGraphArrays(rows)


def test_a_damaged_text_number_is_reported_before_it_takes_all_memory():
    rows = shelf_of(one=record({"Ada met Tom": ["ada", "tom"]})).rows()
    rows.texts[1] = 2**31 - 2
    with pytest.raises(StoreCorruptError, match="damaged"):
        TriGraphArrays(rows)
