"""Settings from `ragkit.toml` and the environment, for the command line.

The nearest `ragkit.toml`, from the working directory upwards, is read; `RAGKIT_*` variables win over it, and options
of a command win over both. The Python classes read neither: what a program gives them is all they use.

```toml
db = "notes.db"                       # relative to this file
pipeline = "careful"                  # an expression, or the name of one below
llm = "ollama:qwen3"                  # a chat model for `answer`; left out: answers are quotes
k = 8                                 # how many passages to answer from

[pipelines]
careful = "passages >> bm25 % 50 + dense % 50 >> rerank % 8 >> answer"

[stages.passages]                     # a named set of parameters, used by its name
stage = "chunk"
tokens = 200
```
"""

from __future__ import annotations

import ast
import difflib
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ragkit.errors import ConfigError, PipelineError, StageParameterError

FILE_NAME = "ragkit.toml"
PREFIX = "RAGKIT_"
_MAX_K = 1000


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one run. `file` is the `ragkit.toml` they were read from, or None."""

    db: Path = Path("ragkit.db")
    pipeline: str | None = None
    llm: str | None = None
    k: int | None = None
    pipelines: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    file: Path | None = None

    def pipeline_text(self, text: str | None = None) -> str | None:
        """The pipeline to use: `text`, else the configured one, with the names of this configuration filled in.

        A name in `[pipelines]` becomes its expression and a name in `[stages]` becomes a call of its stage with its
        parameters; parameters written in the expression win. None when nothing is configured: use the default.
        """
        text = text if text is not None else self.pipeline
        if text is None:
            return None
        text = self.pipelines.get(text.strip(), text)
        return with_parameters(text, self.stages)


def with_parameters(text: str, sets: Mapping[str, Mapping[str, Any]], *, over: bool = False) -> str:
    """The expression with every name in `sets` replaced by a call of its `stage` (else itself) with its parameters.

    Parameters written in the expression win, unless `over`. Text that cannot be read, or uses no such name, comes back
    as it was: the pipeline's own parser judges it.

    >>> with_parameters("small >> bm25", {"small": {"stage": "chunk", "tokens": 50}})
    'chunk(tokens=50) >> bm25'
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    if not any(isinstance(node, ast.Name) and node.id in sets for node in ast.walk(tree)):
        return text
    return ast.unparse(_Filled(sets, over).visit(tree))


class _Filled(ast.NodeTransformer):
    def __init__(self, sets: Mapping[str, Mapping[str, Any]], over: bool) -> None:
        self._sets, self._over = sets, over

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802 (the name ast gives)
        if isinstance(node.func, ast.Name) and node.func.id in self._sets:
            return self._call(node.func.id, node.args, node.keywords)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802
        return self._call(node.id, [], []) if node.id in self._sets else node

    def _call(self, name: str, args: list[ast.expr], written: list[ast.keyword]) -> ast.Call:
        given = {key: value for key, value in self._sets[name].items() if key != "stage"}
        if self._over:
            written = [keyword for keyword in written if keyword.arg not in given]
        names = {keyword.arg for keyword in written}
        added = [ast.keyword(key, _literal(value)) for key, value in given.items() if key not in names]
        return ast.Call(ast.Name(str(self._sets[name].get("stage", name)), ast.Load()), args, [*added, *written])


def _literal(value: Any) -> ast.expr:
    return ast.parse(repr(value), mode="eval").body


def find_file(start: Path) -> Path | None:
    """The nearest `ragkit.toml` in `start` or a folder above it, or None."""
    for folder in (start, *start.parents):
        candidate = folder / FILE_NAME
        if candidate.is_file():
            return candidate
    return None


def load_config(
    path: str | Path | None = None, *, start: str | Path | None = None, environ: Mapping[str, str] | None = None
) -> Config:
    """Read the settings: those of `path` (else the nearest `ragkit.toml` from `start` up), then the environment's.

    Raises `ConfigError` naming the file and the key, or the variable, when a value cannot be used.
    """
    environ = os.environ if environ is None else environ
    chosen = path if path is not None else environ.get(PREFIX + "CONFIG") or None
    file = Path(chosen) if chosen is not None else find_file(Path(start or Path.cwd()).resolve())
    config = _from_table(_read(file), file) if file is not None else Config()
    return _with_environment(config, environ)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file; create it, or leave --config and RAGKIT_CONFIG out") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from None


