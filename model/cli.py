"""Runs a function as a command whose foreseeable errors are one sentence, not a traceback."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from model import missing_package
from model.errors import ArtifactError, DatasetError, PhotoError


def run(command: Callable[..., None], about: str | None = None) -> None:
    """Parse the command line by the function's typed arguments and call it; ``about`` replaces its docstring as help.

    Errors are those of ``run_app``.
    """
    run_app(app_of(command, about))


def app_of(command: Callable[..., None], about: str | None = None) -> typer.Typer:
    """A command line of one command, see ``run``."""
    app = new_app()
    app.command(help=about)(command)
    return app


def new_app(**options: Any) -> typer.Typer:
    """A command line without commands whose tracebacks are Python's own; ``options`` are those of ``typer.Typer``."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, **options)


def tell_report(report: Path) -> None:
    """Print where a command's report lies; to be the last line that the command prints."""
    print(f"Report: {report}")


def run_app(app: typer.Typer, name: str | None = None) -> None:
    """Run a command line; foreseeable errors end it with one sentence. ``name`` is what usage lines call it.

    What the system refuses, a file of an earlier run that was spoilt and a package that is not installed are foreseen,
    too; everything else is a fault of ours and keeps its traceback.
    """
    try:
        app(prog_name=name)
    except (ArtifactError, DatasetError, PhotoError) as error:
        sys.exit(f"Error: {error}")
    except json.JSONDecodeError as error:
        sys.exit(f"Error: A file of an earlier run is not JSON ({error}); delete it, or name another folder.")
    except OSError as error:
        if not error.strerror:  # not the system's words: a fault of ours, or of a library
            raise
        sys.exit(f"Error: {error.strerror}{'' if error.filename is None else f': {error.filename}'}.")
    except ModuleNotFoundError as error:
        if (sentence := missing_package(error)) is None:
            raise
        sys.exit(sentence)
