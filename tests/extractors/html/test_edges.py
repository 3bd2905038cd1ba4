"""Pages at the edge of what is a page."""

import time

import pytest

from ragkit.extractors.html import Limits, PageTimeout, PageTooLarge, PartitionOptions, segment_html
from ragkit.extractors.html.charsets import codec_of


def texts(data, **how):
    return [one.text for one in segment_html(data, **how).segments]


def codes(page):
    return [code for code, _ in page.warnings]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b" \n\t ", []),
        (b"just words", ["just words"]),
        (b"<frameset><frame src=x></frameset>", []),
        (b"<html><p>no body", ["no body"]),
        (b"<body>one</body><body>two</body>", ["one", "two"]),
        (b"<p>one<p>two<ul><li>three<li>four", ["one", "two", "three", "four"]),
        (b"<body>in body<p>in p", ["in body", "in p"]),
        (b"<html><body><p>a</body></html>after", ["a", "after"]),
        (b"<html><p>a</HTML ><p>b</p></html><!-- x -->c", ["a", "b", "c"]),
        (b"<p>a<plaintext><b>b</b>", ["a", "<b>b</b>"]),
        (b"<a href=x>a <a href=y>b</a></a>", ["a b"]),
        (b"<p>a<table><tr><th>b<th>c</table>d", ["a", "b | c", "d"]),
        (b"<p>&nbsp;</p><p> &#160; </p><p>x</p>", ["x"]),
        (b"<p>a\0b\x01c</p>", ["a b c"]),
        (b"<p>&#0;&#x110000;x</p>", ["\ufffd\ufffdx"]),
        ("<p>שלום עולם</p><p>สวัสดีชาวโลก</p><p>你好世界</p>", ["שלום עולם", "สวัสดีชาวโลก", "你好世界"]),
        ("<p>in\u200bvis\u00adible \u202ehidden\u202c</p>", ["invisible hidden"]),
        ("<p>👩\u200d👩\u200d👧 ok ❤\ufe0f</p>", ["👩\u200d👩\u200d👧 ok ❤\ufe0f"]),
        ("<p>lone \ud800 surrogate</p>", ["lone \ufffd surrogate"]),
        (b"<!-- c --><?pi x?><p>a<!-- <p>no --></p>", ["a"]),
        (b"<?xml version='1.0' encoding='utf-16'?><p>x", ["x"]),
    ],
)
def test_odd_pages(data, expected):
    assert texts(data) == expected


@pytest.mark.parametrize("depth", [300, 3000, 50_000])
def test_text_in_and_after_deep_elements_survives(depth):
    page = segment_html(b"<p>first</p>" + b"<div>" * depth + b"deep" + b"</div>" * depth + b"<p>after")
    assert [one.text for one in page.segments] == ["first", "deep", "after"]
    assert codes(page) == ["deep_tree"]
    assert {one.xpath for one in page.segments} == {None}
    assert len(page.layout.tag) <= 250


def test_too_many_elements_are_read_without_a_tree():
    page = segment_html("<p>x" * 500, limits=Limits(elements=100))
    assert len(page) == 500
    assert codes(page) == ["many_elements"]


@pytest.mark.slow
def test_two_hundred_thousand_paragraphs_take_less_than_ten_seconds():
    started = time.thread_time()
    page = segment_html("<p>x" * 200_000)
    assert time.thread_time() - started < 10
    assert len(page) == 20_000
    assert "segments_truncated" in codes(page)


@pytest.mark.slow
def test_a_text_too_long_for_the_parser_survives():
    page = segment_html(b"<p>" + b"word " * 2_400_000 + b"<p>after", limits=Limits(bytes=20_000_000))
    assert page.segments[-1].text == "after" or "segments_truncated" in codes(page)
    assert sum(page.layout.words) > 2_000_000
    with pytest.raises(PageTooLarge):
        segment_html(b"x" * 12_000_000)


