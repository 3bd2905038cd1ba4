"""Filters that generated questions pass, in this order; each counts what it drops, by reason.

`critic`, which asks a chat model, is in `ragkit.evaluate.synth.asking`.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ragkit.errors import InvalidValueError
from ragkit.evaluate.dataset import normalised
from ragkit.evaluate.synth.candidates import Candidate, Funnel
from ragkit.evaluate.synth.wording import points_elsewhere

MOST_REFERENCES, MOST_CHARACTERS = 5, 2000
NULL_SIZE, NULL_FEWEST, NULL_QUANTILE = 200, 20, 90.0
ABSOLUTE = 0.27  # the 5th percentile of a curated set, for all-MiniLM-L6-v2; no threshold carries over to other models
NEAR, SHINGLES = 0.90, 0.8

Judge = Callable[[Sequence[Candidate]], "list[str]"]  # for each candidate "" to keep it, or why it is dropped


class Remembering:
    """An embedder that embeds each text once, as several filters ask for the same ones."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder
        self._known: dict[tuple[str, bool], Any] = {}

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        """One vector a text."""
        new = [text for text in dict.fromkeys(texts) if (text, query) not in self._known]
        if new:
            vectors = self._embedder.embed(new, query=query)
            self._known.update(zip([(text, query) for text in new], vectors, strict=True))
        return np.array([self._known[text, query] for text in texts])


@dataclass(frozen=True)
class Filters:
    """Which filters run. `embedder` None leaves out `relevance` and compares wordings for `near_duplicate`.

    `round_trip` keeps a question only if bm25 finds its gold: that makes a set easier, and favours lexical search.
    `per_group` bounds the questions of a group and kind; `critic` is asked last of all.
    """

    embedder: Any = None
    round_trip: bool = False
    per_group: int | None = None
    llm_wording: bool = False
    seed: int = 0
    critic: Judge | None = None

    def names(self) -> list[str]:
        """The filters that run, in order."""
        return [name for name, _ in self._steps({})]

    def run(self, candidates: Sequence[Candidate], texts: Mapping[str, str], funnel: Funnel) -> list[Candidate]:
        """Those that pass all filters, in order; `texts` are the documents by id."""
        kept = list(candidates)
        if self.embedder is not None and not isinstance(self.embedder, Remembering):
            return replace(self, embedder=Remembering(self.embedder)).run(kept, texts, funnel)
        for name, judge in self._steps(texts):
            if name == "relevance":
                kept = self._scored(kept)
            reasons = judge(kept)
            funnel.note(name, len(kept), Counter(reason for reason in reasons if reason))
            kept = [candidate for candidate, reason in zip(kept, reasons, strict=True) if not reason]
        return kept

    def _steps(self, texts: Mapping[str, str]) -> list[tuple[str, Judge]]:
        steps: list[tuple[str, Judge]] = [
            ("schema", lambda all: [schema(one, texts) for one in all]),
            ("wording", lambda all: [wording(one, self.llm_wording) for one in all]),
            ("exact_duplicate", exact_duplicate),
        ]
        if self.embedder is not None:
            steps.append(("relevance", lambda all: relevance(all, self.embedder, self.seed)))
        steps += [
            ("near_duplicate", lambda all: near_duplicate(all, self.embedder)),
            ("answer_in_gold", lambda all: [answer_in_gold(one) for one in all]),
        ]
        if self.round_trip:
            steps.append(("round_trip", lambda all: round_trip(all, texts)))
        if self.critic is not None:
            steps.append(("critic", self.critic))
        if self.per_group is not None:
            most = self.per_group
            steps.append(("balance", lambda all: balance(all, most, self.seed)))
        return steps

    def _scored(self, candidates: list[Candidate]) -> list[Candidate]:
        """The candidates with the cosine of their worst reference noted."""
        if not candidates:
            return candidates
        worst = worst_cosines(candidates, self.embedder)
        return [
            replace(one, scores={**one.scores, "relevance": float(value)})
            for one, value in zip(candidates, worst, strict=True)
        ]


def schema(candidate: Candidate, texts: Mapping[str, str]) -> str:
    """1 to 5 references that stand where they say, 2,000 characters together at most."""
    spans = candidate.spans
    if not 1 <= len(spans) <= MOST_REFERENCES:
        return "number of references"
    for span, text in zip(spans, candidate.texts, strict=True):
        if not text or texts[span.document_id][span.start : span.end] != text:
            return "reference not at its place"
    return "too much gold" if sum(map(len, spans)) > MOST_CHARACTERS else ""


def wording(candidate: Candidate, by_model: bool) -> str:
    """A question mark, 4 to 40 words, nothing pointed at; from a chat model also no two questions joined by "and"."""
    question = candidate.question.strip()
    if not question.endswith("?"):
        return "no question mark"
    most = 60 if candidate.kind == "cloze" else 40
    if not 4 <= len(question.split()) <= most:
        return "length"
    if candidate.kind != "cloze" and points_elsewhere(question):
        return "points elsewhere"
    if by_model and _joins(question):
        return "two questions"
    return ""


