"""Starts worker processes."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from model.parent import end_with_pool


def process_pool(workers: int, at_start: Callable[..., None] | None = None, *arguments: Any) -> ProcessPoolExecutor:
    """A pool of newly started (not forked) processes; each first runs ``at_start(*arguments)``, if given.

    A forked process inherits locks of OpenCV and TensorFlow, but not the threads that would release them: it may hang.
    """
    return ProcessPoolExecutor(workers, get_context("spawn"), _start, (at_start, arguments))


def _start(at_start: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    end_with_pool()
    if at_start is not None:
        at_start(*arguments)
