"""Chosen segments as text, Markdown and JSON."""

import json

from ragkit.extractors.html import IntervalSet, as_dict, segment_html, to_markdown, to_text
from ragkit.extractors.html.render import cells, escaped, fenced

PAGE = segment_html(
    "<h2>Head</h2><p>one<ul><li>a<ul><li>b</ul><li>c</ul><blockquote>said</blockquote><pre>```x```</pre>"
    "<table><tr><th>k<th>v<tr><td>1|2<td>x<tr><td>3<td></table><p>last"
)


def test_text_has_a_blank_line_where_something_is_left_out():
    assert to_text(PAGE, IntervalSet.of([1, 2, 4])) == "Head\none\n\nb"
    assert to_text(PAGE, IntervalSet.of([2, 4]), cite=True) == "[2] one\n\n[4] b"


def test_markdown_has_headings_lists_quotes_code_and_tables():
    assert to_markdown(PAGE, IntervalSet.full(len(PAGE))) == (
        "## Head\n\none\n\n- a\n  - b\n- c\n\n> said\n\n````\n```x```\n````\n\n"
        "| k | v |\n| --- | --- |\n| 1\\|2 | x |\n| 3 |  |\n\nlast"
    )


def test_a_table_of_which_the_header_row_was_not_chosen_has_it_all_the_same():
    row = next(one.index for one in PAGE.segments if one.text.startswith("3"))
    assert to_markdown(PAGE, [row]) == "| k | v |\n| --- | --- |\n| 3 |  |"


def test_citing_puts_the_index_first():
    assert to_markdown(PAGE, [1, 3], cite=True) == "## [1] Head\n\n- [3] a"


def test_what_would_be_markup_at_the_start_of_a_line_is_escaped():
    assert [escaped(text) for text in ("- a", "+ a", "1. a", "12) a", "# a", "=== ", "a - b")] == [
        "\\- a",
        "\\+ a",
        "1\\. a",
        "12\\) a",
        "\\# a",
        "\\=== ",
        "a - b",
    ]


def test_fences_are_longer_than_those_inside():
    assert fenced("a ```` b").startswith("`````\n")


def test_cells_are_read_back_as_they_were():
    assert cells("a\\|b | | c\\d") == ["a|b", "", "c\\d"]


def test_json_holds_all_addresses():
    found = json.loads(json.dumps(as_dict(PAGE)))
    assert found["segments"][0]["xpath"] == "/html/body/h2"
    assert "layout" not in found
    assert found["stats"]["segments"] == len(PAGE)
