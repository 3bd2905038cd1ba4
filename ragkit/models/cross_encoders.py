"""Cross-encoders: models that read a question and a text together and tell how well they fit."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ragkit.errors import InvalidValueError, ModelError
from ragkit.models.encoders import first_line

_lock = threading.Lock()


def load_cross_encoder(model: str | Any) -> Any:
    """The cross-encoder of a folder or name, as sentence-transformers loads it; an object with `predict` is itself.

    A model is loaded once. Raises `ModelError` when it cannot be loaded or is no reranker, `InvalidValueError` for what
    is neither a name nor such an object.
    """
    if isinstance(model, str):
        with _lock:
            return _loaded(model)
    if not callable(getattr(model, "predict", None)):
        raise InvalidValueError(
            f"a cross-encoder is a name, a folder or an object with predict(pairs), not {type(model).__name__}"
        )
    return model


def read_pairs(
    model: Any, name: str, pairs: Sequence[tuple[str, str]], about: Sequence[str], **options: Any
) -> list[float]:
    """The scores of (question, text) pairs, read in batches; `about` names each for errors.

    Raises `ModelError` when the model fails or gives something that is not one finite number for each pair.
    """
    try:
        scores = [float(score) for score in model.predict(list(pairs), **options)]
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelError(f"the cross-encoder {name!r} failed on {len(pairs)} texts: {error}") from error
    if len(scores) != len(pairs):
        raise ModelError(f"the cross-encoder {name!r} gave {len(scores)} scores for {len(pairs)} texts")
    for score, one in zip(scores, about, strict=True):
        if not math.isfinite(score):
            raise ModelError(f"the cross-encoder {name!r} gave {score} for {one}")
    return scores


class Reader:
    """Scores of texts for a question, between 0 and 1 where the model is a named one.

    The same texts get the same scores in whatever order they are given; equal texts are read once.
    """

    def __init__(self, model: str | Any) -> None:
        self.model = model
        self.name = model if isinstance(model, str) else type(model).__name__

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """One score for each text. Raises `ModelError` when the model is missing or fails."""
        options: dict[str, Any] = {}
        model = load_cross_encoder(self.model)
        if isinstance(self.model, str):
            from torch.nn import Sigmoid

            options = {"show_progress_bar": False, "activation_fn": Sigmoid()}
        distinct = sorted(set(texts))  # batches depend on the set alone, as padding changes the last digits
        about = [f"the text {text[:60]!r}" for text in distinct]
        found = read_pairs(model, self.name, [(question, text) for text in distinct], about, **options)
        by_text = dict(zip(distinct, found, strict=True))
        return [by_text[text] for text in texts]


@functools.lru_cache(maxsize=2)
def _loaded(name: str) -> Any:
    from ragkit.models.quiet import quiet

    with quiet():
        from sentence_transformers import CrossEncoder

        try:
            model = CrossEncoder(name, local_files_only=Path(name).is_dir())
        except Exception as error:  # a missing folder, no network, a wrong name, damaged files
            raise ModelError(
                f"the cross-encoder {name!r} could not be loaded: {first_line(error)}; give a folder that holds one, "
                "or a name on the Hugging Face hub (needs the network once)"
            ) from error
    if getattr(model, "num_labels", 1) != 1:
        raise ModelError(f"{name!r} gives {model.num_labels} numbers for a text, not one score; it is no reranker")
    return model
