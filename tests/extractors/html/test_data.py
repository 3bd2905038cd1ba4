"""On pages with hand-made main text, where the data folder has them: what the segments allow, and what rules find."""

import json
import os
from pathlib import Path

import pytest

from ragkit.extractors.html.heuristic import HeuristicME
from ragkit.extractors.html.labels import label_segments
from ragkit.extractors.html.scores import shingle_f1, word_f1
from ragkit.extractors.html.segmenting import segment_html

PAGES = 60
pytestmark = pytest.mark.slow


def folder():
    root = Path(os.environ.get("RAGKIT_DATA", "/none"))
    if not root.is_dir():
        return None
    return next((path.parent for path in [root / "ground-truth", *root.rglob("ground-truth")] if path.is_dir()), None)


@pytest.fixture(scope="module")
def pages():
    data = folder()
    if data is None:
        pytest.skip("RAGKIT_DATA names no folder with html/ and ground-truth/")
    read = []
    for file in sorted((data / "ground-truth").glob("*.json")):
        told = json.loads(file.read_text("utf-8"))
        gold = told["ground_truth"].get("main_content") or ""
        if gold.strip() and told.get("_internal", {}).get("page_type", {}).get("primary") == "article":
            read.append((data / "html" / f"{file.stem}.html", gold))
    step = max(1, len(read) // PAGES)
    return [(segment_html(path.read_bytes()), gold) for path, gold in read[::step][:PAGES]]


def text(page, chosen):
    return "\n".join(segment.text for segment, kept in zip(page.segments, chosen, strict=True) if kept)


def test_choosing_the_right_segments_gives_nearly_the_hand_made_text(pages):
    pairs = [(text(page, label_segments([s.text for s in page.segments], gold)), gold) for page, gold in pages]
    assert shingle_f1(pairs).f1 > 0.97
    assert sum(word_f1(*pair) for pair in pairs) / len(pairs) > 0.97


def test_rules_find_most_of_the_text_of_articles(pages):
    pairs = []
    for page, gold in pages:
        chosen = HeuristicME().predict(page).indices
        pairs.append((text(page, [segment.index in chosen for segment in page.segments]), gold))
    score = shingle_f1(pairs)
    assert score.f1 > 0.85
    assert score.empty <= len(pairs) // 20
