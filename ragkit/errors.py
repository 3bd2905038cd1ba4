"""What can go wrong, as one small tree.

    RagkitError
    ├── InvalidValueError        a value breaks its own rule (offsets, empty question, bad parameter); also a ValueError
    ├── PipelineError            an expression is wrong; shows the text, a caret, the reason and the mend
    │   ├── PipelineSyntaxError  not in the language
    │   ├── UnknownStageError    no stage of that name
    │   ├── StageParameterError  unknown, ill-typed or out-of-range parameter
    │   └── StageTypeError       two stages do not fit together
    ├── StageFailedError         a stage raised, or gave something it must not give; names the stage
    ├── LoadError                a source could not be read; names the source and the reason
    ├── StoreError               the database cannot be used
    │   ├── StoreBusyError       another process is writing
    │   ├── StoreCorruptError    the file is damaged or not a ragkit store
    │   ├── StoreVersionError    written by a newer ragkit
    │   └── IndexMismatchError   built with another model or other settings
    │       └── EmbedderMismatchError  a memory's vectors come from another model
    ├── ModelError               a model is missing, damaged, or failed while running
    │   ├── UnsupportedModelError     a model lacks what is asked of it; names the module
    │   ├── SAEMismatchError          an autoencoder is damaged, or belongs to another model or layer
    │   └── NonFiniteActivationError  a model's activations overflowed; names the layer and the place
    ├── MissingExtraError        an optional package is not installed; names the command that installs it
    └── ConfigError              ragkit.toml or the environment is wrong; names the key

Every message says what was wrong, with which input, and what to do.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from unicodedata import east_asian_width

_AROUND = 100  # characters of a long line shown on each side of what is wrong


class RagkitError(Exception):
    """Base of every error ragkit raises on purpose."""


class InvalidValueError(RagkitError, ValueError):
    """A value breaks its own rule."""


class PipelineError(RagkitError):
    """A pipeline expression is wrong.

    `text` is the expression, `start`/`end` the characters at fault, `hint` what would mend it.
    """

    def __init__(self, reason: str, *, text: str = "", start: int = 0, end: int = 0, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.text, self.start, self.end, self.hint = reason, text, start, end, hint

    def __str__(self) -> str:
        lines = [self.reason]
        if self.text:
            line, start, end = _line_at(self.text, self.start, self.end)
            lines += [f"    {line}", "    " + _blank(line[:start]) + "^" * max(1, len(_blank(line[start:end])))]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


def _line_at(text: str, start: int, end: int) -> tuple[str, int, int]:
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    last = len(text) if last < 0 else last
    left, right = max(first, start - _AROUND), min(last, max(end, start) + _AROUND)
    before, after = "…" if left > first else "", "…" if right < last else ""
    shift = len(before) - left
    return before + text[left:right] + after, start + shift, min(end, right) + shift


def _blank(text: str) -> str:
    """White space as wide as the text on a terminal."""
    return "".join("\t" if char == "\t" else "  " if east_asian_width(char) in "WF" else " " for char in text)


class PipelineSyntaxError(PipelineError):
    """The text is not in the pipeline language."""


class UnknownStageError(PipelineError):
    """No stage has that name."""


class StageParameterError(PipelineError, ValueError):
    """A stage was given a parameter it does not have, or a value it cannot take."""


class StageTypeError(PipelineError, TypeError):
    """A stage was joined to one whose result it cannot take."""


class StageFailedError(RagkitError):
    """A stage raised an error of its own, or gave something that stages of its kind do not give."""


class LoadError(RagkitError):
    """A source could not be read. `source` is its path or URL, `reason` why."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source, self.reason = source, reason


class StoreError(RagkitError):
    """The database cannot be used."""


class StoreBusyError(StoreError):
    """Another process holds the store for writing."""


class StoreCorruptError(StoreError):
    """The file is damaged, or is not a ragkit store."""


class StoreVersionError(StoreError):
    """The store was written by a newer ragkit."""


class IndexMismatchError(StoreError):
    """The store was built with another model or other settings than the pipeline asks for."""


class EmbedderMismatchError(IndexMismatchError):
    """The vectors of a memory come from another model; `reindex` makes new ones."""


class ModelError(RagkitError):
    """A model is missing, damaged, or failed while running."""


class UnsupportedModelError(ModelError):
    """A model lacks what is asked of it: a layer, separate projections, token offsets."""


class SAEMismatchError(ModelError):
    """A sparse autoencoder is damaged, or belongs to another model, layer or space."""


class NonFiniteActivationError(ModelError):
    """A model gave infinite activations or NaN."""


class MissingExtraError(RagkitError, ImportError):
    """An optional package is not installed."""


class ConfigError(RagkitError):
    """ragkit.toml or the environment is wrong."""


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional package, or say how to install it.

    Only the absence of the package becomes a `MissingExtraError`; a failure inside an installed one passes untouched.

    >>> require("json", extra="none", purpose="reading JSON").__name__
    'json'
    """
    top = module.partition(".")[0]
    if importlib.util.find_spec(top) is None:
        raise MissingExtraError(f"{purpose} needs the package {top}: pip install 'ragkit[{extra}]'")
    return importlib.import_module(module)
