"""The `ragkit` group: its options, the order of its commands, and how errors reach a person."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ragkit.errors import PipelineError, RagkitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragkit.config import Config
    from ragkit.knowledge_base import KnowledgeBase

NOT_FOUND = 3
INTERRUPTED = 130


class Session:
    """What the options before the command said. The settings are read when first needed, so that help never fails."""

    def __init__(self, db: Path | None = None, config_file: Path | None = None) -> None:
        self.db = db
        self._config_file = config_file

    @cached_property
    def config(self) -> Config:
        """The settings of `ragkit.toml` and the environment."""
        from ragkit.config import load_config

        return load_config(self._config_file)

    @property
    def path(self) -> Path:
        """The store to use."""
        return self.db or self.config.db

    def pipeline(self, text: str | None) -> str | None:
        """The pipeline's text: the option's, else the configured one; None means the store's own or the default."""
        return self.config.pipeline_text(text)

    @contextmanager
    def reading(self, pipeline: str | None = None, llm: str | None = None) -> Iterator[KnowledgeBase]:
        """The existing store, opened for questions, with this pipeline or its own."""
        with _opened(self.path, self.pipeline(pipeline)) as kb:
            text = self._with_model(str(kb.pipeline), llm)
            if text == str(kb.pipeline):
                yield kb
                return
        with _opened(self.path, text) as kb:
            yield kb

    @contextmanager
    def asking(
        self, sources: Sequence[str] = (), pipeline: str | None = None, llm: str | None = None
    ) -> Iterator[KnowledgeBase]:
        """The store to ask: the one at `path`, or with `sources` a cached one that is first brought up to date."""
        if not sources:
            with self.reading(pipeline, llm) as kb:
                yield kb
            return
        if self.db is not None:
            raise click.UsageError("--source keeps its index in the cache, so it cannot be used with --db")
        from ragkit.cli.cached import cached_index

        chosen = self.pipeline(pipeline) or default_pipeline()
        path = cached_index(sources, chosen)
        with _opened(path, self._with_model(chosen, llm)) as kb:
            yield kb

    def _with_model(self, pipeline: str, llm: str | None) -> str:
        from ragkit.config import with_parameters

        if llm is not None:
            changed = with_parameters(pipeline, {"answer": {"model": llm}}, over=True)
            if changed == pipeline:
                raise UserError(f"--llm has no effect: the pipeline `{pipeline}` has no stage `answer`")
            return changed
        model = self.config.llm
        return pipeline if model is None else with_parameters(pipeline, {"answer": {"model": model}})


def default_pipeline() -> str:
    """The pipeline a new knowledge base uses."""
    from ragkit.knowledge_base import DEFAULT_PIPELINE

    return DEFAULT_PIPELINE


def _opened(path: Path, pipeline: str | None) -> KnowledgeBase:
    """An existing store. It is opened for writing when it can be, as a pipeline may have an index yet to be built."""
    from ragkit.knowledge_base import KnowledgeBase

    read_only = not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
    return KnowledgeBase(path, pipeline, create=False, read_only=read_only)


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--db`, so that it may also stand behind the name of a command that uses a store."""

    def remember(context: click.Context, _: click.Parameter, value: Path | None) -> None:
        if value is not None:
            context.obj.db = value

    option = click.option(
        "--db",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=remember,
        help="The store.  [default: ragkit.db]",
    )
    return option(command)


class UserError(click.ClickException):
    """One line on standard error, exit code 1."""

    def show(self, file: Any = None) -> None:
        """Print it."""
        click.echo(f"{click.style('error', fg='red', bold=True)}: {self.message}", err=True)


class App(click.Group):
    """A group whose commands keep their order, and whose errors are one line instead of a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order they were added: the usual ones first."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            import difflib

            close = difflib.get_close_matches(name, self.commands, n=1)
            mend = f"did you mean {close[0]!r}?" if close else "see 'ragkit --help'"
            raise click.UsageError(f"no command {name!r}; {mend}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; with `--debug` errors pass with their traceback."""
        if ctx.params.get("debug"):
            return super().invoke(ctx)
        with _plain_errors():
            return super().invoke(ctx)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run and exit; an interruption ends with the code shells give it."""
        if not extra.get("standalone_mode", True):
            return super().main(args, *rest, **extra)
        try:
            code = super().main(args, *rest, **{**extra, "standalone_mode": False})
            if not sys.stdout.closed:  # a server over standard output closes it
                sys.stdout.flush()
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:
            click.echo("interrupted", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            _leave_closed_pipe()
        sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except (click.ClickException, click.Abort, click.exceptions.Exit):
        raise
    except BrokenPipeError:
        _leave_closed_pipe()
    except PipelineError as error:
        raise UserError(f"in the pipeline: {error}") from error
    except RagkitError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise UserError(f"{where}{error.strerror or error}") from error
    except MemoryError as error:
        raise UserError("out of memory; add fewer documents at a time, or smaller ones") from error
    except Exception as error:
        kind = type(error).__name__
        raise UserError(
            f"unexpected {kind}: {error}\nThis is a defect of ragkit or of a stage you installed; "
            "run 'ragkit --debug …' for the traceback and report it"
        ) from error


def _leave_closed_pipe() -> NoReturn:
    # The reader has gone (`ragkit … | head`): what is still buffered must not fail once more at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


@click.group(
    cls=App,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Settings may stand in ragkit.toml or in RAGKIT_DB, RAGKIT_PIPELINE, RAGKIT_LLM, RAGKIT_K. "
    "Exit codes: 0 done, 1 error, 2 wrong usage, 3 not found in the sources, 130 interrupted.",
)
@click.option("--db", type=click.Path(path_type=Path), help="The store, one SQLite file.  [default: ragkit.db]")
@click.option("--config", type=click.Path(path_type=Path), help="Settings to use instead of the nearest ragkit.toml.")
@click.option("--debug", is_flag=True, help="Show tracebacks and log what is done.")
@click.version_option(None, "--version", "-V", package_name="ragkit", message="%(prog)s %(version)s")
@click.pass_context
def app(ctx: click.Context, db: Path | None, config: Path | None, debug: bool) -> None:
    """Ask your documents: answers with exact citations, offline."""
    if debug:
        import logging

        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(name)s: %(message)s")
        logging.getLogger().setLevel(logging.INFO)
        logging.getLogger("ragkit").setLevel(logging.DEBUG)
    ctx.obj = Session(db, config)
