"""How a page is cut: what makes one segment, and what kind it is."""

import pytest

from ragkit.extractors.html import Limits, PageTooLarge, PartitionOptions, segment_html


def cut(html, **options):
    return [(one.kind, one.text) for one in segment_html(html, options=PartitionOptions(**options)).segments]


def texts(html, **options):
    return [text for _, text in cut(html, **options)]


def test_text_before_and_after_a_block_gives_two_runs_of_one_owner():
    one, two, three = segment_html("<div>before<p>inside</p>after</div>").segments
    assert (one.text, two.text, three.text) == ("before", "inside", "after")
    assert (one.xpath, one.run, three.xpath, three.run) == ("/html/body/div", 0, "/html/body/div", 1)


def test_wrappers_without_text_of_their_own_give_no_segment():
    (one,) = segment_html("<div><div><section><p>only this").segments
    assert one.xpath == "/html/body/div/div/section/p"


def test_inline_elements_belong_to_the_run():
    assert texts("<p>a <b>bold</b>ly <i>told</i> ta<span>le</span></p>") == ["a boldly told tale"]


def test_two_line_breaks_end_a_run_and_one_does_not():
    assert texts("<div>one<br>two<br> <br>three</div>") == ["one two", "three"]


def test_verse_and_addresses_keep_their_lines():
    assert texts("<p>a rose<br>is a rose<br>is a rose<br>is a rose</p>") == ["a rose\nis a rose\nis a rose\nis a rose"]
    assert texts("<address>1 High St<br>Bern</address>") == ["1 High St\nBern"]


def test_headings_have_levels_and_govern_what_follows():
    page = segment_html("<h1>A</h1><p>a</p><h3>C</h3><p>c</p><h2>B</h2><p>b</p>")
    assert [(one.level, one.section) for one in page.segments] == [
        (1, ()),
        (0, (1,)),
        (3, (1,)),
        (0, (1, 3)),
        (2, (1,)),
        (0, (1, 5)),
    ]


def test_a_short_bold_paragraph_is_a_heading():
    assert cut("<p><b>Opening hours</b></p><p><b>We are open.</b></p><p><b>Bold</b> start")[0] == (
        "heading",
        "Opening hours",
    )
    assert [kind for kind, _ in cut("<p><b>We are open.</b></p><p><b>Bold</b> start")] == ["paragraph", "paragraph"]


def test_list_items_know_how_deep_they_are_nested():
    page = segment_html("<ul><li>one<ul><li>two</ul><li><p>three</p><p>more</p></ul>")
    assert [(one.kind, one.level, one.text) for one in page.segments] == [
        ("list_item", 1, "one"),
        ("list_item", 2, "two"),
        ("list_item", 1, "three"),
        ("paragraph", 0, "more"),
    ]


def test_other_kinds():
    assert cut(
        "<dl><dt>term<dd>meaning</dl><blockquote><p>said</blockquote><figure><figcaption>seen</figcaption></figure>"
        "<pre>x = 1\n  y = 2</pre>"
    ) == [
        ("term", "term"),
        ("definition", "meaning"),
        ("quote", "said"),
        ("caption", "seen"),
        ("code", "x = 1\n  y = 2"),
    ]


def test_what_a_closed_details_holds_is_collapsed():
    page = segment_html("<details><summary>Q</summary><p>A</p></details><details open><p>B</p></details>")
    assert [(one.text, one.flags) for one in page.segments] == [("Q", ()), ("A", ("collapsed",)), ("B", ())]


def test_a_data_table_gives_a_segment_for_each_row():
    page = segment_html(
        "<table><caption>Bees</caption><thead><tr><th>Kind<th>Legs</thead><tbody><tr><td>a|b<td>6<tr><td><td>7</table>"
    )
    assert [(one.kind, one.text, one.flags) for one in page.segments] == [
        ("caption", "Bees", ()),
        ("table_row", "Kind | Legs", ("header_row",)),
        ("table_row", "a\\|b | 6", ()),
        ("table_row", "| 7", ()),
    ]


