"""Decodes photos, finds and judges faces, and trains and measures the networks that judge them."""

import sys
from types import TracebackType

from model.quiet import import_tensorflow_quietly

import_tensorflow_quietly()


def missing_package(error: ModuleNotFoundError) -> str | None:
    """A sentence that says how to install a missing package; None if the missing module is one of ours."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "model", "explain"):
        return None
    return f"Error: The package {package} is missing; `pip install -r requirements-train.txt` installs it."


def _print_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sentence = missing_package(error) if isinstance(error, ModuleNotFoundError) else None
    if sentence is None:
        sys.__excepthook__(kind, error, trace)
    else:
        print(sentence, file=sys.stderr)


if sys.argv[0] == "-m":  # python -m is starting a command: its imports run before any code that could catch the error
    sys.excepthook = _print_error
