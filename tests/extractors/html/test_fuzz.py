"""Twenty thousand broken pages: none crashes, hangs, or takes much memory. Run as a script it reports what it saw."""

import random
import resource
import time

import pytest

from ragkit.extractors.html import PageTimeout, PageTooLarge, segment_html, to_markdown
from ragkit.extractors.html.heuristic import HeuristicME

from .pages import SEEDS, mutated

PAGES = 20_000
MOST_SECONDS = 5.0  # for one page of at most a few hundred kilobytes
MOST_MEMORY = 500_000  # kilobytes more than before


def fuzz(count, seed=0):
    """Segment, predict and render `count` mutated pages; returns the longest time, the growth of memory, refusals."""
    rng = random.Random(seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    longest, refused, heuristic = 0.0, 0, HeuristicME()
    for _ in range(count):
        data = mutated(rng.choice(SEEDS), rng)
        started = time.thread_time()
        try:
            page = segment_html(data)
            to_markdown(page, heuristic.predict(page).indices)
        except (PageTooLarge, PageTimeout):
            refused += 1
        longest = max(longest, time.thread_time() - started)
    return longest, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, refused


def test_a_sample_of_broken_pages_is_read():
    longest, _, refused = fuzz(300, seed=1)
    assert longest < MOST_SECONDS
    assert refused == 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_thousand_broken_pages_are_read():
    longest, memory, refused = fuzz(PAGES)
    assert longest < MOST_SECONDS
    assert memory < MOST_MEMORY
    assert refused == 0