def test_cells_below_a_spanning_one_stay_in_their_columns():
    rows = texts("<table><tr><th>a<th>b<tr><td rowspan=2>x<td>1<tr><td>2<tr><td colspan=2>wide</table>")
    assert rows == ["a | b", "x | 1", "| 2", "wide"]


def test_a_table_without_headers_is_data_when_it_is_regular_and_short():
    assert texts("<table><tr><td>a<td>1<tr><td>b<td>2</table>") == ["a | 1", "b | 2"]


@pytest.mark.parametrize(
    "table",
    [
        "<table role=presentation><tr><th>a<th>b</table>",
        "<table><tr><td>a<td><table><tr><td>b</table></table>",
        "<table><tr><td><div>a</div><td><h2>b</h2></table>",
        "<table><tr><td>a</table><p>b",
    ],
)
def test_layout_tables_are_ordinary_blocks(table):
    assert texts(table) == ["a", "b"]


def test_an_absurd_span_costs_nothing():
    page = segment_html("<table><tr><th colspan=1000000000 rowspan=99999999>a<th>b<tr><td>1<td>2</table>")
    assert page.stats["segments"] <= 3
    assert len(page.text) < 1000


def test_ten_thousand_rows_are_ten_thousand_segments():
    page = segment_html("<table><tr><th>n<th>m" + "".join(f"<tr><td>{n}<td>x" for n in range(10_000)) + "</table>")
    assert len(page) == 10_001
    assert page.segments[-1].text == "9999 | x"
    assert page.segments[-1].xpath == "/html/body/table/tr[10001]"


def test_long_runs_are_split_at_sentences_with_one_address():
    page = segment_html("<p>" + "One two three four. " * 5, options=PartitionOptions(max_words=9))
    assert [one.text for one in page.segments] == ["One two three four. One two three four."] * 2 + [
        "One two three four."
    ]
    assert {(one.xpath, one.run, one.flags) for one in page.segments} == {("/html/body/p", 0, ("split",))}


def test_scripts_without_spaces_count_two_characters_a_word():
    page = segment_html("<p>" + "東京" * 50, options=PartitionOptions(max_words=10))
    assert len(page) > 4
    assert "".join(one.text for one in page.segments) == "東京" * 50


def test_long_texts_that_come_twice_are_marked():
    long = "word " * 20
    page = segment_html(f"<p>{long}</p><p>short</p><p>{long}</p><p>short</p>")
    assert [one.flags for one in page.segments] == [(), (), ("duplicate",), ()]


def test_links_are_kept_by_their_places():
    (one,) = segment_html(
        "<p>See <a href='/x'>the  page</a> and <a href='javascript:y()'>more</a><a href=z></a>."
    ).segments
    assert one.text == "See the page and more."
    assert [(one.text[start:end], href) for start, end, href in one.links] == [("the page", "/x"), ("more", "")]
    assert one.link_density == round(12 / 22, 4)


@pytest.mark.parametrize(
    "href", ["JAVASCRIPT:x", " java\nscript:x", "data:text/html,x", "vbscript:x", "\x01javascript:x"]
)
def test_targets_that_run_something_are_left_out(href):
    (one,) = segment_html(f'<a href="{href}">x</a>').segments
    assert one.links[0][2] == ""


def test_a_link_around_blocks_is_a_link_in_each():
    one, two = segment_html("<a href=x><div>a</div><div>b</div></a>").segments
    assert (one.links, two.links) == (((0, 1, "x"),), ((0, 1, "x"),))


def test_tags_no_path_can_name_are_counted():
    html = "<body><o:p>a<div>b</div></o:p><o:p><div>c</div></o:p>"
    page = segment_html(html)
    assert [one.xpath for one in page.segments] == ["/html/body", "/html/body/*[1]/div", "/html/body/*[2]/div"]