def _from_table(table: Mapping[str, Any], file: Path) -> Config:
    _only(table, _KEYS, str(file), "")
    values: dict[str, Any] = {key: _KEYS[key](table[key], f"{file}: {key}") for key in table}
    if "db" in values:
        values["db"] = file.parent / values["db"]
    config = Config(file=file, **values)
    if clash := sorted(config.pipelines.keys() & config.stages.keys()):
        raise ConfigError(f"{file}: stages.{clash[0]}: [pipelines] has this name too; rename one of them")
    return config


def _with_environment(config: Config, environ: Mapping[str, str]) -> Config:
    known = {PREFIX + key.upper(): key for key in ("db", "pipeline", "llm", "k")}
    for variable in sorted(environ):
        # Other tools set variables of this prefix too (a container service called "ragkit" does), so only what
        # looks like a slip of the pen is refused.
        if variable.startswith(PREFIX) and variable not in (*known, *_OTHER_VARIABLES):
            close = difflib.get_close_matches(variable, [*known, *_OTHER_VARIABLES], n=1, cutoff=0.85)
            if close:
                raise ConfigError(f"{variable}: unknown variable; did you mean {close[0]}?")
    changes: dict[str, Any] = {}
    for variable, key in known.items():
        text = environ.get(variable, "")
        if text:
            changes[key] = _KEYS[key](_number(text, variable) if key == "k" else text, variable)
    return replace(config, **changes)


def _only(table: Mapping[str, Any], known: Iterable[str], where: str, path: str) -> None:
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, list(known), n=1)
            mend = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"
            raise ConfigError(f"{where}: {path}{key}: unknown key; {mend}")


def _number(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{where}: must be a whole number, not {text[:40]!r}") from None


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{where}: must be a text in quotes, not {_shown(value)}")
    if not value.strip():
        raise ConfigError(f"{where}: is empty; give it a value or leave it out")
    return value


def _path(value: Any, where: str) -> Path:
    return Path(_text(value, where)).expanduser()


def _count(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAX_K:
        raise ConfigError(f"{where}: must be a whole number from 1 to {_MAX_K}, not {_shown(value)}")
    return value


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must be a table, [{where.rpartition(': ')[2]}], not {_shown(value)}")
    for key in value:
        if not key.isidentifier():
            raise ConfigError(f"{where}.{key}: a name must be letters, digits and _, as it stands in expressions")
    return value


def _texts(value: Any, where: str) -> Mapping[str, str]:
    return MappingProxyType({key: _text(text, f"{where}.{key}") for key, text in _table(value, where).items()})


def _sets(value: Any, where: str) -> Mapping[str, Mapping[str, Any]]:
    return MappingProxyType({key: _set(one, f"{where}.{key}") for key, one in _table(value, where).items()})


def _set(value: Any, where: str) -> Mapping[str, Any]:
    from ragkit.registry import stage_names

    parameters = dict(_table(value, where))
    if "stage" not in parameters:
        raise ConfigError(f'{where}.stage: missing; say which stage these are parameters of: stage = "chunk"')
    stage = _text(parameters["stage"], f"{where}.stage")
    names = list(stage_names())
    name = where.rpartition(".")[2]
    if name in names:
        raise ConfigError(f"{where}: there is a stage of this name already; choose another name")
    if stage not in names:
        close = difflib.get_close_matches(stage, names, n=1)
        mend = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(names))}"
        raise ConfigError(f"{where}.stage: no stage named {stage!r}; {mend}")
    _check_parameters(stage, parameters, where)
    return MappingProxyType(parameters)


def _check_parameters(stage: str, parameters: Mapping[str, Any], where: str) -> None:
    from ragkit.registry import lookup

    try:
        registered = lookup(stage)
    except PipelineError as error:
        raise ConfigError(f"{where}.stage: {error.reason}") from None
    for key, value in parameters.items():
        if key == "stage":
            continue
        try:
            registered.check(key, value)
        except StageParameterError as error:
            raise ConfigError(f"{where}.{key}: {error.reason}") from None


def _shown(value: Any) -> str:
    kind = {dict: "a table", list: "a list", str: "the text", bool: "the truth value", int: "the number"}
    return f"{kind.get(type(value), 'the value')} {str(value)[:40]!r}"


_KEYS: dict[str, Callable[[Any, str], Any]] = {
    "db": _path,
    "pipeline": _text,
    "llm": _text,
    "k": _count,
    "pipelines": _texts,
    "stages": _sets,
}
# Read elsewhere: a chat model's key, the folder of cached indexes, the file of settings, the tests' data.
_OTHER_VARIABLES = (PREFIX + "API_KEY", PREFIX + "CACHE", PREFIX + "CONFIG", PREFIX + "DATA")
