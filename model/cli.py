"""Runs a function as a command whose foreseeable errors are one sentence, not a traceback."""

import sys
from collections.abc import Callable

import typer

from model.artifact import ArtifactError
from model.layout import DatasetError
from model.photo import PhotoError


def run(command: Callable[..., None]) -> None:
    """Parse the command line by the function's typed arguments and call it."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        app()
    except (ArtifactError, DatasetError, PhotoError) as error:
        sys.exit(f"Error: {error}")
