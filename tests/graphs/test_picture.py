"""The HTML picture of a graph."""

from __future__ import annotations

import re
from typing import Any

import networkx as nx
import pytest
from lxml import html

from ragkit.errors import InvalidValueError
from ragkit.graphs.picture import MAX_NODES, to_html


def graph(*edges: tuple[Any, Any], **labels: str) -> nx.Graph:
    made = nx.Graph()
    made.add_edges_from(edges)
    for name, label in labels.items():
        made.nodes[name]["label"] = label
    return made


def test_every_node_and_edge_is_drawn() -> None:
    page = html.fromstring(to_html(graph(("a", "b"), ("b", "c"), a="Ada", b="Ben", c="Cy")))
    assert page.xpath("//svg//text/text()") == ["Ada", "Ben", "Cy"]
    assert [(line.get("data-a"), line.get("data-b")) for line in page.xpath("//line")] == [("0", "1"), ("1", "2")]


def test_the_page_loads_nothing() -> None:
    page = to_html(graph(("a", "b")))
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?://", page)
    assert "default-src 'none'" in page


def test_labels_and_questions_are_escaped() -> None:
    evil = "<script>alert(1)</script>\" onload='x' $title {x}"
    page = to_html(graph(("a", "b"), a=evil), question=evil)
    tree = html.fromstring(page)
    assert len(tree.xpath("//script")) == 1
    assert tree.xpath("//g[@data-n='0']/title/text()") == [f"node: {evil}"]
    assert evil in tree.xpath("string(//header)")


def test_the_order_of_nodes_and_edges_does_not_matter() -> None:
    assert to_html(graph(("a", "b"), ("b", "c"), ("c", "d"))) == to_html(graph(("d", "c"), ("c", "b"), ("b", "a")))


def test_a_higher_score_is_a_bigger_circle() -> None:
    scored = graph(("a", "b"))
    scored.nodes["a"]["score"], scored.nodes["b"]["score"] = 0.9, 0.1
    big, small = (float(r) for r in html.fromstring(to_html(scored)).xpath("//circle/@r"))
    assert big > small


def test_labels_shown_at_once_do_not_cover_each_other() -> None:
    star = graph(*(("centre", f"leaf {n:02}") for n in range(60)))
    page = html.fromstring(to_html(star))
    boxes = []
    for text in page.xpath("//g[@class='node']/text"):
        x, y, wide = float(text.get("x")), float(text.get("y")), 6.9 * len(text.text)
        left = x - {"start": 0, "middle": wide / 2, "end": wide}[text.get("text-anchor")]
        boxes.append((left, y - 12, left + wide, y + 3))
    assert len(boxes) > 10
    assert not any(
        a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for i, a in enumerate(boxes) for b in boxes[:i]
    )


@pytest.mark.parametrize("edges", [(), (("a", "a"),)])
def test_an_empty_graph_and_a_lone_node_can_be_drawn(edges: tuple[tuple[str, str], ...]) -> None:
    assert f"{len({n for e in edges for n in e})} nodes" in to_html(graph(*edges))


def test_scores_that_are_no_numbers_are_drawn_as_none() -> None:
    odd = graph(("a", "b"))
    odd.nodes["a"]["score"], odd.nodes["b"]["score"] = float("nan"), "high"
    assert "nan" not in to_html(odd)


def test_a_graph_too_big_to_see_is_refused_with_advice() -> None:
    with pytest.raises(InvalidValueError, match="export GraphML"):
        to_html(nx.empty_graph(MAX_NODES + 1))