def test_form_controls_are_dropped_and_other_text_in_forms_is_kept():
    assert texts("<form><label>Name</label><input value=x><select><option>o</select><p>Terms</p>") == ["Terms"]


def test_formulas_are_read_by_their_annotation():
    html = "<p>so <math><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></math>.</p>"
    assert texts(html) == ["so x^2."]
    assert texts("<p><math><mi>x</mi><mo>=</mo><mn>1</mn></math>") == ["x = 1"]


def test_dialogs_are_read_when_they_are_open():
    assert texts("<dialog>closed</dialog><dialog open>open</dialog>") == ["open"]


def test_alternative_texts_are_captions_on_request():
    assert cut("<p>a <img alt='a bee'> b</p>") == [("paragraph", "a b")]
    assert ("caption", "a bee") in cut("<p>a <img alt='a bee'> b</p>", alt_text=True)


def test_what_follows_the_only_main_is_marked():
    page = segment_html("<nav>n</nav><main><p>m</main><footer>f</footer>")
    assert [one.flags for one in page.segments] == [(), (), ("after_main",)]


def test_segments_over_the_limit_are_left_out_with_a_warning():
    page = segment_html("<p>x" * 30, limits=Limits(segments=10))
    assert len(page) == 10
    assert page.segments[-1].flags == ("truncated",)
    assert page.warnings == (("segments_truncated", "20 segments, 20 words"),)


def test_a_page_over_the_limit_of_bytes_is_refused():
    with pytest.raises(PageTooLarge, match=r"11 bytes, more than the limit of 10"):
        segment_html(b"<p>01234567", limits=Limits(bytes=10))


def test_text_only_in_json_ld_is_embedded():
    said = '[{"@graph":[{"articleBody":"One <b>two</b>.\\n\\nThree &amp; four."}]}]'
    html = f'<script type="application/ld+json">{said}</script>'
    page = segment_html(html)
    assert [(one.kind, one.text, one.xpath) for one in page.segments] == [
        ("embedded", "One two .", None),
        ("embedded", "Three & four.", None),
    ]
    assert not len(segment_html(html, options=PartitionOptions(embedded="never")))
    full = "<p>" + "word " * 100 + html
    assert [kind for kind, _ in cut(full)] == ["paragraph"]
    assert len(cut(full, embedded="always")) == 3


def test_deep_or_broken_json_ld_is_passed_over():
    deep = '<script type="application/ld+json">' + "[" * 100_000 + "</script><p>text"
    broken = '<script type="application/ld+json">{"articleBody": "x"</script><p>text'
    assert texts(deep) == texts(broken) == ["text"]


def test_a_page_without_text_has_its_own_description():
    assert cut('<meta name=description content="About  bees"><script>x</script>') == [("embedded", "About bees")]


def test_noscript_is_read_when_there_is_hardly_anything_else():
    page = segment_html("<p>js</p><noscript><p>the whole story</p></noscript>")
    assert [one.text for one in page.segments] == ["js", "the whole story"]
    assert page.warnings == (("noscript_used", "1 words without it"),)
    assert texts("<p>" + "word " * 60 + "<noscript><p>no</p></noscript>") == [("word " * 60).strip()]


def test_the_page_says_what_it_is():
    page = segment_html(
        "<html lang=de><title>T &amp; t</title><meta name=author content='Ann B'>"
        "<meta property=article:published_time content='2024-03-05T10:00:00Z'>"
        "<meta property=og:site_name content=S><p>x"
    )
    assert page.title == "T & t"
    assert page.metadata == {"author": "Ann B", "date": "2024-03-05", "language": "de", "site": "S"}


def test_date_and_author_may_be_in_json_ld_only():
    page = segment_html(
        '<script type="application/ld+json">{"@type":"NewsArticle","datePublished":"2023-01-02",'
        '"author":[{"name":"Ann"},{"name":"Bob"}]}</script><p>x'
    )
    assert page.metadata == {"author": "Ann, Bob", "date": "2023-01-02"}