def _joins(question: str) -> bool:
    """Whether an "and" stands outside of names: not between capitalised words."""
    return any(
        not (before[:1].isupper() and after[:1].isupper()) for before, after in re.findall(r"(\S+) and (\S+)", question)
    )


def exact_duplicate(candidates: Sequence[Candidate]) -> list[str]:
    """The same question again, but for case and punctuation."""
    seen: set[str] = set()
    reasons = []
    for candidate in candidates:
        asked = normalised(candidate.question)
        reasons.append("duplicate" if asked in seen else "")
        seen.add(asked)
    return reasons


def worst_cosines(candidates: Sequence[Candidate], embedder: Any) -> np.ndarray[Any, Any]:
    """For each question the cosine with its least similar reference."""
    asked, places, passages = _embedded(candidates, embedder)
    worst = [
        min(float(passages[places[text]] @ vector) for text in one.texts)
        for one, vector in zip(candidates, asked, strict=True)
    ]
    return np.array(worst)


def _embedded(candidates: Sequence[Candidate], embedder: Any) -> tuple[Any, dict[str, int], Any]:
    texts = list(dict.fromkeys(text for one in candidates for text in one.texts))
    places = {text: at for at, text in enumerate(texts)}
    asked = embedder.embed([one.question for one in candidates], query=True)
    return np.asarray(asked, np.float64), places, np.asarray(embedder.embed(texts), np.float64)


def relevance(candidates: Sequence[Candidate], embedder: Any, seed: int) -> list[str]:
    """The worst reference must be nearer than 90 % of up to 200 other references of the group."""
    if not candidates:
        return []
    asked, places, passages = _embedded(candidates, embedder)
    groups: dict[str, list[str]] = defaultdict(list)
    for one in candidates:
        groups[one.group] += one.texts
    reasons = []
    for number, (one, vector) in enumerate(zip(candidates, asked, strict=True)):
        others = sorted(set(groups[one.group]) - set(one.texts))
        if len(others) > NULL_SIZE:
            others = random.Random(f"{seed} {number}").sample(others, NULL_SIZE)
        worst = min(float(passages[places[text]] @ vector) for text in one.texts)
        least = ABSOLUTE
        if len(others) >= NULL_FEWEST:
            least = float(np.percentile(passages[[places[text] for text in others]] @ vector, NULL_QUANTILE))
        reasons.append("" if worst >= least else "not about its reference")
    return reasons


def near_duplicate(candidates: Sequence[Candidate], embedder: Any) -> list[str]:
    """In order: a question too similar to one kept of the same group."""
    if not candidates:
        return []
    vectors = None if embedder is None else np.asarray(embedder.embed([one.question for one in candidates], query=True))
    shingled = [_shingles(one.question) for one in candidates]
    kept: dict[str, list[int]] = defaultdict(list)
    reasons = []
    for at, one in enumerate(candidates):
        own = kept[one.group]
        if vectors is not None:
            close = bool(own) and float((vectors[own] @ vectors[at]).max()) > NEAR
        else:
            close = any(_jaccard(shingled[at], shingled[other]) > SHINGLES for other in own)
        reasons.append("near duplicate" if close else "")
        if not close:
            own.append(at)
    return reasons


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = normalised(text).split()
    return frozenset(tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2)))


def _jaccard(one: frozenset[Any], other: frozenset[Any]) -> float:
    return len(one & other) / len(one | other)


def answer_in_gold(candidate: Candidate) -> str:
    """The answer, when there is one, stands in a reference."""
    answer = normalised(candidate.answer)
    held = any(f" {answer} " in f" {normalised(text)} " for text in candidate.texts)
    return "" if not answer or held else "answer not in the gold"


def round_trip(candidates: Sequence[Candidate], texts: Mapping[str, str]) -> list[str]:
    """bm25 over neutral passages of 200 tokens must bring one that overlaps the gold among the first three."""
    from ragkit.evaluate.dataset import Dataset, Doc, Question, Reference
    from ragkit.evaluate.pipelines import evaluate_pipelines

    if not candidates:
        return []
    questions = tuple(
        Question(
            f"c{at}",
            one.question,
            tuple(Reference(s.document_id, s.start, s.end, t) for s, t in zip(one.spans, one.texts, strict=True)),
        )
        for at, one in enumerate(candidates)
    )
    docs = {id: Doc(id, text) for id, text in texts.items()}
    report = evaluate_pipelines(Dataset("round trip", docs, questions), ["chunk(by='tokens') >> bm25"], k=3, draws=1)
    hits = dict(zip(report.runs[0].ids, report.runs[0].columns["hit"], strict=True))
    return ["" if hits.get(question.id) else "not found by bm25" for question in questions]


def balance(candidates: Sequence[Candidate], most: int, seed: int) -> list[str]:
    """At most so many questions of a group and kind, chosen by the seed."""
    if most < 1:
        raise InvalidValueError(f"at least one question per group and kind must be allowed, not {most}")
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, one in enumerate(candidates):
        members[one.group, one.kind].append(at)
    kept: set[int] = set()
    for key, own in sorted(members.items()):
        kept.update(own if len(own) <= most else random.Random(f"{seed} {key}").sample(own, most))
    return ["" if at in kept else "enough of its kind" for at in range(len(candidates))]
