"""Units by rules: what they say, where they stand, what they mention."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import Document
from ragkit.graphs import extraction
from ragkit.graphs.cluearrays import ClueArrays
from ragkit.graphs.extraction import extracted
from ragkit.graphs.units import kept, pieces, rule_units, unit_records
from ragkit.testing import MemoryShelf
from ragkit.text.entities import SOURCES


def chunk_of(text, start=0, **metadata):
    return Document("d", " " * start + text, metadata=metadata).chunk(start, start + len(text))


def record_of(text, start=0, titled="each", longest=80, sources=SOURCES, labels=(), **metadata):
    chunk = chunk_of(text, start, **metadata)
    return unit_records([chunk], ner="", sources=sources, labels=labels, titled=titled, longest=longest)[0]


def texts(text, **options):
    return list(record_of(text, **options).passage.sentences)


def test_a_unit_carries_its_title_unless_it_names_it():
    assert texts("Lothair II\nLothair II was a king. He died in 869.", title="Lothair II") == [
        "Lothair II was a king.",
        "Lothair II: He died in 869.",
    ]


def test_a_title_is_carried_without_its_brackets():
    assert texts("A film of 1950 by no one known.", title="Mercury (film)") == [
        "Mercury: A film of 1950 by no one known."
    ]


def test_the_nearest_heading_stands_in_for_a_title():
    assert texts("Turn it left to open it.", heading="The valve") == ["The valve: Turn it left to open it."]


def test_a_name_inside_a_longer_word_is_not_the_name():
    assert texts("Alice went home early.", title="Ali") == ["Ali: Alice went home early."]


def test_titles_only_in_the_first_unit_or_in_none():
    text = "He was a king here. He died in 869."
    assert texts(text, title="Lothair", titled="first") == ["Lothair: He was a king here.", "He died in 869."]
    assert texts(text, title="Lothair", titled="no") == ["He was a king here.", "He died in 869."]


def test_the_same_sentence_under_two_titles_is_two_units():
    assert texts("It has a church.", title="Bern") != texts("It has a church.", title="Thun")


def test_a_short_piece_joins_its_neighbour():
    assert texts("Why? Because he wanted to. No.") == ["Why? Because he wanted to. No."]


def test_white_space_is_collapsed_and_composition_unified():
    assert texts("Zu\u0308rich   is\na city of note.") == ["Zürich is a city of note."]


def test_an_overlong_sentence_is_cut_at_semicolons_then_before_conjunctions():
    part = "one two three four five six seven eight"
    text = f"{part}; {part}, and {part}, or few"
    cut = [text[start:end] for start, end in pieces(text, 0, len(text), 20)]
    assert cut == [f"{part};", f"{part}, and {part}, or few"]
    cut = [text[start:end] for start, end in pieces(text, 0, len(text), 12)]
    assert cut == [f"{part};", f"{part},", f"and {part}, or few"]


def test_a_sentence_of_ten_thousand_words_is_kept_whole_when_nothing_marks_a_cut():
    assert len(texts("word " * 9_999 + "end.")) == 1


def test_spans_are_offsets_of_the_document():
    chunk = chunk_of("Ada left. Tom stayed here.", start=7)
    record = unit_records([chunk], ner="", sources=SOURCES)[0]
    whole = " " * 7 + chunk.text
    assert [" ".join(whole[s.start : s.end].split()) for s in record.supports] == list(record.passage.sentences)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a"),
        ("def f(x):\n    return x + 1\n", "return"),
        ("- milk\n- eggs and so on\n- bread", "eggs"),
        ("Bern", "Bern"),
        ("艾达住在伯尔尼。她喜欢这里。", "艾"),
        ("لقاء آدا في برن. ثم عادت.", "برن"),
        ("อาด้าอยู่ที่เบิร์น", "เบิร์น"),
        ("エイダはベルンに住んでいます。", "ベルン"),
        ("🎉🎉", "🎉"),
        ("a\0b\r\nc d e", "c"),
        ("Nothing but nouns here", "nouns"),
    ],
)
def test_any_text_has_units_that_hold_it(text, word):
    assert any(word in unit for unit in texts(text))


@given(st.text(max_size=300), st.sampled_from(["", "Ada Byrne", "a", "."]))
@settings(max_examples=80, deadline=None)
def test_spans_cover_every_character_but_white_space_and_the_head(text, title):
    if not text.strip():
        return
    chunk = chunk_of(text, title=title)
    found = extracted([chunk], ner="", sources=SOURCES)[0]
    covered = set()
    last = 0
    for unit in rule_units(text, found, "each", 4):
        assert last <= unit.start < unit.end <= len(text)
        last = unit.end
        covered.update(range(unit.start, unit.end))
    lost = [place for place in range(found.body, len(text)) if place not in covered and not text[place].isspace()]
    assert not lost


def test_entities_are_those_of_the_sentence_and_the_title():
    record = record_of("Ada Byrne met Tom Hale. She left for Oslo.", title="Ada Byrne")
    assert record.passage.keys == (("ada byrne", "tom hale"), ("ada byrne", "oslo"))
    assert record.passage.homes == ("ada byrne",)


def test_amounts_and_times_are_no_entities_and_labels_can_be_chosen():
    found = extracted([chunk_of("Ada Byrne paid $3 million in May 1950.")], ner="", sources=SOURCES)[0]
    assert {key for _, key in kept(found, ()).mentions} >= {"ada byrne", "may 1950"}
    assert "QUANTITY" not in {mention.label for mention, _ in kept(found, ()).mentions}
    assert {mention.label for mention, _ in kept(found, ("DATE",)).mentions} == {"DATE"}


def test_names_that_differ_by_case_width_composition_or_possessive_are_one_entity():
    record = record_of("Zürich's lake is cold. ＺＵ\u0308ＲＩＣＨ is large. The Zürich of old is gone.")
    assert [keys for keys in record.passage.keys if "zürich" in keys] == list(record.passage.keys)


class Units:
    """Stores unit records."""

    fingerprint, embedder = "units", None

    def derive(self, chunks):
        return [record.derived() for record in unit_records(chunks, ner="", sources=SOURCES)]

    def open(self, shelf):
        """Nothing."""

    def search(self, query, k):
        """Nothing."""


def test_rows_read_back_with_every_support_and_count():
    shelf = MemoryShelf(Units())
    text = "Ada Byrne met Ada Byrne. Oslo is cold now. Oslo is cold now."
    shelf.add([Document(id, text).chunk(0, len(text)) for id in ("a", "b")])
    arrays = ClueArrays(shelf.rows())
    met, cold = (
        arrays.sentences.tolist().index(id) for id in shelf.find(["Ada Byrne met Ada Byrne.", "Oslo is cold now."])
    )
    supports = lambda unit: arrays.supports[arrays.support_starts[unit] : arrays.support_starts[unit + 1]].tolist()  # noqa: E731
    assert supports(met) == [[0, 0, 24, 0, 1000], [1, 0, 24, 0, 1000]]
    assert supports(cold) == [[0, 25, 42, 0, 1000], [0, 43, 60, 0, 1000], [1, 25, 42, 0, 1000], [1, 43, 60, 0, 1000]]
    ada, oslo = arrays.entity_places(shelf.find(["ada byrne", "oslo"]))
    assert arrays.mention_counts[met, ada] == 4  # twice in each chunk
    assert arrays.mention_counts[cold, oslo] == 4
    assert arrays.chunk_lengths.tolist() == [3 + 4, 3 + 4]


def test_one_extraction_serves_every_graph_of_a_pipeline(monkeypatch):
    from ragkit import KnowledgeBase

    read = []
    monkeypatch.setattr(extraction, "recognise", lambda texts, ner: read.extend(texts) or [[] for _ in texts])
    kb = KnowledgeBase(":memory:", 'chunk(by="whole") >> trigraph(model="hash") + clue(model="hash")')
    kb.add(Document("x", "A text that nobody else has read, by Ada Byrne."))
    assert read == ["A text that nobody else has read, by Ada Byrne."]
