"""Writes a file completely or not at all."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_NAME_BYTES = 255  # of a file's name in most file systems; letters outside ASCII take two to four each


def fitting(stem: str, ending: str) -> str:
    """A file's name made of both; ``stem`` is cut if file systems would find the name too long."""
    most = MAX_NAME_BYTES - len(os.fsencode(ending))
    return (stem if len(os.fsencode(stem)) <= most else os.fsencode(stem)[:most].decode(errors="ignore")) + ending


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A temporary path beside ``file`` to write to; it replaces ``file`` at the end of the block, if nothing failed.

    Until then, and after an interruption, readers find the old content. Several processes and threads can write the
    same file at the same time: each gets a different path, with the suffix of ``file``.
    """
    unfinished = file.with_name(fitting(f".{os.getpid()}.{threading.get_ident()}.{file.stem}", file.suffix))
    try:
        yield unfinished
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
