"""Lists of the files in a folder, also while a server writes and deletes in it."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path


def files_in(folder: Path) -> set[str]:
    """The files in a folder and its subfolders, as relative paths with slashes."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def files_named(folder: Path, pattern: str) -> list[Path]:
    """The files below a folder with a matching name. Unlike ``rglob``, it works while folders are deleted."""
    return [Path(parent) / name for parent, _, names in os.walk(folder) for name in names if fnmatch(name, pattern)]
