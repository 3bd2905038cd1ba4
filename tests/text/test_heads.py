from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.heads import LONGEST_TITLE, front_matter, headings, indexed_text, nearest, outlined
from ragkit.types import Chunk, Document


def chunk(text: str, **metadata: str) -> Chunk:
    return Document("d", text).chunk(0, len(text), metadata)


def test_indexes_see_the_title_before_the_text() -> None:
    assert indexed_text(chunk("She wrote notes.", title="Ada", heading="Life")) == "Ada\nShe wrote notes."


def test_without_a_title_they_see_the_nearest_heading() -> None:
    assert indexed_text(chunk("She wrote notes.", heading="Ada > Life")) == "Ada > Life\nShe wrote notes."


def test_a_chunk_without_a_head_is_indexed_as_it_is() -> None:
    assert indexed_text(chunk("She wrote notes.")) == "She wrote notes."


def test_a_chunk_that_begins_with_its_head_does_not_get_it_twice() -> None:
    assert indexed_text(chunk("Ada\nShe wrote.", title="Ada")) == "Ada\nShe wrote."
    assert indexed_text(chunk("# Ada\nShe wrote.", title="Ada")) == "# Ada\nShe wrote."


def test_a_longer_word_with_the_same_beginning_is_not_the_head() -> None:
    assert indexed_text(chunk("Adam was there.", title="Ada")) == "Ada\nAdam was there."


def test_prose_that_begins_with_the_name_still_gets_its_head() -> None:
    assert indexed_text(chunk("Ada wrote notes.", title="Ada")) == "Ada\nAda wrote notes."


def titles(text: str) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in headings(text)]


def test_headings_of_both_kinds_are_found_with_their_levels() -> None:
    assert titles("# One\n## Two ##\nThree\n===\nFour\n---\n") == [(1, "One"), (2, "Two"), (1, "Three"), (2, "Four")]


def test_a_heading_knows_its_section() -> None:
    found = headings("# A\n## B\n### C\n## D\n# E\n")
    assert [heading.section for heading in found] == ["A", "A > B", "A > B > C", "A > D", "E"]


def test_fenced_code_has_no_headings() -> None:
    assert titles("```sh\n# no\n```\n# yes\n~~~~\n# no\n~~~\n# no\n~~~~\n# yes too") == [(1, "yes"), (1, "yes too")]


def test_what_only_looks_like_a_heading_is_none() -> None:
    assert titles("#hashtag\n####### seven\n    # code\n\n---\n- item\n---\ntwo\nlines\n---\n| a |\n---\n") == []


def test_markup_in_a_heading_is_left_out_of_its_title() -> None:
    assert titles("# The **big** [picture](http://x.org) of `code`") == [(1, "The big picture of code")]


def test_a_heading_stands_where_it_says() -> None:
    text = "Intro\n\nTitle\n=====\nText\n## Sub\n"
    assert [text[heading.start : heading.end] for heading in headings(text)] == ["Title\n=====", "## Sub"]


def test_a_heading_without_end_is_cut_short() -> None:
    assert len(headings("# " + "x" * 10_000)[0].title) == LONGEST_TITLE


def test_the_nearest_heading_is_the_last_one_before() -> None:
    found = headings("Intro\n# A\ntext\n# B\n")
    assert nearest(found, 0) is None
    assert [heading and heading.title for heading in (nearest(found, 6), nearest(found, 12))] == ["A", "A"]
    assert nearest([], 3) is None


def test_front_matter_is_read_and_holds_no_headings() -> None:
    text = '---\ntitle: "On trees"\nauthor: Ann\ntags: [a, b]\nsource: elsewhere\n---\n# Bark\n'
    end, said = front_matter(text)
    assert text[end:] == "\n# Bark\n"
    assert said == {"title": "On trees", "author": "Ann"}
    assert titles(text) == [(1, "Bark")]


def test_a_rule_at_the_beginning_is_no_front_matter() -> None:
    assert front_matter("---\nSome text.\n---\n") == (0, {})
    assert front_matter("---\ntitle: never closed\n") == (0, {})


def test_an_outline_becomes_headings() -> None:
    found = outlined("One\nx\nTwo\n", [[6, 2, "Two"], [0, 1, "One"], [99, 1, "outside"]])
    assert [(heading.start, heading.end, heading.section) for heading in found] == [(0, 3, "One"), (6, 9, "One > Two")]


@given(st.text(alphabet="#=-`~ \nab|>[]()*"))
def test_headings_of_any_text_are_in_order_and_inside_it(text: str) -> None:
    end = 0
    for heading in headings(text):
        assert end <= heading.start < heading.end <= len(text)
        assert 1 <= heading.level <= 6
        end = heading.end
