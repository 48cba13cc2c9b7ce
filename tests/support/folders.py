"""What a folder holds while a server writes and deletes in it."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path


def files_named(folder: Path, pattern: str) -> list[Path]:
    """The files below a folder whose name matches; unlike ``rglob`` it bears a folder that goes while it looks."""
    return [Path(parent) / name for parent, _, names in os.walk(folder) for name in names if fnmatch(name, pattern)]
