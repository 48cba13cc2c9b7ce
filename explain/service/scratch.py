"""The folder for this process's temporary files; what an ended process left behind is removed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PREFIX = "whyfake-"
UPLOADS = "GRADIO_TEMP_DIR"  # the variable by which Gradio finds the folder for uploads
LOCK = "lock"  # held by the process that uses the folder


@contextmanager
def own_temporary_files(variable: str = UPLOADS) -> Iterator[None]:
    """Keep all temporary files in a folder of this process; at the end it is removed.

    Gradio's files are in a folder beside the others: a report in Gradio's own folder would count as one that visitors
    have sent, would not be taken over from there, and so could not be downloaded.

    Args:
        variable: of the environment, by which Gradio finds its folder. If it is set, the new folder is in that one.
    """
    root = os.environ.get(variable)
    scratch = Scratch(Path(root) if root else Path(tempfile.gettempdir()) / "whyfake")
    folders = gradios, others = scratch.folder / "gradio", scratch.folder / "others"
    for folder in folders:
        folder.mkdir()
    before, tempfile.tempdir = tempfile.tempdir, str(others)
    os.environ[variable] = str(gradios)
    try:
        yield
    finally:
        tempfile.tempdir = before
        del os.environ[variable]
        if root:
            os.environ[variable] = root
        scratch.remove()


class Scratch:
    """A new folder beside those of other running servers.

    Args:
        root: where the folders are; created if missing.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        sweep(root)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root)).resolve()
        self._lock = (self.folder / LOCK).open("w")
        _take(self._lock)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        self._lock.close()  # Windows removes no open file
        shutil.rmtree(self.folder, ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove the folders of processes that have ended, whether or not they could clean up."""
    for folder in root.glob(f"{PREFIX}*"):
        try:
            with (folder / LOCK).open("r+") as lock:
                ended = _take(lock)
        except OSError:  # another process has just made it, or removes it
            continue
        if ended:
            shutil.rmtree(folder, ignore_errors=True)


def _take(lock: IO[str]) -> bool:
    """Lock a file until it is closed, or the process ends; false if another process has it."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
