"""What a reader would not see is dropped, whatever the way it is hidden, and reported."""

import pytest

from ragkit.extractors.html import PartitionOptions, segment_html, to_markdown
from ragkit.extractors.html.css import alpha, colour, declarations, read_sheets

SEEN = "<p>" + "These are words that everybody can read. " * 10 + "</p>"

INLINE = [
    "display:none",
    "DISPLAY : NONE !important",
    "display:none;display:block!important;display:none !important",
    "d\\69splay:none",
    "display:/**/none",
    "visibility:hidden",
    "visibility: collapse",
    "opacity:0",
    "opacity: 0.0",
    "font-size:0",
    "font-size: 0px",
    "font:0/0 a",
    "text-indent:-9999px",
    "position:absolute;left:-9999px",
    "position: fixed; top : -5000px",
    "position:absolute;clip:rect(0,0,0,0)",
    "position:absolute;clip: rect(1px 1px 1px 1px)",
    "clip-path:inset(100%)",
    "clip-path: inset(50%)",
    "transform:scale(0)",
    "transform: rotate(3deg) scale(0, 1)",
    "width:0;height:0;overflow:hidden",
    "width:1px;height:1px;overflow:hidden",
    "max-height:0;overflow:hidden",
    "color:transparent",
    "color:rgba(0,0,0,0)",
    "color:#fff0",
    "color:#fff;background:#ffffff",
    "color:white;background-color:rgb(255,255,255)",
    "color:#fefefe;background:url(x) #fff",
    "color:hsl(0,0%,100%);background:white",
]


def secret(html, **options):
    page = segment_html(html, options=PartitionOptions(**options))
    return "SECRET" in page.text


@pytest.mark.parametrize("tag", ["div", "span"])
@pytest.mark.parametrize("style", INLINE)
def test_text_hidden_by_its_own_style_is_dropped(style, tag):
    html = f"{SEEN}<p>before <{tag} style='{style}'>SECRET <b>words</b></{tag}> after</p>"
    page = segment_html(html)
    assert "SECRET" not in page.text
    assert "after" in page.text, "what follows stays"
    assert page.stats["hidden_words"] == 2, "it is reported"


@pytest.mark.parametrize(
    "attribute",
    [
        "hidden",
        "hidden=''",
        "aria-hidden=true",
        "aria-hidden=' TRUE '",
        *(f"class='a {name} b'" for name in "sr-only visually-hidden screen-reader-text d-none is-hidden".split()),
        "class=invisible",
    ],
)
def test_text_hidden_by_an_attribute_is_dropped(attribute):
    assert not secret(f"{SEEN}<div {attribute}><p>SECRET</p></div>")


@pytest.mark.parametrize(
    "rule",
    [
        ".x{display:none}",
        "p.y, .x , #z { color:red; VISIBILITY : hidden !important }",
        "/* c */ .x{display:/**/none}",
        "#x{display:none}",
        "aside{display:none}",
        "@media print{.a{color:red}} .x{display:none}",
        ".x{display:none}@media print{.x{display:block}}",
    ],
)
def test_text_hidden_by_a_rule_of_the_page_is_dropped(rule):
    assert not secret(f"<style>{rule}</style>{SEEN}<aside class=x id=x>SECRET</aside>")


@pytest.mark.parametrize(
    "rule",
    [
        "@media (max-width:600px){.x{display:none}}",
        ".x .y{display:none}",
        ".xx{display:none}",
        ".x{display:none} .x{display:block}",
        ".x{display:none} @media (min-width:768px){.x{display:flex}}",
        ".x{display:none} .x.on{display:block}",
    ],
)
def test_rules_that_do_not_hide_it_hide_nothing(rule):
    assert secret(f"<style>{rule}</style>{SEEN}<p class='x on'>SECRET</p>")


@pytest.mark.parametrize(
    "html",
    [
        "<p class=nothidden>SECRET",
        "<p style='opacity:0.5'>SECRET",
        "<p style='text-indent:-2em'>SECRET",
        "<p style='color:white'>SECRET",
        "<p style='color:#fff;background:url(dark.png)'>SECRET",
        "<div style='background:#000'><p style='color:#fff'>SECRET",
        "<p style='left:-9999px'>SECRET",
        "<p aria-hidden=false>SECRET",
    ],
)
def test_text_that_is_seen_stays(html):
    assert secret(SEEN + html)


def test_the_colour_behind_a_text_may_be_that_of_an_ancestor():
    assert not secret(f"{SEEN}<div style='background:#fff'><section><p style='color:white'>SECRET</p></section></div>")
    assert not secret(f"{SEEN}<table bgcolor='#FFFFFF'><tr><td><font style='color:white'>SECRET</font></table>")


