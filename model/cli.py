"""Runs a function as a command that reports expected errors in one sentence, without a traceback."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from model import missing_package
from model.errors import UserError

INTERRUPTED = 130  # exit code that shells use for a command that Ctrl-C ended


def run(command: Callable[..., None], about: str | None = None) -> None:
    """Parse the command line by the function's typed arguments and call it; ``about`` replaces its docstring as help.

    ``run_app`` handles the errors.
    """
    run_app(app_of(command, about))


def app_of(command: Callable[..., None], about: str | None = None) -> typer.Typer:
    """A command line with one command, see ``run``."""
    app = new_app()
    app.command(help=about)(command)
    return app


def new_app(**options: Any) -> typer.Typer:
    """A command line without commands, with Python's own tracebacks; ``options`` are those of ``typer.Typer``."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, **options)


def print_report_path(report: Path) -> None:
    """Print the path of a command's report; call it last, so that the path is the last line."""
    print(f"Report: {report}")


def print_json(data: Any, indent: int | None = None) -> None:
    """Print data as JSON, with escapes for letters outside ASCII unless the output can hold all of them."""
    can_hold_all = (sys.stdout.encoding or "").lower().startswith("utf")
    typer.echo(json.dumps(data, ensure_ascii=not can_hold_all, indent=indent))


def run_app(app: typer.Typer, name: str | None = None) -> None:
    """Run a command line; expected errors end it with one sentence. ``name`` is the program's name in usage lines.

    Expected errors are user errors, errors of the operating system, a damaged JSON file of an earlier run and a
    missing package. Every other error is a bug and keeps its traceback.
    A letter that the terminal or a file's encoding does not have is printed as an escape and does not end the command.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name=name)
    except UserError as error:
        sys.exit(f"Error: {error}")
    except json.JSONDecodeError as error:
        sys.exit(f"Error: A file of an earlier run is not JSON ({error}); delete it, or name another folder.")
    except OSError as error:
        if not error.strerror:  # not from the operating system: a bug of ours or of a library
            raise
        sys.exit(f"Error: {error.strerror}{'' if error.filename is None else f': {error.filename}'}.")
    except ModuleNotFoundError as error:
        if (sentence := missing_package(error)) is None:
            raise
        sys.exit(sentence)


@contextmanager
def until_interrupted() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed: the first press ends the run at the next step, the second one immediately."""
    pressed = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