def test_a_huge_attribute_is_not_looked_at():
    page = segment_html(b"<p class='" + b"x" * 5_000_000 + b"' style='" + b"a" * 600 + b";display:none'>text")
    assert [one.text for one in page.segments] == ["text"]
    assert all(len(part) <= 512 for one in page.layout.attributes for part in one)


def test_a_page_that_takes_too_long_is_refused():
    with pytest.raises(PageTimeout, match="more than 1e-09 s"):
        segment_html("<p>x" * 1000, limits=Limits(seconds=1e-9))


def test_unclosed_things_are_scanned_once():
    """Each of these is looked for an end that never comes, a hundred thousand times, by careless scanners."""
    deep = b"<div>" * 300
    for piece in (b"<!--", b"<a b='", b'<a b="', b"</a", b"<![CDATA[", b"<script>", b"<x a=<y", b"<?", b"<"):
        started = time.thread_time()
        segment_html(deep + piece * 100_000)
        assert time.thread_time() - started < 5, piece


# -- encodings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "declared", "text", "encoding"),
    [
        ("<p>é".encode(), None, "é", "utf-8"),
        ("\ufeff<p>é".encode(), "latin-1", "é", "utf-8"),
        (b"\xff\xfe" + "<p>é".encode("utf-16-le"), "utf-8", "é", "utf-16-le"),
        (b"\xfe\xff" + "<p>é".encode("utf-16-be"), None, "é", "utf-16-be"),
        ("<p>é €".encode("cp1252"), "iso-8859-1", "é €", "cp1252"),
        (b"<meta charset=windows-1251>" + "<p>мир".encode("cp1251"), None, "мир", "cp1251"),
        (b"<meta content='text/html; charset=Shift_JIS'>" + "<p>東京".encode("cp932"), None, "東京", "cp932"),
        (b"<p>" + "é".encode() * 50, "ascii", "é" * 50, "utf-8"),
        (b"<p>na\xefve caf\xe9 fa\xe7ade d\xe9j\xe0 vu", None, "naïve café façade déjà vu", "cp1252"),
        ("<p>é".encode(), "x-nonsense", "é", "utf-8"),
    ],
)  # fmt: skip
def test_encodings(data, declared, text, encoding):
    page = segment_html(data, encoding=declared)
    assert page.segments[-1].text == text
    assert page.encoding == encoding


def test_bytes_that_do_not_fit_are_replaced_and_counted():
    page = segment_html(b"<meta charset=utf-8><p>" + "näher ".encode() * 50 + b"\xff\xfe!")
    assert page.warnings[0] == ("bad_bytes", "2")
    assert "näher" in page.text


def test_a_label_that_cannot_be_right_is_not_believed():
    page = segment_html(b"<meta charset=gb18030><p>" + "àéîõü ".encode() * 30 + b"x")
    assert page.text.startswith("àéîõü") or page.encoding == "gb18030"


def test_labels_mean_what_browsers_take_them_for():
    assert [codec_of(name) for name in ("latin1", "UTF8", "gb2312", "ks_c_5601-1987", "nonsense")] == [
        "cp1252",
        "utf-8",
        "gb18030",
        "cp949",
        None,
    ]


# -- kinds of pages ----------------------------------------------------------------------------------------------------


def test_a_page_that_is_one_list_of_links():
    page = segment_html("<ul>" + "".join(f"<li><a href=/{n}>Link {n}</a>" for n in range(50)) + "</ul>")
    assert len(page) == 50
    assert {one.link_density for one in page.segments} == {1.0}


def test_an_article_that_appears_twice_is_marked():
    article = "".join(f"<p>{'word ' * 25}{n}</p>" for n in range(3))
    page = segment_html(f"<div class=desktop>{article}</div><div class=mobile>{article}</div>")
    assert ["duplicate" in one.flags for one in page.segments] == [False] * 3 + [True] * 3


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="max_words"):
        PartitionOptions(max_words=0)
    with pytest.raises(ValueError, match="hidden"):
        PartitionOptions(hidden="maybe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the limit segments"):
        Limits(segments=0)
