"""The hits as a text of bounded size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import Document, KnowledgeBase
from ragkit.graphs.cluecontext import context
from ragkit.text.tokens import count_tokens


@pytest.fixture(scope="module")
def hits():
    kb = KnowledgeBase(":memory:", 'chunk(by="whole") >> clue(model="hash", ner="")')
    kb.add(
        Document("a", "Ada Byrne\nAda Byrne is a painter. Her brother is Tom Hale.", metadata={"title": "Ada Byrne"}),
        Document("b", "Tom Hale\nTom Hale played for FC Aare.", metadata={"title": "Tom Hale"}),
    )
    return kb.search("Who is the brother of Ada Byrne?")


@given(st.integers(0, 80), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_context_never_exceeds_its_budget(hits, budget, with_units):
    assert count_tokens(context(hits, budget, with_units=with_units)) <= budget


def test_chunks_come_best_first_and_units_before_them_with_their_places(hits):
    whole = context(hits, 1000)
    assert whole == "\n\n".join(hit.chunk.text for hit in hits)
    quoted = context(hits, 1000, with_units=True)
    units = "- Ada Byrne is a painter. [a:10-33]\n- Ada Byrne: Her brother is Tom Hale. [a:34-58]"
    assert quoted.startswith(f"{units}\n\nAda Byrne\n")
    assert quoted.count("- Ada Byrne: Her brother") == 1


def test_the_counter_may_be_another(hits):
    assert context(hits, 60, counter=len) == hits.items[0].chunk.text  # 58 characters
    assert context(hits, 0) == ""
