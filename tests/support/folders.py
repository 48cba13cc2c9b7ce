"""What a folder holds while a server writes and deletes in it."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path


def files_named(folder: Path, pattern: str) -> list[Path]:
    """The files below a folder with a matching name. Folders may be deleted meanwhile; ``rglob`` would fail."""
    return [Path(parent) / name for parent, _, names in os.walk(folder) for name in names if fnmatch(name, pattern)]
