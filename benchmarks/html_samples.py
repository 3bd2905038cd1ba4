"""Pages with hand-made main text in a folder, and their folds: a site is never on both sides of a split."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

FOLDS = 5
TWO_PARTS = frozenset("ac asn co com edu gob gouv gov govt go id ne net nhs nom or org".split())


@dataclass(frozen=True)
class Sample:
    """A page with its hand-made text. `digest` is the start of the SHA-256 of its bytes."""

    id: str
    path: Path
    gold: str
    type: str
    domain: str
    required: tuple[str, ...]
    forbidden: tuple[str, ...]

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()[:12]


def read_samples(folder: Path) -> list[Sample]:
    """The pages that have a hand-made text, by id."""
    files = sorted((folder / "ground-truth").glob("*.json"))
    if not files:
        raise SystemExit(f"no ground-truth/*.json in {folder}")
    samples = []
    for file in files:
        told, path = json.loads(file.read_text("utf-8")), folder / "html" / f"{file.stem}.html"
        truth = told["ground_truth"]
        if not (truth.get("main_content") or "").strip() or not path.exists():
            continue
        kind = told.get("_internal", {}).get("page_type", {}).get("primary", "") or "unknown"
        snippets = (tuple(truth.get(name) or ()) for name in ("with", "without"))
        samples.append(
            Sample(file.stem, path, truth["main_content"], kind, domain(told.get("url") or "", file.stem), *snippets)
        )
    return samples


def domain(url: str, page: str) -> str:
    """The registrable domain of an address, roughly; a page without one is its own."""
    host = urlsplit(url).hostname or ""
    parts = host.split(".")
    if not host:
        return f"page {page}"
    long = len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in TWO_PARTS
    return ".".join(parts[-3 if long else -2 :])


def folds(samples: Sequence[Sample], count: int = FOLDS) -> dict[str, int]:
    """A fold for each page: whole domains, page types spread evenly."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.domain, []).append(sample)
    order = sorted(groups, key=lambda name: (-len(groups[name]), hashlib.sha256(name.encode()).hexdigest()))
    loads = [Counter[str]() for _ in range(count)]
    result = {}
    for name in order:
        types = Counter(sample.type for sample in groups[name])
        fold = min(range(count), key=lambda k: (sum(loads[k][t] * n for t, n in types.items()), loads[k].total(), k))
        loads[fold].update(types)
        result.update({sample.id: fold for sample in groups[name]})
    return result
