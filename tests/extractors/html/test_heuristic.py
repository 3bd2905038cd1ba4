"""Main content by rules: on pages written for this test, and on pages of nothing."""

from pathlib import Path

import pytest

from ragkit.extractors.html.heuristic import HeuristicME
from ragkit.extractors.html.scores import word_f1
from ragkit.extractors.html.segmenting import segment_html
from ragkit.extractors.html.types import Page, PartitionOptions, Predictor

PAGES = sorted((Path(__file__).parent / "pages").glob("*.html"))
TEXT = "<p>{}, and this is a sentence of more than ten words that a reader came to the page for.</p>"
BODY = "".join(TEXT.format(f"Number {i} of the story") for i in range(5))


def chosen(html, **options):
    page = segment_html(html)
    return "\n".join(page.segments[index - 1].text for index in HeuristicME().predict(page, **options).indices)


def test_it_is_a_predictor():
    assert isinstance(HeuristicME(), Predictor)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_main_text_of_a_page_is_found(path):
    assert word_f1(chosen(path.read_bytes()), path.with_suffix(".txt").read_text("utf-8")) > 0.9


@pytest.mark.parametrize(
    "wrapper",
    [
        "<nav>{}</nav>",
        "<footer>{}</footer>",
        '<div class="sidebar">{}</div>',
        '<div id="relatedPosts">{}</div>',
        '<section class="comments">{}</section>',
    ],
)
def test_a_part_with_a_bad_name_is_left_out(wrapper):
    text = chosen(f"<div>{BODY}{wrapper.format(TEXT.format('Something else'))}</div>")
    assert "Number 4" in text
    assert "Something else" not in text


def test_a_bad_name_does_not_count_where_most_of_the_text_is():
    assert "Number 4" in chosen(f'<body><div class="comment-layout">{BODY}</div></body>')


def test_links_are_navigation_and_a_heading_over_nothing_is_dropped():
    links = "".join(f'<p><a href="/{i}">A link of some words that leads to page number {i}</a></p>' for i in range(4))
    text = chosen(f"<div>{BODY}<h2>More to read</h2>{links}</div>")
    assert "A link" not in text
    assert "More to read" not in text


def test_a_page_of_little_text_still_gets_an_answer():
    assert chosen("<p>The library is closed today because of a leak.</p>") == (
        "The library is closed today because of a leak."
    )


def test_pages_of_nothing_give_nothing():
    assert len(HeuristicME().predict(Page("", ())).indices) == 0
    assert chosen(b"") == ""


def test_hidden_text_is_not_chosen_even_where_the_page_keeps_it():
    html = f'<div>{BODY}<p style="display:none">{"hidden words " * 20}</p></div>'
    page = segment_html(html, options=PartitionOptions(hidden="flag"))
    assert any(segment.hidden for segment in page.segments)
    assert not any(page.segments[index - 1].hidden for index in HeuristicME().predict(page).indices)


def test_a_budget_is_kept():
    page = segment_html(f"<div>{BODY}</div>")
    full, half = HeuristicME().predict(page), HeuristicME().predict(page, budget_words=50)
    words = page.layout.words
    assert 0 < sum(words[index - 1] for index in half.indices) <= 50
    assert half.indices <= full.indices
    assert not HeuristicME().predict(page, budget_words=0).indices
