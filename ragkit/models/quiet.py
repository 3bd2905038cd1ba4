"""Keep the progress bars and warnings of model libraries away from the user while a model loads."""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars, log lines below errors or Python warnings from these libraries inside; restored after."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hub: Any = importlib.import_module("huggingface_hub.utils")
        logging: Any = importlib.import_module("transformers.utils.logging")
        level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        hub_bars = not hub.are_progress_bars_disabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        hub.disable_progress_bars()
        try:
            yield
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()
            if hub_bars:
                hub.enable_progress_bars()
