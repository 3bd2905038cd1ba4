"""The questions of the benchmark: which headings are questions, and what their pages look like without them."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

from html_questions import questions, registrable, without  # noqa: E402

from ragkit.extractors.html.segmenting import segment_html  # noqa: E402

WINTER = "In winter foxes hunt mice under the snow and take what people leave behind in the villages at night."
SUMMER = "In summer there are berries, beetles, and the eggs of birds that nest on the ground near the river."
HTML = f"""<nav><a href="#a">What do foxes eat in winter?</a></nav>
<h1>All about foxes and their food?</h1><p>Foxes eat nearly everything, and what they find differs with the season.</p>
<h2 id="a">What do foxes eat in winter?</h2><p>{WINTER}</p><p>Buy our book about foxes today and save five euros!</p>
<h3>Details</h3><p>{SUMMER}</p>
<h2>Why red?</h2><p>{WINTER[::-1]}</p>
<h2>How do they find it in the dark?</h2><p>By ear.</p><h2>Age</h2>
<dl><dt>How old do foxes become here?</dt><dd>Most live for three years, and in the care of people some have
become fourteen years old or even more.</dd><dt>Size</dt><dd>Small.</dd></dl>"""
GOLD = f"""All about foxes and their food?
Foxes eat nearly everything, and what they find differs with the season.
What do foxes eat in winter?
{WINTER}
Details
{SUMMER}
Why red?
{WINTER[::-1]}
How do they find it in the dark?
By ear.
How old do foxes become here?
Most live for three years, and in the care of people some have become fourteen years old or even more."""


@pytest.fixture
def made():
    return questions(segment_html(HTML), GOLD, "page")


def test_only_long_enough_questions_of_the_main_text_with_long_enough_answers_count(made):
    assert list(dict.fromkeys(one.text for one in made)) == [
        "What do foxes eat in winter?",
        "How old do foxes become here?",
    ]


def test_the_answer_is_the_main_text_of_the_section_without_the_heading(made):
    one = made[0]
    assert one.variant == "visible"
    assert [one.page.segments[index - 1].text for index in one.gold] == [WINTER, "Details", SUMMER]


def test_the_hidden_page_lacks_the_question_and_every_repeat_of_it(made):
    one = made[1]
    assert one.variant == "hidden"
    texts = [segment.text for segment in one.page.segments]
    assert not any("What do foxes eat in winter?" in text for text in texts)
    assert [texts[index - 1] for index in one.gold] == [WINTER, "Details", SUMMER]


def test_a_page_without_segments_keeps_every_invariant():
    page = segment_html(HTML)
    rest, renamed = without(page, {1, 4, 8})
    assert [rest.text[s.start : s.end] for s in rest.segments] == [s.text for s in rest.segments]
    assert [s.index for s in rest.segments] == list(range(1, len(rest.segments) + 1))
    assert all(rest.segments[new - 1].text == page.segments[old - 1].text for old, new in renamed.items())
    for segment in rest.segments:
        node = rest.layout.node[segment.index - 1]
        while node >= 0:
            assert rest.layout.first[node] < segment.index <= rest.layout.last[node]
            node = rest.layout.parent[node]
    assert without(page, set())[0] == page


def test_what_stood_under_a_removed_heading_stands_under_the_one_before():
    page = segment_html("<h1>A</h1><h2>B</h2><p>one</p><h2>C</h2><p>two</p>")
    rest, _ = without(page, {4})
    assert rest.segments[3].section == (1, 2)


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.example.com/a?b", "example.com"),
        ("https://news.example.co.uk/", "example.co.uk"),
        ("ana.blogspot.com", "ana.blogspot.com"),
        ("", ""),
    ],
)
def test_a_site_is_what_somebody_registered(url, site):
    assert registrable(url) == site
