"""What each choice of the packaged backend adds: spaces, k, width, training size, layer; for `long_context.py`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtexts import LongDocument, documents
from rich.console import Console

from ragkit.extractors.s3.backend import SpaceInfo
from ragkit.extractors.s3.encoder import EncoderBackend
from ragkit.extractors.s3.features import Scoring
from ragkit.extractors.s3.fitting import config_for, fit
from ragkit.extractors.s3.fusion import Settings
from ragkit.extractors.s3.longtext import Search, prepared
from ragkit.extractors.s3.sae import Autoencoder
from ragkit.extractors.s3.train import SAEConfig

TOKENS, MEANS = "layer last", "layer last mean 17"


def ablation_rows(arguments: argparse.Namespace, console: Console) -> list[dict[str, Any]]:
    """Rows of features alone and of the hybrid, one choice changed at a time."""
    given = documents(arguments.data, arguments.half, arguments.needles, arguments.sections)
    other = {"report": "develop", "develop": "report"}.get(arguments.half, "develop")
    texts = [one.text for one in documents(arguments.data, other, arguments.needles, arguments.sections)]
    backend, shipped = prepared(None, None)
    work = Path(arguments.work or ".")
    rows = _spaces(given, backend, shipped, work)
    for k in (4, 8, 32):
        changed = {**shipped, TOKENS: replace(shipped[TOKENS], k=k)}
        rows += _measured(f"tokens k {k}", given, backend, changed, work, only=(TOKENS,))
    for k in (16, 32):
        changed = {**shipped, MEANS: replace(shipped[MEANS], k=k)}
        rows += _measured(f"means k {k}", given, backend, changed, work, only=(MEANS,))
    rows += _fitted("fitted on the other half", given, backend, texts, work, {})
    for samples in (20_000, 50_000):
        rows += _fitted(f"fitted on {samples // 1000}k vectors", given, backend, texts, work, {}, samples=samples)
    for features in (1024, 4096):
        rows += _fitted(f"fitted, {features} features", given, backend, texts, work, {"features": features})
    for layer in (3, 5):
        rows += _fitted(f"fitted, layer {layer}", given, EncoderBackend(layer=layer, threads=1), texts, work, {})
    from long_context import show

    show(console, "ablations", rows)
    return rows


def _spaces(
    given: Sequence[LongDocument], backend: Any, shipped: dict[str, Autoencoder], work: Path
) -> list[dict[str, Any]]:
    rows = _measured("both spaces", given, backend, shipped, work)
    rows += _measured("tokens alone", given, backend, shipped, work, only=(TOKENS,))
    return rows + _measured("means alone", given, backend, shipped, work, only=(MEANS,))


def _fitted(
    name: str,
    given: Sequence[LongDocument],
    backend: EncoderBackend,
    texts: Sequence[str],
    work: Path,
    changed: dict[str, int],
    samples: int = 200_000,
) -> list[dict[str, Any]]:
    def config(space: SpaceInfo) -> SAEConfig:
        usual = config_for(space)
        return replace(usual, features=changed.get("features", usual.features))

    folder = work / f"saes-{name.replace(' ', '-').replace(',', '')}"
    if not folder.exists() or (folder / "unfinished").exists():
        fit(backend, texts, folder, config=config, samples=samples)
    _, autoencoders = prepared(backend, folder)
    return _measured(name, given, backend, autoencoders, work)


def _measured(
    name: str,
    given: Sequence[LongDocument],
    backend: Any,
    autoencoders: dict[str, Autoencoder],
    work: Path,
    only: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    from long_context import measured, ready, searched, table_rows

    folder = "minilm" if name in ("both spaces", "tokens alone", "means alone") else name.replace(" ", "-")
    texts, _ = ready(given, backend, autoencoders, folder, work, light=False)
    scoring = Scoring(spaces=only)
    methods = {
        f"features, {name}": searched(Search(scoring=scoring, fusion=Settings(mode="features"))),
        f"hybrid, {name}": searched(Search(scoring=scoring)),
    }
    found = measured(texts, methods)
    return [row for method in methods for row in table_rows(method, found[method])]
