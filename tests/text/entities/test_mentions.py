import gc
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import InvalidValueError
from ragkit.text.entities import SOURCES, Gazetteer, Mention, entity_key, extract

TEXT = (
    'His film "The Third Man" (1949) won. Marilyn Monroe, born Norma Jeane Mortenson, met the World Health '
    "Organization (WHO) on 20 March 1951, 12 km from St. Louis."
)


def test_each_source_can_be_used_alone() -> None:
    alone = {source: {m.surface for m in extract(TEXT, sources=[source])} for source in SOURCES}
    assert alone["ner"] == alone["title"] == set()
    assert {"Third Man", "St. Louis", "Norma Jeane Mortenson"} - alone["caps"] == {"Third Man"}
    assert alone["quotes"] == {"The Third Man"}
    assert alone["dates"] == {"1949", "20 March 1951"}
    assert alone["numbers"] == {"12 km"}
    assert alone["acronyms"] == {"World Health Organization", "WHO"}
    assert alone["aliases"] == {"Norma Jeane Mortenson"}


def test_all_sources_together_find_what_each_finds() -> None:
    together = {(m.start, m.end) for m in extract(TEXT)}
    assert together == {(m.start, m.end) for source in SOURCES for m in extract(TEXT, sources=[source])}


def test_mentions_come_in_order_of_place_the_longer_first() -> None:
    mentions = extract(TEXT)
    assert mentions == sorted(mentions, key=lambda m: (m.start, -m.end))


def test_the_first_source_gives_a_span_its_label() -> None:
    assert extract('the "Emma" of', sources=("caps", "quotes")) == [Mention("Emma", "TITLE", 5, 9)]
    assert extract('the "Emma" of', ner=[(5, 9, "WORK")]) == [Mention("Emma", "WORK", 5, 9)]
    assert extract('the "Emma" of', ner=[(5, 9, "WORK")], gazetteer=Gazetteer(["emma"]))[0].label == "GAZETTEER"


def test_spans_of_a_recogniser_lose_punctuation_at_their_edges() -> None:
    assert extract("see (Rome), ok", sources=("ner",), ner=[(4, 11, "GPE")]) == [Mention("Rome", "GPE", 5, 9)]
    assert extract("a -- b", sources=("ner",), ner=[(2, 4, "ORG"), (3, 3, "ORG")]) == []


def test_counts_of_a_recogniser_are_no_mentions() -> None:
    spans = [(0, 5, "ORDINAL"), (6, 9, "CARDINAL"), (10, 12, "PERCENT")]
    assert extract("first two 5%", sources=("ner",), ner=spans) == []


@pytest.mark.parametrize("span", [(-1, 2, "GPE"), (2, 1, "GPE"), (0, 5, "GPE")])
def test_spans_outside_the_text_are_refused(span: tuple[int, int, str]) -> None:
    with pytest.raises(InvalidValueError, match="not inside the text of 4 characters"):
        extract("Rome", ner=[span])


@pytest.mark.parametrize("sources", [["caps"], ("caps",), {"caps"}, frozenset({"caps"}), {"caps": 1}])
def test_sources_may_be_any_collection(sources: list[str]) -> None:
    assert [m.surface for m in extract("see Rome", sources=sources)] == ["Rome"]


@pytest.mark.parametrize("sources", [["caps", "capital"], ("gazetteer",), "caps", ""])
def test_unknown_sources_are_refused_and_the_choices_named(sources: list[str]) -> None:
    with pytest.raises(
        InvalidValueError, match="choose from ner, caps, quotes, dates, numbers, acronyms, aliases, title"
    ):
        extract("Rome", sources=sources)


pieces = st.lists(
    st.sampled_from(
        [
            "Ada",
            "of",
            "the",
            "van",
            "born ",
            "also known as ",
            "(",
            ")",
            "WHO",
            "World Health Organization",
            '"',
            "“",
            "”",
            "’s",
        ]
        + [
            "'s",
            "’",
            "St",
            ". ",
            " ",
            ", ",
            "\n",
            "May",
            "12",
            "20 March",
            "km",
            "$",
            "B-52",
            "_",
            "+",
            "é",
            "e\u0301",
            "東",
            "「",
            "」",
            "ǅ",
        ]
    ),
    max_size=25,
).map("".join)


@given(st.text(st.characters(exclude_categories=[])) | pieces, pieces)
def test_places_are_exact_for_any_text(text: str, title: str) -> None:
    mentions = extract(text, title=title, gazetteer=Gazetteer(["ada of", "東", title]))
    assert all(text[m.start : m.end] == m.surface and entity_key(m.surface) for m in mentions)
    assert len({(m.start, m.end) for m in mentions}) == len(mentions)
    assert extract(text, title=title, gazetteer=Gazetteer(["ada of", "東", title])) == mentions


@pytest.mark.parametrize(
    "piece",
    [
        "A ",
        '"',
        "“",
        "(",
        "( ",
        "of ",
        "A",
        "Aa. ",
        "Aa of ",
        "(AB ",
        "1",
        "12 ",
        "1.1",
        "'s ",
        "A's ",
        "«A",
        "’",
        "\u0301",
        "東",
        "é\u200d",
        "C+",
        "&",
    ],
)
def test_time_grows_in_proportion_to_any_text(piece: str) -> None:
    gazetteer = Gazetteer(["aa of aa of b", "a a a b"])

    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        gc.collect()
        gc.disable()  # a collection costs what other tests left in memory, not what the text costs
        try:
            begun = time.process_time()
            extract(text, title=text[:100], gazetteer=gazetteer)
            return time.process_time() - begun
        finally:
            gc.enable()

    ratios = []
    for _ in range(6):
        ratios.append(seconds(60_000) / max(seconds(30_000), 0.002))
        if ratios[-1] < 3.5:
            return
    pytest.fail(f"twice the text took {ratios} times as long")


@pytest.mark.parametrize("piece", ["A ", '"', "(", "of ", "A", "Aa. ", "a's ", "&amp;", "'s", "the ", "+"])
def test_200_kilobytes_of_anything_take_little_time(piece: str) -> None:
    text = (piece * 200_000)[:200_000]
    begun = time.process_time()
    extract(text)
    entity_key(text)
    assert time.process_time() - begun < 20
