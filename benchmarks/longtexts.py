"""Long texts with questions whose evidence is known, for `long_context.py`.

Sections of real texts (about 12,000 tokens each) with needles hidden in them and the real questions asked about them,
and documents put together from HotpotQA paragraphs. Needles and sections are split into two halves: `develop`, on which
settings were chosen, and `report`.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECTION = 60_000  # characters
NEEDLES = Path(__file__).with_name("long_context_needles.jsonl")
PARAGRAPHS = 100  # of each document made of HotpotQA
SETS = ("shared", "paraphrase", "real", "hotpot")
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n+")

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the set it belongs to, and the characters of its evidence."""

    kind: str
    text: str
    evidence: tuple[Range, ...]


@dataclass(slots=True)
class LongDocument:
    """A text and its questions."""

    name: str
    text: str
    questions: list[Question] = field(default_factory=list)


def documents(folder: Path, half: str, needles: Path = NEEDLES, most: int = 7) -> list[LongDocument]:
    """The documents of one half, or of both ("all"): at most `most` sections and two documents of HotpotQA each."""
    halves = ("develop", "report") if half == "all" else (half,)
    found: list[LongDocument] = []
    for one in halves:
        parts = [section for section, own in _sections(folder / "tokeniou") if own == one]
        found += _planted(_spread(parts, most), _half(_needles(needles), one))
        found += _half(_of_paragraphs(folder / "multihop" / "hotpotqa-100"), one)[:2]
    return found


def _half(items: Sequence[Any], half: str) -> list[Any]:
    return list(items[0 if half == "develop" else 1 :: 2])


def _spread(sections: list[LongDocument], most: int) -> list[LongDocument]:
    """Sections of all corpora in turn, those with most questions first."""
    by_corpus: dict[str, list[LongDocument]] = {}
    for section in sorted(sections, key=lambda one: (-len(one.questions), one.name)):
        by_corpus.setdefault(section.name.rpartition("-")[0], []).append(section)
    picked: list[LongDocument] = []
    while len(picked) < most and any(by_corpus.values()):
        for rest in by_corpus.values():
            if rest and len(picked) < most:
                picked.append(rest.pop(0))
    return sorted(picked, key=lambda one: one.name)


def _sections(folder: Path) -> list[tuple[LongDocument, str]]:
    """All sections and their halves, in turn; the first corpus begins with `report`, as some have one section only."""
    if not (folder / "questions_df.csv").is_file():
        return []
    with (folder / "questions_df.csv").open(encoding="utf-8", newline="") as file:
        asked = list(csv.DictReader(file))
    found = []
    for shift, path in enumerate(sorted((folder / "corpora").glob("*.md"))):
        text = path.read_text(encoding="utf-8")
        own = [row for row in asked if row["corpus_id"] == path.stem]
        for number, (start, end) in enumerate(_cut(len(text))):
            section = LongDocument(f"{path.stem}-{number}", text[start:end])
            for row in own:
                places = [(one["start_index"], one["end_index"]) for one in json.loads(row["references"])]
                if places and all(start <= low and high <= end for low, high in places):
                    ranges = tuple((low - start, high - start) for low, high in places)
                    section.questions.append(Question("real", row["question"], ranges))
            found.append((section, ("report", "develop")[(number + min(shift, 1)) % 2]))
    return found


def _cut(length: int) -> list[Range]:
    cuts = list(range(0, length, SECTION))
    if len(cuts) > 1 and length - cuts[-1] < SECTION // 3:
        cuts.pop()
    return list(zip(cuts, [*cuts[1:], length], strict=True))


def _needles(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _planted(sections: list[LongDocument], needles: list[dict[str, str]]) -> list[LongDocument]:
    """The sections with the needles dealt out to them, at ends of sentences outside of all evidence."""
    return [_with_needles(section, needles[number :: len(sections)], number) for number, section in enumerate(sections)]


def _with_needles(section: LongDocument, needles: list[dict[str, str]], seed: int) -> LongDocument:
    rng = random.Random(seed)
    inside = [place for question in section.questions for place in question.evidence]
    ends = [match.end() for match in _END.finditer(section.text)]
    ends = [end for end in ends if not any(low < end < high for low, high in inside)] or [0]
    places = []
    for number in range(len(needles)):
        low, high = (len(section.text) * part // len(needles) for part in (number, number + 1))
        fitting = [end for end in ends if low <= end < high]
        places.append(rng.choice(fitting) if fitting else min(ends, key=lambda end: abs(end - low)))
    made, shifts, last = LongDocument(section.name, ""), [], 0
    for place, needle in sorted(zip(places, needles, strict=True), key=lambda pair: pair[0]):
        made.text += section.text[last:place]
        evidence = ((len(made.text), len(made.text) + len(needle["fact"])),)
        made.questions += [Question(kind, needle[kind], evidence) for kind in ("shared", "paraphrase")]
        made.text += needle["fact"] + " "
        shifts.append((place, len(needle["fact"]) + 1))
        last = place
    made.text += section.text[last:]

    def moved(place: int, closing: bool) -> int:
        return place + sum(size for at, size in shifts if (at < place if closing else at <= place))

    for question in section.questions:
        ranges = tuple((moved(low, False), moved(high, True)) for low, high in question.evidence)
        made.questions.append(Question("real", question.text, ranges))
    return made


def _of_paragraphs(folder: Path) -> list[LongDocument]:
    """Documents of a hundred paragraphs, each with the questions all of whose paragraphs are in it."""
    if not (folder / "corpus.jsonl").is_file():
        return []
    corpus = {row["id"]: row for row in _needles(folder / "corpus.jsonl")}
    asked, found = _needles(folder / "questions.jsonl"), []
    others = sorted(set(corpus) - {one for row in asked for one in row["gold"]})
    random.Random(0).shuffle(others)
    each = 25
    for number, start in enumerate(range(0, len(asked), each)):
        rows = asked[start : start + each]
        ids = sorted({one for row in rows for one in row["gold"]})
        ids += others[number * PARAGRAPHS : number * PARAGRAPHS + max(0, PARAGRAPHS - len(ids))]
        random.Random(number).shuffle(ids)
        document, places = LongDocument(f"hotpot-{number}", ""), {}
        for one in ids:
            begin = len(document.text)
            document.text += f"{corpus[one]['title']}\n{corpus[one]['text']}\n\n"
            places[one] = (begin, len(document.text) - 2)
        document.questions = [
            Question("hotpot", row["question"], tuple(places[one] for one in row["gold"])) for row in rows
        ]
        found.append(document)
    return found