@pytest.mark.parametrize("tag", "script style template iframe object svg canvas audio video textarea button".split())
def test_what_is_no_text_is_dropped_and_counted(tag):
    page = segment_html(f"{SEEN}<{tag}>SECRET</{tag}>")
    assert "SECRET" not in page.text
    assert page.stats["dropped"] == {tag: 1}


def test_comments_are_dropped():
    assert not secret(f"{SEEN}<!-- SECRET --><p>x<!-- SECRET -->")


def test_hidden_text_can_be_flagged_or_kept():
    html = f"{SEEN}<p>a <span style='display:none'>SECRET</span> b</p>"
    flagged = segment_html(html, options=PartitionOptions(hidden="flag"))
    (one,) = [segment for segment in flagged.segments if segment.hidden]
    assert (one.text, one.hidden, one.xpath) == ("SECRET", "style:display", "/html/body/p[2]/span")
    assert flagged.layout.usable == [True, False, True]
    assert "a b" in flagged.text
    assert "a SECRET b" in segment_html(html, options=PartitionOptions(hidden="keep")).text


def test_deep_pages_hide_as_others_do():
    deep = "<div>" * 400
    for trick in ("style='display:none'", "hidden", "class=sr-only", "class=x", "style='color:#fff;background:#fff'"):
        html = f"<style>.x{{display:none}}</style>{deep}{SEEN}<div {trick}>SECRET<p>SECRET</p></span></div>after"
        page = segment_html(html)
        assert page.warnings[0][0] == "deep_tree"
        assert "SECRET" not in page.text
        assert page.segments[-1].text == "after"
    assert not secret(f"{deep}{SEEN}<script>SECRET</script><svg><text>SECRET</text></svg>")


def test_a_few_hidden_words_on_a_page_with_fewer_are_flagged_and_not_usable():
    page = segment_html("<p>two words</p><p hidden>SECRET text that is longer</p>")
    assert page.warnings == (("mostly_hidden", "5 of 7 words"),)
    assert [(one.hidden, may) for one, may in zip(page.segments, page.layout.usable, strict=True)] == [
        (None, True),
        ("hidden", False),
    ]


def test_a_page_hidden_until_a_script_shows_it_can_be_used_but_for_other_hidden_text():
    html = f"<body><main style='opacity:0'>{SEEN * 3}</main><p style='font-size:0'>SECRET</p><p hidden>SECRET"
    page = segment_html(html)
    assert page.warnings[0][0] == "mostly_hidden"
    assert [(one.hidden, may) for one, may in zip(page.segments, page.layout.usable, strict=True)] == [
        ("style:opacity", True),
        ("style:opacity", True),
        ("style:opacity", True),
        ("style:font-size", False),
        ("hidden", False),
    ]


def test_what_a_visible_control_unfolds_is_collapsed():
    html = f"{SEEN}<button aria-controls=a>Q</button><div id=a hidden><p>answer</p></div><div id=b hidden>SECRET</div>"
    page = segment_html(html)
    assert page.segments[-1].text == "answer"
    assert page.segments[-1].flags == ("collapsed",)
    assert "answer" not in segment_html(html, options=PartitionOptions(panels="hide")).text


def test_a_hidden_control_unfolds_nothing():
    assert not secret(f"{SEEN}<div hidden><a aria-controls=a>x</a></div><div id=a hidden>SECRET</div>")


def test_ways_that_scripts_do_not_undo_are_never_unfolded():
    assert not secret(f"{SEEN}<button aria-controls=a>Q</button><div id=a style='font-size:0'>SECRET</div>")


def test_page_text_makes_no_markup():
    text = (
        "# x\n[a](javascript:b) ![i](u) <script>alert(1)</script> | --- | `c` **d** 1. e\n> q\n- l &lt;b&gt; http://x"
    )
    html = f"<p>{text.replace('&', '&amp;').replace('<', '&lt;')}</p><pre>```\n{text.replace('<', '&lt;')}\n```</pre>"
    page = segment_html(html)
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse(to_markdown(page, range(1, len(page) + 1)))
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or ()}
    assert kinds == {"paragraph_open", "inline", "text", "paragraph_close", "fence"}


def test_declarations_are_read_one_by_one():
    assert declarations("a:b;; c ; :d; E: F !IMPORTANT; e:g") == {"a": "b", "e": "f"}
    assert (colour("#abc"), colour("rgb(100%, 0%, 0%)"), colour("nonsense")) == ((170, 187, 204), (255, 0, 0), None)
    assert (alpha("transparent"), alpha("rgba(1,2,3,50%)"), alpha("red")) == (0.0, 0.5, 1.0)


def test_a_sheet_of_unclosed_things_is_read_once():
    for piece in ("/*", "{", "}", "@media{", ".x{display:none", "display:none;", ","):
        read_sheets(piece * 20_000)
