from collections.abc import Callable

import pytest

from ragkit.errors import LoadError
from ragkit.text.loaders import SkippedError
from ragkit.types import Document

Read = Callable[..., list[Document | LoadError]]
ReadOne = Callable[..., Document]

PAGE = """<!DOCTYPE html>
<html><head><title>The  page</title><style>p {}</style><script>var x = "<p>no</p>";</script></head>
<body>
<header>Banner</header><nav><a>Home</a></nav>
<h1>Main <em>thing</em></h1>
<p>First   para
with a <a href="x">link</a>.</p><p hidden>secret</p><p style="display: none">secret</p>
<!-- comment --><div aria-hidden="true">icon</div>
<h2>Part</h2>
<ul><li>one</li><li><p>two</p></li></ul>
<table><tr><th>a</th><th>b</th></tr><tr><td><p>1</p></td><td>2</td></tr></table>
<pre>  code
    more</pre>
<p>Last<br>line &amp; end&nbsp;here</p>
<aside>Related</aside><footer>Copyright</footer>
</body></html>"""


def test_the_main_text_is_kept_in_its_blocks(read_one: ReadOne) -> None:
    document = read_one("a.html", PAGE)
    assert document.text == (
        "Main thing\n\nFirst para with a link.\n\nPart\n\n- one\n- two\n\na | b\n1 | 2\n\n"
        "  code\n    more\n\nLast\nline & end here"
    )
    assert document.title == "The page" and document.media_type == "text/html"


def test_the_outline_says_where_headings_begin(read_one: ReadOne) -> None:
    document = read_one("a.html", PAGE)
    assert document.metadata["outline"] == [[0, 1, "Main thing"], [document.text.index("Part"), 2, "Part"]]


def test_without_a_title_the_first_heading_is_it(read_one: ReadOne) -> None:
    assert read_one("a.html", "<p>Intro<h2>Head</h2>").title == "Head"
    assert "title" not in read_one("b.html", "<p>Text").metadata


def test_the_element_main_is_the_main_text(read_one: ReadOne) -> None:
    page = "<div>Menu of things</div><main><p>The text that matters.</main><div>Other</div>"
    assert read_one("a.html", page).text == "The text that matters."


def test_a_main_element_with_little_in_it_is_not_believed(read_one: ReadOne) -> None:
    assert "The long text" in read_one("a.html", "<main>x</main><p>" + "The long text. " * 9).text


def test_a_header_with_the_pages_own_heading_stays(read_one: ReadOne) -> None:
    assert read_one("a.html", "<header><h1>Head</h1>By Ann</header><p>Text.").text == "Head\n\nBy Ann\n\nText."


def test_a_page_that_keeps_its_text_in_a_hidden_part_is_read_all_the_same(read_one: ReadOne) -> None:
    assert read_one("a.html", "<p>Loading<div hidden>" + "The text. " * 9 + "</div>").text.endswith("The text.")


def test_text_after_a_part_left_out_stays(read_one: ReadOne) -> None:
    assert read_one("a.html", "<p>one <script>no</script>two <nav>no</nav>three").text == "one two three"


def test_words_in_neighbouring_inline_elements_stay_as_they_stand(read_one: ReadOne) -> None:
    assert read_one("a.html", "<p>H<sub>2</sub>O and <b>bold</b> <i>it</i>").text == "H2O and bold it"


def test_the_declared_encoding_is_used(read_one: ReadOne) -> None:
    page = '<meta charset="iso-8859-2"><p>Łódź jest miastem'
    document = read_one("a.html", page.encode("iso8859-2"))
    assert document.text == "Łódź jest miastem" and document.metadata["encoding"] == "iso8859-2"


def test_an_xml_declaration_is_no_trouble(read_one: ReadOne) -> None:
    page = '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><p>Zoë</p></html>'
    assert read_one("a.xhtml", page).text == "Zoë"


def test_no_entity_is_expanded_and_no_file_included(read_one: ReadOne) -> None:
    page = '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y "yyyy">]><p>a &x; &y; b'
    text = read_one("a.html", page).text
    assert "root:" not in text and "yyyy" not in text


@pytest.mark.parametrize("page", ["<html></html>", "<script>only()</script>", "<!-- c -->", "<nav>menu</nav>"])
def test_a_page_without_text_is_skipped(page: str, read: Read) -> None:
    [error] = read("a.html", page)
    assert isinstance(error, SkippedError) and "no text" in error.reason


def test_a_page_nested_too_deeply_is_refused_rather_than_cut(read: Read) -> None:
    [error] = read("a.html", "<div>" * 100_000 + "x")
    assert isinstance(error, LoadError) and "nested too deeply" in error.reason


def test_a_long_text_in_one_element_is_read(read_one: ReadOne) -> None:
    assert len(read_one("a.html", "<p>" + "word " * 2_400_000).text) == 11_999_999


@pytest.mark.parametrize("page", ["<<<>>>", "<p", "</p></div>text", "a < b > c", "\x01<p>t", "<p a='"])
def test_broken_pages_are_read_or_refused(page: str, read: Read) -> None:
    assert len(read("a.html", page)) == 1
