"""The packaged encoder on planted facts: what is promised of the default, and of an autoencoder fitted on the spot."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ragkit.extractors.s3.encoder import EncoderBackend
from ragkit.extractors.s3.features import Scoring
from ragkit.extractors.s3.fitting import fit
from ragkit.extractors.s3.fusion import Settings
from ragkit.extractors.s3.longtext import LongText, Search
from ragkit.extractors.s3.train import SAEConfig

ROOT = Path(__file__).resolve().parents[3]
NEEDLES = [json.loads(line) for line in (ROOT / "benchmarks" / "long_context_needles.jsonl").read_text().splitlines()]
KEYS = Search(scoring=Scoring(mode="keys", spaces=("layer last",)), fusion=Settings(mode="features"))


def planted(filler: str, needles: list[dict[str, str]]) -> tuple[str, list[tuple[int, int]]]:
    """The needles after every so many sentences of a filler, and where they stand."""
    sentences = filler.split(". ")
    step = len(sentences) // len(needles)
    text, places = "", []
    for number, needle in enumerate(needles):
        text += ". ".join(sentences[number * step : (number + 1) * step]) + ". "
        places.append((len(text), len(text) + len(needle["fact"])))
        text += needle["fact"] + " "
    return text, places


@cache
def manual() -> str:
    """A text with many topics that is always there: the documentation of the standard library's modules."""
    import pydoc_data.topics

    parts = [" ".join(text.split()) for _, text in sorted(pydoc_data.topics.topics.items())]
    random.Random(0).shuffle(parts)
    return " ".join(parts)


def recalls(
    long: LongText, needles: list[dict[str, str]], places: list[tuple[int, int]], kind: str, search: Search
) -> tuple[float, float]:
    """Mean share of the fact found, and of the other facts."""
    own, others = [], []
    for number, needle in enumerate(needles):
        spans = long.find(needle[kind], 256, search=search)
        for other, (start, end) in enumerate(places):
            share = sum(max(0, min(end, s.end) - max(start, s.start)) for s in spans) / (end - start)
            (own if other == number else others).append(share)
    return float(np.mean(own)), float(np.mean(others))


@cache
def asked() -> tuple[LongText, list[dict[str, str]], list[tuple[int, int]]]:
    needles = NEEDLES[:9]
    text, places = planted(manual()[:20_000], needles)
    return LongText(text), needles, places


def test_the_default_finds_facts_by_their_words_and_by_none():
    shared, _ = recalls(*asked(), "shared", Search())
    paraphrased, others = recalls(*asked(), "paraphrase", Search())
    # The facts are stories in a technical manual, so each is nearer to any question about a story than the manual is.
    assert shared >= 0.9 and paraphrased >= 0.8 and others <= 0.4


def test_features_alone_find_them_too_and_the_hybrid_is_no_worse_than_bm25():
    shared, _ = recalls(*asked(), "shared", KEYS)
    paraphrased, others = recalls(*asked(), "paraphrase", KEYS)
    assert shared >= 0.9 and paraphrased >= 0.6 and others <= 0.25
    long, needles, places = asked()
    found = []
    for needle, (start, end) in zip(needles, places, strict=True):
        best = long.windows.bounds[np.argsort(-long.lexical(needle["shared"]).scores, kind="stable")[:4]].tolist()
        spans = [long.index.characters(low, high)[1:] for low, high in best]
        found.append(max(max(0, min(end, high) - max(start, low)) for low, high in spans) / (end - start))
    for mode in ("adaptive", "union"):
        hybrid, _ = recalls(long, needles, places, "shared", Search(fusion=Settings(mode=mode)))
        assert hybrid >= np.mean(found) - 0.05


def test_no_content_word_of_a_fact_stands_in_its_paraphrase():
    from ragkit.extractors.s3.windows import content_words

    def stems(text: str) -> set[str]:
        endings = ("'s", "ings", "ing", "ed", "ies", "es", "ers", "er", "s", "ly", "e", "y")
        cut = set()
        for word in content_words(text):
            ending = next((end for end in endings if word.endswith(end) and len(word) - len(end) >= 3), "")
            cut.add(word.removesuffix(ending))
        return cut

    assert len(NEEDLES) >= 100 and len({needle["fact"] for needle in NEEDLES}) == len(NEEDLES)
    for needle in NEEDLES:
        assert not stems(needle["fact"]) & stems(needle["paraphrase"]), needle
        assert len(stems(needle["fact"]) & stems(needle["shared"])) >= 3, needle


@pytest.mark.slow
def test_an_autoencoder_fitted_on_other_pages_of_the_same_text_finds_them(tmp_path: Path):
    backend = EncoderBackend(reaches=(0,), threads=1)
    fit(backend, [manual()[20_000:270_000]], tmp_path, config=lambda _: SAEConfig(features=1024, k=16, steps=300))
    needles = NEEDLES[:9]
    text, places = planted(manual()[:20_000], needles)
    long = LongText(text, backend=backend, autoencoders=tmp_path)
    shared, _ = recalls(long, needles, places, "shared", KEYS)
    paraphrased, others = recalls(long, needles, places, "paraphrase", KEYS)
    assert shared >= 0.9 and paraphrased >= 0.6 and others <= 0.25
